"""The linear probe: regularisation by cross-validation, calibration, and honest out-of-fold predictions.

Tuning and reporting never share folds: predictions of an outer fold come from a model whose regularisation and
calibration were chosen within the other folds (nested cross-validation; Varma & Simon 2006, BMC Bioinformatics 7:91).
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from models.classifiers.head import Float, calibrated
from models.classifiers.problem import Problem

STRENGTHS = tuple(float(10.0**e) for e in range(-2, 4))  # C: vectors have length 1, so useful ones are large
Report = Callable[[float, str], None]
Split = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to learn.

    Attributes
    ----------
    strengths : candidates for C, the inverse of the regularisation (LogisticRegression's; 1 / alpha of Ridge).
    folds, inner_folds : of the report, and of each choice of C.
    balanced : weigh classes inversely to their frequency. Off: probabilities are those of the population.
    """

    strengths: tuple[float, ...] = STRENGTHS
    folds: int = 5
    inner_folds: int = 3
    balanced: bool = False
    calibrate: bool = True
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Fit:
    """One fitted model."""

    strength: float
    coef: Float  # (k, d)
    intercept: Float  # (k,)
    slope: float = 1.0
    offset: float = 0.0

    def decision(self, x: NDArray[np.floating]) -> Float:
        return np.asarray(x @ self.coef.T + self.intercept, np.float64)


@dataclass(frozen=True, kw_only=True)
class Nested:
    """Out-of-fold predictions of all items."""

    fold: NDArray[np.intp]  # (n,)
    strengths: tuple[float, ...]  # chosen in each fold
    decision: Float  # (n, k), calibrated by the fold's own slope and offset


def fit(problem: Problem, options: Options, rows: NDArray[np.intp] | None = None) -> tuple[Fit, dict[float, float]]:
    """The model of `rows` (all of them), its C by cross-validation among them; and each C's mean loss."""
    part = np.arange(len(problem)) if rows is None else rows
    inner = list(splits(problem, part, options.inner_folds, options.seed + 1))
    losses = dict.fromkeys(options.strengths, 0.0)
    decisions: dict[float, Float] = {}
    for train, test in inner:
        warm = None
        for strength in options.strengths:
            warm = _fit(problem, part[train], strength, options, warm)
            decision = warm.decision(problem.x[part[test]])
            losses[strength] += _loss(problem, decision, part[test]) * problem.weights[part[test]].sum()
            store = decisions.setdefault(strength, np.empty((len(part), decision.shape[1])))
            store[test] = decision
    total = problem.weights[part].sum()
    losses = {strength: loss / total for strength, loss in losses.items()}
    best = min(losses, key=lambda strength: losses[strength])
    slope, offset = 1.0, 0.0
    if options.calibrate and problem.task != "continuous":
        slope, offset = calibration(decisions[best], problem.y[part], problem.weights[part])
    found = _fit(problem, part, best, options, None)
    return (
        Fit(strength=best, coef=found.coef, intercept=found.intercept, slope=slope, offset=offset),
        losses,
    )


def nested(problem: Problem, options: Options, report: Report | None = None) -> Nested:
    """Out-of-fold predictions. `report` hears of progress, 0 to 1."""
    fold = np.full(len(problem), -1, np.intp)
    decision: Float | None = None
    chosen = []
    every = np.arange(len(problem))
    for number, (train, test) in enumerate(splits(problem, every, options.folds, options.seed)):
        if report:
            report(number / options.folds, f"cross-validation, fold {number + 1} of {options.folds}")
        found, _ = fit(problem, options, train)
        out = found.slope * found.decision(problem.x[test]) + found.offset
        if decision is None:
            decision = np.empty((len(problem), out.shape[1]))
        decision[test], fold[test] = out, number
        chosen.append(found.strength)
    assert decision is not None
    assert (fold >= 0).all()
    return Nested(fold=fold, strengths=tuple(chosen), decision=decision)


def splits(problem: Problem, rows: NDArray[np.intp], folds: int, seed: int) -> Iterator[Split]:
    """Train and test places in `rows`: stratified by class, groups whole, both where both are there."""
    y = problem.y[rows]
    groups = None if problem.groups is None else problem.groups[rows]
    places = np.zeros(len(rows))
    if problem.task == "continuous":
        if groups is None:
            yield from KFold(folds, shuffle=True, random_state=seed).split(places)
        else:
            yield from GroupKFold(folds, shuffle=True, random_state=seed).split(places, groups=groups)
    elif groups is None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The least populated class")  # remarked on in the report
            yield from StratifiedKFold(folds, shuffle=True, random_state=seed).split(places, y)
    else:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The least populated class")
            yield from StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(places, y, groups)


def _fit(problem: Problem, rows: NDArray[np.intp], strength: float, options: Options, warm: Fit | None) -> Fit:
    """scikit-learn's estimator, begun where the last strength ended."""
    x, y, w = problem.x[rows].astype(np.float64), problem.y[rows], problem.weights[rows]
    if problem.task == "continuous":
        ridge = Ridge(alpha=1 / strength).fit(x, y, sample_weight=w)
        return Fit(strength=strength, coef=ridge.coef_[None], intercept=np.array([ridge.intercept_]))
    model = LogisticRegression(
        C=strength, class_weight="balanced" if options.balanced else None, max_iter=1000, tol=1e-6, warm_start=True
    )
    k = len(problem.labels)
    if warm is not None and len(np.unique(y)) == k:
        model.coef_, model.intercept_, model.classes_ = warm.coef.copy(), warm.intercept.copy(), np.arange(k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # almost separable data: the last digits do not matter
        model.fit(x, y, sample_weight=w)
    if k > 2 and len(model.classes_) < k:  # a group held the whole class: it is never predicted here
        coef, intercept = np.zeros((k, x.shape[1])), np.full(k, -1e3)
        if len(model.classes_) == 2:
            coef[model.classes_], intercept[model.classes_] = (
                np.concatenate([-model.coef_, model.coef_]) / 2,
                np.concatenate([-model.intercept_, model.intercept_]) / 2,
            )
        else:
            coef[model.classes_], intercept[model.classes_] = model.coef_, model.intercept_
        return Fit(strength=strength, coef=coef, intercept=intercept)
    return Fit(strength=strength, coef=model.coef_, intercept=model.intercept_)


def _loss(problem: Problem, decision: Float, rows: NDArray[np.intp]) -> float:
    """Weighted mean log loss, or squared error."""
    y, w = problem.y[rows], problem.weights[rows]
    if problem.task == "continuous":
        return float(np.average((decision[:, 0] - y) ** 2, weights=w))
    return log_loss(decision, y, w)


def log_loss(decision: Float, y: NDArray[np.intp], weights: Float, slope: float = 1.0, offset: float = 0.0) -> float:
    """Weighted mean of the true class's negative log probability."""
    p = calibrated(decision, slope, offset)[np.arange(len(y)), y]
    return float(np.average(-np.log(np.maximum(p, 1e-300)), weights=weights))


def calibration(decision: Float, y: NDArray[np.intp], weights: Float) -> tuple[float, float]:
    """Slope and offset of the lowest log loss: Platt's (1999) of one column, a temperature (Guo et al. 2017) of more.

    The decisions are out-of-fold. Platt's targets are moved off 0 and 1, so that separable data keep a finite slope.
    """
    if decision.shape[1] > 1:
        found = minimize_scalar(
            lambda log: log_loss(decision, y, weights, float(np.exp(log))), bounds=(-4, 4), method="bounded"
        )
        return float(np.exp(found.x)), 0.0
    z = decision[:, 0]
    positive, negative = float(weights[y == 1].sum()), float(weights[y == 0].sum())
    target = np.where(y == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(ab: Float) -> tuple[float, Float]:
        logit = ab[0] * z + ab[1]
        residual = weights * (np.exp(-np.logaddexp(0, -logit)) - target)
        value = weights @ (np.logaddexp(0, logit) - target * logit)
        return float(value), np.array([residual @ z, residual.sum()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(1e-3, None), (None, None)])
    return float(found.x[0]), float(found.x[1])
