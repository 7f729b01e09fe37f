"""`daguerre study create|list|folders|add|columns|codebook|assign|token|progress|agreement|codes|annotations|delete`.

Further commands of the group are in study_data.py.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import REFUSED, SOME_FAILED, Settings
from daguerre.cli.output import check_table, columns_of, failures, local_time
from daguerre.corpus.exchange.formats import PROGRAMS, read_annotations, write_annotations
from daguerre.corpus.exchange.marks import marks_of
from daguerre.types.common import listed

NAME = click.argument("name")
ASSIGNMENT = options.input_option("--assignment", help="Name of the assignment; the only one if left out.")
VARIABLE = options.input_option("--variable", help="Name of the variable; the only one if left out.")
CATEGORY = options.input_option("--category", help="Category of a variable with several, coded yes or no.")
Names = tuple[str, ...]


@click.group("study")
def study() -> None:
    """Make studies on the server, give their coders tokens, and fetch the codes."""


@study.command("create", cls=options.Command)
@NAME
@options.input_option("--folder", help="Folder below the server's DAGUERRE_DATA whose pictures are the items.")
@options.input_option("--collection", help="Collection on the server whose items, texts and vectors are copied.")
@options.option("--title", default="", help="Title that coders read.")
@click.pass_obj
def create(settings: Settings, name: str, folder: str | None, collection: str | None, title: str) -> None:
    """Make a study, of a folder of the server or of pictures that are sent with `daguerre study add`."""
    if folder is not None and collection is not None:
        raise click.UsageError("give either --folder or --collection")
    with settings.client() as client:
        made = client.create_study(name, folder=folder, collection=collection, title=title)
    out = made.card.get("left_out")
    settings.notify(f"{name}: {made.card['items']:,} items" + (f", {out:,} files left out" if out else ""))


@study.command("list", cls=options.Command)
@options.as_json
@click.pass_obj
def list_studies(settings: Settings, as_json: bool) -> None:
    """List your studies, the newest first."""
    with settings.client() as client:
        found = client.studies()
    if as_json:
        click.echo(json.dumps(found))
        return
    rows = [("name", "items", "codes", "created", "assignments")]
    for each in found:
        counts = (f"{each['items']:,}", f"{each['codes']:,}")
        rows.append((each["name"], *counts, local_time(each["created"]), ", ".join(each["assignments"])))
    for line in columns_of(rows, right={1, 2}):
        click.echo(line)


@study.command("folders", cls=options.Command)
@click.argument("within", default="", metavar="[FOLDER]")
@click.pass_obj
def folders(settings: Settings, within: str) -> None:
    """List the folders of the server below DAGUERRE_DATA, of which studies can be made."""
    with settings.client() as client:
        for name in client.data_folders(within):
            click.echo(name)


@study.command("add", cls=options.Command)
@NAME
@click.argument("images", nargs=-1, required=True, metavar="IMAGE…")
@click.pass_obj
def add(settings: Settings, name: str, images: Names) -> None:
    """Send pictures (files, folders, globs), which the server keeps until the study is deleted."""
    with settings.client() as client:
        found = client.study(name)
        errors = found.add(images[0] if len(images) == 1 else list(images))
        settings.notify(f"{name}: {found.describe()['items']:,} items")
    if errors:
        settings.notify(failures(errors))
        raise SystemExit(SOME_FAILED)


@study.command("columns", cls=options.Command)
@NAME
@click.argument("table", type=options.FILE)
@click.pass_obj
def columns(settings: Settings, name: str, table: str) -> None:
    """Write the columns of a table with a column id: labels, scores, clusters, to filter and draw by."""
    with settings.client() as client:
        kinds = client.study(name).set_columns(table)
    settings.notify(f"{name}: " + ", ".join(f"{column} ({kind})" for column, kind in kinds.items()))


@study.command("codebook", cls=options.Command)
@NAME
@click.argument("file", type=options.FILE, required=False)
@options.output_option("--out", type=options.NEW_FILE, help="Write the codebook to this .yaml or .json file.")
@options.option("--version", type=click.IntRange(1), show_default="the newest", help="Version to write.")
@click.pass_obj
def codebook(settings: Settings, name: str, file: str | None, out: str | None, version: int | None) -> None:
    """Save the codebook of a study (.yaml or .json), or write it to --out."""
    if (file is None) == (out is None):
        raise click.UsageError("give a codebook to save, or --out to write it to a file")
    if version is not None and out is None:
        raise click.UsageError("--version needs --out")
    with settings.client() as client:
        found = client.study(name)
        if file is not None:
            settings.notify(f"{name}: codebook version {found.set_codebook(file)}")
        else:
            found.codebook(version, save=out)
            settings.notify(f"{out}: the codebook of {name}")


@study.command("assign", cls=options.Command)
@NAME
@click.argument("assignment")
@options.input_option("--coder", "coders", multiple=True, required=True, help="Name of a coder; can be repeated.")
@options.input_option("--adjudicator", "adjudicators", multiple=True, help="Name of an adjudicator; can be repeated.")
@options.input_option("--size", type=click.IntRange(1), help="Number of items to draw.")
@options.input_option("--strata", metavar="COLUMN", help="Column of strata, to draw a stratified sample.")
@options.input_option("--scores", metavar="COLUMN", help="Column of scores, to draw the highest.")
@options.option(
    "--uniform",
    type=click.FloatRange(0, 1, min_open=True),
    help="Draw more of the uncertain --scores instead, with known probabilities, of which this share is uniform.",
)
@options.input_option("--filter", "filters", multiple=True, help="Condition as in score>=0.5; can be repeated.")
@options.input_option("--items", type=options.FILE, help="Table of ids, with inclusion_prob and stratum, to assign.")
@options.input_option("--pairs", type=options.FILE, help="Table of pairs with the ids a and b.")
@options.option(
    "--allocation",
    type=click.Choice(["proportional", "equal", "floor"]),
    default="proportional",
    show_default=True,
    help="Sizes of the strata's samples.",
)
@options.option("--floor", type=click.IntRange(0), default=0, show_default=True, help="Minimum number per stratum.")
@options.option("--overlap", type=click.IntRange(1), show_default="all", help="Number of coders of each item.")
@options.seed
@options.output_option(
    "--tokens", "out", type=options.NEW_FILE, required=True, help="Write the tokens, shown this once, to this .csv."
)
@click.pass_obj
def assign(settings: Settings, /, name: str, assignment: str, out: str, **given: Any) -> None:
    """Draw items, or name them, and distribute them among coders, each of whom gets a token."""
    if given["strata"] is not None and given["scores"] is not None:
        raise click.UsageError("give either --strata or --scores")
    if Path(out).suffix.lower() != ".csv":
        raise click.UsageError(f"--tokens: got {out}; name a .csv file")
    if given["uniform"] is not None and given["scores"] is None:
        raise click.UsageError("--uniform needs --scores")
    scored = "purposive" if given["uniform"] is None else "active"
    design: Any = "stratified" if given["strata"] else scored if given["scores"] else "simple"
    given["uniform"] = given["uniform"] or 0.2
    with settings.client() as client:
        made = client.study(name).assign(assignment, given.pop("coders"), design=design, **given)
    made.save_tokens(out)
    inference = "" if made.fit_for_inference else ", without known inclusion probabilities"
    settings.notify(f"{assignment}: {made.units:,} {made.kind}{inference}; {out}: {len(made.tokens)} tokens")


@study.command("token", cls=options.Command)
@NAME
@click.argument("assignment")
@click.argument("person")
@options.option("--revoke", is_flag=True, help="Make the token invalid in place of giving a new one.")
@options.option("--adjudicator", is_flag=True, help="Add the person as an adjudicator.")
@click.pass_obj
def token(settings: Settings, name: str, assignment: str, person: str, revoke: bool, adjudicator: bool) -> None:
    """Print a new token for a coder, in place of the old one, or revoke it."""
    with settings.client() as client:
        found = client.study(name)
        if revoke:
            was = found.revoke(assignment, person)
            settings.notify(f"{person}: " + ("the token is no longer valid" if was else "there was no valid token"))
        else:
            click.echo(found.new_token(assignment, person, adjudicator=adjudicator))


@study.command("progress", cls=options.Command)
@NAME
@click.argument("assignment", required=False)
@options.as_json
@click.pass_obj
def progress(settings: Settings, name: str, assignment: str | None, as_json: bool) -> None:
    """Print what is coded, what differs and what is decided; of the only assignment, if none is named."""
    with settings.client() as client:
        found = client.study(name).progress(assignment)
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(
        f"{found['complete']:,} of {found['units']:,} are coded, {found['differing']:,} differ, "
        f"{found['adjudicated']:,} of these are decided"
    )
    rows = [("name", "role", "done", "of", "cannot tell", "last")]
    for each in found["coders"]:
        counts = [f"{each[field]:,}" for field in ("done", "assigned", "cannot_tell")]
        rows.append((each["name"], each["role"], *counts, local_time(each["last"] or "")))
    for line in columns_of(rows, right={2, 3, 4}):
        click.echo(line)


@study.command("agreement", cls=options.Command)
@NAME
@ASSIGNMENT
@VARIABLE
@CATEGORY
@options.as_json
@click.pass_obj
def agreement(
    settings: Settings, name: str, assignment: str | None, variable: str | None, category: str | None, as_json: bool
) -> None:
    """Print the agreement of the coders so far."""
    with settings.client() as client:
        found = client.study(name).agreement(variable, assignment=assignment, category=category)
    if as_json:
        click.echo(json.dumps({each: vars(value) for each, value in found.coefficients.items() if value is not None}))
        return
    for each, value in found.coefficients.items():
        if value is not None and value.value is not None:
            click.echo(f"{each}: {value.value:.3f} ({value.low:.3f} to {value.high:.3f})")


@study.command("codes", cls=options.Command)
@NAME
@ASSIGNMENT
@VARIABLE
@CATEGORY
@options.option(
    "--layout",
    type=click.Choice(["long", "wide", "final"]),
    show_default="wide with --variable, else long",
    help="A row for each code, for each item, or for each item with a final code.",
)
@options.option("--majority", is_flag=True, help="Let most coders decide where nobody has, in layout final.")
@options.csv_out
@click.pass_obj
def codes(settings: Settings, /, name: str, out: str, layout: Any, **given: Any) -> None:
    """Write the codes as a .csv, as the other commands read it."""
    check_table(out, kinds=(".csv",))
    with settings.client() as client:
        table = client.study(name).codes(given.pop("variable"), layout=layout, **given)
    table.save(out)
    settings.notify(f"{out}: {len(table):,} rows")


@study.command("annotations", cls=options.Command)
@NAME
@ASSIGNMENT
@options.input_option("--add", "tasks", type=options.FILE, help="File of another program, to save its annotations.")
@options.option(
    "--for",
    "program",
    type=click.Choice(PROGRAMS),
    show_default="by the file's name",
    help="Program of the file: .json of Label Studio, .xml of CVAT for images 1.1, .csv or .ndjson of 4CAT.",
)
@options.option("--coder", help="Name of the coder who made the annotations of --add, in a file with one coder.")
@options.option(
    "--names", multiple=True, metavar="FROM=TO", help="Coder TO of the annotations of FROM in the file; repeatable."
)
@options.output_option("--out", type=options.NEW_FILE, help="Write the codes to this file.")
@click.pass_obj
def annotations(
    settings: Settings,
    /,
    name: str,
    assignment: str | None,
    tasks: str | None,
    program: Any,
    out: str | None,
    coder: str | None,
    names: Names,
) -> None:
    """Write codes for Label Studio, CVAT or 4CAT, or save their annotations as codes.

    Files of 4CAT with one coder do not have the coder's name: say it with --coder.
    """
    if (tasks is None) == (out is None):
        raise click.UsageError("give --add with annotations to save, or --out to write codes to a file")
    if out is not None and (coder is not None or names):
        raise click.UsageError("--coder and --names apply only to --add")
    added = None if tasks is None else read_annotations(tasks, program)
    people = {} if added is None else _people(added, coder, names)
    with settings.client() as client:
        found = client.study(name)
        if out is not None:
            made = found.label_studio(assignment)
            write_annotations(made, out, program)
            marks = list(marks_of(made))
            settings.notify(f"{out}: {len(marks):,} codes of {len({mark.item for mark in marks}):,} items")
        elif added is not None:
            answer = found.add_label_studio(added, assignment, names=people)
            settings.notify(f"{name}: {answer['codes']:,} codes saved, {answer['unchanged']:,} there already")
            if not answer["codes"] and not answer["unchanged"] and answer["remarks"]:
                raise SystemExit(REFUSED)  # nothing was saved, and the remarks say why


def _people(tasks: Sequence[Any], coder: str | None, names: Names) -> dict[str, str]:
    """The coder of the assignment by each name in the file, as --coder or --names say. Raises UsageError."""
    there = list(dict.fromkeys(mark.by for mark in marks_of(tasks) if not mark.predicted))
    if coder is not None:
        if names:
            raise click.UsageError("give either --coder or --names")
        if len(there) > 1:
            example = f"--names {quote(f'{there[0]}={coder}')}"
            raise click.UsageError(
                f"--coder is for a file with one coder, and this one has {listed(there)}; give {example} for each"
            )
        return dict.fromkeys(there, coder)
    people = {}
    for each in names:
        name, equals, to = each.rpartition("=")
        if not equals or not name or not to:
            raise click.UsageError(f"--names: got {each!r}; give the name in the file, = and that of the coder")
        if name not in there:
            raise click.UsageError(f"--names: {name!r} is no coder of the file, which has {listed(there) or 'none'}")
        people[name] = to
    return people


@study.command("delete", cls=options.Command)
@NAME
@options.as_json
@click.pass_obj
def delete(settings: Settings, name: str, as_json: bool) -> None:
    """Delete a study with its pictures, codes and tokens, and print what was deleted."""
    with settings.client() as client:
        gone = client.delete_study(name)
    if as_json:
        click.echo(json.dumps(gone))
        return
    click.echo(
        f"deleted: {name}: {gone['pictures']:,} pictures that were sent ({gone['bytes']:,} bytes), "
        f"{gone['vectors']:,} vectors, {gone['codes']:,} codes, {len(gone['assignments'])} assignments, "
        f"{gone['codebooks']} codebooks"
    )
