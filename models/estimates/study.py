"""A corpus with predictions for all of its items and codes for a sample, as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.codes import Rule
from models.classifiers.head import Task
from models.codes import class_order, finite, read_codes, read_ids
from models.correction.means import Corpus
from models.errors import EstimateError, listed, quoted
from models.estimates.records import CorpusTable
from models.intervals import Float
from models.stopping import checkpoint
from models.validations.predictions import label_remarks, read_predictions, training_remark
from models.validations.reading import positive_label, read_reference
from models.validations.tables import CodeTable, Labeller, Predicted, Reference

Int = NDArray[np.intp]
FAR = 3.0  # standard errors by which predictions of coded items may differ from those of the corpus without a remark


@dataclass(frozen=True, kw_only=True)
class Study:
    """The arrays of a study. Coded items come first.

    Attributes
    ----------
    items : (n,) ids; of them the first `n_coded` are coded.
    order : (n,) the row of each item in the table of the corpus.
    unit : (n,) index of the unit of each item: those of coded items first.
    stratum : (n,) index; strata : their names.
    weight : (n_coded,).
    """

    reference: Reference
    items: tuple[str, ...]
    order: Int
    n_coded: int
    unit: Int
    grouped: bool
    stratum: Int
    strata: tuple[str, ...]
    weight: Float
    labels: tuple[str, ...]
    positive: str | None
    remarks: tuple[str, ...]

    @property
    def n(self) -> int:
        return len(self.items)

    def codes(self, label: str) -> Float:
        """The codes of the coded items: numbers, or 1 for a label and 0 for the others."""
        if self.reference.task == "continuous":
            return np.asarray(self.reference.targets, np.float64)
        return np.array([float(name == label) for name in self.reference.targets])


def read_study(
    corpus: CorpusTable,
    codes: CodeTable,
    labellers: Sequence[Labeller],
    *,
    task: Task | None,
    positive: Any,
    rule: Rule | None,
    missing: Sequence[str] | None,
    seed: int,
) -> Study:
    """Read the corpus and the codes. Raises AgreementError, EstimateError, IdError, TrainingError."""
    reference = read_reference(codes, labellers, task=task, rule=rule, missing=missing, seed=seed, resamples=1)
    every = read_ids(corpus.item, "corpus: item")
    place: dict[str, int] = {}
    for i, item in enumerate(every):
        if place.setdefault(item, i) != i:
            raise EstimateError(f"corpus: item {quoted(item)} appears twice; keep one of its rows")
    checkpoint()
    absent = [item for item in reference.items if item not in place]
    remarks = list(reference.remarks)
    if len(absent) == len(reference.items):
        raise EstimateError(
            f"codes: none of the {len(absent):,} coded items is in the corpus: codes have {listed(absent, 2)}, the "
            f"corpus has {listed(every, 2)}; give both the same ids"
        )
    if absent:
        remarks.append(
            f"{len(absent):,} coded items are not in the corpus, and are left out ({listed(map(quoted, absent), 3)})"
        )
        reference = _among(reference, place)
    coded = set(reference.items)
    items = (*reference.items, *(item for item in every if item not in coded))
    order = np.array([place[item] for item in items], np.intp)
    n_coded = len(reference.items)
    unit, grouped = _units(corpus, reference, order, n_coded)
    stratum, strata, collapsed = _strata(corpus, order, n_coded, unit)
    remarks += collapsed
    if codes.inclusion_prob is None and codes.weight is None:
        remarks.append(
            "codes have no inclusion probabilities: the coded items are taken for a simple random sample of "
            + ("each stratum" if len(strata) > 1 else "the corpus")
            + "; estimates of items that were chosen in another way are wrong by an unknown amount"
        )
    chosen: tuple[str, ...] = ()
    one = None
    if reference.task != "continuous":
        one = positive_label(positive, (), reference)
        names = class_order(set(reference.targets))
        chosen = (one,) if one is not None and (len(names) <= 2 or positive is not None) else tuple(names)
    return Study(
        reference=reference,
        items=items,
        order=order,
        n_coded=n_coded,
        unit=unit,
        grouped=grouped,
        stratum=stratum,
        strata=strata,
        weight=reference.weights,
        labels=chosen,
        positive=one,
        remarks=tuple(remarks),
    )


def read_labeller(
    study: Study, labeller: Labeller, rename: Mapping[str, str]
) -> tuple[dict[str, Float], tuple[str, ...]]:
    """The predictions of all items, by label ("" for numbers), (n,) each; and remarks.

    Items without a prediction have the mean of the others: the correction holds for any predictions.
    """
    reference = study.reference
    padding = [reference.targets[0]] * (study.n - study.n_coded)
    whole = replace(reference, items=study.items, targets=(*reference.targets, *padding), item=())
    predicted = read_predictions(labeller, whole, positive=study.positive, rename=rename)
    checkpoint()
    remarks = list(predicted.remarks)
    coded = replace(predicted, rows=predicted.rows[predicted.rows < study.n_coded])
    if (note := training_remark(coded, reference)) is not None:
        trained = note.split(", so that")[0]
        if labeller.certain:
            raise EstimateError(
                f"{trained}: predictions of items that it was trained on are too good, and the estimate would be "
                "wrong; give the classifier's cross-validated predictions (`crossed`), or code other items",
                code="trained_on_codes",
            )
        remarks.append(f"{trained}, and the estimate is wrong: predictions of these items are too good")
    if reference.task != "continuous":
        remarks += label_remarks(reference, [predicted])
    absent = study.n - len(predicted.rows)
    if absent:
        remarks.append(
            f"{labeller.name}: {absent:,} of {study.n:,} items have no prediction, and have the mean of the others"
        )
    found = {}
    for label in study.labels or ("",):
        values = _values(predicted, label, reference.task)
        column = np.full(study.n, values.mean())
        column[predicted.rows] = values
        found[label] = column
        if (far := distance(study, column)) > FAR:
            remarks.append(
                f"{labeller.name}: the predictions{f' of {quoted(label)}' if label else ''} of the coded items differ "
                f"from those of the corpus by {far:.1f} standard errors: the coded items are hardly a random sample of "
                "the corpus with these inclusion probabilities"
            )
    return found, tuple(remarks)


def corpus_of(study: Study, predictions: Float, rows: NDArray[np.bool_] | None = None) -> Corpus:
    """The moments of predictions (n,) of all items, by stratum; or of some items, without strata."""
    if rows is not None:
        values, unit, stratum, n_strata = predictions[rows], study.unit[rows], np.zeros(rows.sum(), np.intp), 1
    else:
        values, unit, stratum, n_strata = predictions, study.unit, study.stratum, len(study.strata)
    size = np.bincount(stratum, minlength=n_strata).astype(np.float64)
    mean = np.bincount(stratum, values, n_strata) / size
    n = len(values)
    errors = np.bincount(unit, values - values.mean())
    units = int(np.count_nonzero(np.bincount(unit)))
    variance = float(errors @ errors) / n**2 * units / max(units - 1, 1)
    return Corpus(n=n, size=size, mean=mean, variance=variance)


def numbers(column: Sequence[Any], order: Int, name: str) -> Float:
    """A column of the corpus as numbers, in the order of the study. Raises EstimateError."""
    found = np.empty(len(order))
    for k, i in enumerate(order.tolist()):
        try:
            found[k] = finite(column[i])
        except (TypeError, ValueError) as exc:
            raise EstimateError(
                f"{name}: got {quoted(column[i])} in row {i}; give each item of the corpus a number"
            ) from exc
    return found


def categories(column: Sequence[Any], order: Int, name: str) -> list[str]:
    """A column of the corpus as names of categories, in the order of the study. Raises EstimateError."""
    names = read_codes(column).names
    if None in names:
        raise EstimateError(
            f"{name}: {names.count(None):,} of {len(names):,} items have none; give each item of the corpus one, such "
            "as 'unknown'"
        )
    return [str(names[i]) for i in order.tolist()]


def _among(reference: Reference, place: Mapping[str, int]) -> Reference:
    kept = [i for i, item in enumerate(reference.items) if item in place]
    weights = reference.weights[kept]
    return replace(
        reference,
        items=tuple(reference.items[i] for i in kept),
        targets=tuple(reference.targets[i] for i in kept),
        weights=weights / weights.mean(),
        groups=None if reference.groups is None else reference.groups[kept],
    )


def _units(corpus: CorpusTable, reference: Reference, order: Int, n_coded: int) -> tuple[Int, bool]:
    """The unit of each item, those of coded items first; and whether there are groups."""
    n = len(order)
    if corpus.group is not None:
        names = read_ids(corpus.group, "corpus: group")
        index: dict[str, int] = {}
        return np.array([index.setdefault(names[i], len(index)) for i in order.tolist()], np.intp), True
    if reference.groups is not None:
        raise EstimateError(
            "codes: have groups, and the corpus has none; give the group of every item of the corpus, since "
            "predictions of one group are not independent either",
            code="no_groups",
        )
    return np.arange(n), False


def _strata(corpus: CorpusTable, order: Int, n_coded: int, unit: Int) -> tuple[Int, tuple[str, ...], list[str]]:
    """The stratum of each item, the names, and a remark on strata that were joined. Raises EstimateError."""
    n = len(order)
    if corpus.stratum is None:
        return np.zeros(n, np.intp), ("",), []
    names = categories(corpus.stratum, order, "corpus: stratum")
    different, index = np.unique(names, return_inverse=True)
    coded = np.unique(np.stack([index[:n_coded], unit[:n_coded]]), axis=1)[0]
    units = np.bincount(coded, minlength=len(different))
    if (units == 0).any():
        empty = different[units == 0].tolist()
        raise EstimateError(
            f"corpus: stratum: no item of {listed(map(quoted, empty))} is coded, so that nothing is known of it; code "
            "at least two items of each stratum, or leave its items out of the corpus",
            code="too_few_codes",
        )
    if (units >= 2).all():
        return index.astype(np.intp), tuple(different.tolist()), []
    single = units < 2
    if int(single.sum()) == 1 or units[single].sum() < 2:  # with the smallest of the others
        others = np.flatnonzero(~single)
        if len(others):
            single[others[np.argmin(units[others])]] = True
    kept = [str(name) for name, alone in zip(different, single, strict=True) if not alone]
    place = np.cumsum(~single) - 1
    joined = np.where(single, len(kept), place)[index].astype(np.intp)
    alone = [str(name) for name, few in zip(different, single, strict=True) if few]
    remark = (
        f"strata: {listed(map(quoted, alone))} are joined to one, since the standard error needs two coded "
        f"{'groups' if len(set(unit.tolist())) < n else 'items'} in each"
    )
    return joined, (*kept, " + ".join(alone)), [remark]


def _values(predicted: Predicted, label: str, task: str) -> Float:
    if task == "continuous":
        return np.array([float(value) for value in predicted.chosen])
    if predicted.scores is not None and label in predicted.scores:
        return np.asarray(predicted.scores[label], np.float64)
    return np.array([float(name == label) for name in predicted.chosen])


def distance(study: Study, predictions: Float) -> float:
    """Difference of the mean predictions of coded and all items, in standard errors."""
    coded = predictions[: study.n_coded]
    corpus = corpus_of(study, predictions)
    shares = corpus.size / corpus.size.sum()
    difference, variance = 0.0, 0.0
    for h in range(len(study.strata)):
        rows = study.stratum[: study.n_coded] == h
        part = study.weight[rows] / study.weight[rows].sum()
        errors = part * (coded[rows] - part @ coded[rows])
        units = np.bincount(study.unit[: study.n_coded][rows], errors)
        difference += shares[h] * (float(part @ coded[rows]) - float(corpus.mean[h]))
        variance += float(shares[h] ** 2 * (units @ units))
    return abs(difference) / variance**0.5 if variance > 1e-18 else 0.0
