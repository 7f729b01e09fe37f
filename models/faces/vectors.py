"""Checks of vectors of faces, and the threshold by which they are compared."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import FaceError, quoted

Float = NDArray[np.float64]
SHORTEST, LONGEST = 1e-15, 1e15


def units_of(vectors: NDArray[np.floating], ids: Sequence[str], name: str = "vectors") -> Float:
    """Vectors of faces scaled to length 1, (n, d).

    Raises
    ------
    FaceError : no vectors, NaN, infinity or zeros, another number of ids, or an id twice. It names the first face.
    """
    if vectors.ndim != 2 or not len(vectors) or not vectors.shape[1]:
        raise FaceError(f"{name}: has no faces; send the vector of one or more", "too_few_items")
    if len(ids) != len(vectors):
        raise FaceError(f"{name}: {len(ids)} ids for {len(vectors)} faces; give one for each", "lengths_differ")
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        twice = next(id for id in ids if id in seen or seen.add(id))  # type: ignore[func-returns-value]
        raise FaceError(f"{name}: two faces have the id {quoted(twice)}; give each its own", "repeated_id")
    rows = np.asarray(vectors, np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths < SHORTEST) | (lengths > LONGEST))
    if len(bad):
        first = int(bad[0])
        finite = bool(np.isfinite(rows[first]).all())
        problem = "is all zeros or out of range" if finite else "has NaN or infinity"
        more = f", and {len(bad) - 1:,} others" if len(bad) > 1 else ""
        raise FaceError(
            f"{name}: the vector of face {quoted(ids[first])} {problem}{more}; leave the face out",
            "zero_vectors" if finite else "nan_vectors",
        )
    units: Float = rows / lengths[:, None]
    return units


def threshold_of(given: float | None, model: str, own: float | None) -> tuple[float, str]:
    """The cosine from which two faces count as one person, and its origin, "given" or "model".

    `own` is that of the model; None where it has none.

    Raises FaceError for neither.
    """
    if given is not None:
        return given, "given"
    if own is None:
        raise FaceError(
            f"threshold: is missing, and the model {quoted(model)} has none of its own; give one, for example that of "
            "a wished false match rate from POST /v1/faces/verification on pairs that you have coded",
            "no_threshold",
        )
    return own, "model"
