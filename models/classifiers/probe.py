"""The linear probe: regularisation by cross-validation, calibration, and honest out-of-fold predictions.

Tuning and reporting never share folds: predictions of an outer fold come from a model whose regularisation and
calibration were chosen within the other folds (nested cross-validation; Varma & Simon 2006, BMC Bioinformatics 7:91).
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float
from models.classifiers.linear import FINAL, SEARCH, Line, axes, logistic, ridge
from models.classifiers.problem import Problem
from models.errors import TrainingError

STRENGTHS = tuple(float(10.0**e) for e in range(-1, 5))  # C: vectors have length 1, so useful ones are large
NEVER = -1e3  # the decision for a class that was not there to be learnt
Progress = Callable[[float, str], None]
Split = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to learn.

    Attributes
    ----------
    strengths : candidates for C, the inverse of the regularisation (LogisticRegression's; 1 / alpha of Ridge).
    folds, inner_folds : of the report, and of each choice of C. Where there are fewer groups than inner folds, as many
        folds as groups.
    balanced : give all classes the same weight, in learning and in calibration: probabilities are then those of a
        population where classes are equally frequent. Off: those of the population that the weights describe.
    """

    strengths: tuple[float, ...] = STRENGTHS
    folds: int = 5
    inner_folds: int = 3
    balanced: bool = False
    calibrate: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        wrong = [c for c in self.strengths if not (np.isfinite(c) and c > 0)]
        if wrong or not self.strengths:
            raise TrainingError(
                f"strengths: got {wrong[0] if wrong else 'none'}; each is a positive number, such as 1",
                code="bad_options",
            )
        for name, folds in (("folds", self.folds), ("inner_folds", self.inner_folds)):
            if folds < 2:
                raise TrainingError(f"{name}: got {folds}; cross-validation takes 2 or more", code="bad_options")
        if self.seed < 0:
            raise TrainingError(f"seed: got {self.seed}; it is 0 or more", code="bad_options")


@dataclass(frozen=True, kw_only=True)
class Fit:
    """One fitted model.

    Attributes
    ----------
    losses : of each candidate for C, out of the inner folds: weighted mean log loss, or squared error.
    """

    strength: float
    coef: Float  # (k, d)
    intercept: Float  # (k,)
    slope: float = 1.0
    offset: float = 0.0
    converged: bool = True
    losses: tuple[float, ...] = ()

    def decision(self, x: NDArray[np.floating]) -> Float:
        return np.asarray(x @ self.coef.T + self.intercept, np.float64)

    def calibrated(self, x: NDArray[np.floating]) -> Float:
        """The decision of which a sigmoid or softmax is the probability."""
        return self.slope * self.decision(x) + self.offset


@dataclass(frozen=True, kw_only=True)
class Nested:
    """Out-of-fold predictions of all items."""

    fold: NDArray[np.intp]  # (n,)
    fits: tuple[Fit, ...]  # one for each fold, of the other folds
    decision: Float  # (n, k), calibrated by the fold's own slope and offset

    @property
    def strengths(self) -> tuple[float, ...]:
        """Chosen in each fold."""
        return tuple(found.strength for found in self.fits)


def fit(problem: Problem, options: Options, rows: NDArray[np.intp] | None = None) -> Fit:
    """The model of `rows` (all of them), its C and calibration by cross-validation among them."""
    part = np.arange(len(problem)) if rows is None else rows
    importance = _importance(problem, part, options)
    best, slope, offset = 0, 1.0, 0.0
    losses: Float = np.array([])
    adjust = options.calibrate and problem.task != "continuous"
    if len(options.strengths) > 1 or adjust:
        decisions, judged = _inner(problem, part, importance, options)
        where = part[judged]
        losses = np.array([_loss(problem, decision[judged], where, importance[judged]) for decision in decisions])
        best = int(losses.argmin())
        if adjust and len(np.unique(problem.y[where])) == len(np.unique(problem.y[part])):
            slope, offset = calibration(decisions[best][judged], problem.y[where], importance[judged])
    line = _lines(problem, part, importance, (options.strengths[best],), FINAL)[0]
    return Fit(
        strength=options.strengths[best],
        coef=line.coef,
        intercept=line.intercept,
        slope=slope,
        offset=offset,
        converged=line.converged,
        losses=tuple(losses.tolist()),
    )


def nested(problem: Problem, options: Options, progress: Progress | None = None) -> Nested:
    """Out-of-fold predictions. `progress` hears how far it is, 0 to 1."""
    fold = np.full(len(problem), -1, np.intp)
    decision = np.empty((len(problem), _columns(problem)))
    fits = []
    for number, (train, test) in enumerate(splits(problem, np.arange(len(problem)), options.folds, options.seed)):
        if progress:
            progress(number / options.folds, f"cross-validation, fold {number + 1} of {options.folds}")
        found = fit(problem, options, train)
        decision[test], fold[test] = found.calibrated(problem.x[test]), number
        fits.append(found)
    assert (fold >= 0).all()
    return Nested(fold=fold, fits=tuple(fits), decision=decision)


def splits(problem: Problem, rows: NDArray[np.intp], folds: int, seed: int) -> Iterator[Split]:
    """Train and test places in `rows`: stratified by class, groups whole, both where both are there."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    y = problem.y[rows]
    groups = None if problem.groups is None else problem.groups[rows]
    places = np.zeros(len(rows))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")  # remarked on in the report
        if problem.task == "continuous":
            if groups is None:
                yield from KFold(folds, shuffle=True, random_state=seed).split(places)
            else:
                yield from GroupKFold(folds, shuffle=True, random_state=seed).split(places, groups=groups)
        elif groups is None:
            yield from StratifiedKFold(folds, shuffle=True, random_state=seed).split(places, y)
        else:
            found = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(places, y, groups)
            yield from ((train, test) for train, test in found if len(test))


def _inner(
    problem: Problem, part: NDArray[np.intp], importance: Float, options: Options
) -> tuple[list[Float], NDArray[np.bool_]]:
    """Each strength's decisions (len(part), k) out of the inner folds, and which items they say something about.

    An item whose class is nowhere in the fold's training items (its group holds the whole class) says nothing about
    regularisation, and would lead calibration astray.
    """
    units = len(part) if problem.groups is None else len(np.unique(problem.groups[part]))
    often = len(part) if problem.task == "continuous" else int(np.bincount(problem.y[part]).max())
    folds = min(options.inner_folds, units, often)
    if folds < 2:
        raise TrainingError(
            f"targets: {len(part)} items are too few to choose C among them; code more, or name one strength and turn "
            "calibration off",
            code="too_few_examples",
        )
    decisions = [np.zeros((len(part), _columns(problem))) for _ in options.strengths]
    judged = np.zeros(len(part), bool)
    for train, test in splits(problem, part, folds, options.seed + 1):
        known = np.unique(problem.y[part[train]])
        if problem.task != "continuous" and len(known) < 2:
            continue
        lines = _lines(problem, part[train], importance[train], options.strengths, SEARCH)
        for decision, line in zip(decisions, lines, strict=True):
            decision[test] = problem.x[part[test]] @ line.coef.T + line.intercept
        judged[test] = problem.task == "continuous" or np.isin(problem.y[part[test]], known)
    if not judged.any():
        raise TrainingError(
            "groups: no two of them hold the same classes, so that nothing can be learnt from some and tested on "
            "others; code more groups, or leave groups out",
            code="too_few_groups",
        )
    return decisions, judged


def _lines(
    problem: Problem, rows: NDArray[np.intp], importance: Float, strengths: tuple[float, ...], tolerance: float
) -> list[Line]:
    """A model for each strength, each begun where the last one ended."""
    turned, y = axes(problem.x[rows], importance, exact=tolerance == FINAL), problem.y[rows]
    if problem.task == "continuous":
        return [ridge(turned, y, strength) for strength in strengths]
    known, places = np.unique(y, return_inverse=True)
    if len(known) < 2:
        return [_constant(problem, int(known[0]), len(rows))] * len(strengths)
    found: list[Line] = []
    for strength in strengths:
        start = found[-1] if found else None
        found.append(logistic(turned, places, len(known), strength, start=start, tolerance=tolerance))
    return [_widened(line, known, problem) for line in found]


def _widened(line: Line, known: NDArray[np.intp], problem: Problem) -> Line:
    """With columns for the classes that were not there: they are never predicted."""
    k = len(problem.labels)
    if len(known) == k:
        return line
    coef, intercept = np.zeros((k, line.coef.shape[1])), np.full(k, NEVER)
    if len(known) == 2:  # one column for two classes: half of it for each
        coef[known] = np.concatenate([-line.coef, line.coef]) / 2
        intercept[known] = np.concatenate([-line.intercept, line.intercept]) / 2
    else:
        coef[known], intercept[known] = line.coef, line.intercept
    return Line(coef=coef, intercept=intercept, converged=line.converged)


def _constant(problem: Problem, only: int, n: int) -> Line:
    """All training items are of one class (groups can do that): odds of n + 1 to 1 for it."""
    columns = _columns(problem)
    odds = float(np.log(n + 1))
    intercept = np.array([odds if only else -odds]) if columns == 1 else odds * (np.arange(columns) == only)
    return Line(coef=np.zeros((columns, problem.x.shape[1])), intercept=np.asarray(intercept, np.float64))


def _columns(problem: Problem) -> int:
    return len(problem.labels) if len(problem.labels) > 2 else 1


def _importance(problem: Problem, rows: NDArray[np.intp], options: Options) -> Float:
    """Weights to learn by: scikit-learn's "balanced" of weighted classes, if asked for."""
    weights = problem.weights[rows]
    if not options.balanced or problem.task == "continuous":
        return weights
    y = problem.y[rows]
    each = np.bincount(y, weights, len(problem.labels))
    return np.asarray(weights * weights.sum() / ((each > 0).sum() * each[y]), np.float64)


def _loss(problem: Problem, decision: Float, rows: NDArray[np.intp], weights: Float) -> float:
    """Weighted mean log loss, or squared error."""
    y = problem.y[rows]
    if problem.task == "continuous":
        return float(np.average((decision[:, 0] - y) ** 2, weights=weights))
    return log_loss(decision, y, weights)


def log_loss(decision: Float, y: NDArray[np.intp], weights: Float, slope: float = 1.0, offset: float = 0.0) -> float:
    """Weighted mean of the true class's negative log probability."""
    z = slope * decision + offset
    if z.shape[1] == 1:
        each = np.logaddexp(0, np.where(y == 1, -z[:, 0], z[:, 0]))
    else:
        each = np.logaddexp.reduce(z, axis=1) - z[np.arange(len(y)), y]
    return float(np.average(each, weights=weights))


def calibration(decision: Float, y: NDArray[np.intp], weights: Float) -> tuple[float, float]:
    """Slope and offset of the lowest log loss: Platt's (1999) of one column, a temperature (Guo et al. 2017) of more.

    The decisions are out-of-fold. Platt's targets are moved off 0 and 1, so that separable data keep a finite slope;
    those of a temperature likewise, as if one more item of each class had been seen everywhere.
    """
    from scipy.optimize import minimize, minimize_scalar

    if decision.shape[1] > 1:
        possible = decision > NEVER / 2
        rest = np.where(possible, decision, 0).sum(axis=1) / possible.sum(axis=1)
        moved = 1 / (1 + float(weights.sum()) / decision.shape[1])
        towards = float(np.average(rest - decision[np.arange(len(y)), y], weights=weights))

        def smoothed(log: float) -> float:
            slope = float(np.exp(log))
            return float(log_loss(decision, y, weights, slope) - moved * slope * towards)

        return float(np.exp(minimize_scalar(smoothed, bounds=(-4, 4), method="bounded").x)), 0.0
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
