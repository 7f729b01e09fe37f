"""The option --ids: a command takes some of its items, those that a file names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, ParamSpec

import click

from daguerre.inputs.items import image_sources
from daguerre.inputs.names import PathNames
from daguerre.inputs.votes import read_vote
from daguerre.results.embeddings import Embeddings
from daguerre.results.selection import places_of_ids
from daguerre.storage.dataset import is_dataset
from daguerre.storage.tables import TABLES, Table, read_lines, read_table

P = ParamSpec("P")
OPTION = "--ids"
HELP = (
    "Take only the items of this file: ids, one per line, as of `duplicates --keep-list`; or a table with a column id "
    "or path, and only its rows with kept = 1 if it has a column kept."
)
KEY = "daguerre.chosen"


@dataclass(frozen=True)
class Chosen:
    """The items that a file names.

    Attributes
    ----------
    ids : ids or paths, each once.
    """

    file: str
    ids: Sequence[str]

    @property
    def _what(self) -> str:
        return f"{OPTION} {self.file}"

    def places(self, ids: Sequence[str], files: Sequence[str] | None = None) -> list[int]:
        """The places of the items among all. Raises ValueError for a name of no item, or of several."""
        return places_of_ids(self.ids, ids, ids if files is None else files, self._what)

    def images(self, given: Any) -> dict[str, str]:
        """The images by their ids. Raises ValueError."""
        sources = image_sources(given)
        for _ in sources:
            pass
        sources.left_out.warn()
        ids, files = sources.ids(), sources.files()
        return {ids[i]: files[i] for i in self.places(ids, files)}

    def embeddings(self, given: Embeddings) -> Embeddings:
        """The vectors of the items. Raises ValueError."""
        return given[self.places(given.ids, given.files)]

    def rows(self, ids: Sequence[str], paths: Sequence[str] | None = None, *, sampled: bool = False) -> list[int]:
        """The rows of a table whose items are named; prints what is left out. Raises ValueError for none.

        `sampled` : the table has some items of a corpus, so that names without a row are expected, and only rows
        without a name are printed.
        """
        names = PathNames(ids if paths is None else paths, ids)
        found = [names.find(id) for id in self.ids]
        rows = sorted({place for places in found for place in places})
        lacking = [id for id, places in zip(self.ids, found, strict=True) if not places]
        if not rows:
            raise ValueError(
                f"{self._what}: none of the {len(self.ids):,} is in the table, the first is {lacking[0]!r}; "
                + names.hint(lacking[0])
            )
        if sampled and len(rows) < len(ids):
            click.get_current_context().obj.notify(
                f"{self._what}: {len(rows):,} of {len(ids):,} rows are used; the others are not among its items"
            )
        elif lacking and not sampled:
            click.get_current_context().obj.notify(
                f"{self._what}: {len(lacking):,} of {len(self.ids):,} have no row in the table, the first is "
                f"{lacking[0]!r}"
            )
        return rows


def only_rows(table: Table) -> Table:
    """The rows of a table whose items --ids names; all without the option. Raises ValueError for none."""
    wanted = chosen_items()
    if wanted is None:
        return table
    column = next((name for name in ("id", "item", "path", "text") if table.has(name)), None)
    if column is None:
        raise ValueError(f"{table.path} needs a column id, item or path for {OPTION}; it has {table.listed()}")
    ids = table.ids(column)
    paths = table.column("path") if table.has("path") else None
    return replace(table, rows=[table.rows[i] for i in wanted.rows(ids, paths, sampled=True)])


def chosen_items() -> Chosen | None:
    """The items of --ids of the running command; None without the option."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(KEY)


def only_chosen(read: Callable[P, Embeddings]) -> Callable[P, Embeddings]:
    """Decorate a function that reads vectors: it gives those of --ids alone, where the command has the option."""

    @wraps(read)
    def reading(*args: P.args, **given: P.kwargs) -> Embeddings:
        made, wanted = read(*args, **given), chosen_items()
        return made if wanted is None else wanted.embeddings(made)

    return reading


def keep_chosen(context: click.Context, parameter: click.Parameter, file: str | None) -> None:
    """Read the file of --ids, for `chosen_items`."""
    if file is not None:
        context.meta[KEY] = read_chosen(file)


def read_chosen(file: str) -> Chosen:
    """Read a file of --ids. Raises ValueError."""
    if not file.lower().endswith(TABLES) and not is_dataset(file):
        given = read_lines(file)
    else:
        table = read_table(file)
        column = next((name for name in ("id", "path") if table.has(name)), None)
        if column is None:
            raise ValueError(f"{file} needs a column id or path; it has {table.listed()}")
        given = table.ids(column)
        if table.has("kept"):
            given = [id for id, kept in zip(given, table.column("kept"), strict=True) if _is_kept(file, kept)]
        if lacking := given.count(""):
            raise ValueError(f"{file}: {lacking:,} of {len(given):,} rows have no {column}; leave them out")
    ids = list(dict.fromkeys(given))
    if not ids:
        raise ValueError(f"{OPTION}: {file} names no item; give a file with an id per line")
    return Chosen(file, ids)


def _is_kept(file: str, cell: str) -> bool:
    try:
        return bool(read_vote(cell))
    except ValueError as exc:
        raise ValueError(f"{file}: column kept: {exc}") from exc
