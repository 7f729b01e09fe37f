"""`daguerre train`, `daguerre predict`, `daguerre classifiers`, `daguerre fine-tune`."""

import json
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_page, check_table, finish, write_predictions
from daguerre.cli.video_runs import predict_videos
from daguerre.corpus.classifiers import absent_files, read_coded_folder, read_coded_table
from daguerre.handles.classifier import Classifier
from daguerre.types.common import listed


@options.command("train")
@click.argument("name")
@click.argument("table", required=False, type=options.FILE)
@options.input_option("--folder", type=options.FOLDER, help="Folder with images below train/CLASS and test/CLASS.")
@options.input_option(
    "--image", "image_column", default="path", show_default=True, help="Column of the table with the images' paths."
)
@options.input_option(
    "--text", "text_column", default="text", show_default=True, help="Column of the table with the texts."
)
@options.input_option(
    "--target", "target_column", default="target", show_default=True, help="Column of the table with the codes."
)
@options.task(show_default="by the number of labels", help="Kind of target; required if the codes are numbers.")
@options.option(
    "--rule",
    type=click.Choice(["majority", "unanimous", "mean"]),
    show_default="majority, mean of a continuous target",
    help="How the codes of several coders become one target.",
)
@options.missing
@options.bounds
@options.option(
    "--label", "labels", multiple=True, help="Class, in the order of the results (binary: negative, positive)."
)
@options.option("--partial", is_flag=True, help="Use items that lack the image or the text.")
@options.balanced
@options.option(
    "--folds", type=click.IntRange(2, 20), default=5, show_default=True, help="Number of cross-validation folds."
)
@options.seed
@options.model
@options.report
@options.json_summary
@click.pass_obj
def train(
    settings: Settings,
    /,
    name: str,
    table: str | None,
    folder: str | None,
    task: Any,
    image_column: str,
    text_column: str,
    target_column: str,
    bounds: tuple[float, float] | None,
    labels: tuple[str, ...],
    missing: tuple[str, ...],
    page: str | None,
    as_json: bool,
    model: str | None,
    **training: Any,
) -> None:
    """Train the classifier NAME on a TABLE (.csv, .tsv, .xlsx, .parquet) or a folder of classes.

    The table has a row per item: `path` (relative to the table), `text`, or both; `target`; and optionally `id`,
    `group`, `weight` or `inclusion_prob`, `split` (train, test). With a column `coder`, there is a row per item and
    coder.
    """
    if (table is None) == (folder is None):
        raise click.UsageError("give either a table of codes or --folder")
    check_page(page)
    if folder is not None:
        coded = read_coded_folder(folder)
    else:
        coded = read_coded_table(str(table), image_column, text_column, target_column, numeric=task == "continuous")
        if remark := absent_files(coded.get("images", ())):
            settings.notify(remark)
    with settings.client(model=model) as client:
        clf = client.train_classifier(  # type: ignore[no-untyped-call]  # options in a dict
            name,
            **coded,
            **training,
            task=task,
            bounds=bounds or None,
            labels=list(labels) or None,
            missing=missing or None,
        )
        _finish_training(settings, clf, page, as_json)


def _finish_training(settings: Settings, clf: Classifier, page: str | None, as_json: bool) -> None:
    if page is not None:
        clf.save_report(page)
    settings.notify(repr(clf.report))
    if page is not None:
        settings.notify(f"{page}: the report")
    dropped = clf.report["dropped"]
    if dropped:
        settings.notify(f"{len(dropped):,} items were left out:")
        for item in dropped[:5]:
            settings.notify(f"  {item['name']}: {item['reason']}")
    if as_json:
        figures = {key: vars(figure) for key, figure in clf.report.figures.items()}
        click.echo(json.dumps({"classifier": clf.id, "figures": figures, "notes": clf.report.notes}))


@options.command("predict")
@click.argument("name")
@options.takes_items
@options.takes_videos(timeline=True)
@options.table_out
@options.json_summary
@click.pass_obj
def predict(
    settings: Settings,
    name: str,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    model: str | None,
    decode: Any,
    as_json: bool,
    out: str,
    videos: options.VideoOptions | None,
) -> None:
    """Predict images, texts or, with --video, videos with the classifier NAME: its newest version, or NAME@3.

    The table has a row per item: id, then label and probabilities, or value, low and high; remark; error.

    With --video it has a row per frame, with video, timestamp and shot in place of id. Finished videos are kept in a
    folder OUT.videos until all are finished, so that an interrupted run can continue.
    """
    if model or decode:
        raise click.UsageError("--model and --decode are fixed by the classifier; leave them out")
    kind = check_table(out, as_json)
    with settings.client() as client:
        if videos is not None:
            predict_videos(settings, client, videos, name, out, kind, as_json)
        predictions = client.classifier(name).predict(images=images, texts=texts, ids=ids)
    write_predictions(predictions, out, kind)
    many, failed, by = len(predictions), len(predictions.errors), predictions.classifier
    settings.notify(f"{out}: {many:,} items by {by}")
    finish(settings, predictions.errors, {"out": out, "items": many, "failed": failed, "by": by}, as_json)


@options.command("classifiers")
@options.as_json
@click.pass_obj
def classifiers(settings: Settings, as_json: bool) -> None:
    """List the trained classifiers."""
    with settings.client() as client:
        every = client.classifiers()
    if as_json:
        click.echo(json.dumps(every, default=list))
        return
    for clf in every:
        usable = "" if clf["usable"] else "  (needs a model that is not running)"
        click.echo(f"{clf['id']:24} {clf['task']:12} {listed(clf['labels'], 6)}{usable}")


@options.command("fine-tune")
@click.argument("name")
@click.argument("folder")
@options.task(default="categorical", show_default=True, help="Kind of target.")
@options.option(
    "--start",
    default="embedded",
    show_default=True,
    help="Network to start from: embedded, or the folder of an image model on the server.",
)
@options.option("--positive", help="Class of a binary task whose probability is given.")
@options.bounds
@options.option(
    "--unfreeze",
    type=click.Choice(["none", "last", "all"]),
    default="last",
    show_default=True,
    help="Blocks of the network that are trained with the head.",
)
@options.option(
    "--epochs", type=click.IntRange(1), default=15, show_default=True, help="Largest number of training epochs."
)
@options.option("--flip/--no-flip", default=True, show_default=True, help="Mirror training images at random.")
@options.balanced
@options.seed
@options.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait for the classifier, or print the id of the job.",
)
@options.report
@options.json_summary
@click.pass_obj
def fine_tune(
    settings: Settings,
    /,
    name: str,
    folder: str,
    bounds: tuple[float, float] | None,
    page: str | None,
    as_json: bool,
    **training: Any,
) -> None:
    """Fine-tune an image network as the classifier NAME, on a FOLDER (or table) on the server."""
    check_page(page)
    with settings.client() as client:
        clf = client.fine_tune(name, folder, bounds=bounds or None, **training)
        if isinstance(clf, Classifier):
            _finish_training(settings, clf, page, as_json)
        else:
            click.echo(clf.id)
