"""`daguerre validate`."""

import json
from collections.abc import Sequence
from typing import Any

import click

from daguerre import Client
from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_table, write_rows
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.corpus.coded import named_files


@options.command("validate")
@click.argument("files", nargs=-1, required=True, metavar="[NAME=]PREDICTIONS… CODES")
@options.input_option(
    "--classifier",
    "classifiers",
    multiple=True,
    metavar="NAME[=PREDICTIONS]",
    help="Classifier, for its out-of-fold predictions; with =PREDICTIONS, the classifier that made that table.",
)
@options.input_option(
    "--coder",
    "coders",
    multiple=True,
    metavar="COLUMN",
    show_default="every column that is not known otherwise",
    help="Column of a coder in CODES; can be repeated.",
)
@options.input_option(
    "--adjudicator", metavar="[NAME=][FILE]", help="Coder, or table of codes, that decides where the others differ."
)
@options.input_option(
    "--by", metavar="COLUMN", help="Column of CODES with groups, for which errors and their differences are told apart."
)
@options.input_option("--column", help="Column of PREDICTIONS, where it is neither label nor value.")
@options.missing
@options.task(show_default="by the codes", help="Kind of codes.")
@options.option("--label", "labels", multiple=True, help="Class, in the order of the results; for two, negative first.")
@options.option("--positive", show_default="as in training, by the names", help="Positive class of two.")
@options.option(
    "--rename",
    multiple=True,
    metavar="LABEL=CODE",
    help='Predicted label, and the code that it stands for, as in "a cat=cat"; can be repeated.',
)
@options.option(
    "--rule",
    type=click.Choice(["majority", "unanimous", "mean", "adjudicated"]),
    show_default="majority, mean of numbers, adjudicated with --adjudicator",
    help="How the codes of several coders become one.",
)
@options.option(
    "--level",
    type=click.Choice(["nominal", "ordinal", "interval"]),
    show_default="nominal, interval for numbers",
    help="Level of measurement for the agreement.",
)
@options.option(
    "--recall",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.8,
    show_default=True,
    help="Smallest recall, for the threshold with the best precision at that recall.",
)
@options.resamples("items")
@options.seed
@options.output_option("-o", "--out", help="Write the figures to this .csv or .parquet file, a row for each.")
@options.as_json
@takes_page
@click.pass_obj
def validate(
    settings: Settings,
    /,
    files: tuple[str, ...],
    classifiers: tuple[str, ...],
    labels: tuple[str, ...],
    rename: tuple[str, ...],
    missing: tuple[str, ...],
    out: str | None,
    report: PageOptions,
    as_json: bool,
    **parameters: Any,
) -> None:
    """Measure PREDICTIONS (tables of `zero-shot`, `predict` or anything else) by CODES that people gave.

    PREDICTIONS have a column id or path, and a column label or value, or one of scores for each label. CODES are a
    table of `daguerre sample` that coders have filled in, a column for each coder, or a long table (coder, item, code);
    its columns inclusion_prob or weight, and group, count. Two or more PREDICTIONS are compared with each other.
    """
    report.check(out)
    if out is not None:
        check_table(out)
    *given, codes = files
    if not given and not classifiers:
        raise click.UsageError(
            f"PREDICTIONS: got only {codes}; name tables of predictions and, last, the table of codes; or add "
            "--classifier"
        )
    renamed = _pairs(rename)
    with settings.client() as client:
        result = client.validate(
            _sets(client, given, classifiers),
            codes,
            rename=renamed or None,
            labels=list(labels) or None,
            missing=missing or None,
            **parameters,
        )
        report.write(settings, result)
    if out is not None:
        write_rows(result.rows(), out)
    if as_json:
        click.echo(json.dumps({**result.answer, "remarks": result.remarks}))
    else:
        for line in repr(result)[1:-1].splitlines():
            click.echo(line)
    if out is not None:
        settings.notify(f"{out}: the figures")


def _sets(client: Client, given: Sequence[str], classifiers: Sequence[str]) -> dict[str, Any]:
    """Predictions by name: tables, and classifiers with or without a table."""
    sets: dict[str, Any] = dict(named_files(list(given), "set of predictions"))
    for each in classifiers:
        name, equals, path = each.partition("=")
        clf = client.classifier(name)
        title = clf.id if clf.id not in sets else f"{clf.id}, out of fold"
        sets[title] = (clf, path) if equals else clf
    return sets


def _pairs(rename: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for each in rename:
        label, equals, code = each.rpartition("=")
        if not equals or not label or not code:
            raise click.UsageError(f'--rename: got {each!r}; write the label, = and its code, as in "a cat=cat"')
        pairs[label] = code
    return pairs
