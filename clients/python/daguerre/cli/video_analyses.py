"""`daguerre analyse` for videos. It ends the command."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

import click

from daguerre import Client
from daguerre.cli.analysis_tables import AnalysisTables
from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.options import VideoOptions
from daguerre.cli.output import finish
from daguerre.cli.pages import PageOptions
from daguerre.inputs.frames import SAMPLING
from daguerre.resources.analyses import STILL
from daguerre.results.analyses import summary


def analyse_videos(
    settings: Settings,
    client: Client,
    videos: VideoOptions,
    kinds: Mapping[str, Mapping[str, Any]],
    out: str,
    kind: str,
    tables: AnalysisTables,
    report: PageOptions,
    retry_errors: bool,
    as_json: bool,
) -> NoReturn:
    """Analyse the frames of videos; into a .parquet file, a run continues where it was."""
    given = {id: path for path, id in videos.ids.items()}
    still = STILL if report.path is not None and report.pictures != "none" else None
    sampling = {name: value for name, value in videos.sampling.items() if name in SAMPLING} | {"thumbnail": still}
    if kind == ".parquet" and out != "-":
        done = client.analyse_corpus(
            videos=given, out=out, analysers=kinds, sampling=sampling, retry_errors=retry_errors
        )
        settings.notify(str(done))
        settings.notify(f"rows of videos are in {done.pictures_out}, of frames in {done.frames_out}")
        if report.path is not None or tables.wanted:
            found = client.read_analyses(out)
            report.write(settings, found)
            tables.write(settings, found)
        tables.notices(settings, done.receipts)
        if as_json:
            click.echo(json.dumps(asdict(done)))
        sys.exit(SOME_FAILED if done.failed else 0)
    found = client.analyse(videos=given, analysers=kinds, sampling=sampling)
    report.write(settings, found)
    tables.write_findings(found, out)
    tables.write(settings, found)
    counted = summary(found.entries, found.errors)
    numbers = ", ".join(f"{n:,} of {kind}" for kind, n in counted["findings"].items())
    frames = counted.get("frames", 0)
    settings.notify(f"{out}: {frames:,} frames of {len(found):,} videos, findings: {numbers or 'none'}")
    tables.notices(settings, found.receipts)
    finish(settings, found.errors, {**counted, "out": os.fspath(out), "receipts": dict(found.receipts)}, as_json)
