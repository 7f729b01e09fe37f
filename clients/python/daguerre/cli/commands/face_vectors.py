"""`daguerre face-vectors`."""

import click

from daguerre.cli import options
from daguerre.cli.analysis_tables import AnalysisTables, takes_tables
from daguerre.cli.group import Settings
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.cli.picture_analyses import analyse_items


@options.command("face-vectors")
@click.argument("images", nargs=-1, required=True)
@options.ids
@options.crops
@options.takes_videos(timeline=False, alone=True)
@options.size_of_faces
@options.option("--min-score", type=float, show_default="0.7", help="Lowest score of a face that is given.")
@options.option("--limit", type=int, show_default="1000", help="Maximum number of faces of a picture.")
@options.option("--model", help="Analyser of face vectors in GET /v1/analysers.")
@options.option("--retry-errors", is_flag=True, help="Retry pictures that failed in an earlier run.")
@takes_tables
@takes_page
@options.table_out
@options.json_summary
@click.pass_obj
def face_vectors(
    settings: Settings,
    images: tuple[str, ...],
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
    """Find faces in images or videos and embed each, for comparison: vectors of faces are biometric data.

    The server's owner has to switch it on (DAGUERRE_FACE_RECOGNITION=true). The .parquet file has a row for each face,
    as that of `daguerre faces`, and its vector; `daguerre cluster`, `search` and `duplicates` take the file.

    A run can be stopped at any moment and started again: it continues where it was.
    """
    if not out.lower().endswith(".parquet"):
        raise click.UsageError(f"--out: got {out}, and vectors are written as Parquet; name it FILE.parquet")
    analyse_items(
        settings,
        images,
        {"face_vectors": {"size": size and int(size), "min_score": min_score, "limit": limit, "model": model}},
        crops=crops,
        videos=videos,
        more=more,
        report=report,
        retry_errors=retry_errors,
        out=out,
        as_json=as_json,
    )
