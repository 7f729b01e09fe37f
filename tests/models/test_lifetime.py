"""Processes that end with the one that started them."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from models.lifetime import ROOT, run_module

CHILD = """
import subprocess, sys, os
code = "import os; from models.lifetime import die_with; die_with(int(os.environ['P'])); print(os.getpid(), flush=True)"
code += "; {work}"
subprocess.run([sys.executable, "-c", code], env={**os.environ, "P": str(os.getpid())})
"""


@pytest.mark.parametrize(
    "work", ["import time; time.sleep(60)", "sum(range(10**12))"], ids=["waits", "in one call of C"]
)
def test_a_child_ends_with_its_killed_parent(work: str):
    program = CHILD.replace("{work}", work)
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    gone, _ = psutil.wait_procs([child], timeout=5)
    assert gone
    parent.stdout.close()


def test_a_child_of_a_parent_that_is_gone_does_not_begin():
    done = subprocess.run(
        [sys.executable, "-m", "models.lifetime", "1", "this"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_module_runs_with_its_arguments_and_its_exit_code():
    done = run_module("models", "list", "--home", "/nowhere")
    assert done.returncode == 0
    assert "embedded" in done.stdout
    assert run_module("models", "none").returncode == 2


def test_a_module_that_takes_too_long_is_killed():
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run_module("http.server", "0", "--bind", "127.0.0.1", timeout=0.5)
    assert time.monotonic() - began < 30
