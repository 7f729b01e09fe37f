"""Validation of predictions against codes. `validate` is CPU-bound; call it in a thread."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from models.annotation.agreement import Agreement
from models.classifiers.head import predicted_classes
from models.classifiers.report import Predictions, Report
from models.errors import ModelsError
from models.stopping import Check
from models.validations.tables import CodeTable, Labeller
from models.validations.validations import Validated, validate
from models.validations.validations import Validation as Result
from service.errors import TooLarge, Unprocessable
from service.pipelines.annotation import MOST_CODES, plain
from service.schemas import validations as schema
from service.stores.classifiers import Classifiers, is_owner

MOST_PREDICTIONS = 5_000_000  # predictions and scores of a request
CANDIDATES = 20  # classifiers whose training items are looked up for predictions of unknown origin


def validated(
    request: schema.ValidationRequest, check: Check, *, classifiers: Classifiers, owner: str | None
) -> schema.ValidationAnswer:
    """Validate predictions. Raises AgreementError, IdError, TrainingError, UnknownClassifier, Unprocessable, TooLarge.

    Ids, codes and predictions are used for this answer alone.
    """
    codes = request.codes
    if len(codes.code) > MOST_CODES:
        raise TooLarge(
            f"codes.code: {len(codes.code):,} codes, at most {MOST_CODES:,}; send a part of them",
            code="too_many_items",
            param="codes",
        )
    cells = sum(len(each.item or ()) * (1 + len(each.scores or ())) for each in request.predictions)
    if cells > MOST_PREDICTIONS:
        raise TooLarge(
            f"predictions: {cells:,} predictions and scores, at most {MOST_PREDICTIONS:,}; send those of the coded "
            "items alone",
            code="too_many_items",
            param="predictions",
        )
    labellers = [
        labeller_of(each, f"predictions[{i}]", classifiers, owner) for i, each in enumerate(request.predictions)
    ]
    options = ("task", "labels", "positive", "rule", "missing", "rename", "level", "recall", "resamples", "seed")
    result = validate(
        labellers,
        CodeTable(**{name: getattr(codes, name) for name in schema.CodeRows.model_fields}),
        **{name: getattr(request, name) for name in options},
        check=check,
    )
    params = {name: getattr(request, name) for name in ("recall", "resamples", "seed", "rename", "missing")}
    return _answer(result, params)


def labeller_of(sent: schema.PredictionSet, at: str, classifiers: Classifiers, owner: str | None) -> Labeller:
    """Predictions of a request. Raises UnknownClassifier, Unprocessable."""
    if sent.item is None:
        if sent.classifier is None or sent.value is not None or sent.scores is not None:
            raise Unprocessable(f"{at}.item: is missing; send the id of each predicted item", param=f"{at}.item")
        return out_of_fold(sent.name, sent.classifier, at, classifiers, owner)
    scores: dict[str, Sequence[float]] = {}
    for column in sent.scores or ():
        if column.label in scores:
            raise Unprocessable(f"{at}.scores: {column.label!r} appears twice; send each label once", param=at)
        scores[column.label] = column.values
    if sent.classifier is not None:
        label, report = _report(sent.classifier, classifiers, owner)
        trained: tuple[str, frozenset[str]] | None = label, _training_items(report)
    else:
        trained = _likely_origin(sent, scores, classifiers, owner)
    return Labeller(
        name=sent.name,
        item=sent.item,
        value=sent.value,
        scores=scores or None,
        trained_on=trained,
        certain=sent.classifier is not None,
        not_sent=sent.without_code,
    )


def out_of_fold(name: str, classifier: str, at: str, classifiers: Classifiers, owner: str | None) -> Labeller:
    """The out-of-fold predictions of a classifier. Raises UnknownClassifier, Unprocessable."""
    label, report = _report(classifier, classifiers, owner)
    own = report.out_of_fold or report.held_out_predictions
    if own is None:
        raise Unprocessable(
            f"{at}.classifier: {label} has no out-of-fold predictions that this key may read; send its predictions of "
            "items that it was not trained on",
            code="no_folds",
            param=f"{at}.classifier",
        )
    first = list({id: i for i, id in reversed(list(enumerate(own.ids)))}.values())  # the codes of an item share them
    ids = [own.ids[i] for i in first]

    def labeller(value: Sequence[Any], probabilities: Sequence[Sequence[float]] | None) -> Labeller:
        scores = None
        if probabilities is not None:
            scores = {label: [probabilities[i][c] for i in first] for c, label in enumerate(report.labels)}
        return Labeller(name=name, item=ids, value=[value[i] for i in first], scores=scores, out_of_fold=True)

    further = [labeller(_best(report, each), each) for each in own.further_probabilities or ()]
    further += [labeller(values, None) for values in own.further_value or ()]
    return replace(labeller(own.label or own.value or (), own.probabilities), repeats=tuple(further))


def _best(report: Report, probabilities: Sequence[Sequence[float]]) -> list[str]:
    """The labels that a classifier predicts by its probabilities, as in its report."""
    chosen = predicted_classes(np.asarray(probabilities), report.task, 0.5)
    return [report.labels[c] for c in chosen.tolist()]


def _report(classifier: str, classifiers: Classifiers, owner: str | None) -> tuple[str, Report]:
    """The name with the version, and the report as `owner` may read it. Raises UnknownClassifier, TrainingError."""
    stored = classifiers.open(classifier)
    report = Report.from_json(stored.report())
    return stored.label, report if is_owner(stored, owner) else report.without_items()


def _training_items(report: Report) -> frozenset[str]:
    sets: tuple[Predictions | None, ...] = (report.out_of_fold, report.validation_predictions)
    return frozenset(id for each in sets if each is not None for id in each.ids)


def _likely_origin(
    sent: schema.PredictionSet, scores: Mapping[str, Sequence[float]], classifiers: Classifiers, owner: str | None
) -> tuple[str, frozenset[str]] | None:
    """A classifier of the caller that has these labels, and was trained on some of these items.

    Predictions that are right less often than its out-of-fold ones are not its own: on the items that it was trained
    on it is right more often.
    """
    labels = set(scores)
    if not labels or any(len(column) != len(sent.item or ()) for column in scores.values()):
        return None
    values = sent.value or [max(scores, key=lambda label: scores[label][i]) for i in range(len(sent.item or ()))]
    known = {str(item): str(value) for item, value in zip(sent.item or (), values, strict=False)}
    looked = 0
    for name in classifiers.store.names():
        try:
            stored = classifiers.open(name)
            if set(stored.labels) != labels or not is_owner(stored, owner):
                continue
            looked += 1
            report = Report.from_json(stored.report())
            found = _training_items(report) & set(known)
            if report.out_of_fold is not None and not _as_often_right(known, report.out_of_fold):
                continue
        except ModelsError:  # a damaged classifier is reported where it is used
            continue
        if found:
            return stored.label, found
        if looked == CANDIDATES:
            return None
    return None


def _as_often_right(known: Mapping[str, str], own: Predictions) -> bool:
    """Whether predicted labels by item are right at least as often as a classifier's own, on the items of both."""
    if not own.label:
        return True
    rows = [i for i, id in enumerate(own.ids) if id in known]
    ours = sum(known[own.ids[i]] == str(own.target[i]) for i in rows)
    return ours >= sum(own.label[i] == own.target[i] for i in rows)


def _answer(result: Result, params: dict[str, Any]) -> schema.ValidationAnswer:
    whole = result.agreement_of_coders
    return schema.ValidationAnswer.model_validate(
        plain(
            {
                **{name: getattr(result, name) for name in ("task", "labels", "positive", "rule", "coders", "coded")},
                **{name: getattr(result, name) for name in ("used", "counts", "weighted", "effective", "groups")},
                "predictions": [_set(each) for each in result.validated],
                "differences": [asdict(each) for each in result.differences],
                "by_group": [asdict(each) for each in result.by_group],
                "group_differences": [asdict(each) for each in result.group_differences],
                "agreement": [
                    {
                        "a": pair.a,
                        "b": pair.b,
                        "machine": bool(pair.machines),
                        **_coefficients(pair.agreement),
                    }
                    for pair in result.agreement
                ],
                "agreement_of_coders": None if whole is None else {"level": whole.level, **_of_all(whole)},
                "remarks": result.remarks,
                "params": params,
            }
        )
    )


def _coefficients(agreement: Agreement) -> dict[str, Any]:
    fields = asdict(agreement)
    names = ("items", "percent", "kappa", "alpha", "kappa_linear", "kappa_quadratic", "ac1")
    return {name: fields[name] for name in names}


def _of_all(agreement: Agreement) -> dict[str, Any]:
    """The agreement of all coders at once, with the codes of each."""
    names = ("ac2_linear", "ac2_quadratic", "icc", "most_common", "most_common_share", "remarks")
    fields = asdict(replace(agreement, details=None))
    details = agreement.details
    categories = [] if details is None else [each.category for each in details.categories]
    return {
        **_coefficients(agreement),
        **{name: fields[name] for name in names},
        "by_coder": [
            {
                "coder": each.coder,
                "codes": each.codes,
                "counts": dict(zip(categories, each.counts, strict=False)),
            }
            for each in (() if details is None else details.coders)
        ],
    }


def _set(validated: Validated) -> dict[str, Any]:
    fields = asdict(validated)
    measured = fields.pop("measured")
    return {**fields, **measured}
