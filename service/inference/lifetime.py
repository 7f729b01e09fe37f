"""Processes that end when the process that started them ends, even by a kill."""

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
SUPERVISOR = "_SERVICE_SUPERVISOR"  # environment variable: id of the process that `python -m service` becomes


def die_with(parent: int) -> None:
    """End this process when `parent`, which started it, ends, since the next one starts processes of its own.

    Call it in the main thread. The kernel's signal comes at once; the thread is for other systems.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)

    if os.getppid() != parent:
        sys.exit(0)
    threading.Thread(target=watch, daemon=True).start()


def die_with_supervisor() -> None:
    """End this process with BentoML's supervisor, if `python -m service` started that."""
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is not None and int(supervisor) != os.getpid():
        die_with(int(supervisor))
