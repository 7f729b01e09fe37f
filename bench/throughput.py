"""Images per second and latency of the service, beside the in-process bound, in one interleaved run.

README.md says what each number means. Nothing else should run on the machine meanwhile.
"""

import argparse
import dataclasses
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.bound import Bound, Config
from bench.jpegs import jpegs
from bench.load import REQUEST_TIMEOUT, Generator, Result, quantile
from bench.servers import PLACEMENTS, ROOT, Server, ServerFailed
from bench.sink import Sink
from bench.throughput_table import report
from bench.workers import Worker
from models.catalog.folder import ModelFolder, open_folder, open_or_export
from models.errors import ModelUnavailable

CORES = len(os.sched_getaffinity(0))
RESULTS = ROOT / "bench" / "results"
MODELS = ("embedded", "clip")
ENCODINGS = ("json", "multipart", "grpc")
QUICK: dict[str, Any] = {
    "rounds": 1,
    "seconds": 1.0,
    "calibration": 0.2,
    "batches": [1, 8],
    "models": ["embedded"],
    "placements": ["inline"],
    "loads": ["1x1", "32x1", "4x32"],
    "out": RESULTS / "raw" / "quick.json",
}
SETTLE = 0.3  # seconds after the others were stopped or the server went on
Json = dict[str, Any]


class Subject:
    """One model: its bound in a process of its own, and its servers."""

    def __init__(self, folder: ModelFolder, entry: str, bound: Worker) -> None:
        self.folder = folder
        self.entry = entry
        self.name = folder.spec.name
        self.bound = bound
        self.servers: dict[str, Server] = {}
        self.configs: dict[str, Config] = {}
        self.pace = 0.0


class Run:
    """The whole run; `results` fills as it goes."""

    def __init__(self, given: argparse.Namespace, stack: ExitStack) -> None:
        self._given = given
        photos = list(jpegs())
        self._random = random.Random(0)
        self._home: Path = given.work / "home"
        self._home.mkdir(parents=True, exist_ok=True)
        self._subjects = []
        for key in given.models:
            folder, entry = _model(key, self._home, given.work)
            self._subjects.append(
                Subject(folder, entry, stack.enter_context(Worker(Bound, str(folder.path), photos, CORES)))
            )
        self._generator = stack.enter_context(Worker(Generator, photos))
        self._sink = stack.enter_context(Worker(Sink))
        self._stack = stack
        self.results: Json = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "settings": {k: v for k, v in vars(given).items() if k not in ("out", "work", "quick")},
            "photos": {"count": len(photos), "mean_bytes": statistics.fmean(map(len, photos))},
            "calibration": {},
            "bound": {s.name: {"encode": [], "decode_encode": [], "single": [], "loaded": []} for s in self._subjects},
            "cells": [],
            "failed": {},
        }

    def calibrate(self) -> None:
        """Find the bound's best configurations; no server has been started yet."""
        for subject in self._subjects:
            say(f"{subject.name}: calibrating the bound")
            found = subject.bound.ask(
                "calibrate", batches=self._given.batches, seconds=self._given.calibration, timeout=900
            )
            subject.configs = {kind: ranked[0][0] for kind, ranked in found.items()}
            subject.pace = found["encode"][0][1]
            self.results["calibration"][subject.name] = {
                kind: [{**dataclasses.asdict(config), "value": value} for config, value in ranked]
                for kind, ranked in found.items()
            }

    def start(self) -> None:
        """Start every server, one after the other, and pause it."""
        for subject in self._subjects:
            for placement in self._given.placements:
                log = self._given.work / f"{subject.name}-{placement}.log"
                server = Server(placement, subject.entry, self._home, log)
                self._stack.enter_context(server)
                try:
                    server.wait_ready()
                except ServerFailed as exc:
                    say(str(exc))
                    self._lost(subject, placement, "did not become ready; its log says why")
                    server.stop()
                    continue
                server.pause()
                subject.servers[placement] = server
                say(f"{subject.name}: {placement} is ready")

    def round(self, number: int) -> None:
        """Everything once, in an order of its own."""
        for subject in self._random.sample(self._subjects, len(self._subjects)):
            placements = self._random.sample(list(subject.servers), len(subject.servers))
            for placement in placements:
                self._bound(subject, number, "encode")
                self._server(subject, number, placement)
            for kind in ("decode_encode", "single"):
                self._bound(subject, number, kind)
            self._loaded(subject, number)
            self._bound(subject, number, "encode")

    def _bound(self, subject: Subject, number: int, kind: str) -> None:
        say(f"round {number + 1}: {subject.name}: in-process {kind}")
        time.sleep(SETTLE)
        found = subject.bound.ask(kind, config=subject.configs[kind], seconds=self._given.seconds, timeout=120)
        self._keep(subject, number, kind, found)

    def _loaded(self, subject: Subject, number: int) -> None:
        """The bound while the generator sends as much to a service that does nothing."""
        seconds = self._given.seconds
        load = {"encoding": "json", "clients": 32, "images": 1, "rate": subject.pace}
        self._generator.begin(
            "run", port=self._sink.ask("port"), model=subject.name, seconds=seconds + 2, warm=0, **load
        )
        time.sleep(0.5)
        found = subject.bound.ask("encode", config=subject.configs["encode"], seconds=seconds, timeout=120)
        self._generator.result(timeout=seconds + REQUEST_TIMEOUT)
        self._keep(subject, number, "loaded", found)

    def _keep(self, subject: Subject, number: int, kind: str, found: Any) -> None:
        if kind == "single":
            kept: Json = {"p50": statistics.median(found)}
        else:
            kept = dataclasses.asdict(found)
        self.results["bound"][subject.name][kind].append({"round": number, **kept})

    def _server(self, subject: Subject, number: int, placement: str) -> None:
        server = subject.servers[placement]
        server.resume()
        time.sleep(SETTLE)
        cells = [(encoding, load) for encoding in self._given.encodings for load in self._given.loads]
        for encoding, load in self._random.sample(cells, len(cells)):
            if not self._still_there(subject, number, placement):
                return
            clients, images = map(int, load.split("x"))
            say(f"round {number + 1}: {subject.name}: {placement}: {encoding} {load}")
            cpu = server.cpu_seconds()
            found: Result = self._generator.ask(
                "run",
                port=server.grpc_port if encoding == "grpc" else server.port,
                model=subject.name,
                encoding=encoding,
                clients=clients,
                images=images,
                seconds=self._given.seconds,
                warm=self._given.warm,
                timeout=self._given.warm + self._given.seconds + 3 * REQUEST_TIMEOUT,
            )
            self.results["cells"].append(
                {
                    "round": number,
                    "model": subject.name,
                    "placement": placement,
                    "encoding": encoding,
                    "clients": clients,
                    "images": images,
                    "images_per_second": found.images_per_second,
                    "p50": quantile(found.latencies, 0.5),
                    "p99": quantile(found.latencies, 0.99),
                    "requests": found.requests,
                    "errors": found.errors,
                    "cpu_per_image": max(0.0, server.cpu_seconds() - cpu) / max(1, found.images),
                    "generator_cpu_per_image": found.generator_cpu / max(1, found.images),
                    "rss": server.rss(),
                }
            )
        if self._still_there(subject, number, placement):
            server.pause()

    def _still_there(self, subject: Subject, number: int, placement: str) -> bool:
        if subject.servers[placement].alive:
            return True
        self._lost(subject, placement, f"ended in round {number + 1}; what it did not answer is among its errors")
        del subject.servers[placement]
        return False

    def _lost(self, subject: Subject, placement: str, why: str) -> None:
        self.results["failed"][f"{subject.name} {placement}"] = why
        say(f"{subject.name}: {placement}: {why}")


def _model(key: str, home: Path, work: Path) -> tuple[ModelFolder, str]:
    """The model's folder, made if need be, and its entry for DAGUERRE_MODELS."""
    if key == "embedded":
        return open_or_export(key, home), key
    path = work / "clip"
    try:
        return open_folder(path), str(path)
    except ModelUnavailable:
        say("making the CLIP folder")
        subprocess.run([sys.executable, "-m", "bench.clip_folder", str(path)], cwd=ROOT, check=True, timeout=300)
        return open_folder(path), str(path)


def machine() -> Json:
    names = ("bentoml", "numpy", "onnxruntime-gpu", "pillow", "uvloop", "httptools", "grpcio")
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return {
        "cores": CORES,
        "processor": processor,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
        "load_average_before": os.getloadavg(),
    }


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each cell in each round")
    parser.add_argument("--warm", type=float, default=0.5, help="seconds before that")
    parser.add_argument("--calibration", type=float, default=1.5, help="seconds of each configuration of the bound")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 8, 16, 32], help="that the bound may have")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--placements", nargs="+", choices=list(PLACEMENTS), default=list(PLACEMENTS))
    parser.add_argument("--encodings", nargs="+", choices=ENCODINGS, default=list(ENCODINGS))
    parser.add_argument("--loads", nargs="+", default=["1x1", "8x1", "32x1", "4x32"], help="clients x images")
    parser.add_argument("--work", type=Path, default=RESULTS / "raw", help="for models and logs")
    parser.add_argument("--out", type=Path, default=RESULTS / "throughput.json")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run of less than a minute; its figures say little"
    )
    if parser.parse_args().quick:
        parser.set_defaults(**QUICK)
    return parser.parse_args()


def terminate(*_: object) -> None:
    """Leave by way of every `with`, which stops the servers; a second signal must not cut that short."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit("terminated")


def main() -> None:
    given = _given()
    given.work = given.work.absolute()
    signal.signal(signal.SIGTERM, terminate)
    with ExitStack() as stack:
        run = Run(given, stack)
        run.calibrate()
        run.start()
        for number in range(given.rounds):
            run.round(number)
            run.results["machine"]["load_average_after"] = os.getloadavg()
            given.out.parent.mkdir(parents=True, exist_ok=True)
            given.out.write_text(json.dumps(run.results, indent=1) + "\n")  # what is measured is kept
    print(report(run.results))


if __name__ == "__main__":
    main()
