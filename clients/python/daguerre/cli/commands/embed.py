"""`daguerre embed`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.options import takes_items
from daguerre.cli.output import check_out, finish, write_embeddings
from daguerre.cli.video_runs import embed_videos
from daguerre.cli.videos import VideoOptions, takes_videos
from daguerre.results.corpus import CorpusSummary

KINDS = (".parquet", ".npz", ".csv")


@click.command()
@takes_items
@takes_videos(timeline=False)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(dir_okay=False),
    help="A .parquet (goes on where it was), .npz or .csv.",
)
@click.option("--retry-errors", is_flag=True, help="Try items again that failed in an earlier run (.parquet).")
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
    looking: VideoOptions | None,
) -> None:
    """Embed images (folders, files, globs), texts or, with --video, the frames of videos.

    Images into a .parquet are a corpus: stopped at any moment and started again, it goes on where it was. The ids of a
    single folder's images are then their paths in that folder; otherwise ids are paths as they are given.

    Frames are called "news/clip.mp4@12.480". Each video that is done is kept in a folder OUT.videos until all are, so
    that a run that was interrupted goes on.
    """
    corpus = images is not None and looking is None and Path(out).suffix.lower() == ".parquet"
    if retry_errors and not corpus:
        raise click.UsageError("--retry-errors: only images in a .parquet are tried again")
    kind = ".parquet" if corpus else check_out(out, KINDS)
    with settings.client(model=model) as client:
        if looking is not None:
            embed_videos(settings, client, looking, decode, out, kind, as_json)
        if corpus:
            _finish_corpus(
                settings, client.embed_corpus(images, out, decode=decode, retry_errors=retry_errors), as_json
            )
        made = client.embed(images=images, texts=texts, ids=ids, decode=decode)
    write_embeddings(made, out, kind)
    finish(settings, made, out, as_json)


def _finish_corpus(settings: Settings, done: CorpusSummary, as_json: bool) -> None:
    settings.say(str(done))
    if as_json:
        click.echo(json.dumps(asdict(done)))
    if done.failed or done.failed_before:
        settings.say(f"what failed, and why, is in {done.out}, columns error_code and error_message")
        sys.exit(SOME_FAILED)
    sys.exit(0)
