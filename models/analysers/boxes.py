"""Boxes of detectors: overlap, non-maximum suppression, clipping, and the findings of a picture."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.analysers.spec import Analysis, Finding

Floats = NDArray[np.floating]
CANDIDATES = 10_000  # boxes that suppression looks at; a picture with more above the threshold is noise


def overlaps(box: Floats, boxes: Floats) -> Floats:
    """Intersection over union of one box with others, (n,); boxes are (4,) and (n, 4): left, top, right, bottom."""
    corner = np.maximum(box[:2], boxes[:, :2])
    sides = np.maximum(np.minimum(box[2:], boxes[:, 2:]) - corner, 0)
    shared: Floats = sides.prod(1)
    union = (box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - shared
    result: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result


def suppress(boxes: Floats, labels: NDArray[np.integer], largest_overlap: float, most: int) -> list[int]:
    """Non-maximum suppression within each label: indices of the first `most` boxes that stay.

    Parameters
    ----------
    boxes : (n, 4) left, top, right, bottom, by falling score.
    labels : (n,) number of each box's label.
    largest_overlap : a box stays if its overlap with every box of its label that stays before it is not larger.
    """
    left = np.ones(len(boxes), bool)
    kept: list[int] = []
    while len(kept) < most and left.any():
        best = int(left.argmax())  # the first that is left
        kept.append(best)
        left[best] = False
        rivals = np.flatnonzero(left & (labels == labels[best]))
        left[rivals[overlaps(boxes[best], boxes[rivals]) > largest_overlap]] = False
    return kept


def analysis(
    scores: Floats,
    boxes: Floats,
    names: Sequence[str],
    size: tuple[int, int],
    *,
    min_score: float | Sequence[float],
    wanted: Sequence[int],
    limit: int,
    largest_overlap: float | None,
    remarks: tuple[str, ...] = (),
) -> Analysis:
    """The objects of a picture, from what a network gives for each of its places.

    Parameters
    ----------
    scores : (places, labels), 0 to 1. One place may have several labels.
    boxes : (places, 4) left, top, right, bottom, in pixels of the picture.
    names : name of each label.
    min_score : lowest score, or that of each label in `wanted`.
    size : width and height of the picture, to which boxes are clipped.
    wanted : numbers of the labels that count.
    largest_overlap : of two boxes of one label; None for networks that give each object once.

    Boxes that are not finite or have no area within the picture are left out. Equal scores keep the order of the
    places, so that a result does not depend on the sorting.
    """
    columns = np.asarray(wanted, int)
    places, chosen = np.nonzero(scores[:, columns] >= np.asarray(min_score, scores.dtype))  # false for NaN
    labels = columns[chosen]
    found = scores[places, labels]
    clipped = np.clip(boxes, 0, [*size, *size])
    good = np.asarray(np.isfinite(boxes).all(1) & (clipped[:, 2:] > clipped[:, :2]).all(1))
    order = np.argsort(-found, kind="stable")
    order = order[good[places[order]]]
    cut = len(order) > CANDIDATES
    order = order[:CANDIDATES]
    places, labels, found = places[order], labels[order], found[order]
    kept = list(range(min(len(order), limit + 1)))
    if largest_overlap is not None:
        kept = suppress(clipped[places].astype(np.float64), labels, largest_overlap, limit + 1)
    findings = tuple(
        Finding(
            label=names[labels[i]],
            score=min(float(found[i]), 1.0),
            box=_corner_and_sides(clipped[places[i]]),
        )
        for i in kept[:limit]
    )
    truncated = cut or len(kept) > limit
    if truncated:
        remarks = (
            *remarks,
            f"more than {len(findings):,} objects reach the score of {np.min(min_score):g}: these score highest",
        )
    return Analysis(findings=findings, values={"objects": float(len(findings))}, truncated=truncated, remarks=remarks)


def _corner_and_sides(box: Floats) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(side) for side in box)
    return left, top, right - left, bottom - top
