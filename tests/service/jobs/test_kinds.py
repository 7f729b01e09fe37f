"""Kinds of job for the tests of jobs, run by real workers; and what holds of kinds themselves."""

import itertools
import json
import os
import signal
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest

from models.errors import TrainingError
from service.jobs.kinds import ENTRY_LANE, LANES, Context, Kind, kinds
from service.jobs.kinds import KINDS as REAL

WHERE = "tests.service.jobs.test_kinds:KINDS"
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
    """How often this job has begun, itself included."""
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


def test_kinds_are_found_by_name():
    assert kinds(WHERE).keys() == KINDS.keys()
    assert kinds(WHERE)["patient"].function().__name__ == "patient"


@pytest.mark.parametrize("name", REAL)
def test_each_kind_of_the_service_names_a_function_in_a_lane(name):
    if REAL[name].lane == ENTRY_LANE:  # done by service/app.py's EntryLane
        assert not REAL[name].run
        return
    module, _, function = REAL[name].run.partition(":")
    source = Path(*module.split(".")).with_suffix(".py")
    assert REAL[name].lane in LANES
    assert f"def {function}(context: Context)" in (Path(__file__).parents[3] / source).read_text(encoding="utf-8")
