"""Visual features of a picture, by formulas alone: brightness, colours, edges, blur, symmetry, straight lines.

A picture is first scaled so that its long side is 512 pixels, by Pillow's bilinear filter, which adds no brightness of
its own; a smaller one stays. Brightness is Pillow's "L", 0.299 R + 0.587 G + 0.114 B, in 256 levels.

| value | formula | range | source |
| --- | --- | --- | --- |
| brightness | mean of L / 255 | 0 to 1 | Peng 2022 |
| contrast | standard deviation of L / 255 | 0 to 0.5 | Peng 2022, Peli 1990 |
| brightness_range | the fewest levels in a row that hold more than 90 % of the pixels, less one, / 255 | 0 to 1 | Peng 2022 |
| saturation | mean of (max - min) / max of R, G, B; 0 for black | 0 to 1 | Peng 2022 |
| colourfulness | √(σ²(rg) + σ²(yb)) + 0.3 √(μ²(rg) + μ²(yb)), rg = R - G, yb = (R + G) / 2 - B | 0 to about 187 | Hasler and Süsstrunk 2003 |
| hue_count | of 20 bins of hue, those with more than 5 % of the fullest; pixels of saturation ≥ 0.2, 0.15 ≤ max / 255 ≤ 0.95 | 0 to 20 | Ke 2006, Peng 2022 |
| warm_share | share of pixels of saturation ≥ 0.2 and max / 255 ≥ 0.15 with a hue from 315° to 75° | 0 to 1 | colour wheel |
| cool_share | the same with a hue from 135° to 285° | 0 to 1 | colour wheel |
| entropy | Shannon entropy of the levels of L, in bits | 0 to 8 | Shannon 1948 |
| edge_density | share of pixels that are edges by Canny, σ 1, thresholds 0.1 and 0.2 | 0 to 1 | Canny 1986 |
| sharpness | variance of the Laplacian of L / 255 | 0 to 16 | Pech-Pacheco 2000 |
| blur | loss of gradients by a mean of 11 pixels is small: 0 sharp, 1 blurred | 0 to 1 | Crete 2007 |
| symmetry | 1 - mean of the differences of L / 255 and its mirror image, left to right | 0 to 1 | |
| dark_share | share of pixels with L ≤ 4 | 0 to 1 | |
| bright_share | share of pixels with L ≥ 251 | 0 to 1 | |
| straight_lines | share of edge pixels on straight lines of at least 5 % of the diagonal | 0 to 1 | after Burns 1986 |
"""  # noqa: E501  # rows of a table

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.analysers.spec import AnalyserSpec, Analysis, Steps
from models.catalog.spec import Source

LONG_SIDE = 512
MOSTLY = 0.9  # of the pixels, within `brightness_range`
DARK, BRIGHT = 4, 251  # levels
BINS = 20  # of hue
RARE = 0.05  # of the fullest bin of hue
COLOURED, LIT, GLARING = 0.2, 0.15, 0.95  # saturation; smallest and largest value of a pixel whose hue counts
WARM, COOL = (315.0, 75.0), (135.0, 285.0)  # degrees of hue
TINY = 16  # pixels of the short side below which edges say little

SPEC = AnalyserSpec(
    name="visual-features",
    kind="visual",
    description="Brightness, contrast, colours, entropy, edges, sharpness, blur, symmetry and straight lines of a "
    "picture, by published formulas, without a network.",
    source=Source(kind="formula", locator="formulas of models/analysers/visual.py", revision="1", weights={}),
    licence="none needed: formulas",
    settings={"long_side": LONG_SIDE},
)

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Options:
    """There is nothing to choose."""


class Visual:
    """The analyser of visual features."""

    choices: ClassVar[type[Any]] = Options

    def __init__(self, spec: AnalyserSpec, folder: Path) -> None:
        self._spec = spec

    @staticmethod
    def make(spec: AnalyserSpec, folder: Path) -> None:
        """There are no files."""

    def check(self, options: Options) -> None:
        """Accept all options."""

    def steps(self, image: Image.Image, options: Options) -> Steps:
        """Measure a picture, RGB and upright. No graph has work to do."""
        yield from ()
        remarks: tuple[str, ...] = ()
        if min(image.size) < TINY:
            remarks = (
                f"the picture is {image.width} x {image.height} pixels: below {TINY}, edges, sharpness, blur and lines "
                "say little",
            )
        return Analysis(values=features(image), remarks=remarks)


def features(image: Image.Image) -> Mapping[str, float]:
    """All values of a picture, RGB and upright, by their names in the table of this module."""
    from models.analysers import edges  # imports scipy, which would double the time in which a server starts

    image = scaled(image)
    pixels = np.asarray(image)  # (h, w, 3) uint8
    levels = np.asarray(image.convert("L"))
    luma = levels / 255.0
    contour = edges.canny(luma)
    values = {
        **_brightness(levels),
        **_colours(pixels),
        "entropy": entropy(levels),
        "edge_density": float(contour.mask.mean()),
        "sharpness": edges.laplacian_variance(luma),
        "blur": edges.blur(pixels @ edges.GREY / 255.0),
        "symmetry": float(1.0 - np.abs(luma - luma[:, ::-1]).mean()),
        "straight_lines": edges.straight_share(contour),
    }
    return values


def scaled(image: Image.Image) -> Image.Image:
    """The picture with a long side of at most 512 pixels."""
    factor = LONG_SIDE / max(image.size)
    if factor >= 1:
        return image
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _brightness(levels: NDArray[np.uint8]) -> Mapping[str, float]:
    counts = np.bincount(levels.ravel(), minlength=256)
    at = np.arange(256)
    mean = float(counts @ at) / levels.size
    return {
        "brightness": mean / 255.0,
        "contrast": float(np.sqrt(counts @ (at - mean) ** 2 / levels.size)) / 255.0,
        "brightness_range": (_shortest(counts) - 1) / 255.0,
        "dark_share": float(counts[: DARK + 1].sum()) / levels.size,
        "bright_share": float(counts[BRIGHT:].sum()) / levels.size,
    }


def _shortest(counts: NDArray[np.intp]) -> int:
    """The fewest levels in a row that hold more than `MOSTLY` of the pixels."""
    until = np.concatenate([[0], np.cumsum(counts)])
    ends = np.searchsorted(until, until[:-1] + MOSTLY * until[-1], side="right")
    reached = ends <= len(counts)
    return int((ends - np.arange(len(counts)))[reached].min())


def entropy(levels: NDArray[np.uint8]) -> float:
    """Shannon entropy of the levels, in bits."""
    counts = np.bincount(levels.ravel(), minlength=256)
    shares = counts[counts > 0] / levels.size
    return float((shares * np.log2(1 / shares)).sum())


def _colours(pixels: NDArray[np.uint8]) -> Mapping[str, float]:
    channels = np.moveaxis(pixels, 2, 0).reshape(3, -1).astype(np.float64)
    red, green, blue = channels
    highest = np.maximum(np.maximum(red, green), blue)
    spread = highest - np.minimum(np.minimum(red, green), blue)
    saturation = np.divide(spread, highest, out=np.zeros_like(spread), where=highest > 0)
    coloured = (saturation >= COLOURED) & (highest >= 255 * LIT)
    hue = _hue(channels[:, coloured], highest[coloured], spread[coloured])
    dull = highest[coloured] <= 255 * GLARING
    counts = np.bincount((hue[dull] / (360 / BINS)).astype(int), minlength=BINS)
    warm = (hue >= WARM[0]) | (hue < WARM[1])
    cool = (hue >= COOL[0]) & (hue < COOL[1])
    return {
        "saturation": float(saturation.mean()),
        "colourfulness": colourfulness(red, green, blue),
        "hue_count": float((counts > RARE * counts.max()).sum()),
        "warm_share": float(warm.sum()) / len(red),
        "cool_share": float(cool.sum()) / len(red),
    }


def colourfulness(red: Float, green: Float, blue: Float) -> float:
    """Colourfulness of channels from 0 to 255: Hasler and Süsstrunk, Measuring colorfulness, 2003."""
    rg, yb = red - green, 0.5 * (red + green) - blue
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def _hue(channels: Float, highest: Float, spread: Float) -> Float:
    """Hue in degrees, 0 up to 360, of pixels that are not grey; `channels` is (3, n)."""
    red, green, blue = channels
    sixth = np.select(
        [highest == red, highest == green],
        [(green - blue) / spread % 6, (blue - red) / spread + 2],
        (red - green) / spread + 4,
    )
    return np.asarray(60.0 * sixth)
