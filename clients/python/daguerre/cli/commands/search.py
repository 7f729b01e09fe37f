"""`daguerre search`."""

from pathlib import Path
from typing import Any

import click

from daguerre.cli.group import Settings
from daguerre.cli.output import check_csv, numbers, write_table
from daguerre.cli.tables import VECTORS, read_vectors


@click.command("search")
@click.argument("query", nargs=-1)
@click.option(
    "--image", "images", multiple=True, type=click.Path(exists=True, dir_okay=False), help="An image to find."
)
@click.option("--in", "source", multiple=True, required=True, help="Images; or a .parquet, .npz, .npy of vectors.")
@click.option("-k", type=click.IntRange(1), default=10, show_default=True, help="Neighbours of each.")
@click.option("--model", help="A name that `daguerre models` shows; the server's default otherwise.")
@click.option("--decode", type=click.Choice(["exact", "scaled"]), help="The server's setting otherwise.")
@click.option("-o", "--out", default="-", help="A .csv; - is stdout.", show_default=True)
@click.pass_obj
def search(
    settings: Settings,
    query: tuple[str, ...],
    images: tuple[str, ...],
    source: tuple[str, ...],
    k: int,
    model: str | None,
    decode: Any,
    out: str,
) -> None:
    """The items nearest to texts, or to images: query, rank, id, cosine."""
    check_csv(out)
    if bool(query) == bool(images):
        raise click.UsageError("give texts to look for, or --image")
    wanted: Any = [Path(each) for each in images] or list(query)
    with settings.client(model=model) as client:
        if len(source) == 1 and Path(source[0]).suffix.lower() in VECTORS:
            corpus = read_vectors(client, source[0], model=model, decode=decode)
        else:
            corpus = client.embed(images=source[0] if len(source) == 1 else list(source), decode=decode)
        found = client.search(wanted, corpus, k)
    rows = []
    for each, ids, cosines in zip(query or images, found.ids, found.cosines, strict=True):
        for rank, (id, cosine) in enumerate(zip(ids, numbers(cosines), strict=True), 1):
            rows.append([each, rank, id, cosine])
    write_table(["query", "rank", "id", "cosine"], rows, out)
    if corpus.errors:
        settings.say(f"{len(corpus.errors):,} of {len(corpus):,} items have no vector, and cannot be found")
