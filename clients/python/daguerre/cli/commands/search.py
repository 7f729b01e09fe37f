"""`daguerre search`."""

from pathlib import Path
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_table, is_vectors, read_vectors
from daguerre.storage.csv import numbers, write_table


@options.command("search")
@click.argument("query", nargs=-1)
@options.input_option(
    "--image", "images", multiple=True, type=options.FILE, help="Image to search for, in place of texts."
)
@options.input_option(
    "--in", "source", multiple=True, required=True, help="Images to search in, or a .parquet, .npz or .npy of vectors."
)
@options.option("-k", type=click.IntRange(1), default=10, show_default=True, help="Number of neighbours per query.")
@options.model
@options.csv_out
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
    """Find the items nearest to texts or to images: query, rank, id, cosine."""
    check_table(out, kinds=(".csv",))
    if bool(query) == bool(images):
        raise click.UsageError("give texts to look for or --image, and not both")
    queries: Any = [Path(image) for image in images] or list(query)
    for text in query:
        if Path(text).is_file():
            raise click.UsageError(f"{text!r} is a file, and a query without --image is a text; give --image {text}")
    for name in source:
        if name.lower().endswith((".csv", ".tsv", ".xlsx")):
            raise click.UsageError(
                f"--in: {name} is a table; give images, or the vectors of `daguerre embed -o x.parquet`"
            )
    searched = source[0] if len(source) == 1 else list(source)
    with settings.client(model=model) as client:
        if isinstance(searched, str) and is_vectors(searched):
            corpus = read_vectors(client, searched, model=model, decode=decode)
        else:
            corpus = client.embed(images=searched, decode=decode)
        neighbours = client.search(queries, corpus, k)
    rows = []
    for name, ids, cosines in zip(query or images, neighbours.ids, neighbours.cosines, strict=True):
        for rank, (id, cosine) in enumerate(zip(ids, numbers(cosines), strict=True), 1):
            rows.append([name, rank, id, cosine])
    write_table(["query", "rank", "id", "cosine"], rows, out)
    if corpus.errors:
        settings.notify(f"{len(corpus.errors):,} of {len(corpus):,} items have no vector and cannot be found")
