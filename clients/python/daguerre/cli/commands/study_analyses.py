"""`daguerre study zero-shot|cluster|duplicates|train|predict|estimate|runs|export`."""

import json
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.commands.clusters import cluster_parameters
from daguerre.cli.commands.studies import ASSIGNMENT, CATEGORY, NAME, VARIABLE
from daguerre.cli.group import Settings
from daguerre.cli.output import check_page, check_table, columns_of, local_time, write_rows
from daguerre.results.study_analyses import StudyColumns
from daguerre.storage.tables import read_lines

Names = tuple[str, ...]
MODEL = options.option(
    "--model", section="Model", show_default="the only one", help="Model whose vectors of the study are read."
)
MAJORITY = options.input_option(
    "--majority", is_flag=True, help="Let most coders decide where they differ and no adjudicator has decided."
)


def prefix(default: str) -> options.Decorator:
    """The option that names the columns."""
    return options.output_option("--prefix", default=default, show_default=True, help="Name of the first column.")


def _written(settings: Settings, found: StudyColumns, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(dict(found.answer)))
        return
    for label, count in found.counts.items():
        click.echo(f"{label}: {count:,}")
    missing = f", {found.missing:,} without a vector" if found.missing else ""
    settings.notify(f"{found.study}: {found.n:,} items{missing}; columns {', '.join(found.columns)}")


@options.command("zero-shot")
@NAME
@options.input_option("--label", "labels", multiple=True, help="Label to score; can be repeated.")
@options.input_option("--labels-file", type=options.FILE, help="File of labels, one per line.")
@options.input_option("--preset", help="Named question of `daguerre zero-shot --list-presets`, in place of labels.")
@options.input_option("--template", "templates", multiple=True, help="Prompt template with one {}; can be repeated.")
@options.option("--multi-label", is_flag=True, help="Score each label independently of the others.")
@options.option("--none-of-these", help="Text that competes with the labels; an item that it fits best gets no label.")
@options.option("--min-cosine", type=float, help="Items whose best cosine is below this get no label.")
@MODEL
@prefix("label")
@options.as_json
@click.pass_obj
def zero_shot(
    settings: Settings,
    name: str,
    labels: Names,
    labels_file: str | None,
    preset: str | None,
    templates: Names,
    multi_label: bool,
    none_of_these: str | None,
    min_cosine: float | None,
    model: str | None,
    prefix: str,
    as_json: bool,
) -> None:
    """Label all items of a study that have a vector, into columns of labels and scores."""
    every = [*labels, *(read_lines(labels_file) if labels_file else ())]
    if not every and preset is None:
        raise click.UsageError("give labels with --label or --labels-file, or a --preset")
    with settings.client() as client:
        found = client.study(name).zero_shot(
            every or None,
            preset=preset,
            templates=list(templates) or None,
            multi_label=multi_label,
            none_of_these=none_of_these,
            none_min_cosine=min_cosine,
            model=model,
            prefix=prefix,
        )
    _written(settings, found, as_json)


@options.command("cluster")
@NAME
@options.input_option("--vocabulary", type=options.FILE, help="File of names for clusters, one per line.")
@options.input_option("--known", metavar="COLUMN", help="Column of known labels, for ARI, NMI and purity.")
@cluster_parameters
@options.seed
@MODEL
@prefix("cluster")
@options.report
@options.as_json
@click.pass_obj
def cluster(
    settings: Settings, /, name: str, vocabulary: str | None, page: str | None, as_json: bool, **given: Any
) -> None:
    """Cluster all items of a study that have a vector, into columns of clusters, silhouettes and a map."""
    check_page(page)
    words = None if vocabulary is None else read_lines(vocabulary)
    with settings.client() as client:
        found: Any = client.study(name).cluster(vocabulary=words, **{k: v for k, v in given.items() if v is not None})
        if page is not None:
            found.report(page, pictures="none")
    if as_json:
        click.echo(json.dumps({"id": found.id, "clusters": [each.size for each in found.clusters]}))
        return
    for each in found.clusters:
        named = f" {each.names[0].label}" if each.names else ""
        click.echo(f"{each.id}: {each.size:,}{named}")
    settings.notify(f"{name}: {len(found.clusters)} clusters, {found.unclustered:,} items in none")


@options.command("duplicates")
@NAME
@options.option(
    "--kind",
    type=click.Choice(["exact", "near", "semantic"]),
    default="near",
    show_default=True,
    help="Same bytes; perceptual hashes that differ in few bits; or vectors with a high cosine.",
)
@options.option("--threshold", type=float, show_default="learned", help="Lowest cosine of duplicates, for semantic.")
@options.option("--bits", type=click.IntRange(0, 31), default=8, show_default=True, help="Differing bits, for near.")
@MODEL
@prefix("duplicate")
@options.as_json
@click.pass_obj
def duplicates(settings: Settings, /, name: str, kind: Any, as_json: bool, **given: Any) -> None:
    """Find duplicates among the items of a study, into columns of groups and of what is kept."""
    with settings.client() as client:
        found: Any = client.study(name).duplicates(kind, **given)
    if as_json:
        click.echo(json.dumps({"id": found.id, "groups": len(found.groups), "extra": len(found.extra)}))
    else:
        click.echo(f"{name}: {len(found.groups):,} groups, {len(found.extra):,} items could go")


@options.command("train")
@NAME
@click.argument("classifier")
@VARIABLE
@CATEGORY
@ASSIGNMENT
@MAJORITY
@options.input_option("--feature", "features", multiple=True, metavar="COLUMN", help="Column of numbers; repeatable.")
@options.input_option("--groups", metavar="COLUMN", help="Column of authors: a group is never divided by a split.")
@options.balanced
@options.seed
@MODEL
@options.report
@click.pass_obj
def train(settings: Settings, /, name: str, classifier: str, page: str | None, features: Names, **given: Any) -> None:
    """Train a CLASSIFIER from the codes of a study, and print its report."""
    check_page(page)
    with settings.client() as client:
        made: Any = client.study(name).train(
            classifier, given.pop("variable"), features=list(features) or None, **given
        )
        if page is not None:
            made.save_report(page, pictures="none")
    click.echo(repr(made.report))
    settings.notify(f"{made.id}: trained")


@options.command("predict")
@NAME
@click.argument("classifier")
@options.output_option("--prefix", show_default="the classifier's name", help="Name of the first column.")
@options.as_json
@click.pass_obj
def predict(settings: Settings, name: str, classifier: str, prefix: str | None, as_json: bool) -> None:
    """Predict all items of a study that have a vector, into columns of labels and probabilities."""
    with settings.client() as client:
        found = client.study(name).predict(classifier, prefix=prefix)
    _written(settings, found, as_json)


@options.command("estimate")
@NAME
@VARIABLE
@CATEGORY
@ASSIGNMENT
@MAJORITY
@options.input_option("--classifier", help="Classifier that predicts the corpus; or --prediction.")
@options.input_option("--prediction", "predictions", multiple=True, metavar="COLUMN", help="Column; can be repeated.")
@options.input_option("--by", multiple=True, metavar="COLUMN", help="Column whose values are compared; repeatable.")
@options.input_option("--group", metavar="COLUMN", help="Column of the account, author or source of each item.")
@options.input_option("--time", metavar="COLUMN", help="Column of numbers, such as years, for a linear trend.")
@options.option("--positive", help="Label that is estimated.")
@options.option("--width", type=float, help="Width of an interval, to plan further codes.")
@options.confidence
@options.output_option("-o", "--out", help="Write the estimates to this .csv or .parquet file.")
@options.report
@options.as_json
@click.pass_obj
def estimate(
    settings: Settings,
    /,
    name: str,
    predictions: Names,
    confidence: float | None,
    out: str | None,
    page: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Estimate shares of labels in a study, or a mean, corrected for the errors of predictions by its codes."""
    if (given["classifier"] is None) == (not predictions):
        raise click.UsageError("give either --classifier or --prediction")
    check_page(page, out)
    if out is not None:
        check_table(out)
    level: dict[str, Any] = {} if confidence is None else {"confidence": confidence}
    with settings.client() as client:
        found = client.study(name).estimate(
            given.pop("variable"), predictions=list(predictions) or None, **given, **level
        )
        if page is not None:
            found.report(page)
    if out is not None:
        write_rows(found.rows(), out)
    if as_json:
        click.echo(json.dumps(found.answer))
        return
    for line in repr(found)[1:-1].splitlines():
        click.echo(line)


@options.command("label")
@NAME
@options.option("--labeller", show_default="the server's", help="Labeller, as `daguerre labellers` lists it.")
@options.input_option(
    "--variable", "variables", multiple=True, help="Variable of the codebook; can be repeated. Left out: all of items."
)
@options.input_option("--filter", "filters", multiple=True, help='Condition that items fulfil, such as "score>=0.5".')
@options.option("--fixed-order", is_flag=True, help="Keep the codebook's order of categories, in place of drawn ones.")
@options.seed
@options.output_option("--prefix", show_default="the labeller's name", help="Prefix of the columns.")
@options.option("--dry-run", is_flag=True, help="Print the prompt and the cost, and send nothing to the labeller.")
@options.option("--yes", is_flag=True, help="Do not ask before items are sent to the labeller.")
@options.as_json
@click.pass_obj
def label(
    settings: Settings,
    /,
    name: str,
    labeller: str | None,
    variables: Names,
    filters: Names,
    fixed_order: bool,
    seed: int,
    prefix: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Label the items of a study by its codebook, into columns, with a labeller that the server's owner has set up.

    The items are sent to the labeller's host, after the plan was shown and confirmed.
    """
    with settings.client() as client:
        study = client.study(name)
        plan = study.label_plan(
            labeller=labeller,
            variables=list(variables) or None,
            filters=list(filters),
            category_order="fixed" if fixed_order else "permuted",
            seed=seed,
        )
        settings.notify(str(plan))
        if dry_run:
            click.echo(plan.prompt["system"])
            return
        if not yes:
            where = f"to {plan.host}" if plan.host else "to the labeller"
            click.confirm(f"Send {plan.items:,} items {where}?", abort=True, err=True)
        found: Any = study.label(plan, prefix=prefix)
    if as_json:
        click.echo(json.dumps(dict(found.answer)))
        return
    for column, counts in found.counts.items():
        click.echo(f"{column}: " + ", ".join(f"{value} {n:,}" for value, n in counts.items()))
    settings.notify(repr(found)[1:-1])


@options.command("runs")
@NAME
@options.as_json
@click.pass_obj
def runs(settings: Settings, name: str, as_json: bool) -> None:
    """List what was done with a study, the newest first."""
    with settings.client() as client:
        found = client.study(name).runs()
    if as_json:
        click.echo(json.dumps(found))
        return
    rows = [("number", "operation", "created", "columns")]
    rows += [
        (str(each["number"]), each["operation"], local_time(each["created"]), ", ".join(each["columns"][:4]))
        for each in found
    ]
    for line in columns_of(rows, right={0}):
        click.echo(line)


@options.command("export")
@NAME
@options.output_option("-o", "--out", type=options.NEW_FILE, required=True, help="Write the archive to this .zip file.")
@click.pass_obj
def export(settings: Settings, name: str, out: str) -> None:
    """Write codes, codebook, designs, columns and how they were made into a .zip, without pictures and vectors."""
    if not out.lower().endswith(".zip"):
        raise click.UsageError(f"--out: got {out}; name a .zip file")
    with settings.client() as client:
        client.study(name).export(out)
    settings.notify(f"{out}: the study {name}")


COMMANDS = (zero_shot, label, cluster, duplicates, train, predict, estimate, runs, export)
