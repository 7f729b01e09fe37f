"""`python -m bench.peers prepare | calibrate | run | report`."""

import argparse
import json
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.peers.arms import PEERS
from bench.peers.calibrate import calibrate
from bench.peers.prepare import prepare, ready
from bench.peers.report import write_page
from bench.peers.run import Run
from bench.peers.stage import Stage
from bench.servers import ROOT
from bench.throughput import RESULTS, say, terminate

OUT = RESULTS / "peers.json"
QUICK_SCALE = 0.4


def _calibrated(work: Path) -> Path:
    return work / "calibration.json"


def _calibrate(work: Path, *, quick: bool = False) -> dict[str, list[Any]]:
    with ExitStack() as stack:
        found = calibrate(Stage(ready(work), work, stack), scale=QUICK_SCALE if quick else 1.0)
    _calibrated(work).write_text(json.dumps(found, indent=1) + "\n")
    return found


def _run(work: Path, *, rounds: int, out: Path, quick: bool) -> None:
    if quick:  # the first options of each
        calibration: dict[str, list[Any]] = {f"{p.name} {p.task}": [{"options": p.options[0]}] for p in PEERS}
    elif _calibrated(work).is_file():
        calibration = json.loads(_calibrated(work).read_text())
    else:
        calibration = _calibrate(work)
    with ExitStack() as stack:
        run = Run(ready(work), work, stack, calibration=calibration, scale=QUICK_SCALE if quick else 1.0)
        run.prepare(**({"batches": (4, 8)} if quick else {}))
        for number in range(rounds):
            run.round(number)
            run.write(out)  # what is measured is kept
    say(f"wrote {out.name}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--work", type=Path, default=RESULTS / "raw" / "peers", help="environments, models and logs")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare", help="install the peers, make the models; about 20 minutes, needs PyPI")
    tune = commands.add_parser("calibrate", help="try each peer's options; `run` does it where it has not been done")
    tune.add_argument("--quick", action="store_true", help="for less time each")
    run = commands.add_parser("run", help="measure; nothing else may run on the machine")
    run.add_argument("--rounds", type=int, default=5)
    run.add_argument("--quick", action="store_true", help="a smoke run: one short round; its figures say little")
    run.add_argument("--out", type=Path, help=f"default {OUT.relative_to(ROOT)}; of a smoke run, in the work folder")
    report = commands.add_parser("report", help="table and plot from the result, into docs/benchmarks-peers.md")
    report.add_argument("--result", type=Path, default=OUT)
    report.add_argument("--docs", type=Path, default=ROOT / "docs")
    given = parser.parse_args()
    work: Path = given.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, terminate)
    if given.command == "prepare":
        prepare(work)
    elif given.command == "calibrate":
        _calibrate(work, quick=given.quick)
    elif given.command == "run":
        out = given.out or (work / "quick.json" if given.quick else OUT)
        _run(work, rounds=1 if given.quick else given.rounds, out=out, quick=given.quick)
    else:
        write_page(json.loads(given.result.read_text()), given.docs)


if __name__ == "__main__":
    main()
