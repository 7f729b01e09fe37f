"""`python -m bench.gpu --output FOLDER` measures the torch backend on a GPU, in eight minutes.

Parts run in the order of their worth, each in a process of its own with a limit, and every result is written when it is
found: a run that is killed leaves what it had. `--device cpu --tiny` runs the same code in a minute; its figures mean
nothing.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.gpu import wheels

BUDGET = 470.0  # seconds of all parts
PATIENCE = 6  # times as long where `--tiny` runs on a machine that others use too


@dataclass(frozen=True)
class Part:
    """A function of a module of this package, its arguments, and the seconds after which it is ended."""

    call: str
    seconds: float
    arguments: tuple[str, ...] = ()


PARTS = {
    "machine": Part("sessions.machine", 25),
    "pixels-b32": Part("sessions.pixels", 70, ("clip-b32",)),
    "uploads": Part("served.uploads", 130),
    "pixels-l14": Part("sessions.pixels", 60, ("clip-l14",)),
    "agreement": Part("sessions.agreement", 60),
    "gpu-jpeg": Part("decode.decode", 30),
    "gpu-jpeg-service": Part("decode.service", 60),
    "where": Part("sessions.where", 25),
    "full-gpu": Part("served.full_gpu", 45),
    "memory": Part("served.memory", 70),
    "jpegs": Part("sessions.jpegs", 25),
    "pixels-so400m": Part("sessions.pixels", 60, ("siglip2-so400m",)),
    "pixels-b16": Part("sessions.pixels", 40, ("clip-b16",)),
    "compiled": Part("sessions.compiled", 90),
}
TINY_PARTS = tuple(name for name in PARTS if name not in ("pixels-l14", "pixels-b16"))


def run_part(name: str, given: argparse.Namespace) -> None:
    """Run one part in this process."""
    from importlib import import_module

    from bench.gpu.common import Place

    module, _, function = PARTS[name].call.partition(".")
    call: Callable[..., None] = getattr(import_module(f"bench.gpu.{module}"), function)
    call(Place(given.device, given.tiny, given.work, given.output / "results.jsonl"), *PARTS[name].arguments)


def run_all(given: argparse.Namespace, site: Path | None) -> None:
    """Run the parts one after the other, and write the table after each."""
    started = time.monotonic()
    results = given.output / "results.jsonl"
    for name in given.parts:
        patience = PATIENCE if given.tiny else 1
        left = patience * given.budget - (time.monotonic() - started)
        limit = min(patience * PARTS[name].seconds, left)
        if limit < 5:
            note(results, name, 0.0, "left out: the time was over")
            continue
        begun = time.monotonic()
        command = [sys.executable, "-m", "bench.gpu", "--part", name, "--device", given.device]
        command += ["--output", str(given.output), "--work", str(given.work), *(["--tiny"] if given.tiny else [])]
        log = given.output / "log.txt"
        with log.open("a") as out:
            print(f"--- {name}", file=out, flush=True)
            process = subprocess.Popen(
                command, env=wheels.environment(site), cwd=wheels.ROOT, stdout=out, stderr=out, start_new_session=True
            )
            try:
                ended = f"status {process.wait(limit)}"
            except subprocess.TimeoutExpired:
                ended = f"ended after {limit:.0f} s"
                end(process)
        note(results, name, time.monotonic() - begun, ended)
        from bench.gpu import table

        (given.output / "results.md").write_text(table.markdown(table.read(results)))


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a part with the servers that it started, which lead groups of their own."""
    import psutil

    tree = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for each in tree:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()


def note(results: Path, name: str, seconds: float, ended: str) -> None:
    """Write how a part ended."""
    import json

    line = {"part": "end", "device": "", "of": name, "seconds": round(seconds, 1), "ended": ended}
    with results.open("a") as out:
        out.write(json.dumps(line) + "\n")
    print(f"{name}: {ended}, {seconds:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=Path("OUT"), help="folder for results.jsonl, results.md and log.txt"
    )
    parser.add_argument("--device", default="cuda:0", help="cuda:N, or cpu [default: %(default)s]")
    parser.add_argument("--tiny", action="store_true", help="small networks and short runs; the figures mean nothing")
    parser.add_argument("--wheels", type=Path, help="folder that python -m bench.gpu.wheels has made")
    parser.add_argument("--work", type=Path, help="folder for models and logs [default: a temporary one]")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds of all parts [default: %(default)s]")
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="[default: all, in this order]")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.output = given.output.absolute()
    given.output.mkdir(parents=True, exist_ok=True)
    if given.part:
        run_part(given.part, given)
        return
    given.parts = given.parts or (TINY_PARTS if given.tiny else tuple(PARTS))
    with tempfile.TemporaryDirectory(prefix="daguerre-gpu-") as temporary:
        given.work = given.work.absolute() if given.work else Path(temporary)
        given.work.mkdir(parents=True, exist_ok=True)
        site = None
        if given.wheels:
            site = given.work / "site"
            wheels.install(given.wheels, site)
            sys.path.insert(0, str(site))
        run_all(given, site)
    print((given.output / "results.md").read_text() if (given.output / "results.md").exists() else "no results")


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
