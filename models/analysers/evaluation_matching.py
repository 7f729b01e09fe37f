"""Matches of found boxes with coded ones: of their labels, and of their places by COCO's rule."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.analysers.spec import Finding
from models.errors import quoted

Floats = NDArray[np.float64]


def overlaps_of(found: Floats, coded: Floats) -> Floats:
    """Intersection over union of each found box with each coded one, (n, m); boxes are x, y, width, height."""
    first, second = found[:, None], coded[None]
    end = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    shared = np.maximum(end - np.maximum(first[..., :2], second[..., :2]), 0).prod(-1)
    union = first[..., 2:].prod(-1) + second[..., 2:].prod(-1) - shared
    result: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def match(overlaps: Floats, ignored: NDArray[np.bool_], least: Floats) -> NDArray[np.intp]:
    """For each way and found box, by falling score, the number of the coded box that it matches, or -1.

    A coded box is matched once. One that is ignored (of another size than asked) is matched only by boxes that match no
    other.

    Parameters
    ----------
    overlaps : (found, coded).
    ignored : (ways, coded).
    least : (ways,) smallest overlap of a match.
    """
    found, coded = overlaps.shape
    matches = np.full((len(least), found), -1)
    if not coded:
        return matches
    free = np.ones((len(least), coded), bool)
    lowest = np.minimum(least, 1 - 1e-10)
    for i in np.flatnonzero(overlaps.max(1, initial=0) >= lowest.min()):
        near = np.flatnonzero(overlaps[i] >= lowest.min())[::-1]  # of equal ones COCO takes the last
        row = overlaps[i, near]
        fits = free[:, near] & (row >= lowest[:, None])
        regular = fits & ~ignored[:, near]
        fits = np.where(regular.any(1)[:, None], regular, fits)
        ways = np.flatnonzero(fits.any(1))
        best = near[np.where(fits[ways], row, -1).argmax(1)]
        matches[ways, i] = best
        free[ways, best] = False
    return matches


def spelled_as_found(
    found: Sequence[Sequence[Finding]], coded: Sequence[Sequence[Finding]]
) -> tuple[Sequence[Sequence[Finding]], list[str]]:
    """Coded boxes with labels in the capital and small letters of the found ones, and a remark on those changed."""
    spelled: dict[str, set[str]] = {}
    for box in (box for some in found for box in some):
        if box.label is not None:
            spelled.setdefault(box.label.casefold(), set()).add(box.label)

    def name(label: str | None) -> str | None:
        own = spelled.get((label or "").casefold(), set())
        return next(iter(own)) if len(own) == 1 and label not in own else label

    changed = {box.label: name(box.label) for some in coded for box in some if name(box.label) != box.label}
    if not changed:
        return coded, []
    pairs = ", ".join(f"{quoted(old)} as {quoted(new)}" for old, new in list(changed.items())[:5])
    renamed = [[replace(box, label=name(box.label)) for box in some] for some in coded]
    return renamed, [f"coded labels are taken in the letters of the found ones: {pairs}"]
