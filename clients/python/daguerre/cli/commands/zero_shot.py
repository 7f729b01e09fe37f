"""`daguerre zero-shot`."""

from pathlib import Path
from typing import Any

import click

from daguerre.cli.group import Settings
from daguerre.cli.options import takes_items
from daguerre.cli.output import check_out, finish, write_scores
from daguerre.cli.video_runs import zero_shot_videos
from daguerre.cli.videos import VideoOptions, takes_videos


@click.command("zero-shot")
@takes_items
@takes_videos(timeline=True)
@click.option("--label", "labels", multiple=True, help="A label of yours; several times.")
@click.option("--labels-file", type=click.Path(exists=True, dir_okay=False), help="A label a line.")
@click.option("--template", "templates", multiple=True, help="A prompt template with one {}; several times.")
@click.option("--multi-label", is_flag=True, help="Score each label by itself.")
@click.option("--negative", "negatives", multiple=True, help="What labels are contrasted with under --multi-label.")
@click.option("--none-of-these", help="A text that competes with the labels; where it wins, there is no label.")
@click.option("--min-cosine", type=float, help="Below it, there is no label.")
@click.option("-o", "--out", default="-", help="A .csv or .parquet; - is stdout, as CSV.", show_default=True)
@click.pass_obj
def zero_shot(
    settings: Settings,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    model: str | None,
    decode: Any,
    as_json: bool,
    labels: tuple[str, ...],
    labels_file: str | None,
    templates: tuple[str, ...],
    multi_label: bool,
    negatives: tuple[str, ...],
    none_of_these: str | None,
    min_cosine: float | None,
    out: str,
    looking: VideoOptions | None,
) -> None:
    """Score images, texts or, with --video, videos for labels that you make up.

    The table has a row per item: id, the best label, a score for each label, error. A label of yours that is called
    "id", "label" or "error" has its scores in "label: …".

    Of videos it has a row per frame: video, timestamp, shot, label, the scores, error. Each video that is done is kept
    in a folder OUT.videos until all are, so that a run that was interrupted goes on.
    """
    kind = ".csv" if out == "-" else check_out(out, (".csv", ".parquet"))
    if as_json and out == "-":
        raise click.UsageError("--json: stdout has the table already; name a file with --out")
    every = list(labels)
    if labels_file:
        every += [line.strip() for line in Path(labels_file).read_text("utf-8-sig").splitlines() if line.strip()]
    if not every:
        raise click.UsageError("give labels: --label, or --labels-file")
    question: dict[str, Any] = {
        "labels": every,
        "templates": list(templates) or None,
        "multi_label": multi_label,
        "negatives": list(negatives) or None,
        "none_of_these": none_of_these,
        "none_min_cosine": min_cosine,
        "decode": decode,
    }
    with settings.client(model=model) as client:
        if looking is not None:
            zero_shot_videos(settings, client, looking, question, out, kind, as_json)
        made = client.zero_shot(images=images, texts=texts, ids=ids, **question)
    write_scores(made, out, kind)
    finish(settings, made, out, as_json)
