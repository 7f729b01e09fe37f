"""Kinds of job for the tests of jobs, run by real workers, which start faster without pytest."""

import itertools
import json
import os
import signal
import time
from typing import Any, NoReturn

from models.errors import TrainingError
from service.jobs.kinds import Context, Kind

WHERE = "tests.service.jobs.pretended_kinds:KINDS"
SECRET = "/home/somebody/secret"


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("kill -9 has let this process live")


def surroundings(job: Context) -> dict[str, Any]:
    caps = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    found = {path.name: path.read_text() for path in job.folder.iterdir() if path.is_file()}
    said = {"nice": os.nice(0), "threads": job.threads, "caps": caps, "files": found, "pid": os.getpid()}
    return {**said, "params": dict(job.params), "home": str(job.home), "owner": job.owner}


def patient(job: Context) -> dict[str, Any]:
    """Works for params["seconds"] and says so all the time; its stage is its process."""
    begun = time.monotonic()
    while (gone := time.monotonic() - begun) < job.params["seconds"]:
        job.report(gone / job.params["seconds"], f"pid {os.getpid()}")
        time.sleep(0.02)
    return {"pid": os.getpid()}


def busy(job: Context) -> dict[str, Any]:
    """Says where it is once, and then never looks up; signals reach it, as they do any Python."""
    job.report(0.5, f"pid {os.getpid()}")
    begun = time.monotonic()
    while time.monotonic() - begun < job.params["seconds"]:
        pass
    return {}


def deaf(job: Context) -> dict[str, Any]:
    """In one long call of C, which only kill -9 ends; begun again, it is done at once if params say so."""
    lives = lived(job)
    job.report(0.5, f"pid {os.getpid()}")
    if lives <= job.params["lives"]:
        sum(itertools.repeat(1, 10**13))
    return {"lives": lives}


def lived(job: Context) -> int:
    """The number of times that this job has begun, this time included."""
    file = job.folder / "lives"
    with file.open("a") as out:
        out.write("x")
    return len(file.read_text())


def dying(job: Context) -> dict[str, Any]:
    """Dies in its first params["deaths"] lives, at half."""
    lives = lived(job)
    (job.results / f"life {lives}").write_text("")
    job.report(0.5, "half way")
    if lives <= job.params["deaths"]:
        die()
    return {"lives": lives, "results": sorted(path.name for path in job.results.iterdir())}


def advancing(job: Context) -> dict[str, Any]:
    """Gets a quarter further in each life, and dies."""
    step = lived(job)
    job.report(step / 4, f"step {step}")
    return {"steps": step} if step == 4 else die()


def raising(job: Context) -> dict[str, Any]:
    raise ValueError(f"cannot read {SECRET}")


def refusing(job: Context) -> dict[str, Any]:
    raise TrainingError("targets: all are 'protest'; send two classes or more", code="one_class")


def odd_result(job: Context) -> dict[str, Any]:
    return {"a set": {1, 2}}


def writing(job: Context) -> dict[str, Any]:
    (job.folder / "draft").write_text("not to be kept")
    (job.results / "labels.json").write_text(json.dumps([0, 1, -1]))
    return {"file": "labels.json"}


KINDS = {
    function.__name__: Kind(run=f"{__name__}:{function.__name__}", lane="quick")
    for function in (surroundings, patient, busy, deaf, dying, raising, refusing, odd_result, writing)
} | {
    "patient_long": Kind(run=f"{__name__}:patient", lane="long"),
    "dying_resumable": Kind(run=f"{__name__}:dying", lane="quick", resumable=True),
    "advancing": Kind(run=f"{__name__}:advancing", lane="quick", resumable=True),
    "nowhere": Kind(run="tests.service.no_such_module:job", lane="quick"),
}
