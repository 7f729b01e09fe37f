"""Validation of predictions: figures against human codes, agreement with each coder, thresholds, paired differences."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.annotation.agreement import Agreement, Level
from models.classifiers import metrics
from models.classifiers.codes import Rule
from models.classifiers.head import Task
from models.classifiers.measure import evaluate
from models.classifiers.report import Measured
from models.classifiers.targets import read_classes
from models.classifiers.worst import Worst, worst_predictions
from models.errors import AgreementError, quoted
from models.intervals import Float
from models.stopping import Check, checkpoint, unchecked
from models.validations.agreements import PairAgreement, agreements_of
from models.validations.by_group import GroupDifference, GroupErrors, errors_by_group
from models.validations.differences import Difference, difference
from models.validations.predictions import TOTAL, label_remarks, missing_remarks, read_predictions, training_remark
from models.validations.reading import positive_label, read_reference
from models.validations.tables import CodeTable, Labeller, Predicted, Reference, without
from models.validations.thresholds import ClassCurve, class_curve

MOST_LABELLERS = 10
POINTS = 2000  # items of a scatter plot of numbers, drawn at random by the seed
CURVES = 12  # classes with a precision-recall curve, the rarest ones
FEW = 10  # coded items of a class below which a remark is made
OF_SCORES = ("roc_auc", "pr_auc", "brier", "log_loss")
OF_PROBABILITIES = ("brier", "log_loss")


@dataclass(frozen=True, kw_only=True)
class Validated:
    """The validation of one set of predictions.

    Attributes
    ----------
    without_prediction : number of coded items that have no prediction.
    without_code : number of predicted items that nobody coded.
    curves : of the positive class of two, or of the rarest classes; empty without scores.
    worst : the largest errors.
    points : code and prediction of at most 2,000 items drawn at random; None for labels.
    """

    name: str
    out_of_fold: bool
    without_prediction: int
    without_code: int
    measured: Measured
    curves: tuple[ClassCurve, ...]
    worst: tuple[Worst, ...]
    points: tuple[tuple[float, float], ...] | None


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Everything that was measured.

    Attributes
    ----------
    labels : the classes, for two (negative, positive); empty for numbers.
    coded, used : number of items in the table of codes, and of those that have a target.
    counts : unweighted number of coded items of each class.
    agreement_of_coders : of all coders at once, where there are two or more; None otherwise.
    """

    task: Task
    labels: tuple[str, ...]
    positive: str | None
    rule: Rule
    coders: tuple[str, ...]
    coded: int
    used: int
    counts: Mapping[str, int]
    weighted: bool
    effective: float
    groups: int | None
    validated: tuple[Validated, ...]
    differences: tuple[Difference, ...]
    agreement: tuple[PairAgreement, ...]
    agreement_of_coders: Agreement | None
    remarks: tuple[str, ...]
    by_group: tuple[GroupErrors, ...] = ()
    group_differences: tuple[GroupDifference, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """Predictions as numbers: (m,) true and predicted classes, (m, labels) outputs; of numbers, the values."""

    predicted: Predicted
    y: NDArray[Any]
    outputs: Float
    chosen: NDArray[np.intp] | None
    hidden: frozenset[str]  # figures that have no meaning for these predictions
    repeats: tuple["_Judged", ...] = ()  # of a cross-validation, beside this one

    @property
    def every(self) -> tuple["_Judged", ...]:
        """All repeats, this one first."""
        return (self, *self.repeats)


def validate(
    labellers: Sequence[Labeller],
    table: CodeTable,
    *,
    task: Task | None = None,
    labels: Sequence[Any] | None = None,
    positive: Any = None,
    rule: Rule | None = None,
    missing: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    level: Level | None = None,
    recall: float = 0.8,
    resamples: int = 1000,
    seed: int = 0,
    check: Check = unchecked,
) -> Validation:
    """Validate predictions against codes.

    Parameters
    ----------
    task : None: by the codes, and by the predictions where codes are numbers.
    labels : the order of the classes; None: sorted, for two the positive one last.
    positive : the positive class of two; None: the last of `class_order`, as in training.
    rule : how codes of several coders become one; None: majority, or the mean of numbers.
    missing : texts that are no codes; None: those of models.codes.
    rename : predicted label → the code that it stands for.
    level : level of measurement for the agreement; None: nominal, or interval for numbers.
    recall : the smallest recall for the second threshold.

    Raises
    ------
    AgreementError, IdError, TrainingError : codes or predictions that cannot be compared.
    """
    names = [each.name for each in labellers]
    if twice := [name for name, many in Counter(names).items() if many > 1]:
        raise AgreementError(f"predictions: two are named {quoted(twice[0])}; give each a name of its own")
    if not 1 <= len(labellers) <= MOST_LABELLERS:
        raise AgreementError(f"predictions: got {len(labellers)}; send from 1 to {MOST_LABELLERS}")
    check()
    reference = read_reference(table, labellers, task=task, rule=rule, missing=missing, seed=seed, resamples=resamples)
    scored = [str(label) for each in labellers for label in each.scores or ()]
    chosen = positive_label(positive, scored, reference) if reference.task != "continuous" else None

    def read(labeller: Labeller) -> Predicted:
        first = read_predictions(labeller, reference, positive=chosen, rename=rename or {})
        return replace(first, repeats=tuple(map(read, labeller.repeats)))

    predicted = list(map(read, labellers))
    remarks = [*reference.remarks, *(remark for each in predicted for remark in each.remarks)]
    order: tuple[str, ...] = ()
    if reference.task != "continuous":
        remarks += label_remarks(reference, predicted)
        order = _classes(reference, predicted, labels, chosen)
        reference = replace(reference, task=_task(task, order))
        if reference.task == "binary":
            chosen = order[1]
    remarks += filter(None, (training_remark(each, reference) for each in predicted))
    remarks += missing_remarks(reference, predicted)
    counts = Counter(reference.targets) if order else Counter()
    remarks += [
        f"class {quoted(name)} has {counts[name]} coded items, too few for figures to rely on"
        for name in order
        if 0 < counts[name] < FEW
    ]
    judged = [_judged(each, reference, order) for each in predicted]
    coded_labels = [name for name in order if counts[name]]
    grouped = errors_by_group(predicted, reference, coded_labels)
    remarks += grouped.remarks
    common = {"resamples": resamples, "seed": seed}
    validated = tuple(_validated(each, reference, order, chosen, recall=recall, **common) for each in judged)
    differences = tuple(
        difference_of
        for a, b in combinations(judged, 2)
        if (difference_of := _difference(a, b, reference, order, **common)) is not None
    )
    measured_level: Level = level or ("interval" if reference.task == "continuous" else "nominal")
    pairs = tuple(agreements_of(reference, predicted, measured_level, check=check, **common))
    total = float(reference.weights.sum())
    return Validation(
        task=reference.task,
        labels=order,
        positive=chosen,
        rule=reference.codes.rule,
        coders=reference.coders,
        coded=reference.n_items,
        used=len(reference.items),
        counts={name: counts[name] for name in order},
        weighted=reference.weighted,
        effective=total**2 / float((reference.weights**2).sum()),
        groups=None if reference.groups is None else int(reference.groups.max()) + 1,
        validated=validated,
        differences=differences,
        agreement=pairs,
        agreement_of_coders=reference.codes.agreement,
        remarks=tuple(remarks),
        by_group=tuple(_one_interval(each, validated) for each in grouped.errors),
        group_differences=grouped.differences,
    )


def _one_interval(errors: GroupErrors, validated: Sequence[Validated]) -> GroupErrors:
    """The figures of all groups with the intervals that the same figures of the same items have elsewhere."""
    whole = next(each.measured for each in validated if each.name == errors.predictions)
    if errors.group is not None or errors.n != whole.n:
        return errors
    return replace(errors, figures={name: whole.figures.get(name, each) for name, each in errors.figures.items()})


def _classes(
    reference: Reference, predicted: Sequence[Predicted], labels: Sequence[Any] | None, positive: str | None
) -> tuple[str, ...]:
    """The classes in order: those of the codes, of the predictions, and of the scores."""
    every = [*reference.targets, *(name for each in predicted for name in (*each.chosen, *(each.scores or ())))]
    _, order = read_classes(every, "categorical", labels)
    if labels is None and len(order) == 2 and positive in order:
        return (next(name for name in order if name != positive), positive)
    return order


def _task(task: Task | None, order: tuple[str, ...]) -> Task:
    if task == "binary" and len(order) != 2:
        read_classes(order, "binary", order)  # raises: it says what a binary task has
    return task or ("binary" if len(order) == 2 else "categorical")


def _coded(y: NDArray[Any], order: tuple[str, ...]) -> NDArray[np.bool_]:
    """The classes that somebody coded: one that is only predicted is no part of means over classes."""
    return np.bincount(y, minlength=len(order)) > 0


def _judged(predicted: Predicted, reference: Reference, order: tuple[str, ...]) -> _Judged:
    """Predictions and their repeats as numbers."""
    further = tuple(_as_numbers(each, reference, order) for each in predicted.repeats)
    return replace(_as_numbers(predicted, reference, order), repeats=further)


def _as_numbers(predicted: Predicted, reference: Reference, order: tuple[str, ...]) -> _Judged:
    targets = [reference.targets[i] for i in predicted.rows.tolist()]
    if not order:
        y, outputs = np.asarray(targets, np.float64), np.asarray(predicted.chosen, np.float64)
        return _Judged(predicted=predicted, y=y, outputs=outputs, chosen=None, hidden=frozenset())
    place = {name: i for i, name in enumerate(order)}
    classes, chosen = (np.array([place[name] for name in names], np.intp) for names in (targets, predicted.chosen))
    if predicted.scores is None:
        outputs = np.eye(len(order))[chosen]
        return _Judged(predicted=predicted, y=classes, outputs=outputs, chosen=chosen, hidden=frozenset(OF_SCORES))
    outputs = np.zeros((len(classes), len(order)), np.float64)
    for name, score in predicted.scores.items():
        outputs[:, place[name]] = score
    probabilities = bool((outputs >= -1e-9).all() and np.allclose(outputs.sum(axis=1), 1, atol=TOTAL))
    hidden = frozenset(() if probabilities else OF_PROBABILITIES)
    return _Judged(predicted=predicted, y=classes, outputs=outputs, chosen=chosen, hidden=hidden)


def _validated(
    judged: _Judged,
    reference: Reference,
    order: tuple[str, ...],
    positive: str | None,
    *,
    recall: float,
    resamples: int,
    seed: int,
) -> Validated:
    predicted = judged.predicted
    part = without(reference, predicted.rows)
    checkpoint()
    measured, predictions = evaluate(
        judged.y,
        judged.outputs,
        task=part.task,
        labels=order,
        threshold=0.5,
        ids=part.items,
        weights=part.weights,
        groups=part.groups,
        resamples=resamples,
        seed=seed,
        chosen=None
        if judged.chosen is None
        else np.stack([c for one in judged.every if (c := one.chosen) is not None]),
        repeated=[one.outputs for one in judged.repeats],
        averaged=None if part.task == "continuous" else _coded(judged.y, order),
    )
    return Validated(
        name=predicted.labeller.name,
        out_of_fold=predicted.labeller.out_of_fold,
        without_prediction=len(reference.items) - len(predicted.rows),
        without_code=predicted.uncoded,
        measured=_meaningful(measured, judged),
        curves=tuple(_curves(judged, part, order, positive, recall=recall, seed=seed)),
        worst=tuple(
            each if judged.predicted.scores is not None else replace(each, confidence=None)
            for each in worst_predictions(predictions, order)
        ),
        points=None if order else _points(judged, seed),
    )


def _points(judged: _Judged, seed: int) -> tuple[tuple[float, float], ...]:
    """Codes and predictions of numbers, of at most POINTS items in their order."""
    both = np.column_stack([judged.y, judged.outputs.reshape(len(judged.y))])
    if len(both) > POINTS:
        both = both[np.sort(np.random.default_rng(seed).choice(len(both), POINTS, replace=False))]
    return tuple((code, prediction) for code, prediction in both.tolist())


def _meaningful(measured: Measured, judged: _Judged) -> Measured:
    """Figures without those that the predictions have no scores or no probabilities for."""

    def kept(figures: Mapping[str, Any]) -> dict[str, Any]:
        return {name: each for name, each in figures.items() if name.partition("[")[0] not in judged.hidden}

    shares = bool(((judged.outputs >= 0) & (judged.outputs <= 1)).all())
    return replace(
        measured,
        figures=kept(measured.figures),
        baseline=kept(measured.baseline),
        reliability=measured.reliability if judged.predicted.scores is not None and shares else None,
    )


def _curves(
    judged: _Judged,
    part: Reference,
    order: tuple[str, ...],
    positive: str | None,
    *,
    recall: float,
    seed: int,
) -> list[ClassCurve]:
    if judged.predicted.scores is None:
        return []
    counts = np.bincount(judged.y, minlength=len(order))
    scored = [c for c, name in enumerate(order) if name in judged.predicted.scores and 0 < counts[c] < len(judged.y)]
    if len(order) == 2:
        scored = [c for c in scored if order[c] == positive]
    rare = sorted(scored, key=lambda c: (order[c] != positive, counts[c]))[:CURVES]
    return [
        class_curve(
            order[c],
            judged.y == c,
            judged.outputs[:, c],
            part.weights,
            groups=part.groups,
            recall=recall,
            seed=seed,
        )
        for c in rare
    ]


def _difference(
    a: _Judged, b: _Judged, reference: Reference, order: tuple[str, ...], *, resamples: int, seed: int
) -> Difference | None:
    """The difference of two sets of predictions; None where they share no item."""
    rows, at_a, at_b = np.intersect1d(a.predicted.rows, b.predicted.rows, assume_unique=True, return_indices=True)
    if not len(rows):
        return None
    part = without(reference, rows)
    measures, right = [], []
    for judged, at in ((a, at_a), (b, at_b)):
        own, correct = [], []
        for one in judged.every:
            y, outputs = one.y[at], one.outputs[at]
            if one.chosen is None:
                own.append(metrics.value_metrics(y, outputs))
                continue
            chosen = one.chosen[at]
            correct.append(y == chosen)
            own.append(_without(metrics.class_metrics(y, outputs, chosen, order, _coded(y, order)), one.hidden))
        measures.append(metrics.averaged(own))
        if correct:
            right.append(np.mean(correct, axis=0))
    return difference(
        (a.predicted.labeller.name, b.predicted.labeller.name),
        (measures[0], measures[1]),
        (right[0], right[1]) if right else None,
        part.weights,
        groups=part.groups,
        resamples=resamples,
        seed=seed,
    )


def _without(measure: metrics.Measure, hidden: frozenset[str]) -> metrics.Measure:
    return lambda w: {name: each for name, each in measure(w).items() if name.partition("[")[0] not in hidden}
