"""What is to be learnt, validated: arrays that every later step may rely on. All bad input is refused here."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.folders import Dropped
from models.classifiers.head import Block, Float, Task, concatenated
from models.classifiers.notes import Note
from models.errors import TrainingError

MOST_CLASSES = 1000
FEW = 10  # examples below which a class is remarked on
SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Items with their codes.

    Attributes
    ----------
    x : (n, d) float32, unit vectors of each block side by side.
    y : (n,) index into `labels`, or the number of a continuous task.
    weights : (n,) positive, mean 1: sample weights, or inverse inclusion probabilities.
    groups : (n,) indices; items of one group never lie on both sides of a split.
    ids : (n,) for the report.
    """

    task: Task
    blocks: tuple[Block, ...]
    labels: tuple[str, ...]
    x: NDArray[np.float32]
    y: NDArray[Any]
    weights: Float
    groups: NDArray[np.intp] | None
    ids: tuple[str, ...]
    bounds: tuple[float, float] | None = None
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[Note, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.y)


def pose(
    vectors: Sequence[NDArray[np.floating] | None],
    targets: Sequence[Any],
    *,
    task: Task,
    blocks: Sequence[Block],
    ids: Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    sample_weight: Sequence[float] | None = None,
    inclusion_prob: Sequence[float] | None = None,
    labels: Sequence[str] | None = None,
    bounds: tuple[float, float] | None = None,
    folds: int = 5,
) -> Problem:
    """Check and arrange.

    Parameters
    ----------
    vectors : (n, d_i) for each block; rows of NaN for items that lack it.
    targets : a code per item: a label, or a number; None or NaN for none, and the item is dropped.
    labels : the order of the classes; sorted otherwise. Of a binary task (negative, positive).
    sample_weight, inclusion_prob : at most one of them; weights are 1 / inclusion_prob.

    Raises
    ------
    TrainingError : with a code; see the messages.
    """
    n = len(targets)
    names = [str(i) for i in range(n)] if ids is None else [str(name) for name in ids]
    for what, given in (("ids", ids), ("groups", groups), ("sample_weight", sample_weight)):
        if given is not None and len(given) != n:
            raise TrainingError(f"{what}: {len(given)} for {n} targets; give one for each item", code="lengths_differ")
    for rows, block in zip(vectors, blocks, strict=True):
        if rows is not None and len(rows) != n:
            raise TrainingError(
                f"{block.modality} vectors: {len(rows)} for {n} targets; give one for each item", code="lengths_differ"
            )
    x = concatenated(vectors, blocks, n)
    coded, dropped = _coded(targets, names, task)
    nothing = np.flatnonzero(~x.any(axis=1))
    dropped += [Dropped(name=names[i], code="no_vector", reason="has no vector") for i in nothing.tolist() if coded[i]]
    keep = coded & x.any(axis=1)
    weights = _weights(sample_weight, inclusion_prob, n)
    kept = np.flatnonzero(keep).tolist()
    if not kept:
        raise TrainingError("targets: no item has both a code and a vector; nothing can be learnt", code="no_items")
    chosen = [targets[i] for i in kept]
    notes: list[Note] = []
    y: NDArray[Any]
    order: tuple[str, ...]
    if task == "continuous":
        y, order = _numbers(chosen, bounds), ()
    else:
        y, order = _classes(chosen, task, labels, notes, folds)
    held = None if groups is None else np.unique([str(groups[i]) for i in kept], return_inverse=True)[1]
    if held is not None and held.max() + 1 < folds:
        raise TrainingError(
            f"groups: there are {held.max() + 1}, fewer than the {folds} folds; ask for fewer folds",
            code="too_few_groups",
        )
    if len(kept) < 2 * folds:
        raise TrainingError(
            f"targets: {len(kept)} coded items for {folds} folds; code at least {2 * folds}, or ask for fewer folds",
            code="too_few_examples",
        )
    w = weights[kept]
    return Problem(
        task=task,
        blocks=tuple(blocks),
        labels=order,
        x=np.ascontiguousarray(x[kept]),
        y=y,
        weights=w / w.mean(),
        groups=held,
        ids=tuple(names[i] for i in kept),
        bounds=bounds,
        dropped=tuple(dropped),
        notes=tuple(notes),
    )


def _coded(targets: Sequence[Any], names: Sequence[str], task: Task) -> tuple[NDArray[np.bool_], list[Dropped]]:
    """Which items have a code."""
    absent = [
        t is None or (isinstance(t, float) and np.isnan(t)) or (isinstance(t, str) and not t.strip()) for t in targets
    ]
    dropped = [Dropped(name=names[i], code="no_target", reason="has no code") for i, none in enumerate(absent) if none]
    return ~np.array(absent, bool), dropped


def _weights(sample_weight: Sequence[float] | None, inclusion_prob: Sequence[float] | None, n: int) -> Float:
    if sample_weight is not None and inclusion_prob is not None:
        raise TrainingError("sample_weight and inclusion_prob: give one of them", code="bad_weights")
    if inclusion_prob is not None:
        if len(inclusion_prob) != n:
            raise TrainingError(f"inclusion_prob: {len(inclusion_prob)} for {n} targets", code="lengths_differ")
        probability = np.asarray(inclusion_prob, np.float64)
        if not ((probability > 0) & (probability <= 1)).all():
            bad = probability[~((probability > 0) & (probability <= 1))][0]
            raise TrainingError(f"inclusion_prob: got {bad:g}; it lies above 0 and is at most 1", code="bad_weights")
        return 1 / probability
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, np.float64)
    if not (np.isfinite(weights) & (weights > 0)).all():
        bad = weights[~(np.isfinite(weights) & (weights > 0))][0]
        raise TrainingError(
            f"sample_weight: got {bad:g}; leave an item out instead of giving it no weight", code="bad_weights"
        )
    return weights


def _numbers(targets: Sequence[Any], bounds: tuple[float, float] | None) -> Float:
    try:
        y = np.asarray([float(t) for t in targets], np.float64)
    except (TypeError, ValueError) as exc:
        raise TrainingError(f"targets: {exc}; a continuous target is a number", code="nan_targets") from exc
    if not np.isfinite(y).all():
        raise TrainingError("targets: one is infinite; leave it out", code="nan_targets")
    if np.ptp(y) == 0:
        raise TrainingError(f"targets: all are {y[0]:g}; there is nothing to learn", code="one_value")
    if bounds is not None:
        low, high = bounds
        if not low < high:
            raise TrainingError(f"bounds: {low:g} is not below {high:g}", code="bad_bounds")
        if y.min() < low or y.max() > high:
            worst = y.min() if y.min() < low else y.max()
            raise TrainingError(f"targets: {worst:g} lies outside of the bounds {low:g} to {high:g}", code="bad_bounds")
    return y


def _classes(
    targets: Sequence[Any], task: Task, labels: Sequence[str] | None, notes: list[Note], folds: int
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    names = [_label(t) for t in targets]
    counts = Counter(names)
    order = tuple(sorted(counts)) if labels is None else tuple(labels)
    if unknown := sorted(set(counts) - set(order)):
        raise TrainingError(
            f"targets: {unknown[0]!r} is none of the labels {', '.join(order[:SHOWN])}", code="unknown_label"
        )
    if len(counts) < 2:
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
    few = {name: counts[name] for name in order if counts[name] < folds}
    if few:
        name, count = min(few.items(), key=lambda item: item[1])
        raise TrainingError(
            f"targets: {name!r} has {count} of {len(names)} examples, fewer than the {folds} folds; code more of it, "
            "ask for fewer folds, or leave the class out",
            code="too_few_examples",
        )
    for name in order:
        if counts[name] < FEW:
            notes.append(
                Note(
                    "few_examples",
                    f"class {name!r} has {counts[name]} examples: its figures are hardly more than a guess",
                )
            )
    place = {name: i for i, name in enumerate(order)}
    return np.array([place[name] for name in names], np.intp), order


def _label(target: Any) -> str:
    """1.0, 1 and "1" are one class; True is "true"."""
    if isinstance(target, bool | np.bool_):
        return str(bool(target)).lower()
    if isinstance(target, float | np.floating) and float(target).is_integer():
        return str(int(target))
    return str(target).strip()
