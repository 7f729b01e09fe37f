"""`daguerre embed`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click

from daguerre.cli import options
from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.output import check_out, finish_items, refuse_vectors, write_embeddings
from daguerre.cli.video_runs import embed_videos
from daguerre.results.corpus import CorpusSummary


@options.command()
@options.takes_items
@options.takes_videos(timeline=False)
@options.option("--retry-errors", is_flag=True, help="Retry items that failed in an earlier run (.parquet only).")
@options.output_option(
    "-o", "--out", required=True, type=options.NEW_FILE, help="A .parquet (can be resumed), .npz or .csv file."
)
@options.json_summary
@click.pass_obj
def embed(
    settings: Settings,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    model: str | None,
    decode: Any,
    as_json: bool,
    out: str,
    retry_errors: bool,
    videos: options.VideoOptions | None,
) -> None:
    """Embed images (folders, files, globs), texts or, with --video, the frames of videos.

    A run of images into a .parquet file can be stopped at any moment and started again: it continues where it was.

    The id of a frame is "clip.mp4@12.480", where clip.mp4 is the id of the video. Finished videos are kept in a folder
    OUT.videos until all are finished, so that an interrupted run can continue.
    """
    refuse_vectors(images)
    corpus = images is not None and videos is None and Path(out).suffix.lower() == ".parquet"
    if retry_errors and not corpus:
        raise click.UsageError("--retry-errors needs images and --out FILE.parquet")
    kind = ".parquet" if corpus else check_out(out, (".parquet", ".npz", ".csv"))
    with settings.client(model=model) as client:
        if videos is not None:
            embed_videos(settings, client, videos, decode, out, kind, as_json)
        if corpus:
            _finish_corpus(
                settings, client.embed_corpus(images, out, decode=decode, retry_errors=retry_errors), as_json
            )
        embeddings = client.embed(images=images, texts=texts, ids=ids, decode=decode)
    write_embeddings(embeddings, out, kind)
    finish_items(settings, embeddings, out, as_json)


def _finish_corpus(settings: Settings, summary: CorpusSummary, as_json: bool) -> NoReturn:
    settings.notify(str(summary))
    if as_json:
        click.echo(json.dumps(asdict(summary)))
    if summary.failed or summary.failed_before:
        settings.notify(f"the errors are in {summary.out}, columns error_code and error_message")
        sys.exit(SOME_FAILED)
    sys.exit(0)
