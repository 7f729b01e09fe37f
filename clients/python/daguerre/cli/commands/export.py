"""`daguerre export`: tables of results as files of other programs."""

from pathlib import Path
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_out
from daguerre.corpus.exchange.atlas import write_atlas
from daguerre.corpus.exchange.fiftyone import write_paths
from daguerre.corpus.exchange.formats import FORMATS, prelabels, write_annotations
from daguerre.corpus.exchange.statistics import write_statistics
from daguerre.handles.pictures import small_pictures
from daguerre.storage.tables import table_of
from daguerre.types.common import PageMode

STATISTICS = {"stata": (".dta", ".csv"), "spss": (".sav", ".csv")}
ATLAS, FIFTYONE = "embedding-atlas", "fiftyone"
PROGRAMS = (*FORMATS, ATLAS, *STATISTICS)


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
@options.input_option(
    "--vectors", type=options.FILE, help="Vectors of the items, for nearest neighbours in Embedding Atlas."
)
@options.option(
    "-k", type=click.IntRange(1), default=10, show_default=True, help="Number of neighbours in Embedding Atlas."
)
@options.input_option("--root", type=options.FOLDER, help="Folder of the pictures, for Embedding Atlas and FiftyOne.")
@options.pictures
@options.output_option("-o", "--out", type=options.NEW_FILE, required=True, help="File to write.")
@click.pass_obj
def export(settings: Settings, /, table: str, program: Any, out: str, columns: tuple[str, ...], **given: Any) -> None:
    """Write a table of results for another program: as pre-labels, as a map, or as data with value labels.

    Label Studio reads a .json, CVAT an .xml (CVAT for images 1.1, with the boxes of `analyse`), 4CAT a .csv, FiftyOne a
    .json: pre-labels of a table of `zero-shot`, `predict`, `label` or `analyse`. Embedding Atlas reads a .parquet: a
    table of `cluster`, which has a map. Stata reads a .dta, SPSS a .sav; a .csv has codes as numbers, with their
    labels in a table and in a .do file (Stata) or an .sps file (SPSS) beside it. A file of vectors has the variables
    v1, v2, ….
    """
    shown = {name: given.pop(name) for name in ("vectors", "k", "root", "pictures")}
    for name in ("vectors", "pictures"):
        if shown[name] is not None and program != ATLAS:
            raise click.UsageError(f"--{name} applies only to --for {ATLAS}; leave it out")
    if shown["pictures"] not in (None, "none") and shown["root"] is None:
        raise click.UsageError("--pictures: name the folder of the pictures with --root")
    if shown["root"] is None and program == FIFTYONE:
        raise click.UsageError(f"--for {FIFTYONE} needs --root, the folder of the pictures, whose paths it reads")
    if shown["root"] is not None and program not in (ATLAS, FIFTYONE):
        raise click.UsageError(f"--root applies only to --for {ATLAS} and --for {FIFTYONE}; leave it out")
    if program in STATISTICS:
        check_out(out, STATISTICS[program])
        write_statistics(table, out, program)
        syntax = "with .labels.csv and " + (".do" if program == "stata" else ".sps")
        settings.notify(f"{out}: {syntax if out.lower().endswith('.csv') else 'with value labels'}")
        return
    if program == ATLAS:
        check_out(out, (".parquet",))
        jpegs = _pictures(settings, table, shown["root"], shown["pictures"] or "blurred")
        command = write_atlas(table, out, vectors=shown["vectors"], k=shown["k"], pictures=jpegs)
        settings.notify(f"{out}: open it with {command}")
        return
    check_out(out, FORMATS[program].suffixes)
    if given["picture_prefix"] and program != "label-studio":
        raise click.UsageError("--picture-prefix applies only to --for label-studio; the others go by ids")
    tasks = prelabels(table, columns=columns, **given)
    write_annotations(tasks, out, program)
    settings.notify(f"{out}: {len(tasks):,} items with pre-labels")
    if program == FIFTYONE:
        paths = f"{Path(out).with_suffix('')}.paths.json"
        items = [task["data"]["id"] for task in tasks]
        lacking = write_paths(items, shown["root"], paths)
        settings.notify(f"{paths}: the file of each item, which FiftyOne takes as data_path")
        if lacking:
            settings.notify(f"  {len(lacking):,} items have no file there, the first is {lacking[0]!r}")
    if unlabelled := len(set(table_of(table).ids("id"))) - len(tasks):
        settings.notify(f"  {unlabelled:,} items have no label in the table, and are left out")


def _pictures(settings: Settings, table: str, root: str | None, mode: PageMode) -> dict[str, bytes] | None:
    """Small pictures of the items of a table, made by the server, which finds the faces that are blurred."""
    if root is None or mode == "none":
        return None
    ids = table_of(table).ids("id")
    with settings.client() as client:
        return client.run(small_pictures(client.asynchronous, ids, ids, ids, root, mode=mode))
