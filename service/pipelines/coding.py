"""Coding of an assignment by its coders and adjudicators, each with a token. Call all functions in a thread.

What a coder gets has keys in place of ids, which may be names of classes, and nothing of other coders or of columns.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from models.errors import listed, quoted
from service.errors import Conflict, NotFound, Unauthorized, Unprocessable
from service.pipelines import codebooks
from service.pipelines.assignments import adjudicable
from service.schemas import coding as schema
from service.schemas.codebooks import Codebook, Variable
from service.stores import codes
from service.stores.codes import NOTE, Coder, CodingUnit
from service.stores.studies import Studies, Study
from service.stores.study_items import StudyItem, item_by_key

ROW = 100  # bytes of a code in the database besides its value, about


@dataclass(frozen=True)
class Desk:
    """A coder at work: the study and the person whose token it is."""

    study: Study
    coder: Coder


def enter(studies: Studies, token: str) -> Desk:
    """The study and the person of a token. Raises Unauthorized for one that is unknown or revoked."""
    study = _study_of(studies, token)
    with study.database.reading() as db:
        return Desk(study, _require_coder(db, token))


def _study_of(studies: Studies, token: str) -> Study:
    study = studies.by_id(codes.study_of(token))
    if study is None:
        raise _invalid()
    return study


def _require_coder(db: sqlite3.Connection, token: str) -> Coder:
    """The person of a token. Raises Unauthorized for one that is unknown or revoked."""
    coder = codes.coder_of(db, token)
    if coder is None:
        raise _invalid()
    return coder


def _invalid() -> Unauthorized:
    return Unauthorized(
        "this coder's token is not valid, or no longer; ask the person who runs the study for a new one",
        code="invalid_token",
    )


def about(desk: Desk) -> schema.CodingAnswer:
    """The assignment of a coder, with the codebook."""
    coder = desk.coder
    with desk.study.database.reading() as db:
        book = codebooks.newest(db)
        shown = None
        if book is not None:
            shown = codebooks.for_coders(book[1], coder.kind, codebooks.example_keys(db, book[1]))
        return schema.CodingAnswer(
            study=desk.study.title or desk.study.name,
            assignment=coder.assignment_name,
            coder=coder.name,
            role=coder.role,
            kind=coder.kind,
            version=None if book is None else book[0],
            codebook=shown,
            progress=_progress(db, coder, book),
        )


def following(desk: Desk, limit: int) -> schema.UnitList:
    """Items that a coder codes next."""
    with desk.study.database.reading() as db:
        book = codebooks.newest(db)
        units = _next(db, desk.coder, book, limit)
        return schema.UnitList(data=_described(db, desk.coder, book, units), progress=_progress(db, desk.coder, book))


def every_unit(desk: Desk, limit: int, offset: int) -> schema.UnitList:
    """All items of a coder, coded or not; of an adjudicator those on which coders differ, decided or not."""
    with desk.study.database.reading() as db:
        book = codebooks.newest(db)
        if desk.coder.role == "coder":
            units = codes.own_units(db, desk.coder, limit, offset)
        else:
            names = adjudicable(None if book is None else book[1], desk.coder.kind)
            units = codes.every_differing_unit(db, desk.coder, names, limit, offset)
        return schema.UnitList(data=_described(db, desk.coder, book, units), progress=_progress(db, desk.coder, book))


def one_unit(desk: Desk, key: str) -> schema.Unit:
    """One item of a coder. Raises NotFound."""
    with desk.study.database.reading() as db:
        book = codebooks.newest(db)
        return _described(db, desk.coder, book, [_own(db, desk.coder, book, key)])[0]


def picture_of(desk: Desk, key: str) -> StudyItem:
    """The item of a picture that a coder may see: of the assignment's own, or an example. Raises NotFound."""
    coder = desk.coder
    with desk.study.database.reading() as db:
        seen = db.execute(
            "SELECT 1 FROM items i JOIN units u ON i.place IN (u.item, u.other) LEFT JOIN tasks t ON t.unit = u.number "
            "AND t.coder = ?1 WHERE i.key = ?2 AND u.assignment = ?3 AND (t.unit IS NOT NULL OR ?4 = 'adjudicator')",
            (coder.number, key, coder.assignment, coder.role),
        ).fetchone()
        if seen is None:
            book = codebooks.newest(db)
            if book is None or key not in codebooks.example_keys(db, book[1]).values():
                raise NotFound(
                    f"picture: there is no {quoted(key)} in this assignment", code="unknown_item", param="key"
                )
    return item_by_key(desk.study.database, key)


def save(studies: Studies, token: str, key: str, request: schema.CodesRequest) -> schema.SavedCodes:
    """Save codes of one item, and say what comes next; one transaction, in which the token is looked up too.

    Raises Unauthorized, NotFound, Unprocessable, TooLarge, Conflict without a codebook.
    """
    study = _study_of(studies, token)
    with study.database.writing() as db:
        coder = _require_coder(db, token)
        book = codebooks.newest(db)
        if book is None:
            raise Conflict("the study has no codebook yet, so nothing can be coded", code="no_codebook")
        unit = _own(db, coder, book, key)
        variables = {each.name: each for each in _variables(db, coder, book, unit)}
        values = {name: _value(variables, name, code) for name, code in request.codes.items()}
        if request.note is not None:
            values[NOTE] = codebooks.stored(request.note) if request.note.strip() else None
        study.require_room(2 * sum(len(value or "") + ROW for value in values.values()))  # of codes and their history
        saved = codes.save_codes(db, coder, unit.number, values, book[0])
        count_codes(db, coder, unit.number, book)
        unit = _own(db, coder, book, key)
        units = _next(db, coder, book, request.following, besides=unit.number)
        described = _described(db, coder, book, [unit, *units])
        progress = _progress(db, coder, book)
    return schema.SavedCodes(saved=saved, unit=described[0], next=described[1:], progress=progress)


def undo(studies: Studies, token: str) -> schema.UndoneCodes:
    """Take back the codes that the coder has saved last; again, those before. Raises Unauthorized."""
    with _study_of(studies, token).database.writing() as db:
        coder = _require_coder(db, token)
        book = codebooks.newest(db)
        undone = codes.undo(db, coder)
        if undone is not None and book is not None:
            count_codes(db, coder, undone[0], book)
        progress = _progress(db, coder, book)
        if undone is None:
            return schema.UndoneCodes(undone=0, unit=None, progress=progress)
        (key,) = db.execute("SELECT key FROM units WHERE number = ?", (undone[0],)).fetchone()
        unit = codes.own_unit(db, coder, key)
        assert unit is not None
        return schema.UndoneCodes(undone=undone[1], unit=_described(db, coder, book, [unit])[0], progress=progress)


def _own(db: sqlite3.Connection, coder: Coder, book: tuple[int, Codebook] | None, key: str) -> CodingUnit:
    unit = codes.own_unit(db, coder, key)
    if unit is None or (coder.role == "adjudicator" and not _differing(db, coder, book, unit)):
        raise NotFound(
            f"unit: there is no {quoted(key)} among those of {quoted(coder.name)}; GET /v1/coding/next has them",
            code="unknown_unit",
            param="key",
        )
    return unit


def _value(variables: dict[str, Variable], name: str, code: schema.CodeInput) -> str | None:
    """The stored form of a code; None to take it back. Raises Unprocessable."""
    param = f"codes.{name}"[:100]
    if name not in variables:
        raise Unprocessable(
            f"{param}: there is no such variable to code here; there are: {listed(variables)}",
            code="unknown_variable",
            param=param,
        )
    if not code.cannot_tell:
        return None if code.value is None else codebooks.stored(codebooks.fitted(variables[name], code.value))
    if code.value is not None:
        raise Unprocessable(f"{param}: has a value and cannot_tell; send one of them", param=param)
    if not variables[name].cannot_tell:
        raise Unprocessable(
            f'{param}: the codebook does not allow "cannot tell" for it; send a value', code="invalid_code", param=param
        )
    return codebooks.NOT_TOLD


def _variables(
    db: sqlite3.Connection, coder: Coder, book: tuple[int, Codebook] | None, unit: CodingUnit
) -> list[Variable]:
    """The variables that a person codes for an item: all, or of an adjudicator those on which coders differ."""
    every = [] if book is None else book[1].of_kind(coder.kind)
    if coder.role == "coder":
        return every
    differing = _differing(db, coder, book, unit)
    return [each for each in every if each.name in differing]


def _differing(
    db: sqlite3.Connection, coder: Coder, book: tuple[int, Codebook] | None, unit: CodingUnit
) -> dict[str, list[str]]:
    """The codes of the variables on which coders differ, for adjudicators."""
    names = adjudicable(None if book is None else book[1], coder.kind)
    found = codes.others_codes(db, unit.number)
    differing = {name: values for name, values in found.items() if name in names and len(set(values)) > 1}
    if not differing:
        return {}
    (waiting,) = db.execute(
        "SELECT count(*) FROM tasks t JOIN coders o ON o.number = t.coder "
        "WHERE t.unit = ? AND t.done IS NULL AND o.hash IS NOT NULL",
        (unit.number,),
    ).fetchone()
    return {} if waiting else differing


def count_codes(db: sqlite3.Connection, coder: Coder, unit: int, book: tuple[int, Codebook]) -> None:
    """Note whether a coder has coded an item."""
    there = codes.codes_of(db, coder.number, [unit])[unit]
    required = [each for each in book[1].of_kind(coder.kind) if each.is_required]
    done = all(each.name in there and codebooks.still_fits(each, there[each.name]) for each in required)
    codes.update_done(db, coder.number, unit, done=done and bool(required or there))


def _next(
    db: sqlite3.Connection, coder: Coder, book: tuple[int, Codebook] | None, limit: int, *, besides: int = 0
) -> list[CodingUnit]:
    if coder.role == "coder":
        return codes.next_units(db, coder, limit, besides=besides)
    names = adjudicable(None if book is None else book[1], coder.kind)
    return codes.differing_units(db, coder, names, limit, besides=besides)


def _progress(db: sqlite3.Connection, coder: Coder, book: tuple[int, Codebook] | None) -> schema.OwnProgress:
    if coder.role == "coder":
        assigned, done = codes.own_progress(db, coder)
    else:
        names = adjudicable(None if book is None else book[1], coder.kind)
        assigned, done = codes.differing_counts(db, coder.assignment, names)
    return schema.OwnProgress(assigned=assigned, done=done)


def _described(
    db: sqlite3.Connection, coder: Coder, book: tuple[int, Codebook] | None, units: Sequence[CodingUnit]
) -> list[schema.Unit]:
    """Items as a coder sees them, with the coder's own codes."""
    own = codes.codes_of(db, coder.number, [unit.number for unit in units])
    variables = {} if book is None else {each.name: each for each in book[1].of_kind(coder.kind)}
    described = []
    for unit in units:
        there = own[unit.number]
        fitting = {
            name: text
            for name, text in there.items()
            if name in variables and codebooks.still_fits(variables[name], text)
        }
        differing = _differing(db, coder, book, unit) if coder.role == "adjudicator" else {}
        described.append(
            schema.Unit(
                key=unit.key,
                pictures=list(unit.pictures),
                texts=list(unit.texts),
                done=unit.done or (bool(differing) and differing.keys() <= fitting.keys()),
                codes={name: _own_code(text) for name, text in fitting.items()},
                note=str(codebooks.loaded(there[NOTE])) if NOTE in there else "",
                differing=[
                    schema.DifferingCodes(variable=name, codes=[_own_code(text) for text in texts])
                    for name, texts in differing.items()
                ],
            )
        )
    return described


def _own_code(text: str) -> schema.OwnCode:
    value = codebooks.loaded(text)
    return schema.OwnCode(value=value, cannot_tell=value is None)
