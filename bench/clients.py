"""Overhead of the SDK: the same images through it and the raw load generator, over HTTP and gRPC, in one run.

Each arm sends the same number of images to one server, 32 in a request and 4 requests at once, and is timed from the
first request to the last answer. The SDK reads files from disk, as its users do; the generator has its requests made
beforehand. See README.md for the rest.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.jpegs import jpegs
from bench.load import connection, make
from bench.servers import ROOT, Server
from bench.throughput import MODELS, _model, machine, say
from bench.workers import Worker
from daguerre import Client

AT_ONCE, IMAGES = 4, 32
ARMS = ("raw multipart", "raw json", "raw grpc", "sdk http", "sdk grpc")
Json = dict[str, Any]


class Raw:
    """The generator: a fixed number of requests over four connections, made beforehand."""

    def __init__(self, photos: Sequence[bytes]) -> None:
        self._photos = photos

    def run(self, *, port: int, model: str, encoding: str, requests: int) -> tuple[float, float]:
        """Seconds of wall clock, and of CPU, for that many requests."""
        made = make(encoding, model, [self._photos[i % len(self._photos)] for i in range(IMAGES)])

        async def one(mine: int) -> None:
            link, vectors = await connection(encoding, port)
            for _ in range(mine):
                status, body = await link.ask(made)
                if status != 200 or vectors(body) != IMAGES:
                    raise RuntimeError(f"{encoding}: answered {status}")
            await link.close()

        async def all_of_them() -> None:
            await asyncio.gather(*(one(requests // AT_ONCE) for _ in range(AT_ONCE)))

        cpu, started = time.process_time(), time.perf_counter()
        asyncio.run(all_of_them())
        return time.perf_counter() - started, time.process_time() - cpu


class Sdk:
    """The SDK in a process of its own, over files on disk."""

    def __init__(self, folder: str, count: int) -> None:
        files = sorted(Path(folder).iterdir())
        self._files = [files[i % len(files)] for i in range(count)]

    def run(self, *, url: str, model: str) -> tuple[float, float]:
        with Client(url, model=model, chunk_items=IMAGES, in_flight=AT_ONCE, progress=False, retry_for=0) as client:
            client.ping()
            cpu, started = time.process_time(), time.perf_counter()
            if not client.embed(images=self._files, on_error="raise").ok.all():
                raise RuntimeError("some failed")
            return time.perf_counter() - started, time.process_time() - cpu


def rounds(given: argparse.Namespace, results: Json) -> None:
    """Every arm once a round, in an order drawn anew."""
    photos = list(jpegs())
    requests = given.requests
    rng = random.Random(0)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        for i, photo in enumerate(photos):
            (Path(folder) / f"{i:02d}.jpg").write_bytes(photo)
        raw = stack.enter_context(Worker(Raw, photos))
        sdk = stack.enter_context(Worker(Sdk, folder, requests * IMAGES))
        servers = {}
        for key in given.models:
            found, entry = _model(key, given.work / "home", given.work)
            server = stack.enter_context(
                Server("inline", entry, given.work / "home", given.work / f"clients-{key}.log")
            )
            server.wait_ready()
            server.pause()
            servers[found.spec.name] = server
        for number in range(-1, given.rounds):  # the first is for warming up
            for name, server in servers.items():
                server.resume()
                for arm in rng.sample(ARMS, len(ARMS)):
                    say(f"round {number + 1}: {name}: {arm}")
                    before = server.cpu_seconds()
                    kind, _, way = arm.partition(" ")
                    port = server.grpc_port if way == "grpc" else server.port
                    if kind == "raw":
                        found = raw.ask("run", port=port, model=name, encoding=way, requests=requests, timeout=300)
                    else:
                        found = sdk.ask("run", url=f"{way}://127.0.0.1:{port}", model=name, timeout=300)
                    if number >= 0:
                        n = requests * IMAGES
                        cell = {"round": number, "model": name, "arm": arm, "images_per_second": n / found[0]}
                        cell |= {"client_cpu_per_image": found[1] / n}
                        cell |= {"server_cpu_per_image": (server.cpu_seconds() - before) / n}
                        results["cells"].append(cell)
                server.pause()


RSS = """
import resource, sys
from daguerre import Client
from pathlib import Path
files = sorted(Path(sys.argv[2]).iterdir())
with Client(sys.argv[1], progress=False) as client:
    if sys.argv[4] == "embed":
        client.embed(images=(files[i % len(files)] for i in range(int(sys.argv[3]))))
    else:
        import os
        client.embed_corpus((f"{sys.argv[5]}/{i:06d}.jpg" for i in range(int(sys.argv[3]))), sys.argv[5] + ".parquet")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def memory(given: argparse.Namespace, results: Json) -> None:
    """Peak memory of a client process at 1,000 and 10,000 files, each in a process of its own."""
    photos = list(jpegs())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "photos").mkdir()
        for i, photo in enumerate(photos):
            (folder / "photos" / f"{i:02d}.jpg").write_bytes(photo)
        _, entry = _model("embedded", given.work / "home", given.work)
        server = stack.enter_context(Server("inline", entry, given.work / "home", given.work / "clients-memory.log"))
        server.wait_ready()
        for way in ("embed", "embed_corpus"):
            for n in given.files:
                many = folder / f"{way}-{n}"
                many.mkdir()
                for i in range(n):
                    os.link(folder / "photos" / f"{i % len(photos):02d}.jpg", many / f"{i:06d}.jpg")
                say(f"memory: {way} of {n} files")
                url = f"http://127.0.0.1:{server.port}"
                command = [sys.executable, "-c", RSS, url, str(folder / "photos"), str(n), way, str(many)]
                peak = subprocess.run(command, capture_output=True, text=True, check=True, timeout=900, cwd=ROOT).stdout
                results["memory"].append(
                    {"way": way, "files": n, "peak_mb": float(peak), "server_mb": server.rss() / 1e6}
                )


def report(results: Json) -> str:
    """The results as Markdown."""
    lines = [
        f"{results['date']}; load average {results['machine']['load_average_before'][0]:.2f} before, "
        f"{results['machine']['load_average_after'][0]:.2f} after; {results['settings']['rounds']} rounds of "
        f"{results['settings']['requests'] * IMAGES} images, {AT_ONCE} requests of {IMAGES} at once. Ratios within the "
        "round; median, smallest and largest.",
        "",
        "| model | arm | images/s | of raw multipart | of the raw one | client CPU ms/image | server CPU ms/image |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    cells = results["cells"]
    for model in dict.fromkeys(cell["model"] for cell in cells):
        rates = {arm: _by_round(cells, model, arm, "images_per_second") for arm in ARMS}
        for arm in ARMS:
            base = {"sdk http": "raw multipart", "sdk grpc": "raw grpc"}.get(arm)
            cpu = [
                1000 * statistics.median(_by_round(cells, model, arm, f"{who}_cpu_per_image").values())
                for who in ("client", "server")
            ]
            lines.append(
                f"| {model} | {arm} | {statistics.median(rates[arm].values()):.1f} | "
                f"{_ratio(rates[arm], rates['raw multipart'])} | "
                f"{_ratio(rates[arm], rates[base]) if base else ''} | {cpu[0]:.2f} | {cpu[1]:.1f} |"
            )
    lines += ["", "| client process | files | peak RSS MB | server RSS MB after |", "| --- | --- | --- | --- |"]
    lines += [f"| {m['way']} | {m['files']:,} | {m['peak_mb']:.0f} | {m['server_mb']:.0f} |" for m in results["memory"]]
    return "\n".join(lines)


def _by_round(cells: Sequence[Json], model: str, arm: str, field: str) -> dict[int, float]:
    return {cell["round"]: cell[field] for cell in cells if (cell["model"], cell["arm"]) == (model, arm)}


def _ratio(ours: dict[int, float], theirs: dict[int, float]) -> str:
    found = [ours[number] / theirs[number] for number in ours]
    return f"{statistics.median(found):.2f} [{min(found):.2f}, {max(found):.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.clients", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=24, help="of 32 images, in each arm and round")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--files", type=int, nargs="*", default=[1000, 10_000], help="for the memory of a client")
    parser.add_argument("--work", type=Path, default=ROOT / "bench" / "results" / "raw")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "clients.json")
    given = parser.parse_args()
    given.work = given.work.absolute()
    (given.work / "home").mkdir(parents=True, exist_ok=True)
    results: Json = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "settings": {"rounds": given.rounds, "requests": given.requests},
        "cells": [],
        "memory": [],
    }
    rounds(given, results)
    memory(given, results)
    results["machine"]["load_average_after"] = os.getloadavg()
    given.out.write_text(json.dumps(results, indent=1) + "\n")
    print(report(results))


if __name__ == "__main__":
    main()
