"""Results of a video: by frame, by shot and pooled, as arrays, tables and a page."""

import json
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from daguerre.inputs.files import require_folder
from daguerre.results.base import Errors, import_pandas
from daguerre.results.embeddings import Embeddings
from daguerre.results.notebook import Shown
from daguerre.results.predictions import origin_columns
from daguerre.storage.page_tables import require_tables, write_page
from daguerre.types.common import Content, Double, Float, PageMode, Receipt

if TYPE_CHECKING:
    import pandas as pd


How = Literal["mean", "max", "top_k"]
By = Literal["video", "shot"]
Draw: TypeAlias = Callable[[Content], str]  # the page of an answer, from the server
THUMBNAILS = 8  # as many as a page shows


@dataclass(frozen=True)
class Shot:
    """A shot, [start, end) in seconds, with the number of its sampled frames."""

    index: int
    start: float
    end: float
    frames: int


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class VideoResult(Shown):
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
    times : (n,) number of sampling times at which each frame is on the screen, its weight in means: a picture that is
        held for long counts for as long as it is shown.
    thumbnails : a JPEG for each frame, or None.
    report : decoding report: damage, frames left out.
    remarks : limits of the result as phrases about the video, such as "ends early: …"; every table has them.
    """

    name: str
    facts: Mapping[str, Any]
    sampling: Mapping[str, Any]
    timestamps: Double
    shot: NDArray[np.int64] | None
    shots: Sequence[Shot] | None
    dropped: NDArray[np.int64]
    times: NDArray[np.int64]
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

    @property
    def remarks(self) -> list[str]:
        """Limits of the result, as phrases about the video."""
        return list(self.report.get("remarks", ()))

    def _remarks(self, rows: int) -> dict[str, Any]:
        """The column `remarks` of a table: that of the video in each row, None where there are none."""
        return {"remarks": ["; ".join(self.remarks) or None] * rows}

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
            return _pooled(values, how, k, self.times)
        self._shots()
        assert self.shots is not None
        assert self.shot is not None
        nothing = np.full(values.shape[1], np.nan)
        of_shots = [self.shot == shot.index for shot in self.shots]
        return np.stack([_pooled(values[own], how, k, self.times[own]) if own.any() else nothing for own in of_shots])

    def __repr__(self) -> str:
        shots = "" if self.shots is None else f", {len(self.shots)} shots"
        remarks = "".join(f"; {each}" for each in self.remarks)
        frames = f"{len(self)} frames of {self.facts['duration']:.1f} s"
        return f"<{type(self).__name__} of {self.name}: {frames}{shots}{remarks}>"


def _printable(name: str) -> str:
    """A name without characters that have no place in a page."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def _pooled(values: NDArray[Any], how: How, k: int, times: NDArray[np.int64]) -> Double:
    rows = np.asarray(values, np.float64)
    if how == "max":
        return np.asarray(rows.max(axis=0))
    if how == "mean":
        return np.asarray(np.average(rows, axis=0, weights=times))
    if how != "top_k":
        raise ValueError(f'how: got {how!r}, there are "mean", "max" and "top_k"')
    if k < 1:
        raise ValueError(f"k: got {k}, it must be at least 1")
    return np.asarray(np.sort(rows, axis=0)[-k:].mean(axis=0))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DrawnResult(VideoResult):
    """A result that the server can draw along time.

    Attributes
    ----------
    draw : asks the server for the page; None for a result that was copied or pickled.
    """

    draw: Draw | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "draw": None}  # a connection to a server, perhaps with its key, is not stored

    def _write_timeline(
        self,
        path: str | os.PathLike[str],
        labels: Sequence[str],
        rows: NDArray[Any],
        pooled: Double,
        classifier: str | None,
        pictures: PageMode,
        tables: str | os.PathLike[str] | None,
    ) -> None:
        if pictures not in get_args(PageMode):
            raise ValueError(f"pictures: got {pictures!r}, there are {', '.join(get_args(PageMode))}")
        require_folder(path)
        require_tables(tables)
        if self.draw is None:
            raise RuntimeError(f"{self.name}: was copied or pickled, and has no server that draws it; ask for it again")
        alias = f"video-{uuid.uuid4().hex}"  # the name stays on this machine

        def numbers(row: NDArray[Any]) -> dict[str, Any]:
            return {"scores": np.round(row, 6).tolist()} if labels else {"value": float(row[0])}

        there = [i for i, jpeg in enumerate(self.thumbnails) if jpeg and pictures != "none"]
        chosen = {there[round(i)] for i in np.linspace(0, len(there) - 1, min(THUMBNAILS, len(there)))}
        frames = [
            {
                **numbers(rows[i].astype(np.float64)),
                "timestamp": float(time),
                "times": int(self.times[i]),
                "shot": None if self.shot is None else int(self.shot[i]),
                "thumbnail": self.thumbnails[i] if i in chosen else None,
            }
            for i, time in enumerate(self.timestamps)
        ]
        shots = None
        if self.shots is not None:
            by_shot = self._pool(rows, None, None, "shot")
            shots = [
                {**asdict(shot), **(numbers(row) if shot.frames else {})}
                for shot, row in zip(self.shots, by_shot, strict=True)
            ]
        video = {**self.facts, "sampling": self.sampling, "frames": frames, "shots": shots, "report": self.report}
        entry = {"index": 0, "id": alias, **numbers(pooled), "video": {**video, "decoder": self.decoder}}
        request = {"labels": labels, "classifier": classifier, "receipt": asdict(self.receipt), "data": [entry]}
        html = self.draw({**request, "pictures": pictures})
        write_page(path, html.replace(alias, escape(_printable(self.name))), tables)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClipScores(DrawnResult):
    """Zero-shot scores: a table time × label. They are not calibrated: validate them against human codes.

    Attributes
    ----------
    scores, cosines : (n, labels) float32, by frame.
    best : the label of each frame, None where none fits.
    none_scores : (n,) of `none_of_these`, where it was given.
    label, pooled : of the video, pooled as it was asked for.
    preset, notice : name of the preset, and how to validate its scores; None without a preset.
    """

    labels: Sequence[str]
    scores: Float
    cosines: Float
    best: Sequence[str | None]
    none_scores: Float | None
    label: str | None
    pooled: Float
    templates: Sequence[str]
    preset: str | None = None
    notice: str | None = None

    def pool(self, how: How | None = None, *, k: int | None = None, by: By = "video") -> Double:
        """Scores pooled over the frames: (labels,), or (shots, labels) by="shot"; NaN for a shot without a frame.

        how : "mean", "max" (does it occur at all?), "top_k" (the mean of the k highest). Left out: as it was asked for.
        """
        return self._pool(self.scores, how, k, by)

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row for each frame: video, timestamp, shot, label, a column for each label, remarks."""
        columns = {**self._frames(), "label": list(self.best)}
        return _table(columns, self.labels, self.scores, self._remarks(len(self)))

    def shots_to_pandas(self, how: How | None = None) -> "pd.DataFrame":
        """Table with a row for each shot: video, index, start, end, frames, a column for each label, remarks."""
        return _table(self._shots(), self.labels, self.pool(how, by="shot"), self._remarks(len(self.shots or ())))

    def timeline(
        self,
        path: str | os.PathLike[str],
        *,
        pictures: PageMode = "blurred",
        tables: str | os.PathLike[str] | None = None,
    ) -> None:
        """Write a page, which the server draws: thumbnails along time, a curve for each label, shots.

        One file, which needs no network. The name of the video is not sent.

        Parameters
        ----------
        pictures : "blurred", the faces that the server's detector finds, or the whole picture where it has no detector;
            "blurred_whole", the whole picture; "thumbnails", as they are; or "none".
        tables : a folder, into which each table of the page goes as CSV and LaTeX, and each figure as SVG.

        Raises
        ------
        DaguerreError : the server cannot be asked.
        RuntimeError : the result was copied or pickled.
        """
        self._write_timeline(path, self.labels, self.scores, self.pool(), None, pictures, tables)


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
        """Table with a row for each frame: video, timestamp, shot, vector, remarks."""
        columns = {**self._frames(), "vector": list(self.vectors), **self._remarks(len(self))}
        table: pd.DataFrame = import_pandas().DataFrame(columns)
        return table

    def save(self, path: str | os.PathLike[str]) -> None:
        """A .npz: ids, timestamps, shot (where known), vectors, vector, receipt, remarks."""
        arrays: dict[str, Any] = {"timestamps": self.timestamps, "vectors": self.vectors, "vector": self.vector}
        if self.shot is not None:
            arrays["shot"] = self.shot
        arrays["remarks"] = np.array(self.remarks, str)
        np.savez(path, ids=np.array(self.ids), receipt=json.dumps(asdict(self.receipt)), **arrays)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ClipPredictions(DrawnResult):
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
        """Table by frame: video, timestamp, shot, label and probabilities, or value, low, high, then the rest.

        The rest are `classifier` and `fingerprint`, the same in every row, and remarks.
        """
        origin = origin_columns(self.classifier, self.receipt.fingerprint)
        columns = self._frames()
        remarks = {name: [value] * len(self) for name, value in origin.items()} | dict(self._remarks(len(self)))
        if self.labels:
            return _table({**columns, "label": list(self.predicted)}, self.labels, self.probabilities, remarks)
        values = {"value": self.values, "low": self.low, "high": self.high}
        table: pd.DataFrame = import_pandas().DataFrame({**columns, **values, **remarks})
        return table

    def shots_to_pandas(self, how: How | None = None) -> "pd.DataFrame":
        """Table with a row for each shot."""
        return _table(self._shots(), self.columns, self.pool(how, by="shot"), self._remarks(len(self.shots or ())))

    def timeline(
        self,
        path: str | os.PathLike[str],
        *,
        pictures: PageMode = "blurred",
        tables: str | os.PathLike[str] | None = None,
    ) -> None:
        """Write an HTML timeline, as `ClipScores.timeline` does; of a binary classifier with one curve."""
        self._write_timeline(path, self.labels, self.rows, self.pool(), self.classifier, pictures, tables)


def _table(
    columns: Mapping[str, Any], labels: Sequence[str], rows: NDArray[Any], last: Mapping[str, Any]
) -> "pd.DataFrame":
    """A table with a column for each label, named "label: …" if the table has another column of that name."""
    own = {*columns, *last}
    named = {(f"label: {label}" if label in own else label): rows[:, i] for i, label in enumerate(labels)}
    table: pd.DataFrame = import_pandas().DataFrame({**columns, **named, **last})
    return table
