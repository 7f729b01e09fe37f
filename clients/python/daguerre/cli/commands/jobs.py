"""`daguerre jobs`."""

import json

import click

from daguerre.cli.group import Settings


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
