"""Faces as comparisons take them: vectors with ids, pictures and boxes; and tables of persons and pairs."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daguerre.dispatch.vectors import EmbeddingsLike, embeddings_of, split_usable
from daguerre.results.analyses import finding_rows
from daguerre.results.embeddings import Embeddings
from daguerre.results.face_vectors import KIND, MODALITY, FaceVectors, face_id
from daguerre.storage.parquet import arrow
from daguerre.storage.tables import Table, table_of
from daguerre.types.common import Crop

MARGIN = 0.5  # of the box of a face on pages, on each side
BOX = ("x", "y", "width", "height")
YES = frozenset({"1", "true", "yes", "y", "same"})
NO = frozenset({"0", "false", "no", "n", "different"})


@dataclass(frozen=True, kw_only=True)
class FaceSet:
    """Faces that have a vector.

    Attributes
    ----------
    made : their vectors. files, boxes : the picture of each face, and its box with a margin, by id.
    """

    made: Embeddings
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


def corrections_of(given: Any) -> tuple[list[list[str]], list[list[str]]]:
    """Lists of faces that are one person, and lists of faces that are different people, of a table of corrections.

    Parameters
    ----------
    given : a table (path, DataFrame, columns) with the columns face and person, or a, b and same; or a mapping from
        faces to persons. Rows with an empty person, or an empty same, are left out.

    Raises
    ------
    ValueError : other columns, or a face with two persons.
    """
    if given is None:
        return [], []
    if isinstance(given, Mapping) and not {"face", "person"} <= set(given) and not {"a", "b", "same"} <= set(given):
        given = {"face": list(given), "person": list(given.values())}
    table = table_of(given)
    if all(table.has(name) for name in ("a", "b", "same")):
        pairs = pairs_of(table)
        return [[a, b] for a, b, same in pairs if same], [[a, b] for a, b, same in pairs if not same]
    persons: dict[str, str] = {}
    for face, person in zip(table.ids("face"), table.ids("person"), strict=True):
        if not person:
            continue
        if persons.setdefault(face, person) != person:
            raise ValueError(
                f"corrections: {face!r} is person {persons[face]!r} in one row and {person!r} in another; give it one"
            )
    groups: dict[str, list[str]] = {}
    for face, person in persons.items():
        groups.setdefault(person, []).append(face)
    firsts = [faces[0] for faces in groups.values()]
    return [faces for faces in groups.values() if len(faces) > 1], [firsts] if len(firsts) > 1 else []


def pairs_of(table: Table) -> list[tuple[str, str, bool]]:
    """The coded pairs of a table with the columns a, b and same. Rows with an empty same are left out."""
    pairs = []
    rows = zip(table.ids("a"), table.ids("b"), table.column("same"), strict=True)
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
    """Codes of faces: pairs, or the person of each; and groups of people. Empty texts are no codes."""

    pairs: list[tuple[str, str, bool]] | None
    persons: list[str] | None
    groups: list[str] | None


def codes_of(given: Any, ids: Sequence[str], groups: Any = None) -> FaceCodes:
    """Codes of the faces `ids`.

    Parameters
    ----------
    given : a table with the columns a, b and same; or with face and person, and perhaps group; or a mapping from faces
        to persons.
    groups : a mapping from faces to groups, or a table with the columns face and group.

    Raises
    ------
    ValueError : other columns, or no face of `ids` in them.
    """
    if isinstance(given, Mapping) and not {"face", "person"} <= set(given) and not {"a", "b", "same"} <= set(given):
        given = {"face": list(given), "person": list(given.values())}
    table = table_of(given)
    pairs: list[tuple[str, str, bool]] | None = None
    persons: list[str] | None = None
    if all(table.has(name) for name in ("a", "b", "same")):
        pairs = pairs_of(table)
    else:
        persons = _column(table, "person", ids)
    if groups is not None:
        if isinstance(groups, Mapping) and not {"face", "group"} <= set(groups):
            groups = {"face": list(groups), "group": list(groups.values())}
        named: list[str] | None = _column(table_of(groups), "group", ids)
    else:
        named = _column(table, "group", ids) if pairs is None and table.has("group") else None
    return FaceCodes(pairs=pairs, persons=persons, groups=named)


def _column(table: Table, name: str, ids: Sequence[str]) -> list[str]:
    """The value of each face, empty without one."""
    values = dict(zip(table.ids("face"), table.ids(name), strict=True))
    known = set(ids)
    if not known & set(values):
        raise ValueError(
            f"{table.path}: none of its faces is among the {len(ids):,} that are compared, the first is "
            f"{next(iter(values))!r} and theirs is {ids[0]!r}; give ids of faces, such as photo.jpg#0"
        )
    return [values.get(id, "") for id in ids]
