"""Codes to numbers, and the images that are set aside to stop by."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifiers.folders import SPLITS, LabelledImage, check_classes
from models.errors import TrainingError
from models.finetune.options import Options

Float = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_CLASSES = 10_000
_BINS = 5  # of a continuous target, to spread it evenly over training and validation


@dataclass(frozen=True)
class Targets:
    """What is learnt, item by item."""

    labels: tuple[str, ...]  # (negative, positive); the classes, sorted; none for a continuous target
    values: Float  # (n,): index into labels, or the number itself
    weights: Float  # (n,): of the items, mean 1 over the training images; in training and in every figure
    boost: Float  # (c,): of the classes, in training alone
    split: NDArray[np.str_]  # (n,): train, validation or test

    def counts(self) -> dict[str, dict[str, int]]:
        """split → class → images; "" stands for all of a continuous target."""
        counted: dict[str, dict[str, int]] = {}
        for split in SPLITS:
            values = self.values[self.split == split]
            found = Counter(values.astype(int).tolist()) if self.labels else Counter()
            counted[split] = {label: found[i] for i, label in enumerate(self.labels)} or {"": len(values)}
        return counted


def targets_of(items: Sequence[LabelledImage], options: Options) -> Targets:
    """Read the items' codes for the task and set validation images aside, where the items name none.

    Raises
    ------
    TrainingError
        One class or too many, a binary task with three, a class with one training image, a number that is none or
        out of its bounds.
    """
    labels: tuple[str, ...] = ()
    if options.task == "continuous":
        values = _numbers(items, options.bounds)
    else:
        labels, values = _classes(items, options)
    split = np.array([item.split for item in items], "U10")  # "validation" has 10 letters
    own = bool((split == "validation").any())
    if not own:
        strata = _bins(values, split == "train") if options.task == "continuous" else values.astype(np.int64)
        inside = np.flatnonzero(split == "train")
        groups = [items[i].group or f"\0{i}" for i in inside.tolist()]
        aside = set_aside(strata[inside], groups, options.validation, options.seed)
        split[inside[aside]] = "validation"
    train = split == "train"
    _check_enough(values, split, labels, ("train",) if own else ("train", "validation"))
    weights = np.array([item.weight for item in items], np.float64)
    weights /= weights[train].mean()
    boost = np.ones(max(len(labels), 1))
    if options.class_weight == "balanced":
        totals = np.bincount(values[train].astype(np.int64), weights[train], minlength=len(labels))
        boost = totals.sum() / (len(labels) * totals)
    return Targets(labels, values, weights, boost, split)


def set_aside(strata: Ints, groups: Sequence[str], part: float, seed: int) -> NDArray[np.bool_]:
    """Choose about `part` of each stratum, whole groups at a time, and leave each stratum something to learn from.

    Groups are taken in a random order where that brings the chosen counts nearer to the wanted ones, by squares.
    A stratum that has none then, since its groups are large, gives its smallest.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    members: dict[str, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    totals = np.bincount(strata).astype(np.float64)  # (strata,)
    wanted = np.where(totals > 1, np.maximum(1, np.round(part * totals)), 0)
    taken = np.zeros_like(totals)
    chosen = np.zeros(len(strata), bool)
    order = list(members)
    np.random.default_rng([seed, 1]).shuffle(order)
    for large in (False, True):
        for group in sorted(order, key=lambda name: len(members[name])) if large else order:
            counts = np.bincount(strata[members[group]], minlength=len(totals))
            after, there = taken + counts, counts > 0
            if large:
                better = ((taken == 0) & (wanted > 0) & there).any()
            else:
                better = np.square(after - wanted).sum() < np.square(taken - wanted).sum()
            if better and not chosen[members[group][0]] and (after[there] < totals[there]).all():
                taken, chosen[members[group]] = after, True
    return chosen


def _classes(items: Sequence[LabelledImage], options: Options) -> tuple[tuple[str, ...], Float]:
    check_classes(items)
    labels = sorted({item.target for item in items})
    if len(labels) < 2:
        raise TrainingError(
            f"target: every image is {labels[0]!r}; at least 2 classes are needed to learn a difference"
        )
    if len(labels) > MAX_CLASSES:
        raise TrainingError(
            f"target: {len(labels):,} classes, at most {MAX_CLASSES:,} are learnt; are these numbers (task continuous)?"
        )
    if options.task == "binary":
        if len(labels) > 2:
            raise TrainingError(
                f"target: a binary task has 2 classes, here are {len(labels)}: {', '.join(labels[:5])}, …; take"
                " categorical"
            )
        if options.positive is not None:
            if options.positive not in labels:
                raise TrainingError(f"positive: {options.positive!r} is none of the classes {', '.join(labels)}")
            labels.sort(key=lambda label: label == options.positive)
    index = {label: i for i, label in enumerate(labels)}
    return tuple(labels), np.array([index[item.target] for item in items], np.float64)


def _numbers(items: Sequence[LabelledImage], bounds: tuple[float, float] | None) -> Float:
    values = np.empty(len(items))
    for i, item in enumerate(items):
        try:
            values[i] = float(item.target)
        except ValueError:
            values[i] = math.nan
        if not math.isfinite(values[i]):
            raise TrainingError(
                f"target: {item.target!r} of {item.name} is no number; write it as 1.5, or take task categorical"
            )
        if bounds is not None and not bounds[0] <= values[i] <= bounds[1]:
            raise TrainingError(
                f"target: {item.target} of {item.name} is outside of the bounds {bounds[0]:g} and {bounds[1]:g}; widen"
                " them or correct it"
            )
    train = values[[item.split == "train" for item in items]]
    if train.size and np.ptp(train) == 0:
        raise TrainingError(f"target: every training image has {train[0]:g}; there is no difference to learn")
    return values


def _bins(values: Float, train: NDArray[np.bool_]) -> Ints:
    edges = np.unique(np.quantile(values[train], np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.digitize(values, edges).astype(np.int64)


def _check_enough(values: Float, split: NDArray[np.str_], labels: tuple[str, ...], parts: tuple[str, ...]) -> None:
    for part in parts:
        if labels:
            there = Counter(values[split == part].astype(int).tolist())
            few = [label for i, label in enumerate(labels) if not there[i]]
            if few:
                raise TrainingError(
                    f"target: no {part} image of {', '.join(map(repr, few[:3]))}; a class needs at least 2"
                    " training images (of 2 groups, where there are groups), one to learn from and one to stop by"
                )
        elif (split == part).sum() < 2:
            raise TrainingError(
                f"target: {(split == part).sum()} {part} images, at least 2 are needed; give 10 images or more"
            )
