"""Tables of coded items: long (a row for each code), wide (a column for each coder), or one table for each coder.

Every column of a wide table that daguerre does not write itself is a coder; see `code_columns`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daguerre.corpus.code_columns import ADJUDICATOR, DESIGN, MERGED, TARGETS, is_known, with_coordinates
from daguerre.inputs.alignment import is_series, series_labels
from daguerre.inputs.names import existing_path
from daguerre.storage.tables import Table, read_table, table_of
from daguerre.types.common import listed

Coded = Any  # a path, a DataFrame, a mapping or list of them


@dataclass(frozen=True)
class CodedTable:
    """Codes of items, and the columns of the sample that the items were drawn with.

    Attributes
    ----------
    name : of the table, for messages.
    ids : (n,) items, each once; paths, texts : (n,) None without such a column.
    coder, item, code : (rows,) a long table of codes, None for none; coder is empty where the table names no coder.
    coders : names of coders, of whom each has a code; empty where the table names no coder.
    columns : of DESIGN that the table has, (n,) each.
    purposive : whether the sample has no inclusion probabilities, because its items were selected.
    explicit_ids : whether the table has a column of ids, rather than of paths or texts alone.
    long : whether it has a column of coders, and a row for each code.
    adjudicator : the coder whose code decides where others differ.
    remarks : sentences for the user.
    """

    name: str
    ids: list[str]
    paths: list[str] | None
    texts: list[str | None] | None
    coder: list[str]
    item: list[str]
    code: list[str | None]
    coders: list[str]
    columns: Mapping[str, list[Any]]
    purposive: bool = False
    explicit_ids: bool = True
    long: bool = False
    adjudicator: str | None = None
    remarks: list[str] = field(default_factory=list)

    def without_adjudicator(self) -> "CodedTable":
        """The codes of the other coders."""
        if self.adjudicator is None:
            return self
        rows = [i for i, name in enumerate(self.coder) if name != self.adjudicator]
        return replace(
            self,
            coder=[self.coder[i] for i in rows],
            item=[self.item[i] for i in rows],
            code=[self.code[i] for i in rows],
            coders=[name for name in self.coders if name != self.adjudicator],
            adjudicator=None,
        )

    def targets(self) -> list[str | None]:
        """The code of each item, (n,), of a table of one coder, or of none."""
        codes = {item: code for item, code in zip(self.item, self.code, strict=True) if code is not None}
        return [codes.get(id) for id in self.ids]


def read_coded(
    given: Coded,
    *,
    target: str | None = None,
    coders: Sequence[str] = (),
    adjudicator: str | None = None,
    image: str = "path",
    text: str = "text",
    by: str | None = None,
) -> CodedTable:
    """Read a table of coded items: a path (.csv, .tsv, .xlsx, .parquet) or a DataFrame.

    Parameters
    ----------
    target : column of the codes; None: `target` or `code`. A table without one has a column for each coder.
    coders : the columns of the coders; none: all that daguerre does not write itself.
    adjudicator : the coder who decides, a column or a name in the column `coder`; "NAME=FILE" or FILE for another
        table.
    image, text : names of the columns with paths and texts.
    by : column of a group, which is no coder's; it is "by" in `columns`.

    Raises
    ------
    ValueError : the table has no codes, or no items; a column is no coder's.
    """
    table = table_of(given)
    own = {name.casefold() for name in (image, text, *([by] if by else []))}
    if by is not None and not table.has(by):
        raise ValueError(f"{table.path} has no column {by!r} of groups (by); it has {table.listed()}")
    goal = _target(table, target, coders)
    decides, other = _adjudicator(adjudicator)
    ids, paths, texts, explicit = _items(table, image, text)
    adjudged = table.find(decides or ADJUDICATOR)
    remarks: list[str] = []
    if goal is not None:
        names = table.ids("coder") if table.has("coder") else []
        coder, item, code = names, list(ids), list(table.codes(goal))
        found = [name for name in dict.fromkeys(names) if name]
        if names and "" in names:
            raise ValueError(
                f"{table.path}: {names.count(''):,} of {len(names):,} rows have no coder; name the coder of each code"
            )
        if not names:
            _refuse_repeated(table.path, ids if explicit or texts is None else (), code)
            adjudged = None
    else:
        found = _coder_columns(table, coders, own, None if other else decides)
        cells = {name: table.codes(name) for name in found}
        found, remarks = _with_codes(table, cells, coders)
        if adjudged is not None and adjudged not in found and any(table.codes(adjudged)):
            found.append(adjudged)
            cells[adjudged] = table.codes(adjudged)
        coder = [name for name in found for _ in ids]
        item = ids * len(found)
        code = [cell for name in found for cell in cells[name]]
    if other is not None:
        extra = _decisions(decides, other)
        coder, item, code = coder + extra.coder, item + extra.item, code + extra.code
        found, decides = [*found, extra.coders[0]], extra.coders[0]
        _refuse_unknown(extra, ids)
    if decides is None and adjudged in found:
        decides = adjudged
    kept = list({id: i for i, id in reversed(list(enumerate(ids)))}.values())[::-1]
    repeated_posts = goal is not None and not coder and not explicit and texts is not None
    if repeated_posts:  # rows are items, whatever their paths
        kept = list(range(len(ids)))
    columns = _design(table, ids, kept)
    if by is not None:
        columns["by"] = [table.codes(by)[i] for i in kept]
    return CodedTable(
        name=table.path,
        ids=[ids[i] for i in kept],
        paths=None if paths is None else [paths[i] for i in kept],
        texts=None if texts is None else [texts[i] for i in kept],
        coder=coder,
        item=item,
        code=code,
        coders=found,
        columns=columns,
        purposive="inclusion_prob" not in columns and table.has("inclusion_prob"),
        explicit_ids=explicit,
        long=goal is not None and bool(coder),
        adjudicator=decides,
        remarks=remarks,
    )


def read_coders(given: Coded, *, coders: Sequence[str] = (), by: str | None = None) -> CodedTable:
    """Read codes of several coders: one table, or several, of which each is one coder's, named by its file.

    Parameters
    ----------
    given : as for `read_coded`; or a list of paths, "anna.csv" or "anna=codes.csv"; or a mapping of coders to tables,
        to Series by item, or to mappings of items to codes.
    by : as for `read_coded`, of one table.
    """
    if isinstance(given, list | tuple) and len(given) == 1 and "=" not in str(given[0]):
        given = given[0]
    several = _several(given)
    if several is None:
        return read_coded(given, coders=coders, by=by)
    if by is not None:
        raise ValueError(
            f"by: got {by!r}, and the codes are several tables; give a mapping or a Series of items to groups"
        )
    tables = [
        _of_coder(name, read_coded(each) if not isinstance(each, CodedTable) else each)
        for name, each in several.items()
    ]
    names = [name for table in tables for name in table.coders]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ValueError(
            f"{listed(several)}: the coder {twice[0]!r} is in two tables; name the coders, as in anna=a.csv"
        )
    items = dict.fromkeys(item for table in tables for item in table.ids)
    return CodedTable(
        name=listed(several),
        ids=list(items),
        paths=None,
        texts=None,
        coder=[name for table in tables for name in table.coder],
        item=[item for table in tables for item in table.item],
        code=[code for table in tables for code in table.code],
        coders=names,
        columns={},
        remarks=[remark for table in tables for remark in table.remarks],
    )


def named_files(given: Sequence[str], what: str) -> dict[str, str]:
    """Paths by name of arguments such as "name=clusters.csv", or "clusters.csv". Raises ValueError for a name twice."""
    files: dict[str, str] = {}
    for argument in given:
        name, equals, path = argument.partition("=")
        if not equals or (Path(argument).exists() and not Path(path).exists()):
            name, path = Path(argument).stem, argument
        if name in files:
            example = f"name={Path(path).name}"
            raise ValueError(f"{argument}: another {what} is named {name!r}; give names, as in {example}")
        files[name] = path
    return files


def _several(given: Coded) -> dict[str, Any] | None:
    """Tables by coder; None for one table."""
    if isinstance(given, Mapping):
        values = list(given.values())
        if values and all(isinstance(each, list | tuple) for each in values):  # the columns of one table
            return None
        return {str(name): _codes_of(each) for name, each in given.items()}
    if isinstance(given, list | tuple) and all(isinstance(each, str | os.PathLike) for each in given):
        paths = [os.fspath(each) for each in given]
        return dict(named_files(paths, "coder"))
    return None


def _codes_of(given: Any) -> Any:
    """The codes of one coder as a table: a Series or a mapping has them by item."""
    if isinstance(given, Mapping) or (is_series(given) and not hasattr(given, "columns")):
        keys = list(given) if isinstance(given, Mapping) else series_labels(given)
        codes = list(given.values()) if isinstance(given, Mapping) else list(given)
        return {"id": keys, "code": codes}
    return given


def _of_coder(name: str, table: CodedTable) -> CodedTable:
    """The table with its one coder named; one that names several coders keeps them."""
    if len(table.coders) > 1 or (table.coders and name in table.coders):
        return table
    rows = len(table.code)
    return replace(table, coder=[name] * rows, coders=[name])


def _target(table: Table, target: str | None, coders: Sequence[str]) -> str | None:
    """The column of the codes; None for a table with a column for each coder."""
    if coders:
        return None
    names = TARGETS if target is None else (target,)
    found = next((name for name in names if table.has(name)), None)
    if found is None and (target is not None or table.has("coder")):
        raise ValueError(f"{table.path} needs {' or '.join(map(repr, names))} for the codes; it has {table.listed()}")
    return found


def _items(table: Table, image: str, text: str) -> tuple[list[str], list[str] | None, list[str | None] | None, bool]:
    """Ids of the rows, paths, texts, and whether the table has ids."""
    key = table.key_of_findings() or next((name for name in ("id", "item") if table.has(name)), None)
    paths = table.column(image) if table.has(image) else None
    cells = table.column(text) if table.has(text) else None
    if paths is not None and "" in paths:
        raise ValueError(f"{table.path} has {paths.count('')} rows without {image}; leave them out")
    ids = table.ids(key) if key is not None else paths or cells
    if ids is None:
        raise ValueError(f"{table.path} needs a column id, {image!r} or {text!r}; it has {table.listed()}")
    if key is not None and "" in ids:
        raise ValueError(f"{table.path} has {ids.count('')} rows without {key}; give each one, or leave the column out")
    return list(ids), paths, None if cells is None else [cell or None for cell in cells], key is not None


def _coder_columns(table: Table, coders: Sequence[str], own: set[str], adjudicator: str | None) -> list[str]:
    """The columns of coders. Raises ValueError where there are none."""
    if coders:
        wanted = [*coders, *([adjudicator] if adjudicator and adjudicator not in coders else [])]
        if absent := [name for name in wanted if not table.has(name)]:
            raise ValueError(f"{table.path} has no column {absent[0]!r} of a coder; it has {table.listed()}")
        return [str(table.find(name)) for name in wanted]
    found = [name for name in table.names if not is_known(name, own) and not name.startswith("Unnamed:")]
    if not (table.has("width") or table.has("cluster")):
        found = with_coordinates(table, found, own)
    if not found:
        raise ValueError(
            f"{table.path} needs a column 'target' of codes, or a column for each coder; it has {table.listed()}"
        )
    return found


def _with_codes(
    table: Table, cells: Mapping[str, Sequence[str | None]], coders: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The coders who have codes, and remarks on the others.

    Raises ValueError for a column that has no code in common with any other, unless it was named as a coder's.
    """
    found = [name for name, column in cells.items() if any(column)]
    absent = [name for name in cells if name not in found]
    if not found:
        raise ValueError(f"{table.path}: the columns of {listed(absent)} are empty; let coders fill them in")
    remarks = []
    if absent:
        verb = "has no codes yet and is" if len(absent) == 1 else "have no codes yet and are"
        remarks.append(f"{table.path}: {listed(absent)} {verb} left out; the coders are {listed(found)}")
    sets = {name: {code.casefold() for code in cells[name] if code} for name in found}
    for name in found if len(found) > 1 and not coders else ():
        if not any(sets[name] & sets[other] for other in found if other != name):
            raise ValueError(
                f"{table.path}: the column {name!r} has no code in common with the columns of other coders; name the "
                "columns of the coders (coders=), or write the codes alike"
            )
    return found, remarks


def _adjudicator(given: str | None) -> tuple[str | None, str | None]:
    """The name of the adjudicator, and the path of a table of the adjudicator's codes."""
    if given is None:
        return None, None
    name, equals, path = given.partition("=")
    if equals and Path(path).exists():
        return name, path
    return (None, given) if Path(given).is_file() else (given, None)


def _decisions(name: str | None, path: str) -> CodedTable:
    """The codes of an adjudicator in a table of their own, such as `daguerre agreement --differ` writes."""
    table = read_table(path)
    column = next((each for each in (name, ADJUDICATOR, *TARGETS) if each is not None and table.has(each)), None)
    if column is None:
        raise ValueError(
            f"{path} needs a column {name or ADJUDICATOR!r} of the adjudicator's codes; it has {table.listed()}"
        )
    codes = table.codes(column)
    if not any(codes):
        raise ValueError(f"{path}: the column {column!r} is empty; let the adjudicator fill it in")
    ids, _, _, _ = _items(table, "path", "text")
    who = name or ADJUDICATOR
    return CodedTable(path, ids, None, None, [who] * len(ids), ids, codes, [who], {})


def _refuse_unknown(extra: CodedTable, ids: Sequence[str]) -> None:
    """Raise ValueError where the adjudicator coded items that are not among the others."""
    known = set(ids)
    if unknown := [id for id in extra.ids if id not in known]:
        raise ValueError(
            f"{extra.name}: {len(unknown):,} of {len(extra.ids):,} items are not in the table of codes, the first is "
            f"{unknown[0]!r}; use the same ids, and leave out other items"
        )


def _design(table: Table, ids: Sequence[str], kept: Sequence[int]) -> dict[str, list[Any]]:
    """The columns of DESIGN, a value for each item. Raises ValueError where rows of an item differ."""
    columns: dict[str, list[Any]] = {}
    for name in DESIGN:
        column = table.find(name) or (table.find("sample_weight") if name == "weight" else None)
        if column is None and (twice := [end for end in MERGED if table.has(name + end)]):
            raise ValueError(
                f"{table.path} has the column {name + twice[0]!r}, as of two tables that were merged; rename the one "
                f"that counts to {name!r}, and leave out the other"
            )
        if column is None or not any(table.column(column)):
            continue
        values: list[Any] = table.floats(column) if name in ("weight", "inclusion_prob") else table.ids(column)
        first = {ids[i]: i for i in reversed(range(len(ids)))}
        odd = next((i for i, id in enumerate(ids) if values[i] != values[first[id]]), None)
        if odd is not None and len(kept) < len(ids):
            raise ValueError(
                f"{table.path}: column {column}: {ids[odd]!r} has {values[first[ids[odd]]]} and {values[odd]}; give an "
                "item one value"
            )
        columns[name] = [values[i] for i in kept]
    return columns


def _refuse_repeated(path: str, items: Sequence[str], codes: Sequence[Any]) -> None:
    first: dict[str, int] = {}
    for i, item in enumerate(items):
        k = first.setdefault(item, i)
        if k != i:
            raise ValueError(
                f"{path}: {item!r} is in rows {k + 1} and {i + 1}, coded {codes[k]!r} and {codes[i]!r}; keep one "
                "row, or name the coders in a column 'coder'"
            )


def found_path(cell: str, *folders: str) -> str:
    """The file that a cell names, below the first of the folders that has it; below the first folder if none has."""
    paths = [existing_path(os.path.join(folder, cell)) for folder in folders]
    return next((path for path in paths if os.path.exists(path)), paths[0])
