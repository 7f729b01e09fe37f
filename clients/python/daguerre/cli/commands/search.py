"""`daguerre search`."""

from pathlib import Path
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.chosen import chosen_items
from daguerre.cli.group import Settings
from daguerre.cli.output import check_table, is_vectors, read_vectors, refuse_vectors
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.inputs.files import file_kind
from daguerre.inputs.kinds import named_kind
from daguerre.storage.csv import numbers, write_table


@options.command("search")
@click.argument("query", nargs=-1)
@options.input_option(
    "--image", "images", multiple=True, type=options.FILE, help="Image to search for, in place of texts."
)
@options.input_option(
    "--in", "source", multiple=True, required=True, help="Images to search in, or a .parquet, .npz or .npy of vectors."
)
@options.ids
@options.option("-k", type=click.IntRange(1), default=10, show_default=True, help="Number of neighbours per query.")
@options.model
@options.csv_out
@takes_page
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
    report: PageOptions,
) -> None:
    """Find the items nearest to texts or to images: query, rank, id, cosine.

    A QUERY that is an image file is searched for as an image; every other one is a text.
    """
    report.check(out)
    check_table(out, kinds=(".csv",))
    if bool(query) == bool(images):
        raise click.UsageError("give texts or images to look for, or --image, and not both")
    queries = _queries(settings, query, images)
    for name in source:
        if name.lower().endswith((".csv", ".tsv", ".xlsx")):
            raise click.UsageError(
                f"--in: {name} is a table; give images, or the vectors of `daguerre embed -o x.parquet`"
            )
    searched: Any = source[0] if len(source) == 1 else list(source)
    with settings.client(model=model) as client:
        if isinstance(searched, str) and is_vectors(searched):
            corpus = read_vectors(client, searched, model=model, decode=decode)
        else:
            refuse_vectors(searched)
            wanted = chosen_items()
            corpus = client.embed(images=wanted.images(searched) if wanted else searched, decode=decode)
        neighbours = client.search(queries, corpus, k)
        rows = []
        for name, ids, cosines in zip(query or images, neighbours.ids, neighbours.cosines, strict=True):
            for rank, (id, cosine) in enumerate(zip(ids, numbers(cosines), strict=True), 1):
                rows.append([name, rank, id, cosine])
        write_table(["query", "rank", "id", "cosine"], rows, out)
        report.write(settings, neighbours)
    if corpus.errors:
        settings.notify(f"{len(corpus.errors):,} of {len(corpus):,} items have no vector and cannot be found")


def _queries(settings: Settings, query: tuple[str, ...], images: tuple[str, ...]) -> list[Any]:
    """Texts as str, images as Path. Raises UsageError for both at once."""
    files = [text for text in query if Path(text).is_file() and file_kind(text) is not None]
    if images or len(files) == len(query):
        for each in (*images, *files):
            if file_kind(each) == "video":
                raise click.UsageError(f"{each} is a video; search for one of its frames, saved as an image")
        return [Path(image) for image in images or files]
    if files:
        text = next(text for text in query if text not in files)
        raise click.UsageError(f"{files[0]} is an image and {text!r} a text; search for images and texts one by one")
    for text in query:
        if named_kind(text) is not None and " " not in text.strip():
            settings.notify(f"{text!r} looks like the name of a file, and there is none here: it is searched as a text")
    return list(query)
