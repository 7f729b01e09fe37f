"""Results of a video: by frame, by shot and pooled, as arrays, tables and a page."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from daguerre.pages.timeline import timeline
from daguerre.results.base import Errors, import_pandas
from daguerre.results.embeddings import Embeddings
from daguerre.types.common import Double, Float, Receipt

if TYPE_CHECKING:
    import pandas as pd


How = Literal["mean", "max", "top_k"]
By = Literal["video", "shot"]
UNCALIBRATED = "Scores are not calibrated on your data: validate them against human codes."


@dataclass(frozen=True)
class Shot:
    """A shot, [start, end) in seconds, with the number of its sampled frames."""

    index: int
    start: float
    end: float
    frames: int


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class VideoResult:
    """Base of results for a video.

    Attributes
    ----------
    name : name of the video.
    facts : duration, width, height, frame_rate, codec and more.
    sampling : the choice of frames, from the answer.
    timestamps : (n,) float64, seconds from the start.
    shot : (n,) the shot of each frame; None if shots were not detected.
    shots : the shots; None if they were not detected.
    dropped : (n,) number of near-duplicates that were dropped after each frame.
    thumbnails : a JPEG for each frame, or None.
    report : decoding report: damage, frames left out.
    """

    name: str
    facts: Mapping[str, Any]
    sampling: Mapping[str, Any]
    timestamps: Double
    shot: NDArray[np.int64] | None
    shots: Sequence[Shot] | None
    dropped: NDArray[np.int64]
    thumbnails: Sequence[bytes | None]
    report: Mapping[str, Any]
    decoder: str
    receipt: Receipt

    @property
    def ids(self) -> list[str]:
        """An id for each frame, such as "clip.mp4@12.480"."""
        return [f"{self.name}@{time:.3f}" for time in self.timestamps]

    def __len__(self) -> int:
        return len(self.timestamps)

    def _frames(self) -> dict[str, Any]:
        """Columns that every table of frames has."""
        shot = {} if self.shot is None else {"shot": self.shot}
        return {"video": [self.name] * len(self), "timestamp": self.timestamps, **shot}

    def _shots(self) -> dict[str, Any]:
        if self.shots is None:
            raise ValueError('shots were not detected; call client.video(…, find_shots=True), or shots="middle"')
        names = ("index", "start", "end", "frames")
        columns = {name: [getattr(shot, name) for shot in self.shots] for name in names}
        return {"video": [self.name] * len(self.shots), **columns}

    def _pool(self, values: NDArray[Any], how: How | None, k: int | None, by: By) -> Double:
        how = how or self.sampling["pooling"]
        k = self.sampling["top_k"] if k is None else k
        if by not in ("video", "shot"):
            raise ValueError(f'by: got {by!r}, there are "video" and "shot"')
        if by == "video":
            return _pooled(values, how, k)
        self._shots()
        assert self.shots is not None
        assert self.shot is not None
        nothing = np.full(values.shape[1], np.nan)
        return np.stack([_pooled(values[self.shot == s.index], how, k) if s.frames else nothing for s in self.shots])

    def __repr__(self) -> str:
        shots = "" if self.shots is None else f", {len(self.shots)} shots"
        return f"<{type(self).__name__} of {self.name}: {len(self)} frames of {self.facts['duration']:.1f} s{shots}>"


def _pooled(values: NDArray[Any], how: How, k: int) -> Double:
    rows = np.asarray(values, np.float64)
    if how == "max":
        return np.asarray(rows.max(axis=0))
    if how == "mean":
        return np.asarray(rows.mean(axis=0))
    if how != "top_k":
        raise ValueError(f'how: got {how!r}, there are "mean", "max" and "top_k"')
    if k < 1:
        raise ValueError(f"k: got {k}, it must be at least 1")
    return np.asarray(np.sort(rows, axis=0)[-k:].mean(axis=0))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClipScores(VideoResult):
    """Zero-shot scores: a table time × label. They are not calibrated: validate them against human codes.

    Attributes
    ----------
    scores, cosines : (n, labels) float32, by frame.
    best : the label of each frame, None where none fits.
    none_scores : (n,) of `none_of_these`, where it was given.
    label, pooled : of the video, pooled as it was asked for.
    """

    labels: Sequence[str]
    scores: Float
    cosines: Float
    best: Sequence[str | None]
    none_scores: Float | None
    label: str | None
    pooled: Float
    templates: Sequence[str]

    def pool(self, how: How | None = None, *, k: int | None = None, by: By = "video") -> Double:
        """Scores pooled over the frames: (labels,), or (shots, labels) by="shot"; NaN for a shot without a frame.

        how : "mean", "max" (does it occur at all?), "top_k" (the mean of the k highest). Left out: as it was asked for.
        """
        return self._pool(self.scores, how, k, by)

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row for each frame: video, timestamp, shot, label, and a column for each label."""
        columns = {**self._frames(), "label": list(self.best)}
        return _table(columns, self.labels, self.scores)

    def shots_to_pandas(self, how: How | None = None) -> "pd.DataFrame":
        """Table with a row for each shot: video, index, start, end, frames, and a column for each label."""
        return _table(self._shots(), self.labels, self.pool(how, by="shot"))

    def timeline(self, path: str | os.PathLike[str]) -> None:
        """Write a page: thumbnails along time, a curve for each label, shots. One file, which needs no network."""
        Path(path).write_text(timeline(self, self.labels, self.scores, self.pool(), UNCALIBRATED), encoding="utf-8")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClipEmbeddings(VideoResult):
    """Unit vectors.

    Attributes
    ----------
    vectors : (n, d) float32, by frame.
    vector : (d,) of the video: the mean of its frames' vectors, at length 1.
    shot_vectors : (shots, d), the same by shot, NaN for a shot without a frame; None where shots were not looked for.
    """

    vectors: Float
    vector: Float
    shot_vectors: Float | None

    @property
    def embeddings(self) -> Embeddings:
        """The frames as items, for what takes embeddings of images: cluster, predict, search, train_classifier."""
        return Embeddings(
            ids=self.ids,
            errors=Errors(),
            receipt=self.receipt,
            truncated=[],
            vectors=self.vectors,
            tokens=0,
            modality="image",
        )

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row for each frame: video, timestamp, shot, vector."""
        table: pd.DataFrame = import_pandas().DataFrame({**self._frames(), "vector": list(self.vectors)})
        return table

    def save(self, path: str | os.PathLike[str]) -> None:
        """A .npz: ids, timestamps, shot (where known), vectors, vector, receipt."""
        arrays: dict[str, Any] = {"timestamps": self.timestamps, "vectors": self.vectors, "vector": self.vector}
        if self.shot is not None:
            arrays["shot"] = self.shot
        np.savez(path, ids=np.array(self.ids), receipt=json.dumps(asdict(self.receipt)), **arrays)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClipPredictions(VideoResult):
    """Predictions of a classifier for a video.

    Attributes
    ----------
    predicted : the label of each frame; empty for a continuous task.
    probabilities : (n, labels) by frame; (n, 0) for a continuous task.
    values, low, high : (n,) for a continuous task, with the 95 % prediction interval; NaN if not known.
    label, pooled : of the video: its label and pooled probabilities (labels,), or its pooled value (1,).
    """

    classifier: str
    labels: Sequence[str]
    predicted: Sequence[str | None]
    probabilities: Double
    values: Double
    low: Double
    high: Double
    label: str | None
    pooled: Double

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns of `rows`."""
        return list(self.labels) or ["value"]

    @property
    def rows(self) -> Double:
        """Probabilities (n, labels), or values (n, 1)."""
        return self.probabilities if self.labels else self.values[:, None]

    def pool(self, how: How | None = None, *, k: int | None = None, by: By = "video") -> Double:
        """Pool probabilities or values over frames, as `ClipScores.pool` does."""
        return self._pool(self.rows, how, k, by)

    def to_pandas(self) -> "pd.DataFrame":
        """Table by frame: video, timestamp, shot, then label and probabilities, or value, low, high."""
        columns = self._frames()
        if self.labels:
            return _table({**columns, "label": list(self.predicted)}, self.labels, self.probabilities)
        values = {"value": self.values, "low": self.low, "high": self.high}
        table: pd.DataFrame = import_pandas().DataFrame({**columns, **values})
        return table

    def shots_to_pandas(self, how: How | None = None) -> "pd.DataFrame":
        """Table with a row for each shot."""
        return _table(self._shots(), self.columns, self.pool(how, by="shot"))

    def timeline(self, path: str | os.PathLike[str]) -> None:
        """Write an HTML timeline, as `ClipScores.timeline` does."""
        Path(path).write_text(
            timeline(self, self.columns, self.rows, self.pool(), f"By {self.classifier}."), encoding="utf-8"
        )


def _table(columns: Mapping[str, Any], labels: Sequence[str], rows: NDArray[Any]) -> "pd.DataFrame":
    """A table with a column for each label, named "label: …" if the table has another column of that name."""
    named = {(f"label: {label}" if label in columns else label): rows[:, i] for i, label in enumerate(labels)}
    table: pd.DataFrame = import_pandas().DataFrame({**columns, **named})
    return table
