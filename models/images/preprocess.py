"""Preprocessing of RGB images for a model: resizing, cropping and padding."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PREPROCESSING_VERSION = 2  # raise it when pixels change: it is part of every fingerprint
ResizeMode = Literal["letterbox", "shortest_edge", "squash"]
Resample = Literal["bicubic", "bilinear", "lanczos"]
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels: 1/8 of 1001 pixels is 125.125


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """Preprocessing parameters of a model; part of its fingerprint.

    letterbox: the whole image, its long side `size`, centred on `pad_color`. shortest_edge: its short side
    `resize_size`, then the central `size` x `size`. squash: `size` x `size`, the aspect ratio given up.
    """

    size: int  # side of the output, in pixels
    resize: ResizeMode
    resample: Resample = "bicubic"
    crop: bool = False  # centre crop to `size`; goes with shortest_edge and only with it
    pad_color: int = 255
    resize_size: int | None = None  # shortest_edge, where it is not the crop's size: DINOv2 has 256 -> 224

    def __post_init__(self) -> None:
        if self.resize not in get_args(ResizeMode) or self.resample not in get_args(Resample):
            raise ValueError(f"unknown resize {self.resize!r} or resample {self.resample!r}")
        if self.size < 1 or not 0 <= self.pad_color <= 255:
            raise ValueError(f"size {self.size} must be at least 1 and pad_color {self.pad_color} 0 to 255")
        if self.crop != (self.resize == "shortest_edge"):
            raise ValueError(f"crop={self.crop} with {self.resize!r}: crop goes with shortest_edge alone")
        if self.resize_size is not None and (not self.crop or self.resize_size < self.size):
            raise ValueError(f"resize_size {self.resize_size}: shortest_edge only, at least size {self.size}")


def resize(image: Image.Image, preprocess: Preprocess, *, box: Box | None = None) -> NDArray[np.uint8]:
    """Bring an RGB image, or a box of it, to the model's size: (size, size, 3) uint8, contiguous, writable.

    Sizes and crop offsets are those of `transformers` (get_resize_output_image_size and center_crop).
    """
    side = preprocess.size
    left, top, right, bottom = box or (0, 0, *image.size)
    width, height = resized_size((right - left, bottom - top), preprocess)
    resample = Image.Resampling[preprocess.resample.upper()]
    resized = image.resize((width, height), resample, box)  # no reducing_gap: it changes pixels
    if preprocess.resize == "letterbox" and (width, height) != (side, side):
        canvas = Image.new("RGB", (side, side), (preprocess.pad_color,) * 3)
        canvas.paste(resized, ((side - width) // 2, (side - height) // 2))
        resized = canvas
    elif preprocess.crop and (width, height) != (side, side):
        x, y = (width - side) // 2, (height - side) // 2
        resized = resized.crop((x, y, x + side, y + side))
    return np.array(resized)


def resized_size(size: tuple[float, float], preprocess: Preprocess) -> tuple[int, int]:
    """Width and height before any crop or padding."""
    width, height = size
    short, long = min(size), max(size)
    if preprocess.resize == "squash":
        return preprocess.size, preprocess.size
    if preprocess.resize == "letterbox":
        new_long, new_short = preprocess.size, max(1, round(preprocess.size * short / long))
    else:
        new_short = preprocess.resize_size or preprocess.size
        new_long = int(new_short * long / short)
    return (new_short, new_long) if width <= height else (new_long, new_short)
