"""Training of a linear probe: cross-validation, the final head, and its report."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from models.annotation.agreement import Agreement
from models.classifiers.coders import Comparison, compare_with_coders
from models.classifiers.codes import Codes
from models.classifiers.coverage import held_out_set_figures, set_figures
from models.classifiers.head import Float, Head, calibrated_probabilities
from models.classifiers.learning import learning_curve
from models.classifiers.measure import evaluate
from models.classifiers.probe import Fit, Options, Progress, cross_validations, fit
from models.classifiers.problem import Problem, check_enough
from models.classifiers.remarks import overlap_notes, result_notes, training_notes
from models.classifiers.report import Measured, Predictions, Report, jsonable
from models.classifiers.zero_shot import compared, measured_uncalibrated
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
    """Train a head on all items of `problem`, and report how well it predicts out of fold.

    Parameters
    ----------
    held_out : items to evaluate the final head on, made with `folds=None` and the labels of `problem`; nothing is
        chosen by them.
    codes : the coders' codes that the targets were made from, for the report.
    resamples : number of bootstrap samples.
    progress : called with the share that is done, 0 to 1, and the current step; it may raise to cancel.

    Returns
    -------
    The head and its report.

    Raises
    ------
    TrainingError : too few items or groups for the options; held-out items of other labels or encoders.
    """
    options = options or Options()
    if resamples < 1:
        raise TrainingError(f"resamples: got {resamples}; must be 1 or more, such as 1000", code="bad_options")
    check_enough(problem.y, problem.labels, problem.groups, options.folds)
    if held_out is not None and (held_out.labels, held_out.blocks) != (problem.labels, problem.blocks):
        raise TrainingError(
            "held_out: has other labels or encoders than the training items; give it their labels and vectors"
        )
    started = time.monotonic()
    advance = progress or (lambda done, step: None)
    out, *others = cross_validations(problem, options, lambda done, step: advance(0.7 * done, step))
    advance(0.7, "the final fit")
    final = fit(problem, options)
    head = _head(problem, final, out.decision)
    head = replace(head, folds=tuple(_head(problem, fold, out.decision) for fold in out.fits))
    advance(0.8, "figures and their intervals")
    further = [other.decision for other in others]
    measured, out_of_fold = _evaluate(problem, out.decision, head, resamples, options.seed, further)
    comparison = None
    if codes is not None:
        comparison = compare_with_coders(
            problem, codes, head, out.fold, out_of_fold, resamples=resamples, seed=options.seed
        )
    zero_shot = plain = None
    if problem.prompts is not None:
        plain = measured_uncalibrated(problem, threshold=head.threshold, resamples=resamples, seed=options.seed)
        zero_shot = compared(
            problem,
            out_of_fold,
            threshold=head.threshold,
            slope=final.strength,
            slopes=out.strengths,
            biases=final.intercept,
        )
    notes = [*problem.notes, *training_notes(problem, options, out, final, head), *result_notes(problem, measured)]
    held_out_measured = held_out_predictions = None
    if held_out is not None:
        advance(0.9, "figures of the held-out items")
        decision = head.slope * head.decision(held_out.x) + head.offset
        held_out_measured, held_out_predictions = _evaluate(held_out, decision, head, resamples, options.seed)
        notes += [*held_out.notes, *overlap_notes(problem, held_out)]
    advance(0.92, "the learning curve")
    learning = learning_curve(problem, final, options, out_of_fold)
    advance(0.96, "prediction sets")
    sets = set_figures(problem, options, out)
    linear = problem.prompts is None
    report = Report(
        task=problem.task,
        n=problem.n_items,
        labels=problem.labels,
        counts=_counts(problem),
        groups=None if problem.groups is None else int(problem.groups.max()) + 1,
        bounds=problem.bounds,
        dropped=problem.dropped if codes is None else (*codes.dropped, *problem.dropped),
        notes=tuple(notes),
        options=jsonable(asdict(options)),
        strength=final.strength if linear else None,
        strength_losses={f"{c:g}": loss for c, loss in zip(options.strengths, final.losses, strict=False)},
        fold_strengths=out.strengths if linear else None,
        cross_validated=measured,
        out_of_fold=replace(
            out_of_fold,
            fold=tuple(out.fold.tolist()),
            group=None if problem.groups is None else tuple(problem.groups.tolist()),
        ),
        held_out=held_out_measured,
        held_out_predictions=held_out_predictions,
        learning=learning,
        codes=None if codes is None else _coding(codes, comparison),
        features=tuple(asdict(feature) for feature in problem.features),
        zero_shot=zero_shot,
        uncalibrated=plain,
        sets=sets,
        libraries={name: version(name) for name in ("numpy", "scikit-learn", "scipy")},
        seconds=time.monotonic() - started,
    )
    if held_out is not None:
        report = replace(report, sets=(*sets, *held_out_set_figures(report, head, held_out)))
    advance(1.0, "done")
    return head, report


def _head(problem: Problem, fitted: Fit, out_of_fold: Float) -> Head:
    head = Head(
        task=problem.task,
        blocks=problem.blocks,
        labels=problem.labels,
        coef=fitted.coef,
        intercept=fitted.intercept,
        slope=fitted.slope,
        offset=fitted.offset,
        bounds=problem.bounds,
        partial=problem.partial,
        features=problem.features,
    )
    if problem.task != "continuous":
        return head
    residuals = np.abs(problem.y - _clipped(problem, out_of_fold[:, 0]))
    return replace(head, spread=_quantile(residuals, problem.weights, 0.95))


def _clipped(problem: Problem, values: Float) -> Float:
    return values if problem.bounds is None else np.clip(values, *problem.bounds)


def _quantile(values: Float, weights: Float, share: float) -> float:
    """The weighted quantile of split conformal prediction, which rounds up: infinite where n is too small."""
    order = np.argsort(values)
    total = weights.sum() + weights.max()  # a new item may weigh as much as any
    reached = np.cumsum(weights[order]) >= share * total * (1 - 1e-12)  # 19 of 20 are 95 %
    return float(values[order][reached.argmax()]) if reached.any() else float("inf")


def _evaluate(
    problem: Problem, decision: Float, head: Head, resamples: int, seed: int, repeated: Sequence[Float] = ()
) -> tuple[Measured, Predictions]:
    """Figures and predictions from calibrated decisions (n, k), and those of further repeats."""

    def outputs(decision: Float) -> Float:
        if problem.task == "continuous":
            return _clipped(problem, decision[:, 0])
        return calibrated_probabilities(decision, 1.0, 0.0)

    return evaluate(
        problem.y,
        outputs(decision),
        task=problem.task,
        labels=problem.labels,
        threshold=head.threshold,
        ids=problem.ids,
        weights=problem.weights,
        groups=problem.units,
        resamples=resamples,
        seed=seed,
        repeated=[outputs(other) for other in repeated],
    )


def _counts(problem: Problem) -> dict[str, int]:
    if problem.task == "continuous":
        return {"": len(problem)}
    return dict(zip(problem.labels, np.bincount(problem.y, minlength=len(problem.labels)).tolist(), strict=True))


def _coding(codes: Codes, comparison: Comparison | None) -> dict[str, Any]:
    """The origin of the targets, without the targets: those are in the predictions."""
    coding: dict[str, Any] = jsonable(
        {
            "rule": codes.rule,
            "rule_in_words": codes.rule_in_words,
            "adjudicator": codes.adjudicator,
            "n_items": codes.n_items,
            "n_several": codes.n_several,
            "n_differ": codes.n_differ,
            "n_undecided": codes.n_undecided,
            "agreement": None if codes.agreement is None else _agreement(codes.agreement),
            "comparison": None if comparison is None else asdict(comparison),
            "items": codes.items,
            "n_codes": codes.n_codes,
            "disagreement": codes.disagreement,
        }
    )
    return coding


def _agreement(agreement: Agreement) -> dict[str, Any]:
    """The agreement without the list of items, whose codes the request had."""
    fields = asdict(agreement)
    (fields["details"] or {}).pop("differ", None)
    for value in _nested(fields):
        value.pop("undefined", None)  # a figure of a report is value, low and high; a remark tells the number
    return fields


def _nested(value: Any) -> Iterator[dict[str, Any]]:
    """The mappings in a value of JSON."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from _nested(each)
