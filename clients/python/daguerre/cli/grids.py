"""The option --grid: clustering parameters and their values, of which all combinations are tried."""

from typing import Any

import click

from daguerre.cli.options import Decorator, option

EXAMPLE = '"method=kmeans k=10,20,40"'


def grid_option(help: str, **settings: Any) -> Decorator:
    """The option, which can be repeated."""
    return option("--grid", multiple=True, metavar="PARAMETERS", help=help, **settings)


def combination(text: str) -> dict[str, list[Any]]:
    """Parameters and values of a text such as "method=kmeans k=10,20". Raises UsageError."""
    found: dict[str, list[Any]] = {}
    for word in text.split():
        name, equals, values = word.partition("=")
        if not equals or not name or not all(values.split(",")):
            raise click.UsageError(f"--grid: got {word!r}; write parameters as in {EXAMPLE}")
        found[name.replace("-", "_")] = [_value(each) for each in values.split(",")]
    if not found:
        raise click.UsageError(f"--grid: is empty; write parameters as in {EXAMPLE}")
    return found


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass  # then the next
    return text
