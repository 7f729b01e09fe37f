"""Shares, means, differences, trends and regressions of a corpus, from any predictions and a coded sample.

See `models.correction` for the estimators, and the assumptions there: the coded items are a probability sample of the
corpus, and their codes are right.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.codes import Rule
from models.classifiers.head import Task
from models.correction.means import (
    Coded,
    Mean,
    Value,
    corrected_mean,
    difference,
    limits,
    unseen_errors,
)
from models.correction.regression import Coefficient, Family, Rows, corrected_regression, design
from models.errors import EstimateError, quoted
from models.estimates.records import CorpusTable, Difference, Estimate, Estimates, Needed, Part, Regression, Role
from models.estimates.study import Study, categories, corpus_of, numbers, read_labeller, read_study
from models.intervals import Float
from models.stopping import Check, unchecked
from models.validations.tables import CodeTable, Labeller
from models.validations.values import are_numbers

MOST_PARTS = 200  # values of a column of `by`
MOST_COMPARED = 10  # values of which each two are compared
FEW = 10  # coded items with, and without, a label that a regression needs for intervals that cover
CURVE = (0.25, 0.5, 1, 2, 4, 8)  # multiples of the number of coded items


def estimate(
    corpus: CorpusTable,
    codes: CodeTable,
    labellers: Sequence[Labeller],
    *,
    task: Task | None = None,
    positive: Any = None,
    rule: Rule | None = None,
    missing: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    family: Family | None = None,
    role: Role = "outcome",
    width: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    check: Check = unchecked,
) -> Estimates:
    """Estimate the share of each label, or the mean of a number, in a corpus.

    Parameters
    ----------
    positive : the label that is estimated; None: the positive one of two, or every label.
    family : of the regression; None: linear where the outcome is a number, else logistic.
    role : whether what is coded is the outcome of the regression, or a covariate.
    width : width of an interval, for the number of coded items that it needs.
    seed : of codes of several coders that are drawn.

    Raises
    ------
    AgreementError, EstimateError, IdError, TrainingError : tables that cannot be read, or allow no estimate.
    """
    study = read_study(corpus, codes, labellers, task=task, positive=positive, rule=rule, missing=missing, seed=seed)
    check()
    parts = parts_of(study, corpus)
    remarks = list(study.remarks)
    found = []
    for labeller in labellers:
        columns, further = read_labeller(study, labeller, rename or {})
        remarks += further
        for label, predictions in columns.items():
            check()
            made, notes = estimate_label(
                study, corpus, labeller.name, label, predictions, parts, family, role, width, confidence
            )
            remarks += notes
            found.append(made)
    reference = study.reference
    return Estimates(
        task=reference.task,
        labels=study.labels,
        positive=study.positive,
        rule=reference.codes.rule,
        n=study.n,
        n_coded=study.n_coded,
        groups=len(np.unique(study.unit)) if study.grouped else None,
        groups_coded=len(np.unique(study.unit[: study.n_coded])) if study.grouped else None,
        strata=len(study.strata) if corpus.stratum is not None else None,
        weighted=reference.weighted,
        effective=float(study.weight.sum() ** 2 / (study.weight**2).sum()),
        estimates=tuple(found),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def estimate_label(
    study: Study,
    corpus: CorpusTable,
    labeller: str,
    label: str,
    predictions: Float,
    parts: Mapping[str, list[str]],
    family: Family | None,
    role: Role,
    width: float | None,
    confidence: float,
) -> tuple[Estimate, list[str]]:
    """The estimates of one label from predictions (n,) in the order of the study, and remarks. Raises EstimateError."""
    share = study.reference.task != "continuous"
    coded = _coded(study, label, predictions)
    mean = corrected_mean(coded, corpus_of(study, predictions), share=share, confidence=confidence)
    remarks = []
    if mean.slope == 0:
        remarks.append(
            f"{labeller}: its predictions{f' of {quoted(label)}' if label else ''} do not make the interval narrower: "
            "the estimate is that of the codes alone"
        )
    elif share and (unseen := unseen_errors(coded)) is not None:
        remarks.append(
            f"{labeller}: no coded item is predicted wrongly{f' for {quoted(label)}' if label else ''}, but up to "
            f"{100 * unseen:.1f} % of errors are compatible with these codes, and the corrected interval allows for "
            "them: with more codes it would be narrower"
        )
    of_parts: list[Part] = []
    differences: list[Difference] = []
    for by, values in parts.items():
        own, compared = _by(study, coded, predictions, by, values, mean.slope, share, confidence)
        of_parts += own
        differences += compared
        few = [part.value for part in own if part.mean is None]
        if few:
            remarks.append(f"{by}: {len(few):,} of {len(own):,} values have fewer than two coded items and no estimate")
    regressed = corpus.time is not None or corpus.covariates or corpus.outcome is not None
    if share and regressed and (rarer := _fewest_units(coded)) < FEW:
        remarks.append(
            f"regression: only {rarer} coded items (or groups) have, or do not have, the label {quoted(label)}; with "
            f"fewer than {FEW} of either its intervals may be too narrow: code more of the rarer"
        )
    trend = None
    if corpus.time is not None:
        time = numbers(corpus.time, study.order, "corpus: time")
        names, x = design({"time": time})
        trend = _regression(study, names, x, coded.code, predictions, "linear", confidence)[1]
    return (
        Estimate(
            labeller=labeller,
            label=label,
            mean=mean,
            parts=tuple(of_parts),
            differences=tuple(differences),
            trend=trend,
            regression=_asked(study, corpus, coded.code, predictions, label, family, role, confidence),
            needed=None if width is None else _needed(mean, coded, width, share, confidence),
        ),
        remarks,
    )


def _fewest_units(coded: Coded) -> int:
    """The number of units with a code of 1, or with a code of 0: the smaller one."""
    return min(len(np.unique(coded.unit[coded.code == code])) for code in (0, 1))


def _coded(study: Study, label: str, predictions: Float) -> Coded:
    n = study.n_coded
    return Coded(
        code=study.codes(label),
        prediction=predictions[:n],
        weight=study.weight,
        unit=study.unit[:n],
        stratum=study.stratum[:n],
    )


# parts


def parts_of(study: Study, corpus: CorpusTable) -> dict[str, list[str]]:
    """The value of each item in the columns of `by`, in the order of the study. Raises EstimateError."""
    found = {}
    for name, column in (corpus.by or {}).items():
        values = categories(column, study.order, f"by {quoted(name)}")
        if len(set(values)) > MOST_PARTS:
            raise EstimateError(
                f"by {quoted(name)}: has {len(set(values)):,} different values, at most {MOST_PARTS}; combine them, or "
                "use `time` for a trend"
            )
        found[name] = values
    return found


def _by(
    study: Study,
    coded: Coded,
    predictions: Float,
    by: str,
    values: list[str],
    slope: float,
    share: bool,
    confidence: float,
) -> tuple[list[Part], list[Difference]]:
    """Estimates of the parts with the λ of the whole, and their differences."""
    names, index = np.unique(values, return_inverse=True)
    n_units = int(study.unit[: study.n_coded].max()) + 1
    parts, deviations = [], {}
    for c, name in enumerate(names.tolist()):
        rows = index == c
        own = rows[: study.n_coded]
        mean = None
        units, unit = np.unique(coded.unit[own], return_inverse=True)
        if len(units) >= 2:
            some = coded.of(own)
            some = Coded(
                code=some.code, prediction=some.prediction, weight=some.weight, unit=unit, stratum=some.stratum
            )
            mean = corrected_mean(
                some, corpus_of(study, predictions, rows), share=share, confidence=confidence, slope=slope
            )
            deviations[name] = [_spread(value, units, n_units) for value in (mean.corrected, mean.classical)]
        parts.append(
            Part(
                by=by,
                value=name,
                n=int(rows.sum()),
                n_coded=int(own.sum()),
                naive=float(predictions[rows].mean()),
                mean=mean,
            )
        )
    known = [part for part in parts if part.mean is not None]
    differences = []
    for a, b in combinations(known, 2) if len(known) <= MOST_COMPARED else ():
        corrected, classical = (
            difference(first, second, confidence)
            for first, second in zip(deviations[a.value], deviations[b.value], strict=True)
        )
        differences.append(
            Difference(by=by, a=a.value, b=b.value, corrected=corrected, classical=classical, naive=a.naive - b.naive)
        )
    return parts, differences


def _spread(value: Value, units: NDArray[np.intp], n_units: int) -> Value:
    """An estimate whose deviations are those of all units of the sample."""
    deviations = np.zeros(n_units)
    deviations[units] = value.deviations
    return Value(**{**vars(value), "deviations": deviations})


# regressions


def _asked(
    study: Study,
    corpus: CorpusTable,
    codes: Float,
    predictions: Float,
    label: str,
    family: Family | None,
    role: Role,
    confidence: float,
) -> Regression | None:
    """The regression that is asked for; None where there are no covariates and no outcome."""
    if not corpus.covariates and corpus.outcome is None:
        return None
    columns = {
        name: numbers(column, study.order, f"covariate {quoted(name)}")
        if are_numbers(column)
        else categories(column, study.order, f"covariate {quoted(name)}")
        for name, column in (corpus.covariates or {}).items()
    }
    names, x = design(columns) if columns else (["(constant)"], np.ones((study.n, 1)))
    continuous = study.reference.task == "continuous"
    if role == "outcome":
        if corpus.outcome is not None:
            raise EstimateError(
                "corpus: outcome: is the outcome of a regression whose covariate is coded; leave it out, or set "
                'role="covariate"'
            )
        kind = family or ("linear" if continuous else "logistic")
        if kind == "logistic" and continuous:
            raise EstimateError("family: logistic needs an outcome of two classes, and codes are numbers; use linear")
        found = _regression(study, names, x, codes, predictions, kind, confidence)
        return Regression(family=kind, role=role, coefficients=found)
    if corpus.outcome is None:
        raise EstimateError("corpus: outcome: is missing; a coded covariate needs the outcome of each item, a number")
    y = numbers(corpus.outcome, study.order, "corpus: outcome")
    binary = set(np.unique(y).tolist()) <= {0.0, 1.0}
    kind = family or ("logistic" if binary else "linear")
    if kind == "logistic" and not binary:
        raise EstimateError(
            "family: logistic needs an outcome of 0 and 1, and the corpus has other numbers; set linear"
        )
    names.append(label or "coded")
    n = study.n_coded
    predicted = np.column_stack([x, predictions])
    true = np.column_stack([x[:n], codes])
    found = _corrected(study, names, true, y[:n], predicted, y, kind, confidence)
    return Regression(family=kind, role=role, coefficients=found)


def _regression(
    study: Study, names: list[str], x: Float, codes: Float, predictions: Float, family: Family, confidence: float
) -> tuple[Coefficient, ...]:
    """A regression whose outcome is coded."""
    outcome = np.clip(predictions, 0, 1) if family == "logistic" else predictions
    return _corrected(study, names, x[: study.n_coded], codes, x, outcome, family, confidence)


def _corrected(
    study: Study,
    names: list[str],
    x_coded: Float,
    y_coded: Float,
    x: Float,
    y: Float,
    family: Family,
    confidence: float,
) -> tuple[Coefficient, ...]:
    n = study.n_coded
    weight, unit = study.weight, study.unit
    if len(study.strata) > 1:  # weights of the strata's known sizes
        size, own = (np.bincount(study.stratum[:k], minlength=len(study.strata)) for k in (study.n, n))
        total = np.bincount(study.stratum[:n], weight, len(study.strata))
        assert own.all()
        weight = weight * (size / total)[study.stratum[:n]]
    return tuple(
        corrected_regression(
            names,
            Rows(x=x_coded, y=y_coded, weight=weight, unit=unit[:n]),
            Rows(x=x[:n], y=y[:n], weight=weight, unit=unit[:n]),
            Rows(x=x, y=y, weight=np.ones(study.n), unit=unit),
            family=family,
            confidence=confidence,
        )
    )


# the number of codes


def _needed(mean: Mean, coded: Coded, width: float, share: bool, confidence: float) -> Needed:
    """The number of coded items for a width, where further ones are drawn as those were, up to the whole corpus."""
    if not (np.isfinite(width) and width > 0 and (width < 1 or not share)):
        rule = "above 0 and below 1, such as 0.05" if share else "above 0"
        raise EstimateError(f"width: got {width:g}; must be {rule}", code="invalid_size")
    n, share_of = mean.n_coded, coded.weight / coded.weight.sum()
    design_effect = n * float(share_of @ share_of)

    def width_of(value: Value, items: float) -> float:
        variance = (value.se**2 - value.around) * n / items + value.around
        freedom = max(2.0, value.freedom * items / n)
        low, high = limits(
            value.value, variance, freedom, share=share, edge=items / design_effect, confidence=confidence
        )
        return high - low

    def classical(items: int) -> float:
        return width_of(mean.classical, items)

    def corrected(items: int) -> float:  # with more codes predictions may be of no more use
        return min(width_of(mean.corrected, items), classical(items))

    every = range(2, mean.n + 1)
    items = bisect_left(every, -width, key=lambda m: -corrected(m))
    items_classical = bisect_left(every, -width, key=lambda m: -classical(m))
    return Needed(
        width=width,
        items=every[items] if items < len(every) else None,
        items_classical=every[items_classical] if items_classical < len(every) else None,
        curve=tuple(
            (m, corrected(m), classical(m))
            for m in sorted({min(max(2, round(n * factor)), mean.n) for factor in CURVE})
        ),
    )
