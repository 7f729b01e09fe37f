"""Results of each video of a run, kept on disk until all are done, then written as one table."""

import csv
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daguerre.errors import FingerprintMismatchError
from daguerre.results.base import Errors
from daguerre.results.video import ClipEmbeddings, ClipPredictions, ClipScores, VideoResult
from daguerre.storage import parquet
from daguerre.storage.csv import opened
from daguerre.types.common import Receipt

OURS = ("video", "timestamp", "shot", "label", "error")


@dataclass(frozen=True, kw_only=True)
class Frames:
    """The frames of one video.

    Attributes
    ----------
    shot : (n,), or empty where shots were not looked for.
    labels : the label of each frame; empty where there are none.
    values : (n, columns).
    fingerprint : of the model that made them.
    """

    timestamps: NDArray[np.float64]
    shot: NDArray[np.int64]
    labels: Sequence[str | None]
    values: NDArray[Any]
    fingerprint: str

    @property
    def shots(self) -> list[int | None]:
        """The shot of each frame, where it is known."""
        return self.shot.tolist() if len(self.shot) else [None] * len(self.timestamps)


def of_scores(made: ClipScores) -> Frames:
    return _frames(made, made.scores, made.best)


def of_predictions(made: ClipPredictions) -> Frames:
    if made.labels:
        return _frames(made, made.probabilities, made.predicted)
    return _frames(made, np.stack([made.values, made.low, made.high], axis=1))


def of_embeddings(made: ClipEmbeddings) -> Frames:
    return _frames(made, made.vectors)


def _frames(made: VideoResult, values: NDArray[Any], labels: Sequence[str | None] = ()) -> Frames:
    shot = np.zeros(0, np.int64) if made.shot is None else made.shot
    fingerprint = made.receipt.fingerprint
    return Frames(timestamps=made.timestamps, shot=shot, labels=labels, values=values, fingerprint=fingerprint)


class VideoParts:
    """A file for each video in `<out>.videos`, until the table is written. Of "-" nothing outlives the command.

    Parameters
    ----------
    question : what was asked; parts of another question, or of a file that has changed, do not count.
    """

    def __init__(self, out: str, question: Mapping[str, Any]) -> None:
        self._question = json.dumps(question, sort_keys=True)
        self._paths: dict[str, Path] = {}
        self._own = tempfile.TemporaryDirectory(prefix="daguerre-") if out == "-" else None
        self.folder = Path(f"{out}.videos" if self._own is None else self._own.name)
        self.folder.mkdir(exist_ok=True)

    def has(self, path: str) -> bool:
        return self._path(path).is_file()

    def keep(self, path: str, found: Frames) -> None:
        """Appears whole or not at all."""
        there = self._path(path)
        part = there.with_suffix(".tmp")
        said = json.dumps({"labels": list(found.labels), "fingerprint": found.fingerprint})
        with part.open("wb") as file:
            np.savez(file, timestamps=found.timestamps, shot=found.shot, values=found.values, said=np.array(said))
        part.replace(there)

    def read(self, path: str) -> Frames:
        with np.load(self._path(path), allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in ("timestamps", "shot", "values")}
            return Frames(**arrays, **json.loads(str(kept["said"])))

    def every(self, paths: Sequence[str], failed: Errors) -> Iterator[tuple[str, Frames | str]]:
        """Each video with its frames, or the code of its error. Raises FingerprintMismatchError."""
        codes = {each.id: each.code for each in failed}
        first: str | None = None
        for path in paths:
            if path in codes:
                yield path, codes[path]
                continue
            found = self.read(path)
            first = first or found.fingerprint
            if found.fingerprint != first:
                raise FingerprintMismatchError(
                    f"the server changed its model in the middle of the run: {first} before, {found.fingerprint} for "
                    f"{path}; delete {self.folder} and start again",
                    code="fingerprint_mismatch",
                )
            yield path, found

    def remove(self) -> None:
        if self._own is None:
            shutil.rmtree(self.folder)
        else:
            self._own.cleanup()

    def _path(self, path: str) -> Path:
        if path not in self._paths:
            self._paths[path] = self.folder / f"{self._key(path)}.npz"
        return self._paths[path]

    def _key(self, path: str) -> str:
        try:
            found = os.stat(path)
            state = [found.st_size, found.st_mtime_ns]
        except OSError:
            state = []
        key = json.dumps([self._question, os.path.abspath(path), state])
        return hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def named(labels: Sequence[str]) -> list[str]:
    """Columns of labels: those that are called as a column of ours have "label: " before them."""
    return [f"label: {label}" if label in OURS else label for label in labels]


def write(
    parts: VideoParts,
    paths: Sequence[str],
    failed: Errors,
    names: Sequence[str],
    out: str,
    kind: str,
    *,
    labelled: bool,
    digits: str = ".6g",
) -> int:
    """A row for each frame: video, timestamp, shot, label where `labelled`, a column for each name, error.

    A video that cannot be used has one row. As .csv or .parquet; "-" is stdout. How many frames there are.
    """
    head = ["video", "timestamp", "shot", *(["label"] if labelled else []), *names, "error"]
    if kind == ".parquet":
        return _write_parquet(parts.every(paths, failed), head, len(names), out, labelled)
    count = 0
    with opened(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for path, found in parts.every(paths, failed):
            if isinstance(found, str):
                writer.writerow([path, *[""] * (len(head) - 2), found])
                continue
            count += len(found.timestamps)
            labels = [[label or ""] for label in found.labels] if labelled else [[]] * len(found.timestamps)
            for time, shot, label, row in zip(found.timestamps, found.shots, labels, found.values, strict=True):
                values = ["" if x != x else format(x, digits) for x in row]
                writer.writerow([path, f"{time:.6f}", "" if shot is None else shot, *label, *values, ""])
    return count


def _write_parquet(
    found: Iterator[tuple[str, Frames | str]], head: Sequence[str], width: int, out: str, labelled: bool
) -> int:
    pa = parquet.arrow()
    text = [pa.field("label", pa.string())] if labelled else []
    names = head[3 + len(text) : -1]
    fields = [pa.field("video", pa.string()), pa.field("timestamp", pa.float64()), pa.field("shot", pa.int64()), *text]
    schema = pa.schema([*fields, *(pa.field(name, pa.float64()) for name in names), pa.field("error", pa.string())])
    count = 0

    def batches() -> Iterator[Any]:
        nonlocal count
        for path, each in found:
            failed = isinstance(each, str)
            n = 1 if isinstance(each, str) else len(each.timestamps)
            nothing = [None] * n
            count += 0 if failed else n
            columns: list[Any] = [[parquet.printable(path)] * n]
            if isinstance(each, str):
                columns += [nothing] * (len(head) - 2)
            else:
                columns += [each.timestamps, each.shots, *([list(each.labels)] if labelled else [])]
                columns += [each.values[:, i].astype(np.float64) for i in range(width)]
            columns.append([each] if failed else nothing)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            yield pa.record_batch(arrays, schema=schema)

    parquet.save(batches(), schema, out)
    return count


def write_vectors(
    parts: VideoParts, paths: Sequence[str], failed: Errors, made: Receipt, dimension: int, out: str, kind: str
) -> int:
    """Vectors of frames, called "clip.mp4@12.480", as .npz or .parquet: what `daguerre cluster` and `search` read.

    Beside what files of images have: video, timestamp, shot. A video that cannot be used has one row without a vector.
    """
    if kind == ".npz":
        return _write_npz(parts.every(paths, failed), made, dimension, out)
    pa = parquet.arrow()
    more = [("video", pa.string()), ("timestamp", pa.float64()), ("shot", pa.int64())]
    schema = parquet.schema(dimension, made)
    for name, type_ in more:
        schema = schema.append(pa.field(name, type_))
    whys = {each.id: each for each in failed}
    count = 0

    def batches() -> Iterator[Any]:
        nonlocal count
        for path, found in parts.every(paths, failed):
            if isinstance(found, str):
                rows = [parquet.Row(path, error_code=found, error_message=whys[path].message)]
                part = parquet.batch(rows, np.zeros((1, dimension), np.float32), made)
                columns: list[Any] = [[parquet.printable(path)], [None], [None]]
            else:
                rows = [parquet.Row(f"{path}@{time:.3f}") for time in found.timestamps]
                part = parquet.batch(rows, found.values, made)
                columns = [[parquet.printable(path)] * len(rows), found.timestamps, found.shots]
                count += len(rows)
            arrays = [pa.array(column, kind) for column, (_, kind) in zip(columns, more, strict=True)]
            yield pa.record_batch([*part.columns, *arrays], schema=schema)

    parquet.save(batches(), schema, out)
    return count


def _write_npz(found: Iterator[tuple[str, Frames | str]], made: Receipt, dimension: int, out: str) -> int:
    ids: list[str] = []
    videos: list[str] = []
    times: list[float] = []
    shots: list[int] = []
    vectors: list[NDArray[Any]] = []
    count = 0
    for path, each in found:
        if isinstance(each, str):
            ids, videos, times, shots = [*ids, path], [*videos, path], [*times, np.nan], [*shots, -1]
            vectors.append(np.full((1, dimension), np.nan, np.float32))
            continue
        n = len(each.timestamps)
        count += n
        ids += [f"{path}@{time:.3f}" for time in each.timestamps]
        videos += [path] * n
        times += each.timestamps.tolist()
        shots += [-1 if shot is None else shot for shot in each.shots]
        vectors.append(each.values)
    rows = np.concatenate(vectors)
    np.savez(
        out,
        ids=np.array(ids),
        vectors=rows,
        receipt=json.dumps(asdict(made)),
        videos=np.array(videos),
        timestamps=np.array(times),
        shots=np.array(shots),
    )
    return count
