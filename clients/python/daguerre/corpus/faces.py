"""Faces as comparisons take them: vectors with ids, pictures and boxes; and tables of persons and pairs."""

import asyncio
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daguerre.dispatch.vectors import EmbeddingsLike, embeddings_of, split_usable
from daguerre.results.analyses import finding_rows
from daguerre.results.embeddings import Embeddings
from daguerre.results.face_vectors import KIND, MODALITY, FaceVectors, face_id
from daguerre.storage.csv import formulated
from daguerre.storage.parquet import arrow
from daguerre.storage.tables import Table, table_of
from daguerre.types.common import Crop

MARGIN = 0.5  # of the box of a face on pages, on each side
FACE_COLUMNS = ("face", "item", "id")
BOX = ("x", "y", "width", "height")
YES = frozenset({"1", "true", "yes", "y", "same"})
NO = frozenset({"0", "false", "no", "n", "different"})


@dataclass(frozen=True, kw_only=True)
class FaceSet:
    """Faces that have a vector.

    Attributes
    ----------
    made : their vectors.
    source : name of their file; None without one.
    files, boxes : the picture of each face, and its box with a margin, by id.
    """

    made: Embeddings
    source: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    boxes: Mapping[str, Crop] = field(default_factory=dict)


async def face_set(given: EmbeddingsLike) -> FaceSet:
    """Faces of a result of `face_vectors`, of its embeddings, or of a file of these. Raises ValueError without any."""
    if isinstance(given, FaceVectors):
        rows = [
            {**row, "file": file}
            for id, entry, file in zip(given.ids, given.entries, given.files, strict=True)
            for row in finding_rows(id, entry)
            if row["analyser"] == KIND
        ]
    else:
        rows = await asyncio.to_thread(_rows_of_file, given)
    made = (await embeddings_of(given, (MODALITY,)))[MODALITY]
    if not len(made):
        raise ValueError("faces: there are none in these pictures; give pictures with faces, or a lower min_score")
    good, _ = split_usable({MODALITY: made}, made.ids)
    return FaceSet(
        source=os.path.basename(given) if isinstance(given, str | os.PathLike) else None,
        made=made if len(good) == len(made) else made[good.tolist()],
        files={face_id(row["id"], row["finding"]): row["file"] for row in rows if not row.get("video")},
        boxes={
            face_id(row["id"], row["finding"]): Crop(**{name: float(row[name]) for name in BOX}, margin=MARGIN)
            for row in rows
            if not row.get("video") and row["x"] is not None
        },
    )


def _rows_of_file(given: Any) -> list[dict[str, Any]]:
    """Ids and boxes of the faces of a Parquet file, where it has them."""
    if not isinstance(given, str | os.PathLike) or not os.fspath(given).lower().endswith(".parquet"):
        return []
    if not os.path.isfile(given):
        return []
    pa = arrow()
    there = set(pa.parquet.read_schema(given).names)
    needed = {"id", "finding", "analyser", *BOX}
    if not needed <= there:
        return []
    table = pa.parquet.read_table(given, columns=sorted(needed | ({"video"} & there)))
    return [{**row, "file": row["id"]} for row in table.to_pylist() if row["analyser"] == KIND]


@dataclass(frozen=True, kw_only=True)
class GivenCorrections:
    """Corrections of a table.

    Attributes
    ----------
    same, different : lists of faces that are one person, and lists of faces that are different people.
    remarks : sentences on rows that say nothing.
    """

    same: list[list[str]] = field(default_factory=list)
    different: list[list[str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def corrections_of(given: Any, ids: Sequence[str]) -> GivenCorrections:
    """Lists of faces that are one person, and lists of faces that are different people, of a table of corrections.

    Parameters
    ----------
    given : a table (path, DataFrame, columns) with the columns face and person, or a, b and same; or a mapping from
        faces to persons. Rows with an empty person, or an empty same, are left out.
    ids : those of the faces.

    Raises
    ------
    ValueError : other columns, a face with two persons, or an id of no face.
    """
    if given is None:
        return GivenCorrections()
    table = table_of(_columns(given, "person"))
    known = set(ids)
    if all(table.has(name) for name in ("a", "b", "same")):
        pairs = pairs_of(table, known)
        _require_known((id for a, b, _ in pairs for id in (a, b)), known, table.path)
        return GivenCorrections(
            same=[[a, b] for a, b, same in pairs if same],
            different=[[a, b] for a, b, same in pairs if not same],
            remarks=[] if pairs else ["no row of the corrections has a code in the column same: nothing was corrected"],
        )
    _require_known(face_ids(table, known), known, table.path)
    persons = _values(table, "person", "corrections", known)
    groups: dict[str, list[str]] = {}
    for face, person in persons.items():
        groups.setdefault(person, []).append(face)
    firsts = [faces[0] for faces in groups.values()]
    remarks = []
    if not groups:
        remarks.append("no row of the corrections has a person: nothing was corrected")
    elif len(persons) == 1:
        remarks.append(
            f"person {next(iter(groups))!r} of the corrections has one face only, and there is no other person, so "
            "that nothing was corrected: fill in the rows of the faces it belongs to, or of those it does not"
        )
    return GivenCorrections(
        same=[faces for faces in groups.values() if len(faces) > 1],
        different=[firsts] if len(firsts) > 1 else [],
        remarks=remarks,
    )


def _require_known(given: Iterable[str], known: Collection[str], path: str) -> None:
    """Raise ValueError for an id of no face."""
    unknown = list(dict.fromkeys(id for id in given if id not in known))
    if unknown:
        more = f", and {len(unknown) - 1:,} others," if len(unknown) > 1 else ""
        raise ValueError(
            f"corrections: {unknown[0]!r}{more} in {path} is the id of no face; correct it, or remove the row"
        )


def _columns(given: Any, name: str) -> Any:
    """A table as it is; a mapping from faces as the columns face and `name`."""
    if not isinstance(given, Mapping) or {"a", "b", "same"} <= set(given) or name in given:
        return given
    return {"face": list(given), name: list(given.values())}


def face_ids(table: Table, known: Collection[str]) -> list[str]:
    """The ids of faces of a table: its column face, or else item, or else id. Raises ValueError."""
    return _own(table.ids(next((name for name in FACE_COLUMNS if table.has(name)), FACE_COLUMNS[0])), known)


def _own(given: Iterable[str], known: Collection[str]) -> list[str]:
    """Ids without the apostrophe that keeps a spreadsheet program from running those of `known` as formulas."""
    return [id if id in known or (own := formulated(id)) not in known else own for id in given]


def pairs_of(table: Table, known: Collection[str]) -> list[tuple[str, str, bool]]:
    """The coded pairs of a table with the columns a, b and same. Rows with an empty same are left out."""
    pairs = []
    rows = zip(_own(table.ids("a"), known), _own(table.ids("b"), known), table.column("same"), strict=True)
    for i, (a, b, code) in enumerate(rows, 1):
        word = code.casefold().removesuffix(".0")
        if not word:
            continue
        if word not in YES | NO:
            raise ValueError(f"{table.path}: column same, row {i}: got {code!r:.60}; write 1 for one person, 0 for two")
        pairs.append((a, b, word in YES))
    return pairs


@dataclass(frozen=True, kw_only=True)
class FaceCodes:
    """Codes of faces: pairs, or the person of each; and groups of people. Empty texts are no codes.

    Attributes
    ----------
    remarks : sentences on rows that are of none of the faces.
    """

    pairs: list[tuple[str, str, bool]] | None
    persons: list[str] | None
    groups: list[str] | None
    remarks: list[str] = field(default_factory=list)


def codes_of(given: Any, ids: Sequence[str], groups: Any = None) -> FaceCodes:
    """Codes of the faces `ids`.

    Parameters
    ----------
    given : a table with the columns a, b and same; or with face and person, and perhaps group; or a mapping from faces
        to persons.
    groups : a mapping from faces to groups, or a table with the columns face and group.

    Raises
    ------
    ValueError : other columns, no face of `ids` in them, or a face with two persons or groups.
    """
    remarks: list[str] = []
    table = table_of(_columns(given, "person"))
    pairs: list[tuple[str, str, bool]] | None = None
    persons: list[str] | None = None
    if all(table.has(name) for name in ("a", "b", "same")):
        pairs = pairs_of(table, set(ids))
    else:
        persons = _column(table, "person", ids, remarks)
    if groups is not None:
        named: list[str] | None = _column(table_of(_columns(groups, "group")), "group", ids, remarks)
    else:
        named = _column(table, "group", ids, []) if pairs is None and table.has("group") else None
    return FaceCodes(pairs=pairs, persons=persons, groups=named, remarks=remarks)


def _values(table: Table, name: str, of: str, known: Collection[str]) -> dict[str, str]:
    """The value of each face of a table that has one. Raises ValueError for a face with two."""
    values: dict[str, str] = {}
    for face, value in zip(face_ids(table, known), table.ids(name), strict=True):
        if value and values.setdefault(face, value) != value:
            raise ValueError(
                f"{of}: {face!r} is {name} {values[face]!r} in one row and {value!r} in another; give it one"
            )
    return values


def _column(table: Table, name: str, ids: Sequence[str], remarks: list[str]) -> list[str]:
    """The value of each face, empty without one. Adds a remark on values of other faces to `remarks`."""
    known = set(ids)
    values, coded = _values(table, name, table.path, known), face_ids(table, known)
    if known.isdisjoint(coded):
        raise ValueError(
            f"{table.path}: none of its faces is among the {len(ids):,} that are compared, the first is "
            f"{coded[0]!r} and theirs is {ids[0]!r}; give ids of faces, such as photo.jpg#0"
        )
    if others := [face for face in values if face not in known]:
        remarks.append(
            f"{len(others):,} of {len(values):,} faces with a {name} in {table.path} are not among those that are "
            f"compared, the first is {others[0]!r:.200}: left out"
        )
    return [values.get(id, "") for id in ids]
