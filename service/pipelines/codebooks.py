"""Codebooks of studies: versions, and codes that fit a variable."""

import json
import sqlite3
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from models.errors import listed, quoted
from service.errors import NotFound, TooLarge, Unprocessable
from service.pipelines.jobs import time_of
from service.schemas import codebooks as schema
from service.schemas.codebooks import Codebook, Variable
from service.stores.codes import update_done
from service.stores.studies import Study
from service.stores.study_items import places_of

LONGEST_TEXT = 10_000  # characters of a free text, as of a note
LARGEST = 1_000_000  # bytes of a codebook as JSON
NOT_TOLD = "null"  # the stored form of "cannot tell"
Value = str | float | list[str] | None


def stored(value: Value) -> str:
    """The stored form of a code, in which equal codes are equal texts."""
    return json.dumps(value, ensure_ascii=False)


def loaded(text: str) -> Value:
    """The code of a stored form; None for "cannot tell"."""
    value: Value = orjson.loads(text)
    return value


def fitted(variable: Variable, value: Any) -> Value:
    """A code as `variable` has it: categories in their order, numbers as numbers. Raises Unprocessable."""
    param = f"codes.{variable.name}"
    choices = variable.choices()
    if variable.kind == "continuous":
        low, high = variable.low, variable.high
        assert low is not None
        assert high is not None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise Unprocessable(
                f"{param}: got {quoted(value)}; give a number from {low:g} to {high:g}",
                code="invalid_code",
                param=param,
            )
        return float(value)
    if variable.kind == "text":
        if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
            raise Unprocessable(
                f"{param}: give a text of 1 to {LONGEST_TEXT:,} characters that is not blank",
                code="invalid_code",
                param=param,
            )
        return value
    chosen = value if isinstance(value, list) and variable.multiple else [value]
    unknown = [each for each in chosen if each not in choices]
    if unknown or (not chosen and variable.multiple) or len(set(chosen)) < len(chosen):
        way = "some of them, each once" if variable.multiple else "one of them"
        raise Unprocessable(
            f"{param}: got {quoted(value)}; the categories are {listed(choices, 20)}; give {way}",
            code="invalid_code",
            param=param,
        )
    return [each for each in choices if each in chosen] if variable.multiple else str(chosen[0])


def still_fits(variable: Variable, text: str) -> bool:
    """Whether a stored code of an earlier version is one of `variable` too."""
    value = loaded(text)
    if value is None:
        return variable.cannot_tell
    if variable.kind == "text":
        return isinstance(value, str)  # also one that is longer than new ones may be
    try:
        return fitted(variable, value) == value
    except Unprocessable:
        return False


def newest(db: sqlite3.Connection) -> tuple[int, Codebook] | None:
    """The newest version of the codebook, with its number; None without one."""
    row = db.execute("SELECT version, content FROM codebooks ORDER BY version DESC LIMIT 1").fetchone()
    return None if row is None else (row["version"], _parsed(row["content"]))


@lru_cache(maxsize=16)
def _parsed(content: str) -> Codebook:
    """A codebook as it is stored, which nobody changes; it is read with each code that is saved."""
    return Codebook.model_validate_json(content)


def require_newest(db: sqlite3.Connection, study: str) -> tuple[int, Codebook]:
    """The same. Raises NotFound without one."""
    found = newest(db)
    if found is None:
        raise NotFound(
            f"codebook: the study {quoted(study)} has none yet; send it with PUT /v1/studies/{{name}}/codebook",
            code="no_codebook",
        )
    return found


def read_codebook(study: Study, version: int | None = None) -> schema.CodebookAnswer:
    """A version of the codebook; None: the newest. Raises NotFound."""
    with study.database.reading() as db:
        last, _ = require_newest(db, study.name)
        wanted = last if version is None else version
        row = db.execute("SELECT * FROM codebooks WHERE version = ?", (wanted,)).fetchone()
    if row is None:
        raise NotFound(
            f"version: the codebook has no version {wanted}; there are 1 to {last}",
            code="unknown_version",
            param="version",
        )
    return _answer(row, last)


def save_codebook(study: Study, codebook: Codebook) -> schema.CodebookAnswer:
    """Save a codebook: as a new version where codes exist, and in place of the newest version otherwise.

    Codes that the new version takes too stay; others stay in the history and in tables of their version, and their
    items are coded again. Raises Unprocessable for examples that are no items, TooLarge.
    """
    remarks: list[str] = []
    content = codebook.model_dump_json()
    size = len(content.encode())
    if size > LARGEST:
        raise TooLarge(
            f"codebook: has {size:,} bytes as JSON, the limit is {LARGEST:,}; shorten its definitions, or code some "
            "variables in another study",
            code="codebook_too_large",
        )
    study.require_room(size)
    with study.database.writing() as db:
        examples = [id for variable in codebook.variables for id in _examples(variable)]
        places_of(db, list(dict.fromkeys(examples)), "examples")
        before = newest(db)
        version = 1 if before is None else before[0]
        if before is not None and before[1] != codebook:
            coded = db.execute("SELECT 1 FROM history WHERE version = ? LIMIT 1", (version,)).fetchone() is not None
            version += coded
        if before is None or before[1] != codebook:
            db.execute(
                "INSERT OR REPLACE INTO codebooks (version, saved, content) VALUES (?, ?, ?)",
                (version, time.time(), content),
            )
            remarks = _remarks(db, codebook)
            recount(db, codebook)
        row = db.execute("SELECT * FROM codebooks WHERE version = ?", (version,)).fetchone()
    return _answer(row, version, remarks)


def recount(db: sqlite3.Connection, codebook: Codebook) -> None:
    """Find out again which items each coder has coded, after the codebook has changed."""
    for kind in ("items", "pairs"):
        required = {each.name: each for each in codebook.of_kind(kind) if each.is_required}
        rows = db.execute(
            "SELECT t.coder, t.unit, c.variable, c.value FROM tasks t JOIN units u ON u.number = t.unit "
            "JOIN assignments a ON a.number = u.assignment "
            "LEFT JOIN codes c ON c.unit = t.unit AND c.coder = t.coder WHERE a.kind = ?",
            (kind,),
        ).fetchall()
        there: dict[tuple[int, int], set[str]] = {}
        for row in rows:
            names = there.setdefault((row["coder"], row["unit"]), set())
            variable = required.get(row["variable"])
            if variable is None and not required and row["variable"] is not None:
                names.add("")  # where nothing is required, any code will do
            elif variable is not None and still_fits(variable, row["value"]):
                names.add(variable.name)
        for (coder, unit), names in there.items():
            update_done(db, coder, unit, done=names >= (required.keys() or {""}))


def _remarks(db: sqlite3.Connection, codebook: Codebook) -> list[str]:
    """Remarks on the codes that a codebook does not take."""
    variables = {each.name: each for each in codebook.variables}
    rows = db.execute("SELECT variable, value, count(*) AS n FROM codes WHERE variable != '' GROUP BY variable, value")
    lost: dict[str, int] = {}
    for row in rows:
        variable = variables.get(row["variable"])
        if variable is None or not still_fits(variable, row["value"]):
            lost[row["variable"]] = lost.get(row["variable"], 0) + row["n"]
    return [
        f"{n:,} codes of {name!r} do not fit this version; they are kept as codes of earlier versions, and tables of "
        "codes leave them out"
        for name, n in lost.items()
    ]


def _examples(variable: Variable) -> list[str]:
    return [*variable.examples, *(id for category in variable.categories for id in category.examples)]


def example_keys(db: sqlite3.Connection, codebook: Codebook) -> dict[str, str]:
    """The keys of all examples, by their ids; those of items that are gone are left out."""
    ids = list(dict.fromkeys(id for variable in codebook.variables for id in _examples(variable)))
    marks = ", ".join("?" * len(ids))
    return {row["id"]: row["key"] for row in db.execute(f"SELECT id, key FROM items WHERE id IN ({marks})", ids)}


def for_coders(codebook: Codebook, kind: str, keys: Mapping[str, str]) -> dict[str, Any]:
    """The codebook as coders see it: the variables of their assignment, with the keys of pictures as examples."""
    shown: dict[str, Any] = codebook.model_copy(update={"variables": codebook.of_kind(kind)}).model_dump()
    for variable in shown["variables"]:
        for part in (variable, *variable["categories"]):
            part["examples"] = [keys[id] for id in part["examples"] if id in keys]
        if not variable["categories"] and variable["kind"] == "binary":
            variable["categories"] = [{"name": name, "definition": "", "examples": []} for name in schema.YES_NO]
    return shown


def _answer(row: sqlite3.Row, versions: int, remarks: list[str] | None = None) -> schema.CodebookAnswer:
    return schema.CodebookAnswer(
        version=row["version"],
        versions=versions,
        saved=time_of(row["saved"]) or "",
        codebook=Codebook.model_validate_json(row["content"]).model_dump(),
        remarks=remarks or [],
    )
