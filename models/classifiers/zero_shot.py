"""Zero-shot labels calibrated with a few codes: one temperature and a bias for each class.

The logit of class c for an item x is slope · s · cos(x, prompt of c) + bias of c, with the logit scale s of the
encoder; slope 1 and biases 0 are the zero-shot scores as they are, and 1 / slope is the temperature (Guo et al. 2017,
ICML, with the biases of their vector scaling). A cosine is linear in a unit vector, so that the model is a linear head.
Slope and biases have the lowest log loss plus a weak penalty that keeps them finite: (slope - 1)² / 2 and bias² / 50
(normal priors with standard deviations 1 and 5). The loss is convex, and its optimum is unique.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float, calibrated_probabilities, predicted_classes
from models.classifiers.linear import LinearModel
from models.classifiers.measure import evaluate
from models.classifiers.problem import Problem
from models.classifiers.records import Prompts, Sureness, ZeroShot
from models.classifiers.report import Measured, Predictions
from models.errors import TrainingError, quoted

SLOPE_SD, BIAS_SD = 1.0, 5.0  # of the priors around 1 and 0
SMALLEST = 1e-3  # slope: it stays positive, so that the order of the cosines of a class is kept
STEPS, NEGLIGIBLE = 100, 1e-12  # of Newton's method: most steps, and the decrement for an item at the optimum
BINS = 10  # of the calibration error, with about as many items each


def in_order(prompts: Prompts, labels: tuple[str, ...]) -> Prompts:
    """The prompts of `labels`, in their order. Raises TrainingError for a class without a prompt."""
    place = {label: i for i, label in enumerate(prompts.labels)}
    if absent := [label for label in labels if label not in place]:
        raise TrainingError(
            f"zero_shot: class {quoted(absent[0])} of the codes has no prompt; give each class one "
            f"(got {', '.join(map(quoted, prompts.labels[:10]))})",
            code="unknown_label",
        )
    chosen = [place[label] for label in labels]
    texts = tuple(prompts.texts[i] for i in chosen)
    return replace(prompts, labels=labels, texts=texts, directions=prompts.directions[chosen])


def logits(problem: Problem, rows: NDArray[np.intp]) -> Float:
    """Zero-shot logits (n, k) of `rows`, without calibration."""
    assert problem.prompts is not None
    return np.asarray(problem.x[rows].astype(np.float64) @ problem.prompts.directions.T, np.float64)


def fit_zero_shot(problem: Problem, rows: NDArray[np.intp], importance: Float) -> tuple[LinearModel, float]:
    """The calibrated zero-shot model of `rows` with weights `importance` (n,), and its slope."""
    assert problem.prompts is not None
    slope, biases, converged = calibrate_logits(logits(problem, rows), problem.y[rows], importance)
    return _linear(slope * problem.prompts.directions, biases, converged), slope


def uncalibrated(problem: Problem) -> Float:
    """Probabilities (n, labels) of all items by the zero-shot scores as they are."""
    z = logits(problem, np.arange(len(problem)))
    return calibrated_probabilities(z[:, 1:] - z[:, :1] if z.shape[1] == 2 else z, 1.0, 0.0)


def _linear(coef: Float, intercept: Float, converged: bool) -> LinearModel:
    if len(intercept) == 2:  # one column for two classes
        coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    return LinearModel(coef=coef, intercept=intercept, converged=converged)


def calibrate_logits(z: Float, y: NDArray[np.intp], weights: Float) -> tuple[float, Float, bool]:
    """Slope and biases (k,) of logits (n, k) with the lowest penalised log loss, and whether the optimum was reached.

    The loss is convex: where its optimum has a slope below the smallest one, the best biases at that slope are the
    optimum under the constraint.

    Parameters
    ----------
    y : (n,) indices of the true classes.
    weights : (n,) positive, mean about 1: their sum is compared with the penalty.
    """
    start = np.concatenate([[1.0], np.zeros(z.shape[1])])
    centred = z - z.mean(axis=1, keepdims=True)
    best, reached = _newton(centred, y, weights, start, free=slice(None))
    if best[0] < SMALLEST:
        best, reached = _newton(centred, y, weights, np.concatenate([[SMALLEST], best[1:]]), free=slice(1, None))
    return float(best[0]), best[1:], reached


def _newton(z: Float, y: NDArray[np.intp], weights: Float, start: Float, free: slice) -> tuple[Float, bool]:
    """Minimise by Newton's method with halved steps over the `free` ones of (slope, biases)."""
    n, k = z.shape
    penalty = np.concatenate([[1 / SLOPE_SD**2], np.full(k, 1 / BIAS_SD**2)])
    prior = np.concatenate([[1.0], np.zeros(k)])
    items = np.arange(n)

    def loss(parameters: Float) -> tuple[float, Float]:
        scaled = parameters[0] * z + parameters[1:]
        log_p = scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)
        return float(penalty @ (parameters - prior) ** 2 / 2 - weights @ log_p[items, y]), np.exp(log_p)

    at = start
    value, p = loss(at)
    for _ in range(STEPS):
        mass = weights[:, None] * p
        residual = mass.copy()
        residual[items, y] -= weights
        gradient = np.concatenate([[(residual * z).sum()], residual.sum(axis=0)]) + penalty * (at - prior)
        apart = z - (p * z).sum(axis=1, keepdims=True)
        curvature = np.empty((k + 1, k + 1))
        curvature[0, 0] = (mass * apart**2).sum()
        curvature[0, 1:] = curvature[1:, 0] = (mass * apart).sum(axis=0)
        curvature[1:, 1:] = np.diag(mass.sum(axis=0)) - p.T @ mass
        curvature += np.diag(penalty)
        step = np.zeros(k + 1)
        step[free] = np.linalg.solve(curvature[free, free], gradient[free])
        decrement, share = float(gradient[free] @ step[free]), 1.0
        if decrement <= NEGLIGIBLE * weights.sum():
            return at - step, True
        while True:
            new, new_p = loss(at - share * step)
            if new <= value - share * decrement / 4 or share < NEGLIGIBLE:
                break
            share /= 2
        at, value, p = at - share * step, new, new_p
    return at, False


def sureness(y: NDArray[np.intp], probabilities: Float, chosen: NDArray[np.intp], weights: Float) -> Sureness:
    """The confidence of predictions (n, labels) beside their accuracy, and the expected calibration error."""
    confidence = probabilities[np.arange(len(y)), chosen]
    right = (chosen == y).astype(np.float64)
    order = np.argsort(confidence, kind="stable")
    gaps = [
        abs(float(weights[part] @ (confidence[part] - right[part])))
        for part in np.array_split(order, min(BINS, len(order)))
    ]
    return Sureness(
        confidence=float(np.average(confidence, weights=weights)),
        accuracy=float(np.average(right, weights=weights)),
        error=float(sum(gaps) / weights.sum()),
    )


def compared(
    problem: Problem,
    out_of_fold: Predictions,
    *,
    threshold: float,
    slope: float,
    slopes: Sequence[float],
    biases: Float,
) -> ZeroShot:
    """The calibration of all items for the report, and the confidence of predictions with it and without.

    Parameters
    ----------
    slope, slopes : of all items, and of each fold.
    biases : (k,), or (1,) the difference of two.
    """
    prompts, raw = problem.prompts, uncalibrated(problem)
    assert prompts is not None
    each = np.array([-biases[0] / 2, biases[0] / 2]) if len(biases) == 1 else biases

    def of(probabilities: Float) -> Sureness:
        return sureness(
            problem.y, probabilities, predicted_classes(probabilities, problem.task, threshold), problem.weights
        )

    return ZeroShot(
        model=prompts.model,
        logit_scale=prompts.logit_scale,
        prompts=dict(zip(prompts.labels, prompts.texts, strict=True)),
        templates=prompts.templates,
        temperature=1 / slope,
        biases=dict(zip(prompts.labels, each.tolist(), strict=True)),
        fold_temperatures=tuple(1 / each for each in slopes),
        calibrated=of(np.asarray(out_of_fold.probabilities, np.float64)),
        uncalibrated=of(raw),
    )


def measured_uncalibrated(problem: Problem, *, threshold: float, resamples: int, seed: int) -> Measured:
    """The figures of the zero-shot scores as they are, on the coded items."""
    return evaluate(
        problem.y,
        uncalibrated(problem),
        task=problem.task,
        labels=problem.labels,
        threshold=threshold,
        ids=problem.ids,
        weights=problem.weights,
        groups=problem.units,
        resamples=resamples,
        seed=seed,
    )[0]
