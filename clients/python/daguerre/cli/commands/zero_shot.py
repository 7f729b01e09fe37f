"""`daguerre zero-shot`."""

from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_table, finish_items, write_scores
from daguerre.cli.video_runs import zero_shot_videos
from daguerre.storage.tables import read_lines


@options.command("zero-shot")
@options.takes_items
@options.takes_videos(timeline=True)
@options.option("--label", "labels", multiple=True, help="Label to score; can be repeated.")
@options.option("--labels-file", type=options.FILE, help="File of labels, one per line.")
@options.option(
    "--template", "templates", multiple=True, help="Prompt template with one {} for the label; can be repeated."
)
@options.option("--multi-label", is_flag=True, help="Score each label independently of the others.")
@options.option(
    "--negative", "negatives", multiple=True, help="Text that --multi-label contrasts labels with; can be repeated."
)
@options.option("--none-of-these", help="Text that competes with the labels; an item that it fits best gets no label.")
@options.option("--min-cosine", type=float, help="Items whose best cosine is below this get no label.")
@options.table_out
@options.json_summary
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
    videos: options.VideoOptions | None,
) -> None:
    """Score images, texts or, with --video, videos for labels of your choice.

    The table has a row per item: id, the best label, a score for each label, remark (texts that are truncated, or whose
    tokens are unknown to the model), error. The scores of a label with one of these names are in a column "label: …".

    With --video it has a row per frame: video, timestamp, shot, label, the scores, error. Finished videos are kept in a
    folder OUT.videos until all are finished, so that an interrupted run can continue.
    """
    kind = check_table(out, as_json)
    every = [*labels, *(read_lines(labels_file) if labels_file else ())]
    if not every:
        raise click.UsageError("give labels with --label or --labels-file")
    query: dict[str, Any] = {
        "labels": every,
        "templates": list(templates) or None,
        "multi_label": multi_label,
        "negatives": list(negatives) or None,
        "none_of_these": none_of_these,
        "none_min_cosine": min_cosine,
        "decode": decode,
    }
    with settings.client(model=model) as client:
        if videos is not None:
            zero_shot_videos(settings, client, videos, query, out, kind, as_json)
        scores = client.zero_shot(images=images, texts=texts, ids=ids, **query)
    write_scores(scores, out, kind)
    finish_items(settings, scores, out, as_json)
