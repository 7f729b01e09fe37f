"""`daguerre corpus`."""

import json
import sys
from dataclasses import asdict
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import SOME_FAILED, Settings


@options.command()
@click.argument("source")
@options.input_option(
    "--path-column", default="path", show_default=True, help="Column of a table SOURCE that has the paths."
)
@options.input_option(
    "--id-column", show_default="id, if it is there", help="Column of a table SOURCE that has the ids."
)
@options.input_option(
    "--root",
    show_default="that of the table",
    help="Folder that relative paths of a table SOURCE begin at.",
)
@options.option(
    "--ray",
    "address",
    required=True,
    help="Address of a cluster of Ray, such as head:6379; auto: the cluster that this machine is a node of, or else "
    "one that is started here; local: one that is started here.",
)
@options.option("--start", is_flag=True, help="Start a service in each actor, one for each GPU, in place of --url.")
@options.option("--actors", type=click.IntRange(1), show_default="one for each server or GPU", help="Number of actors.")
@options.option(
    "--cpus",
    type=click.FloatRange(0),
    show_default="0.1, or 1 with --start",
    help="CPUs of the cluster that each actor takes.",
)
@options.option(
    "--label", "labels", multiple=True, help="Label to score images for, in place of embeddings; repeat it."
)
@options.option("--retry-errors", is_flag=True, help="Retry items that failed in an earlier run.")
@options.model
@options.output_option("-o", "--out", required=True, help="A folder for Parquet files; the run continues in it.")
@options.json_summary
@click.pass_obj
def corpus(
    settings: Settings,
    /,
    source: str,
    address: str,
    start: bool,
    labels: tuple[str, ...],
    model: str | None,
    decode: Any,
    out: str,
    as_json: bool,
    **where: Any,
) -> None:
    """Embed a folder of any size, or score it for labels, over a cluster of Ray.

    SOURCE is a folder of images, or a .parquet, .csv or .tsv file with a column of paths. It and OUT may be in a store,
    such as s3://bucket/photos/; every node has to reach them.

    A run can be stopped at any moment and started again: it continues with the items that are in no file of OUT yet.
    """
    from daguerre.ray import embed_corpus, zero_shot

    with settings.client(model=model) as client:
        arguments = client.asynchronous.arguments()
    shared = {
        **where,
        "ray": address,
        "model": model,
        "decode": decode,
        "api_key": arguments["api_key"],
        "servers": "start" if start else arguments["url"],
        "progress": False if settings.quiet else None,
    }
    summary = zero_shot(source, out, labels=labels, **shared) if labels else embed_corpus(source, out, **shared)
    settings.notify(str(summary))
    if as_json:
        click.echo(json.dumps(asdict(summary)))
    if summary.failed or summary.failed_before:
        settings.notify(f"the errors are in {summary.out}, columns error_code and error_message")
        sys.exit(SOME_FAILED)
