"""`daguerre evaluate`."""

import json
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_table, write_rows
from daguerre.cli.pages import PageOptions, takes_page


@options.command("evaluate")
@click.argument("findings", type=options.FILE)
@options.input_option(
    "--boxes",
    type=options.FILE,
    help="Table of coded boxes (id or path, label, x, y, width, height), or COCO's annotations (.json).",
)
@options.input_option("--texts", type=options.FILE, help="Table of true texts (id or path, text).")
@options.input_option("--column", show_default="text, true, target or code", help="Column of the --texts table.")
@options.input_option(
    "--all-coded", is_flag=True, help="Pictures without a row in --boxes were coded: without objects."
)
@options.input_option(
    "--blank",
    type=click.Choice(["missing", "none"]),
    default="missing",
    show_default=True,
    help="Meaning of a blank text: not coded, or a picture without text.",
)
@options.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    show_default="0.35, or the lowest score of the analysis",
    help="Lowest score of boxes that count for precision, recall and counts.",
)
@options.option(
    "--overlap",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Smallest intersection over union of a match.",
)
@options.option(
    "--label",
    "labels",
    multiple=True,
    show_default="those of --boxes",
    help="Label that the coders looked for; can be repeated.",
)
@options.option("--ignore-case", is_flag=True, help="Compare texts without regard to capitals.")
@options.option(
    "--whitespace",
    type=click.Choice(["collapse", "remove", "keep"]),
    default="collapse",
    show_default=True,
    help="Treatment of spaces and line breaks in texts: runs are one space, do not count, or are compared.",
)
@options.seed
@options.output_option("-o", "--out", help="Write the figures to this .csv or .parquet file, a row for each.")
@options.output_option("--pictures-out", help="Write the errors in the text of each picture to this file.")
@options.as_json
@takes_page
@click.pass_obj
def evaluate(
    settings: Settings,
    /,
    findings: str,
    boxes: str | None,
    texts: str | None,
    labels: tuple[str, ...],
    out: str | None,
    pictures_out: str | None,
    as_json: bool,
    report: PageOptions,
    **parameters: Any,
) -> None:
    """Measure FINDINGS, a file of `daguerre analyse`, by boxes and texts that people coded.

    Boxes: average precision, precision, recall, counts and a threshold. Texts: character and word error rates. A row of
    --boxes with an id alone is a picture without objects. Average precision needs an analysis with --min-score 0.05.
    """
    if boxes is None and texts is None:
        raise click.UsageError("give coded boxes with --boxes, true texts with --texts, or both")
    if pictures_out is not None and texts is None:
        raise click.UsageError("--pictures-out: has errors of texts; add --texts")
    report.check(out)
    for path in filter(None, (out, pictures_out)):
        check_table(path)
    with settings.client() as client:
        result = client.evaluate(findings, boxes=boxes, texts=texts, labels=list(labels) or None, **parameters)
        report.write(settings, result)
    if out is not None:
        write_rows(result.rows(), out)
        settings.notify(f"{out}: the figures")
    if pictures_out is not None:
        write_rows(result.rows("texts"), pictures_out)
        settings.notify(f"{pictures_out}: the errors of each picture")
    if as_json:
        click.echo(json.dumps({**result.answer, "remarks": result.remarks}))
    else:
        for line in result.lines():
            click.echo(line)
