"""`daguerre models` and `daguerre ping`."""

import json
import sys
from dataclasses import asdict

import click

from daguerre.cli import options
from daguerre.cli.group import UNREACHABLE, Settings


@options.command()
@options.as_json
@click.pass_obj
def models(settings: Settings, as_json: bool) -> None:
    """List the models of the server."""
    with settings.client(retry_for=0) as client:
        cards = client.models()
    if as_json:
        click.echo(json.dumps([asdict(card) for card in cards]))
        return
    for card in cards:
        takes = "+".join(card.modalities) + (", zero-shot" if card.zero_shot else "")
        default = " (default)" if card.default else ""
        click.echo(f"{card.id}{default}: {takes}; {card.dimension} dimensions; {card.licence}; {card.fingerprint}")
        if card.notice:
            click.echo(f"    {card.notice}")


@options.command()
@options.as_json
@click.pass_obj
def ping(settings: Settings, as_json: bool) -> None:
    """Check whether the server is reachable and ready."""
    with settings.client(retry_for=0, timeout=10) as client:
        pong = client.ping()
    if as_json:
        click.echo(json.dumps(asdict(pong)))
    else:
        state = "ready" if pong.ready else "loading its models"
        click.echo(f"daguerre {pong.version}, {state}, {1000 * pong.seconds:.0f} ms")
    sys.exit(0 if pong.ready else UNREACHABLE)
