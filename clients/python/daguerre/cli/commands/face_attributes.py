"""`daguerre face-attributes`."""

import click

from daguerre.cli import options
from daguerre.cli.analysis_tables import AnalysisTables, takes_tables
from daguerre.cli.group import Settings
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.cli.picture_analyses import analyse_items

ATTRIBUTES = ("age", "gender", "expression")


@options.command(name="face-attributes")
@click.argument("images", nargs=-1, required=True)
@options.option(
    "--attribute",
    "attributes",
    type=click.Choice(ATTRIBUTES),
    multiple=True,
    show_default="all that the server permits",
    help="An attribute to guess. Repeatable.",
)
@options.ids
@options.crops
@options.takes_videos(timeline=False, alone=True)
@options.size_of_faces
@options.option("--min-score", type=float, show_default="0.7", help="Lowest score of a face that is given.")
@options.option("--limit", type=int, show_default="100", help="Maximum number of faces of a picture.")
@options.option("--model", help="An analyser of this kind that the server's owner has imported.")
@options.option("--retry-errors", is_flag=True, help="Retry pictures that failed in an earlier run (.parquet only).")
@takes_tables
@takes_page
@options.table_out
@options.json_summary
@click.pass_obj
def face_attributes(
    settings: Settings,
    images: tuple[str, ...],
    attributes: tuple[str, ...],
    size: str | None,
    min_score: float | None,
    limit: int | None,
    model: str | None,
    retry_errors: bool,
    crops: str | None,
    videos: options.VideoOptions | None,
    more: AnalysisTables,
    report: PageOptions,
    out: str,
    as_json: bool,
) -> None:
    """Guess apparent age, perceived gender and expression of faces, where the server's owner permits it.

    Each is guessed on eighteen crops of a face: the table has a row for each face with means and ranges, and
    "undecided" where crops disagree. No one's age, gender or feelings: validate by group, with
    `daguerre validate --by COLUMN`, before shares are reported.

    A run into a .parquet file can be stopped at any moment and started again: it continues where it was.
    """
    chosen = {"attributes": list(attributes) or None, "size": size and int(size), "min_score": min_score}
    analyse_items(
        settings,
        images,
        {"face_attributes": {**chosen, "limit": limit, "model": model}},
        crops=crops,
        videos=videos,
        more=more,
        report=report,
        retry_errors=retry_errors,
        out=out,
        as_json=as_json,
    )
