"""The folder of a job: the files of its submission, removed at its end, and its results, kept as long as the job.

A failed job keeps the answers of its labeller as long, so that a repeat does not ask for them again.
"""

import shutil
from contextlib import suppress
from pathlib import Path

RESULTS = "result"  # the folder of the results, within that of the job
PAID = "answers.jsonl"  # the journal of a labeller's answers
KEPT = {"succeeded": RESULTS, "failed": PAID}  # by the state of a job that has ended


def empty(folder: Path, state: str) -> None:
    """Remove the files of a job's submission; a job that has ended in `state` keeps the rest."""
    try:
        entries = list(folder.iterdir())
    except FileNotFoundError:
        return
    for path in entries:
        if path.name == KEPT.get(state):
            with suppress(OSError):  # a file, or not empty: the job has results
                path.rmdir()
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    with suppress(OSError):  # not empty: it contains results
        folder.rmdir()


def remove(folder: Path) -> None:
    """Remove the folder of a job with all its files, also while another process removes some. Raises OSError.

    A request that has opened a file reads it to its end.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
