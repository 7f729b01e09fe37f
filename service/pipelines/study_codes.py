"""Codes of a study as tables, which the SDK's functions read as they are, and the coders' agreement.

Call all functions in a thread.
"""

import csv
import io
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.errors import listed, quoted
from models.stopping import Check, unchecked
from service.errors import NotFound, Unprocessable
from service.pipelines.annotation import measure_agreement
from service.pipelines.codebooks import loaded, require_newest, still_fits
from service.pipelines.jobs import time_of
from service.schemas import assignments as schema
from service.schemas.annotation import AgreementAnswer, AgreementRequest
from service.schemas.codebooks import Variable
from service.schemas.studies import ItemCode
from service.stores import codes
from service.stores.studies import Study
from service.stores.study_items import StudyItem

Layout = Literal["long", "wide", "final"]
LEVELS: Mapping[str, Literal["nominal", "ordinal", "interval"]] = {"ordinal": "ordinal", "continuous": "interval"}
ADJUDICATOR = "adjudicator"
JOINT = "; "  # between the categories of one code
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # that spreadsheet programs run as a formula
EXACT = frozenset(("id", "other", "stratum"))  # columns by which tables are joined


@dataclass(frozen=True)
class CodeRow:
    """A code of one person for one item or pair; `value` is None for "cannot tell"."""

    unit: int
    coder: str
    role: str
    variable: str
    value: Any
    version: int
    saved: float


@dataclass(frozen=True)
class Coded:
    """The codes of one assignment that fit the newest codebook, with its items."""

    assignment: sqlite3.Row
    variables: Mapping[str, Variable]
    units: Sequence[sqlite3.Row]
    coders: Sequence[str]
    rows: Sequence[CodeRow]
    remarks: Sequence[str]


def read_codes(study: Study, assignment: str | None) -> Coded:
    """The codes of an assignment; None: the only one. Raises NotFound, Unprocessable where there are several."""
    with study.database.reading() as db:
        _, book = require_newest(db, study.name)
        row = codes.assignment_row(db, _only(db, study) if assignment is None else assignment)
        variables = {each.name: each for each in book.of_kind(row["kind"])}
        units = db.execute(
            "SELECT u.number, u.inclusion_prob, u.stratum, i.id, o.id AS other FROM units u "
            "JOIN items i ON i.place = u.item LEFT JOIN items o ON o.place = u.other WHERE u.assignment = ? "
            "ORDER BY u.number",
            (row["number"],),
        ).fetchall()
        people = db.execute(
            "SELECT name, role FROM coders WHERE assignment = ? ORDER BY number", (row["number"],)
        ).fetchall()
        found = db.execute(
            "SELECT c.unit, k.name, k.role, c.variable, c.value, c.version, c.saved FROM codes c "
            "JOIN coders k ON k.number = c.coder WHERE k.assignment = ? ORDER BY c.unit, k.number, c.variable",
            (row["number"],),
        ).fetchall()
    rows, misfits = [], 0
    for each in found:
        variable = variables.get(each["variable"])
        fits = variable is not None and still_fits(variable, each["value"])
        if fits or each["variable"] == codes.NOTE:
            unit, coder, role, name, value, version, saved = each
            rows.append(CodeRow(unit, coder, role, name, loaded(value), version, saved))
        else:
            misfits += 1
    remarks = [f"{misfits:,} codes of earlier versions of the codebook do not fit the newest one and are left out"]
    names = [each["name"] for each in people if each["role"] == "coder"]
    return Coded(row, variables, units, names, rows, remarks if misfits else [])


def _only(db: sqlite3.Connection, study: Study) -> str:
    names = [row["name"] for row in db.execute("SELECT name FROM assignments ORDER BY number")]
    if not names:
        raise NotFound(
            f"assignment: the study {quoted(study.name)} has none yet; make one with POST "
            "/v1/studies/{name}/assignments",
            code="unknown_assignment",
            param="assignment",
        )
    if len(names) > 1:
        raise Unprocessable(
            f"assignment: the study has {len(names)}, each with inclusion probabilities of its own: {listed(names)}; "
            "name one",
            code="several_assignments",
            param="assignment",
        )
    return str(names[0])


def chosen_variable(coded: Coded, name: str | None) -> Variable:
    """The variable called `name`; None: the only one. Raises NotFound, Unprocessable where there are several."""
    if name is None and len(coded.variables) == 1:
        return next(iter(coded.variables.values()))
    if name is None:
        raise Unprocessable(
            f"variable: the codebook has {listed(coded.variables) or 'none for this assignment'}; name one of them",
            param="variable",
        )
    if name not in coded.variables:
        raise NotFound(
            f"variable: there is no {quoted(name)} here; there are: {listed(coded.variables)}",
            code="unknown_variable",
            param="variable",
        )
    return coded.variables[name]


def table(
    study: Study,
    layout: Layout,
    *,
    assignment: str | None = None,
    variable: str | None = None,
    category: str | None = None,
    majority: bool = False,
    adjudicators: bool = False,
) -> schema.CodesTable:
    """Codes as a table. Raises NotFound, Unprocessable.

    Parameters
    ----------
    layout : long, a row for each code of all variables or of one; wide, a row for each item and a column for each
        coder, of one variable; final, a row for each item that has a final code, of one variable.
    category : of a variable with several categories, of which each code becomes yes or no.
    majority : whether a final code is that of most coders where nobody has decided, and the mean of numbers.
    adjudicators : whether a long table has the codes of adjudicators, as another coder's.
    """
    coded = read_codes(study, assignment)
    if layout == "long":
        only = None if variable is None else chosen_variable(coded, variable)
        columns, rows = _long(coded, only, category, adjudicators)
        return _table(coded, layout, columns, rows)
    chosen = chosen_variable(coded, variable)
    _check_category(chosen, category)
    columns, rows = _wide(coded, chosen, category) if layout == "wide" else _final(coded, chosen, category, majority)
    return _table(coded, layout, columns, rows)


def _table(coded: Coded, layout: Layout, columns: list[str], rows: list[list[Any]]) -> schema.CodesTable:
    return schema.CodesTable(
        layout=layout,
        assignment=coded.assignment["name"],
        columns=columns,
        rows=rows,
        coders=list(coded.coders),
        remarks=list(coded.remarks),
    )


def _check_category(variable: Variable, category: str | None) -> None:
    if category is not None and (not variable.multiple or category not in variable.choices()):
        choices = listed(variable.choices()) if variable.multiple else "none, as only one is chosen"
        raise Unprocessable(
            f"category: got {quoted(category)}; of {quoted(variable.name)} there are: {choices}", param="category"
        )


def code_text(value: Any, category: str | None = None) -> Any:
    """A code as a cell of a table: a text or a number, None for "cannot tell"."""
    if value is None:
        return None
    if category is not None:
        return "yes" if category in value else "no"
    return JOINT.join(value) if isinstance(value, list) else value


def _long(
    coded: Coded, variable: Variable | None, category: str | None, adjudicators: bool
) -> tuple[list[str], list[list[Any]]]:
    if category is not None:
        _check_category(variable or next(iter(coded.variables.values())), category)
    units = {unit["number"]: unit for unit in coded.units}
    notes = {(row.unit, row.coder): row.value for row in coded.rows if row.variable == codes.NOTE}
    paired = coded.assignment["kind"] == "pairs"
    columns = ["id", *(["other"] if paired else []), "coder", "role", "variable", "code", "cannot_tell"]
    columns += ["inclusion_prob", "stratum", "note", "codebook", "saved"]
    rows = []
    for row in coded.rows:
        unit = units[row.unit]
        if row.variable == codes.NOTE or (row.role == ADJUDICATOR and not adjudicators):
            continue
        if variable is not None and row.variable != variable.name:
            continue
        rows.append(
            [
                *(unit["id"], *([unit["other"]] if paired else [])),
                *(row.coder, row.role, row.variable, code_text(row.value, category), row.value is None),
                *(unit["inclusion_prob"], unit["stratum"], notes.get((row.unit, row.coder))),
                *(row.version, time_of(row.saved)),
            ]
        )
    return columns, rows


def _by_unit(coded: Coded, variable: Variable) -> dict[int, dict[tuple[str, str], CodeRow]]:
    """Codes of one variable by item, and by role and name."""
    found: dict[int, dict[tuple[str, str], CodeRow]] = {}
    for row in coded.rows:
        if row.variable == variable.name:
            found.setdefault(row.unit, {})[row.role, row.coder] = row
    return found


def _decision(rows: Mapping[tuple[str, str], CodeRow]) -> CodeRow | None:
    """The newest code of an adjudicator."""
    decisions = [row for (role, _), row in rows.items() if role == ADJUDICATOR]
    return max(decisions, key=lambda row: row.saved, default=None)


def _wide(coded: Coded, variable: Variable, category: str | None) -> tuple[list[str], list[list[Any]]]:
    by_unit = _by_unit(coded, variable)
    decided = any(_decision(rows) for rows in by_unit.values())
    paired = coded.assignment["kind"] == "pairs"
    strata = any(unit["stratum"] is not None for unit in coded.units)
    columns = ["id", *(["other"] if paired else []), "inclusion_prob", *(["stratum"] if strata else [])]
    columns += [*coded.coders, *([ADJUDICATOR] if decided else [])]
    rows = []
    for unit in coded.units:
        own = by_unit.get(unit["number"], {})
        given = [own.get(("coder", name)) for name in coded.coders] + ([_decision(own)] if decided else [])
        rows.append(
            [
                *(unit["id"], *([unit["other"]] if paired else []), unit["inclusion_prob"]),
                *([unit["stratum"]] if strata else []),
                *(None if row is None else code_text(row.value, category) for row in given),
            ]
        )
    return columns, rows


def _final(coded: Coded, variable: Variable, category: str | None, majority: bool) -> tuple[list[str], list[list[Any]]]:
    by_unit = _by_unit(coded, variable)
    paired = coded.assignment["kind"] == "pairs"
    columns = ["id", *(["other"] if paired else []), "target", "rule", "n_codes", "inclusion_prob", "stratum"]
    rows = []
    for unit in coded.units:
        own = by_unit.get(unit["number"], {})
        values = [code_text(row.value, category) for (role, _), row in own.items() if role == "coder"]
        decision = _decision(own)
        target, rule = final_code(
            values, None if decision is None else code_text(decision.value, category), variable, majority
        )
        if target is not None:
            rows.append(
                [
                    *(unit["id"], *([unit["other"]] if paired else []), target, rule, len(values)),
                    *(unit["inclusion_prob"], unit["stratum"]),
                ]
            )
    return columns, rows


def final_code(values: Sequence[Any], decision: Any, variable: Variable, majority: bool) -> tuple[Any, str | None]:
    """The final code of an item and the rule by which it is one; None where there is none.

    The adjudicator's, or else that of all coders, or else with `majority` that of more than half of them: "cannot
    tell" counts as a code that the others differ from. With `majority`, numbers that differ have their mean.
    """
    told = [value for value in values if value is not None]
    if decision is not None:
        return decision, "adjudicated"
    if not told:
        return None, None
    if len(told) == len(values) and len(set(told)) == 1:
        return told[0], "unanimous" if len(told) > 1 else "single"
    if not majority:
        return None, None
    if variable.kind == "continuous":
        return sum(told) / len(told), "mean"
    (code, count), *_ = Counter(told).most_common(1)
    return (code, "majority") if 2 * count > len(values) else (None, None)


def agreement(
    study: Study,
    *,
    assignment: str | None,
    variable: str | None,
    category: str | None,
    resamples: int,
    seed: int,
    check: Check = unchecked,
) -> AgreementAnswer:
    """The agreement of the coders of one variable. Raises NotFound, Unprocessable, AgreementError."""
    coded = read_codes(study, assignment)
    chosen = chosen_variable(coded, variable)
    _check_category(chosen, category)
    rows = [row for row in coded.rows if row.variable == chosen.name and row.role == "coder"]
    values = [code_text(row.value, category) for row in rows]
    if chosen.kind == "ordinal":  # by rank, since names of categories are in no order
        rank = {name: i + 1 for i, name in enumerate(chosen.choices())}
        values = [None if value is None else rank[value] for value in values]
    request = AgreementRequest(
        coder=[row.coder for row in rows],
        item=[str(row.unit) for row in rows],
        code=values,
        missing=[""],
        level=LEVELS.get(chosen.kind, "nominal"),
        resamples=resamples,
        seed=seed,
    )
    answer = measure_agreement(request, check)
    names = {str(unit["number"]): " | ".join(filter(None, (unit["id"], unit["other"]))) for unit in coded.units}
    differ = [each.model_copy(update={"item": names[each.item]}) for each in answer.differ]
    return answer.model_copy(update={"differ": differ, "remarks": [*coded.remarks, *answer.remarks]})


def csv_text(made: schema.CodesTable) -> str:
    """A table as CSV, in which what is missing is empty and no text but an id or a stratum is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([unformulated(name) for name in made.columns])
    kept = [name in EXACT for name in made.columns]
    writer.writerows(
        ["" if cell is None else cell if exact else unformulated(cell) for cell, exact in zip(row, kept, strict=True)]
        for row in made.rows
    )
    return out.getvalue()


def unformulated(cell: Any) -> Any:
    """A cell that spreadsheet programs do not run: an apostrophe precedes a text that begins as a formula does."""
    if not isinstance(cell, str) or not cell.startswith(FORMULAS):
        return cell
    try:
        float(cell)  # such as a category -1
    except ValueError:
        return f"'{cell}"
    return cell


def codes_of_item(study: Study, item: StudyItem) -> list[ItemCode]:
    """All codes of one item, for the study's owner."""
    with study.database.reading() as db:
        rows = db.execute(
            "SELECT a.name AS assignment, k.name AS coder, k.role, c.variable, c.value, c.version, c.saved "
            "FROM codes c JOIN coders k ON k.number = c.coder JOIN units u ON u.number = c.unit "
            "JOIN assignments a ON a.number = u.assignment "
            "WHERE u.item = ? AND u.other IS NULL AND c.variable != '' ORDER BY a.number, k.number, c.variable",
            (item.place,),
        ).fetchall()
    return [
        ItemCode(
            **{name: row[name] for name in ("assignment", "coder", "role", "variable", "version")},
            value=loaded(row["value"]),
            saved=time_of(row["saved"]) or "",
        )
        for row in rows
    ]
