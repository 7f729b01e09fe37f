"""Codes as annotated tasks of Label Studio, and back: choices, numbers and text areas of whole pictures.

The format is that of Label Studio's JSON export: a task has `data` and `annotations`; an annotation has `completed_by`
and `result`, a list with `from_name`, `to_name`, `type` and `value` for each control. Call all functions in a thread.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from models.errors import listed, quoted
from service.errors import Conflict, ServiceError, Unprocessable
from service.pipelines import codebooks
from service.pipelines.codebooks import newest
from service.pipelines.coding import ROW, count_codes
from service.pipelines.study_codes import Coded, read_codes
from service.schemas import assignments as schema
from service.schemas.codebooks import Variable
from service.stores import codes
from service.stores.studies import Study

PICTURE = "image"  # the name of the picture in the labelling configuration
CANNOT_TELL = "cannot tell"
MOST_REMARKS = 20


def exported(study: Study, assignment: str | None) -> list[dict[str, Any]]:
    """The items of an assignment as tasks, with the codes of each coder as an annotation."""
    coded = read_codes(study, assignment)
    if coded.assignment["kind"] != "items":
        raise Conflict(
            "the assignment is of pairs, for which Label Studio has no form here; export its codes as a table",
            code="pairs",
        )
    by_unit: dict[int, dict[str, list[Any]]] = {}
    for row in coded.rows:
        if row.variable != codes.NOTE:
            by_unit.setdefault(row.unit, {}).setdefault(row.coder, []).append(row)
    tasks = []
    for unit in coded.units:
        about = {name: unit[name] for name in ("inclusion_prob", "stratum") if unit[name] is not None}
        annotations = [
            {
                "completed_by": coder,
                "was_cancelled": False,
                "ground_truth": rows[0].role == "adjudicator",
                "result": [_result(coded.variables[row.variable], row.value) for row in rows],
            }
            for coder, rows in by_unit.get(unit["number"], {}).items()
        ]
        tasks.append(
            {"id": unit["number"], "data": {"id": unit["id"], PICTURE: unit["id"], **about}, "annotations": annotations}
        )
    return tasks


def _result(variable: Variable, value: Any) -> dict[str, Any]:
    about = {"from_name": variable.name, "to_name": PICTURE, "origin": "manual"}
    if value is None:
        return {**about, "type": "choices", "value": {"choices": [CANNOT_TELL]}}
    if variable.kind == "continuous":
        return {**about, "type": "number", "value": {"number": value}}
    if variable.kind == "text":
        return {**about, "type": "textarea", "value": {"text": [value]}}
    return {**about, "type": "choices", "value": {"choices": value if isinstance(value, list) else [value]}}


def imported(study: Study, assignment: str | None, request: schema.LabelStudioTasks) -> schema.LabelStudioImport:
    """Save the annotations of tasks as codes of the coders of an assignment.

    Results that are not codes of the codebook, of other items, and of people who are not coders are left out and named
    in remarks, as decisions of adjudicators are, which an export has too. Raises NotFound, Unprocessable, TooLarge.
    """
    coded = read_codes(study, assignment)
    units = {unit["id"]: unit["number"] for unit in coded.units}
    ends: dict[str, list[str]] = {}
    for id in units:
        ends.setdefault(id.rpartition("/")[2], []).append(id)
    remarks: list[str] = []
    saved = unchanged = 0
    decisions: Counter[str] = Counter()
    with study.database.writing() as db:
        book = newest(db)
        assert book is not None
        rows = db.execute(
            "SELECT k.*, a.name AS assignment_name, a.kind FROM coders k JOIN assignments a ON a.number = k.assignment "
            "WHERE k.assignment = ?",
            (coded.assignment["number"],),
        ).fetchall()
        names = ("number", "name", "role", "assignment", "assignment_name", "kind")
        people = {row["name"]: codes.Coder(**{name: row[name] for name in names}) for row in rows}
        coders = {name: person for name, person in people.items() if person.role == "coder"}
        for i, task in enumerate(request.tasks):
            unit = _unit_of(i, task, units, ends)
            if unit is None:
                remarks.append(f"tasks[{i}]: its item is not in the assignment")
                continue
            for annotation in _dicts(task.get("annotations", task.get("completions"))):
                if annotation.get("was_cancelled"):
                    continue
                name = _person(annotation.get("completed_by"), request.names)
                values, problems = _values(coded, _dicts(annotation.get("result")))
                if name not in people or name in coders:
                    remarks += [f"tasks[{i}]: {problem}" for problem in problems]
                if name not in coders:
                    if name in people:
                        decisions[name] += 1
                    else:
                        remarks.append(
                            f"tasks[{i}]: {name[:60]!r} is no coder of the assignment, whose coders are "
                            f"{listed(coders)}; say in names which of them that is"
                        )
                    continue
                task_row = "SELECT 1 FROM tasks WHERE coder = ? AND unit = ?"
                if db.execute(task_row, (coders[name].number, unit)).fetchone() is None:
                    remarks.append(f"tasks[{i}]: its item is not assigned to {name[:60]!r}")
                    continue
                study.require_room(2 * sum(len(value or "") + ROW for value in values.values()))
                changed = codes.save_codes(db, coders[name], unit, values, book[0])
                count_codes(db, coders[name], unit, book)
                saved, unchanged = saved + changed, unchanged + len(values) - changed
    remarks = [
        *(
            f"{n:,} annotations of {name[:60]!r}, an adjudicator, are left out; adjudicators decide with their token"
            for name, n in decisions.items()
        ),
        *remarks,
    ]
    more = len(remarks) - MOST_REMARKS
    shown = [*remarks[:MOST_REMARKS], f"… and {more:,} more of them"] if more > 0 else remarks
    return schema.LabelStudioImport(codes=saved, unchanged=unchanged, remarks=shown)


def _unit_of(
    i: int, task: Mapping[str, Any], units: Mapping[str, int], ends: Mapping[str, Sequence[str]]
) -> int | None:
    """The item of a task: its id, its picture, or the end of the picture's address; `ends` has ids by file names.

    Raises Unprocessable for an address that is none.
    """
    data = task.get("data")
    if not isinstance(data, Mapping):
        return None
    for name in ("id", PICTURE):
        given = data.get(name)
        if isinstance(given, str) and given in units:
            return units[given]
    image = str(data.get(PICTURE) or "")
    try:
        address = unquote(urlsplit(image).path)
    except ValueError as exc:
        raise Unprocessable(
            f"tasks[{i}]: its image {quoted(image)} is no address ({exc}); give one, or the id of the item as data.id",
            param="tasks",
        ) from exc
    found = [id for id in ends.get(address.rpartition("/")[2], ()) if address.endswith(f"/{id}")]
    return units[max(found, key=len)] if found else None


def _person(given: Any, names: Mapping[str, str]) -> str:
    """The name of a coder: completed_by is a number, a name, or an object with an e-mail address."""
    if isinstance(given, Mapping):
        given = given.get("email", given.get("id"))
    return names.get(str(given), str(given))


def _values(coded: Coded, results: Sequence[Mapping[str, Any]]) -> tuple[dict[str, str | None], list[str]]:
    """The stored forms of the codes of an annotation, and problems with its results."""
    values: dict[str, str | None] = {}
    problems = []
    for result in results:
        name, kind, value = str(result.get("from_name")), result.get("type"), result.get("value")
        variable = coded.variables.get(name)
        if variable is None or not isinstance(value, Mapping):
            problems.append(f"{name[:60]!r} is no variable of the codebook")
            continue
        given: Any = value.get(str(kind), value.get("text") if kind == "textarea" else None)
        if kind == "textarea":
            lines = given if isinstance(given, list) else [given]
            given = "\n".join(lines) if all(isinstance(line, str) for line in lines) else given
        elif kind == "choices" and isinstance(given, list) and not variable.multiple and len(given) == 1:
            given = given[0]
        try:
            told = given not in (CANNOT_TELL, [CANNOT_TELL])
            usable = told or variable.cannot_tell
            fitting = codebooks.fitted(variable, given) if told else None
            if usable:
                values[name] = codebooks.stored(fitting)
            else:
                problems.append(f"{name[:60]!r} has no 'cannot tell'")
        except (ServiceError, TypeError) as exc:
            problems.append(f"{exc}"[:200])
    return values, problems


def _dicts(given: Any) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []
