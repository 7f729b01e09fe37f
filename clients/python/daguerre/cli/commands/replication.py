"""`daguerre bundle`, `daguerre replicate`."""

import json
import sys
from dataclasses import asdict

import click

import daguerre
from daguerre.cli import options
from daguerre.cli.group import DISAGREE, Settings
from daguerre.cli.output import check_out


@options.command("bundle")
@click.argument("study", type=options.FOLDER)
@options.output_option("-o", "--out", required=True, type=options.NEW_FILE, help="The .zip file to write.")
@options.output_option("--with-pages", is_flag=True, help="Include pages that show pictures, blurred ones too.")
@options.output_option(
    "--with-texts", is_flag=True, help="Include texts that were embedded or coded, which may be personal data."
)
@options.json_summary
@click.pass_obj
def bundle(settings: Settings, study: str, out: str, with_pages: bool, with_texts: bool, as_json: bool) -> None:
    """Make a replication bundle of STUDY, the folder of `daguerre --study`: settings, seeds, codes and results.

    It has no picture, and no path, address or key of this machine. The same study gives the same bytes.
    """
    check_out(out, (".zip",))
    made = daguerre.bundle(study, out, with_pages=with_pages, with_texts=with_texts)
    settings.notify(str(made))
    if as_json:
        click.echo(json.dumps(asdict(made)))


@options.command("replicate")
@click.argument("bundle", type=options.FILE)
@options.input_option("--images", type=options.FOLDER, help="Folder of the pictures, found by name or by hash.")
@options.input_option(
    "--from-tables", is_flag=True, help="Run only the steps that take no pictures, from the stored results."
)
@options.option(
    "--tolerance",
    type=click.FloatRange(0, 1, max_open=True),
    default=1e-6,
    show_default=True,
    help="Largest difference of two numbers that counts as agreement; of numbers above 1, in parts of them.",
)
@options.output_option("-o", "--out", type=options.NEW_FILE, help="Write a row for each figure to this .csv file.")
@options.as_json
@click.pass_obj
def replicate(
    settings: Settings,
    bundle: str,
    images: str | None,
    from_tables: bool,
    tolerance: float,
    out: str | None,
    as_json: bool,
) -> None:
    """Run every step of a BUNDLE again on this server, and print which figures agree.

    Vectors, clusters, samples, classifiers, predictions and estimates are made again from the pictures, with the
    recorded settings and seeds; codes are taken from the bundle. The status is 0 only if every figure agrees.
    """
    if (images is None) != from_tables:
        raise click.UsageError("give either --images, the folder of the pictures, or --from-tables")
    if out is not None:
        check_out(out, (".csv",))
    with settings.client() as client:
        result = client.replicate(bundle, images, from_tables=from_tables, tolerance=tolerance)
    if out is not None:
        result.save(out)
    if as_json:
        rows = [asdict(each) for each in result.figures]
        click.echo(json.dumps({"agrees": result.agrees, "figures": rows, "remarks": result.remarks}))
    else:
        for line in result.lines():
            click.echo(line)
    if out is not None:
        settings.notify(f"{out}: the figures")
    sys.exit(0 if result.agrees else DISAGREE)
