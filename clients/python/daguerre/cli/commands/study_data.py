"""`daguerre study table|embed|embeddings|search`: items of a study, their columns and vectors."""

import json
from pathlib import Path
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.commands.studies import NAME
from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.output import SHOWN, check_table, columns_of
from daguerre.inputs.files import file_kind
from daguerre.storage.csv import numbers, write_table

FILTERS = options.input_option(
    "--filter", "filters", multiple=True, help="Condition as in score>=0.5; can be repeated: all hold."
)
Names = tuple[str, ...]


@options.command("table")
@NAME
@options.input_option("--column", "columns", multiple=True, show_default="all", help="Column; can be repeated.")
@FILTERS
@options.option("--sort", metavar="COLUMN", help="Column to sort by, or id.")
@options.option("--descending", is_flag=True, help="Write the largest values first.")
@options.csv_out
@click.pass_obj
def table(settings: Settings, /, name: str, out: str, columns: Names, **given: Any) -> None:
    """Write the items of a study with their columns as a .csv."""
    check_table(out, kinds=(".csv",))
    with settings.client() as client:
        found = client.study(name)
        made = found.table(columns or list(found.card["columns"]), **given)
    made.save(out)
    settings.notify(f"{out}: {len(made):,} rows")


@options.command("embed")
@NAME
@options.option("--model", section="Model", show_default="the server's", help="Model, as `daguerre models` lists it.")
@options.option("--no-wait", is_flag=True, help="Print the id of the job, and do not wait for it.")
@options.as_json
@click.pass_obj
def embed(settings: Settings, name: str, model: str | None, no_wait: bool, as_json: bool) -> None:
    """Make vectors of the pictures of a study that have none, on the server."""
    with settings.client(model=model) as client:
        done: Any = client.study(name).embed(wait=not no_wait)
    if no_wait:
        click.echo(done.id)
        return
    if as_json:
        click.echo(json.dumps(done))
    else:
        settings.notify(
            f"{name}: {done['embedded']:,} of {done['items']:,} items embedded with {done['model']}, "
            f"{done['already']:,} were already, {done['failed']:,} failed"
        )
        for each in done["failures"][:SHOWN]:
            settings.notify(f"{each['id']}: {each['message']}")
    if done["failed"]:
        raise SystemExit(SOME_FAILED)


@options.command("embeddings")
@NAME
@options.option("--delete", "model", metavar="MODEL", help="Delete the vectors of this model.")
@options.as_json
@click.pass_obj
def embeddings(settings: Settings, name: str, model: str | None, as_json: bool) -> None:
    """List the vectors of a study by model, or delete those of one."""
    with settings.client() as client:
        found = client.study(name)
        if model is not None:
            settings.notify(f"deleted: {found.delete_embeddings(model):,} vectors of {model}")
            return
        sets = found.embeddings()
    if as_json:
        click.echo(json.dumps(sets))
        return
    rows = [("model", "items", "failed", "missing", "dimension", "job")]
    for each in sets:
        counts = [f"{each[field]:,}" for field in ("items", "failed", "missing", "dimension")]
        rows.append((each["model"], *counts, each["job"] or ""))
    for line in columns_of(rows, right={1, 2, 3, 4}):
        click.echo(line)


@options.command("search")
@NAME
@click.argument("query", required=False)
@options.input_option("--like", metavar="ID", help="Id of an item to compare with, in place of a query.")
@FILTERS
@options.option("-k", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Number of items.")
@options.option("--vectors", "model", metavar="MODEL", show_default="the only one", help="Model of the vectors.")
@options.csv_out
@click.pass_obj
def search(settings: Settings, /, name: str, query: str | None, out: str, **given: Any) -> None:
    """Find the items of a study that are similar to a text, to a picture or to an item: rank, id, cosine.

    A QUERY that is an image file is searched for as an image; every other one is a text.
    """
    check_table(out, kinds=(".csv",))
    if (query is None) == (given["like"] is None):
        raise click.UsageError("give either a QUERY or --like")
    is_image = query is not None and Path(query).is_file() and file_kind(query) is not None
    with settings.client() as client:
        found = client.study(name).search(Path(query or "") if is_image else query, **given)
    rows = zip(range(1, len(found) + 1), found.ids, numbers(found.cosines), strict=True)
    write_table(["rank", "id", "cosine"], rows, out)


COMMANDS = (table, embed, embeddings, search)
