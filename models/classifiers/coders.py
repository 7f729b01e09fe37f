"""The classifier against each coder, beside the coders against each other, on the same items.

Predictions are out of fold: items without a target, because their coders differ, were in no fold, and are predicted by
the heads of the folds. A classifier that agrees with a coder as often as another coder does is as good as a coder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.codes import Codes
from models.classifiers.head import Float, Head, predicted_classes
from models.classifiers.metrics import Measure, bootstrap_figures, sums
from models.classifiers.problem import Problem, Undecided
from models.classifiers.report import Predictions
from models.codes import code_name
from models.intervals import Figure, ratio

MOST_CODERS = 10  # compared: those with the most codes
Figures = Mapping[str, Figure]


@dataclass(frozen=True, kw_only=True)
class AgainstCoder:
    """The classifier against a coder: accuracy and Cohen's kappa; of numbers the mean absolute error and r."""

    coder: str
    items: int
    figures: Figures


@dataclass(frozen=True, kw_only=True)
class AgainstPair:
    """Two coders and the classifier on the items that both have coded.

    Attributes
    ----------
    coders : the two against each other; first, second : the classifier against the first and the second coder.
    """

    a: str
    b: str
    items: int
    coders: Figures
    first: Figures
    second: Figures


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The classifier against coders; figures are weighted, with 95 % intervals."""

    coders: tuple[AgainstCoder, ...]
    pairs: tuple[AgainstPair, ...]
    n_undecided: int


def compare_with_coders(
    problem: Problem,
    codes: Codes,
    head: Head,
    fold: NDArray[np.intp],
    predictions: Predictions,
    *,
    resamples: int,
    seed: int,
) -> Comparison | None:
    """Compare out-of-fold predictions with the codes of each coder; None where nothing can be compared.

    Parameters
    ----------
    head : with the heads of the folds.
    fold : (n,) the fold of each row.
    predictions : out-of-fold predictions of the rows.
    """
    unit = np.arange(len(problem)) if problem.items is None else problem.items
    first = np.unique(unit, return_index=True)[1]  # the first row of each item
    ids = [problem.ids[i] for i in first]
    weights = np.bincount(unit, problem.weights).astype(np.float64)
    groups = None if problem.groups is None else problem.groups[first]
    predicted: list[Any] = list(predictions.label or predictions.value or ())
    predicted = [predicted[i] for i in first]
    if (others := problem.undecided) is not None:
        ids += others.ids
        weights = np.concatenate([weights, others.weights])
        predicted += _predict(problem, head, others, fold)
        if groups is not None and others.groups is not None:
            rest = groups.max() + 1 + np.arange(len(others.ids))
            groups = np.concatenate([groups, np.where(others.groups < 0, rest, others.groups)])
    place = {id: i for i, id in enumerate(ids)}
    counts = {name: sum(item in place for item in own) for name, own in codes.by_coder.items()}
    names = sorted((name for name in counts if counts[name]), key=lambda name: -counts[name])[:MOST_CODERS]
    names = [name for name in codes.by_coder if name in names]
    if not names:
        return None
    columns = _columns(predicted, [codes.by_coder[name] for name in names], place, continuous=not problem.labels)

    def figures(a: int, b: int, where: NDArray[np.bool_]) -> Figures:
        x, y = columns[a, where], columns[b, where]
        measure = _classes(x.astype(np.intp), y.astype(np.intp)) if problem.labels else _numbers(x, y)
        own = None if groups is None else groups[where]
        return bootstrap_figures(measure, weights[where], groups=own, resamples=resamples, seed=seed)

    there = ~np.isnan(columns)
    pairs = []
    for a, b in combinations(range(1, len(columns)), 2):
        both = there[a] & there[b]
        if both.any():
            pair = {"coders": figures(a, b, both), "first": figures(0, a, both), "second": figures(0, b, both)}
            pairs.append(AgainstPair(a=names[a - 1], b=names[b - 1], items=int(both.sum()), **pair))
    return Comparison(
        coders=tuple(
            AgainstCoder(coder=name, items=int(there[c].sum()), figures=figures(0, c, there[c]))
            for c, name in enumerate(names, 1)
        ),
        pairs=tuple(pairs),
        n_undecided=0 if others is None else len(others.ids),
    )


def _predict(problem: Problem, head: Head, others: Undecided, fold: NDArray[np.intp]) -> list[Any]:
    """Predictions of items in no fold, by the head of the fold of their group, else by the mean of all heads."""
    outputs = head.crossed(others.x)
    if problem.groups is not None and others.groups is not None:
        fold_of = dict(zip(problem.groups.tolist(), fold.tolist(), strict=True))
        for i, group in enumerate(others.groups.tolist()):
            if group in fold_of:
                one = head.folds[fold_of[group]]
                row = others.x[i : i + 1]
                outputs[i] = one.values(row)[0] if problem.task == "continuous" else one.probabilities(row)[0]
    if problem.task == "continuous":
        return list(outputs[:, 0].tolist())
    return [problem.labels[c] for c in predicted_classes(outputs, problem.task, head.threshold)]


def _columns(
    predicted: Sequence[Any], coders: Sequence[Mapping[str, Any]], place: Mapping[str, int], *, continuous: bool
) -> Float:
    """Predictions and codes as numbers, (1 + coders, items), NaN for none; labels as indices."""
    columns = np.full((1 + len(coders), len(place)), np.nan)
    index: dict[str, int] = {}

    def number(code: Any) -> float:
        return float(code) if continuous else index.setdefault(code_name(code), len(index))

    columns[0] = [number(code) for code in predicted]
    for c, own in enumerate(coders, 1):
        for item, code in own.items():
            if item in place:
                columns[c, place[item]] = number(code)
    return columns


def _classes(a: NDArray[np.intp], b: NDArray[np.intp]) -> Measure:
    """Share of equal labels, and Cohen's kappa, of weights."""
    k = int(max(a.max(), b.max())) + 1
    right = (a == b).astype(np.float64)

    def measure(weights: Float) -> dict[str, Float]:
        total = weights.sum(axis=-1)
        equal = weights @ right / total
        expected = (sums(weights, a, k) * sums(weights, b, k)).sum(axis=-1) / total**2
        return {"accuracy": equal, "kappa": ratio(equal - expected, np.where(expected < 1 - 1e-12, 1 - expected, 0.0))}

    return measure


def _numbers(a: Float, b: Float) -> Measure:
    """Mean absolute difference, and Pearson's correlation, of weights."""

    def measure(weights: Float) -> dict[str, Float]:
        share = weights / weights.sum(axis=-1, keepdims=True)
        x, y = (each - (share @ each)[..., None] for each in (a, b))
        spread = np.sqrt((share * x**2).sum(axis=-1) * (share * y**2).sum(axis=-1))
        return {"mae": share @ np.abs(a - b), "pearson": ratio((share * x * y).sum(axis=-1), spread)}

    return measure
