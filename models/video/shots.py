"""Shots, the continuous camera takes: the parameters of their detection, and how much a frame differs from another.

The two methods and their defaults are PySceneDetect's (0.7, detectors "content" and "adaptive"), so that its users'
thresholds mean the same here. It is not used itself: it requires opencv-python, 190 MB with a second FFmpeg and parts
of a window system, for what is here a conversion to HSV.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.video.pixels import Swscale

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

WIDTH = 256  # pixels of the longer side at which frames are compared
Plane = NDArray[np.uint8]  # (height, width)
Hsv = tuple[Plane, Plane, Plane]


@dataclass(frozen=True, kw_only=True)
class Detector:
    """Parameters of cut detection.

    A frame's content value is the mean absolute difference to the frame before, over pixels and over hue (0 to 179),
    saturation and value (0 to 255). "content": a cut where it reaches `threshold`. "adaptive": a cut where it reaches
    `min_content` and is `ratio` times the mean of the `window` frames before and the `window` after, which a moving
    camera is not.

    Parameters
    ----------
    min_shot : seconds; of cuts that follow one another (or the start) sooner, some are left out: see `cuts.Spacing`.
    flash : seconds; a change that is undone within so long, as by a camera's flash, is no cut; 0: every change counts.
    """

    method: Literal["adaptive", "content"] = "adaptive"
    threshold: float = 27.0
    ratio: float = 3.0
    min_content: float = 15.0
    window: int = 2
    min_shot: float = 0.6
    flash: float = 0.18

    def __post_init__(self) -> None:
        if self.method not in ("adaptive", "content"):
            raise ValueError(f'method: got {self.method!r}, must be "adaptive" or "content"')
        if not 1 <= self.window <= 10:
            raise ValueError(f"window: got {self.window}, must be from 1 to 10 frames")
        for name in ("threshold", "ratio", "min_content"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: got {getattr(self, name)}, must be above 0")
        if not self.min_shot >= 0:
            raise ValueError(f"min_shot: got {self.min_shot}, must be 0 or more")
        if not 0 <= self.flash <= 1:
            raise ValueError(f"flash: got {self.flash}, must be from 0 to 1 second")

    @property
    def least(self) -> float:
        """The smallest content value of a cut."""
        return self.threshold if self.method == "content" else self.min_content

    @property
    def lag(self) -> int:
        """Frames that must be seen after a frame before it is known to be a cut."""
        return self.window if self.method == "adaptive" else 0


@dataclass(frozen=True)
class Shot:
    """[start, end) in seconds from the stream's start."""

    index: int
    start: float
    end: float


class Small:
    """Shrinks frames for comparison."""

    def __init__(self) -> None:
        self._swscale = Swscale()

    def hsv(self, frame: "VideoFrame") -> Hsv:
        """Hue, saturation and value: (height, width) uint8 each, the longer side at most `WIDTH`."""
        factor = max(1.0, max(frame.width, frame.height) / WIDTH)
        width, height = max(1, round(frame.width / factor)), max(1, round(frame.height / factor))
        small = self._swscale(frame, width, height, "gbrp", "FAST_BILINEAR")
        green, blue, red = (
            np.frombuffer(plane, np.uint8).reshape(height, plane.line_size)[:, :width]  # type: ignore[call-overload]
            for plane in small.planes
        )
        return hsv(red, green, blue)


def content_value(last: Hsv | None, hsv: Hsv) -> float:
    """Mean over the three planes of the mean absolute difference; 0 where there is none before, or of another size."""
    if last is None or last[0].shape != hsv[0].shape:
        return 0.0
    total = sum(int((np.maximum(a, b) - np.minimum(a, b)).sum(dtype=np.uint32)) for a, b in zip(last, hsv, strict=True))
    return total / (3 * hsv[0].size)


_ALL = np.arange(256)
_PER_VALUE, _PER_SPREAD = (
    np.r_[0, np.rint((unit << 12) / (parts * _ALL[1:]))].astype(np.int32) for unit, parts in ((255, 1), (180, 6))
)
_SATURATION = (
    np.minimum((_ALL * _PER_VALUE[:, None] + 2048) >> 12, 255).astype(np.uint8).ravel()
)  # by value · 256 + spread


def hsv(red: Plane, green: Plane, blue: Plane) -> Hsv:
    """Hue in steps of 2 degrees (0 to 179), saturation and value (0 to 255), in the 12-bit fixed point of OpenCV.

    With v the largest of red, green and blue and d what it has over the smallest: saturation 255 · d / v; hue
    30 · (g - b) / d where v is red, 60 + 30 · (b - r) / d where it is green, else 120 + 30 · (r - g) / d.
    """
    value = np.maximum(np.maximum(red, green), blue)
    spread = value - np.minimum(np.minimum(red, green), blue)
    saturation = _SATURATION.take((value.astype(np.uint16) << 8) | spread)
    r, g, b, twice = (plane.astype(np.int16) for plane in (red, green, blue, spread))
    twice += twice
    sixths = r - g + 2 * twice
    np.copyto(sixths, b - r + twice, where=value == green)
    np.copyto(sixths, g - b, where=value == red)
    hue = sixths * _PER_SPREAD.take(spread)  # int32
    hue += 2048
    hue >>= 12
    hue += (hue < 0) * np.int32(180)
    return hue.astype(np.uint8), saturation, value


def shots(cuts: Sequence[float], end: float) -> list[Shot]:
    """Shots between cuts (seconds, ascending, without 0) and the clip's end."""
    starts = [0.0, *cuts]
    return [Shot(i, a, b) for i, (a, b) in enumerate(zip(starts, [*cuts, end], strict=True))]


def shot_of(timestamps: ArrayLike, found: Sequence[Shot]) -> NDArray[np.int64]:
    """(n,) index of the shot that each timestamp (n,) falls into; before the first and after the last: those."""
    starts = [shot.start for shot in found]
    return np.maximum(np.searchsorted(starts, np.asarray(timestamps, float), "right") - 1, 0)
