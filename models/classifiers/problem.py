"""Validated training data: every invalid input is rejected here, so that later steps need no checks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Block, Float, Task, concatenate_blocks
from models.classifiers.records import Dropped, Note
from models.classifiers.targets import read_classes, read_numbers
from models.codes import is_missing
from models.errors import TrainingError, quoted

FEW = 10  # examples of a class below which a note is made
MAX_WEIGHT_RATIO = 1e6  # largest weight over the smallest; beyond it, an item would have no influence


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A learning problem: items with their vectors and codes.

    Attributes
    ----------
    x : (n, d) float32, unit vectors of each block side by side.
    y : (n,) indices into `labels`; for a continuous task the numbers.
    weights : (n,) positive, mean 1: sample weights, or inverse inclusion probabilities.
    groups : (n,) indices; items of one group are always on the same side of a split.
    ids : (n,) names of the items in the report.
    partial : whether items may lack a block.
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
    partial: bool = False
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[Note, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.y)


def make_problem(
    vectors: Sequence[NDArray[np.floating] | None],
    targets: Sequence[Any],
    *,
    task: Task,
    blocks: Sequence[Block],
    ids: Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    sample_weight: Sequence[float] | None = None,
    inclusion_prob: Sequence[float] | None = None,
    labels: Sequence[Any] | None = None,
    bounds: tuple[float, float] | None = None,
    partial: bool = False,
    folds: int | None = 5,
) -> Problem:
    """Validate vectors, targets, groups and weights, and arrange them as a problem.

    Parameters
    ----------
    vectors : (n, d_i) for each block; rows of NaN for items that lack it.
    targets : (n,) codes: labels, or numbers. An item whose code is None, NaN or blank is dropped. 1, 1.0 and "1" are
        the same label.
    groups : (n,) the author or origin of each item: items of a group may be similar for other reasons than their code.
    sample_weight, inclusion_prob : (n,) at most one of them; weights are 1 / inclusion_prob.
    labels : the order of the classes, for a binary task (negative, positive); None: sorted.
    bounds : range of a continuous target and of its predictions.
    partial : keep items that lack one of several blocks, with zeros in it; otherwise they are dropped.
    folds : number of folds that there must be enough items for. None: the items are only for evaluation; `labels` are
        then those of the head.

    Raises
    ------
    TrainingError : with a code for each kind of invalid input.
    """
    if task not in get_args(Task):
        raise TrainingError(f"task: got {task!r}; must be one of {', '.join(get_args(Task))}", code="bad_task")
    if bounds is not None and task != "continuous":
        raise TrainingError(f"bounds: apply only to task continuous (got {task}); leave them out", code="bad_bounds")
    if labels is not None and task == "continuous":
        raise TrainingError("labels: a continuous target has no labels; leave them out", code="unknown_label")
    targets = list(targets)
    n = len(targets)
    names = [str(i) for i in range(n)] if ids is None else [str(name) for name in ids]
    columns: dict[str, Any] = {"ids": ids, "groups": groups}
    columns |= {"sample_weight": sample_weight, "inclusion_prob": inclusion_prob}
    columns |= {f"{block.modality} vectors": rows for rows, block in zip(vectors, blocks, strict=True)}
    for name, column in columns.items():
        if column is not None and len(column) != n:
            raise TrainingError(
                f"{name}: got {len(column)} for {n} targets; give one for each item", code="lengths_differ"
            )
    x = concatenate_blocks(vectors, blocks, n)
    coded, dropped = _coded(targets, names, task)
    reasons = _without_vector(x, blocks, partial)
    dropped += [Dropped(name=names[i], code="no_vector", reason=why) for i, why in reasons.items() if coded[i]]
    keep = coded & ~np.isin(np.arange(n), list(reasons))
    weights = _weights(sample_weight, inclusion_prob, n)
    kept = np.flatnonzero(keep).tolist()
    if not kept:
        there = int((~np.isin(np.arange(n), list(reasons))).sum())
        raise TrainingError(
            f"targets: no item has both a code and a vector; of {n} items, {int(coded.sum())} have a code and {there} "
            "a vector",
            code="no_items",
        )
    chosen = [targets[i] for i in kept]
    notes: list[Note] = []
    y: NDArray[Any]
    order: tuple[str, ...]
    if task == "continuous":
        y, order = read_numbers(chosen, bounds), ()
    else:
        y, order = read_classes(chosen, task, labels)
    group_of = None if groups is None else _groups(np.asarray(list(groups), object)[kept], [names[i] for i in kept])
    if folds is not None:
        notes += check_enough(y, order, group_of, folds)
    w = weights[kept] / weights[kept].max()
    effective = float(w.sum() ** 2 / (w**2).sum())
    if effective < len(w) / 4:
        notes.append(
            Note(
                "uneven_weights",
                f"the weights are so uneven that {len(w)} items have an effective sample size of {effective:.0f}: a "
                "few of them decide all figures",
            )
        )
    return Problem(
        task=task,
        blocks=tuple(blocks),
        labels=order,
        x=np.ascontiguousarray(x[kept]),
        y=y,
        weights=w / w.mean(),
        groups=group_of,
        ids=tuple(names[i] for i in kept),
        bounds=bounds,
        partial=partial,
        dropped=tuple(dropped),
        notes=tuple(notes),
    )


def _coded(targets: Sequence[Any], names: Sequence[str], task: Task) -> tuple[NDArray[np.bool_], list[Dropped]]:
    """Whether each item has a code (n,), and records of those that have none."""
    missing = np.array([is_missing(target) for target in targets], bool)
    dropped = [Dropped(name=names[i], code="no_target", reason="has no code") for i in np.flatnonzero(missing).tolist()]
    return ~missing, dropped


def _without_vector(x: NDArray[np.float32], blocks: Sequence[Block], partial: bool) -> dict[int, str]:
    """Index of each item that lacks a vector that it needs → the reason."""
    ends = np.cumsum([block.dimension for block in blocks])
    present = np.stack([part.any(axis=1) for part in np.split(x, ends[:-1], axis=1)], axis=1)  # (n, blocks)
    reasons = {}
    for i in np.flatnonzero(~present.all(axis=1)).tolist():
        if not present[i].any():
            reasons[i] = "has no vector"
        elif not partial:
            lacking = next(block.modality for block, has in zip(blocks, present[i], strict=True) if not has)
            reasons[i] = f"has no {lacking}; partial=True keeps it"
    return reasons


def _weights(sample_weight: Sequence[float] | None, inclusion_prob: Sequence[float] | None, n: int) -> Float:
    """Weights (n,), finite, above 0, and of a limited range."""
    if sample_weight is not None and inclusion_prob is not None:
        raise TrainingError("sample_weight and inclusion_prob: got both; give one of them", code="bad_weights")
    numbers = sample_weight if inclusion_prob is None else inclusion_prob
    if numbers is None:
        return np.ones(n)
    name = "sample_weight" if inclusion_prob is None else "inclusion_prob"
    try:
        values = np.asarray(numbers, np.float64)
    except (TypeError, ValueError, OverflowError) as exc:
        raise TrainingError(f"{name}: {exc}; must be numbers", code="bad_weights") from exc
    fits = np.isfinite(values) & (values > 0) & (values <= (np.inf if inclusion_prob is None else 1))
    if not fits.all():
        rule = "above 0; leave the item out instead" if inclusion_prob is None else "above 0 and at most 1"
        raise TrainingError(f"{name}: got {values[~fits][0]:g}; must be {rule}", code="bad_weights")
    if n and values.max() / MAX_WEIGHT_RATIO > values.min():
        raise TrainingError(
            f"{name}: got values from {values.min():g} to {values.max():g}; the largest may be at most "
            f"{MAX_WEIGHT_RATIO:g} times the smallest",
            code="bad_weights",
        )
    return values if inclusion_prob is None else values.min(initial=1) / values  # of which only the ratios matter


def _groups(groups: Iterable[Any], names: Sequence[str]) -> NDArray[np.intp]:
    for name, group in zip(names, groups, strict=True):
        if is_missing(group):
            raise TrainingError(
                f"groups: item {quoted(name)} has no group; give a group of its own to an item that "
                "belongs to no other",
                code="no_group",
            )
    return np.asarray(np.unique([str(group) for group in groups], return_inverse=True)[1], np.intp)


def check_enough(y: NDArray[Any], labels: tuple[str, ...], groups: NDArray[np.intp] | None, folds: int) -> list[Note]:
    """Notes on classes with few examples. Raises TrainingError for too few items, groups or examples for the folds."""
    notes: list[Note] = []
    if groups is not None and groups.max() + 1 < max(folds, 3):
        raise TrainingError(
            f"groups: got {groups.max() + 1}; {folds} folds, each with inner folds, need {max(folds, 3)}; use fewer "
            "folds, or code items of more groups",
            code="too_few_groups",
        )
    if len(y) < 2 * folds:
        raise TrainingError(
            f"targets: got {len(y)} coded items for {folds} folds; code at least {2 * folds}, or use fewer folds",
            code="too_few_examples",
        )
    counts = np.bincount(y, minlength=len(labels)).tolist() if labels else []
    if labels and min(counts) < folds:
        rarest = int(np.argmin(counts))
        raise TrainingError(
            f"targets: {quoted(labels[rarest])} has {counts[rarest]} of {len(y)} examples, fewer than "
            f"the {folds} folds; "
            "code more items of it, use fewer folds, or leave the class out",
            code="too_few_examples",
        )
    for c, (name, count) in enumerate(zip(labels, counts, strict=True)):
        if count < FEW:
            message = f"class {quoted(name)} has {count} examples, too few for figures to rely on"
            notes.append(Note("few_examples", message))
        if groups is None or len(np.unique(groups[y == c])) > 1:
            continue
        if len(labels) == 2:
            raise TrainingError(
                f"groups: a single group has all examples of {quoted(name)}, so that no other group can "
                "test what is learnt "
                "from it; code examples in more groups, or leave groups out",
                code="too_few_groups",
            )
        message = f"a single group has all examples of class {quoted(name)}: out of fold it is never predicted"
        notes.append(Note("one_group", message))
    return notes
