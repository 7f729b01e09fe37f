"""Reference vectors by `transformers` alone, from bytes and texts, with which an export must agree."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from transformers import AutoImageProcessor

from models.encoders.preprocessor import read_preprocessor
from models.sources.describe import SourceFolder
from models.sources.networks import Networks

Float = NDArray[np.float32]

PICTURES = Path(__file__).parent / "pictures"
TEXTS = (  # lengths from one token to far too many, scripts, emoji, odd spaces
    "a",
    "a cat",
    "A photo of a DOG.",
    "protesters marching with banners in front of the parliament, 5 March 2011",
    "  two\tspaces \n and a line ",
    "Demonstration für das Klima: «Wir sind hier, wir sind laut!»",
    "¡NI UNA MENOS! Plaza de Mayo",
    "ÉCOLE naïve cafe\u0301",
    "抗议者在议会前举着横幅",
    "気候変動に対する抗議デモ",
    "Митинг на площади",
    "مظاهرة أمام البرلمان",
    "जलवायु के लिए प्रदर्शन",
    "✊🏽 #BlackLivesMatter 👩‍👩‍👧‍👦 🇺🇦",
    "https://example.org/a?b=c&d=%20#e @somebody",
    "supercalifragilisticexpialidocious",
    "the quick brown fox jumps over the lazy dog. " * 3,
    "the quick brown fox jumps over the lazy dog. " * 80,
    "抗议者在议会前举着横幅 気候変動に対する抗議デモ 기후 변화 시위 Митинг против войны " * 12,
)
HARD = (".", "\u200b", "🙂", "?!", "7", "x" * 60, "…", "#", "©", "the")  # one token, unknown ones, or none at all


def pictures() -> list[bytes]:
    """Five photos and two crops of each in other shapes: 15 JPEGs."""
    jpegs = []
    for path in sorted(PICTURES.glob("*.jpg")):
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as photo:
            w, h = photo.size
            parts = [photo.crop((0, 0, w // 2, h)), photo.crop((w // 4, h // 3, w, 2 * h // 3))]
        jpegs += [data, *map(_jpeg, parts)]
    return jpegs


def unrelated_cosine(vectors: Float) -> float:
    """Lower quartile of the cosines of `pictures` that come from different photos, of their unit vectors (15, d)."""
    photo = np.repeat(np.arange(len(vectors) // 3), 3)
    return float(np.quantile((vectors @ vectors.T)[photo[:, None] < photo], 0.25))


def pixel_values(folder: Path, images: Sequence[bytes]) -> Float:
    """Pixels by the image processor of the folder, (n, 3, size, size) float32."""
    load: Any = AutoImageProcessor.from_pretrained
    processor = load(str(folder), local_files_only=True, backend="pil")
    side = read_preprocessor(folder, pads=True).preprocess.size
    rows = []
    for data in images:
        with Image.open(io.BytesIO(data)) as image:
            rows.append(processor(images=image.convert("RGB"), return_tensors="np")["pixel_values"][0])
    stack = np.stack(rows).astype(np.float32)
    assert stack.shape[1:] == (3, side, side)
    return stack


def token_ids(source: SourceFolder, texts: Sequence[str], longest: int) -> list[list[int]]:
    """Token ids by the tokenizer of the folder, truncated and not padded."""
    assert source.tokenizer is not None
    return [source.tokenizer(text, truncation=True, max_length=longest)["input_ids"] for text in texts]


def image_vectors(source: SourceFolder, model: nn.Module, pixels: Float) -> Float:
    """Unit vectors (n, d) of normalised pixels."""
    with torch.inference_mode():
        values: Any = torch.from_numpy(pixels)
        if source.model_type in ("clip", "siglip"):
            raw = _features(model.get_image_features(pixel_values=values))  # type: ignore[operator]
        else:
            raw = model(pixel_values=values).last_hidden_state[:, 0]
        return np.asarray(nn.functional.normalize(raw, dim=-1), np.float32)


def text_vectors(source: SourceFolder, networks: Networks, texts: Sequence[str], longest: int) -> Float:
    """Unit vectors (n, d), each text by itself: padded to the fixed length for SigLIP, otherwise not padded."""
    model = networks.model
    assert source.tokenizer is not None
    padding: Any = "max_length" if source.model_type == "siglip" else False
    rows = []
    for text in texts:
        tokens = source.tokenizer(text, truncation=True, max_length=longest, padding=padding, return_tensors="pt")
        with torch.inference_mode():
            if source.model_type in ("clip", "siglip"):
                raw = _features(model.get_text_features(input_ids=tokens["input_ids"]))  # type: ignore[operator]
            else:
                assert networks.text is not None
                raw = networks.text(tokens["input_ids"], torch.ones_like(tokens["input_ids"]))
            rows.append(nn.functional.normalize(raw, dim=-1)[0].numpy())
    return np.stack(rows)


def _features(output: Any) -> torch.Tensor:
    return output if isinstance(output, torch.Tensor) else output.pooler_output  # releases of transformers differ


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()
