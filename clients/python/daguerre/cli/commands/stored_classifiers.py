"""`daguerre classifiers`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_page, columns_of, local_time
from daguerre.types.common import PageMode, listed


@options.command("classifiers")
@options.option(
    "--delete", metavar="NAME", help="Delete the classifier NAME@3, or every version of NAME, and print which."
)
@options.output_option(
    "--report",
    "page",
    nargs=2,
    metavar="NAME FILE",
    help="Write the report of a classifier again, as an HTML page.",
)
@options.input_option("--root", type=options.FOLDER, help="Folder of the images, to show errors in the report.")
@options.pictures
@options.tables
@options.as_json
@click.pass_obj
def classifiers(
    settings: Settings,
    delete: str | None,
    page: tuple[str, str] | None,
    root: str | None,
    pictures: PageMode | None,
    tables: str | None,
    as_json: bool,
) -> None:
    """List the trained classifiers, delete one, or write its report again."""
    if delete is not None and page is not None:
        raise click.UsageError("give either --delete or --report")
    if root is not None and page is None:
        raise click.UsageError("--root needs --report")
    if pictures is not None and page is None:
        raise click.UsageError("--pictures needs --report")
    check_page(None if page is None else page[1], tables=tables)
    with settings.client() as client:
        if delete is not None:
            gone = client.delete_classifier(delete)
            many = f"{len(gone):,} version{'s' * (len(gone) != 1)}"
            click.echo(json.dumps({"deleted": gone}) if as_json else f"deleted: {', '.join(gone)} ({many})")
            return
        if page is not None:
            clf = client.classifier(page[0])
            clf.save_report(page[1], images=root, pictures=pictures or "blurred", tables=tables)
            written = "" if tables is None else f"; {tables}: its tables and figures"
            settings.notify(f"{page[1]}: the report of {clf.id}{written}")
            if as_json:
                click.echo(json.dumps({"classifier": clf.id, "report": page[1]}))
            return
        every = client.classifiers()
    if as_json:
        click.echo(json.dumps(every, default=list))
        return
    for line in card_lines(every):
        click.echo(line)


def card_lines(cards: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each classifier under a line of headings; one of an earlier service has no number of items."""
    rows = [("id", "task", "items", "created", "labels")]
    for card in cards:
        usable = "" if card["usable"] else "  (needs a model that is not running)"
        items = "-" if card.get("coded") is None else f"{card['coded']:,}"
        rows.append((card["id"], card["task"], items, local_time(card["created"]), listed(card["labels"], 6) + usable))
    return columns_of(rows, right={2})
