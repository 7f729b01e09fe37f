"""`daguerre caption`."""

import json
import sys
from dataclasses import asdict
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.analysis_tables import AnalysisTables
from daguerre.cli.chosen import chosen_items
from daguerre.cli.crops import read_crops
from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.output import check_table, finish, refuse_vectors, write_rows
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.cli.picture_analyses import files_of
from daguerre.inputs.frames import SAMPLING
from daguerre.resources.analyses import STILL
from daguerre.results.captions import CAPTION, PLACE, caption_summary


@options.command()
@click.argument("images", nargs=-1, required=True)
@options.ids
@options.crops
@options.takes_videos(timeline=False, alone=True)
@options.option("--prompt", help='Beginning of the captions, such as "a photo of", or an instruction.')
@options.option("--max-tokens", type=int, help="Maximum number of tokens of a caption.")
@options.option("--model", help="Name of an analyser of captions of GET /v1/analysers.")
@options.option("--retry-errors", is_flag=True, help="Retry pictures that failed in an earlier run (.parquet only).")
@takes_page
@options.table_out
@options.json_summary
@click.pass_obj
def caption(
    settings: Settings,
    images: tuple[str, ...],
    prompt: str | None,
    max_tokens: int | None,
    model: str | None,
    retry_errors: bool,
    crops: str | None,
    videos: options.VideoOptions | None,
    report: PageOptions,
    out: str,
    as_json: bool,
) -> None:
    """Write a caption of each image (folders, files, globs), or of each sampled frame of videos.

    The table has a row for each image or frame: id; caption; score, the mean probability of its tokens; ended, whether
    it was not cut; tokens; of videos video, time (seconds) and frame; remark; error. `daguerre embed --texts TABLE
    --column caption` makes the captions searchable, and `cluster --name-texts TABLE caption` names clusters by them.

    A run into a .parquet file can be stopped at any moment and started again: it continues where it was. Equal files
    are captioned once.
    """
    source: dict[str, Any] = {}
    if videos is None:
        source = _images(images, crops)
    elif crops is not None:
        raise click.UsageError("--crops needs images")
    kind = check_table(out, as_json)
    report.check(out)
    if retry_errors and kind != ".parquet":
        raise click.UsageError("--retry-errors needs --out FILE.parquet")
    if videos is not None:
        still = STILL if report.path is not None and report.pictures != "none" else None
        sampling = {name: value for name, value in videos.sampling.items() if name in SAMPLING} | {"thumbnail": still}
        source = {"videos": {id: path for path, id in videos.ids.items()}, "sampling": sampling}
    asked: dict[str, Any] = {"prompt": prompt, "max_tokens": max_tokens, "model": model}
    with settings.client() as client:
        if kind == ".parquet" and out != "-":
            done = client.caption_corpus(out=out, retry_errors=retry_errors, **source, **asked)
            settings.notify(str(done))
            if report.path is not None:
                captions = client.read_captions(out)
                report.write(settings, captions, files=files_of(captions.ids, images))
            AnalysisTables.notices(settings, done.receipts)
            if as_json:
                click.echo(json.dumps(asdict(done)))
            sys.exit(SOME_FAILED if done.failed else 0)
        captions = client.caption(**source, **asked)
        report.write(settings, captions)
    names = ("id", *CAPTION, *(PLACE if captions.has_videos else ()), "remark", "error")
    write_rows([{name: row.get(name) for name in names} for row in captions.rows()], out, written=("caption",))
    counted = caption_summary(captions.entries, captions.errors)
    settings.notify(f"{out}: {counted['captions']:,} captions, {counted['cut']:,} of them cut")
    AnalysisTables.notices(settings, captions.receipts)
    summary = {**counted, "out": out, "receipt": dict(captions.receipt), "servers": dict(captions.servers)}
    finish(settings, captions.errors, summary, as_json)


def _images(images: tuple[str, ...], crops: str | None) -> dict[str, Any]:
    """The images of the command, as arguments of the client."""
    given: Any = images[0] if len(images) == 1 else list(images)
    if (wanted := chosen_items()) is not None:
        given = wanted.images(given)
    refuse_vectors(given)
    return {"images": given, "crops": None if crops is None else read_crops(crops)}
