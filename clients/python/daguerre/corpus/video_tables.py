"""Tables of a run over videos: a row for each frame, with scores, predictions or vectors."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daguerre.corpus.videos import Frames, VideoParts
from daguerre.inputs.names import printable
from daguerre.results.base import Errors
from daguerre.storage import parquet
from daguerre.storage.csv import open_output
from daguerre.storage.whole import whole_file
from daguerre.types.common import Receipt

OWN_COLUMNS = ("video", "timestamp", "shot", "label", "classifier", "fingerprint", "remarks", "error")


def label_columns(labels: Sequence[str], own: Sequence[str] = OWN_COLUMNS) -> list[str]:
    """Names of the labels' columns: "label: …" for a label that has the name of one of the table's own columns."""
    return [f"label: {label}" if label in own else label for label in labels]


def write_rows(
    parts: VideoParts,
    paths: Sequence[str],
    failed: Errors,
    names: Sequence[str],
    out: str,
    kind: str,
    *,
    labelled: bool,
    digits: str = ".6g",
    constant: Mapping[str, str | None] | None = None,
) -> int:
    """Write a row for each frame: video, timestamp, shot, label if `labelled`, a column for each name, remarks, error.

    A video that cannot be used has one row. `constant` are columns of one value, before remarks.
    `kind` is .csv or .parquet; `out` may be "-", standard output.

    Returns
    -------
    The number of frames.
    """
    fixed = constant or {}
    head = ["video", "timestamp", "shot", *(["label"] if labelled else []), *names, *fixed, "remarks", "error"]
    if kind == ".parquet":
        return _write_parquet(parts.every(paths, failed), head, len(names), out, labelled, fixed)
    same = [value or "" for value in fixed.values()]
    count = 0
    with open_output(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for path, frames in parts.every(paths, failed):
            if isinstance(frames, str):
                writer.writerow([path, *[""] * (len(head) - 3 - len(same)), *same, "", frames])
                continue
            count += len(frames.timestamps)
            labels = [[label or ""] for label in frames.labels] if labelled else [[]] * len(frames.timestamps)
            for time, shot, label, row in zip(frames.timestamps, frames.shots, labels, frames.values, strict=True):
                values = ["" if x != x else format(x, digits) for x in row]
                own = [path, f"{time:.6f}", "" if shot is None else shot]
                writer.writerow([*own, *label, *values, *same, frames.remark or "", ""])
    return count


def _write_parquet(
    videos: Iterator[tuple[str, Frames | str]],
    head: Sequence[str],
    width: int,
    out: str,
    labelled: bool,
    fixed: Mapping[str, str | None],
) -> int:
    pa = parquet.arrow()
    text = [pa.field("label", pa.string())] if labelled else []
    names = head[3 + len(text) : 3 + len(text) + width]
    fields = [pa.field("video", pa.string()), pa.field("timestamp", pa.float64()), pa.field("shot", pa.int64()), *text]
    last = [
        *(pa.field(name, pa.string()) for name in fixed),
        pa.field("remarks", pa.string()),
        pa.field("error", pa.string()),
    ]
    schema = pa.schema([*fields, *(pa.field(name, pa.float64()) for name in names), *last])
    count = 0

    def batches() -> Iterator[Any]:
        nonlocal count
        for path, frames in videos:
            columns: list[Any]
            if isinstance(frames, str):
                empty = [[None]] * (len(head) - 3 - len(fixed))
                columns = [[printable(path)], *empty, *([value] for value in fixed.values()), [None], [frames]]
            else:
                n = len(frames.timestamps)
                count += n
                columns = [[printable(path)] * n, frames.timestamps, frames.shots]
                columns += [list(frames.labels)] if labelled else []
                columns += [frames.values[:, i].astype(np.float64) for i in range(width)]
                columns += [[value] * n for value in fixed.values()]
                columns += [[frames.remark] * n, [None] * n]
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            yield pa.record_batch(arrays, schema=schema)

    parquet.save(batches(), schema, out)
    return count


def write_vectors(
    parts: VideoParts, paths: Sequence[str], failed: Errors, receipt: Receipt, dimension: int, out: str, kind: str
) -> int:
    """Write vectors of frames as a .npz or .parquet of `Embeddings`, with ids such as "clip.mp4@12.480".

    The file also has video, timestamp, shot and remarks. A video that cannot be used has one row without a vector.

    Returns
    -------
    The number of frames.
    """
    if kind == ".npz":
        return _write_npz(parts.every(paths, failed), receipt, dimension, out)
    pa = parquet.arrow()
    more = [("video", pa.string()), ("timestamp", pa.float64()), ("shot", pa.int64()), ("remarks", pa.string())]
    schema = parquet.schema(dimension, receipt)
    for name, type_ in more:
        schema = schema.append(pa.field(name, type_))
    messages = {error.id: error.message for error in failed}
    count = 0

    def batches() -> Iterator[Any]:
        nonlocal count
        for path, frames in parts.every(paths, failed):
            if isinstance(frames, str):
                rows = [parquet.Row(path, error_code=frames, error_message=messages[path])]
                part = parquet.batch(rows, np.zeros((1, dimension), np.float32), receipt, "image")
                columns: list[Any] = [[printable(path)], [None], [None], [None]]
            else:
                rows = [parquet.Row(f"{path}@{time:.3f}") for time in frames.timestamps]
                part = parquet.batch(rows, frames.values, receipt, "image")
                columns = [[printable(path)] * len(rows), frames.timestamps, frames.shots]
                columns.append([frames.remark] * len(rows))
                count += len(rows)
            arrays = [pa.array(column, kind) for column, (_, kind) in zip(columns, more, strict=True)]
            yield pa.record_batch([*part.columns, *arrays], schema=schema)

    parquet.save(batches(), schema, out)
    return count


def _write_npz(videos_frames: Iterator[tuple[str, Frames | str]], receipt: Receipt, dimension: int, out: str) -> int:
    ids: list[str] = []
    videos: list[str] = []
    times: list[float] = []
    shots: list[int] = []
    remarks: list[str] = []
    vectors: list[NDArray[Any]] = []
    count = 0
    for path, frames in videos_frames:
        if isinstance(frames, str):
            ids, videos, times, shots = [*ids, path], [*videos, path], [*times, np.nan], [*shots, -1]
            remarks.append("")
            vectors.append(np.full((1, dimension), np.nan, np.float32))
            continue
        n = len(frames.timestamps)
        count += n
        ids += [f"{path}@{time:.3f}" for time in frames.timestamps]
        videos += [path] * n
        remarks += [frames.remark or ""] * n
        times += frames.timestamps.tolist()
        shots += [-1 if shot is None else shot for shot in frames.shots]
        vectors.append(frames.values)
    with whole_file(out) as temporary:
        np.savez(
            temporary,
            ids=np.array(ids),
            vectors=np.concatenate(vectors),
            receipt=json.dumps(asdict(receipt)),
            modality="image",
            videos=np.array(videos),
            timestamps=np.array(times),
            shots=np.array(shots),
            remarks=np.array(remarks),
        )
    return count
