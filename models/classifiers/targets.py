"""Codes as people write them, read: labels in their order, or numbers within their bounds."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float, Task
from models.errors import TrainingError

MOST_CLASSES = 1000
LARGEST = 1e100  # of a number that is squared
SHOWN = 5


def absent(value: Any) -> bool:
    """None, NaN of any library (which does not equal itself, or has no answer), or a blank."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    try:
        return not value == value  # noqa: SIM201
    except TypeError:
        return True


def numbers(targets: Sequence[Any], bounds: tuple[float, float] | None) -> Float:
    """(n,), finite, within their bounds, more than one value. Raises TrainingError otherwise."""
    try:
        y = np.asarray([float(t) for t in targets], np.float64)
    except (TypeError, ValueError) as exc:
        raise TrainingError(f"targets: {exc}; a continuous target is a number", code="nan_targets") from exc
    if not np.isfinite(y).all():
        raise TrainingError("targets: one is infinite; leave it out", code="nan_targets")
    if np.abs(y).max() > LARGEST:
        raise TrainingError(
            f"targets: {np.abs(y).max():g} is too large to be squared; rescale them", code="nan_targets"
        )
    if np.ptp(y) == 0:
        raise TrainingError(f"targets: all are {y[0]:g}; there is nothing to learn", code="one_value")
    if bounds is not None:
        low, high = bounds
        if not (low < high and np.isfinite([low, high]).all()):
            raise TrainingError(
                f"bounds: got {low:g} and {high:g}; two numbers, the lower one first", code="bad_bounds"
            )
        if y.min() < low or y.max() > high:
            worst = y.min() if y.min() < low else y.max()
            raise TrainingError(f"targets: {worst:g} lies outside of the bounds {low:g} to {high:g}", code="bad_bounds")
    return y


def classes(
    targets: Sequence[Any], task: Task, labels: Sequence[Any] | None
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Index of each target's class (n,), and the classes in their order. Raises TrainingError for what is none."""
    names = [label(t) for t in targets]
    there = set(names)
    order = _sorted(there) if labels is None else tuple(label(name) for name in labels)
    if len(set(order)) < len(order):
        twice = Counter(order).most_common(1)[0][0]
        raise TrainingError(f"labels: {twice!r} is there twice; name each class once", code="unknown_label")
    if unknown := sorted(there - set(order)):
        raise TrainingError(
            f"targets: {unknown[0]!r} is none of the labels {', '.join(order[:SHOWN])}", code="unknown_label"
        )
    if len(order) < 2 or (labels is None and len(there) < 2):
        raise TrainingError(
            f"targets: all {len(names)} are {names[0]!r}; code items of at least one other class", code="one_class"
        )
    if len(order) > MOST_CLASSES:
        raise TrainingError(
            f"targets: {len(order):,} classes, the limit is {MOST_CLASSES:,}; is it a continuous target, or an id?",
            code="too_many_classes",
        )
    if task == "binary" and len(order) != 2:
        raise TrainingError(
            f"targets: {len(order)} classes ({', '.join(order[:SHOWN])}…), a binary task has 2; ask for categorical",
            code="not_binary",
        )
    place = {name: i for i, name in enumerate(order)}
    return np.array([place[name] for name in names], np.intp), order


def _sorted(labels: set[str]) -> tuple[str, ...]:
    """As numbers if all of them are: 2 before 10."""
    try:
        return tuple(sorted(labels, key=float))
    except ValueError:
        return tuple(sorted(labels))


def label(target: Any) -> str:
    """1.0, 1 and "1" are one class; True is "true"."""
    if isinstance(target, bool | np.bool_):
        return str(bool(target)).lower()
    if isinstance(target, float | np.floating) and float(target).is_integer():
        return str(int(target))
    return str(target).strip()
