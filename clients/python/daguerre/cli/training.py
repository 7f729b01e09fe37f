"""`daguerre train`, `daguerre predict`, `daguerre classifiers`, `daguerre jobs`, `daguerre fine-tune`."""

import csv
import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import click

from daguerre.classifiers import Classifier
from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.items import LONGEST_CELL, takes_items
from daguerre.cli.outputs import check_out, summary, write_predictions
from daguerre.cli.video_commands import predict_videos
from daguerre.cli.videos import Looking, takes_videos
from daguerre.inputs.files import walk

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
        _of_folder(folder) if folder is not None else _of_table(str(table), image_column, text_column, target_column)
    )
    if task == "continuous":
        _as_numbers(given)
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


def _of_folder(folder: str) -> dict[str, Any]:
    """Items of train/CLASS/… and test/CLASS/…; a folder of classes alone is all train."""
    splits = [split for split in ("train", "test") if os.path.isdir(os.path.join(folder, split))] or [""]
    images: list[str] = []
    targets: list[str] = []
    split_of: list[str] = []
    for split in splits:
        root = os.path.join(folder, split) if split else folder
        for label in sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and entry.name[0] != "."):
            found = list(walk(os.path.join(root, label)))
            images += found
            targets += [label] * len(found)
            split_of += [split or "train"] * len(found)
    if not images:
        raise click.UsageError(f"--folder: no image lies in a folder of {folder}, as train/CLASS/image.jpg would")
    return {"images": images, "targets": targets, "split": split_of if "test" in split_of else None}


def _of_table(path: str, image: str, text: str, target: str) -> dict[str, Any]:
    """Items of a table; a row per item, or per item and coder."""
    csv.field_size_limit(LONGEST_CELL)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, delimiter="\t" if path.lower().endswith(".tsv") else ",", strict=True)
            names = list(rows.fieldnames or ())
            found = list(rows)
    except (UnicodeDecodeError, csv.Error) as exc:
        raise click.UsageError(f"{path} is no table in UTF-8: {exc}") from exc
    if target not in names or not {image, text} & set(names):
        raise click.UsageError(f"{path}: needs {target!r}, and {image!r} or {text!r}; it has {', '.join(names)}")
    if not found:
        raise click.UsageError(f"{path}: has no rows")
    codes = None
    if "coder" in names:
        key = "id" if "id" in names else image if image in names else text
        codes = [(row["coder"], row[key], row[target] or None) for row in found]
        first: dict[str, dict[str, str]] = {}
        for row in found:
            first.setdefault(row[key], row)
        found = list(first.values())
    columns: dict[str, list[str]] = defaultdict(list)
    for row in found:
        for name in names:
            columns[name].append((row[name] or "").strip())
    here = Path(path).parent
    given: dict[str, Any] = {}
    if image in names:
        if not all(columns[image]):
            raise click.UsageError(f"{path}: {columns[image].count('')} rows have no {image}; leave them out")
        given["images"] = [str(here / each) for each in columns[image]]
        if codes is not None and "id" not in names:
            codes = [(coder, str(here / item), code) for coder, item, code in codes]
    if text in names:
        given["texts"] = [each or None for each in columns[text]]
    if codes is None:
        given["targets"] = [each or None for each in columns[target]]
    else:
        given["codes"] = codes
    if "id" in names:
        given["ids"] = columns["id"]
    elif image not in names and codes is not None:
        given["ids"] = columns[text]
    for column, argument in (("group", "groups"), ("split", "split")):
        if column in names:
            given[argument] = columns[column]
    for column, argument in (("weight", "sample_weight"), ("inclusion_prob", "inclusion_prob")):
        if column in names:
            try:
                given[argument] = [float(each) for each in columns[column]]
            except ValueError as exc:
                raise click.UsageError(f"{path}: column {column}: {exc}") from exc
    return given


def _as_numbers(given: dict[str, Any]) -> None:
    try:
        if "targets" in given:
            given["targets"] = [None if each is None else float(each) for each in given["targets"]]
        else:
            given["codes"] = [(c, i, None if each is None else float(each)) for c, i, each in given["codes"]]
    except ValueError as exc:
        raise click.UsageError(f"--task continuous: {exc}; a continuous target is a number") from exc


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
    looking: Looking | None,
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


@click.command("jobs")
@click.option("--cancel", help="The id of a job to stop.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def jobs(settings: Settings, cancel: str | None, as_json: bool) -> None:
    """List your jobs, the newest first, or stop one."""
    with settings.client() as client:
        found = [client.cancel_job(cancel)] if cancel else client.jobs()
    if as_json:
        click.echo(json.dumps([vars(each) for each in found], default=dict))
        return
    for each in found:
        click.echo(f"{each.id}  {each.kind:10} {each.state:10} {each.progress:4.0%}  {each.stage}")


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
