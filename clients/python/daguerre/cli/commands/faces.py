"""`daguerre faces`."""

import click

from daguerre.cli import options
from daguerre.cli.analysis_tables import AnalysisTables, takes_tables
from daguerre.cli.group import Settings
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.cli.picture_analyses import analyse_items


@options.command()
@click.argument("images", nargs=-1, required=True)
@options.ids
@options.crops
@options.takes_videos(timeline=False, alone=True)
@options.size_of_faces
@options.option("--min-score", type=float, show_default="0.7", help="Lowest score of a face that is given.")
@options.option("--limit", type=int, show_default="1000", help="Maximum number of faces of a picture.")
@options.option("--retry-errors", is_flag=True, help="Retry pictures that failed in an earlier run (.parquet only).")
@takes_tables
@takes_page
@options.table_out
@options.json_summary
@click.pass_obj
def faces(
    settings: Settings,
    images: tuple[str, ...],
    size: str | None,
    min_score: float | None,
    limit: int | None,
    retry_errors: bool,
    crops: str | None,
    videos: options.VideoOptions | None,
    more: AnalysisTables,
    report: PageOptions,
    out: str,
    as_json: bool,
) -> None:
    """Find faces in images or videos (folders, files, globs): boxes, points and numbers, and nothing about the people.

    The table has a row for each face: its score, its box and five points in pixels of the upright image, and its share
    of the image. --values FILE has a row for each image with its number of faces. `daguerre blur` blurs them.

    A run into a .parquet file can be stopped at any moment and started again: it continues where it was.
    """
    analyse_items(
        settings,
        images,
        {"faces": {"size": size and int(size), "min_score": min_score, "limit": limit}},
        crops=crops,
        videos=videos,
        more=more,
        report=report,
        retry_errors=retry_errors,
        out=out,
        as_json=as_json,
    )
