"""Options of commands that take images or texts."""

import csv
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import click

LONGEST_CELL = 2**31 - 1  # csv's own limit is 131,072 characters, and the server has one too


def takes_items(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that sends items: has their options, and is called with `images`, `texts` and `ids`."""
    for option in reversed(
        (
            click.argument("source", nargs=-1),
            click.option(
                "--texts", type=click.Path(exists=True, dir_okay=False), help="A file of texts, one a line, or .csv."
            ),
            click.option("--column", help="The column of --texts FILE.csv that has the texts."),
            click.option("--model", help="A name that `daguerre models` shows; the server's default otherwise."),
            click.option("--decode", type=click.Choice(["exact", "scaled"]), help="The server's setting otherwise."),
            click.option("--json", "as_json", is_flag=True, help="A summary on stdout, as JSON."),
        )
    ):
        command = option(command)

    @wraps(command)
    def checked(*args: Any, source: tuple[str, ...], texts: str | None, column: str | None, **options: Any) -> Any:
        if bool(source) == bool(texts):
            raise click.UsageError("give images (folders, files, globs), or --texts FILE")
        ids, given = _texts(texts, column) if texts else (None, None)
        return command(*args, images=_images(source) if source else None, texts=given, ids=ids, **options)

    return checked


def _images(source: Sequence[str]) -> Any:
    return source[0] if len(source) == 1 else list(source)


def _texts(path: str, column: str | None) -> tuple[list[str] | None, list[str]]:
    """Texts of a file, and their ids where it is a table with a column "id"."""
    try:
        if path.lower().endswith((".csv", ".tsv")):
            return _table(path, column)
        if column:
            raise click.UsageError("--column: only a .csv or .tsv has columns")
        with open(path, encoding="utf-8-sig") as file:
            return None, [line for line in file.read().split("\n") if line.strip()]
    except UnicodeDecodeError as exc:
        raise click.UsageError(f"--texts: {path} is not UTF-8 ({exc.reason} at byte {exc.start}); save it so") from exc
    except csv.Error as exc:
        raise click.UsageError(f"--texts: {path} is no table: {exc}") from exc


def _table(path: str, column: str | None) -> tuple[list[str] | None, list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t" if path.lower().endswith(".tsv") else ",", strict=True)
        names = list(rows.fieldnames or ())
        wanted = column or ("text" if "text" in names else None)
        if wanted is None or wanted not in names:
            raise click.UsageError(f"--column: {wanted or 'none given'}; {path} has {', '.join(names)}")
        found = list(rows)
    return [row["id"] for row in found] if "id" in names and wanted != "id" else None, [row[wanted] for row in found]
