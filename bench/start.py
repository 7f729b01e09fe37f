"""Start of the server by phase, of this checkout and of an older one in turns.

    python -m bench.start --old ../main --home ~/.cache/daguerre --rounds 7      # about 2 minutes

Each start is a `python -m service` with default settings and a state of its own; models and analysers of `--home` are
linked to, and have to be there. Starts alternate, in an order drawn anew in each round; the first round fills the page
cache and is left out. Phases end with a line of the server's log: the check of the settings and models; the supervisor,
when it has started its processes; the imports of the entry process; its models, when it says that they are ready. The
last one ends with the first 200 of /readyz. Printed are medians of seconds, and of CPU seconds of all processes.
"""

import argparse
import contextlib
import http.client
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench.servers import ROOT, free_port

PHASES = {  # the end of a phase, as the log has it
    "check": "daguerre: http://",
    "supervisor": "Starting production",
    "imports": "Service daguerre initialized",
    "models": "ready: ",
}
ANSWER = "answer"
PATIENCE = 60.0


def cpu_seconds(process: psutil.Process) -> float:
    """CPU seconds of a process and of its descendants so far."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def state(home: Path, folder: Path) -> Path:
    """A home with links to the models and analysers of another."""
    for kind in ("models", "analysers"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for path in (home / kind).glob("[!.]*-*"):
            if path.is_dir() and not (folder / kind / path.name).exists():
                (folder / kind / path.name).symlink_to(path)
    return folder


def start(root: Path, home: Path) -> dict[str, tuple[float, float]]:
    """Start the server of the checkout `root`, and stop it: seconds and CPU seconds at the end of each phase."""
    port = free_port()
    others = {name: value for name, value in os.environ.items() if not name.startswith(("DAGUERRE_", "BENTOML_"))}
    env = {**others, "DAGUERRE_HOME": str(home), "DAGUERRE_GRPC_PORT": str(free_port())}
    begun = time.perf_counter()
    command = [sys.executable, "-m", "service", "--port", str(port)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    server = psutil.Popen(command, cwd=root, env=env, text=True, **pipes)
    ends: dict[str, tuple[float, float]] = {}
    lines: list[str] = []
    left = dict(PHASES)
    try:
        while left:
            line = server.stdout.readline()
            if not line or time.perf_counter() - begun > PATIENCE:
                raise SystemExit(f"{root} did not start: {''.join(lines[-5:])}")
            lines.append(line)
            for phase in [phase for phase, words in left.items() if words in line]:
                ends[phase] = time.perf_counter() - begun, cpu_seconds(server)
                del left[phase]
        while True:
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            asked.request("GET", "/readyz")
            if asked.getresponse().status == 200:
                break
            time.sleep(0.01)
        ends[ANSWER] = time.perf_counter() - begun, cpu_seconds(server)
        return ends
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="an older checkout; none: this one alone")
    parser.add_argument("--home", type=Path, default=Path.home() / ".cache" / "daguerre")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    roots = {"new": ROOT, **({"old": given.old.resolve()} if given.old else {})}
    starts: dict[str, list[dict[str, tuple[float, float]]]] = {name: [] for name in roots}
    loads = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory(prefix="daguerre-start-") as folder:
        for lap in range(given.rounds + 1):
            for name in random.Random(lap).sample(list(roots), len(roots)):
                ends = start(roots[name], state(given.home.expanduser(), Path(folder) / name))
                starts[name] += [ends] if lap else []
            loads.append(os.getloadavg()[0])
    print("| start | " + " | ".join(f"{phase} s | CPU-s" for phase in (*PHASES, ANSWER)) + " |")
    print("| --- " * (2 * len(PHASES) + 3) + "|")
    for name, runs in starts.items():
        medians = [statistics.median(run[phase][i] for run in runs) for phase in (*PHASES, ANSWER) for i in (0, 1)]
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in medians) + " |")
        ready = sorted(run[ANSWER][0] for run in runs)
        print(f"{name}: ready after {ready[0]:.2f} to {ready[-1]:.2f} s", file=sys.stderr)
    print(f"\n{given.rounds} starts each, in turns; seconds since the start; load {min(loads):.1f} to {max(loads):.1f}")


if __name__ == "__main__":
    main()
