"""The linear probe: regularisation by cross-validation, calibration, and unbiased out-of-fold predictions.

Tuning and reporting never share folds: predictions of an outer fold come from a model whose regularisation and
calibration were chosen within the other folds (nested cross-validation; Varma & Simon 2006, BMC Bioinformatics 7:91).
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float
from models.classifiers.linear import FINAL, SEARCH, Axes, LinearModel, logistic, principal_axes, ridge
from models.classifiers.problem import Problem
from models.classifiers.zero_shot import fit_zero_shot
from models.errors import TrainingError

STRENGTHS = tuple(float(10.0**e) for e in range(-1, 5))  # C: vectors have length 1, so useful ones are large
REPEAT = 1_000_003  # distance of the seeds of two repeats: inner folds use the next seed, which no repeat may have
NEVER_PREDICTED = -1e3  # decision for a class without training items
Progress = Callable[[float, str], None]
Split = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of training.

    Attributes
    ----------
    strengths : candidates for C, the inverse of the regularisation (as in LogisticRegression; 1 / alpha of Ridge).
    folds, inner_folds : number of folds for the report, and for each choice of C. Where there are fewer groups than
        inner folds, as many folds as groups.
    balanced : give all classes the same weight, in training and in calibration: probabilities are then those of a
        population where classes are equally frequent. False: those of the population that the weights describe.
    repeats : number of cross-validations for the report, each with other folds.
    """

    strengths: tuple[float, ...] = STRENGTHS
    folds: int = 5
    inner_folds: int = 3
    balanced: bool = False
    calibrate: bool = True
    seed: int = 0
    repeats: int = 1

    def __post_init__(self) -> None:
        wrong = [c for c in self.strengths if not (np.isfinite(c) and c > 0)]
        if wrong or not self.strengths:
            raise TrainingError(
                f"strengths: got {wrong[0] if wrong else 'none'}; must be positive numbers, such as 1",
                code="bad_options",
            )
        for name, folds in (("folds", self.folds), ("inner_folds", self.inner_folds)):
            if folds < 2:
                raise TrainingError(f"{name}: got {folds}; must be 2 or more", code="bad_options")
        if self.repeats < 1:
            raise TrainingError(f"repeats: got {self.repeats}; must be 1 or more", code="bad_options")
        if self.seed < 0:
            raise TrainingError(f"seed: got {self.seed}; must be 0 or more", code="bad_options")


@dataclass(frozen=True, kw_only=True)
class Fit:
    """One fitted model.

    Attributes
    ----------
    strength : C; for calibrated zero-shot the slope of its logits.
    losses : weighted mean log loss, or squared error, of each candidate for C on the inner folds.
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
        """Calibrated decisions (n, k), the logits of probabilities."""
        return self.slope * self.decision(x) + self.offset


@dataclass(frozen=True, kw_only=True)
class CrossValidation:
    """Out-of-fold predictions of all items."""

    fold: NDArray[np.intp]  # (n,)
    fits: tuple[Fit, ...]  # for each fold, the model trained on the other folds
    decision: Float  # (n, k), calibrated by the slope and offset of the fold's model

    @property
    def strengths(self) -> tuple[float, ...]:
        """The C chosen in each fold, or the slope of its zero-shot logits."""
        return tuple(model.strength for model in self.fits)


def fit(problem: Problem, options: Options, rows: NDArray[np.intp] | None = None) -> Fit:
    """Fit a model to `rows` (None: all), with C and calibration chosen by cross-validation among them."""
    part = np.arange(len(problem)) if rows is None else rows
    importance = _importance(problem, part, options)
    if problem.prompts is not None:
        calibrated, factor = fit_zero_shot(problem, part, importance)
        return Fit(
            strength=factor, coef=calibrated.coef, intercept=calibrated.intercept, converged=calibrated.converged
        )
    best, slope, offset = 0, 1.0, 0.0
    losses: Float = np.array([])
    adjust = options.calibrate and problem.task != "continuous"
    if len(options.strengths) > 1 or adjust:
        decisions, valid = _inner(problem, part, importance, options)
        where = part[valid]
        losses = np.array([_loss(problem, decision[valid], where, importance[valid]) for decision in decisions])
        best = int(losses.argmin())
        if adjust and len(np.unique(problem.y[where])) == len(np.unique(problem.y[part])):
            slope, offset = calibration(decisions[best][valid], problem.y[where], importance[valid])
    model = _models(problem, part, importance, (options.strengths[best],), FINAL)[0]
    return Fit(
        strength=options.strengths[best],
        coef=model.coef,
        intercept=model.intercept,
        slope=slope,
        offset=offset,
        converged=model.converged,
        losses=tuple(losses.tolist()),
    )


def cross_validations(
    problem: Problem, options: Options, progress: Progress | None = None
) -> tuple[CrossValidation, ...]:
    """The repeats of the cross-validation, each with folds of its own seed; `progress` as in `cross_validate`."""

    def step(repeat: int) -> Progress | None:
        if progress is None or options.repeats == 1:
            return progress
        return lambda done, name: progress(
            (repeat + done) / options.repeats, f"repeat {repeat + 1} of {options.repeats}: {name}"
        )

    seeds = [(options.seed + REPEAT * repeat) % 2**32 for repeat in range(options.repeats)]
    return tuple(
        cross_validate(problem, replace(options, seed=seed), step(repeat)) for repeat, seed in enumerate(seeds)
    )


def cross_validate(problem: Problem, options: Options, progress: Progress | None = None) -> CrossValidation:
    """Predict every item by a model that was trained, tuned and calibrated without its fold.

    `progress` is called with the share that is done, 0 to 1, and the current step.
    """
    fold = np.full(len(problem), -1, np.intp)
    decision = np.empty((len(problem), _columns(problem)))
    fits = []
    for number, (train, test) in enumerate(splits(problem, np.arange(len(problem)), options.folds, options.seed)):
        if progress:
            progress(number / options.folds, f"cross-validation, fold {number + 1} of {options.folds}")
        model = fit(problem, options, train)
        decision[test], fold[test] = model.calibrated(problem.x[test]), number
        fits.append(model)
    assert (fold >= 0).all()
    return CrossValidation(fold=fold, fits=tuple(fits), decision=decision)


def splits(problem: Problem, rows: NDArray[np.intp], folds: int, seed: int) -> Iterator[Split]:
    """Positions in `rows` for training and testing: stratified by class, and with whole groups where there are any."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    y = problem.y[rows]
    groups = None if problem.units is None else problem.units[rows]
    places = np.zeros(len(rows))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")  # noted in the report
        if problem.task == "continuous":
            if groups is None:
                yield from KFold(folds, shuffle=True, random_state=seed).split(places)
            else:
                yield from GroupKFold(folds, shuffle=True, random_state=seed).split(places, groups=groups)
        elif groups is None:
            yield from StratifiedKFold(folds, shuffle=True, random_state=seed).split(places, y)
        else:
            pairs = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(places, y, groups)
            yield from ((train, test) for train, test in pairs if len(test))


def _inner(
    problem: Problem, part: NDArray[np.intp], importance: Float, options: Options
) -> tuple[list[Float], NDArray[np.bool_]]:
    """Decisions (len(part), k) of each strength on the inner folds, and which items are valid for a comparison.

    An item whose class is missing from the fold's training items (its group has the whole class) tells nothing about
    regularisation, and would distort calibration.
    """
    units = len(part) if problem.units is None else len(np.unique(problem.units[part]))
    largest_class = len(part) if problem.task == "continuous" else int(np.bincount(problem.y[part]).max())
    folds = min(options.inner_folds, units, largest_class)
    if folds < 2:
        raise TrainingError(
            f"targets: {len(part)} items are too few to choose C; code more items, or give a single strength and turn "
            "calibration off",
            code="too_few_examples",
        )
    decisions = [np.zeros((len(part), _columns(problem))) for _ in options.strengths]
    valid = np.zeros(len(part), bool)
    for train, test in splits(problem, part, folds, (options.seed + 1) % 2**32):
        classes = np.unique(problem.y[part[train]])
        if problem.task != "continuous" and len(classes) < 2:
            continue
        models = _models(problem, part[train], importance[train], options.strengths, SEARCH)
        for decision, model in zip(decisions, models, strict=True):
            decision[test] = problem.x[part[test]] @ model.coef.T + model.intercept
        valid[test] = problem.task == "continuous" or np.isin(problem.y[part[test]], classes)
    if not valid.any():
        raise TrainingError(
            "groups: no two groups have the same classes, so that no group can test a model trained on others; code "
            "more groups, or leave groups out",
            code="too_few_groups",
        )
    return decisions, valid


def _models(
    problem: Problem, rows: NDArray[np.intp], importance: Float, strengths: tuple[float, ...], tolerance: float
) -> list[LinearModel]:
    """A model for each strength, each started from the one before."""
    scale = _feature_scale(problem, rows, importance)
    x, y = problem.x[rows], problem.y[rows]
    if scale is not None:
        x = (x / scale).astype(np.float32)
    models = _models_of(problem, principal_axes(x, importance, exact=tolerance == FINAL), y, strengths, tolerance)
    return models if scale is None else [replace(model, coef=model.coef / scale) for model in models]


def _feature_scale(problem: Problem, rows: NDArray[np.intp], importance: Float) -> Float | None:
    """The divisor of each column (d + m,) in a fit to `rows`, which brings features to the scale of a unit vector.

    1 for the vectors; for a feature its standard deviation times the root of their number. None without features.
    """
    if not (m := len(problem.features)):
        return None
    columns = problem.x[rows, -m:].astype(np.float64)
    shares = importance / importance.sum()
    deviation = np.sqrt(shares @ (columns - shares @ columns) ** 2)
    scale = np.ones(problem.x.shape[1])
    scale[-m:] = np.where(deviation > 0, deviation, 1.0) * np.sqrt(m)  # constant among these items: it has no effect
    return scale


def _models_of(
    problem: Problem, rotated: Axes, y: NDArray[Any], strengths: tuple[float, ...], tolerance: float
) -> list[LinearModel]:
    if problem.task == "continuous":
        return [ridge(rotated, y, strength) for strength in strengths]
    classes, indices = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        return [_constant(problem, int(classes[0]), len(y))] * len(strengths)
    models: list[LinearModel] = []
    for strength in strengths:
        start = models[-1] if models else None
        models.append(logistic(rotated, indices, len(classes), strength, start=start, tolerance=tolerance))
    return [_widened(model, classes, problem) for model in models]


def _widened(model: LinearModel, classes: NDArray[np.intp], problem: Problem) -> LinearModel:
    """The model with columns for classes that had no training items: they are never predicted."""
    k = len(problem.labels)
    if len(classes) == k:
        return model
    coef, intercept = np.zeros((k, model.coef.shape[1])), np.full(k, NEVER_PREDICTED)
    if len(classes) == 2:  # one column for two classes: half of it for each
        coef[classes] = np.concatenate([-model.coef, model.coef]) / 2
        intercept[classes] = np.concatenate([-model.intercept, model.intercept]) / 2
    else:
        coef[classes], intercept[classes] = model.coef, model.intercept
    return LinearModel(coef=coef, intercept=intercept, converged=model.converged)


def _constant(problem: Problem, only: int, n: int) -> LinearModel:
    """A model for training items of a single class, which groups can cause: odds of n + 1 to 1 for it."""
    columns = _columns(problem)
    odds = float(np.log(n + 1))
    intercept = np.array([odds if only else -odds]) if columns == 1 else odds * (np.arange(columns) == only)
    return LinearModel(coef=np.zeros((columns, problem.x.shape[1])), intercept=np.asarray(intercept, np.float64))


def fit_quickly(problem: Problem, rows: NDArray[np.intp], options: Options, strength: float) -> LinearModel:
    """A model for `rows` at a given C, exact enough for a learning curve, without a choice of C and calibration."""
    importance = _importance(problem, rows, options)
    if problem.prompts is not None:
        return fit_zero_shot(problem, rows, importance)[0]
    return _models(problem, rows, importance, (strength,), SEARCH)[0]


def calibrate(problem: Problem, decision: Float, options: Options) -> tuple[float, float]:
    """The slope and offset of out-of-fold decisions (n, k) of all items; 1 and 0 without calibration."""
    if not options.calibrate or problem.task == "continuous" or problem.prompts is not None:
        return 1.0, 0.0
    return calibration(decision, problem.y, _importance(problem, np.arange(len(problem)), options))


def _columns(problem: Problem) -> int:
    return len(problem.labels) if len(problem.labels) > 2 else 1


def _importance(problem: Problem, rows: NDArray[np.intp], options: Options) -> Float:
    """Training weights: multiplied by scikit-learn's "balanced" weights of classes under `balanced`."""
    weights = problem.weights[rows]
    if not options.balanced or problem.task == "continuous":
        return weights
    y = problem.y[rows]
    totals = np.bincount(y, weights, len(problem.labels))
    return np.asarray(weights * weights.sum() / ((totals > 0).sum() * totals[y]), np.float64)


def _loss(problem: Problem, decision: Float, rows: NDArray[np.intp], weights: Float) -> float:
    """Weighted mean log loss, or squared error."""
    y = problem.y[rows]
    if problem.task == "continuous":
        return float(np.average((decision[:, 0] - y) ** 2, weights=weights))
    return log_loss(decision, y, weights)


def log_loss(decision: Float, y: NDArray[np.intp], weights: Float, slope: float = 1.0, offset: float = 0.0) -> float:
    """Weighted mean negative log probability of the true class, of calibrated decisions (n, k)."""
    z = slope * decision + offset
    if z.shape[1] == 1:
        losses = np.logaddexp(0, np.where(y == 1, -z[:, 0], z[:, 0]))
    else:
        losses = np.logaddexp.reduce(z, axis=1) - z[np.arange(len(y)), y]
    return float(np.average(losses, weights=weights))


def calibration(decision: Float, y: NDArray[np.intp], weights: Float) -> tuple[float, float]:
    """Slope and offset with the lowest log loss: Platt scaling (1999) of one column, else a temperature (Guo 2017).

    The decisions (n, k) are out-of-fold. Targets are moved away from 0 and 1, so that separable data keep a finite
    slope: Platt's by his rule, those of a temperature as if every item had also been observed once in each class.
    """
    from scipy.optimize import minimize, minimize_scalar

    if decision.shape[1] > 1:
        possible = decision > NEVER_PREDICTED / 2
        rest = np.where(possible, decision, 0).sum(axis=1) / possible.sum(axis=1)
        smoothing = 1 / (1 + float(weights.sum()) / decision.shape[1])
        towards = float(np.average(rest - decision[np.arange(len(y)), y], weights=weights))

        def smoothed(log: float) -> float:
            slope = float(np.exp(log))
            return float(log_loss(decision, y, weights, slope) - smoothing * slope * towards)

        return float(np.exp(minimize_scalar(smoothed, bounds=(-4, 4), method="bounded").x)), 0.0
    z = decision[:, 0]
    positive, negative = float(weights[y == 1].sum()), float(weights[y == 0].sum())
    target = np.where(y == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(ab: Float) -> tuple[float, Float]:
        logit = ab[0] * z + ab[1]
        residual = weights * (np.exp(-np.logaddexp(0, -logit)) - target)
        value = weights @ (np.logaddexp(0, logit) - target * logit)
        return float(value), np.array([residual @ z, residual.sum()])

    optimum = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(1e-3, None), (None, None)]).x
    return float(optimum[0]), float(optimum[1])
