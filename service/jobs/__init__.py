"""Durable jobs: long work in a process of its own, which outlives requests, restarts and kill -9.

    queue.py        Jobs: submit, get, list, cancel; what pipelines call
    table.py        the jobs, and the transitions between their states
    database.py     their SQLite file: schema, migrations, transactions
    kinds.py        what kinds of job there are, and in which lane each runs
    worker.py       the process of one lane: takes a job, does it, takes the next
    supervisor.py   in the entry service: starts workers where there is work, ends those that do not stop

A worker holds its lane's lock for as long as it lives, so that who has the lock knows that a job said to be running
belongs to nobody: it is queued again, or, the second time without progress, has failed. (huey on SQLite takes a task
off its queue when it begins: one whose process is killed is lost to it. A running task cannot be ended, and states,
owners, progress and lists would be tables of our own all the same.)
"""

from service.jobs.queue import Jobs
from service.jobs.table import Cancelled, Job, State

__all__ = ["Cancelled", "Job", "Jobs", "State"]
