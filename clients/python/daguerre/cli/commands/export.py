"""`daguerre export`: tables of results as files of other programs."""

from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_out
from daguerre.corpus.exchange.formats import FORMATS, prelabels, write_annotations
from daguerre.corpus.exchange.statistics import write_statistics

STATISTICS = {"stata": (".dta", ".csv"), "spss": (".sav", ".csv")}
PROGRAMS = (*FORMATS, *STATISTICS)


@options.command("export")
@click.argument("table", type=options.FILE)
@options.option("--for", "program", type=click.Choice(PROGRAMS), required=True, help="Program that reads the file.")
@options.input_option(
    "--column", "columns", multiple=True, default=("label",), show_default=True, help="Column of labels; repeatable."
)
@options.option("--variable", help="Name of the control that gets the labels.", show_default="that of the column")
@options.option(
    "--model-version",
    "version",
    help="Version of the model.",
    show_default="classifier, model and fingerprint in the table's columns, or else daguerre",
)
@options.option(
    "--picture-prefix",
    default="",
    metavar="PREFIX",
    help="Text before the ids that makes addresses of pictures of them for Label Studio, such as "
    "/data/local-files/?d=photos/.",
)
@options.output_option("-o", "--out", type=options.NEW_FILE, required=True, help="File to write.")
@click.pass_obj
def export(settings: Settings, /, table: str, program: Any, out: str, columns: tuple[str, ...], **given: Any) -> None:
    """Write a table of results for another program: as pre-labels, or as data with value labels.

    Label Studio reads a .json, CVAT an .xml (CVAT for images 1.1, with the boxes of `analyse`), 4CAT a .csv: pre-labels
    of a table of `zero-shot`, `predict`, `label` or `analyse`. Stata reads a .dta, SPSS a .sav; a .csv has codes as
    numbers, with their labels in a table and in a .do file (Stata) or an .sps file (SPSS) beside it. A file of vectors
    has the variables v1, v2, ….
    """
    if program in STATISTICS:
        check_out(out, STATISTICS[program])
        write_statistics(table, out, program)
        syntax = "with .labels.csv and " + (".do" if program == "stata" else ".sps")
        settings.notify(f"{out}: {syntax if out.lower().endswith('.csv') else 'with value labels'}")
        return
    check_out(out, FORMATS[program].suffixes)
    if given["picture_prefix"] and program != "label-studio":
        raise click.UsageError("--picture-prefix applies only to --for label-studio; the others go by ids")
    tasks = prelabels(table, columns=columns, **given)
    write_annotations(tasks, out, program)
    settings.notify(f"{out}: {len(tasks):,} items with pre-labels")
