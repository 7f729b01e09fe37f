"""A model folder with CLIP ViT-B/32's image tower at full size and seeded random weights.

Speed does not depend on what the weights are, and the true ones cannot be had without a hub.
Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from models.catalog import ImageTower, ModelSpec, Source
from models.encoders import export
from models.encoders.folder import write_manifest
from models.images import Preprocess

NAME = "clip-vit-b32-random"
SEED = 0
MEAN = (0.48145466 * 255, 0.4578275 * 255, 0.40821073 * 255)
STD = (0.26862954 * 255, 0.26130258 * 255, 0.27577711 * 255)


class ImageEmbeds(nn.Module):
    """pixel_values (n, 3, 224, 224) → projected vectors (n, 512)."""

    def __init__(self, model: CLIPVisionModelWithProjection) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.model(pixel_values=pixel_values).image_embeds


def make(folder: Path) -> None:
    """Fill `folder`, which must be empty or absent, with the graph and its manifest."""
    torch.manual_seed(SEED)
    # the defaults of CLIPVisionConfig are B/32's: 12 layers of 768, patches of 32, 224 pixels, projection to 512
    config = CLIPVisionConfig(attn_implementation="eager")
    network = ImageEmbeds(CLIPVisionModelWithProjection(config))
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


def _digest(state: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].numpy().tobytes())
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.clip_folder", description=__doc__)
    parser.add_argument("out", type=Path, help="an empty folder, or one to be made")
    out: Path = parser.parse_args().out
    if out.exists() and any(out.iterdir()):
        parser.error(f"out: {out.name} is not empty; name another folder")
    make(out)
    print(f"{out}: {NAME}")


if __name__ == "__main__":
    main()
