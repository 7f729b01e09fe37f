"""Memory, start and speed of a server with packed weights beside one without, and with one session in place of two.

    python -m bench.memory --home /tmp/home --model clip            # about 5 minutes
    python -m bench.memory --home ~/.cache/daguerre --model embedded --items text

Three servers of one model take turns, in an order drawn anew in each round: two that share packed weights
(`DAGUERRE_PACKED=true`, the default), without (`false`), and without a second session (`DAGUERRE_SOLO=false`). In each
round one client and then 32 send single items; the others are stopped meanwhile. Ratios are taken within the round, of
the median latency of one client, of items per second at 32 x 1 and of CPU seconds per item. RSS and PSS are those of
all processes of a server after its last round. A start is the time from the command to the first 200 of /readyz, with
everything in the page cache, and its CPU seconds; RSS counts a page once for each place where it is mapped.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.jpegs import jpegs
from bench.load import Generator, quantile
from bench.peers import texts
from bench.peers.wire import ENCODINGS
from bench.servers import Process, free_port

ARMS = {
    "packed": {},
    "not packed": {"DAGUERRE_PACKED": "false"},
    "one session": {"DAGUERRE_PACKED": "false", "DAGUERRE_SOLO": "false"},
}
SEED = 0


def started(arm: str, home: Path, model: str, log: Path) -> Process:
    """A server of an arm, which is not waited for."""
    port = free_port()
    env = {
        "DAGUERRE_HOME": str(home),
        "DAGUERRE_MODELS": model,
        "DAGUERRE_ANALYSERS": "none",
        "DAGUERRE_GRPC_PORT": str(free_port()),
        "BENTOML_HOME": str(log.with_suffix("")),
        **ARMS[arm],
    }
    return Process(arm, [sys.executable, "-m", "service", "--port", str(port)], port=port, log=log, env=env)


def start(arm: str, home: Path, model: str, log: Path) -> tuple[Process, float, float]:
    """A server that is ready, the seconds that it took and its CPU seconds."""
    begun = time.perf_counter()
    server = started(arm, home, model, log)
    server.wait_ready()
    return server, time.perf_counter() - begun, server.cpu_seconds()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="DAGUERRE_HOME with the model")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--items", choices=("image", "text"), default="image")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each load")
    given = parser.parse_args()
    words = [text.encode() for text in texts.texts()] if given.items == "text" else []
    generator = Generator(words or jpegs(), ENCODINGS)
    encoding = "text-json" if words else "multipart"
    figures: dict[str, list[dict[str, float]]] = {arm: [] for arm in ARMS}
    starts: dict[str, list[tuple[float, float]]] = {arm: [] for arm in ARMS}
    with tempfile.TemporaryDirectory(prefix="daguerre-memory-") as folder:
        logs = {arm: Path(folder) / f"{arm.replace(' ', '-')}.log" for arm in ARMS}
        servers: dict[str, Process] = {}
        try:
            for lap in range(3):  # the first makes packed weights, and fills the page cache
                for arm in random.Random(SEED + lap).sample(list(ARMS), len(ARMS)):
                    servers[arm], wall, cpu = start(arm, given.home, given.model, logs[arm])
                    starts[arm] += [(wall, cpu)] if lap else []
                    servers[arm].pause() if lap == 2 else servers.pop(arm).stop()
            for lap in range(given.rounds):
                for arm in random.Random(SEED + lap).sample(list(ARMS), len(ARMS)):
                    server = servers[arm]
                    server.resume()
                    found: dict[str, float] = {"load": os.getloadavg()[0]}
                    for clients in (1, 32):
                        before = server.cpu_seconds()
                        result = generator.run(
                            port=server.port,
                            model=given.model,
                            encoding=encoding,
                            clients=clients,
                            images=1,
                            seconds=given.seconds,
                            warm=1.0,
                        )
                        if result.errors:
                            raise SystemExit(f"{arm}: {result.errors}")
                        found[f"p50 {clients}"] = 1000 * (quantile(result.latencies, 0.5) or float("nan"))
                        found[f"rate {clients}"] = result.images_per_second
                        found[f"cpu {clients}"] = 1000 * (server.cpu_seconds() - before) / result.images
                    found |= {"rss": server.rss() / 2**20, "pss": server.pss() / 2**20}
                    figures[arm].append(found)
                    server.pause()
                    print(f"round {lap + 1}: {arm}: " + ", ".join(f"{k} {v:.1f}" for k, v in found.items()), flush=True)
        finally:
            for server in servers.values():
                server.stop()
    base = figures["not packed"]
    print("\n| server | RSS MB | PSS MB | start s | start CPU-s | p50 at 1 | items/s at 32 | CPU at 1 | at 32 |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for arm, rounds in figures.items():
        ratios = {
            name: statistics.median(own[name] / other[name] for own, other in zip(rounds, base, strict=True))
            for name in ("p50 1", "rate 32", "cpu 1", "cpu 32")
        }
        wall, cpu = (statistics.median(each) for each in zip(*starts[arm], strict=True))
        cells = [f"{rounds[-1]['rss']:.0f}", f"{rounds[-1]['pss']:.0f}", f"{wall:.1f}", f"{cpu:.1f}"]
        print(f"| {arm} | {' | '.join([*cells, *(f'{ratio:.2f}' for ratio in ratios.values())])} |")
    loads = [found["load"] for rounds in figures.values() for found in rounds]
    print(f"\nload {min(loads):.1f} to {max(loads):.1f}; ratios are to the server that is not packed")


if __name__ == "__main__":
    main()
