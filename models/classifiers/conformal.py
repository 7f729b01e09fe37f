"""Prediction sets with a stated coverage, from the out-of-fold predictions of coded items.

The sets are those of CV+ (Romano, Sesia & Candès 2020, NeurIPS 33, section 2.4; Barber, Candès, Ramdas & Tibshirani
2021, Ann. Stat. 49:486). The score of a code is 1 minus its probability (Sadinle, Lei & Wasserman 2019, JASA 114:223),
that of a number its distance from the prediction. A label is in the set of a new item unless its score, by the head of
each fold, exceeds the scores of c · (n + 1) or more of the n coded items, each compared under the head that was trained
without its fold. For new items of the population of the coded ones such sets have a coverage of about c in practice,
and of 2c - 1 or more whatever the data are (but for a term below √(2 / n)). Where one model predicts all test items,
this is split conformal prediction, whose coverage is c or more.

Weights of coded items (inverse inclusion probabilities) count as in weighted conformal prediction (Tibshirani et al.
2019, NeurIPS 32), and items of one group together, as in hierarchical conformal prediction (Lee, Barber & Willett
2023, arXiv:2306.06342). A new item is supposed to weigh as much as the heaviest of the coded items or groups, so that
sets are larger than necessary rather than too small.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float, Head
from models.classifiers.report import Predictions, Report
from models.errors import TrainingError
from models.stopping import Check, unchecked

EXACT = 1e-9  # share of the total weight within which a sum of weights counts as equal to a limit
DIGITS = 6  # of probabilities in a report: those of new items are rounded alike, so that ties stay ties
ENDS = 2**21  # ends of intervals that are sorted at once


@dataclass(frozen=True, kw_only=True)
class Conformal:
    """Scores of coded items, by which sets of new items are made.

    Attributes
    ----------
    labels : none for numbers.
    label : (n,) index of the code of each item; None for numbers.
    score : (n,) 1 minus the probability of the code, or the distance of a number from its prediction.
    fold : (n,) index of the head that was trained without the item.
    weight : (n,) positive.
    unit : (n,) index of the group, or of the item where a group is an item.
    """

    labels: tuple[str, ...]
    label: NDArray[np.intp] | None
    score: Float
    fold: NDArray[np.intp]
    weight: Float
    unit: NDArray[np.intp]

    @property
    def units(self) -> int:
        return len(np.unique(self.unit))

    def of(self, label: int) -> "Conformal":
        """The items of one class."""
        assert self.label is not None
        own = self.label == label
        return Conformal(
            labels=self.labels,
            label=self.label[own],
            score=self.score[own],
            fold=self.fold[own],
            weight=self.weight[own],
            unit=self.unit[own],
        )

    def limit(self, coverage: float) -> float:
        """The weight of smaller scores from which on a score is outside of a set; above the total if none can be."""
        if not len(self.weight):
            return np.inf
        total = float(self.weight.sum())
        heaviest = float(np.bincount(self.unit, self.weight).max())
        return coverage * (total + heaviest) - EXACT * total

    def largest_coverage(self) -> float:
        """The largest coverage at which a set need not have all labels."""
        total = float(self.weight.sum())
        return total / (total + float(np.bincount(self.unit, self.weight).max())) if total else 0.0

    def below(self, scores: Sequence[Float]) -> Float:
        """The weight (…) of the coded items whose scores are smaller; `scores` has an array (…) for each fold."""
        weight = np.zeros(np.shape(scores[0]))
        for number, new in enumerate(scores):
            own = np.flatnonzero(self.fold == number)
            order = own[np.argsort(self.score[own], kind="stable")]
            mass = np.concatenate([[0.0], np.cumsum(self.weight[order])])
            weight += mass[np.searchsorted(self.score[order], new, side="left")]
        return weight


def label_sets(
    conformal: Conformal, probabilities: Sequence[Float], coverage: float, *, each_class: bool = False
) -> NDArray[np.bool_]:
    """Whether each label is in the set of each new item, (m, labels).

    Parameters
    ----------
    probabilities : (m, labels) by the head of each fold.
    coverage : between 0 and 1, of all items, or with `each_class` of those of each class. A class with too few coded
        items is then in every set.
    """
    scores = [1 - each.round(DIGITS) for each in probabilities]
    if not each_class:
        return np.asarray(conformal.below(scores) < conformal.limit(coverage))
    columns = []
    for c in range(len(conformal.labels)):
        own = conformal.of(c)
        columns.append(own.below([each[:, c] for each in scores]) < own.limit(coverage))
    return np.stack(columns, axis=1)


def intervals(
    conformal: Conformal, values: Sequence[Float], coverage: float, *, check: Check = unchecked
) -> tuple[Float, Float]:
    """Both ends (m,) of the intervals of new numbers, whose `values` (m,) are by the head of each fold."""
    limit, m, n = conformal.limit(coverage), len(values[0]), len(conformal.score)
    low, high = np.full(m, -np.inf), np.full(m, np.inf)
    if conformal.weight.sum() < limit:
        return low, high
    step = max(1, ENDS // n)
    for start in range(0, m, step):
        check()
        rows = slice(start, start + step)
        centre = np.stack([each[rows] for each in values], axis=1)[:, conformal.fold]  # (rows, n)
        high[rows] = _end(centre + conformal.score, conformal.weight, limit)
        low[rows] = -_end(conformal.score - centre, conformal.weight, limit)
    return low, high


def _end(ends: Float, weight: Float, limit: float) -> Float:
    """The smallest of the ends (m, n) of each row up to which there is the weight `limit`."""
    order = np.argsort(ends, axis=1)
    place = (np.cumsum(weight[order], axis=1) >= limit).argmax(axis=1)
    rows = np.arange(len(ends))
    return np.asarray(ends[rows, order[rows, place]])


def fold_outputs(head: Head, x: NDArray[np.floating]) -> list[Float]:
    """Probabilities (m, labels), or values (m,), by the head of each fold. Raises TrainingError where there is none."""
    if not head.folds:
        raise TrainingError("coverage: this classifier was stored without the heads of its folds; train it again")
    return [each.values(x)[0] if each.task == "continuous" else each.probabilities(x) for each in head.folds]


def conformal_of(report: Report) -> Conformal:
    """The scores of the coded items of a report: out of fold, or of the test images of a fine-tuned network.

    Raises TrainingError for a network without test images, and for a report of an earlier version without groups.
    """
    own = report.held_out_predictions if report.kind == "network" else report.out_of_fold
    if own is None:
        raise TrainingError(
            "coverage: this network has no test images, by which sets of a stated coverage are made; add test/ to its "
            "folder and fine-tune again, or train a classifier on embeddings",
            code="no_sets",
        )
    if report.kind == "linear" and (own.fold is None or (report.groups is not None and own.group is None)):
        raise TrainingError(
            "coverage: the report of this classifier is of an earlier version, which did not keep folds and groups of "
            "the coded items; train it again",
            code="no_sets",
        )
    return scores_of(own, report.labels)


def scores_of(own: Predictions, labels: tuple[str, ...]) -> Conformal:
    """The scores of predictions for coded items that were not used in the training of their head."""
    n = len(own.ids)
    if labels:
        index = {label: i for i, label in enumerate(labels)}
        label = np.array([index[str(code)] for code in own.target], np.intp)
        score = 1 - np.asarray(own.probabilities, np.float64)[np.arange(n), label].round(DIGITS)
    else:
        label, score = None, np.abs(np.asarray(own.target, np.float64) - np.asarray(own.value, np.float64))
    unit = np.unique(own.ids, return_inverse=True)[1] if own.group is None else np.asarray(own.group)
    return Conformal(
        labels=labels,
        label=label,
        score=score,
        fold=np.zeros(n, np.intp) if own.fold is None else np.asarray(own.fold, np.intp),
        weight=np.asarray(own.weight, np.float64),
        unit=unit.astype(np.intp),
    )


def check_scores(conformal: Conformal, heads: int) -> None:
    """Raise ValueError for scores that a damaged report has: folds without a head, weights and groups that are none."""
    arrays = (conformal.score, conformal.fold, conformal.weight, conformal.unit)
    if not len(conformal.score) or len({len(each) for each in arrays}) > 1:
        raise ValueError("columns of different lengths, or none")
    if not (np.isfinite(conformal.score).all() and np.isfinite(conformal.weight).all() and conformal.weight.min() > 0):
        raise ValueError("scores or weights that are none")
    if conformal.unit.min() < 0 or conformal.fold.min() < 0 or (heads and conformal.fold.max() >= heads):
        raise ValueError("a group or a fold that is none")


def check_coverage(conformal: Conformal, coverage: float, *, each_class: bool) -> list[str]:
    """Remarks on sets of this coverage. Raises TrainingError where they would have all labels for lack of codes."""
    few = "coded items" if conformal.units == len(conformal.unit) else "groups of coded items"
    if not each_class:
        if conformal.weight.sum() < conformal.limit(coverage):
            raise TrainingError(
                f"coverage: {coverage:g} needs more than the {conformal.units:,} {few} of this classifier, with which "
                f"{conformal.largest_coverage():.3g} can be reached; ask for less, or code more items",
                code="too_few_examples",
            )
        return []
    if not conformal.labels:
        raise TrainingError("each_class: numbers have no classes; leave it out", code="bad_options")
    always = []
    for c, name in enumerate(conformal.labels):
        own = conformal.of(c)
        if own.weight.sum() < own.limit(coverage):
            always.append(name)
    if len(always) == len(conformal.labels):
        raise TrainingError(
            f"coverage: {coverage:g} in each class needs more {few} than any class has; ask for less, leave each_class "
            "out, or code more items",
            code="too_few_examples",
        )
    return [f"{name} has too few {few} for a coverage of {coverage:g}, and is in every set" for name in always]
