"""Assignments of a study: draws, coders, tokens, progress and disagreements. Call all functions in a thread."""

import json
import secrets
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

import orjson

from models.annotation.active import active
from models.annotation.workload import distribute, order_of
from models.errors import quoted
from service.errors import Conflict, NotFound, Unprocessable
from service.pipelines.annotation import draw_sample
from service.pipelines.codebooks import loaded, newest
from service.pipelines.jobs import time_of
from service.schemas import assignments as schema
from service.schemas.annotation import SampleAnswer, SampleRequest
from service.schemas.codebooks import Codebook
from service.stores import codes
from service.stores.studies import Study
from service.stores.study_items import digest, places_of, places_that_fulfil, values_of

ADJUDICATED = ("binary", "categorical", "ordinal", "more", "same")  # kinds whose codes can be decided between
ROW = 150  # bytes of an item of an assignment, or of a coder, in the database, about
Drawn = tuple[int, int | None, float | None, str | None]  # item, other item, inclusion probability, stratum


def assign(study: Study, request: schema.AssignmentRequest) -> schema.NewAssignment:
    """Draw items and distribute them among coders, each of whom gets a token.

    Raises Conflict for a name that there is already, Unprocessable, ClusteringError, TooLarge.
    """
    units, design = _units(study, request)
    if study.collection is not None:
        _require_texts(study, units)
    kind = "items" if request.pairs is None else "pairs"
    coders = len(request.coders)
    overlap = coders if request.overlap is None else request.overlap
    workload = distribute(len(units), coders, overlap, seed=request.seed)
    tokens: list[schema.CoderToken] = []
    study.require_room(ROW * len(units) * (1 + overlap))
    with study.database.writing() as db:
        if db.execute("SELECT 1 FROM assignments WHERE name = ?", (request.name,)).fetchone():
            raise Conflict(
                f"name: the study has an assignment {quoted(request.name)} already; choose another name",
                code="assignment_exists",
                param="name",
            )
        made = db.execute(
            "INSERT INTO assignments (name, kind, design, overlap, seed, created) VALUES (?, ?, ?, ?, ?, ?)",
            (request.name, kind, json.dumps(design), overlap, request.seed, time.time()),
        )
        assignment = int(made.lastrowid or 0)
        numbers = []
        for unit in units:  # by keys at random, since the order of a purposive sample is that of its scores
            row = db.execute(
                "INSERT INTO units (key, assignment, item, other, inclusion_prob, stratum) VALUES (?, ?, ?, ?, ?, ?)",
                (secrets.token_hex(8), assignment, *unit),
            )
            numbers.append(int(row.lastrowid or 0))
        for i, name in enumerate(request.coders):
            coder, token = _add_coder(db, study, assignment, name, "coder")
            tokens.append(token)
            own = [numbers[k] for k, chosen in enumerate(workload) if i in chosen]
            rows = [(coder, place, unit) for place, unit in enumerate(order_of(own, i, seed=request.seed))]
            db.executemany("INSERT INTO tasks (coder, place, unit) VALUES (?, ?, ?)", rows)
        for name in request.adjudicators:
            tokens.append(_add_coder(db, study, assignment, name, "adjudicator")[1])
        card = _card(db, codes.assignment_row(db, request.name))
    return schema.NewAssignment(**card.model_dump(), tokens=tokens)


def _require_texts(study: Study, units: Sequence[Drawn]) -> None:
    """Raise Unprocessable for items of a collection of which coders would see nothing."""
    with study.database.reading() as db:
        bare = {row["place"] for row in db.execute("SELECT place FROM items WHERE text IS NULL")}
    found = bare & {place for unit in units for place in unit[:2]}
    if found:
        raise Unprocessable(
            f"sample: {len(found):,} items have neither a picture nor a text, so that coders would see nothing; make a "
            "study of pictures, or draw from items with texts",
            code="nothing_to_code",
            param="sample",
        )


def _add_coder(
    db: sqlite3.Connection, study: Study, assignment: int, name: str, role: codes.Role
) -> tuple[int, schema.CoderToken]:
    token, hashed = codes.new_token(study.id)
    row = db.execute(
        "INSERT INTO coders (assignment, name, role, hash) VALUES (?, ?, ?, ?)", (assignment, name, role, hashed)
    )
    return int(row.lastrowid or 0), schema.CoderToken(name=name, role=role, token=token)


def _units(study: Study, request: schema.AssignmentRequest) -> tuple[list[Drawn], dict[str, Any]]:
    """The items or pairs of an assignment, and how they were drawn."""
    if request.sample is not None:
        return _drawn(study, request.sample, request.seed)
    with study.database.reading() as db:
        given: Sequence[Any] = request.items or request.pairs or ()
        if request.items is not None:
            firsts = places_of(db, [each.id for each in request.items], "items")
            seconds: list[int | None] = [None] * len(firsts)
        else:
            firsts = places_of(db, [each.a for each in given], "pairs")
            seconds = [*places_of(db, [each.b for each in given], "pairs")]
    known = [each.inclusion_prob is not None for each in given]
    if any(known) and not all(known):
        raise Unprocessable(
            f"inclusion_prob: {known.count(False):,} of {len(known):,} are without one; give one for each, or none",
            param="inclusion_prob",
        )
    probabilities = [each.inclusion_prob for each in given]
    strata = [each.stratum for each in given]
    return list(zip(firsts, seconds, probabilities, strata, strict=True)), {"design": "given", "fit": all(known)}


def _drawn(study: Study, sample: schema.StudySample, seed: int) -> tuple[list[Drawn], dict[str, Any]]:
    places = places_that_fulfil(study.database, sample.filters)
    fields: dict[str, Any] = {"n": len(places)} if sample.design == "simple" else {}
    for name, designs in (("strata", ("stratified",)), ("scores", ("purposive", "active"))):
        column = getattr(sample, name)
        if (column is None) == (sample.design in designs):
            need = f"is needed with design {sample.design}; name the column" if column is None else (
                f"is not used with design {sample.design}; leave it out"
            )  # fmt: skip
            raise Unprocessable(f"{name}: {need}", param=name)
        if column is not None:
            fields[name] = _column(study, column, places, name)
    if not places:
        raise Unprocessable(
            "sample: there is no item to draw from; add pictures, or change the filters", param="sample"
        )
    about: dict[str, Any] = {"design": sample.design, "filters": sample.filters, "scores": sample.scores}
    about["strata_column"] = sample.strata
    about["population"] = digest((place, None) for place in places)
    about["strata_digest"] = digest(zip(places, fields["strata"], strict=True)) if sample.strata else None
    if sample.design == "active":
        return _actively(places, sample, fields["scores"], seed, about)
    if sample.design == "stratified":
        fields |= {"allocation": sample.allocation, "floor": sample.floor}
    drawn: SampleAnswer = draw_sample(SampleRequest(design=sample.design, size=sample.size, seed=seed, **fields))
    probabilities: Sequence[float | None] = drawn.inclusion_prob or [None] * len(drawn.indexes)
    strata: Sequence[str | None] = drawn.stratum or [None] * len(drawn.indexes)
    units: list[Drawn] = [
        (places[i], None, probability, stratum)
        for i, probability, stratum in zip(drawn.indexes, probabilities, strata, strict=True)
    ]
    about |= {"n": drawn.n, "fit": drawn.fit_for_inference, "remarks": drawn.remarks}
    return units, about | {"strata": [each.model_dump() for each in drawn.strata]}


def _actively(
    places: Sequence[int], sample: schema.StudySample, scores: Sequence[float], seed: int, about: dict[str, Any]
) -> tuple[list[Drawn], dict[str, Any]]:
    """More of the items with uncertain scores, with known probabilities."""
    draw = active(scores, sample.size, uniform=sample.uniform, seed=seed)
    assert draw.inclusion_prob is not None
    pairs = zip(draw.indexes.tolist(), draw.inclusion_prob.tolist(), strict=True)
    units: list[Drawn] = [(places[i], None, probability, None) for i, probability in pairs]
    about |= {"n": draw.n, "fit": draw.fit_for_inference, "remarks": list(draw.remarks), "uniform": sample.uniform}
    return units, about


def _column(study: Study, name: str, places: Sequence[int], param: str) -> list[Any]:
    """The values of a column for items. Raises Unprocessable for items without one, and for scores that are texts."""
    with study.database.reading() as db:
        values = values_of(db, name)
    missing = [place for place in places if place not in values]
    if missing:
        raise Unprocessable(
            f"{param}: {len(missing):,} of {len(places):,} items have no value of {quoted(name)}; give them one, or "
            f"draw from those that have one, with the filter {name}!=",
            code="missing_values",
            param=param,
        )
    found = [values[place] for place in places]
    if param == "scores" and any(isinstance(value, str) for value in found):
        raise Unprocessable(f"scores: the column {quoted(name)} has texts; name one of numbers", param=param)
    if param == "strata":
        return [int(v) if isinstance(v, float) and v.is_integer() else v for v in found]
    return found


def list_assignments(study: Study) -> schema.AssignmentList:
    """The assignments of a study."""
    with study.database.reading() as db:
        rows = db.execute("SELECT * FROM assignments ORDER BY number").fetchall()
        return schema.AssignmentList(data=[_card(db, row) for row in rows])


def _card(db: sqlite3.Connection, row: sqlite3.Row) -> schema.AssignmentCard:
    design = orjson.loads(row["design"])
    people = db.execute(
        "SELECT name, role FROM coders WHERE assignment = ? ORDER BY number", (row["number"],)
    ).fetchall()
    (units,) = db.execute("SELECT count(*) FROM units WHERE assignment = ?", (row["number"],)).fetchone()
    return schema.AssignmentCard(
        **{name: row[name] for name in ("name", "kind", "overlap", "seed")},
        units=units,
        created=time_of(row["created"]) or "",
        design=design["design"],
        n=design.get("n"),
        strata=design.get("strata", []),
        scores=design.get("scores"),
        uniform=design.get("uniform"),
        fit_for_inference=design["fit"],
        remarks=design.get("remarks", []),
        coders=[each["name"] for each in people if each["role"] == "coder"],
        adjudicators=[each["name"] for each in people if each["role"] == "adjudicator"],
    )


def renew_token(study: Study, assignment: str, request: schema.CoderRequest) -> schema.CoderToken:
    """Give a person a new token, in place of the one before; a new person becomes an adjudicator.

    Raises NotFound, Unprocessable for a new coder.
    """
    with study.database.writing() as db:
        row = codes.assignment_row(db, assignment)
        person = db.execute(
            "SELECT number, role FROM coders WHERE assignment = ? AND name = ?", (row["number"], request.name)
        ).fetchone()
        if person is None:
            if request.role == "coder":
                raise Unprocessable(
                    f"name: {quoted(request.name)} is no coder of this assignment, whose items are distributed; make "
                    'another assignment for new coders, or set role to "adjudicator"',
                    code="unknown_coder",
                    param="name",
                )
            if request.name.casefold().strip() in schema.RESERVED:
                raise Unprocessable(
                    f"name: {quoted(request.name)} is another column's name in tables of codes; choose another",
                    param="name",
                )
            return _add_coder(db, study, row["number"], request.name, "adjudicator")[1]
        token, hashed = codes.new_token(study.id)
        db.execute("UPDATE coders SET hash = ? WHERE number = ?", (hashed, person["number"]))
        return schema.CoderToken(name=request.name, role=person["role"], token=token)


def revoke_token(study: Study, assignment: str, name: str) -> schema.RevokedToken:
    """Revoke a person's token. Raises NotFound."""
    with study.database.writing() as db:
        row = codes.assignment_row(db, assignment)
        person = db.execute(
            "SELECT number, hash FROM coders WHERE assignment = ? AND name = ?", (row["number"], name)
        ).fetchone()
        if person is None:
            raise NotFound(f"coder: there is no {quoted(name)} in this assignment", code="unknown_coder", param="coder")
        db.execute("UPDATE coders SET hash = NULL WHERE number = ?", (person["number"],))
    return schema.RevokedToken(name=name, revoked=person["hash"] is not None)


def adjudicable(codebook: Codebook | None, kind: str) -> list[str]:
    """The names of the variables whose codes an adjudicator decides between."""
    variables = [] if codebook is None else codebook.of_kind(kind)
    return [each.name for each in variables if each.kind in ADJUDICATED]


def progress(study: Study, assignment: str) -> schema.ProgressAnswer:
    """The progress of an assignment. Raises NotFound."""
    with study.database.reading() as db:
        row = codes.assignment_row(db, assignment)
        book = newest(db)
        variables = adjudicable(None if book is None else book[1], row["kind"])
        differing, decided = codes.differing_counts(db, row["number"], variables)
        (units,) = db.execute("SELECT count(*) FROM units WHERE assignment = ?", (row["number"],)).fetchone()
        (complete,) = db.execute(
            "SELECT count(*) FROM units u WHERE assignment = ? AND NOT EXISTS "
            "(SELECT 1 FROM tasks t WHERE t.unit = u.number AND t.done IS NULL)",
            (row["number"],),
        ).fetchone()
        people = db.execute(
            "SELECT k.name, k.role, k.hash, count(t.place) AS assigned, count(t.done) AS done, "
            "(SELECT count(*) FROM codes c WHERE c.coder = k.number AND variable != '') AS codes, "
            "(SELECT count(*) FROM codes c WHERE c.coder = k.number AND value = 'null') AS cannot_tell, "
            "(SELECT max(saved) FROM codes c WHERE c.coder = k.number) AS last "
            "FROM coders k LEFT JOIN tasks t ON t.coder = k.number WHERE k.assignment = ? GROUP BY k.number",
            (row["number"],),
        ).fetchall()
    coders = [
        schema.CoderProgress(
            **{name: each[name] for name in ("name", "role", "codes", "cannot_tell")},
            assigned=each["assigned"] if each["role"] == "coder" else differing,
            done=each["done"] if each["role"] == "coder" else decided,
            last=time_of(each["last"]),
            active=each["hash"] is not None,
        )
        for each in people
    ]
    return schema.ProgressAnswer(
        assignment=assignment, units=units, complete=complete, differing=differing, adjudicated=decided, coders=coders
    )


def disagreements(study: Study, assignment: str, variable: str | None, limit: int) -> schema.DisagreementList:
    """The items on which coders differ, with the codes of each. Raises NotFound."""
    with study.database.reading() as db:
        row = codes.assignment_row(db, assignment)
        book = newest(db)
        variables = adjudicable(None if book is None else book[1], row["kind"])
        if variable is not None and variable not in variables:
            raise NotFound(
                f"variable: {quoted(variable)} is none of {', '.join(variables) or 'a codebook without categories'}, "
                "whose codes can differ; name one of these",
                code="unknown_variable",
                param="variable",
            )
        chosen = variables if variable is None else [variable]
        found = codes.differing_variables(db, row["number"], chosen)
        every = [(unit, name) for unit in sorted(found) for name in chosen if name in found[unit]]
        data = [_disagreement(db, unit, name) for unit, name in every[:limit]]
    return schema.DisagreementList(data=data, total=len(every))


def _disagreement(db: sqlite3.Connection, unit: int, variable: str) -> schema.Disagreement:
    about = db.execute(
        "SELECT i.id, i.key, o.id AS other FROM units u JOIN items i ON i.place = u.item "
        "LEFT JOIN items o ON o.place = u.other WHERE u.number = ?",
        (unit,),
    ).fetchone()
    rows = db.execute(
        "SELECT k.name, k.role, c.value FROM codes c JOIN coders k ON k.number = c.coder "
        "WHERE c.unit = ? AND c.variable = ? ORDER BY c.saved, k.number",
        (unit, variable),
    ).fetchall()
    decisions = [row["value"] for row in rows if row["role"] == "adjudicator"]
    return schema.Disagreement(
        **{name: about[name] for name in ("id", "other", "key")},
        variable=variable,
        codes=[
            schema.NamedCode(coder=row["name"], value=loaded(row["value"])) for row in rows if row["role"] == "coder"
        ],
        decision=loaded(decisions[-1]) if decisions else None,
        decided=bool(decisions),
    )
