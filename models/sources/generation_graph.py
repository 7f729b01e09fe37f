"""Graphs that write texts of pictures: an encoder, and greedy decoding as a loop of ONNX in the same graph.

The decoder is that of Vaswani et al. (2017) with a norm after each sum, which BLIP and TrOCR share. Each step reads one
token and keeps its keys and values; those of the picture are computed once, before the loop. Pixels go in and tokens
come out, so that neither the states of the encoder nor the keys travel between processes.
"""

import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper
from onnx.compose import add_prefix
from torch import Tensor, nn

from models.analysers.generation import FREE, STOP
from models.encoders.preprocessor import PixelPreprocessing
from models.sources import export

COPIES = 2  # of each token: products of one row alone would be computed in another order than those of a batch
STEP = "step/"
Activation = Callable[[Tensor], Tensor]


class Attention(nn.Module):
    """Projections of one attention, and the norm after it."""

    def __init__(self, query: nn.Module, key: nn.Module, value: nn.Module, output: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        self.query, self.key, self.value, self.output, self.norm = query, key, value, output, norm

    def keys(self, states: Tensor, heads: int) -> tuple[Tensor, Tensor]:
        """States (n, s, d) → keys (n, heads, d / heads, s) and values (n, heads, s, d / heads)."""
        keys, values = _split(self.key(states), heads), _split(self.value(states), heads)
        return keys.transpose(2, 3).contiguous(), values

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, heads: int) -> Tensor:
        query = _split(self.query(x), heads)
        weights = (query @ keys / query.shape[-1] ** 0.5).softmax(-1)
        mixed = (weights @ values).transpose(1, 2).flatten(2)
        result: Tensor = self.norm(x + self.output(mixed))
        return result


class Layer(nn.Module):
    """Self-attention, attention to the picture, and two linear layers with an activation between them."""

    def __init__(
        self, own: Attention, cross: Attention, first: nn.Module, act: Activation, second: nn.Module, norm: nn.Module
    ) -> None:
        super().__init__()
        self.own, self.cross, self.first, self.act, self.second, self.norm = own, cross, first, act, second, norm


@dataclass(frozen=True)
class Decoder:
    """A decoder of transformers, in parts.

    Attributes
    ----------
    embed : tokens (n, t) → vectors (n, t, d), scaled.
    positions : vector of each position, (positions, d).
    norm : applied to the sum of the two; None for none.
    head : states (n, t, d) → logits (n, t, tokens).
    ends : tokens that end a text.
    """

    embed: nn.Module
    positions: Tensor
    norm: nn.Module | None
    layers: Sequence[Layer]
    heads: int
    head: nn.Module
    ends: Sequence[int]


class Front(nn.Module):
    """pixels (n, size, size, 3) uint8, plan (n, length) int32 → the state before the first step, and the keys."""

    mean: Tensor
    std: Tensor

    def __init__(self, encoder: nn.Module, decoder: Decoder, pixels: PixelPreprocessing) -> None:
        super().__init__()
        self.encoder, self.heads = encoder, decoder.heads
        self.layers = nn.ModuleList(decoder.layers)
        self.register_buffer("mean", torch.tensor(pixels.mean))
        self.register_buffer("std", torch.tensor(pixels.std))

    def forward(self, pixels: Tensor, plan: Tensor) -> tuple[Tensor, ...]:
        x = (pixels.to(torch.float32) - self.mean) / self.std
        states = self.encoder(x.permute(0, 3, 1, 2))
        plan = plan.to(torch.int64)
        nothing = torch.zeros_like(plan)
        keys = [each for layer in self.layers for each in layer.cross.keys(states, self.heads)]  # type: ignore[operator, union-attr]
        own = [each[..., :0] if i % 2 == 0 else each[..., :0, :] for i, each in enumerate(keys)]
        return plan, plan[:, 0], plan[:, 0] < STOP, nothing - 1, nothing.to(torch.float32), *own, *keys


class Step(nn.Module):
    """One token of the loop: the state, the plan and the keys of the picture → whether it goes on, and the state.

    The state is the last token (n,), whether each row has ended (n,), the tokens that were written, with -1 elsewhere,
    and their probabilities (n, length), and the keys and values of the tokens so far.
    """

    positions: Tensor
    ends: Tensor
    places: Tensor

    def __init__(self, decoder: Decoder, length: int) -> None:
        super().__init__()
        self.embed, self.norm, self.head, self.heads = decoder.embed, decoder.norm, decoder.head, decoder.heads
        self.layers = nn.ModuleList(decoder.layers)
        self.register_buffer("positions", decoder.positions[:length].clone())
        self.register_buffer("ends", torch.tensor(list(decoder.ends)))
        self.register_buffer("places", torch.arange(length))

    def forward(self, step: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        many = 2 * len(self.layers)
        plan, token, ended, tokens, probabilities = rest[:5]
        own, cross = rest[5 : 5 + many], rest[5 + many :]
        x = self.embed(token[:, None]) + self.positions[step]
        x = (x if self.norm is None else self.norm(x)).expand(-1, COPIES, -1)
        kept: list[Tensor] = []
        for i, layer in enumerate(self.layers):
            key, value = layer.own.keys(x, self.heads)  # type: ignore[operator, union-attr]
            kept.append(torch.cat([own[2 * i], key[..., :1]], dim=3))
            kept.append(torch.cat([own[2 * i + 1], value[..., :1, :]], dim=2))
            x = layer.own(x, kept[-2], kept[-1], self.heads)  # type: ignore[operator]
            x = layer.cross(x, cross[2 * i], cross[2 * i + 1], self.heads)  # type: ignore[operator]
            x = layer.norm(x + layer.second(layer.act(layer.first(x))))  # type: ignore[operator]
        logits = self.head(x)[:, 0]
        highest, best = logits.max(-1)
        probability = 1 / (logits - highest[:, None]).exp().sum(-1)
        wanted, following = plan[:, step + 1], plan[:, step + 2]
        written = torch.eq(wanted, FREE) & ~ended
        here = torch.eq(self.places, step + 1)[None] & written[:, None]
        tokens = torch.where(here, best[:, None], tokens)
        probabilities = torch.where(here, probability[:, None], probabilities)
        is_end = torch.eq(best[:, None], self.ends[None]).any(-1)
        ended = ended | (written & is_end) | (following == STOP)
        token = torch.where(wanted >= 0, wanted, best)
        return ~ended.all(), token, ended, tokens, probabilities, *kept


def _split(x: Tensor, heads: int) -> Tensor:
    """(n, t, d) → (n, heads, t, d / heads)."""
    parts: Tensor = x.unflatten(-1, (heads, -1))  # type: ignore[no-untyped-call]
    return parts.transpose(1, 2)


def write(
    encoder: nn.Module, decoder: Decoder, pixels: PixelPreprocessing, stack: Tensor, plan: Tensor, path: Path
) -> None:
    """Write the graph `pixels`, `plan` → `tokens` (n, length) int32, `probabilities` (n, length) float32.

    Parameters
    ----------
    encoder : normalised pixels (n, 3, size, size) → states (n, s, d), as the decoder's attention reads them.
    stack, plan : two rows or more, on which the graph is traced.
    """
    front, step = Front(encoder, decoder, pixels).eval(), Step(decoder, plan.shape[1]).eval()
    many = len(decoder.layers)
    own = [f"{kind}{i}" for i in range(many) for kind in ("own_keys", "own_values")]
    cross = [f"{kind}{i}" for i in range(many) for kind in ("keys", "values")]
    state = ["token", "ended", "written", "written_probabilities", *own]
    with torch.no_grad():
        before = front(stack, plan)
        _, *later = step(torch.tensor(0), *before)  # a state with keys, so that their number is no constant
    after = (before[0], *later, *before[len(state) + 1 :])
    first = _exported(front, (stack, plan), ["pixels", "plan"], ["plan64", *state, *cross], path.parent)
    names = ["number", "plan64", *state, *cross]
    body = _exported(
        step, (torch.tensor(1), *after), names, ["goes_on", *(f"{name}_next" for name in state)], path.parent
    )
    export.save(_joined(first, body, state, cross), path)


def _exported(
    module: nn.Module, inputs: tuple[Tensor, ...], names: Sequence[str], outputs: Sequence[str], folder: Path
) -> onnx.ModelProto:
    axes = {name: _axes(name) for name in [*names, *outputs] if name not in ("number", "goes_on")}
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".") as staging,
        warnings.catch_warnings(),
        torch.no_grad(),
    ):
        warnings.simplefilter("ignore")  # the tracer warns about shapes that are constant here
        file = Path(staging) / "part.onnx"
        torch.onnx.export(
            module,
            inputs,
            str(file),
            input_names=list(names),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=export.OPSET,
            dynamo=False,
        )
        return onnx.load(str(file))


def _axes(name: str) -> dict[int, str]:
    if name.startswith("own_keys"):
        return {0: "n", 3: "t"}
    return {0: "n", 2: "t"} if name.startswith("own_values") else {0: "n"}


def _joined(
    first: onnx.ModelProto, body: onnx.ModelProto, state: Sequence[str], cross: Sequence[str]
) -> onnx.ModelProto:
    """The graph with `body` as a loop after `first`; the plan and the keys of the picture are its outer values."""
    body = add_prefix(body, STEP)
    outer = {f"{STEP}{name}": name for name in ["plan64", *cross]}
    for node in body.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = outer.get(name, name)
    inside = {value.name: value for value in body.graph.input}
    inputs = [inside[f"{STEP}number"], helper.make_tensor_value_info(f"{STEP}is_on", TensorProto.BOOL, [])]
    inputs += [inside[f"{STEP}{name}"] for name in state]
    loop = helper.make_graph(list(body.graph.node), "step", inputs, list(body.graph.output))
    graph = first.graph
    graph.initializer.extend(body.graph.initializer)
    graph.initializer.append(helper.make_tensor("starts", TensorProto.BOOL, [], [True]))
    last = [f"last_{name}" for name in state]
    graph.node.append(helper.make_node("Loop", ["", "starts", *state], last, name="loop", body=loop))
    graph.node.append(helper.make_node("Cast", ["last_written"], ["tokens"], to=TensorProto.INT32))
    graph.node.append(helper.make_node("Identity", ["last_written_probabilities"], ["probabilities"]))
    length = next(value for value in graph.input if value.name == "plan").type.tensor_type.shape.dim[1].dim_value
    del graph.output[:]
    for name, kind in (("tokens", TensorProto.INT32), ("probabilities", TensorProto.FLOAT)):
        graph.output.append(helper.make_tensor_value_info(name, kind, ["n", length]))
    return first
