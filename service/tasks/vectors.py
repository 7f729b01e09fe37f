"""Vectors of a corpus in a job's folder, written by a pipeline and read by the job."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from models.classifiers.head import Block
from models.clustering.options import HELD
from models.clustering.vectors import block_rows
from models.errors import ClusteringError
from models.stopping import unchecked
from models.vectors import forget, row_lengths
from service.stores.lengths import beside, stored_lengths

JOINED = "joined.npy"  # vectors of several modalities, in the folder of a job


def write_rows(folder: Path, blocks: Sequence[Block], rows: Sequence[NDArray[np.floating]]) -> None:
    """Write one file per block. An uploaded file is linked, so that it remains if its owner deletes it.

    So are the lengths of its rows, where they are known.
    """
    for block, array in zip(blocks, rows, strict=True):
        path = folder / f"{block.modality}.npy"
        if isinstance(array, np.memmap) and array.filename:
            try:
                os.link(array.filename, path)
            except OSError:  # on another file system
                pass
            else:
                with suppress(OSError):  # there are none
                    os.link(beside(Path(array.filename)), beside(path))
                continue
        np.save(path, array)


def read_rows(folder: Path, blocks: Sequence[Block]) -> list[NDArray[np.floating]]:
    """The arrays that `write_rows` has written, memory-mapped."""
    return [np.load(folder / f"{block.modality}.npy", mmap_mode="r", allow_pickle=False) for block in blocks]


def usable(
    rows: Sequence[NDArray[np.floating]], failed: Mapping[int, tuple[str, str]], *, skip: bool
) -> tuple[NDArray[np.intp], dict[int, tuple[str, str]]]:
    """The indexes of usable items, and code and message of each other one.

    Raises ClusteringError: nan_vectors or zero_vectors unless `skip`; no_items if none is usable.
    """
    n = len(rows[0])
    bad = dict(failed)
    for array in rows:
        lengths = stored_lengths(array)
        if lengths is None:
            lengths = row_lengths(array, unchecked)
        for i in np.flatnonzero(~np.isfinite(lengths)).tolist():
            bad.setdefault(i, ("nan_vectors", "its vector contains NaN or infinity"))
        for i in np.flatnonzero(lengths == 0).tolist():
            bad.setdefault(i, ("zero_vectors", "its vector is all zeros and has no direction"))
        forget(array)
    new = sorted(bad.keys() - failed.keys())
    if new and not skip:
        code, what = bad[new[0]]
        more = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
        raise ClusteringError(
            f'vectors: item {new[0]} cannot be used: {what}{more}; leave it out, or send on_error "skip"', code=code
        )
    if len(bad) == n:
        raise ClusteringError("vectors: no item can be used; see the errors of the items", code="no_items")
    kept = np.ones(n, bool)
    kept[list(bad)] = False
    return np.flatnonzero(kept), dict(sorted(bad.items()))


def joined(rows: Sequence[NDArray[np.floating]], which: NDArray[np.intp]) -> NDArray[np.floating]:
    """(items, d): concatenated unit vectors of several modalities, or the unchanged vectors of one."""
    array, some = joined_in(None, rows, which)
    return array if some is None else np.asarray(array[some])


def joined_in(
    folder: Path | None, rows: Sequence[NDArray[np.floating]], which: NDArray[np.intp]
) -> tuple[NDArray[np.floating], NDArray[np.intp] | None]:
    """The same as an array and the indexes of its rows that are the items, None for all.

    Unit vectors of several modalities that are more than 1 GiB are written into `folder`.
    """
    some = None if len(which) == len(rows[0]) else which
    if len(rows) == 1:
        return rows[0], some
    shape = (len(which), sum(array.shape[1] for array in rows))
    stored = folder is not None and 4 * shape[0] * shape[1] > HELD
    joint = (
        np.lib.format.open_memmap(folder / JOINED, "w+", np.float32, shape)
        if folder is not None and stored
        else np.empty(shape, np.float32)
    )
    for start in range(0, shape[0], step := block_rows(shape[1])):
        place = which[start : start + step]
        parts = [np.asarray(array[place], np.float32) for array in rows]
        unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
        joint[start : start + step] = np.concatenate(unit, axis=1)
    forget(joint)
    return joint, None


def unusable_to_json(bad: Mapping[int, tuple[str, str]], ids: Sequence[str]) -> list[dict[str, Any]]:
    """The unusable items as answers list them."""
    return [
        {"index": i, "id": ids[i], "error": {"code": code, "message": message}} for i, (code, message) in bad.items()
    ]


def keep(folder: Path, name: str, answer: Mapping[str, Any]) -> None:
    """Write an answer into the folder of results, atomically."""
    path = folder / name
    part = path.with_suffix(".part")
    part.write_bytes(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY))
    part.replace(path)
