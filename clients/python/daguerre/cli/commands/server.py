"""`daguerre models` and `daguerre ping`: what there is to ask."""

import json
import sys
from dataclasses import asdict

import click

from daguerre.cli.group import UNREACHABLE, Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The whole cards, as JSON.")
@click.pass_obj
def models(settings: Settings, as_json: bool) -> None:
    """The models that the server has."""
    with settings.client(retry_for=0) as client:
        cards = client.models()
    if as_json:
        click.echo(json.dumps([asdict(card) for card in cards]))
        return
    for card in cards:
        takes = "+".join(card.modalities) + (", zero-shot" if card.zero_shot else "")
        first = " (default)" if card.default else ""
        click.echo(f"{card.id}{first}: {takes}; {card.dimension} numbers; {card.licence}; {card.fingerprint}")
        if card.notice:
            click.echo(f"    {card.notice}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.pass_obj
def ping(settings: Settings, as_json: bool) -> None:
    """Whether the server is there and ready."""
    with settings.client(retry_for=0, timeout=10) as client:
        found = client.ping()
    if as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        state = "ready" if found.ready else "loading its models"
        click.echo(f"daguerre {found.version}, {state}, {1000 * found.seconds:.0f} ms")
    sys.exit(0 if found.ready else UNREACHABLE)
