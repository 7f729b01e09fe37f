"""The preprocessing of a `transformers` folder: resizing as `Preprocess`, and the normalisation of the graph."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ModelUnavailable
from models.images.preprocess import Preprocess, Resample

_RESAMPLES: dict[int, Resample] = {1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers
_CONVNEXT = "ConvNext"  # ConvNeXt, ConvNeXtV2 and ResNet: resizing to a larger side, then a crop


@dataclass(frozen=True)
class PixelPreprocessing:
    """Preprocessing from bytes to the input of the network: `preprocess`, then (pixel - mean) / std."""

    preprocess: Preprocess
    mean: tuple[float, float, float]  # in units of 0..255
    std: tuple[float, float, float]


def read_preprocessor(folder: Path, *, pads: bool = False) -> PixelPreprocessing:
    """Read preprocessor_config.json, or processor_config.json.

    Parameters
    ----------
    pads : whether the caller pads the pictures itself, where `do_pad` asks for it.

    Raises
    ------
    ModelUnavailable
        Neither file exists or is readable, or its preprocessing cannot be reproduced exactly.
    """
    for name in ("preprocessor_config.json", "processor_config.json"):
        if (folder / name).is_file():
            try:
                config = json.loads((folder / name).read_text(encoding="utf-8"))
                return _translate(config.get("image_processor", config), folder.name, pads)
            except (ValueError, TypeError, KeyError, AttributeError) as exc:
                raise ModelUnavailable(f"{folder.name}/{name} cannot be read ({exc!r}); save it again") from exc
    raise ModelUnavailable(
        f"{folder.name} has no preprocessor_config.json with its preprocessing; save its image processor into it"
    )


def _translate(config: dict[str, Any], folder: str, pads: bool) -> PixelPreprocessing:
    for field in ("do_pad", "do_flip_channel_order", "do_reduce_labels"):
        if config.get(field) and not (pads and field == "do_pad"):
            raise ModelUnavailable(f"{folder} needs {field}, which is not supported; use another model")
    if not config.get("do_resize", True):
        raise ModelUnavailable(f"{folder} does not resize its images; use a model with a fixed image size")
    kind = str(config.get("image_processor_type") or config.get("feature_extractor_type") or "")
    resample = _RESAMPLES.get(config["resample"])
    if resample is None:
        raise ModelUnavailable(f"{folder} has resample {config['resample']}; supported are 1, 2 and 3 of Pillow")
    preprocess = _resizing(config, kind, resample, folder)
    factor = float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if config.get("do_normalize", True):
        mean, std = _three(config["image_mean"]), _three(config["image_std"])
    return PixelPreprocessing(preprocess, _three([m / factor for m in mean]), _three([s / factor for s in std]))


def _resizing(config: dict[str, Any], kind: str, resample: Resample, folder: str) -> Preprocess:
    size = config["size"]
    if isinstance(size, list):
        size = {"height": size[0], "width": size[1]}
    if isinstance(size, int):
        size = {"shortest_edge": size} if config.get("do_center_crop") else {"height": size, "width": size}
    if "shortest_edge" in size and kind.startswith(_CONVNEXT):
        short = int(size["shortest_edge"])
        if short >= 384:
            return Preprocess(size=short, resize="squash", resample=resample)
        larger = int(short / float(config.get("crop_pct") or 224 / 256))
        return Preprocess(size=short, resize="shortest_edge", crop=True, resize_size=larger, resample=resample)
    if "shortest_edge" in size and config.get("do_center_crop"):
        short = int(size["shortest_edge"])
        crop = config["crop_size"]
        crop = {"height": crop, "width": crop} if isinstance(crop, int) else crop
        if crop["height"] == crop["width"] <= short:
            side = int(crop["height"])
            return Preprocess(size=side, resize="shortest_edge", crop=True, resize_size=short, resample=resample)
    elif size.get("height") == size.get("width") is not None and not config.get("do_center_crop"):
        return Preprocess(size=int(size["height"]), resize="squash", resample=resample)
    raise ModelUnavailable(f"{folder} has size {size} with a crop that is not supported; use another model")


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
