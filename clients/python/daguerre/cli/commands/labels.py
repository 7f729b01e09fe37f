"""`daguerre label` and `daguerre labellers`."""

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import SOME_FAILED, Settings
from daguerre.cli.output import check_page, check_table, finish, keep_earlier, refuse_vectors, write_rows
from daguerre.inputs.crops import CroppedImages
from daguerre.types.labels import usage_note


@options.command()
@partial(options.takes_items, models=options.options())
@options.input_option(
    "--codebook", type=options.FILE, required=True, help="Codebook, a .yaml or .json file, as for coders."
)
@options.input_option(
    "--examples",
    type=click.Path(exists=True),
    help="Folder of the pictures that the codebook names as examples; they are shown to the labeller.",
)
@options.option("--labeller", show_default="the server's", help="Labeller, as `daguerre labellers` lists it.")
@options.option("--template", type=options.FILE, help="File of instructions with {variables} and {answer}.")
@options.option(
    "--permute",
    type=click.Choice(["categories", "variables"]),
    multiple=True,
    help="Draw an order of these for each item; can be repeated.",
)
@options.option("--temperature", type=float, default=0.0, show_default=True, help="Temperature of the model.")
@options.option(
    "--max-tokens", type=int, default=1000, show_default=True, help="Maximum number of tokens of an answer."
)
@options.seed
@options.option("--dry-run", is_flag=True, help="Print the prompt and the cost, and send nothing to the labeller.")
@options.option("--retry-errors", is_flag=True, help="Ask again about items that failed earlier (.parquet only).")
@options.table_out
@options.output_option("--answers", help="File of the raw answers.", show_default="NAME.answers.jsonl beside --out")
@options.json_summary
@click.pass_obj
def label(
    settings: Settings,
    /,
    images: Any,
    texts: list[str] | None,
    ids: list[str] | None,
    codebook: str,
    examples: str | None,
    labeller: str | None,
    template: str | None,
    permute: tuple[str, ...],
    temperature: float,
    max_tokens: int,
    seed: int,
    dry_run: bool,
    retry_errors: bool,
    out: str,
    answers: str | None,
    as_json: bool,
) -> None:
    """Label images or texts by a codebook, with a labeller that the server's owner has set up.

    The items are sent to the labeller's host, which `daguerre labellers` names, unless it is a model of the server
    itself. The table has a row for each item: id,
    a column for each variable, cannot_tell, error. NAME.answers.jsonl beside it has the receipt, the prompt and the
    raw answers.

    A run of images into a .parquet file can be stopped at any moment and started again: nothing is asked twice.
    """
    refuse_vectors(images)
    kind = ".csv" if dry_run else check_table(out, as_json)
    if retry_errors and (kind != ".parquet" or texts is not None):
        raise click.UsageError("--retry-errors needs images and --out FILE.parquet")
    method: dict[str, Any] = {
        "codebook": codebook,
        "labeller": labeller,
        "template": None if template is None else _text(template),
        "examples": examples,
        "category_order": "permuted" if "categories" in permute else "fixed",
        "variable_order": "permuted" if "variables" in permute else "fixed",
        "temperature": temperature,
        "max_tokens": max_tokens,
        "seed": seed,
    }
    with settings.client() as client:
        if dry_run:
            plan = client.label_plan(images, texts, **method)
            questions = [f"{each['text']}\n\n" for each in plan.prompt.get("questions") or ()]
            text = f"{plan.prompt['system']}\n\n{''.join(questions)}{plan}"
            click.echo(json.dumps(asdict(plan), ensure_ascii=False) if as_json else text)
            return
        if kind == ".parquet" and texts is None and not isinstance(images, CroppedImages):
            if answers is not None:
                raise click.UsageError("--answers: this run goes on from the file beside --out; leave the option out")
            done = client.label_corpus(images, out, retry_errors=retry_errors, **method)
            settings.notify(str(done))
            if as_json:
                click.echo(json.dumps(asdict(done)))
            sys.exit(SOME_FAILED if done.failed else 0)
        made = client.label(images, texts, ids=ids, **method)
    if answers is None and out != "-":
        answers = str(Path(out).with_suffix(".answers.jsonl"))
    keep_earlier(out, len(made), made.errors)
    columns = made.wide_columns()
    texts = [columns[each["name"]] for each in made.codebook["variables"] if each["kind"] == "text"]
    write_rows(made.wide(), out, written=(*texts, "message"))
    if answers is not None:
        made.write_answers(answers)
    else:
        settings.notify(
            "the raw answers, the prompt and the receipt are not kept: write the table to a file with --out"
        )
    settings.notify(f"{out}: {made!r}; {usage_note(made.usage)}")
    summary = {"out": out, "answers_out": answers, "n": len(made), "receipt": dict(made.receipt), "usage": made.usage}
    finish(settings, made.errors, summary, as_json)


def _text(path: str) -> str:
    with open(path, encoding="utf-8-sig") as file:
        return file.read()


@options.command()
@options.as_json
@click.pass_obj
def labellers(settings: Settings, as_json: bool) -> None:
    """List the labellers of the server: where each sends items, and what is kept."""
    with settings.client() as client:
        cards = client.labellers()
    if as_json:
        click.echo(json.dumps([asdict(card) for card in cards]))
        return
    for card in cards:
        place = "on this server" if card.host is None else f"at {card.host}"
        click.echo(f"{card.name}: {card.model} {place}{' (default)' if card.default else ''}")
        click.echo(f"    {card.sent}")
        click.echo(f"    {card.kept}")
    if not cards:
        click.echo("no labellers; the server's owner sets them up: docs/labels.md")


@options.command("position-bias")
@click.argument("files", nargs=-1, required=True, metavar="LABELS.parquet…", type=options.FILE)
@options.seed
@options.as_json
@click.pass_obj
def position_bias(settings: Settings, /, files: tuple[str, ...], seed: int, as_json: bool) -> None:
    """Measure whether categories are chosen more often where they stand in the question.

    The files are those of `daguerre label --permute categories`. Several of the same items, by other seeds, tell how
    often an answer stays the same.
    """
    with settings.client() as client:
        found = client.position_bias([client.read_labels(path) for path in files], seed=seed)
    if as_json:
        click.echo(json.dumps(found.answer))
        return
    for line in found.lines():
        click.echo(line)
    for remark in found.remarks:
        settings.notify(f"  {remark}")


@options.command("label-report")
@click.argument("file", metavar="LABELS.parquet", type=options.FILE)
@options.output_option("-o", "--out", type=options.NEW_FILE, required=True, help="Write the page to this .html file.")
@options.input_option(
    "--codes",
    type=options.FILE,
    help="Codes of a random sample: a table with a column for each coded variable.",
)
@options.input_option(
    "--repeat",
    "repeats",
    multiple=True,
    type=options.FILE,
    help="Labels of the same items by another seed; can be repeated.",
)
@options.input_option("--root", type=options.FOLDER, help="Folder of the images, for the page.")
@options.pictures
@options.tables
@click.pass_obj
def label_report(
    settings: Settings,
    /,
    file: str,
    out: str,
    codes: str | None,
    repeats: tuple[str, ...],
    root: str | None,
    pictures: Any,
    tables: str | None,
) -> None:
    """Write the labels of `daguerre label` as one HTML page: shares, doubtful items, errors, prompt and receipt.

    With codes it has the validation and the corrected shares; with permuted categories, their position bias.
    """
    check_page(out, None, tables)
    with settings.client() as client:
        made: Any = client.read_labels(file)
        made.report(
            out,
            codes=codes,
            repeats=[client.read_labels(path) for path in repeats],
            images=root,
            pictures=pictures or "blurred",
            tables=tables,
        )
    settings.notify(options.report_line(out, tables))
