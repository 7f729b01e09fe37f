"""Reading of a corpus with predictions and codes, for estimates."""

from collections.abc import Mapping, Sequence
from typing import Any

from daguerre.corpus.coded import CodedTable
from daguerre.corpus.validations import PredictionSet, code_rows, found_rows, read_codes, read_predictions
from daguerre.inputs.alignment import json_value
from daguerre.storage.tables import Table, table_of
from daguerre.types.common import listed

KEYS = ("id", "item", "path", "text")
PREDICTIONS = ("label", "value", "prediction", "predicted", "score", "probability")
DESIGN = ("inclusion_prob", "weight")


def estimate_fields(
    corpus: Any,
    codes: Any,
    *,
    predictions: Any,
    code: str,
    coders: Sequence[str],
    adjudicator: str | None,
    group: str | None,
    stratum: str | None,
    by: Sequence[str],
    time: str | None,
    covariates: Sequence[str],
    outcome: str | None,
) -> tuple[dict[str, Any], bool, list[str]]:
    """Corpus, predictions and codes of a request, whether codes are numbers, and remarks. Raises ValueError."""
    table = table_of(corpus)
    key = next((name for name in KEYS if table.has(name)), None)
    if key is None:
        raise ValueError(f"{table.path} needs a column id or path; it has {table.listed()}")
    ids = table.ids(key)
    if len(set(ids)) < len(ids):
        twice = next(id for id in ids if ids.count(id) > 1)
        raise ValueError(f"{table.path}: has the id {twice!r} twice; keep one of its rows")
    sets = _predictions(table, ids, predictions)
    remarks = [remark for each in sets for remark in each.remarks]
    if codes is None:
        rows = own_codes(table, ids, code)
    else:
        coded = read_codes(codes, coders, adjudicator)
        remarks += coded.remarks
        rows = matched_codes(coded, ids, f"in {table.path}")

    def column(name: str) -> list[Any]:
        return [json_value(cell) for cell in table.codes(name)]

    fields = {
        "corpus": {
            "item": ids,
            "group": None if group is None else column(group),
            "stratum": None if stratum is None else column(stratum),
            "by": [{"name": name, "values": column(name)} for name in by],
            "time": None if time is None else column(time),
            "covariates": [{"name": name, "values": column(name)} for name in covariates],
            "outcome": None if outcome is None else column(outcome),
        },
        "predictions": [_sent(each) for each in sets],
        "codes": rows,
    }
    return fields, any(each.continuous for each in sets), remarks


def _predictions(table: Table, ids: list[str], given: Any) -> list[PredictionSet]:
    """Columns of the table, or predictions of any kind by name."""
    if given is None:
        found = [name for name in PREDICTIONS if table.has(name)]
        if len(found) != 1:
            raise ValueError(f"predictions: name the column of {table.path} that has them; it has {table.listed()}")
        given = found
    if isinstance(given, str) and table.has(given):
        given = [given]
    if isinstance(given, list | tuple) and given and all(isinstance(each, str) and table.has(each) for each in given):
        given = {each: each for each in given}
    if not isinstance(given, Mapping):
        return read_predictions(given)
    sets: list[PredictionSet] = []
    for name, each in given.items():
        if isinstance(each, str) and table.has(each):
            sets.append(PredictionSet(str(name), ids, table.codes(each)))
        elif isinstance(each, Mapping) and each and all(isinstance(c, str) and table.has(c) for c in each.values()):
            scores = {str(label): table.floats(column) for label, column in each.items()}
            sets.append(PredictionSet(str(name), ids, None, scores))
        else:
            sets += read_predictions({name: each})
    return sets


def matched_codes(coded: CodedTable, ids: list[str], where: str) -> dict[str, Any]:
    """The codes of a request, with the ids of the corpus. Raises ValueError where no coded item is in it."""
    place = found_rows(PredictionSet("corpus", ids), coded)
    if not place:
        raise ValueError(
            f"none of the {len(coded.ids):,} coded items is {where}: codes have {listed(coded.ids, 2)}, the corpus has "
            f"{listed(ids, 2)}; give both the same ids"
        )
    rows = code_rows(coded)
    rows["item"] = [ids[place[item]] if item in place else item for item in rows["item"]]
    rows.pop("group", None), rows.pop("stratum", None)
    return rows


def own_codes(table: Table, ids: list[str], code: str) -> dict[str, Any]:
    """The codes of a column of the table: items with an empty cell are not coded."""
    cells = table.codes(code)
    rows = [i for i, cell in enumerate(cells) if cell is not None]
    if not rows:
        raise ValueError(f"{table.path}: the column {code!r} has no codes; fill in those of a sample")
    found: dict[str, Any] = {"item": [ids[i] for i in rows], "code": [cells[i] for i in rows]}
    for name in DESIGN:
        if table.has(name):
            column = table.codes(name)
            found[name] = [json_value(column[i]) for i in rows]
    return found


def _sent(each: PredictionSet) -> dict[str, Any]:
    if each.ids is None:
        raise ValueError(
            f"{each.name}: an estimate needs predictions of every item of the corpus; give those of `predict`, "
            "as (classifier, predictions)"
        )
    sent: dict[str, Any] = {"name": each.name, "item": each.ids, "classifier": each.classifier}
    if each.value is not None:
        sent["value"] = [json_value(value) for value in each.value]
    if each.scores:
        sent["scores"] = [{"label": label, "values": column} for label, column in each.scores.items()]
    return sent
