"""`daguerre jobs`."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import columns_of, local_time
from daguerre.types.jobs import Job


@options.command("jobs")
@options.option("--cancel", metavar="ID", help="Cancel the job with this id.")
@options.option("--delete", metavar="ID", help="Delete the ended job with this id, and its result.")
@options.as_json
@click.pass_obj
def jobs(settings: Settings, cancel: str | None, delete: str | None, as_json: bool) -> None:
    """List your jobs, the newest first, or cancel or delete one."""
    if cancel is not None and delete is not None:
        raise click.UsageError("give either --cancel or --delete")
    with settings.client() as client:
        if delete is not None:
            gone = client.delete_job(delete)
            click.echo(json.dumps({"deleted": gone.id}) if as_json else f"deleted: {gone.id} ({gone.kind})")
            return
        listed = [client.cancel_job(cancel)] if cancel else client.jobs()
    if as_json:
        click.echo(json.dumps([vars(job) for job in listed], default=dict))
        return
    for line in job_lines(listed):
        click.echo(line)


def job_lines(jobs: Sequence[Job]) -> list[str]:
    """A line for each job under a line of headings: id, kind, name, items, state, times, and the error or the stage."""
    rows = [("id", "kind", "name", "items", "state", "submitted", "took", "")]
    for job in jobs:
        done = f" {job.progress:.0%}" if job.state == "running" else ""
        last = job.error["message"] if job.error else job.stage if job.state == "running" else ""
        made = (job.result or {}).get("classifier")
        name = str(made or job.name or "-")
        items = "-" if job.n is None else f"{job.n:,}"
        rows.append((job.id, job.kind, name, items, job.state + done, local_time(job.created), _took(job), last))
    return columns_of(rows, right={3, 6})


def _took(job: Job) -> str:
    """The seconds or minutes of a job so far."""
    if job.started is None:
        return "-"
    end = datetime.now(UTC) if job.ended is None else datetime.fromisoformat(job.ended)
    seconds = max((end - datetime.fromisoformat(job.started)).total_seconds(), 0)
    return (
        f"{seconds:.0f} s"
        if seconds < 60
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
