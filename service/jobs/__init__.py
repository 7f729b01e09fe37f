"""Durable jobs: long tasks in processes of their own, which survive requests, restarts and kill -9.

    queue.py        Jobs: submit, get, list, cancel and delete, for pipelines
    table.py        the jobs, and the transitions between their states
    folders.py      the files of a job: those of its submission, and its results
    kinds.py        the kinds of jobs, and the lane in which each runs
    worker.py       the process of one lane, which runs its jobs one after the other
    supervisor.py   in the entry service: starts workers for lanes with jobs, ends those that do not stop

A worker holds its lane's lock as long as it runs. A process that gets the lock therefore knows that jobs in state
running were interrupted: they are queued again, or fail after the second interruption without progress. (huey on SQLite
removes a task from its queue at the start, so that a killed process loses it; it cannot end a running task, and states,
owners, progress and lists would need our own tables anyway.)
"""

from service.jobs.queue import Jobs
from service.jobs.table import Cancelled, Job, State

__all__ = ["Cancelled", "Job", "Jobs", "State"]
