"""`daguerre train`, `daguerre predict`, `daguerre fine-tune`."""

import os
from typing import Any, NoReturn

import click

from daguerre.cli import options
from daguerre.cli.chosen import chosen_items, only_rows
from daguerre.cli.collection_items import stored_choice
from daguerre.cli.group import Settings
from daguerre.cli.output import (
    SHOWN,
    check_page,
    check_table,
    finish,
    given_items,
    is_vectors,
    read_vectors,
    write_predictions,
)
from daguerre.cli.video_runs import predict_videos
from daguerre.corpus.classifiers import absent_files, read_coded_folder, training_arguments
from daguerre.corpus.coded import read_coded
from daguerre.corpus.features import split_features
from daguerre.handles.classifier import Classifier
from daguerre.storage.tables import read_table
from daguerre.types.common import PageMode, listed

FROM_IMAGE = "from-image"  # in place of a column of texts


def _prompts(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str] | None:
    """Prompts by label, from LABEL=PROMPT or LABEL; None for none."""
    pairs = [each.partition("=") for each in given]
    labels = [label for label, _, _ in pairs]
    if (twice := next((label for label in labels if labels.count(label) > 1), None)) is not None:
        raise click.BadParameter(f"{twice!r} is given twice; give each class one prompt")
    return {label: prompt or label for label, _, prompt in pairs} or None


@options.command("train")
@click.argument("name")
@click.argument("table", required=False, type=options.FILE)
@options.input_option("--folder", type=options.FOLDER, help="Folder with images below train/CLASS and test/CLASS.")
@options.input_option(
    "--image", "image_column", default="path", show_default=True, help="Column of the table with the images' paths."
)
@options.input_option(
    "--text",
    "text_column",
    default="text",
    show_default=True,
    help="Column of the table with the texts; from-image: the text is read in each image.",
)
@options.input_option(
    "--target", "target_column", show_default="target or code", help="Column of the table with the codes."
)
@options.input_option(
    "--coder", "coders", multiple=True, metavar="COLUMN", help="Column with the codes of a coder; can be repeated."
)
@options.input_option(
    "--adjudicator", metavar="[NAME=][FILE]", help="Coder, or table of codes, that decides where the others differ."
)
@options.input_option("--root", type=options.FOLDER, show_default="that of the table", help="Folder of the images.")
@options.input_option(
    "--embeddings", type=options.VECTOR_FILE, help="The .parquet or .npz of `daguerre embed`, in place of the images."
)
@options.takes_stored
@options.input_option(
    "--groups", type=options.FILE, help="Table with columns id and group, as of `daguerre duplicates`."
)
@options.input_option(
    "--features", type=options.FILE, help="Table with columns id and numbers, as of `daguerre analyse`, beside vectors."
)
@options.option(
    "--feature",
    "feature_names",
    multiple=True,
    metavar="COLUMN",
    help="Column of numbers, of --features or else of the table; can be repeated.",
)
@options.ids
@options.task(show_default="by the number of labels", help="Kind of target; required if the codes are numbers.")
@options.option(
    "--rule",
    type=click.Choice(["majority", "unanimous", "adjudicated", "both", "mean"]),
    show_default="majority; mean of a continuous target; adjudicated with --adjudicator",
    help="How the codes of several coders become one target; both keeps every code, as weighted rows.",
)
@options.missing
@options.bounds
@options.option(
    "--label", "labels", multiple=True, help="Class, in the order of the results (binary: negative, positive)."
)
@options.option(
    "--zero-shot",
    multiple=True,
    metavar="LABEL[=PROMPT]",
    callback=_prompts,
    help="Class with the text that describes it to the model; can be repeated. Zero-shot scores are calibrated with "
    "the codes, in place of a linear probe.",
)
@options.option(
    "--template", "templates", multiple=True, help="Prompt template with one {} for --zero-shot; can be repeated."
)
@options.option("--partial", is_flag=True, help="Use items that lack the image or the text.")
@options.balanced
@options.option(
    "--folds", type=click.IntRange(2, 20), default=5, show_default=True, help="Number of cross-validation folds."
)
@options.option(
    "--repeats",
    type=click.IntRange(1, 20),
    default=1,
    show_default=True,
    help="Number of cross-validations with other folds; figures are their means.",
)
@options.option(
    "--rare",
    metavar="drop|merge:NAME",
    help="Leave out classes with fewer examples than folds, or merge them into one class: merge:other.",
)
@options.seed
@options.model
@options.report
@options.pictures
@options.tables
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
    target_column: str | None,
    coders: tuple[str, ...],
    adjudicator: str | None,
    root: str | None,
    embeddings: str | None,
    groups: str | None,
    features: str | None,
    feature_names: tuple[str, ...],
    bounds: tuple[float, float] | None,
    labels: tuple[str, ...],
    missing: tuple[str, ...],
    page: str | None,
    tables: str | None,
    pictures: PageMode | None,
    as_json: bool,
    model: str | None,
    **training: Any,
) -> None:
    """Train the classifier NAME on a TABLE (.csv, .tsv, .xlsx, .parquet) or a folder of classes.

    The table has a row per item: `path` (relative to --root, or to the table), `text`, or both, or `id` with
    --embeddings or --root; `target`, or a column for each coder; and optionally `id`, `group`, `weight` or
    `inclusion_prob`, `stratum`, `split` (train, test), as `daguerre sample` writes them. With a column `coder`, there
    is a row per item and coder.
    """
    if (table is None) == (folder is None):
        raise click.UsageError("give either a table of codes or --folder")
    check_page(page, tables=tables)
    if pictures is not None and page is None:
        raise click.UsageError(f"--pictures: got {pictures}, for the images of a report; add --report FILE")
    stored = stored_choice()
    if stored is not None and embeddings is not None:
        raise click.UsageError("give either --embeddings or --collection")
    shown: dict[str, str] | None = None  # for the report of a classifier that was trained on vectors
    table_only = {"--coder": coders, "--adjudicator": adjudicator, "--root": root, "--embeddings": embeddings}
    table_only["--collection"] = None if stored is None else stored.name
    used = [name for name, value in table_only.items() if value]
    columns: Any = features
    if feature_names and (features is not None or table is not None):
        rest, columns = split_features(only_rows(read_table(str(features or table))), feature_names)
    elif feature_names:
        raise click.UsageError(f"--feature: got {feature_names[0]}, a column of a table; give --features FILE")
    if folder is not None:
        if used:
            raise click.UsageError(f"{used[0]} is for a table of codes; leave it out with --folder")
        coded = read_coded_folder(folder)
        if wanted := chosen_items():
            rows = wanted.rows(coded["ids"], coded["images"], sampled=True)
            coded = {name: values and [values[i] for i in rows] for name, values in coded.items()}
    else:
        read = read_coded(
            rest if feature_names and features is None else only_rows(read_table(str(table))),
            image=image_column,
            text=text_column,
            target=target_column,
            coders=coders,
            adjudicator=adjudicator,
        )
        if read.paths is not None:
            images = training_arguments(read, numeric=task == "continuous", root=root)["images"]
            if embeddings is not None or stored is not None:
                files = zip(read.ids, images, strict=True)
                shown = {id: path for id, path in files if path and os.path.isfile(path)} or None
            elif remark := absent_files(images):
                settings.notify(remark)
        coded = {"table": read, "images": root if embeddings is None and stored is None else None}
        if len(read.coders) > 1:
            settings.notify(f"The coders are {listed(read.coders)}")
    training["templates"] = list(training["templates"]) or None
    with settings.client(model=model) as client:
        if stored is not None:
            coded["embeddings"] = stored.open(client)
        elif embeddings is not None:
            coded["embeddings"] = {"image": read_vectors(client, embeddings, model=model, decode=training["decode"])}
        clf = client.train_classifier(  # type: ignore[no-untyped-call]  # options in a dict
            name,
            **coded,
            **training,
            groups=groups,
            features=columns,
            task=task,
            bounds=bounds or None,
            labels=list(labels) or None,
            missing=missing or None,
            text=FROM_IMAGE if text_column == FROM_IMAGE else None,
        )
        _finish_training(settings, clf, page, tables, as_json, shown, pictures or "blurred")


def _finish_training(
    settings: Settings,
    clf: Classifier,
    page: str | None,
    tables: str | None,
    as_json: bool,
    images: dict[str, str] | None = None,
    pictures: PageMode = "blurred",
) -> NoReturn:
    if page is not None:
        clf.save_report(page, images=images, pictures=pictures, tables=tables)
    settings.notify(repr(clf.report))
    if page is not None:
        settings.notify(options.report_line(page, tables))
    dropped = [item for item in clf.report["dropped"] if item["name"] not in {error.id for error in clf.errors}]
    if dropped:
        verb = "item was" if len(dropped) == 1 else "items were"
        settings.notify(f"{len(dropped):,} {verb} left out:")
        for item in dropped[:SHOWN]:
            settings.notify(f"  {item['name']}: {item['reason']}")
    figures = {key: vars(figure) for key, figure in clf.report.figures.items()}
    test = {key: vars(figure) for key, figure in clf.report.held_out.items()}
    summary = {"classifier": clf.id, "of": clf.report.of, "figures": figures, "held_out": test or None}
    finish(settings, clf.errors, {**summary, "notes": clf.report.notes, "failed": len(clf.errors)}, as_json)


@options.command("predict")
@click.argument("name")
@options.takes_items
@options.takes_stored
@options.takes_videos(timeline=True)
@options.input_option(
    "--features", type=options.FILE, help="Table with columns id and numbers, for a classifier that takes features."
)
@options.option(
    "--coverage",
    type=click.FloatRange(0.5, 1, max_open=True),
    metavar="SHARE",
    help="Add the set of labels that each item may have, which has its code with this probability, such as 0.9; of "
    "numbers, the coverage of their intervals.",
)
@options.option("--each-class", is_flag=True, help="Let the --coverage hold in each class.")
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
    features: str | None,
    coverage: float | None,
    each_class: bool,
) -> None:
    """Predict images, texts, vectors or, with --video, videos with the classifier NAME: its newest version, or NAME@3.

    A .parquet or .npz of vectors of `daguerre embed` in place of images gives the same predictions in seconds.

    The table has a row per item: id, then label and probabilities, or value, low and high; with --coverage, set and
    set_size: the labels that the item may have, and their number; classifier (with its
    version) and fingerprint, from which `daguerre validate` knows what the classifier was trained on; remark; error.

    With --video it has a row per frame, with video, timestamp and shot in place of id. Finished videos are kept in a
    folder OUT.videos until all are finished, so that an interrupted run can continue.
    """
    if (model or decode) and not (is_vectors(images) and images.lower().endswith(".npy")):
        raise click.UsageError("--model and --decode are fixed by the classifier; leave them out")
    if features is not None and videos is not None:
        raise click.UsageError("--features is of images and texts, not of the frames of a video; leave it out")
    if each_class and coverage is None:
        raise click.UsageError("--each-class is for --coverage; give both, or neither")
    if coverage is not None and videos is not None:
        raise click.UsageError("--coverage is for images and texts, since frames are not independent; leave it out")
    kind = check_table(out, as_json)
    with settings.client() as client:
        if videos is not None:
            predict_videos(settings, client, videos, name, out, kind, as_json)
        given = given_items(client, images, texts, ids, model=model, decode=decode)
        given.pop("decode", None)
        clf = client.classifier(name)
        predictions = clf.predict(**given, features=features, coverage=coverage, each_class=each_class)
    write_predictions(predictions, out, kind)
    many, failed, by = len(predictions), len(predictions.errors), predictions.classifier
    settings.notify(f"{out}: {many:,} items by {by}")
    finish(settings, predictions.errors, {"out": out, "items": many, "failed": failed, "by": by}, as_json)


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
@options.tables
@options.json_summary
@click.pass_obj
def fine_tune(
    settings: Settings,
    /,
    name: str,
    folder: str,
    bounds: tuple[float, float] | None,
    page: str | None,
    tables: str | None,
    as_json: bool,
    **training: Any,
) -> None:
    """Fine-tune an image network as the classifier NAME, on a FOLDER (or table) on the server."""
    check_page(page, tables=tables)
    with settings.client() as client:
        clf = client.fine_tune(name, folder, bounds=bounds or None, **training)
        if isinstance(clf, Classifier):
            _finish_training(settings, clf, page, tables, as_json)
        else:
            click.echo(clf.id)
