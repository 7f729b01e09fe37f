"""Comparison of two results of a step, figure by figure."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from daguerre.replication.outcomes import Outcome
from daguerre.results.replication import ReplicatedFigure, Status


def compared(step: int, operation: str, old: Outcome, new: Outcome, tolerance: float) -> list[ReplicatedFigure]:
    """A row for the ids, each column and each array of the items, and one for all other figures.

    Items are compared by their ids: those that only one of the two has are a difference of the ids alone. The
    difference of two numbers is divided by the stored one where that is above 1. Two missing values are equal.
    """
    rows: list[ReplicatedFigure] = []

    def add(figure: str, values: int, status: Status, largest: float | None = None, note: str = "") -> None:
        rows.append(
            ReplicatedFigure(
                step=step, operation=operation, figure=figure, rows=values, status=status, largest=largest, note=note
            )
        )

    if old.ids or new.ids:
        if old.ids == new.ids:
            add("id", len(old.ids), "bit-equal")
        else:
            add("id", len(old.ids), "different", None, _unlike(old.ids, new.ids))
    places = {id: i for i, id in enumerate(new.ids)}
    both = [(i, places[id]) for i, id in enumerate(old.ids) if id in places]
    ids = [old.ids[i] for i, _ in both]
    for name in dict.fromkeys((*old.columns, *new.columns)):
        if name not in old.columns or name not in new.columns:
            add(name, len(ids), "different", None, f"it is {'new' if name in new.columns else 'gone'}")
            continue
        pairs = [(old.columns[name][i], new.columns[name][j]) for i, j in both]
        add(name, len(ids), *_cells(ids, pairs, tolerance))
    for name in dict.fromkeys((*old.arrays, *new.arrays)):
        if name not in old.arrays or name not in new.arrays:
            add(name, len(ids), "different", None, f"it is {'new' if name in new.arrays else 'gone'}")
            continue
        first, second = old.arrays[name], new.arrays[name]
        add(name, *_arrays(ids, first[[i for i, _ in both]], second[[j for _, j in both]], tolerance))
    if old.figures or new.figures:
        keys = list(dict.fromkeys((*old.figures, *new.figures)))
        lacking = [key for key in keys if key not in old.figures or key not in new.figures]
        known = [key for key in keys if key not in lacking]
        status, largest, note = _cells(known, [(old.figures[k], new.figures[k]) for k in known], tolerance)
        if lacking:
            where = "here" if lacking[0] in old.figures else "in the study"
            status, note = (
                "different",
                "; ".join(filter(None, (note, f"{len(lacking):,} are not {where}: {lacking[0]}"))),
            )
        add("figures", len(keys), status, largest, note)
    return rows


def _unlike(old: Sequence[str], new: Sequence[str]) -> str:
    if set(old) == set(new):
        return "the order differs"
    gone, more = [id for id in old if id not in set(new)], [id for id in new if id not in set(old)]
    parts = [
        f"{len(ids):,} {what}, the first {ids[0]!r:.80}" for ids, what in ((gone, "lack"), (more, "are new")) if ids
    ]
    return "; ".join(parts)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _cells(
    names: Sequence[str], pairs: Sequence[tuple[str, str]], tolerance: float
) -> tuple[Status, float | None, str]:
    """The status of cells, the largest difference of numbers, and where it is."""
    largest, numeric, place = 0.0, False, ""
    unlike: list[str] = []
    for name, (old, new) in zip(names, pairs, strict=True):
        a, b = _number(old), _number(new)
        numeric = numeric or (a is not None and b is not None)
        if old == new:
            continue
        if a is None or b is None:
            unlike.append(f"{name}: {old!r:.60} is now {new!r:.60}")
            continue
        difference = _difference(a, b)
        if not difference <= largest:
            largest, place = difference, name
    if unlike:
        return "different", largest if numeric else None, f"{len(unlike):,} differ, the first {unlike[0]}"
    if not largest:
        return "bit-equal", 0.0 if numeric else None, ""
    return _status(largest, tolerance), largest, place


def _difference(old: float, new: float) -> float:
    difference = abs(old - new) / max(1.0, abs(old))
    return math.inf if math.isnan(difference) else difference


def _arrays(
    ids: Sequence[str], old: NDArray[np.generic], new: NDArray[np.generic], tolerance: float
) -> tuple[int, Status, float | None, str]:
    if old.shape != new.shape:
        return int(old.size), "different", None, f"its shape is {new.shape}, and was {old.shape}"
    if old.dtype == new.dtype and old.tobytes() == new.tobytes():
        return int(old.size), "bit-equal", 0.0, ""
    a, b = old.astype(np.float64), new.astype(np.float64)
    with np.errstate(invalid="ignore"):
        differences = np.abs(a - b) / np.maximum(1.0, np.abs(a))
    differences[np.isnan(a) & np.isnan(b)] = 0.0
    differences[np.isnan(differences)] = math.inf
    row = int(np.unravel_index(np.argmax(differences), differences.shape)[0])
    largest = float(differences.max())
    return int(old.size), _status(largest, tolerance), largest, ids[row] if row < len(ids) else ""


def _status(largest: float, tolerance: float) -> Status:
    return "bit-equal" if not largest else "within tolerance" if largest <= tolerance else "different"
