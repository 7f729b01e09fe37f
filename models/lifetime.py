"""Processes that end with the process that started them, even where that is killed.

On Linux the kernel kills them at once, whatever they compute; elsewhere a thread of theirs looks after the parent.
`python -m models.lifetime PARENT MODULE ARGUMENTS …` runs a module in a process of this kind.
"""

import ctypes
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
SUPERVISOR = "_SERVICE_SUPERVISOR"  # environment variable: id of the process of `bentoml serve`
WORKER = "_bentoml_impl.worker.service"  # the module that BentoML's supervisor starts entries and runners with
ROOT = Path(__file__).parents[1]


def die_with(parent: int) -> None:
    """End this process when `parent`, which started it, ends. Call it in the main thread, as early as possible.

    The kernel's signal comes when the thread ends that has started this process: start it from one that lives on.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it has ended already
        os._exit(0)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


def die_with_supervisor() -> None:
    """End this process with BentoML's supervisor, if it is one of its workers; else tell workers whose they are."""
    main = getattr(sys.modules["__main__"], "__spec__", None)
    if main is None or main.name != WORKER:
        os.environ[SUPERVISOR] = str(os.getpid())
        found = os.environ.get("PYTHONPATH")  # workers of a bento are started in another folder
        if str(ROOT) not in (found or "").split(os.pathsep):
            os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *([found] if found else [])])
    elif SUPERVISOR in os.environ:
        die_with(int(os.environ[SUPERVISOR]))


def run_module(module: str, *arguments: str, timeout: float | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a module in a process that ends with this one, and return what it has written.

    Raises subprocess.TimeoutExpired.
    """
    command = [sys.executable, "-m", "models.lifetime", str(os.getpid()), module, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


def main() -> None:
    parent, module, *rest = sys.argv[1:]
    die_with(int(parent))
    sys.argv[1:] = rest
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
