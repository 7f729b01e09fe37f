"""`daguerre estimate`."""

import json
import os
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_page, check_table, given_items, write_rows
from daguerre.storage.tables import TABLES

TABLE_ONLY = "Of a TABLE: "


def takes_columns(command: Any) -> Any:
    """Add the options of estimates from a table."""
    for add in reversed(
        (
            options.input_option("--codes", help=TABLE_ONLY + "another table with the codes of the sample."),
            options.input_option("--code", default="code", show_default=True, help=TABLE_ONLY + "column of the codes."),
            options.input_option(
                "--prediction",
                "predictions",
                multiple=True,
                metavar="[NAME=]COLUMN",
                show_default="label, value, prediction or score",
                help=TABLE_ONLY + "column of predictions; can be repeated.",
            ),
            options.input_option("--group", help=TABLE_ONLY + "column of the account, author or source of each item."),
            options.input_option("--stratum", help=TABLE_ONLY + "column of the strata of the sample."),
            options.input_option(
                "--by", multiple=True, metavar="COLUMN", help=TABLE_ONLY + "column whose values are compared."
            ),
            options.input_option("--time", help=TABLE_ONLY + "column of numbers, such as years, for a linear trend."),
            options.input_option(
                "--covariate", "covariates", multiple=True, help=TABLE_ONLY + "column of a regression; can be repeated."
            ),
            options.input_option(
                "--outcome", help=TABLE_ONLY + "column of the regression's outcome, where a covariate is coded."
            ),
            options.option("--family", type=click.Choice(["linear", "logistic"]), help=TABLE_ONLY + "regression."),
            options.option("--positive", help=TABLE_ONLY + "label that is estimated."),
            options.option("--width", type=float, help=TABLE_ONLY + "width of an interval, to plan further codes."),
        )
    ):
        command = add(command)
    return command


@options.command("estimate")
@click.argument("name", metavar="NAME|TABLE")
@options.takes_items
@options.takes_stored
@takes_columns
@options.input_option(
    "--features", type=options.FILE, help="Table with columns id and numbers, for a classifier that takes features."
)
@options.confidence
@options.output_option("-o", "--out", help="Write the estimates to this .csv or .parquet file, a row for each class.")
@options.report
@options.tables
@options.as_json
@click.pass_obj
def estimate(
    settings: Settings,
    /,
    name: str,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    model: str | None,
    decode: Any,
    confidence: float | None,
    out: str | None,
    page: str | None,
    tables: str | None,
    as_json: bool,
    features: str | None,
    **columns: Any,
) -> None:
    """Estimate shares of classes in a corpus, or a mean, corrected for the errors of predictions.

    Either with a classifier, by its NAME, or from a TABLE (.csv, .xlsx, .parquet) with a row for each item, predictions
    of any kind, and codes of a sample; then there is no SOURCE.

    SOURCE is the whole corpus, coded items included: folders, files, or the .parquet of `daguerre embed`.

    Three numbers are printed. corrected: the mean of all predictions plus their mean error on the coded items; it is
    unbiased if these are a random sample of the corpus (or one with inclusion_prob), whatever the quality of the
    classifier. naive: the mean of all predictions, as if none were wrong. classical: the coded items alone, without the
    classifier.
    """
    if model or decode:
        raise click.UsageError("--model and --decode are fixed by the classifier; leave them out")
    check_page(page, out, tables)
    if out is not None:
        check_table(out)
    if name.lower().endswith(TABLES) and os.path.isfile(name):
        if images or texts or ids:
            raise click.UsageError(f"SOURCE: is for a classifier, and {name} is a table; leave SOURCE out")
        if features is not None:
            raise click.UsageError(f"--features: is for a classifier, and {name} is a table; leave it out")
        _of_table(settings, name, columns, confidence, out, page, tables, as_json)
        return
    with settings.client() as client:
        given = given_items(client, images, texts, ids, model=None, decode=None)
        corpus = {key: given[key] for key in ("images", "texts", "embeddings") if given.get(key) is not None}
        chosen: dict[str, Any] = {"features": features} | ({} if confidence is None else {"confidence": confidence})
        found = client.classifier(name).estimate(**corpus, **chosen)  # type: ignore[no-untyped-call]  # options in dicts
        if page is not None:
            found.report(page, tables=tables)
    if out is not None:
        write_rows(found.rows(), out)
    if as_json:
        click.echo(json.dumps(found.answer))
    else:
        click.echo(f"{found.n_corpus:,} items by {found.classifier}; {100 * found.confidence:g} % intervals")
        for line in found.lines():
            click.echo(line)
    if out is not None:
        settings.notify(f"{out}: the estimates")
    if page is not None:
        settings.notify(options.report_line(page, tables))


def _of_table(
    settings: Settings,
    path: str,
    columns: dict[str, Any],
    confidence: float | None,
    out: str | None,
    page: str | None,
    tables: str | None,
    as_json: bool,
) -> None:
    predictions = dict(_named(each) for each in columns.pop("predictions")) or None
    chosen: dict[str, Any] = {**columns, **({} if confidence is None else {"confidence": confidence})}
    if columns["outcome"] is not None:
        chosen["role"] = "covariate"
    with settings.client() as client:
        found = client.estimate(path, chosen.pop("codes"), predictions=predictions, **chosen)
        if page is not None:
            found.report(page, tables=tables)
    if out is not None:
        write_rows(found.rows(), out)
    if as_json:
        click.echo(json.dumps({**found.answer, "remarks": found.remarks}))
    else:
        for line in repr(found)[1:-1].splitlines():
            click.echo(line)
    if out is not None:
        settings.notify(f"{out}: the estimates")
    if page is not None:
        settings.notify(options.report_line(page, tables))


def _named(given: str) -> tuple[str, str]:
    name, equals, column = given.partition("=")
    return (name, column) if equals else (given, given)
