"""Vectors of a corpus in a job's folder, written by a pipeline and read by the job."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from models.classifiers.head import Block
from models.clustering.vectors import block_rows, forget
from models.errors import ClusteringError


def write_rows(folder: Path, blocks: Sequence[Block], rows: Sequence[NDArray[np.floating]]) -> None:
    """A file for each block; one that was sent ahead is linked, not copied, and stays if its owner deletes it."""
    for block, given in zip(blocks, rows, strict=True):
        path = folder / f"{block.modality}.npy"
        if isinstance(given, np.memmap) and given.filename:
            try:
                os.link(given.filename, path)
                continue
            except OSError:  # another file system
                pass
        np.save(path, given)


def read_rows(folder: Path, blocks: Sequence[Block]) -> list[NDArray[np.floating]]:
    """What `write_rows` has put there; it stays on disk."""
    return [np.load(folder / f"{block.modality}.npy", mmap_mode="r", allow_pickle=False) for block in blocks]


def usable(
    rows: Sequence[NDArray[np.floating]], failed: Mapping[int, tuple[str, str]], *, skip: bool
) -> tuple[NDArray[np.intp], dict[int, tuple[str, str]]]:
    """Items to go on with, and the others with code and message.

    Raises ClusteringError: nan_vectors, zero_vectors, unless they are to be skipped; no_items.
    """
    n = len(rows[0])
    bad = dict(failed)
    for given in rows:
        step = block_rows(given.shape[1])
        for start in range(0, n, step):
            part = np.asarray(given[start : start + step], np.float32)
            finite = np.isfinite(part).all(axis=1)
            for i in (start + np.flatnonzero(~finite)).tolist():
                bad.setdefault(i, ("nan_vectors", "its vector has a NaN or infinity"))
            for i in (start + np.flatnonzero(finite & ~part.any(axis=1))).tolist():
                bad.setdefault(i, ("zero_vectors", "its vector is all zeros, which points nowhere"))
        forget(given)
    new = sorted(bad.keys() - failed.keys())
    if new and not skip:
        code, what = bad[new[0]]
        more = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
        raise ClusteringError(
            f'vectors: item {new[0]} cannot be used: {what}{more}; leave it out, or send on_error "skip"', code=code
        )
    if len(bad) == n:
        raise ClusteringError("vectors: no item can be used; look at its errors", code="no_items")
    kept = np.ones(n, bool)
    kept[list(bad)] = False
    return np.flatnonzero(kept), dict(sorted(bad.items()))


def joined(rows: Sequence[NDArray[np.floating]], which: NDArray[np.intp]) -> NDArray[np.floating]:
    """(items, d): unit vectors of several modalities side by side; those of one as they are."""
    parts = [given if len(which) == len(given) else np.asarray(given[which]) for given in rows]
    if len(parts) == 1:
        return parts[0]
    unit = [np.asarray(part, np.float32) / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
    return np.concatenate(unit, axis=1).astype(np.float32)


def unusable_said(bad: Mapping[int, tuple[str, str]], ids: Sequence[str]) -> list[dict[str, Any]]:
    """As the answers have it."""
    return [
        {"index": i, "id": ids[i], "error": {"code": code, "message": message}} for i, (code, message) in bad.items()
    ]


def keep(folder: Path, name: str, answer: Mapping[str, Any]) -> None:
    """Write an answer among the job's results, whole or not at all."""
    path = folder / name
    part = path.with_suffix(".part")
    part.write_bytes(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY))
    part.replace(path)
