"""Answer of a job with one video: its frames, its shots and the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from daguerre.types.analyses import AnalyseOptions
from daguerre.types.arrays import unpacked
from daguerre.types.captions import CaptionOptions
from daguerre.types.common import Content, Failure, Receipt, failure, receipt
from daguerre.types.embeddings import EmbedOptions
from daguerre.types.predictions import PredictOptions, by_label
from daguerre.types.zero_shot import ZeroShotOptions

Asked: TypeAlias = EmbedOptions | ZeroShotOptions | PredictOptions | AnalyseOptions | CaptionOptions
REPORT = ("decoded", "damaged_packets", "corrupt_frames", "disordered", "estimated", "ended_early", "fell_back")
LATER: Mapping[str, Any] = {"blank": 0, "remarks": ()}  # fields of the report that older servers do not send


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Result of a frame, or of several pooled frames, with the fields of the operation.

    Attributes
    ----------
    vector : float32, little-endian.
    probabilities : in the order of the labels.
    low, high : interval of `value`; None if it is unknown.
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

    @classmethod
    def read(cls, content: Content, labels: Sequence[str]) -> "Outcome":
        vector, (low, high) = content.get("embedding"), content.get("interval") or (None, None)
        return cls(
            vector=None if vector is None else unpacked(vector),
            label=content.get("label"),
            scores=content.get("scores") or (),
            cosines=content.get("cosines") or (),
            none_score=content.get("none_score"),
            probabilities=by_label(content, labels) if content.get("probabilities") else (),
            value=content.get("value"),
            low=low,
            high=high,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameAnswer:
    timestamp: float
    shot: int | None
    dropped: int
    times: int
    thumbnail: bytes | None
    outcome: Outcome

    @classmethod
    def read(cls, content: Content, labels: Sequence[str]) -> "FrameAnswer":
        thumbnail = content.get("thumbnail")
        return cls(
            **{name: content[name] for name in ("timestamp", "shot", "dropped")},
            times=content.get("times") or 1,
            thumbnail=None if thumbnail is None else unpacked(thumbnail),
            outcome=Outcome.read(content, labels),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ShotAnswer:
    index: int
    start: float
    end: float
    frames: int
    outcome: Outcome | None  # None where no frame of it was looked at

    @classmethod
    def read(cls, content: Content, labels: Sequence[str]) -> "ShotAnswer":
        return cls(
            **{name: content[name] for name in ("index", "start", "end", "frames")},
            outcome=Outcome.read(content, labels) if content["frames"] else None,
        )


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

    @classmethod
    def read(cls, entry: Content, labels: Sequence[str]) -> "VideoAnswer":
        facts = dict(entry["video"])
        frames, shots, sampling, report, decoder = (
            facts.pop(name) for name in ("frames", "shots", "sampling", "report", "decoder")
        )
        return cls(
            facts=facts,
            sampling=sampling,
            outcome=Outcome.read(entry, labels),
            frames=[FrameAnswer.read(frame, labels) for frame in frames],
            shots=None if shots is None else [ShotAnswer.read(shot, labels) for shot in shots],
            report={name: report[name] for name in REPORT}
            | {name: report.get(name, nothing) for name, nothing in LATER.items()},
            decoder=decoder,
        )


@dataclass(frozen=True, kw_only=True)
class ClipAnswer:
    """The answer of a job with one video.

    Attributes
    ----------
    found : what was found, or why the video cannot be used.
    labels : of a classifier or a zero-shot question; empty of a continuous task.
    templates, preset, notice : of a zero-shot question.
    """

    found: VideoAnswer | Failure
    receipt: Receipt | None
    labels: Sequence[str] = ()
    templates: Sequence[str] = ()
    preset: str | None = None
    notice: str | None = None
    classifier: str = ""

    @classmethod
    def read(cls, content: Content, request_id: str | None = None) -> "ClipAnswer":
        (entry,) = content["data"]
        labels = content["labels"] if "classifier" in content else ()
        error, made_with = entry.get("error"), content["receipt"]
        return cls(
            found=VideoAnswer.read(entry, labels) if error is None else failure(error),
            receipt=None if made_with is None else receipt(made_with),
            labels=content.get("labels", ()),
            templates=content.get("templates", ()),
            preset=content.get("preset"),
            notice=content.get("notice"),
            classifier=content.get("classifier", ""),
        )
