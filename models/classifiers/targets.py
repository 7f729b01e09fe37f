"""Parsing of codes: labels in their order, or numbers within their bounds."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float, Task
from models.codes import class_order, code_name
from models.errors import TrainingError, listed, quoted

MOST_CLASSES = 1000
LARGEST = 1e100  # numbers are squared


def read_numbers(targets: Sequence[Any], bounds: tuple[float, float] | None) -> Float:
    """Numbers (n,). Raises TrainingError unless they are finite, within the bounds, and not all equal."""
    try:
        y = np.asarray([float(t) for t in targets], np.float64)
    except (TypeError, ValueError, OverflowError) as exc:
        raise TrainingError(f"targets: {exc}; continuous targets must be numbers", code="nan_targets") from exc
    if not np.isfinite(y).all():
        raise TrainingError("targets: one value is infinite; leave it out", code="nan_targets")
    if np.abs(y).max() > LARGEST:
        raise TrainingError(
            f"targets: {np.abs(y).max():g} is too large to be squared; rescale them", code="nan_targets"
        )
    if np.ptp(y) == 0:
        raise TrainingError(
            f"targets: all are {y[0]:g}; training needs at least two different values", code="one_value"
        )
    if bounds is not None:
        low, high = bounds
        if not (low < high and np.isfinite([low, high]).all()):
            raise TrainingError(
                f"bounds: got {low:g} and {high:g}; must be two numbers, the lower one first", code="bad_bounds"
            )
        if y.min() < low or y.max() > high:
            worst = y.min() if y.min() < low else y.max()
            raise TrainingError(
                f"targets: {worst:g} lies outside the bounds {low:g} to {high:g}; correct it or widen the bounds",
                code="bad_bounds",
            )
    return y


def read_classes(
    targets: Sequence[Any], task: Task, labels: Sequence[Any] | None
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Index of each target's class (n,), and the class names in order. Raises TrainingError for invalid classes."""
    names = [code_name(t) for t in targets]
    present = set(names)
    order = class_order(present) if labels is None else tuple(code_name(name) for name in labels)
    if len(set(order)) < len(order):
        repeated = Counter(order).most_common(1)[0][0]
        raise TrainingError(f"labels: {quoted(repeated)} appears twice; name each class once", code="unknown_label")
    if unknown := sorted(present - set(order)):
        raise TrainingError(
            f"targets: {quoted(unknown[0])} is not one of the labels {listed(order)}; correct it or add the label",
            code="unknown_label",
        )
    if len(order) < 2 or (labels is None and len(present) < 2):
        raise TrainingError(
            f"targets: all {len(names)} are {quoted(names[0])}; code items of at least one other class",
            code="one_class",
        )
    if len(order) > MOST_CLASSES:
        raise TrainingError(
            f"targets: got {len(order):,} classes, the limit is {MOST_CLASSES:,}; use task continuous for numbers, and "
            "check that targets are not ids",
            code="too_many_classes",
        )
    if task == "binary" and len(order) != 2:
        raise TrainingError(
            f"targets: got {len(order)} classes ({listed(order)}), a binary task has 2; use task categorical",
            code="not_binary",
        )
    place = {name: i for i, name in enumerate(order)}
    return np.array([place[name] for name in names], np.intp), order
