"""`daguerre train`, `daguerre predict`, `daguerre classifiers`, `daguerre fine-tune`."""

import json
import sys
from typing import Any

import click

from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.options import takes_items
from daguerre.cli.output import check_out, summary, write_predictions
from daguerre.cli.tables import codes_to_numbers, read_coded_folder, read_coded_table
from daguerre.cli.video_runs import predict_videos
from daguerre.cli.videos import VideoOptions, takes_videos
from daguerre.handles.classifier import Classifier

TASKS = click.Choice(["binary", "categorical", "continuous"])
COLUMNS = ("coder", "group", "weight", "inclusion_prob", "split")


@click.command("train")
@click.argument("name")
@click.argument("table", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--folder", type=click.Path(exists=True, file_okay=False), help="Holds train/CLASS/… and test/CLASS/….")
@click.option("--task", type=TASKS, help="By the number of labels otherwise; numbers need it said.")
@click.option("--image", "image_column", default="path", show_default=True, help="The column of the images' paths.")
@click.option("--text", "text_column", default="text", show_default=True, help="The column of the texts.")
@click.option("--target", "target_column", default="target", show_default=True, help="The column of the codes.")
@click.option(
    "--rule", type=click.Choice(["majority", "unanimous", "mean"]), help="Of several coders' codes one target."
)
@click.option("--bounds", type=float, nargs=2, help="Of a continuous target: predictions stay inside.")
@click.option("--label", "labels", multiple=True, help="The order of the classes; of a binary task negative, positive.")
@click.option("--partial", is_flag=True, help="Take items that lack the image or the text.")
@click.option("--balanced", is_flag=True, help="Give all classes the same weight in learning.")
@click.option("--folds", type=click.IntRange(2, 20), default=5, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--model", help="A name that `daguerre models` shows; the server's default otherwise.")
@click.option("--decode", type=click.Choice(["exact", "scaled"]), help="The server's setting otherwise.")
@click.option("--report", "page", type=click.Path(dir_okay=False), help="Write the report there, an HTML page.")
@click.option("--json", "as_json", is_flag=True, help="Name, figures and notes on stdout, as JSON.")
@click.pass_obj
def train(
    settings: Settings,
    name: str,
    table: str | None,
    folder: str | None,
    task: Any,
    image_column: str,
    text_column: str,
    target_column: str,
    rule: Any,
    bounds: tuple[float, float] | None,
    labels: tuple[str, ...],
    partial: bool,
    balanced: bool,
    folds: int,
    seed: int,
    model: str | None,
    decode: Any,
    page: str | None,
    as_json: bool,
) -> None:
    """Train the classifier NAME on a TABLE (.csv, .tsv) or a folder of classes.

    The table has a row per item: `path` (relative to the table), `text`, or both; `target`; and if you have them `id`,
    `group`, `weight` or `inclusion_prob`, `split` (train, test). With a column `coder`, an item has a row per coder.
    """
    if (table is None) == (folder is None):
        raise click.UsageError("give a table of codes, or --folder")
    if page is not None:
        check_out(page, (".html",))
    given = (
        read_coded_folder(folder)
        if folder is not None
        else read_coded_table(str(table), image_column, text_column, target_column)
    )
    if task == "continuous":
        codes_to_numbers(given)
    with settings.client(model=model) as client:
        clf = client.train_classifier(  # type: ignore[no-untyped-call]  # options in a dict
            name,
            **given,
            task=task,
            rule=rule,
            bounds=bounds or None,
            labels=list(labels) or None,
            partial=partial,
            balanced=balanced,
            folds=folds,
            seed=seed,
            decode=decode,
        )
        if page is not None:
            clf.save_report(page)
    _say(settings, clf, page, as_json)


def _say(settings: Settings, clf: Classifier, page: str | None, as_json: bool) -> None:
    settings.say(repr(clf.report))
    if page is not None:
        settings.say(f"{page}: the report")
    dropped = clf.report["dropped"]
    if dropped:
        settings.say(f"{len(dropped):,} items were left out:")
        for each in dropped[:5]:
            settings.say(f"  {each['name']}: {each['reason']}")
    if as_json:
        figures = {key: vars(figure) for key, figure in clf.report.figures.items()}
        click.echo(json.dumps({"classifier": clf.id, "figures": figures, "notes": clf.report.notes}))


@click.command("predict")
@click.argument("name")
@takes_items
@takes_videos(timeline=True)
@click.option("-o", "--out", default="-", help="A .csv or .parquet; - is stdout, as CSV.", show_default=True)
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
    looking: VideoOptions | None,
) -> None:
    """Predict images, texts or, with --video, videos with the classifier NAME: its newest version, or NAME@3.

    Of videos, a row per frame: video, timestamp, shot, label and probabilities, or value, low, high; error. Each video
    that is done is kept in a folder OUT.videos until all are, so that a run that was interrupted goes on.
    """
    if model or decode:
        raise click.UsageError("--model, --decode: the classifier knows its own; leave them out")
    kind = ".csv" if out == "-" else check_out(out, (".csv", ".parquet"))
    if as_json and out == "-":
        raise click.UsageError("--json: stdout has the table already; name a file with --out")
    with settings.client() as client:
        if looking is not None:
            predict_videos(settings, client, looking, name, out, kind, as_json)
        made = client.classifier(name).predict(images=images, texts=texts, ids=ids)
    write_predictions(made, out, kind)
    settings.say(f"{out}: {len(made):,} items by {made.classifier}")
    if made.errors:
        settings.say(summary(made.errors))
    if as_json:
        click.echo(json.dumps({"out": out, "items": len(made), "failed": len(made.errors), "by": made.classifier}))
    sys.exit(SOME_FAILED if made.errors else 0)


@click.command("classifiers")
@click.option("--json", "as_json", is_flag=True, help="All that is known of them, as JSON.")
@click.pass_obj
def classifiers(settings: Settings, as_json: bool) -> None:
    """List the classifiers there are."""
    with settings.client() as client:
        found = client.classifiers()
    if as_json:
        click.echo(json.dumps(found, default=list))
        return
    for each in found:
        usable = "" if each["usable"] else "  (needs a model that is not running)"
        click.echo(f"{each['id']:24} {each['task']:12} {', '.join(each['labels'][:6])}{usable}")


@click.command("fine-tune")
@click.argument("name")
@click.argument("folder")
@click.option("--task", type=TASKS, default="categorical", show_default=True)
@click.option("--start", default="embedded", show_default=True, help="Or an image model's folder on the server.")
@click.option("--positive", help="Of a binary task: the class whose probability is given.")
@click.option("--bounds", type=float, nargs=2, help="Of a continuous target: predictions stay inside.")
@click.option("--unfreeze", type=click.Choice(["none", "last", "all"]), default="last", show_default=True)
@click.option("--epochs", type=click.IntRange(1), default=15, show_default=True)
@click.option("--flip/--no-flip", default=True, show_default=True)
@click.option("--balanced", is_flag=True, help="Rare classes count as much as common ones.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--report", "page", type=click.Path(dir_okay=False), help="Write the report there, an HTML page.")
@click.option("--wait/--no-wait", default=True, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Name, figures and notes on stdout, as JSON.")
@click.pass_obj
def fine_tune(
    settings: Settings,
    name: str,
    folder: str,
    task: Any,
    start: str,
    positive: str | None,
    bounds: tuple[float, float] | None,
    unfreeze: Any,
    epochs: int,
    flip: bool,
    balanced: bool,
    seed: int,
    page: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Fine-tune an image network as the classifier NAME, on FOLDER (or a table), which lies on the server."""
    if page is not None:
        check_out(page, (".html",))
    with settings.client() as client:
        made = client.fine_tune(
            name,
            folder,
            task=task,
            start=start,
            positive=positive,
            bounds=bounds or None,
            unfreeze=unfreeze,
            epochs=epochs,
            flip=flip,
            balanced=balanced,
            seed=seed,
            wait=wait,
        )
        if isinstance(made, Classifier):
            if page is not None:
                made.save_report(page)
            _say(settings, made, page, as_json)
        else:
            click.echo(made.id)
