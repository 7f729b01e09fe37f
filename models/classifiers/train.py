"""From a problem to a head, with the report that belongs to it."""

import time
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers import measure
from models.classifiers.codes import Codes
from models.classifiers.head import Float, Head, calibrated
from models.classifiers.probe import Fit, Options, Progress, fit, nested
from models.classifiers.problem import Problem, enough
from models.classifiers.remarks import remarks, seen_before, verdict
from models.classifiers.report import Measured, Predictions, Report, jsonable
from models.errors import TrainingError


def train(
    problem: Problem,
    options: Options | None = None,
    *,
    held_out: Problem | None = None,
    codes: Codes | None = None,
    resamples: int = 1000,
    progress: Progress | None = None,
) -> tuple[Head, Report]:
    """Fit, cross-validate, measure.

    Parameters
    ----------
    held_out : items that nothing is chosen by, posed with `folds=None` and the labels of `problem`; measured with the
        final head.
    codes : what the targets came of, for the report.
    resamples : of the bootstrap.
    progress : hears how far it is, 0 to 1, and what is being done; may raise to cancel.

    Returns
    -------
    The head fitted to all items of `problem`, and its report.

    Raises
    ------
    TrainingError : too few items or groups for the options; held-out items of other labels or encoders.
    """
    options = options or Options()
    if resamples < 1:
        raise TrainingError(f"resamples: got {resamples}; an interval takes some, such as 1000", code="bad_options")
    enough(problem.y, problem.labels, problem.groups, options.folds)
    if held_out is not None and (held_out.labels, held_out.blocks) != (problem.labels, problem.blocks):
        raise TrainingError(
            "held_out: has other labels or other encoders than what was trained on; pose it with labels="
        )
    started = time.monotonic()
    say = progress or (lambda done, stage: None)
    out = nested(problem, options, lambda done, stage: say(0.7 * done, stage))
    say(0.7, "the final fit")
    found = fit(problem, options)
    head = _head(problem, found, out.decision)
    head = replace(head, folds=tuple(_head(problem, each, out.decision) for each in out.fits))
    say(0.8, "figures and their intervals")
    measured = _measured(problem, out.decision, head, resamples, options.seed)
    notes = [*problem.notes, *remarks(problem, options, out, found, head), *verdict(problem, measured)]
    other = None
    if held_out is not None:
        say(0.9, "figures of the held-out items")
        other = head.slope * head.decision(held_out.x) + head.offset
        notes += [*held_out.notes, *seen_before(problem, held_out)]
    report = Report(
        task=problem.task,
        n=len(problem),
        labels=problem.labels,
        counts=_counts(problem),
        groups=None if problem.groups is None else int(problem.groups.max()) + 1,
        bounds=problem.bounds,
        dropped=problem.dropped if codes is None else (*codes.dropped, *problem.dropped),
        notes=tuple(notes),
        options=jsonable(asdict(options)),
        strength=found.strength,
        strength_losses={f"{c:g}": loss for c, loss in zip(options.strengths, found.losses, strict=False)},
        fold_strengths=out.strengths,
        cross_validated=measured,
        out_of_fold=replace(_predictions(problem, out.decision, head), fold=tuple(out.fold.tolist())),
        held_out=None
        if held_out is None or other is None
        else _measured(held_out, other, head, resamples, options.seed),
        held_out_predictions=None if held_out is None or other is None else _predictions(held_out, other, head),
        codes=None if codes is None else _coding(codes),
        libraries={name: version(name) for name in ("numpy", "scikit-learn", "scipy")},
        seconds=time.monotonic() - started,
    )
    say(1.0, "done")
    return head, report


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
        partial=problem.partial,
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
    reached = np.cumsum(weights[order]) >= share * total * (1 - 1e-12)  # 19 of 20 are 95 %
    return float(values[order][reached.argmax()]) if reached.any() else float("inf")


def _measured(problem: Problem, decision: Float, head: Head, resamples: int, seed: int) -> Measured:
    if problem.task == "continuous":
        return measure.of_values(
            problem.y,
            _clipped(problem, decision[:, 0]),
            weights=problem.weights,
            groups=problem.groups,
            resamples=resamples,
            seed=seed,
        )
    probabilities = calibrated(decision, 1.0, 0.0)
    return measure.of_labels(
        problem.y,
        probabilities,
        _chosen(probabilities, head),
        problem.labels,
        weights=problem.weights,
        groups=problem.groups,
        resamples=resamples,
        seed=seed,
    )


def _chosen(probabilities: Float, head: Head) -> NDArray[np.intp]:
    if head.task == "binary":
        return (probabilities[:, 1] >= head.threshold).astype(np.intp)
    return np.asarray(probabilities.argmax(axis=1), np.intp)


def _predictions(problem: Problem, decision: Float, head: Head) -> Predictions:
    """Each item's, for estimates and for looking at the worst."""
    weight = tuple(problem.weights.tolist())
    if problem.task == "continuous":
        return Predictions(
            ids=problem.ids,
            target=tuple(problem.y.tolist()),
            weight=weight,
            value=tuple(_clipped(problem, decision[:, 0]).tolist()),
        )
    probabilities = calibrated(decision, 1.0, 0.0)
    return Predictions(
        ids=problem.ids,
        target=tuple(problem.labels[i] for i in problem.y),
        weight=weight,
        label=tuple(problem.labels[i] for i in _chosen(probabilities, head)),
        probabilities=measure.rows(probabilities.round(6)),
    )


def _counts(problem: Problem) -> dict[str, int]:
    if problem.task == "continuous":
        return {"": len(problem)}
    return dict(zip(problem.labels, np.bincount(problem.y, minlength=len(problem.labels)).tolist(), strict=True))


def _coding(codes: Codes) -> dict[str, Any]:
    """How targets came about; without the targets, which are the predictions' own."""
    found: dict[str, Any] = jsonable(
        {
            "rule": codes.rule,
            "rule_in_words": codes.rule_in_words,
            "agreement": None if codes.agreement is None else asdict(codes.agreement),
            "items": codes.items,
            "n_codes": codes.n_codes,
            "disagreement": codes.disagreement,
        }
    )
    return found
