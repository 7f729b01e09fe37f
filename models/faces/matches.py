"""Faces of a corpus by their cosine to target faces."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.faces.vectors import units_of
from models.similarity.neighbours import cosines_of, nearest
from models.stopping import Check, unchecked
from models.vectors import row_lengths

Float = NDArray[np.float64]
EQUAL = 1 - 1e-6  # cosine of one face of one picture, as far as batches and devices change its vector; copies have less
ROUNDING = 1e-6  # above the difference between a cosine and the one in single precision that is listed
LISTED = 2**20  # neighbours that are searched at once


@dataclass(frozen=True, kw_only=True)
class Matches:
    """The faces nearest to each of m targets.

    Attributes
    ----------
    faces : of each target, the indexes and cosines of at most `top` faces, the highest first. The target itself is not
        among them: a face with an equal vector, that is the same place of the same picture, or of an exact copy.
    counts : (m,) number of faces of the whole corpus with a cosine of at least the threshold, without the target.
    itself : (m,) number of faces that are the target itself.
    threshold : the cosine from which a face matches.
    """

    faces: tuple[tuple[tuple[int, float], ...], ...]
    counts: NDArray[np.int64]
    itself: NDArray[np.int64]
    threshold: float

    def is_match(self, cosine: float) -> bool:
        """Whether a cosine, in single precision, reaches the threshold."""
        return bool(np.float32(cosine) >= np.float32(self.threshold))


def match_faces(
    targets: NDArray[np.floating],
    faces: NDArray[np.floating],
    target_ids: Sequence[str],
    ids: Sequence[str],
    threshold: float,
    top: int,
    check: Check = unchecked,
) -> Matches:
    """The `top` faces with the highest cosine to each target, and the number of those at or above the threshold.

    A target that is one of the faces is no match of itself.

    Raises FaceError for vectors or ids that cannot be used.
    """
    wanted, rows = units_of(targets, target_ids, "targets"), units_of(faces, ids, "faces")
    counts, itself = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.int64)
    lengths = row_lengths(rows, check)
    step = max(1, 2**23 // len(rows))
    for at in range(0, len(wanted), step):
        check()
        cosines = wanted[at : at + step] @ rows.T
        equal = cosines >= EQUAL
        itself[at : at + step] = equal.sum(axis=1)
        counts[at : at + step] = ((cosines >= threshold + ROUNDING) & ~equal).sum(axis=1)
        unsure = (np.abs(cosines - threshold) < ROUNDING) & ~equal
        for i in np.flatnonzero(unsure.any(axis=1)).tolist():
            some = np.flatnonzero(unsure[i])
            listed = cosines_of(rows[some], wanted[at + i], lengths=lengths[some], check=check)
            counts[at + i] += int((listed >= np.float32(threshold)).sum())
    found: list[tuple[tuple[int, float], ...]] = [()] * len(wanted)
    for extra in np.unique(itself).tolist():
        some = np.flatnonzero(itself == extra)
        step = max(1, LISTED // (top + extra))
        for at in range(0, len(some), step):
            targets_of = some[at : at + step]
            for target, others in zip(targets_of, _others(rows, wanted[targets_of], top, extra, check), strict=True):
                found[target] = others
    return Matches(faces=tuple(found), counts=counts, itself=itself, threshold=threshold)


def _others(rows: Float, wanted: Float, top: int, extra: int, check: Check) -> list[tuple[tuple[int, float], ...]]:
    """The faces nearest to each target, without the `extra` ones that are the target itself."""
    near = nearest(rows, wanted, top + extra, check=check)
    listed = []
    for target, indexes, scores in zip(wanted, near.indexes, near.scores.tolist(), strict=True):
        others = rows[indexes] @ target < EQUAL
        pairs = zip(indexes.tolist(), scores, others.tolist(), strict=True)
        listed.append(tuple((i, cosine) for i, cosine, other in pairs if other)[:top])
    return listed
