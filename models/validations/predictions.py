"""Reading of predictions: a label, a number or scores for each coded item, under the names that the codes have."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.codes import finite, read_codes, read_ids, similar_remark
from models.errors import AgreementError, listed, quoted
from models.intervals import Float
from models.stopping import checkpoint
from models.validations.tables import Labeller, Predicted, Reference
from models.validations.values import UNDECIDED, are_shares

NONE = "none of these"  # the prediction for an item that has scores, and no label
TOTAL = 1e-3  # by which probabilities of an item may differ from a sum of 1


def read_predictions(
    labeller: Labeller, reference: Reference, *, positive: str | None, rename: Mapping[str, str]
) -> Predicted:
    """Read the predictions of one labeller. Raises AgreementError, IdError, TrainingError."""
    at = f"predictions {quoted(labeller.name)}"
    n = len(labeller.item)
    columns = {"value": labeller.value, **{f"scores of {quoted(k)}": v for k, v in (labeller.scores or {}).items()}}
    for name, column in columns.items():
        if column is not None and len(column) != n:
            raise AgreementError(f"{at}: {name}: got {len(column)} for {n} items; give one for each item")
    if labeller.value is None and not labeller.scores:
        raise AgreementError(f"{at}: got neither `value` nor `scores`; send a label, a number or scores for each item")
    items = read_ids(labeller.item, f"{at}: item")
    twice = [item for item, many in Counter(items).items() if many > 1]
    if twice:
        raise AgreementError(f"{at}: item {quoted(twice[0])} appears twice; keep one of its rows")
    if not items:
        raise AgreementError(
            f'{at}: no item has a prediction: all are missing, as those of errors and of "cannot tell" are; leave the '
            "labeller out, or label again"
        )
    checkpoint()
    own = {item: i for i, item in enumerate(items)}
    coded = list(dict.fromkeys([*reference.items, *reference.item]))
    rows = np.array([i for i, item in enumerate(coded) if item in own], np.intp)
    if not (rows < len(reference.items)).any():
        raise AgreementError(
            f"{at}: none of its {n:,} items is one of the {len(reference.items):,} coded items: it has "
            f"{listed(map(quoted, items), 2)}, coded are {listed(map(quoted, reference.items), 2)}; give both the same "
            "ids"
        )
    order = [own[coded[i]] for i in rows.tolist()]
    remarks: list[str] = []
    values = None if labeller.value is None else [labeller.value[i] for i in order]
    if values is not None and all(isinstance(value, bool) for value in values):
        values = [int(value) for value in values]  # which codes of 0 and 1, yes and no, true and false take alike
    scores = _scores(labeller, order, rename, reference, at) if labeller.scores else None
    if reference.task == "continuous":
        return _predicted(labeller, coded, reference, rows, _as_numbers(values, at), None, n, remarks, at)
    if values is not None and scores is None and positive is not None and _is_score(values, reference):
        known = [i for i, value in enumerate(values) if value is not None and value == value]
        rows, values = rows[known], [values[i] for i in known]
        score = np.array([float(value) for value in values])
        scores, values = {positive: score}, None
        remarks.append(
            f"{labeller.name}: the values are numbers from 0 to 1, and are taken as scores of {quoted(positive)}, "
            "which is predicted from 0.5 on"
        )
    if scores is not None and len(scores) == 1:
        scores = _both(scores, reference, at)
    chosen: list[Any]
    if values is None:
        assert scores is not None
        chosen = _best(scores, positive)
    else:
        names = read_codes([*reference.targets, *values], ()).names[len(reference.targets) :]
        chosen = [None if name is None else rename.get(name, name) for name in names]
    if scores is not None and (unlabelled := sum(name is None for name in chosen)):
        chosen = [NONE if name is None else name for name in chosen]
        remarks.append(
            f"{labeller.name}: {unlabelled:,} items have scores and no label: they are predicted as {quoted(NONE)}"
        )
    return _predicted(labeller, coded, reference, rows, chosen, scores, n, remarks, at)


def _predicted(
    labeller: Labeller,
    coded: Sequence[str],
    reference: Reference,
    rows: NDArray[np.intp],
    chosen: Sequence[Any],
    scores: Mapping[str, Float] | None,
    n: int,
    remarks: Sequence[str],
    at: str,
) -> Predicted:
    """Predictions of the items with a target, and those of the other coded items. Raises AgreementError."""
    with_target = [
        place for place, name in enumerate(chosen) if name is not None and rows[place] < len(reference.items)
    ]
    if not with_target:
        raise AgreementError(f"{at}: none of its coded items has a prediction; give labels, numbers or scores")
    return Predicted(
        labeller=labeller,
        rows=rows[with_target],
        chosen=[chosen[place] for place in with_target],
        scores=None if scores is None else {name: column[with_target] for name, column in scores.items()},
        all_coded={coded[i]: name for i, name in zip(rows.tolist(), chosen, strict=True) if name is not None},
        uncoded=n - len(rows) + labeller.not_sent,
        remarks=tuple(remarks),
    )


def _as_numbers(values: list[Any] | None, at: str) -> list[float | None]:
    if values is None:
        raise AgreementError(f"{at}: has scores of labels, and the codes are numbers; send `value`, a number per item")
    try:
        return [None if value is None else finite(value) for value in read_codes(values, ()).values]
    except ValueError as exc:
        raise AgreementError(f"{at}: {exc}; predictions of task continuous are numbers") from exc


def label_remarks(reference: Reference, predicted: Sequence[Predicted]) -> list[str]:
    """Remarks on labels that only one side has. Raises AgreementError where no label is on both sides."""
    coded = Counter(reference.targets)
    remarks: list[str] = []
    every: list[str] = list(reference.targets)
    for each in predicted:
        labels = Counter(each.chosen)
        known = {*labels, *(each.scores or ())}
        if not known & set(coded):
            pairs = _suggested(known, coded)
            way = "; if they are, set `rename`: " + ", ".join(f"{quoted(a)} for {quoted(b)}" for a, b in pairs)
            raise AgreementError(
                f"predictions {quoted(each.labeller.name)}: none of its labels ({listed(sorted(known))}) is a code "
                f"({listed(sorted(coded))}), so that every prediction would be wrong"
                + (way if pairs else "; name labels and codes alike, or set `rename`")
            )
        if uncoded := [name for name in labels if name not in coded and name != UNDECIDED]:
            many = sum(labels[name] for name in uncoded)
            remarks.append(
                f"{each.labeller.name}: {many:,} items have a predicted label that no item is coded as "
                f"({listed(map(quoted, uncoded))}); they count as wrong: rename labels that stand for a code"
            )
        if unpredicted := [name for name in coded if name not in known]:
            many = sum(coded[name] for name in unpredicted)
            remarks.append(
                f"{each.labeller.name}: {many:,} items have a code that is never predicted "
                f"({listed(map(quoted, unpredicted))}); they count as wrong"
            )
        every += each.chosen
    return [*remarks, *similar_remark(every, "codes and predicted labels")]


def _suggested(known: set[str], coded: Mapping[str, int]) -> list[tuple[str, str]]:
    """Pairs of a predicted label and the code that it may stand for: equal but for capitals and an article."""
    plain: dict[str, str] = {}
    for name in coded:
        plain.setdefault(_without_article(name), name)
    return [(name, plain[_without_article(name)]) for name in sorted(known) if _without_article(name) in plain]


def _without_article(name: str) -> str:
    words = name.casefold().split()
    return " ".join(words[1:] if len(words) > 1 and words[0] in ("a", "an", "the") else words)


def training_remark(predicted: Predicted, reference: Reference) -> str | None:
    """A remark on coded items that the classifier of the predictions was trained on; None where there are none."""
    labeller = predicted.labeller
    if labeller.trained_on is None or labeller.out_of_fold:
        return None
    name, ids = labeller.trained_on
    seen = sum(reference.items[i] in ids for i in predicted.rows.tolist())
    if not seen:
        return None
    by = f"{name} was trained on" if labeller.certain else f"if these are predictions of {name}, it was trained on"
    return (
        f"{labeller.name}: {by} {seen:,} of these {len(predicted.rows):,} coded items, so that the figures are far too "
        f"good; validate its predictions out of fold (classifier {name}), or code other items"
    )


def _scores(
    labeller: Labeller, order: Sequence[int], rename: Mapping[str, str], reference: Reference, at: str
) -> dict[str, Float]:
    """The scores of the coded items, by the names of the codes. Raises AgreementError where one is not finite."""
    scores = {name: np.asarray(column, np.float64)[order] for name, column in (labeller.scores or {}).items()}
    for name, column in scores.items():
        if not np.isfinite(column).all():
            raise AgreementError(f"{at}: scores of {quoted(name)} are not all finite; leave those items out")
    return _renamed(scores, rename, reference)


def _both(scores: dict[str, Float], reference: Reference, at: str) -> dict[str, Float]:
    """Scores of both classes from those of one. Raises AgreementError where the codes have other classes."""
    [(name, score)] = scores.items()
    others = [code for code in sorted(set(reference.targets)) if code != name]
    if len(others) != 1 or not ((score >= 0) & (score <= 1)).all():
        raise AgreementError(
            f"{at}: has scores of {quoted(name)} alone, which needs scores from 0 to 1 and codes of two classes (they "
            f"have {listed(sorted(set(reference.targets)))}); send scores of every label, or the predicted labels"
        )
    return {others[0]: 1 - score, name: score}


def _best(scores: Mapping[str, Float], positive: str | None) -> list[str]:
    names = list(scores)
    table = np.stack(list(scores.values()), axis=1)
    if (
        len(names) == 2
        and positive is not None
        and positive in scores
        and np.allclose(table.sum(axis=1), 1, atol=TOTAL)
    ):
        other = next(name for name in names if name != positive)
        return [positive if score >= 0.5 else other for score in scores[positive].tolist()]
    return [names[i] for i in table.argmax(axis=1).tolist()]


def _renamed(scores: dict[str, Float], rename: Mapping[str, str], reference: Reference) -> dict[str, Float]:
    """Scores by the names of the codes; those of labels that become one are added, or the highest counts."""
    table = np.stack(list(scores.values()), axis=1)
    shares = bool((table >= -1e-9).all() and np.allclose(table.sum(axis=1), 1, atol=TOTAL))
    names = read_codes([*reference.targets, *scores], ()).names[len(reference.targets) :]
    found: dict[str, Float] = {}
    for name, column in zip(names, scores.values(), strict=True):
        name = rename.get(str(name), str(name))
        if name in found:
            column = found[name] + column if shares else np.maximum(found[name], column)
        found[name] = column
    return found


def _is_score(values: Sequence[Any], reference: Reference) -> bool:
    """Whether single values are scores of the positive class rather than labels."""
    names = set(reference.targets)
    if len(names) != 2 or not are_shares(values):
        return False
    labels = {name for name in read_codes([*reference.targets, *values], ()).names if name is not None}
    return labels != names


def missing_remarks(reference: Reference, predicted: Sequence[Predicted]) -> list[str]:
    """Sentences on items that lack a code or a prediction."""
    remarks = []
    dropped = sum(each.reason == "has no code" for each in reference.codes.dropped)
    if dropped:
        remarks.append(f"{dropped:,} of {reference.n_items:,} items of the table have no code, and are left out")
    for each in predicted:
        lacking = len(reference.items) - len(each.rows)
        if lacking:
            remarks.append(
                f"{each.labeller.name}: {lacking:,} of {len(reference.items):,} coded items have no prediction, and "
                "are left out"
            )
        if each.uncoded:
            remarks.append(f"{each.labeller.name}: {each.uncoded:,} predicted items have no code, and are left out")
    return remarks
