"""Validated training data: every invalid input is rejected here, so that later steps need no checks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from models.classifiers.features import Feature, feature_values, fit_features, lacking, standardised
from models.classifiers.head import Block, Float, Task, concatenate_blocks
from models.classifiers.rare import WAY_OUT, check_rare, regroup
from models.classifiers.records import Dropped, Note, Prompts
from models.classifiers.targets import read_classes, read_numbers
from models.codes import code_name, is_missing
from models.errors import TrainingError, quoted

FEW = 10  # examples of a class below which a note is made
MAX_WEIGHT_RATIO = 1e6  # largest weight over the smallest; beyond it, an item would have no influence


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A learning problem: items with their vectors and codes.

    Attributes
    ----------
    x : (n, d + m) float32, unit vectors of each block side by side, and the standardised features.
    y : (n,) indices into `labels`; for a continuous task the numbers.
    weights : (n,) positive, mean 1: sample weights, or inverse inclusion probabilities.
    groups : (n,) indices; items of one group are always on the same side of a split.
    ids : (n,) names of the items in the report.
    partial : whether items may lack a block.
    items : (n,) index of the item of each row, where an item has a row for each of its codes; None: a row is an item.
    undecided : items without a target that are predicted nevertheless.
    features : numbers of each item beside its vectors, the last columns of `x`.
    prompts : zero-shot prompts of the classes in their order, whose calibration is the model. None: a linear probe.
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
    items: NDArray[np.intp] | None = None
    undecided: "Undecided | None" = None
    features: tuple[Feature, ...] = ()
    prompts: Prompts | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_items(self) -> int:
        """Number of items, which is that of rows unless an item has a row for each of its codes."""
        return len(self) if self.items is None else int(self.items[-1]) + 1

    @property
    def vectors(self) -> NDArray[np.float32]:
        """(n, d) the vectors alone, without features."""
        return self.x[:, : self.x.shape[1] - len(self.features)]

    @property
    def units(self) -> NDArray[np.intp] | None:
        """(n,) indices: rows of one group, or of one item, are never divided. None: every row is on its own."""
        return self.items if self.groups is None else self.groups


@dataclass(frozen=True, kw_only=True)
class Undecided:
    """Items without a target because their coders differ, whose predictions are compared with each coder.

    Attributes
    ----------
    x : (m, d) float32.
    weights : (m,) on the scale of the weights of the training items.
    groups : (m,) names of their groups among those of the training items, -1 for another group; None without groups.
    """

    ids: tuple[str, ...]
    x: NDArray[np.float32]
    weights: Float
    groups: NDArray[np.intp] | None


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
    shares: Sequence[Sequence[tuple[Any, float]]] | None = None,
    undecided: Collection[int] = (),
    rare: str | None = None,
    features: Mapping[str, Sequence[Any]] | None = None,
    fitted: tuple[Feature, ...] = (),
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
    shares : (n,) the codes of each item with their shares, which sum to 1: each is a row of its item. None: the
        targets.
    undecided : indexes of items without a target that are to be predicted nevertheless.
    rare : treatment of classes with fewer examples than folds: None: an error; "drop": their items are dropped;
        "merge:NAME": they become one class. Without `folds`, of classes that are not among the labels.
    features : columns of numbers by name, (n,) each; an item that lacks one is dropped.
    fitted : the features of the training items, for items that are only for evaluation.

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
    if rare is not None and task == "continuous":
        raise TrainingError(
            f"rare: got {quoted(rare)}, and a continuous target has no classes; leave it out", code="bad_options"
        )
    check_rare(rare)
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
    numbers = feature_values(features or {}, n)
    reasons = {i: ("no_feature", why) for i, why in lacking(numbers, list(features or ())).items()}
    reasons |= {i: ("no_vector", why) for i, why in _without_vector(x, blocks, partial).items()}
    dropped += [Dropped(name=names[i], code=code, reason=why) for i, (code, why) in reasons.items() if coded[i]]
    keep = coded & ~np.isin(np.arange(n), list(reasons))
    weights = item_weights(sample_weight, inclusion_prob, n)
    notes: list[Note] = []
    each = {i: [(targets[i], 1.0)] if shares is None else list(shares[i]) for i in np.flatnonzero(keep).tolist()}
    if rare is not None:
        each, labels, remarks = _regrouped(each, folds, labels, rare)
        notes += remarks
        reason = f"is of a class with fewer than {folds} examples" if folds else "is of a class that was left out"
        left = [i for i in np.flatnonzero(keep).tolist() if i not in each]
        dropped += [Dropped(name=names[i], code="rare_class", reason=reason) for i in left]
        keep[left] = False
    kept = np.flatnonzero(keep).tolist()
    if not kept:
        there = n - sum(code == "no_vector" for code, _ in reasons.values())
        rare_only = rare is not None and coded.any() and there
        raise TrainingError(
            f"targets: no item has both a code and a vector{' with all features' if features else ''}; of {n} items, "
            f"{int(coded.sum())} have a code and {there} a vector{'; all classes are rare' if rare_only else ''}",
            code="no_items",
        )
    if features:
        fitted = fitted or fit_features(list(features), numbers[kept])
        x = np.concatenate([x, standardised(numbers, fitted)], axis=1)
    chosen = [code for codes in each.values() for code, _ in codes]
    share = np.array([part for codes in each.values() for _, part in codes])
    unit = np.repeat(np.arange(len(kept)), [len(codes) for codes in each.values()])
    several = len(unit) > len(kept)
    others = _undecided([i for i in undecided if i not in reasons], x, names, weights, groups, kept)
    kept = [kept[i] for i in unit.tolist()]
    y: NDArray[Any]
    order: tuple[str, ...]
    if task == "continuous":
        y, order = read_numbers(chosen, bounds), ()
    else:
        y, order = read_classes(chosen, task, labels)
    group_of = None if groups is None else _groups(np.asarray(list(groups), object)[kept], [names[i] for i in kept])
    if folds is not None:
        notes += check_enough(y, order, group_of, folds)
    w = weights[kept] * share / weights[kept].max()
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
        items=unit if several else None,
        undecided=None if others is None else replace(others, weights=others.weights / weights[kept].max() / w.mean()),
        features=fitted,
    )


Shared = dict[int, list[tuple[Any, float]]]


def _regrouped(
    each: Shared, folds: int | None, labels: Sequence[Any] | None, rare: str
) -> tuple[Shared, Sequence[Any] | None, tuple[Note, ...]]:
    """The codes of the items by index without rare classes, or with one in their place; see `regroup`.

    The shares of the codes that an item keeps sum to 1; an item that keeps none is left out.
    """
    order = None if labels is None else tuple(code_name(name) for name in labels)
    rows = [(i, part) for i, codes in each.items() for _, part in codes]
    classes, labels, remarks = regroup([code_name(c) for codes in each.values() for c, _ in codes], folds, order, rare)
    kept: Shared = {}
    for (i, part), name in zip(rows, classes, strict=True):
        if name is not None:
            kept.setdefault(i, []).append((name, part))
    for codes in kept.values():
        total = sum(part for _, part in codes)
        codes[:] = [(name, part / total) for name, part in codes]
    return kept, labels, remarks


def _undecided(
    places: Sequence[int],
    x: NDArray[np.float32],
    names: Sequence[str],
    weights: Float,
    groups: Sequence[Any] | None,
    kept: Sequence[int],
) -> Undecided | None:
    if not places:
        return None
    where = None
    if groups is not None:
        index = {name: i for i, name in enumerate(sorted({str(groups[i]) for i in kept}))}
        where = np.array([index.get(str(groups[i]), -1) for i in places], np.intp)
    return Undecided(ids=tuple(names[i] for i in places), x=x[places], weights=weights[places], groups=where)


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


def item_weights(sample_weight: Sequence[float] | None, inclusion_prob: Sequence[float] | None, n: int) -> Float:
    """Weights (n,), finite, above 0, and of a limited range."""
    if sample_weight is not None and inclusion_prob is not None:
        raise TrainingError("sample_weight and inclusion_prob: got both; give one of them", code="bad_weights")
    numbers = sample_weight if inclusion_prob is None else inclusion_prob
    if numbers is None:
        return np.ones(n)
    name = "sample_weight" if inclusion_prob is None else "inclusion_prob"
    try:
        values: Float = np.asarray(numbers, np.float64)
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
    if inclusion_prob is None:
        scaled: Float = values / values.max(initial=np.finfo(np.float64).tiny)  # only the ratios matter
        return scaled
    inverse: Float = values.min(initial=1) / values
    return inverse


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
            f"the {folds} folds; code more items of it, use fewer folds, {WAY_OUT}",
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
