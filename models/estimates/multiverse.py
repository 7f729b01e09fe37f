"""A multiverse: the estimate of one quantity by every configuration of the predictions, and the spread of these.

A configuration is a set of choices that could have been made otherwise: the model, the prompt template, the wording of
the labels, the threshold (Steegen, Tuerlinckx, Gelman & Vanpaemel 2016, Perspectives on Psychological Science 11:702;
Simonsohn, Simmons & Nelson 2020, Nature Human Behaviour 4:1208). Each has its own predictions of all items. The
uncorrected estimate is made of them alone, and changes with the choices; the corrected one (`models.correction`) holds
for any predictions that are fixed before the codes are seen. All share the coded sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.classifiers.codes import Rule
from models.classifiers.head import Task
from models.codes import read_codes, read_ids
from models.correction.regression import Family
from models.errors import EstimateError, listed, quoted
from models.estimates.estimates import estimate_label, parts_of
from models.estimates.multiverse_records import (
    Configuration,
    Ends,
    Estimand,
    Kind,
    Multiverse,
    factors_of,
    signs_of,
    spread_of,
)
from models.estimates.records import CorpusTable, Estimate, Role
from models.estimates.study import FAR, Study, distance, read_study
from models.intervals import Float
from models.stopping import Check, unchecked
from models.validations.tables import CodeTable

LARGEST = 1e100  # size of a number, whose square is finite
OTHERS = "\x00others"  # values of a column that are not compared
EVERY = (
    "all {n:,} configurations are reported; one that is chosen afterwards by its estimate or its interval has no valid "
    "interval: name one before the codes are seen, take the mean of their predictions (average), or report all"
)
VALID = (
    "the corrected estimate of each configuration is valid on its own, if the coded items are a probability sample and "
    "its predictions were made without the codes; all share the coded items, and are not independent results"
)
UNCODED = (
    "there are no codes: the spread shows how far the estimates depend on these choices, and corrects nothing; "
    "configurations that agree may have the same error"
)


@dataclass(frozen=True, kw_only=True)
class Column:
    """The predictions of a configuration.

    Attributes
    ----------
    choices : value by name of the choice.
    values : (n,) for the items of the corpus in their order: 1 or 0, or a score between, for the label; or numbers. NaN
        where there is no prediction.
    """

    choices: Mapping[str, str]
    values: Float


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a multiverse, as in `estimate`; `difference` and `coefficient` name what is estimated."""

    positive: Any = None
    difference: tuple[str, Any, Any] | None = None
    coefficient: str | None = None
    task: Task | None = None
    rule: Rule | None = None
    missing: Sequence[str] | None = None
    family: Family | None = None
    role: Role = "outcome"
    confidence: float = 0.95
    seed: int = 0


def multiverse(
    corpus: CorpusTable,
    columns: Sequence[Column],
    codes: CodeTable | None,
    options: Options,
    *,
    check: Check = unchecked,
) -> Multiverse:
    """Estimate a share, mean, difference, trend or coefficient by each configuration.

    Without codes there are uncorrected estimates alone.

    Raises
    ------
    AgreementError, EstimateError, IdError, TrainingError : tables that cannot be read, or allow no estimate;
        configurations with the same choices, or with different ones.
    """
    _check_choices(columns)
    corpus, kind = _restricted(corpus, options)
    if codes is None:
        estimand, uncorrected, remarks = _uncoded(corpus, columns, kind, options)
        made = [
            Configuration(choices=each.choices, uncorrected=value)
            for each, value in zip(columns, uncorrected, strict=True)
        ]
        average = Configuration(choices={}, uncorrected=float(np.mean(uncorrected)))
        return _assembled(estimand, made, average, len(corpus.item), None, None, remarks)
    study = read_study(
        corpus,
        codes,
        (),
        task=options.task,
        positive=options.positive,
        rule=options.rule,
        missing=options.missing,
        seed=options.seed,
    )
    check()
    continuous = study.reference.task == "continuous"
    if len(study.labels) > 1:
        raise EstimateError(
            f"positive: is missing, and the codes have the labels {listed(map(quoted, study.labels))}; name the one "
            "whose share is estimated"
        )
    label = "" if continuous else study.labels[0]
    estimand = replace(kind, label=label, share=not continuous)
    parts = parts_of(study, corpus)

    def estimated(predictions: Float) -> tuple[Configuration, Ends]:
        check()
        found, _ = estimate_label(
            *(study, corpus, "", label, predictions, parts, options.family, options.role, None, options.confidence)
        )
        return _picked(found, estimand)

    made, notes, total = [], _Notes(), np.zeros(study.n)
    for i, each in enumerate(columns):
        predictions = _predictions(each, i, study, continuous)
        notes.add(each, study, predictions)
        made.append(replace(estimated(predictions)[0], choices=each.choices))
        if not continuous and made[-1].slope:
            right = (predictions[: study.n_coded] >= 0.5) == (study.codes(label) >= 0.5)
            notes.unerring += bool(right.all())
        total += predictions
    average, classical = estimated(total / len(columns))
    notes.unhelpful = sum(each.slope == 0 for each in made)
    remarks = [VALID, *study.remarks, *notes.remarks(len(columns))]
    return _assembled(estimand, made, average, study.n, study.n_coded, classical, remarks)


def _assembled(
    estimand: Estimand,
    made: Sequence[Configuration],
    average: Configuration,
    n: int,
    n_coded: int | None,
    classical: Ends | None,
    remarks: Sequence[str],
) -> Multiverse:
    uncorrected = np.array([each.uncorrected for each in made])
    corrected = [each.corrected for each in made if each.corrected is not None]
    covering = within = None
    if classical is not None:
        covering = sum(each.low <= classical.value <= each.high for each in corrected)
        within = int(((classical.low <= uncorrected) & (uncorrected <= classical.high)).sum())
    return Multiverse(
        estimand=estimand,
        n=n,
        n_coded=n_coded,
        classical=classical,
        configurations=tuple(made),
        average=average,
        factors=factors_of(made),
        uncorrected=spread_of(uncorrected),
        corrected=spread_of(np.array([each.value for each in corrected])) if corrected else None,
        covering=covering,
        within=within,
        signs=signs_of(made, classical) if estimand.compares else None,
        remarks=tuple(dict.fromkeys([EVERY.format(n=len(made)), *remarks])),
    )


def _check_choices(columns: Sequence[Column]) -> None:
    names = list(columns[0].choices)
    seen: dict[tuple[str, ...], int] = {}
    for i, each in enumerate(columns):
        if set(each.choices) != set(names):
            raise EstimateError(
                f"configurations[{i}].choices: are of {listed(map(quoted, each.choices))}, those of configurations[0] "
                f"of {listed(map(quoted, names))}; give every configuration a value of each choice",
                code="invalid_choices",
            )
        key = tuple(each.choices[name] for name in names)
        if (first := seen.setdefault(key, i)) != i:
            raise EstimateError(
                f"configurations[{i}].choices: are those of configurations[{first}] "
                f"({listed(f'{name} {quoted(value)}' for name, value in each.choices.items())}); leave one of them out",
                code="invalid_choices",
            )


def _restricted(corpus: CorpusTable, options: Options) -> tuple[CorpusTable, Estimand]:
    """The corpus with the columns that the estimand needs alone, and the estimand. Raises EstimateError."""
    wanted = {
        "difference": options.difference is not None,
        "corpus.time": corpus.time is not None,
        "coefficient": options.coefficient is not None,
    }
    if sum(wanted.values()) > 1:
        raise EstimateError(
            f"{' and '.join(name for name, there in wanted.items() if there)}: a multiverse is of one quantity; give "
            "one of them, and ask again for the other"
        )
    if (corpus.covariates or corpus.outcome is not None) and options.coefficient is None:
        raise EstimateError("coefficient: is missing; name the coefficient of the regression that is estimated")
    if options.coefficient is not None and not corpus.covariates and corpus.outcome is None:
        raise EstimateError("coefficient: needs `covariates` or `outcome` of the corpus; send them, or leave it out")
    if corpus.by and options.difference is None:
        raise EstimateError("corpus.by: has columns, and no `difference` says which values are compared; send both")
    if options.difference is None:
        kind: Kind = "trend" if corpus.time is not None else "level" if options.coefficient is None else "coefficient"
        return corpus, Estimand(kind=kind, term=options.coefficient)
    by, a, b = options.difference
    columns = corpus.by or {}
    if by not in columns:
        raise EstimateError(
            f"difference: {quoted(by)} is not a column of corpus.by ({listed(map(quoted, columns)) or 'it has none'}); "
            "name one that is sent"
        )
    names = list(read_codes([*columns[by], a, b]).names)
    first, second = names[-2:]
    values = names[:-2]
    for name in (first, second):
        if name is None or name not in values:
            known = list(dict.fromkeys(each for each in values if each is not None))
            raise EstimateError(
                f"difference: no item has {quoted(str(name))} in {quoted(by)}, which has {listed(map(quoted, known))}; "
                "compare two of its values"
            )
    if first == second:
        raise EstimateError(f"difference: {quoted(first)} is compared with itself; name two values of {quoted(by)}")
    kept = [name if name in (first, second) else OTHERS for name in values]
    return replace(corpus, by={by: kept}), Estimand(kind="difference", by=by, a=first, b=second)


def _numbers(each: Column, i: int, n: int, share: bool) -> Float:
    """The values of a configuration. Raises EstimateError."""
    values = np.asarray(each.values, np.float64)
    at = f"configurations[{i}].values"
    if len(values) != n:
        raise EstimateError(
            f"{at}: got {len(values):,} for {n:,} items; give one for each item of the corpus", code="lengths_differ"
        )
    known = values[~np.isnan(values)]
    if not len(known):
        raise EstimateError(f"{at}: no item has a prediction; leave the configuration out")
    if (np.abs(known) > LARGEST).any():
        raise EstimateError(
            f"{at}: got {known[np.abs(known).argmax()]:g}, a size of at most {LARGEST:g} can be averaged; give it in a "
            "larger unit"
        )
    if share and not ((known >= 0) & (known <= 1)).all():
        wrong = known[(known < 0) | (known > 1)][0]
        raise EstimateError(
            f"{at}: got {wrong:g}; the prediction of a share is 1, 0 or a score between, and that of a mean of numbers "
            'needs task="continuous"'
        )
    return np.where(np.isnan(values), known.mean(), values)


def _predictions(each: Column, i: int, study: Study, continuous: bool) -> Float:
    return _numbers(each, i, study.n, not continuous)[study.order]


def _uncoded(
    corpus: CorpusTable, columns: Sequence[Column], kind: Estimand, options: Options
) -> tuple[Estimand, list[float], list[str]]:
    if kind.kind in ("trend", "coefficient"):
        raise EstimateError(
            f"codes: are missing, and a {kind.kind} needs them; send codes, or ask for a share or a difference"
        )
    items = read_ids(corpus.item, "corpus: item")
    share = options.task != "continuous"
    values = [_numbers(each, i, len(items), share) for i, each in enumerate(columns)]
    estimand = replace(kind, label="" if options.positive is None or not share else str(options.positive), share=share)
    if kind.kind == "level":
        return estimand, [float(each.mean()) for each in values], [UNCODED]
    of = np.asarray((corpus.by or {})[kind.by or ""], dtype=object)
    return estimand, [float(each[of == kind.a].mean() - each[of == kind.b].mean()) for each in values], [UNCODED]


def _picked(found: Estimate, estimand: Estimand) -> tuple[Configuration, Ends]:
    """The quantity that is estimated, and its estimate by the codes alone. Raises EstimateError."""
    if estimand.kind == "level":
        mean = found.mean
        one = Configuration(
            choices={},
            uncorrected=mean.naive,
            corrected=Ends.of(mean.corrected),
            slope=mean.slope,
            worth=mean.worth,
        )
        return one, Ends.of(mean.classical)
    if estimand.kind == "difference":
        for pair in found.differences:
            if {pair.a, pair.b} == {estimand.a, estimand.b}:
                sign = 1 if pair.a == estimand.a else -1
                one = Configuration(
                    choices={},
                    uncorrected=sign * pair.naive,
                    corrected=Ends.of(pair.corrected, sign),
                    slope=found.mean.slope,
                )
                return one, Ends.of(pair.classical, sign)
        few = next(part for part in found.parts if part.mean is None and part.value in (estimand.a, estimand.b))
        raise EstimateError(
            f"difference: {few.n_coded:,} items with {quoted(few.value)} in {quoted(few.by)} are coded, too few for a "
            "standard error; code at least two items (of two groups) of both",
            code="too_few_codes",
        )
    if estimand.kind == "trend":
        assert found.trend is not None
        coefficient = found.trend
    else:
        assert found.regression is not None
        every = {each.name: each for each in found.regression.coefficients}
        if estimand.term not in every:
            raise EstimateError(
                f"coefficient: {quoted(str(estimand.term))} is not a term of the regression, which has "
                f"{listed(map(quoted, every))}; name one of these"
            )
        coefficient = every[str(estimand.term)]
    one = Configuration(
        choices={},
        uncorrected=coefficient.naive[0],
        corrected=Ends(*coefficient.corrected),
        slope=coefficient.slope,
        worth=coefficient.worth,
    )
    return one, Ends(*coefficient.coded)


class _Notes:
    """Counts of configurations for remarks, of which each would otherwise be made many times."""

    def __init__(self) -> None:
        self.far = self.constant = self.lacking = self.most_lacking = self.unhelpful = self.unerring = 0

    def add(self, each: Column, study: Study, predictions: Float) -> None:
        self.far += distance(study, predictions) > FAR
        self.constant += bool(np.ptp(predictions) == 0)
        absent = int(np.isnan(np.asarray(each.values, np.float64)).sum())
        self.lacking += absent > 0
        self.most_lacking = max(self.most_lacking, absent)

    def remarks(self, n: int) -> list[str]:
        """A remark for each count that is not zero."""
        found = []
        if self.lacking:
            found.append(
                f"in {self.lacking:,} of {n:,} configurations up to {self.most_lacking:,} items have no prediction, "
                "and have the mean of the others"
            )
        if self.constant:
            found.append(f"in {self.constant:,} of {n:,} configurations all items have the same prediction")
        if self.unhelpful:
            found.append(
                f"in {self.unhelpful:,} of {n:,} configurations the predictions do not make the interval narrower: "
                "the corrected estimate is that of the codes alone"
            )
        if self.unerring:
            found.append(
                f"in {self.unerring:,} of {n:,} configurations no coded item is predicted wrongly; the corrected "
                "interval allows for errors that were not seen"
            )
        if self.far:
            found.append(
                f"in {self.far:,} of {n:,} configurations the predictions of the coded items differ from those of the "
                f"corpus by more than {FAR:g} standard errors: if it is many, the coded items are hardly a random "
                "sample of the corpus with these inclusion probabilities"
            )
        return found
