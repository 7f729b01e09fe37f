"""`daguerre coder-groups`, `daguerre reconcile`."""

import json
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_out, check_table
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.corpus.coded import read_coders
from daguerre.corpus.coder_groups import named_groups

FILES = click.argument("files", nargs=-1, required=True, metavar="TABLE | [NAME=]CODES…")
CODERS = options.input_option(
    "--coder", "coders", multiple=True, metavar="COLUMN", help="Column of a coder; can be repeated."
)


@options.command("coder-groups")
@FILES
@options.input_option(
    "--group",
    "groups",
    multiple=True,
    required=True,
    metavar="CODER=GROUP | TABLE",
    help="Group of a coder; can be repeated. Or one table with columns coder and group.",
)
@CODERS
@options.option(
    "--level",
    type=click.Choice(["nominal", "ordinal", "interval"]),
    default="nominal",
    show_default=True,
    help="Level of measurement: shares of categories, or means of codes, are compared.",
)
@options.missing
@options.resamples("items")
@options.seed
@options.output_option(
    "--items", "items", type=options.NEW_FILE, help="Write the items on which groups differ to this .csv."
)
@options.as_json
@takes_page
@click.pass_obj
def coder_groups(
    settings: Settings,
    files: tuple[str, ...],
    groups: tuple[str, ...],
    coders: tuple[str, ...],
    level: Any,
    missing: tuple[str, ...],
    resamples: int | None,
    seed: int,
    items: str | None,
    as_json: bool,
    report: PageOptions,
) -> None:
    """Measure differences in annotation between groups of coders, with intervals over coders.

    Tables are those of `daguerre agreement`. Differences are overall and by item, the first group minus the second; the
    report shows the images on which groups differ the most.
    """
    report.check(items)
    if items is not None:
        check_out(items, (".csv",), "--items")
    coded, named = read_coders(list(files), coders=coders), named_groups(groups)
    with settings.client() as client:
        result = client.compare_coder_groups(
            coded, groups=named, level=level, missing=missing or None, resamples=resamples, seed=seed
        )
        paths = None if coded.paths is None else dict(zip(coded.ids, coded.paths, strict=True))
        texts = {id: text for id, text in zip(coded.ids, coded.texts or (), strict=False) if text}
        report.write(settings, result, texts or None, paths)
    if items is not None:
        result.save_items(items)
    if as_json:
        click.echo(json.dumps({**result.answer, "remarks": result.remarks}))
    else:
        if result.missing:
            click.echo(f"{result.missing:,} of {len(coded.code):,} codes are missing")
        for line in result.lines():
            click.echo(line)
        for remark in result.remarks:
            settings.notify(f"  {remark}")
    if items is not None:
        settings.notify(f"{items}: {len(result.items):,} differences of items, the largest first")


@options.command("reconcile")
@FILES
@CODERS
@options.missing
@options.csv_out
@options.as_json
@click.pass_obj
def reconcile(
    settings: Settings,
    files: tuple[str, ...],
    coders: tuple[str, ...],
    missing: tuple[str, ...],
    out: str,
    as_json: bool,
) -> None:
    """Reconcile the codes of a crowd: the majority, and labels by the model of Dawid and Skene.

    Tables are those of `daguerre agreement`. The .csv has a row for each item: id, label, probability, majority, tied,
    n_codes, and the probability of each category. Items whose codes or probabilities are tied have no label.
    """
    check_table(out, kinds=(".csv",))
    coded = read_coders(list(files), coders=coders)
    with settings.client() as client:
        result = client.reconcile(coded, missing=missing or None)
    result.save(out)
    if as_json:
        click.echo(json.dumps({**result.answer, "remarks": result.remarks}))
    elif out != "-":
        for line in result.lines():
            click.echo(line)
    settings.notify(
        f"{out}: {len(result.items):,} items, {result.n_ties:,} without a majority, {result.n_tied:,} without a label; "
        f"label and majority differ on {result.n_differ:,}"
    )
    for remark in result.remarks:
        settings.notify(f"  {remark}")
