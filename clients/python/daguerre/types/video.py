"""Answer of a job with one video: its frames, its shots and the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from daguerre.types.common import Failure, Receipt
from daguerre.types.embeddings import EmbedOptions
from daguerre.types.predictions import PredictOptions
from daguerre.types.zero_shot import ZeroShotOptions

Asked: TypeAlias = EmbedOptions | ZeroShotOptions | PredictOptions
REPORT = ("decoded", "damaged_packets", "corrupt_frames", "disordered", "estimated", "ended_early", "fell_back")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of a frame, or of several together: the fields of what was asked for.

    Attributes
    ----------
    vector : float32, little-endian.
    probabilities : in the order of the labels.
    low, high : of `value`; None where they are not known.
    """

    vector: bytes | None = None
    label: str | None = None
    scores: Sequence[float] = ()
    cosines: Sequence[float] = ()
    none_score: float | None = None
    probabilities: Sequence[float] = ()
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameAnswer:
    timestamp: float
    shot: int | None
    dropped: int
    thumbnail: bytes | None
    outcome: Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class ShotAnswer:
    index: int
    start: float
    end: float
    frames: int
    outcome: Outcome | None  # None where no frame of it was looked at


@dataclass(frozen=True, kw_only=True)
class VideoAnswer:
    """A video's part of an answer.

    Attributes
    ----------
    facts : duration, width, height, …
    sampling : as the server understood it.
    outcome : of the whole video.
    shots : None where they were not looked for.
    """

    facts: Mapping[str, Any]
    sampling: Mapping[str, Any]
    outcome: Outcome
    frames: Sequence[FrameAnswer]
    shots: Sequence[ShotAnswer] | None
    report: Mapping[str, Any]
    decoder: str


@dataclass(frozen=True, kw_only=True)
class ClipAnswer:
    """The answer of a job with one video.

    Attributes
    ----------
    found : what was found, or why the video cannot be used.
    labels : of a classifier; empty of a continuous task.
    templates : of a zero-shot question.
    """

    found: VideoAnswer | Failure
    receipt: Receipt | None
    labels: Sequence[str] = ()
    templates: Sequence[str] = ()
    classifier: str = ""
