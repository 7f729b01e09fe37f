"""Models of the true architectures with seeded random weights, made from transformers' configurations without a hub.

The image towers have full size. The text towers are small, since images are what is measured. A folder has no ONNX
graphs: the torch backend reads none.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.catalog import folder as folders
from models.catalog.folder import ModelFolder
from models.catalog.spec import ModelSpec, Precision
from models.sources import describe

SEED = 0
SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
PIXELS = {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True}
CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


@dataclass(frozen=True)
class Architecture:
    """An image tower: a vision transformer of CLIP or SigLIP."""

    kind: str
    side: int
    patch: int
    width: int
    mlp: int
    layers: int
    heads: int
    dimension: int

    @property
    def flops(self) -> float:
        """Operations of one image, a multiplication and an addition being two."""
        tokens = (self.side // self.patch) ** 2 + (self.kind == "clip")
        of_layer = 2 * (4 * self.width**2 + 2 * self.width * self.mlp) * tokens + 4 * tokens**2 * self.width
        return self.layers * of_layer + 2 * 3 * self.patch**2 * self.width * tokens


FULL: Mapping[str, Architecture] = {
    "clip-b32": Architecture("clip", 224, 32, 768, 3072, 12, 12, 512),
    "clip-l14": Architecture("clip", 224, 14, 1024, 4096, 24, 16, 768),
    "clip-b16": Architecture("clip", 224, 16, 768, 3072, 12, 12, 512),
    "siglip2-so400m": Architecture("siglip", 384, 14, 1152, 4304, 27, 16, 1152),
}
TINY: Mapping[str, Architecture] = {
    "clip-b32": Architecture("clip", 64, 32, 32, 64, 2, 2, 24),
    "siglip2-so400m": Architecture("siglip", 64, 16, 32, 64, 2, 2, 32),
}


def source(name: str, shape: Architecture, work: Path, device: str) -> Path:
    """The folder that save_pretrained would have left; made if it is not there."""
    import torch
    from transformers.utils import logging

    folder = work / "sources" / name
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    logging.disable_progress_bar()
    torch.manual_seed(SEED)
    vision = {
        "hidden_size": shape.width,
        "intermediate_size": shape.mlp,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "image_size": shape.side,
        "patch_size": shape.patch,
    }
    with torch.device(device):
        model = _clip(vision, shape, folder) if shape.kind == "clip" else _siglip(vision, shape, folder)
        with torch.no_grad():  # as trained: no norm at its start
            for parameter in model.parameters():
                if parameter.ndim == 1:
                    parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    (folder / "done").touch()
    return folder


def _clip(vision: dict[str, Any], shape: Architecture, folder: Path) -> Any:
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = [chr(byte) for byte in visible] + [chr(256 + i) for i in range(256 - len(visible))]
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: i for i, word in enumerate(words)}
    CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77).save_pretrained(folder)
    last = len(words) - 1
    text = {**SMALL, "vocab_size": len(words), "bos_token_id": last - 1, "eos_token_id": last, "pad_token_id": last}
    said = {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": shape.side},
        "do_center_crop": True,
        "crop_size": {"height": shape.side, "width": shape.side},
        "resample": 3,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(PIXELS | said))
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=shape.dimension))


def _siglip(vision: dict[str, Any], shape: Architecture, folder: Path) -> Any:
    from transformers import Siglip2Tokenizer, SiglipConfig, SiglipModel

    words = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁"]
    words += [chr(letter) for letter in range(ord("a"), ord("z") + 1)]
    vocabulary = {word: i for i, word in enumerate(words)}
    Siglip2Tokenizer(vocab=vocabulary, merges=[], model_max_length=64, padding_side="right").save_pretrained(folder)
    text = {**SMALL, "vocab_size": len(words), "projection_size": shape.dimension}
    said = {
        "image_processor_type": "SiglipImageProcessor",
        "size": {"height": shape.side, "width": shape.side},
        "resample": 2,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(PIXELS | said))
    return SiglipModel(SiglipConfig(text_config=text, vision_config=vision))


def model(name: str, shape: Architecture, precision: Precision, work: Path, device: str) -> ModelFolder:
    """The folder of a model below `work`/home, as an import would leave it but for the graphs."""
    made = source(name, shape, work, device)
    found = describe.read_source(made)
    spec = describe.spec_of(
        found,
        name=name if precision == "fp32" else f"{name}-{precision}",
        row=None,
        fetched=False,
        licence="none needed: random weights",
        precision=precision,
        scale=100.0,
        bias=0.0,
    )

    def fill(path: Path, spec: ModelSpec = spec) -> None:
        (path / "tokenizer.json").write_text(found.tokens, encoding="utf-8")
        folders.write_manifest(path, spec, parity={}, made_with={})

    home = work / "home"
    built = folders.build(spec, home, fill)
    folders.link_source(made, folders.source_path(spec.name, home))
    return built
