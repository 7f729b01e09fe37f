"""`daguerre collection`: create, add, search, items, duplicates, delete, list."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from daguerre import Client
from daguerre.cli import options
from daguerre.cli.chosen import chosen_items
from daguerre.cli.collection_items import WHERE_HELP, parsed_where
from daguerre.cli.group import Settings
from daguerre.cli.output import (
    check_out,
    check_table,
    columns_of,
    finish,
    given_items,
    local_time,
    write_embeddings,
    write_frame,
    write_rows,
)
from daguerre.handles.collection import Collection
from daguerre.inputs.metadata import TYPES
from daguerre.results.collections import CollectionNeighbours
from daguerre.storage.tables import read_table
from daguerre.types.collections import CollectionCard
from daguerre.types.common import Decode, listed

WORDS = {**{kind.__name__: name for kind, name in TYPES.items()}, **{name: name for name in TYPES.values()}}
where_option = options.option("--where", multiple=True, metavar="CONDITION", help=WHERE_HELP)
items_alone = partial(options.takes_items, models=lambda function: function)


def _field_types(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """The types of fields, from NAME=TYPE."""
    types: dict[str, str] = {}
    for each in given:
        name, _, kind = each.partition("=")
        if not name or kind not in WORDS:
            raise click.BadParameter(f"{each!r} is no field; write NAME=TYPE, where TYPE is one of {', '.join(WORDS)}")
        if name in types:
            raise click.BadParameter(f"{name!r} is given twice; give each field one type")
        types[name] = WORDS[kind]
    return types


@click.group("collection")
def collection() -> None:
    """Keep items with vectors and metadata on the server: create a collection, add, search, list, delete.

    Other commands take the items of a collection by --collection NAME, and those that satisfy --where.
    """


@options.command("create")
@click.argument("name")
@options.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME=TYPE",
    callback=_field_types,
    help="Metadata field with its type: str, int, float, bool or datetime; can be repeated.",
)
@options.option(
    "--thumbnails",
    type=click.Choice(["none", "small", "blurred"]),
    show_default="none",
    help="Small JPEGs of images to keep; blurred, nobody can be recognised.",
)
@options.model
@options.as_json
@click.pass_obj
def create(
    settings: Settings,
    name: str,
    fields: dict[str, str],
    thumbnails: Literal["none", "small", "blurred"] | None,
    model: str | None,
    decode: Decode | None,
    as_json: bool,
) -> None:
    """Create the collection NAME, whose model, fields and thumbnails do not change afterwards."""
    with settings.client(model=model) as client:
        made = client.create_collection(  # type: ignore[no-untyped-call]  # mypy finds no overload
            name, fields=fields, thumbnails=thumbnails, decode=decode
        )
    if as_json:
        click.echo(json.dumps(asdict(made.card)))
    else:
        settings.notify(f"{made.name}: {made.card.rows:,} items, {made.model} {made.fingerprint}")


@options.command("list")
@options.as_json
@click.pass_obj
def list_collections(settings: Settings, as_json: bool) -> None:
    """List your collections."""
    with settings.client() as client:
        cards = client.collections()
    if as_json:
        click.echo(json.dumps([asdict(card) for card in cards]))
        return
    for line in card_lines(cards):
        click.echo(line)


def card_lines(cards: Sequence[CollectionCard]) -> list[str]:
    """A line for each collection under a line of headings."""
    rows = [("name", "items", "model", "MB", "created", "fields")]
    for card in cards:
        fields = listed([f"{name}={kind}" for name, kind in card.fields.items()], 6)
        size = f"{card.bytes / 2**20:,.0f}"
        rows.append((card.name, f"{card.rows:,}", card.model, size, local_time(card.created), fields))
    return columns_of(rows, right={1, 3})


@options.command("add")
@click.argument("name")
@items_alone
@options.input_option(
    "--metadata",
    type=options.FILE,
    help="Table with a column id or path, and columns named as the fields of the collection.",
)
@options.option("--resume", is_flag=True, help="Leave out items whose id is in the collection already.")
@options.json_summary
@click.pass_obj
def add(
    settings: Settings,
    name: str,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    metadata: str | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Add images (folders, files, globs), texts, or the vectors of `daguerre embed`, to the collection NAME.

    An item whose id is there already is replaced, so that an interrupted run can be started again; with --resume it is
    not sent.
    """
    with settings.client() as client:
        found = client.collection(name)
        given = given_items(client, images, texts, ids, model=None, decode=None)
        rows = None if metadata is None else _metadata(metadata, found)
        if "embeddings" in given:
            added = found.add(vectors=given["embeddings"], metadata=rows, resume=resume)
        else:
            added = found.add(given["images"], given["texts"], ids=given["ids"], metadata=rows, resume=resume)
    skipped = f", {added.skipped:,} there already" if added.skipped else ""
    settings.notify(f"{name}: {added.added:,} added, {added.replaced:,} replaced{skipped}")
    summary = {"collection": name, "added": added.added, "replaced": added.replaced, "skipped": added.skipped}
    finish(settings, added.errors, {**summary, "failed": len(added.errors), "rows": added.rows}, as_json)


def _metadata(file: str, found: Collection) -> dict[str, dict[str, str | None]]:
    """The columns of a table that are fields of the collection, by id. Raises UsageError."""
    table = read_table(file)
    key = next((name for name in ("id", "path") if table.has(name)), None)
    if key is None:
        raise click.UsageError(f"--metadata: {file} needs a column id or path; it has {table.listed()}")
    names = [name for name in found.fields if table.has(name)]
    if not names:
        raise click.UsageError(
            f"--metadata: {file} has no column named as a field of {found.name}: {listed(found.fields, 20) or 'none'}"
        )
    ids = table.ids(key)
    places: Sequence[int] = range(len(ids))
    if wanted := chosen_items():
        places = wanted.rows(ids, sampled=True)
    columns = {name: table.column(name) for name in names}
    return {name: {ids[i]: columns[name][i].strip() or None for i in places} for name in names}


@options.command("search")
@click.argument("name")
@click.argument("query", nargs=-1)
@options.input_option(
    "--image", "images", multiple=True, type=options.FILE, help="Image to search for, in place of texts."
)
@options.input_option(
    "--like", multiple=True, metavar="ID", help="Item of the collection to search for; can be repeated."
)
@where_option
@options.option("-k", type=click.IntRange(1), default=10, show_default=True, help="Number of neighbours per query.")
@options.option("--exact", is_flag=True, help="Compare with every vector, also where the collection has an index.")
@options.table_out
@click.pass_obj
def search(
    settings: Settings,
    name: str,
    query: tuple[str, ...],
    images: tuple[str, ...],
    like: tuple[str, ...],
    where: tuple[str, ...],
    k: int,
    exact: bool,
    out: str,
) -> None:
    """Find the items of the collection NAME that are nearest to texts, images or items: query, rank, id, cosine, …"""
    check_table(out)
    if sum(map(bool, (query, images, like))) != 1:
        raise click.UsageError("give one of: texts to look for, --image and --like")
    with settings.client() as client:
        found = client.collection(name)
        given: Any = list(query) if query else [Path(image) for image in images] or None
        condition = parsed_where(where, found.fields)
        neighbours = found.search(given, k, like=list(like) or None, where=condition, exact=exact)
    _write_neighbours(neighbours, [*(query or images or like)], out)
    if not neighbours.method.get("exact", True):
        settings.notify(
            f"approximate, recall of the ten nearest {neighbours.method['recall']:.3f}; --exact compares all"
        )


def _write_neighbours(found: CollectionNeighbours, names: Sequence[str], out: str) -> None:
    columns = ["query", "rank", "id", "cosine", "modality", "text", *found.fields]
    rows: list[dict[str, Any]] = []
    for name, row in zip(names, found.neighbours, strict=True):
        for rank, each in enumerate(row, 1):
            own = (name, rank, each.id, each.cosine, each.modality, each.text)
            rows.append(dict(zip(columns, (*own, *map(each.metadata.get, found.fields)), strict=True)))
    write_rows(rows, out)


@options.command("items")
@click.argument("name")
@where_option
@options.output_option("--vectors", is_flag=True, help="Write the vectors, as `daguerre embed` does.")
@options.output_option(
    "-o", "--out", default="-", show_default=True, help="A .csv or .parquet file; - is standard output, as CSV."
)
@click.pass_obj
def items(settings: Settings, name: str, where: tuple[str, ...], vectors: bool, out: str) -> None:
    """Write the items of the collection NAME as a table: id, modality, text, and the metadata fields."""
    kind = check_out(out, (".parquet", ".npz", ".csv")) if vectors else check_table(out)
    with settings.client() as client:
        found = client.collection(name)
        chosen = found.where(parsed_where(where, found.fields)) if where else found
        if vectors:
            write_embeddings(chosen.embeddings(), out, kind)
            return
        listing = chosen.items()
    if kind == ".parquet":
        write_frame(listing.to_pandas().reset_index(), out)
        return
    names = list(listing.fields)
    rows = [
        {"id": item.id, "modality": item.modality, "text": item.text}
        | {name: item.metadata.get(name) for name in names}
        for item in listing
    ]
    write_rows(rows, out)


@options.command("duplicates")
@click.argument("name")
@items_alone
@where_option
@options.option("--threshold", type=float, show_default="derived from the model", help="Lowest cosine of duplicates.")
@options.table_out
@options.json_summary
@click.pass_obj
def duplicates(
    settings: Settings,
    name: str,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    where: tuple[str, ...],
    threshold: float | None,
    out: str,
    as_json: bool,
) -> None:
    """Find which images, texts or vectors the collection NAME has already: query, rank, id, cosine, …

    Duplicates within a collection: `daguerre duplicates --collection NAME`.
    """
    check_table(out, as_json)
    with settings.client() as client:
        found = client.collection(name)
        query, names = _query(client, images, texts, ids)
        result = found.duplicates(query, threshold=threshold, where=parsed_where(where, found.fields))
    names = names or list(result.queries)
    _write_neighbours(result, names, out)
    known = len(result.known)
    settings.notify(f"{out}: {known:,} of {len(result):,} have a duplicate, cosine at least {result.threshold:.3f}")
    if as_json:
        click.echo(json.dumps({"out": out, "items": len(result), "known": known, "threshold": result.threshold}))


def _query(client: Client, images: Any, texts: Any, ids: Any) -> tuple[Any, list[str] | None]:
    given = given_items(client, images, texts, ids, model=None, decode=None)
    if "embeddings" in given:
        return next(iter(given["embeddings"].values())), None
    if given["images"] is None:
        return given["texts"], given["ids"]
    paths = given["images"]
    return ([Path(each) for each in paths] if isinstance(paths, list) else Path(paths)), None


@options.command("delete")
@click.argument("name")
@options.option("--id", "names", multiple=True, metavar="ID", help="Item to delete; can be repeated.")
@options.ids
@where_option
@options.option("--all", "everything", is_flag=True, help="Delete the collection with everything in it.")
@options.as_json
@click.pass_obj
def delete(
    settings: Settings, name: str, names: tuple[str, ...], where: tuple[str, ...], everything: bool, as_json: bool
) -> None:
    """Delete items of the collection NAME, or with --all the collection itself."""
    wanted = chosen_items()
    ids = [*names, *(wanted.ids if wanted else ())]
    if sum(map(bool, (ids, where, everything))) != 1:
        raise click.UsageError("give one of: items (--id, --ids), --where and --all")
    with settings.client() as client:
        found = client.collection(name)
        if everything:
            gone = found.drop()
        elif ids:
            gone = found.delete(ids)
        else:
            gone = found.delete(where=parsed_where(where, found.fields))
    what = "the collection, " if everything else ""
    click.echo(json.dumps({"deleted": gone}) if as_json else f"{name}: deleted {what}{gone:,} items")


for command in (create, add, search, items, duplicates, delete, list_collections):
    collection.add_command(command)
