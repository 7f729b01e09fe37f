"""Faces of a corpus by their cosine to target faces."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.faces.vectors import units_of
from models.similarity.neighbours import Neighbours, nearest
from models.stopping import Check, unchecked


@dataclass(frozen=True, kw_only=True)
class Matches:
    """The faces nearest to each of m targets.

    Attributes
    ----------
    nearest : indexes and cosines (m, top), the highest first.
    counts : (m,) number of faces of the whole corpus with a cosine of at least the threshold.
    threshold : the cosine from which a face matches.
    """

    nearest: Neighbours
    counts: NDArray[np.int64]
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

    Raises FaceError for vectors or ids that cannot be used.
    """
    wanted, rows = units_of(targets, target_ids, "targets"), units_of(faces, ids, "faces")
    found = nearest(rows, wanted, top, check=check)
    counts = np.empty(len(wanted), np.int64)
    step = max(1, 2**23 // len(rows))
    for at in range(0, len(wanted), step):
        check()
        cosines = (wanted[at : at + step] @ rows.T).astype(np.float32)
        counts[at : at + step] = (cosines >= np.float32(threshold)).sum(axis=1)
    return Matches(nearest=found, counts=counts, threshold=threshold)
