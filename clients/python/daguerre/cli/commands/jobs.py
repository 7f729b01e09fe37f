"""`daguerre jobs`."""

import json

import click

from daguerre.cli import options
from daguerre.cli.group import Settings


@options.command("jobs")
@options.option("--cancel", metavar="ID", help="Cancel the job with this id.")
@options.as_json
@click.pass_obj
def jobs(settings: Settings, cancel: str | None, as_json: bool) -> None:
    """List your jobs, the newest first, or cancel one."""
    with settings.client() as client:
        listed = [client.cancel_job(cancel)] if cancel else client.jobs()
    if as_json:
        click.echo(json.dumps([vars(job) for job in listed], default=dict))
        return
    for job in listed:
        click.echo(f"{job.id}  {job.kind:10} {job.state:10} {job.progress:4.0%}  {job.stage}")
