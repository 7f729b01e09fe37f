"""From a problem to a head, with the report that belongs to it."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers import metrics
from models.classifiers.head import Float, Head, calibrated
from models.classifiers.notes import Note
from models.classifiers.probe import Fit, Options, Report, fit, nested
from models.classifiers.problem import Problem
from models.errors import TrainingError

DUPLICATE = 0.98  # cosine from which two items are taken for one picture
SUSPICIOUS = 0.995  # out-of-fold accuracy that smells of leakage
ROWS = 2048  # of a block of cosines


def train(
    problem: Problem,
    options: Options,
    *,
    held_out: Problem | None = None,
    resamples: int = 1000,
    report: Report | None = None,
) -> tuple[Head, dict[str, Any]]:
    """Fit, cross-validate, measure.

    Parameters
    ----------
    held_out : items that nothing is chosen by; measured with the final head.
    resamples : of the bootstrap.
    report : hears of progress, 0 to 1; may raise to cancel.

    Returns
    -------
    The head fitted to all items of `problem`, and the report, which is JSON but for NaN (see `jsonable`).
    """
    started = time.monotonic()
    say = report or (lambda progress, stage: None)
    out = nested(problem, options, lambda progress, stage: say(0.7 * progress, stage))
    say(0.7, "the final fit")
    found, losses = fit(problem, options)
    head = _head(problem, found, out.decision)
    say(0.8, "figures and their intervals")
    notes = [*problem.notes, *_remarks(problem, out.fold, out.decision, found, options)]
    measured = _measured(problem, out.decision, head, resamples, options.seed)
    said: dict[str, Any] = {
        "task": problem.task,
        "n": len(problem),
        "groups": None if problem.groups is None else int(problem.groups.max()) + 1,
        "labels": list(problem.labels),
        "counts": _counts(problem),
        "bounds": problem.bounds,
        "dropped": [asdict(item) for item in problem.dropped],
        "notes": [asdict(note) for note in notes],
        "options": asdict(options),
        "strength": found.strength,
        "strength_losses": {f"{strength:g}": loss for strength, loss in losses.items()},
        "fold_strengths": list(out.strengths),
        "cross_validated": measured,
        "out_of_fold": _predictions(problem, out.decision, head) | {"fold": out.fold.tolist()},
    }
    if held_out is not None:
        if held_out.labels != problem.labels or held_out.blocks != problem.blocks:
            raise TrainingError("held_out: has other labels or other encoders than what was trained on")
        decision = head.slope * head.decision(held_out.x) + head.offset
        said["held_out"] = _measured(held_out, decision, head, resamples, options.seed) | {
            "predictions": _predictions(held_out, decision, head)
        }
    said["libraries"] = {name: version(name) for name in ("numpy", "scikit-learn", "scipy")}
    said["seconds"] = time.monotonic() - started
    say(1.0, "done")
    return head, said


def _head(problem: Problem, found: Fit, out_of_fold: Float) -> Head:
    head = Head(
        task=problem.task,
        blocks=problem.blocks,
        labels=problem.labels,
        coef=found.coef,
        intercept=found.intercept,
        slope=found.slope,
        offset=found.offset,
        bounds=problem.bounds,
    )
    if problem.task != "continuous":
        return head
    residuals = np.abs(problem.y - _clipped(problem, out_of_fold[:, 0]))
    return replace(head, spread=_quantile(residuals, problem.weights, 0.95))


def _clipped(problem: Problem, values: Float) -> Float:
    return values if problem.bounds is None else np.clip(values, *problem.bounds)


def _quantile(values: Float, weights: Float, share: float) -> float:
    """The weighted quantile, rounded up as split conformal prediction has it: infinite where n is too small."""
    order = np.argsort(values)
    total = weights.sum() + weights.max()  # the item to come weighs as much as any
    reached = np.cumsum(weights[order]) / total >= share
    return float(values[order][reached.argmax()]) if reached.any() else float("inf")


def _measured(problem: Problem, decision: Float, head: Head, resamples: int, seed: int) -> dict[str, Any]:
    """Figures, those of the baseline, and what one draws."""
    options: dict[str, Any] = {"groups": problem.groups, "resamples": resamples, "seed": seed}
    if problem.task == "continuous":
        values = _clipped(problem, decision[:, 0])
        mean = np.full(len(problem), np.average(problem.y, weights=problem.weights))
        return {
            "figures": metrics.plain(
                metrics.measured(metrics.of_numbers(problem.y, values), problem.weights, **options)
            ),
            "baseline": metrics.plain(
                metrics.measured(metrics.of_numbers(problem.y, mean), problem.weights, **options)
            ),
        }
    probabilities, k = calibrated(decision, 1.0, 0.0), len(problem.labels)
    chosen = _chosen(probabilities, head)
    common, shares = metrics.majority(problem.y, problem.weights, k)
    classes = [1] if k == 2 else range(k)
    return {
        "figures": metrics.plain(
            metrics.measured(
                metrics.of_classes(problem.y, probabilities, chosen, problem.labels), problem.weights, **options
            )
        ),
        "baseline": metrics.plain(
            metrics.measured(metrics.of_classes(problem.y, shares, common, problem.labels), problem.weights, **options)
        ),
        "confusion": metrics.confusion(problem.y, chosen, k).astype(int).tolist(),
        "confusion_weighted": metrics.confusion(problem.y, chosen, k, problem.weights).tolist(),
        "reliability": {
            problem.labels[c]: [
                asdict(point) for point in metrics.reliability(problem.y == c, probabilities[:, c], problem.weights)
            ]
            for c in classes
        },
    }


def _chosen(probabilities: Float, head: Head) -> NDArray[np.intp]:
    if head.task == "binary":
        return (probabilities[:, 1] >= head.threshold).astype(np.intp)
    return np.asarray(probabilities.argmax(axis=1), np.intp)


def _predictions(problem: Problem, decision: Float, head: Head) -> dict[str, Any]:
    """Each item's, for estimates and for looking at the worst."""
    if problem.task == "continuous":
        return {
            "ids": list(problem.ids),
            "target": problem.y.tolist(),
            "value": _clipped(problem, decision[:, 0]).tolist(),
            "weight": problem.weights.tolist(),
        }
    probabilities = calibrated(decision, 1.0, 0.0)
    return {
        "ids": list(problem.ids),
        "target": [problem.labels[i] for i in problem.y],
        "label": [problem.labels[i] for i in _chosen(probabilities, head)],
        "probabilities": probabilities.round(6).tolist(),
        "weight": problem.weights.tolist(),
    }


def _counts(problem: Problem) -> Mapping[str, int]:
    if problem.task == "continuous":
        return {"": len(problem)}
    counts = Counter(problem.y.tolist())
    return {label: counts[i] for i, label in enumerate(problem.labels)}


def _remarks(problem: Problem, fold: NDArray[np.intp], decision: Float, found: Fit, options: Options) -> list[Note]:
    """What a careful reader of the report would ask."""
    notes = []
    if found.strength in (min(options.strengths), max(options.strengths)) and len(options.strengths) > 1:
        notes.append(
            Note("strength_at_the_edge", f"the chosen C, {found.strength:g}, is at the edge of those that were tried")
        )
    if problem.task != "continuous":
        right = calibrated(decision, 1.0, 0.0).argmax(axis=1) == problem.y
        share = float(np.average(right, weights=problem.weights))
        if share >= SUSPICIOUS and len(problem) >= 50:
            notes.append(
                Note(
                    "too_good",
                    f"{100 * share:.1f} % are right out of fold: does something in the pictures give the code away, or "
                    "is the same picture in there several times?",
                )
            )
    pairs = twins(problem.x, fold)
    if pairs:
        notes.append(
            Note(
                "near_duplicates",
                f"{pairs} items have a near-duplicate (cosine from {DUPLICATE}) in another fold, so the figures are "
                "too good; give them one group",
            )
        )
    return notes


def twins(x: NDArray[np.float32], fold: NDArray[np.intp]) -> int:
    """How many items have a near-duplicate in another fold; blocks of cosines, never all of them at once."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    unit = x / np.where(length == 0, 1, length)
    found = 0
    for start in range(0, len(x), ROWS):
        rows = slice(start, start + ROWS)
        alike = unit[rows] @ unit.T >= DUPLICATE
        found += int((alike & (fold[rows, None] != fold[None, :])).any(axis=1).sum())
    return found


def jsonable(value: Any) -> Any:
    """NaN and infinities as None, since JSON has neither."""
    if isinstance(value, Mapping):
        return {key: jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(inner) for inner in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
