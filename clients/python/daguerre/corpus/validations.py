"""Predictions and codes of any kind, as the fields of a validation: the same for the SDK and the command line."""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from daguerre.corpus.code_columns import KNOWN
from daguerre.corpus.coded import CodedTable, named_files, read_coded, read_coders
from daguerre.inputs.alignment import id_texts, is_series, json_value, series_labels
from daguerre.inputs.names import PathNames
from daguerre.results.analyses import Analyses
from daguerre.results.face_attributes import KIND as FACE_ATTRIBUTES
from daguerre.results.labels import CodebookLabels, VariablePredictions
from daguerre.results.predictions import Predictions
from daguerre.results.zero_shot import ZeroShot
from daguerre.storage.tables import Table, table_of
from daguerre.types.common import listed

VALUES = ("label", "value", "prediction", "predicted", "score", "probability")  # columns of a prediction
ORIGIN = re.compile(r"[^@\s]+@[0-9]+")  # a classifier with its version
SCALARS = (str, bool, int, float, np.generic, type(None))
CODE_FIELDS = ("inclusion_prob", "weight", "group", "stratum", "by")


@dataclass(frozen=True)
class PredictionSet:
    """Predictions as they are sent.

    Attributes
    ----------
    ids : (n,) None for the out-of-fold predictions of a classifier.
    value : (n,) labels or numbers; None where there are only scores.
    scores : by label, (n,) scores.
    failed : number of items without a result.
    continuous : whether the predictions are known to be numbers.
    """

    name: str
    ids: list[str] | None = None
    value: list[Any] | None = None
    scores: dict[str, list[float]] = field(default_factory=dict)
    classifier: str | None = None
    failed: int = 0
    continuous: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fields:
    """The predictions and codes of a request; `files` has the path of each item that has one, by id."""

    predictions: list[dict[str, Any]]
    codes: dict[str, Any]
    continuous: bool
    files: dict[str, str]
    remarks: list[str]


def validation_fields(
    predictions: Any,
    codes: Any,
    *,
    coders: Sequence[str] = (),
    adjudicator: str | None = None,
    rule: str | None = None,
    column: str | None = None,
    by: Any = None,
) -> Fields:
    """Read predictions and codes, and find the predictions of the coded items by id, path, or end of the path.

    Raises ValueError where they cannot be read, or an id names several items.
    """
    positions = _is_list(predictions) and _is_list(codes) and len(predictions) == len(codes)
    if (
        positions
        and len(codes)
        and not all(isinstance(each, str | os.PathLike) and os.path.isfile(each) for each in codes)
    ):
        predictions, codes = (
            dict(zip(map(str, range(len(codes))), each, strict=True)) for each in (predictions, codes)
        )
    sets = read_predictions(predictions, column=column)
    if not (by is None or isinstance(by, str) or _is_column(by) or isinstance(by, Mapping)):
        raise ValueError(
            f"by: got {type(by).__name__}, the name of a column of the codes, or a Series or mapping of items to "
            "groups is needed"
        )
    coded = read_codes(codes, coders, adjudicator, by if isinstance(by, str) else None)
    if by is not None and not isinstance(by, str):
        coded = replace(coded, columns={**coded.columns, "by": _groups(by, coded)})
    if rule not in (None, "adjudicated"):
        coded = coded.without_adjudicator()
    remarks = [*coded.remarks, *(remark for each in sets for remark in each.remarks)]
    files = {} if coded.paths is None else dict(zip(coded.ids, coded.paths, strict=True))
    return Fields(
        predictions=[_sent(each, coded) for each in sets],
        codes=code_rows(coded),
        continuous=any(each.continuous for each in sets),
        files=files,
        remarks=remarks,
    )


def _groups(by: Any, coded: CodedTable) -> list[Any]:
    """The group of each coded item, from a Series or a mapping of items to groups. Raises ValueError."""
    keys = series_labels(by) if _is_column(by) else list(by)
    values = [json_value(each) for each in (by if _is_column(by) else by.values())]
    groups = dict(zip(id_texts(keys, "by"), values, strict=True))
    if not any(id in groups for id in coded.ids):
        raise ValueError(f"by: none of its {len(groups):,} items is coded; name items as the codes do")
    return [groups.get(id) for id in coded.ids]


def read_codes(
    given: Any, coders: Sequence[str] = (), adjudicator: str | None = None, by: str | None = None
) -> CodedTable:
    """Read codes: a table, several tables (one for each coder), a Series or a mapping of items to codes.

    `by` is a column of groups of one table. Raises ValueError.
    """
    if by is not None and (_is_column(given) or (isinstance(given, Mapping) and given and _by_item(given))):
        raise ValueError(f"by: got {by!r}, and the codes are no table with columns; give a mapping of items to groups")
    if _is_column(given):
        return read_coded({"id": series_labels(given), "code": list(given)})
    if isinstance(given, Mapping) and given and _by_item(given):
        return read_coded({"id": list(given), "code": list(given.values())})
    if adjudicator is not None:
        return read_coded(given, coders=list(coders), adjudicator=adjudicator, by=by)
    return read_coders(given, coders=list(coders), by=by)


def read_predictions(given: Any, *, column: str | None = None) -> list[PredictionSet]:
    """Read predictions: one set, several by name, or a list of sets or paths ("NAME=FILE" too)."""
    if isinstance(given, Mapping) and given and not _by_item(given):
        return [_read(each, str(name), column) for name, each in given.items()]
    if isinstance(given, list | tuple):
        if all(isinstance(each, str | os.PathLike) for each in given):
            paths = named_files([os.fspath(each) for each in given], "set of predictions")
            return [_read(path, name, column) for name, path in paths.items()]
        sets = [_read(each, None, column) for each in given]
        names = [each.name for each in sets]
        return [
            each if names.count(each.name) == 1 else replace(each, name=f"{each.name} {i}")
            for i, each in enumerate(sets, 1)
        ]
    return [_read(given, None, column)]


def _read(given: Any, name: str | None, column: str | None) -> PredictionSet:
    if isinstance(given, tuple) and len(given) == 2 and _is_classifier(given[0]):
        read, own = _read(given[1], name, column), str(given[0].id)
        if read.classifier not in (None, own):
            raise ValueError(
                f"{read.name}: its column classifier names {read.classifier}, and {own} was given as its classifier; "
                f"give {read.classifier}, or leave the classifier out"
            )
        return replace(read, classifier=own)
    if isinstance(given, ZeroShot):
        good = np.flatnonzero(given.ok).tolist()
        scores = {label: given.scores[good, j].astype(float).tolist() for j, label in enumerate(given.labels)}
        return PredictionSet(
            name or "zero-shot", *_rows(given.ids, given.best, good), scores, failed=len(given) - len(good)
        )
    if isinstance(given, Analyses):
        return _of_faces(given, name, column)
    if isinstance(given, CodebookLabels):
        given = given.of(column)
    if isinstance(given, VariablePredictions):
        found = PredictionSet(name or given.name, given.ids, given.values, given.scores)
        return replace(found, failed=given.failed, continuous=given.continuous)
    if isinstance(given, Predictions):
        return _of_classifier(given, name)
    if _is_classifier(given):
        return PredictionSet(name or str(given.id), classifier=str(given.id))
    if _is_column(given) or (isinstance(given, Mapping) and _by_item(given)):
        keys = series_labels(given) if _is_column(given) else list(given)
        values = [json_value(each) for each in (given if _is_column(given) else given.values())]
        title = getattr(given, "name", None) if _is_column(given) else None
        return _known(name or (str(title) if title is not None else "predictions"), id_texts(keys, "ids"), values)
    table = table_of(given)
    stem = os.path.splitext(os.path.basename(table.path))[0] if isinstance(given, str | os.PathLike) else "predictions"
    return _of_table(table, name or stem, column)


def _known(name: str, ids: Sequence[str], values: Sequence[Any]) -> PredictionSet:
    """Predictions without the items that have none."""
    good = [i for i, value in enumerate(values) if value is not None]
    return PredictionSet(name, *_rows(ids, values, good), failed=len(ids) - len(good))


def _of_faces(given: Analyses, name: str | None, column: str | None) -> PredictionSet:
    """Guesses of one attribute by the ids of faces. Raises ValueError where it is not clear which."""
    names = given.guessed
    if column is None and len(names) != 1:
        raise ValueError(
            f"column: these findings have {listed(names)}; name one of them"
            if names
            else f"predictions: findings of {listed(given.kinds)} are no predictions of codes; give a Series or a "
            "table of labels by item, or compare boxes and counts with .evaluate(...)"
        )
    chosen = given.guesses(column or names[0])
    values = [json_value(each) for each in chosen]
    faces = sum(row["analyser"] == FACE_ATTRIBUTES for row in given.rows())
    return PredictionSet(name or str(chosen.name), list(chosen.index), values, failed=faces - len(values))


def _rows(ids: Sequence[str], values: Sequence[Any], good: Sequence[int]) -> tuple[list[str], list[Any]]:
    return [ids[i] for i in good], [values[i] for i in good]


def _of_classifier(given: Predictions, name: str | None) -> PredictionSet:
    good = np.flatnonzero(given.ok).tolist()
    title, failed = name or given.classifier, len(given) - len(good)
    if not given.labels:
        ids, values = _rows(given.ids, given.values.tolist(), good)
        return PredictionSet(title, ids, values, classifier=given.classifier, failed=failed, continuous=True)
    scores = {label: given.probabilities[good, j].tolist() for j, label in enumerate(given.labels)}
    return PredictionSet(title, *_rows(given.ids, given.predicted, good), scores, given.classifier, failed)


def _of_table(table: Table, name: str, column: str | None) -> PredictionSet:
    """Predictions of a table: a column of labels or numbers, and columns of scores that are named by labels."""
    findings = table.key_of_findings()
    key = findings or next((each for each in ("id", "item", "path", "text") if table.has(each)), None)
    if key is None:
        raise ValueError(f"{table.path} needs a column id or path; it has {table.listed()}")
    errors = table.column("error") if table.has("error") else [""] * len(table.rows)
    if column is not None and not table.has(column):
        raise ValueError(f"{table.path} has no column {column!r} of predictions; it has {table.listed()}")
    chosen = column or next((each for each in VALUES if table.has(each)), None)
    own = {key.casefold(), (chosen or "").casefold(), "label"}
    others = [each for each in table.names if each.casefold() not in KNOWN | own]
    others = [each for each in others if not (chosen == "value" and each.casefold() in ("low", "high"))]
    numeric = {each: cells for each in others if (cells := _numbers(table, each)) is not None}
    ids, remarks = table.ids(key), []
    values = None if chosen is None else table.codes(chosen)
    scores: dict[str, list[float | None]] = {}
    if column is None and chosen in (None, "label"):
        labels = {each.removeprefix("label: "): each for each in numeric}
        predicted = {each for each in values or () if each is not None}
        if predicted <= set(labels) or (values is None and len(labels) > 1):
            scores = {label: numeric[each] for label, each in labels.items()}
        elif numeric and values is not None:
            remarks.append(
                f"{name}: the columns {listed(numeric)} are no scores, since labels of the column 'label' have none"
            )
    if values is None and not scores:
        if len(others) != 1:
            raise ValueError(
                f"{table.path} needs a column 'label' or 'value', a column of scores for each label, or the name of "
                f"the column with the predictions (column=); it has {table.listed()}"
            )
        values = table.codes(others[0])
    good = [
        i
        for i, error in enumerate(errors)
        if not error and (ids[i] or findings is None) and (values is None or values[i] is not None or scores)
        if all(cells[i] is not None for cells in scores.values())
    ]
    return PredictionSet(
        name,
        [ids[i] for i in good],
        None if values is None else [values[i] for i in good],
        {label: [float(cells[i] or 0.0) for i in good] for label, cells in scores.items()},
        classifier=_origin(table),
        failed=len(ids) - len(good),
        continuous=chosen == "value" and column is None and table.has("low") and table.has("high"),
        remarks=tuple(remarks),
    )


def _origin(table: Table) -> str | None:
    """The classifier that a table of predictions names; None where it names none. Raises ValueError for several."""
    if not table.has("classifier"):
        return None
    named = [cell for cell in dict.fromkeys(table.column("classifier")) if ORIGIN.fullmatch(cell)]
    if len(named) > 1:
        raise ValueError(
            f"{table.path}: its column classifier names {len(named)}, {listed(named, 3)}; keep the rows of one, and "
            "give the others as tables of their own"
        )
    return named[0] if named else None


def _numbers(table: Table, name: str) -> list[float | None] | None:
    """The cells of a column as numbers, None for empty ones; None if a cell is another text, or all are empty."""
    if name in table.unread:
        return None
    cells = table.codes(name)
    try:
        numbers = [None if cell is None else float(cell) for cell in cells]
    except ValueError:
        return None
    return numbers if any(each is not None for each in numbers) else None


def _sent(each: PredictionSet, coded: CodedTable) -> dict[str, Any]:
    """The fields of one set: the predictions of coded items, under the ids that the codes have."""
    if each.ids is None:
        return {"name": each.name, "classifier": each.classifier}
    rows = found_rows(each, coded)
    keys = list(rows)
    if not keys:  # the server says what both have
        rows = {id: i for i, id in enumerate(each.ids)}
        keys = list(rows)
    places = [rows[key] for key in keys]
    unused = len(each.ids) - len(set(places))
    sent: dict[str, Any] = {"name": each.name, "item": keys, "classifier": each.classifier, "without_code": unused}
    if each.value is not None:
        sent["value"] = [json_value(each.value[i]) for i in places]
    if each.scores:
        sent["scores"] = [
            {"label": label, "values": [column[i] for i in places]} for label, column in each.scores.items()
        ]
    return sent


def found_rows(each: PredictionSet, coded: CodedTable) -> dict[str, int]:
    """The row of predictions of each coded item that has one, by the id of the codes. Raises ValueError."""
    ids = each.ids or []
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise ValueError(
            f"{each.name}: has the id {twice!r} twice; give each item one row, and each "
            "face or finding its own id in a column `item`, such as photo.jpg#0, as tables of faces have"
        )
    exact = {id: i for i, id in enumerate(ids)}
    rows: dict[str, int] = {}
    lacking: list[int] = []
    for k, id in enumerate(coded.ids):
        place = exact.get(id)
        if place is None and coded.paths is not None:
            place = exact.get(coded.paths[k])
        if place is None:
            lacking.append(k)
        else:
            rows[id] = place
    if lacking:
        names = PathNames(ids, ids)
        for k in lacking:
            keys = [coded.ids[k], *([] if coded.paths is None else [coded.paths[k]])]
            hit = next((hits[0] for key in keys if (hits := names.find(key))), None)
            if hit is not None:
                rows[coded.ids[k]] = hit
    lacking = [k for k in lacking if coded.ids[k] not in rows]
    if lacking:  # ids of the codes may be longer than those of the predictions
        longer = [coded.ids[k] if coded.paths is None else coded.paths[k] for k in lacking]
        names = PathNames(longer, longer)
        used = set(rows.values())
        for i, id in enumerate(ids):
            for hit in names.find(id) if i not in used else ():
                rows.setdefault(coded.ids[lacking[hit]], i)
    return {id: rows[id] for id in coded.ids if id in rows}


def code_rows(coded: CodedTable) -> dict[str, Any]:
    place = {id: i for i, id in enumerate(coded.ids)}
    rows: dict[str, Any] = {
        "item": list(coded.item),
        "code": [json_value(code) for code in coded.code],
        "coder": list(coded.coder) or None,
        "adjudicator": coded.adjudicator,
    }
    for name in CODE_FIELDS:
        if name in coded.columns:
            column = coded.columns[name]
            rows[name] = [json_value(column[place[item]]) for item in coded.item]
    return rows


def _by_item(given: Mapping[Any, Any]) -> bool:
    """Whether a mapping has a value for each item, rather than a table or a path of one for each name."""
    values = list(given.values())
    files = all(isinstance(each, str | os.PathLike) and os.path.isfile(each) for each in values)
    return not files and all(isinstance(each, SCALARS) for each in values)


def _is_classifier(given: Any) -> bool:
    return hasattr(given, "predict") and hasattr(given, "report") and hasattr(given, "id")


def _is_column(given: Any) -> bool:
    """Whether it is a Series; a DataFrame, which has an index too, is a table."""
    return is_series(given) and not hasattr(given, "columns")


def _is_list(given: Any) -> bool:
    return (isinstance(given, list | tuple) and all(isinstance(each, SCALARS) for each in given)) or (
        isinstance(given, np.ndarray) and given.ndim == 1
    )
