"""The coverage of prediction sets, measured on coded items that neither trained nor calibrated them.

Whether a coded item's own out-of-fold score is below a quantile of the others' tells nothing: that share is the
coverage that was asked for, whatever the classifier is. Here the items of each fold of the report's cross-validation
are predicted by heads of the other folds alone, and their sets are calibrated by an inner cross-validation of those.
The heads of these sets have two thirds of the other folds' items (with three inner folds), so that the sets of new
items are somewhat smaller.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.classifiers.conformal import Conformal, conformal_of, fold_outputs, intervals, label_sets
from models.classifiers.head import Float, Head, calibrated_probabilities
from models.classifiers.probe import CrossValidation, Fit, Options, fit_quickly, splits
from models.classifiers.problem import Problem
from models.classifiers.records import SetFigures
from models.classifiers.report import Report
from models.intervals import ratio, share_figure

LEVELS = (0.8, 0.9, 0.95)


def set_figures(problem: Problem, options: Options, out: CrossValidation) -> tuple[SetFigures, ...]:
    """The coverage and size of sets on the coded items of `problem`, at each level, of all items and of each class."""
    settings = [(level, each_class) for level in LEVELS for each_class in (False, *([True] if problem.labels else []))]
    n, k = len(problem), max(len(problem.labels), 2)
    sets = [np.zeros((n, k)) for _ in settings]  # memberships of labels, or both ends
    for number, fitted in enumerate(out.fits):
        train, test = np.flatnonzero(out.fold != number), np.flatnonzero(out.fold == number)
        if not len(test):
            continue
        made = _calibrated(problem, options, fitted, train, test)
        if made is None:
            return ()
        conformal, outputs = made
        for place, (level, each_class) in enumerate(settings):
            sets[place][test] = _sets(conformal, outputs, level, each_class, problem.bounds)
    return tuple(
        _figures(problem, each, level, each_class, "out_of_fold")
        for each, (level, each_class) in zip(sets, settings, strict=True)
    )


def held_out_set_figures(report: Report, head: Head, held_out: Problem) -> tuple[SetFigures, ...]:
    """The coverage and size of the sets of the classifier itself on test items; `report` has the coded ones."""
    conformal, outputs = conformal_of(report), fold_outputs(head, held_out.x)
    found = []
    for level in LEVELS:
        for each_class in (False, *([True] if head.labels else [])):
            sets = _sets(conformal, outputs, level, each_class, head.bounds)
            found.append(_figures(held_out, sets, level, each_class, "held_out"))
    return tuple(found)


def _calibrated(
    problem: Problem, options: Options, fitted: Fit, train: NDArray[np.intp], test: NDArray[np.intp]
) -> tuple[Conformal, list[Float]] | None:
    """Scores of `train` by an inner cross-validation, and its heads' outputs for `test`; None with too few groups."""
    units = np.arange(len(train)) if problem.units is None else np.unique(problem.units[train], return_inverse=True)[1]
    largest = len(train) if problem.task == "continuous" else int(np.bincount(problem.y[train]).max())
    folds = min(options.inner_folds, int(units.max()) + 1, largest)
    if folds < 2:
        return None
    fold = np.zeros(len(train), np.intp)
    own = np.zeros((len(train), max(len(problem.labels), 1)))
    outputs = []
    for number, (fit_on, rest) in enumerate(splits(problem, train, folds, (options.seed + 2) % 2**32)):
        model = fit_quickly(problem, train[fit_on], options, fitted.strength)

        def predict(rows: NDArray[np.intp]) -> Float:
            return _outputs(problem, problem.x[rows] @ model.coef.T + model.intercept, fitted)  # noqa: B023

        own[rest], fold[rest] = predict(train[rest]), number
        outputs.append(predict(test))
    y = problem.y[train]
    numbers = problem.task == "continuous"
    conformal = Conformal(
        labels=problem.labels,
        label=None if numbers else y,
        score=np.abs(y - own[:, 0]) if numbers else 1 - own[np.arange(len(y)), y],
        fold=fold,
        weight=problem.weights[train],
        unit=units,
    )
    return conformal, [each[:, 0] for each in outputs] if numbers else outputs


def _outputs(problem: Problem, decision: Float, fitted: Fit) -> Float:
    """Probabilities (m, labels), or values (m, 1), from uncalibrated decisions, with the calibration of the fold."""
    if problem.task == "continuous":
        return decision if problem.bounds is None else np.clip(decision, *problem.bounds)
    return calibrated_probabilities(np.asarray(decision, np.float64), fitted.slope, fitted.offset).round(6)


def _sets(
    conformal: Conformal,
    outputs: Sequence[Float],
    level: float,
    each_class: bool,
    bounds: tuple[float, float] | None,
) -> Float:
    """Memberships of labels (m, labels), or both ends (m, 2) of intervals within the bounds."""
    if conformal.labels:
        return label_sets(conformal, outputs, level, each_class=each_class).astype(np.float64)
    ends = np.stack(intervals(conformal, outputs, level), axis=1)
    return ends if bounds is None else np.clip(ends, *bounds)


def _figures(problem: Problem, sets: Float, level: float, each_class: bool, items: str) -> SetFigures:
    weights, units, y = problem.weights, problem.units, problem.y
    if problem.labels:
        covered, size = sets[np.arange(len(y)), y], sets.sum(axis=1)
        unlimited = np.asarray(size == len(problem.labels))
        counted = np.ones(len(y), bool)
    else:
        covered = ((sets[:, 0] <= y) & (y <= sets[:, 1])).astype(np.float64)
        unlimited = np.asarray(~np.isfinite(sets).all(axis=1))
        counted = ~unlimited
        size = np.where(counted, sets[:, 1] - np.where(counted, sets[:, 0], 0.0), 0.0)

    def mean(values: NDArray[np.bool_] | Float, of: NDArray[np.bool_] | None = None) -> float:
        inside = weights if of is None else weights * of
        return float(ratio(inside @ values.astype(np.float64), np.asarray(inside.sum())))

    labels = problem.labels
    return SetFigures(
        coverage=level,
        each_class=each_class,
        items=items,
        n=len(y),
        covered=share_figure(covered, weights, units),
        size=mean(size, counted) if counted.any() else None,
        empty=mean(size == 0) if labels else None,
        single=mean(size == 1) if labels else None,
        unlimited=mean(unlimited),
        classes={label: share_figure(covered, weights * (y == c), units) for c, label in enumerate(labels)},
    )
