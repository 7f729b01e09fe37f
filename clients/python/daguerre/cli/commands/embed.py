"""`daguerre embed` and `daguerre to-folder`."""

import json
import os
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
from daguerre.storage.settling import write_folder


@options.command()
@options.takes_items
@options.takes_videos(timeline=False)
@options.option("--retry-errors", is_flag=True, help="Retry items that failed in an earlier run (.parquet only).")
@options.option(
    "--shard",
    metavar="I/N",
    help="Embed one of N shares of the images, 0/16 to 15/16, into a folder that the others are written into at the "
    "same time.",
)
@options.output_option(
    "-o",
    "--out",
    required=True,
    type=click.Path(),
    help="A .parquet (can be resumed), .npz or .csv file; or a folder of Parquet files (can be resumed), which ends in "
    "a slash or exists.",
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
    shard: str | None,
    videos: options.VideoOptions | None,
) -> None:
    """Embed images (folders, files, globs), texts or, with --video, the frames of videos.

    A run of images into a .parquet file or a folder can be stopped at any moment and started again: it continues where
    it was. Images with equal bytes are embedded once. More than a million images become a folder, which a later run
    adds a file to; tasks of a SLURM array with --shard $SLURM_ARRAY_TASK_ID/16 and --array=0-15 write into one folder.

    The id of a frame is "clip.mp4@12.480", where clip.mp4 is the id of the video. Finished videos are kept in a folder
    OUT.videos until all are finished, so that an interrupted run can continue.
    """
    refuse_vectors(images)
    is_folder = out.endswith(("/", os.sep)) or os.path.isdir(out) or shard is not None
    corpus = images is not None and videos is None and (is_folder or Path(out).suffix.lower() == ".parquet")
    if is_folder and not corpus:
        raise click.UsageError(f"--out: {out} is a folder, which is for images; name a file")
    for option, value in (("--retry-errors", retry_errors), ("--shard", shard)):
        if value and not corpus:
            raise click.UsageError(f"{option} needs images and --out FILE.parquet or FOLDER/")
    kind = ".parquet" if corpus else check_out(out, (".parquet", ".npz", ".csv"))
    with settings.client(model=model) as client:
        if videos is not None:
            embed_videos(settings, client, videos, decode, out, kind, as_json)
        if corpus:
            summary = client.embed_corpus(images, out, decode=decode, shard=shard, retry_errors=retry_errors)
            _finish_corpus(settings, summary, as_json)
        embeddings = client.embed(images=images, texts=texts, ids=ids, decode=decode)
    write_embeddings(embeddings, out, kind)
    finish_items(settings, embeddings, out, as_json)


@options.command("to-folder")
@click.argument("file", type=options.FILE)
@click.argument("folder", type=click.Path())
@click.pass_obj
def to_folder(settings: Settings, file: str, folder: str) -> None:
    """Write the vectors of FILE.parquet into a new FOLDER of Parquet files, which a later run of `embed` adds to."""
    made = write_folder(file, folder)
    settings.notify(f"{folder}: {made.rows:,} rows in {len(made.parts):,} files; {file} is no longer needed")


def _finish_corpus(settings: Settings, summary: CorpusSummary, as_json: bool) -> NoReturn:
    settings.notify(str(summary))
    if as_json:
        click.echo(json.dumps(asdict(summary)))
    if summary.failed or summary.failed_before:
        settings.notify(f"the errors are in {summary.out}, columns error_code and error_message")
        sys.exit(SOME_FAILED)
    sys.exit(0)
