"""Embedding Atlas: a Parquet file with a map of the items, their nearest neighbours and small pictures."""

import math
import os
import re
import shlex
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from daguerre.errors import RemarkWarning
from daguerre.results.embeddings import Embeddings, read_embeddings
from daguerre.results.notebook import thumbnail
from daguerre.storage.parquet import arrow
from daguerre.storage.tables import Table, table_of
from daguerre.storage.whole import whole_file
from daguerre.types.common import Float, listed

X, Y, NEIGHBOURS, IMAGE = "x", "y", "neighbors", "image"  # columns
CLUSTER = "cluster"  # a column of names, which are no quantities
BLOCK = 2**22  # cosines that are computed at once
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")  # neither 007 nor +49, which are codes
JPEG = b"\xff\xd8\xff"


def write_atlas(
    given: Any,
    path: "str | os.PathLike[str]",
    *,
    vectors: "Embeddings | str | os.PathLike[str] | None" = None,
    k: int = 10,
    pictures: "Mapping[str, bytes] | str | os.PathLike[str] | None" = None,
) -> str:
    """Write a table with a map as a Parquet file for Embedding Atlas.

    The file has the columns of the table, of numbers where all cells are numbers that keep their digits; `neighbors`,
    a struct of `ids` (rows, from 0) and `distances` (1 - cosine); and `image`, a struct of `bytes` (a JPEG) and `path`
    (the id).

    Parameters
    ----------
    given : a clustering with a map, or a table with the columns id, x and y: a path, a DataFrame,
        columns by name. Rows without coordinates are left out, with a remark.
    path : file to write, a .parquet.
    vectors : of the items, by id: for neighbours, by exact cosine. An item without a vector has none, with a remark.
    k : number of neighbours.
    pictures : JPEGs by id, which are shown as they are; or a folder, whose pictures are blurred as a whole.

    Returns
    -------
    The command that opens the file.

    Raises
    ------
    ValueError : columns or vectors are missing, or a column has the name of one that is added.

    Examples
    --------
    >>> found = client.cluster(embeddings=X)
    >>> daguerre.write_atlas(found, "atlas.parquet", vectors=X, pictures="photos/")
    'embedding-atlas atlas.parquet --x x --y y --neighbors neighbors --image image'
    """
    if Path(path).suffix.lower() != ".parquet":
        raise ValueError(f"{path}: ends in {Path(path).suffix or 'no suffix'}; name a .parquet")
    if k < 1:
        raise ValueError(f"k: got {k}, must be at least 1")
    pa, table = arrow(), table_of(given)
    ids, rows = _placed(table)
    added = {NEIGHBOURS: vectors is not None, IMAGE: pictures is not None}
    if taken := [name for name, wanted in added.items() if wanted and table.has(name)]:
        raise ValueError(f"{table.path}: has a column {taken[0]!r}, which is added here; rename it")
    columns: dict[str, Any] = {}
    for name in table.names:
        if name and name not in table.unread:
            cells = [table.codes(name)[i] for i in rows]
            if name in (table.find(X), table.find(Y)):
                columns[name] = pa.array([float(cell or "nan") for cell in cells], pa.float32())
            elif name == table.find("id"):
                columns[name] = pa.array(ids)
            else:
                columns[name] = pa.array(cells if name == CLUSTER else _values(cells))
    if vectors is not None:
        if not isinstance(vectors, Embeddings | str | os.PathLike):
            kind = type(vectors).__name__
            raise TypeError(f"vectors: got {kind}; give the result of embed, which has ids, or its file")
        made = vectors if isinstance(vectors, Embeddings) else read_embeddings(vectors)
        columns[NEIGHBOURS] = pa.array(
            _neighbours(_vectors(made, ids), k),
            pa.struct({"ids": pa.list_(pa.int64()), "distances": pa.list_(pa.float32())}),
        )
    if pictures is not None:
        images = [{"bytes": jpeg, "path": id} if jpeg else None for id, jpeg in _pictures(pictures, ids)]
        columns[IMAGE] = pa.array(images, pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    with whole_file(os.fspath(path)) as file:
        pa.parquet.write_table(pa.table(columns), file)
    options = "".join(f" --{name} {name}" for name, wanted in added.items() if wanted)
    return f"embedding-atlas {shlex.quote(os.fspath(path))} --x {table.find(X)} --y {table.find(Y)}{options}"


def _placed(table: Table) -> tuple[list[str], list[int]]:
    """Ids and numbers of the rows with coordinates."""
    missing = [name for name in ("id", X, Y) if not table.has(name)]
    if missing:
        way = ". Coordinates are in a table of `daguerre cluster` (unless --projection is none), or in one of your own"
        raise ValueError(
            f"{table.path}: has no column {listed(map(repr, missing), 3)}; it has {table.listed()}"
            + (way if missing != ["id"] else ". Rename the one that identifies the rows to id")
        )
    ids, x, y = table.ids("id"), table.codes(X), table.codes(Y)
    rows = []
    for i, pair in enumerate(zip(x, y, strict=True)):
        try:
            if all(each is not None and abs(float(each)) <= np.finfo(np.float32).max for each in pair):
                rows.append(i)
        except ValueError as exc:
            raise ValueError(f"{table.path}: row {i + 1:,}: {exc}; coordinates are numbers") from exc
    if not rows:
        raise ValueError(f"{table.path}: has no coordinates in {X} and {Y}; give a table of items that have some")
    if left := len(ids) - len(rows):
        warnings.warn(
            RemarkWarning(f"{left:,} rows without coordinates, or with too large ones, are left out"), stacklevel=3
        )
    return [ids[i] for i in rows], rows


def _values(cells: Sequence[str | None]) -> list[Any]:
    """Cells as whole numbers, or as numbers, where all are and keep their digits; else as they are."""
    given = [cell for cell in cells if cell is not None and cell.lower() != "nan"]
    if not given or not all(map(NUMBER.fullmatch, given)):
        return list(cells)
    whole = all(cell.lstrip("-").isdigit() for cell in given)
    if any(cell.lstrip("-").isdigit() and abs(int(cell)) > 2**53 for cell in given):
        return list(cells)
    numbers = [None if cell is None or cell.lower() == "nan" else float(cell) for cell in cells]
    if not all(map(math.isfinite, (each for each in numbers if each is not None))):
        return list(cells)
    return [None if each is None else int(each) for each in numbers] if whole else numbers


def _vectors(made: Embeddings, ids: Sequence[str]) -> Float:
    """The vectors of the items, NaN for those that have none."""
    place = {id: i for i, id in enumerate(made.ids)}
    lacking = [id for id in ids if id not in place]
    _tell(
        lacking, len(ids), "vectors: have none of the items of the table", "give their own", "vector and no neighbours"
    )
    found = np.full((len(ids), made.vectors.shape[1]), np.nan, np.float32)
    for i, id in enumerate(ids):
        if id in place:
            found[i] = made.vectors[place[id]]
    return found


def _neighbours(vectors: Float, k: int) -> list[dict[str, Any]]:
    """The k nearest rows of each row, by cosine; none for a row without a vector."""
    good = np.flatnonzero(np.isfinite(vectors).all(1))
    unit = vectors[good] / np.maximum(np.linalg.norm(vectors[good], axis=1, keepdims=True), 1e-12)
    found: list[dict[str, Any]] = [{"ids": [], "distances": []} for _ in vectors]
    k, step = min(k, len(good) - 1), max(1, BLOCK // max(len(good), 1))
    for begin in range(0, len(good) if k > 0 else 0, step):
        cosines = unit[begin : begin + step] @ unit.T
        cosines[np.arange(len(cosines)), np.arange(begin, begin + len(cosines))] = -np.inf
        nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        for row, places in enumerate(nearest):
            order = places[np.lexsort((places, -cosines[row, places]))]
            distances = np.maximum(1 - cosines[row, order], 0)
            found[good[begin + row]] = {"ids": good[order].tolist(), "distances": distances.tolist()}
    return found


def _pictures(given: Any, ids: Sequence[str]) -> list[tuple[str, bytes | None]]:
    if isinstance(given, Mapping):
        found = [(id, given.get(id)) for id in ids]
        wrong = next((id for id, jpeg in found if jpeg is not None and not _is_jpeg(jpeg)), None)
        if wrong is not None:
            raise ValueError(f"pictures: that of {wrong!r} is no JPEG, as bytes; give the content of a .jpg")
    else:
        folder = os.fspath(given)
        if not os.path.isdir(folder):
            raise ValueError(f"pictures: {folder} is no folder; give the one to which the ids are relative")
        found = [(id, _blurred(folder, id)) for id in ids]
    lacking = [id for id, jpeg in found if jpeg is None]
    _tell(lacking, len(ids), "pictures: there is none of any item", "ids are paths below the folder", "picture")
    return found


def _tell(lacking: Sequence[str], n: int, all_of_them: str, way: str, what: str) -> None:
    """Warn of items that lack something. Raises ValueError where all `n` do."""
    if len(lacking) == n:
        raise ValueError(f"{all_of_them}, the first is {lacking[0]!r}; {way}")
    if lacking:
        told = f"{len(lacking):,} items have no {what}, the first is {lacking[0]!r}"
        warnings.warn(RemarkWarning(told), stacklevel=4)


def _is_jpeg(given: Any) -> bool:
    return isinstance(given, bytes) and given.startswith(JPEG)


def _blurred(folder: str, id: str) -> bytes | None:
    """A picture below the folder, blurred as a whole; None for one that is not there, or lies elsewhere."""
    if "\0" in id:
        return None
    file, top = os.path.realpath(os.path.join(folder, id)), os.path.realpath(folder)
    inside = os.path.commonpath([top, file]) == top
    return thumbnail(file, whole=True) if inside and os.path.isfile(file) else None
