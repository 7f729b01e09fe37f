"""`daguerre zero-shot`."""

from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_table, finish_items, given_items, write_scores
from daguerre.cli.pages import PageOptions, takes_page
from daguerre.cli.video_runs import zero_shot_videos
from daguerre.storage.tables import read_lines


def _list_presets(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """Print the presets with their labels and the sentence on their validation, and end the command."""
    if not wanted or context.resilient_parsing:
        return
    with context.obj.client(retry_for=0) as client:
        for preset in client.presets():
            click.echo(f"{preset.name}: {preset.question} {', '.join(preset.labels)}")
            click.echo(f"    {preset.notice}")
    context.exit()


@options.command("zero-shot")
@options.takes_items
@options.takes_stored
@options.takes_videos(timeline=True)
@options.option("--label", "labels", multiple=True, help="Label to score; can be repeated.")
@options.option("--labels-file", type=options.FILE, help="File of labels, one per line.")
@options.option(
    "--preset", help="Named question with its own labels and templates, such as protest; --list-presets lists them."
)
@options.option(
    "--list-presets",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_presets,
    help="Print the presets of the server, and end.",
)
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
@takes_page
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
    preset: str | None,
    templates: tuple[str, ...],
    multi_label: bool,
    negatives: tuple[str, ...],
    none_of_these: str | None,
    min_cosine: float | None,
    out: str,
    videos: options.VideoOptions | None,
    report: PageOptions,
) -> None:
    """Score images, texts, the vectors of `daguerre embed` or, with --video, videos for labels of your choice.

    A .parquet or .npz of vectors in place of images gives the same scores, and takes seconds for any number of labels.

    The table has a row per item: id, the best label, a score for each label, remark (texts that are truncated, or whose
    tokens are unknown to the model), error. The scores of a label with one of these names are in a column "label: …".

    With --video it has a row per frame: video, timestamp, shot, label, the scores, error. Finished videos are kept in a
    folder OUT.videos until all are finished, so that an interrupted run can continue.
    """
    report.check(out)
    if report.path is not None and videos is not None:
        raise click.UsageError("--report shows items; for videos, --timeline FOLDER writes a page for each")
    kind = check_table(out, as_json)
    every = [*labels, *(read_lines(labels_file) if labels_file else ())]
    if not every and preset is None:
        raise click.UsageError("give labels with --label or --labels-file, or a --preset")
    query: dict[str, Any] = {
        "labels": every or None,
        "preset": preset,
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
        given = given_items(client, images, texts, ids, model=model, decode=decode)
        scores = client.zero_shot(**{**query, "decode": None, **given})
        write_scores(scores, out, kind)
        report.write(settings, scores, texts)
    finish_items(settings, scores, out, as_json)
