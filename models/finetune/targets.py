"""Codes as numbers, and the choice of validation images."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifiers.folders import SPLITS, LabelledImage, check_classes
from models.codes import class_order
from models.errors import TrainingError
from models.finetune.options import Options

Float = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_CLASSES = 10_000
_BINS = 5  # strata of a continuous target for the choice of validation images


@dataclass(frozen=True)
class Targets:
    """Targets and weights of all items."""

    labels: tuple[str, ...]  # (negative, positive), or the sorted classes; empty for a continuous target
    values: Float  # (n,): indices into labels, or numbers
    weights: Float  # (n,): weights of items in training and in all figures, mean 1 over the training images
    boost: Float  # (labels,): weights of classes, in training only
    split: NDArray[np.str_]  # (n,): train, validation or test

    def counts(self) -> dict[str, dict[str, int]]:
        """split → class → number of images; a continuous target has the single class ""."""
        counted: dict[str, dict[str, int]] = {}
        for split in SPLITS:
            values = self.values[self.split == split]
            numbers = Counter(values.astype(int).tolist()) if self.labels else Counter()
            counted[split] = {label: numbers[i] for i, label in enumerate(self.labels)} or {"": len(values)}
        return counted


def read_targets(items: Sequence[LabelledImage], options: Options) -> Targets:
    """Parse the codes of items, and choose validation images if no item has that split.

    Raises
    ------
    TrainingError : a single class or too many, more than two in a binary task, a class with a single training image, a
        code that is not a number or out of bounds.
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
        aside = choose_validation(strata[inside], groups, options.validation, options.seed)
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


def choose_validation(strata: Ints, groups: Sequence[str], part: float, seed: int) -> NDArray[np.bool_]:
    """Choose about the share `part` of each stratum, in whole groups, and never all of a stratum.

    Groups are taken in random order if they bring the chosen counts nearer to the wanted ones (squared distance). A
    stratum that has none after that, since its groups are large, gives its smallest group.

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
            after, present = taken + counts, counts > 0
            if large:
                better = ((taken == 0) & (wanted > 0) & present).any()
            else:
                better = np.square(after - wanted).sum() < np.square(taken - wanted).sum()
            if better and not chosen[members[group][0]] and (after[present] < totals[present]).all():
                taken, chosen[members[group]] = after, True
    return chosen


def _classes(items: Sequence[LabelledImage], options: Options) -> tuple[tuple[str, ...], Float]:
    check_classes(items)
    labels = sorted({item.target for item in items})
    if len(labels) < 2:
        raise TrainingError(f"target: every image is {labels[0]!r}; training needs at least 2 classes")
    if len(labels) > MAX_CLASSES:
        raise TrainingError(
            f"target: got {len(labels):,} classes, the limit is {MAX_CLASSES:,}; use task continuous for numbers"
        )
    if options.task == "binary":
        if len(labels) > 2:
            raise TrainingError(
                f"target: got {len(labels)} classes ({', '.join(labels[:5])}, …), a binary task has 2; use task"
                " categorical"
            )
        labels = list(class_order(labels))
        if options.positive is not None:
            if options.positive not in labels:
                raise TrainingError(f"positive: {options.positive!r} is not one of the classes {', '.join(labels)}")
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
                f"target: {item.target!r} of {item.name} is not a number; write it as 1.5, or use task categorical"
            )
        if bounds is not None and not bounds[0] <= values[i] <= bounds[1]:
            raise TrainingError(
                f"target: {item.target} of {item.name} is outside the bounds {bounds[0]:g} to {bounds[1]:g}; widen"
                " them or correct it"
            )
    train = values[[item.split == "train" for item in items]]
    if train.size and np.ptp(train) == 0:
        raise TrainingError(f"target: every training image has {train[0]:g}; training needs at least 2 values")
    return values


def _bins(values: Float, train: NDArray[np.bool_]) -> Ints:
    edges = np.unique(np.quantile(values[train], np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.digitize(values, edges).astype(np.int64)


def _check_enough(values: Float, split: NDArray[np.str_], labels: tuple[str, ...], parts: tuple[str, ...]) -> None:
    for part in parts:
        if labels:
            counts = Counter(values[split == part].astype(int).tolist())
            few = [label for i, label in enumerate(labels) if not counts[i]]
            if few:
                raise TrainingError(
                    f"target: no {part} image of {', '.join(map(repr, few[:3]))}; a class needs at least 2 training"
                    " images (of 2 groups, where there are groups): one for training and one for validation"
                )
        elif (split == part).sum() < 2:
            raise TrainingError(
                f"target: got {(split == part).sum()} {part} images, at least 2 are needed; give 10 images or more"
            )
