"""`daguerre analyse` and `daguerre faces`, once the analysers are chosen."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.analysis_tables import AnalysisTables
from daguerre.cli.chosen import chosen_items
from daguerre.cli.crops import read_crops
from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.output import check_table, finish, refuse_vectors
from daguerre.cli.pages import PageOptions
from daguerre.cli.video_analyses import analyse_videos
from daguerre.results.analyses import summary


def analyse_items(
    settings: Settings,
    images: tuple[str, ...],
    kinds: dict[str, dict[str, Any]],
    *,
    crops: str | None,
    videos: options.VideoOptions | None,
    more: AnalysisTables,
    report: PageOptions,
    retry_errors: bool,
    out: str,
    as_json: bool,
) -> None:
    """Apply analysers, {kind: options}, to images or videos, and write the tables. It ends the command."""
    given: Any = images[0] if len(images) == 1 else list(images)
    rectangles = None if crops is None else read_crops(crops)
    if rectangles is not None and videos is not None:
        raise click.UsageError("--crops needs images")
    if videos is None:
        if (wanted := chosen_items()) is not None:
            given = wanted.images(given)
        refuse_vectors(given)
    kind = check_table(out, as_json)
    more.check(kinds, videos=videos is not None)
    report.check(out)
    if retry_errors and kind != ".parquet":
        raise click.UsageError("--retry-errors needs --out FILE.parquet")
    with settings.client() as client:
        if videos is not None:
            analyse_videos(settings, client, videos, kinds, out, kind, more, report, retry_errors, as_json)
        if kind == ".parquet" and out != "-":
            done = client.analyse_corpus(given, out, kinds, crops=rectangles, retry_errors=retry_errors)
            settings.notify(str(done))
            if report.path is not None or more.wanted:
                found = client.read_analyses(out)
                report.write(settings, found, files=files_of(found.ids, images))
                more.write(settings, found)
            more.notices(settings, done.receipts)
            if as_json:
                click.echo(json.dumps(asdict(done)))
            sys.exit(SOME_FAILED if done.failed else 0)
        found = client.analyse(given, kinds, crops=rectangles)
        report.write(settings, found)
    more.write_findings(found, out)
    more.write(settings, found)
    counted = summary(found.entries, found.errors)
    numbers = ", ".join(f"{n:,} of {kind}" for kind, n in counted["findings"].items())
    settings.notify(f"{out}: {len(found):,} images, findings: {numbers or 'none'}")
    more.notices(settings, found.receipts)
    finish(
        settings,
        found.errors,
        {**counted, "out": out, "receipts": dict(found.receipts), "servers": dict(found.servers)},
        as_json,
    )


def files_of(ids: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """Paths of images by id: an id is a path, or relative to one of the folders that are given."""
    folders = [path for path in given if os.path.isdir(path)]
    places = {id: [id, *(os.path.join(folder, id) for folder in folders)] for id in ids}
    return {id: path for id, paths in places.items() for path in paths if os.path.isfile(path)}
