"""The items of a run: a folder that is listed, or a table of paths. Ids are those of the SDK's `embed_corpus`."""

import os
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from daguerre.corpus.plan import CorpusFiles
from daguerre.inputs.files import BOOKKEEPING, SYSTEM, LeftOut
from daguerre.inputs.kinds import named_kind
from daguerre.inputs.names import one_line, printable
from daguerre.ray.places import has_scheme, is_local, kind_of_place, place
from daguerre.storage.parquet import arrow
from daguerre.types.common import listed

TABLES = (".parquet", ".csv", ".tsv")
STATUS = ("size", "mtime_ns")  # columns of a manifest that say whether a file has changed


@dataclass(frozen=True)
class Manifest:
    """The items of a run.

    Attributes
    ----------
    table : columns id, path (as bytes), size (in bytes) and mtime_ns, null where they are not known.
    base : the folder that ids are relative to; None where a column has the ids.
    left_out : the account of files that are no images; empty for tables.
    repeated : number of rows that were left out since their path was there before.
    """

    table: Any
    base: str | None
    left_out: str = ""
    repeated: int = 0


def read_manifest(
    source: Any,
    *,
    path_column: str = "path",
    id_column: str | None = None,
    root: str | None = None,
    base: str | None = None,
    filesystem: Any = None,
) -> Manifest:
    """The items of a folder, a table, or paths.

    Parameters
    ----------
    source : a folder, or a .parquet, .csv or .tsv file with a column of paths; either may be in a store, such as
        s3://bucket/photos/. Or a table of pyarrow or pandas, an iterable of paths, or a mapping from ids to paths.
    path_column, id_column : names of columns. id_column None: the column "id" if there is one.
    root : folder that relative paths begin at; None: that of the table, or the working directory.
    base : folder that ids are relative to; None: the common parent of all paths.
    filesystem : a file system of pyarrow for all paths; None: by their schemes.

    Raises
    ------
    FileNotFoundError : the source does not exist, or has no image.
    TypeError, ValueError : the source is no folder, table or paths; a column is missing; a row has no path; two rows
        have one id; there is no row.
    """
    pa = arrow()
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        where, path = place(name, filesystem)
        kind = kind_of_place(where, path)
        if kind == "nothing":
            raise FileNotFoundError(f"source: there is no {name!r}; give a folder of images, or a table of paths")
        if kind == "folder":
            return _folder(name, where, path, filesystem)
        if not path.lower().endswith(TABLES):
            raise ValueError(
                f"source: {name!r} is no folder, and no table of paths ({', '.join(TABLES)}); give one of these"
            )
        table = _read_table(where, path, name)
        root = root if root is not None else name.rpartition("/")[0] if has_scheme(name) else os.path.dirname(name)
    else:
        name = "source"
        table = _given_table(source, path_column)
        if isinstance(source, Mapping):
            id_column = "id"
    for option, column in (("path_column", path_column), ("id_column", id_column)):
        if column is not None and column not in table.column_names:
            raise ValueError(
                f"{option}: {name} has no column {column!r}; name one of {listed(table.column_names, 12) or 'none'}"
            )
    if not table.num_rows:
        raise ValueError(f"source: {name} has no rows; give a table with a row for each image")
    given = _texts(table[path_column], path_column, name)
    paths = [_whole(each, root or "") for each in given] if filesystem is None else given
    if id_column is None and "id" in table.column_names and path_column != "id":
        id_column = "id"
    if id_column is not None:
        ids, base = [printable(one_line(each)) for each in _texts(table[id_column], id_column, name)], None
    else:
        base = base if base is not None else _common_parent(paths)
        ids = [printable(one_line(each[len(base) :] if each.startswith(base) else each)) for each in paths]
    columns = {"id": pa.array(ids, pa.string()), "path": _bytes(paths)}
    for status in STATUS:
        there = status in table.column_names and pa.types.is_integer(table[status].type)
        columns[status] = table[status].cast(pa.int64()) if there else pa.nulls(table.num_rows, pa.int64())
    made = pa.table(columns)
    whole = _once(made, name, same_path=id_column is None)
    return Manifest(whole, base, repeated=made.num_rows - whole.num_rows)


def _folder(name: str, where: Any, path: str, filesystem: Any) -> Manifest:
    """The images of a folder, with its subfolders."""
    pa = arrow()
    if is_local(where) and filesystem is None:
        files = CorpusFiles(path)
        rows = [(file.id, os.path.abspath(file.path)) for file in files]
        nothing = pa.nulls(len(rows), pa.int64())
        table = pa.table({"id": [id for id, _ in rows], "path": _bytes([each for _, each in rows])})
        table = table.append_column("size", nothing).append_column("mtime_ns", nothing)
        return Manifest(table, path.rstrip("/") + "/", str(files.left_out))
    from pyarrow.fs import FileSelector, FileType

    left_out = LeftOut()
    start = path.rstrip("/") + "/"
    before = name[: len(name.rstrip("/")) - len(path.rstrip("/"))] if filesystem is None else ""
    found = []
    for info in sorted(where.get_file_info(FileSelector(path, recursive=True)), key=lambda info: info.path):
        below = info.path.removeprefix(start)
        if info.type != FileType.File:
            continue
        parts = below.split("/")
        if any(part.startswith(".") or part.lower() in SYSTEM for part in parts) or parts[-1].lower() in BOOKKEEPING:
            left_out.add("hidden files and those of a system", before + info.path)
        elif named_kind(info.path) != "image":
            left_out.add("files whose names end like no image", before + info.path)
        else:
            found.append((printable(one_line(below)), before + info.path, info.size, info.mtime_ns))
    if not found:
        raise FileNotFoundError(f"source: no image is in {name!r}{f', only {left_out}' if left_out else ''}")
    ids, paths, sizes, times = zip(*found, strict=True)
    status = {"size": pa.array(sizes, pa.int64()), "mtime_ns": pa.array(times, pa.int64())}
    return Manifest(pa.table({"id": list(ids), "path": _bytes(paths), **status}), before + start, str(left_out))


def _bytes(paths: Iterable[str]) -> Any:
    """Paths as bytes, since the names of files need not be UTF-8."""
    pa = arrow()
    return pa.array([os.fsencode(path) for path in paths], pa.binary())


def _read_table(where: Any, path: str, name: str) -> Any:
    pa = arrow()
    try:
        if path.lower().endswith(".parquet"):
            return pa.parquet.read_table(path, filesystem=where)
        import pyarrow.csv

        with where.open_input_stream(path) as file:
            data = file.read()
        head = data[:65536].partition(b"\n")[0]
        delimiter = max("\t,;", key=lambda each: head.count(each.encode()))
        names = pyarrow.csv.read_csv(
            pa.BufferReader(data[: len(head) + 1]), parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter)
        ).column_names
        kinds = {each: pa.int64() if each in STATUS else pa.string() for each in names}
        return pyarrow.csv.read_csv(
            pa.BufferReader(data),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
            convert_options=pyarrow.csv.ConvertOptions(column_types=kinds, strings_can_be_null=False),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError) as exc:
        raise ValueError(
            f"source: {name} cannot be read as a table: {exc}; save it as Parquet or CSV in UTF-8"
        ) from exc


def _given_table(source: Any, path_column: str) -> Any:
    pa = arrow()
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, Mapping):
        return pa.table({"id": [str(key) for key in source], path_column: [_path(each) for each in source.values()]})
    if hasattr(source, "columns") and hasattr(source, "to_dict"):  # pandas
        return pa.Table.from_pandas(source, preserve_index=False)
    if isinstance(source, Iterable) and not isinstance(source, bytes | bytearray):
        return pa.table({path_column: pa.array([_path(each) for each in source], pa.string())})
    raise TypeError(f"source: got {type(source).__name__}; give a folder, a table of paths, or paths")


def _path(given: Any) -> str:
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"source: got a {type(given).__name__} for a path; give paths, or a folder")
    return os.fspath(given)


def _texts(column: Any, name: str, source: str) -> list[str]:
    """The cells of a column as texts. Raises ValueError where one is empty."""
    values = column.to_pylist()
    lacking = [i for i, value in enumerate(values) if value is None or value == ""]
    if lacking:
        raise ValueError(
            f"source: {source}: {len(lacking):,} of {len(values):,} rows have no {name}, the first is row "
            f"{lacking[0] + 1}; fill them in, or leave these rows out"
        )
    return [str(value) for value in values]


def _whole(path: str, root: str) -> str:
    """A path that every node can use: relative ones below `root`."""
    if has_scheme(path):
        return path
    if has_scheme(root):
        return path if path.startswith("/") else posixpath.join(root, path)
    return os.path.abspath(os.path.join(root, path))


def _common_parent(paths: list[str]) -> str:
    """The folder that all paths are below, with a slash at its end: ids are relative to it."""
    common = posixpath.commonprefix([min(paths), max(paths)])
    return common[: common.rfind("/") + 1]


def _once(table: Any, name: str, *, same_path: bool) -> Any:
    """The rows without those whose path was there before. Raises ValueError for an id of two paths."""
    pa = arrow()
    ids = table["id"].combine_chunks()
    first = pa.compute.index_in(ids, value_set=ids).to_numpy(zero_copy_only=False)
    again = np.flatnonzero(first != np.arange(table.num_rows))
    if not len(again):
        return table
    paths = table["path"]
    differ = [i for i in again.tolist() if paths[i] != paths[int(first[i])]]
    if differ and not same_path:
        i = differ[0]
        raise ValueError(
            f"source: {name}: the id {ids[i].as_py()!r} is that of {os.fsdecode(paths[int(first[i])].as_py())!r} and "
            f"of {os.fsdecode(paths[i].as_py())!r}; give each image an id of its own"
        )
    keep = np.ones(table.num_rows, bool)
    keep[again] = False
    return table.filter(pa.array(keep))
