"""Policies: rules for the frames that `sampling.sample` yields.

A frame is on the screen from its timestamp until the next one's. "The frame at t" is the one on the screen at t: the
last whose timestamp is at or before t (the first frame, if t lies before it). No frame is given twice.
"""

from dataclasses import dataclass, field
from typing import Literal

from models.video.shots import Detector


@dataclass(frozen=True, kw_only=True)
class Every:
    """The frames at 0, s, 2s, … seconds."""

    seconds: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds < float("inf"):
            raise ValueError(f"seconds: got {self.seconds}, must be above 0 (1.0 samples one frame a second)")


@dataclass(frozen=True, kw_only=True)
class Evenly:
    """The frames at the midpoints of n equal parts: (i + 1/2) · duration / n. Fewer than n where the clip has fewer."""

    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n: got {self.n}, must be at least 1")


@dataclass(frozen=True, kw_only=True)
class Shots:
    """One frame a shot: its first, or the one at its middle, which seldom falls into a transition.

    "middle" reads the clip twice: a shot's middle is known only when it has ended.
    """

    take: Literal["first", "middle"] = "middle"
    detector: Detector = field(default_factory=Detector)

    def __post_init__(self) -> None:
        if self.take not in ("first", "middle"):
            raise ValueError(f'take: got {self.take!r}, must be "first" or "middle"')


@dataclass(frozen=True, kw_only=True)
class Keyframes:
    """Frames that were compressed whole. Cheap, and where they lie was the encoder's choice.

    Parameters
    ----------
    apart : seconds that must lie between two; 0 for all. Some formats (MJPEG, ProRes) have nothing but keyframes.
    otherwise : taken where the clip has a single keyframe; the report then says `fell_back`.
    """

    apart: float = 0.0
    otherwise: Every = Every(seconds=1.0)

    def __post_init__(self) -> None:
        if not 0 <= self.apart < float("inf"):
            raise ValueError(f"apart: got {self.apart}, must be 0 or more")


Policy = Every | Evenly | Shots | Keyframes
