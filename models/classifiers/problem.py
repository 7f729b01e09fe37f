"""What is to be learnt, validated: arrays that every later step may rely on. All bad input is refused here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from models.classifiers.folders import Dropped
from models.classifiers.head import Block, Float, Task, concatenated
from models.classifiers.notes import Note
from models.classifiers.targets import absent, classes, numbers
from models.errors import TrainingError

FEW = 10  # examples below which a class is remarked on
STEEPEST = 1e6  # largest weight over the smallest: beyond, an item is there in name only


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
    partial : items may lack a block.
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
    labels: Sequence[Any] | None = None,
    bounds: tuple[float, float] | None = None,
    partial: bool = False,
    folds: int | None = 5,
) -> Problem:
    """Check and arrange.

    Parameters
    ----------
    vectors : (n, d_i) for each block; rows of NaN for items that lack it.
    targets : a code per item: a label, or a number; None or NaN for none, and the item is dropped. 1, 1.0 and "1" are
        one label.
    groups : who made it, where it comes from: items that are alike for other reasons than their code.
    sample_weight, inclusion_prob : at most one of them; weights are 1 / inclusion_prob.
    labels : the order of the classes; sorted otherwise, numbers as numbers. Of a binary task (negative, positive).
    bounds : of a continuous task: what targets and predictions cannot leave.
    partial : take items that lack one of several blocks, as zeros there. Otherwise they are dropped.
    folds : that there have to be enough items for. None: the items will only be measured, any number will do; `labels`
        are then those of the head.

    Raises
    ------
    TrainingError : with a code; see the messages.
    """
    if task not in get_args(Task):
        raise TrainingError(f"task: got {task!r}; there are {', '.join(get_args(Task))}", code="bad_task")
    if bounds is not None and task != "continuous":
        raise TrainingError(f"bounds: a {task} target has labels, not bounds; leave them out", code="bad_bounds")
    if labels is not None and task == "continuous":
        raise TrainingError("labels: a continuous target has none; leave them out", code="unknown_label")
    targets = list(targets)
    n = len(targets)
    names = [str(i) for i in range(n)] if ids is None else [str(name) for name in ids]
    for what, given in (("ids", ids), ("groups", groups), *_weightings(sample_weight, inclusion_prob)):
        if given is not None and len(given) != n:
            raise TrainingError(f"{what}: {len(given)} for {n} targets; give one for each item", code="lengths_differ")
    for rows, block in zip(vectors, blocks, strict=True):
        if rows is not None and len(rows) != n:
            raise TrainingError(
                f"{block.modality} vectors: {len(rows)} for {n} targets; give one for each item", code="lengths_differ"
            )
    x = concatenated(vectors, blocks, n)
    coded, dropped = _coded(targets, names, task)
    reasons = _without_vector(x, blocks, partial)
    dropped += [Dropped(name=names[i], code="no_vector", reason=why) for i, why in reasons.items() if coded[i]]
    keep = coded & ~np.isin(np.arange(n), list(reasons))
    weights = _weights(sample_weight, inclusion_prob, n)
    kept = np.flatnonzero(keep).tolist()
    if not kept:
        raise TrainingError("targets: no item has both a code and a vector; nothing can be learnt", code="no_items")
    chosen = [targets[i] for i in kept]
    notes: list[Note] = []
    y: NDArray[Any]
    order: tuple[str, ...]
    if task == "continuous":
        y, order = numbers(chosen, bounds), ()
    else:
        y, order = classes(chosen, task, labels)
    held = None if groups is None else _groups(np.asarray(list(groups), object)[kept], [names[i] for i in kept])
    if folds is not None:
        notes += enough(y, order, held, folds)
    w = weights[kept] / weights[kept].max()
    worth = float(w.sum() ** 2 / (w**2).sum())
    if worth < len(w) / 4:
        notes.append(
            Note(
                "uneven_weights",
                f"the weights are so uneven that {len(w)} items are worth {worth:.0f} of equal weight: a few of them "
                "decide all figures",
            )
        )
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
        partial=partial,
        dropped=tuple(dropped),
        notes=tuple(notes),
    )


def _coded(targets: Sequence[Any], names: Sequence[str], task: Task) -> tuple[NDArray[np.bool_], list[Dropped]]:
    """Which items have a code."""
    none = [absent(target) for target in targets]
    dropped = [Dropped(name=names[i], code="no_target", reason="has no code") for i in range(len(none)) if none[i]]
    return ~np.array(none, bool), dropped


def _without_vector(x: NDArray[np.float32], blocks: Sequence[Block], partial: bool) -> dict[int, str]:
    """The items that cannot be learnt from, with the reason."""
    ends = np.cumsum([block.dimension for block in blocks])
    there = np.stack([part.any(axis=1) for part in np.split(x, ends[:-1], axis=1)], axis=1)  # (n, blocks)
    found = {}
    for i in np.flatnonzero(~there.all(axis=1)).tolist():
        if not there[i].any():
            found[i] = "has no vector"
        elif not partial:
            lacking = next(block.modality for block, has in zip(blocks, there[i], strict=True) if not has)
            found[i] = f"has no {lacking}; partial=True takes it"
    return found


def _weightings(*given: Sequence[float] | None) -> list[tuple[str, Sequence[float] | None]]:
    return list(zip(("sample_weight", "inclusion_prob"), given, strict=True))


def _weights(sample_weight: Sequence[float] | None, inclusion_prob: Sequence[float] | None, n: int) -> Float:
    """Finite and above 0, within a range that leaves every item some say."""
    if sample_weight is not None and inclusion_prob is not None:
        raise TrainingError("sample_weight and inclusion_prob: give one of them", code="bad_weights")
    given = sample_weight if inclusion_prob is None else inclusion_prob
    if given is None:
        return np.ones(n)
    name = "sample_weight" if inclusion_prob is None else "inclusion_prob"
    try:
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError) as exc:
        raise TrainingError(f"{name}: {exc}; each is a number", code="bad_weights") from exc
    fits = np.isfinite(values) & (values > 0) & (values <= (np.inf if inclusion_prob is None else 1))
    if not fits.all():
        rule = (
            "leave an item out instead of giving it no weight"
            if inclusion_prob is None
            else "it lies above 0 and is at most 1"
        )
        raise TrainingError(f"{name}: got {values[~fits][0]:g}; {rule}", code="bad_weights")
    if n and values.max() / STEEPEST > values.min():
        raise TrainingError(
            f"{name}: from {values.min():g} to {values.max():g}; the largest is at most {STEEPEST:g} times as much",
            code="bad_weights",
        )
    return values if inclusion_prob is None else 1 / values


def _groups(given: Iterable[Any], names: Sequence[str]) -> NDArray[np.intp]:
    for name, group in zip(names, given, strict=True):
        if absent(group):
            raise TrainingError(
                f"groups: item {name!r} has none; give one of its own to an item that belongs with no other",
                code="no_group",
            )
    return np.asarray(np.unique([str(group) for group in given], return_inverse=True)[1], np.intp)


def enough(y: NDArray[Any], labels: tuple[str, ...], groups: NDArray[np.intp] | None, folds: int) -> list[Note]:
    """Remarks on what is scarce. Raises TrainingError: too few items, groups or examples of a class for the folds."""
    notes: list[Note] = []
    if groups is not None and groups.max() + 1 < max(folds, 3):
        raise TrainingError(
            f"groups: there are {groups.max() + 1}; {folds} folds, with a choice within each, take {max(folds, 3)}; "
            "ask for fewer folds, or code items of more groups",
            code="too_few_groups",
        )
    if len(y) < 2 * folds:
        raise TrainingError(
            f"targets: {len(y)} coded items for {folds} folds; code at least {2 * folds}, or ask for fewer folds",
            code="too_few_examples",
        )
    counts = np.bincount(y, minlength=len(labels)).tolist() if labels else []
    if labels and min(counts) < folds:
        rarest = int(np.argmin(counts))
        raise TrainingError(
            f"targets: {labels[rarest]!r} has {counts[rarest]} of {len(y)} examples, fewer than the {folds} folds; "
            "code more of it, ask for fewer folds, or leave the class out",
            code="too_few_examples",
        )
    for c, (name, count) in enumerate(zip(labels, counts, strict=True)):
        if count < FEW:
            said = f"class {name!r} has {count} examples: its figures are hardly more than a guess"
            notes.append(Note("few_examples", said))
        if groups is None or len(np.unique(groups[y == c])) > 1:
            continue
        if len(labels) == 2:
            raise TrainingError(
                f"groups: one alone holds all examples of {name!r}, so that what is learnt of it can be tested on no "
                "other; code it in more groups, or leave groups out",
                code="too_few_groups",
            )
        said = f"one group alone holds all examples of class {name!r}: out of fold it is never recognised"
        notes.append(Note("one_group", said))
    return notes
