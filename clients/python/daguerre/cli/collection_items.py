"""The options --collection and --where: a command takes items of a collection on the server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from daguerre import Client
from daguerre.cli.chosen import chosen_items
from daguerre.inputs.metadata import condition, joined_conditions
from daguerre.types.common import listed

NAME, WHERE = "daguerre.collection", "daguerre.where"  # keys of the context
WHERE_HELP = (
    "Condition on the items, such as 'year>=2020', 'source=a', 'source in a,b', 'source not in a,b' or 'year exists'; "
    "can be repeated, and all must hold."
)
COLLECTION_HELP = "Items of this collection on the server, in place of images, texts or vectors."
SIGNS = {"=": "eq", "!=": "ne", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
RULE = re.compile(
    r"\s*(?P<name>.+?)\s*(?:(?P<sign><=|>=|!=|=|<|>)(?P<value>.*)"
    r"|\s(?P<word>not\s+in|in)\s(?P<values>.+)|\s(?P<exists>(?:not\s+)?exists)\s*)",
    re.DOTALL,
)


@dataclass(frozen=True)
class StoredChoice:
    """The items of a collection that a command takes; `where` are the conditions as they were written."""

    name: str
    where: Sequence[str]

    def open(self, client: Client) -> Any:
        """The items, in place of embeddings; those of --ids alone, where the command has the option."""
        found = client.collection(self.name)
        chosen = found.where(parsed_where(self.where, found.fields)) if self.where else found
        wanted = chosen_items()
        return chosen if wanted is None else wanted.embeddings(client.run(chosen.asynchronous.stored()))


def keep_collection(context: click.Context, parameter: click.Parameter, name: str | None) -> None:
    """Keep the value of --collection for `stored_choice`."""
    context.meta[NAME] = name


def keep_where(context: click.Context, parameter: click.Parameter, where: tuple[str, ...]) -> None:
    """Keep the values of --where for `stored_choice`."""
    context.meta[WHERE] = where


def stored_choice() -> StoredChoice | None:
    """The collection of the running command; None without the option. Raises UsageError for --where alone."""
    context = click.get_current_context(silent=True)
    meta: Mapping[Any, Any] = {} if context is None else context.meta
    name, where = meta.get(NAME), meta.get(WHERE) or ()
    if name is None and where:
        raise click.UsageError("--where is for the items of a --collection; give it too")
    return None if name is None else StoredChoice(name, where)


def parsed_where(texts: Sequence[str], fields: Mapping[str, str]) -> dict[str, Any] | None:
    """Conditions of the command line as the server takes them. Raises UsageError, ValueError.

    Parameters
    ----------
    fields : types of the collection's fields, as which values are read.
    """
    found: dict[str, Any] | None = None
    for text in texts:
        rule = RULE.fullmatch(text)
        if rule is None:
            raise click.UsageError(
                f"--where: {text!r} is no condition; write for example 'year>=2020' or 'source in a,b'"
            )
        name = rule["name"]
        if name not in (known := (*fields, "id", "modality", "text")):
            raise click.UsageError(f"--where: the collection has no field {name!r}; there are {listed(known, 20)}")
        if rule["exists"]:
            operators: dict[str, Any] = {"exists": not rule["exists"].startswith("not")}
        elif rule["word"]:
            values = [value.strip() for value in rule["values"].split(",")]
            operators = {"in" if rule["word"] == "in" else "not_in": values}
        else:
            operators = {SIGNS[rule["sign"]]: rule["value"].strip()}
        found = joined_conditions(found, condition({name: operators}, fields))
    return found
