"""An ordinary caller beside heavy neighbours: the times of its small requests, for each kind of neighbour.

    python -m bench.neighbours                  # all kinds, about 15 minutes on two cores
    python -m bench.neighbours --kinds search,agreement --seconds 10
    python -m bench.neighbours --same-caller    # without keys: both are one address

Each kind has a server of its own. The neighbour and the ordinary caller have keys of their own. Each of the caller's
requests is repeated in a thread of its own, so that one which hangs does not hide the others. A request that is not
answered within --patience counts with that time, and is marked with ">".
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np

from bench.heavy import KINDS
from bench.jpegs import jpegs
from bench.load_grpc import METHOD, message
from bench.servers import ROOT, Process, free_port

OWN, OTHERS = "key-of-the-ordinary-caller", "key-of-the-neighbour"
PREPARED = 240.0  # seconds within which a neighbour has its requests ready
PAUSE = 0.05  # seconds between two requests of the ordinary caller
HEAD = {"authorization": f"Bearer {OWN}"}


@dataclass
class Times:
    """Seconds of one kind of request, and those that failed or hung."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    late: int = 0

    def shown(self) -> str:
        """The median and the 95th percentile."""
        if not self.seconds:
            return "no answer" + (f" ({self.errors[0]})" if self.errors else "")
        half, most = np.percentile(self.seconds, [50, 95], method="higher")
        failed = f", {len(self.errors)} failed ({self.errors[0]})" if self.errors else ""
        return f"{half:.2f} / {'>' if self.late else ''}{most:.2f}{failed}"


def ordinary(server: Process, grpc_port: int, patience: float) -> Mapping[str, Callable[[], str | None]]:
    """The small requests of an ordinary caller; each returns None, or the error."""
    photo = jpegs(1)[0]
    http = httpx.Client(
        base_url=f"http://127.0.0.1:{server.port}", timeout=patience, headers=HEAD, trust_env=False, verify=False
    )
    channel = grpc.insecure_channel(f"127.0.0.1:{grpc_port}")
    embed = channel.unary_unary(METHOD)
    raw = message("embedded", [photo])
    labels = ["a cat", "a cup of coffee", "a rocket"]
    codes = {"coder": ["a", "b"] * 100, "item": [f"i{i}" for i in range(100) for _ in "ab"], "code": [1, 0, 1, 1] * 50}
    file = {"input": ("a.jpg", photo, "image/jpeg")}

    def ok(answer: httpx.Response) -> str | None:
        return None if answer.status_code == 200 else f"{answer.status_code} {answer.text[:150]}"

    def over_grpc() -> str | None:
        try:
            embed(raw, metadata=(("authorization", f"Bearer {OWN}"),), timeout=patience)
        except grpc.RpcError as exc:
            if exc.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                raise TimeoutError from exc
            return str(exc.code().name)
        return None

    return {
        "/livez": lambda: ok(http.get("/livez")),
        "one image, HTTP": lambda: ok(http.post("/v1/embeddings", files=file)),
        "one image, gRPC": over_grpc,
        "zero-shot": lambda: ok(http.post("/v1/zero-shot", data={"labels": labels}, files=file)),
        "GET /v1/classifiers": lambda: ok(http.get("/v1/classifiers")),
        "a small agreement": lambda: ok(http.post("/v1/agreement", json=codes)),
        "a job": lambda: ok(_job(http)),
    }


def _job(http: httpx.Client) -> httpx.Response:
    """Queue a small clustering, which is cancelled at once: whether there is a place in the queue."""
    body = {"input": [{"text": f"a thing of kind {i}"} for i in range(20)], "method": "kmeans", "k": 2, "mode": "job"}
    answer = http.post("/v1/clusters", json=body)
    if answer.status_code == 202:
        return http.post(f"/v1/jobs/{answer.json()['id']}/cancel")
    return answer


def measured(requests: Mapping[str, Callable[[], str | None]], seconds: float, patience: float) -> Mapping[str, Times]:
    """Repeat each request for `seconds`, in a thread of its own."""
    times = {name: Times() for name in requests}
    end = time.monotonic() + seconds

    def loop(name: str) -> None:
        while time.monotonic() < end:
            started = time.monotonic()
            try:
                error = requests[name]()
            except (TimeoutError, httpx.TimeoutException):
                times[name].late += 1
                error = None
            except httpx.HTTPError as exc:
                error = type(exc).__name__
            if error is None:
                times[name].seconds.append(time.monotonic() - started)
            else:
                times[name].errors.append(error)
            time.sleep(PAUSE)

    threads = [threading.Thread(target=loop, args=(name,), daemon=True) for name in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 2 * patience)
    return times


def beside(kind: str, options: argparse.Namespace, folder: Path) -> Mapping[str, Any]:
    """Start a server and a neighbour of `kind`, and measure the ordinary caller."""
    port, grpc_port = free_port(), free_port()
    keys = {} if options.same_caller else {"DAGUERRE_API_KEYS": f"{OWN},{OTHERS}"}
    home = folder / "home"
    env = {"DAGUERRE_HOME": str(home), "DAGUERRE_GRPC_PORT": str(grpc_port), **keys}
    command = [sys.executable, "-m", "service", "--port", str(port)]
    with Process(kind, command, port=port, log=folder / f"{kind}.log", env=env) as server:
        server.wait_ready()
        requests = ordinary(server, grpc_port, options.patience)
        for ask in requests.values():
            ask()  # once, so that nothing is loaded while it is measured
        argv = [sys.executable, "-m", "bench.heavy", kind, f"http://127.0.0.1:{port}", OTHERS]
        log = folder / f"{kind}-neighbour.log"
        with log.open("wb") as out:
            neighbour = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=out)
        try:
            until = time.monotonic() + PREPARED
            while b"ready" not in log.read_bytes():
                if neighbour.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{kind}: the neighbour is not ready: {log.read_text()[-2000:]}")
                time.sleep(0.1)
            assert neighbour.stdin
            neighbour.stdin.write(b"\n")
            neighbour.stdin.flush()
            time.sleep(options.after)
            load = os.getloadavg()[0]
            times = measured(requests, options.seconds, options.patience)
            rss = server.rss()
        finally:
            neighbour.kill()
            neighbour.wait()
        said = log.read_text(errors="replace").splitlines()[1:]
    return {"kind": kind, "times": times, "load": load, "rss": rss, "neighbour": said}


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """The results in Markdown: median / 95th percentile in seconds."""
    names = list(results[0]["times"])
    lines = [f"| beside | {' | '.join(names)} | memory |", "| --- " * (len(names) + 2) + "|"]
    for each in results:
        cells = [each["times"][name].shown() for name in names]
        lines.append(f"| {KINDS[each['kind']].what} | {' | '.join(cells)} | {each['rss'] / 1e9:.1f} GB |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__)
    parser.add_argument("--kinds", default=",".join(KINDS), help="Kinds of neighbours, comma-separated.")
    parser.add_argument("--seconds", type=float, default=15.0, help="Seconds of measuring beside each.")
    parser.add_argument(
        "--after", type=float, default=12.0, help="Seconds from the neighbour's start to the measuring."
    )
    parser.add_argument("--patience", type=float, default=30.0, help="Seconds that a request may take.")
    parser.add_argument("--same-caller", action="store_true", help="Without keys, so that both are one address.")
    parser.add_argument("--home", type=Path, help="DAGUERRE_HOME with exported models. Left out: an empty one.")
    parser.add_argument("--out", type=Path, help="File for the results as JSON.")
    options = parser.parse_args()
    results = []
    for kind in options.kinds.split(","):
        with tempfile.TemporaryDirectory(prefix="daguerre-neighbours-") as name:
            folder = Path(name)
            (folder / "home").mkdir()
            if options.home:
                (folder / "home" / "models").symlink_to((options.home / "models").absolute())
            try:
                results.append(beside(kind, options, folder))
            except SystemExit as exc:
                print(f"{kind}: {exc}", flush=True)
                continue
        print(
            table(results[-1:]).splitlines()[-1],
            f"load {results[-1]['load']:.1f}",
            results[-1]["neighbour"][:3],
            flush=True,
        )
    print(table(results))
    if options.out:
        options.out.write_text(json.dumps(results, default=vars, indent=1))


if __name__ == "__main__":
    main()
