"""The same corpus by the SDK, by Ray and, where it is given, by Daft: images a second, and CPU seconds.

    python -m bench.engines                                # 2,000 small JPEGs, two rounds, a server of its own
    python -m bench.engines --count 1000 --url http://127.0.0.1:3000 --server-pid 4242 --daft /tmp/daft/bin/python

The engines take turns in each round, in an order that is drawn anew. Each is a process of its own, whose start counts:
Ray's takes 5 to 10 s. All of them ask one server, and write Parquet. CPU seconds are those of the engine with all of
its processes, and those of the server. The load is that of the machine when an engine begins: a run counts where
nothing else is at work.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pyarrow.dataset
from PIL import Image

from tests.e2e import harness

ROOT = Path(__file__).parents[1]
COUNT, ROUNDS, SEED = 2000, 2, 0
LOOK = 0.2  # seconds between two looks at the processes of an engine
PROGRAMS = {
    "sdk": """
import sys
from daguerre import Client
with Client(sys.argv[3], progress=False) as client:
    client.embed_corpus(sys.argv[1], sys.argv[2] + ".parquet")
""",
    "ray": """
import sys, warnings
warnings.simplefilter("ignore")
from daguerre.ray import embed_corpus
if __name__ == "__main__":
    embed_corpus(sys.argv[1], sys.argv[2], servers=[sys.argv[3]], ray="local", progress=False)
""",
    "daft": """
import sys
from pathlib import Path
import daft
from daguerre import Client
url = sys.argv[3]
@daft.udf(return_dtype=daft.DataType.list(daft.DataType.float32()), batch_size=128)
class Embed:
    def __init__(self):
        self.client = Client(url, progress=False)
    def __call__(self, paths):
        return [row.tolist() for row in self.client.embed(paths.to_pylist()).vectors]
paths = sorted(str(path) for path in Path(sys.argv[1]).rglob("*.jpg"))
table = daft.from_pydict({"path": paths})
table.with_column("vector", Embed(table["path"])).write_parquet(sys.argv[2])
""",
}


def photos(folder: Path, count: int) -> None:
    """JPEGs of 256 x 192 with smooth random colours, some 5 kB each."""
    rng = np.random.default_rng(SEED)
    for i in range(count):
        path = folder / f"{i // 500:03d}" / f"{i:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((256, 192), Image.Resampling.BICUBIC).save(path, quality=80)


def processes(pid: int) -> Iterator[psutil.Process]:
    """A process and all that it has started."""
    try:
        process = psutil.Process(pid)
        yield process
        yield from process.children(recursive=True)
    except psutil.NoSuchProcess:
        return


def cpu_seconds(pid: int, seen: dict[int, float]) -> float:
    """CPU seconds so far of a process and all that it has started, those that have ended as they were last seen."""
    for process in processes(pid):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seen[process.pid] = max(seen.get(process.pid, 0.0), times.user + times.system)
    return sum(seen.values())


@contextmanager
def server(url: str | None, pid: int | None, folder: Path) -> Iterator[tuple[str, int]]:
    """The address and process of a server: the one that is given, or one of its own."""
    if url is not None and pid is not None:
        yield url, pid
        return
    folder.mkdir()
    harness.HOME.mkdir(parents=True, exist_ok=True)
    with harness.running(folder, settings={"BENTOML_HOME": str(folder / "bentoml")}) as own:
        yield own.url, own.process.pid


def run(name: str, python: str, corpus: Path, out: Path, url: str, pid: int) -> tuple[float, float, float, float]:
    """Seconds, CPU seconds of the engine and of the server, and the load before."""
    load = os.getloadavg()[0]
    of_server: dict[int, float] = {}
    before = cpu_seconds(pid, of_server)
    own: dict[int, float] = {}
    environment = {**harness.environment(), "PYTHONPATH": f"{ROOT / 'clients' / 'python'}:{ROOT / 'protos'}"}
    environment |= {"DO_NOT_TRACK": "1", "DAFT_ANALYTICS_ENABLED": "0", "PYTHONWARNINGS": "ignore"}
    started = time.monotonic()
    engine = subprocess.Popen([python, "-c", PROGRAMS[name], str(corpus), str(out), url], env=environment)
    while engine.poll() is None:
        cpu_seconds(engine.pid, own)
        time.sleep(LOOK)
    seconds = time.monotonic() - started
    if engine.returncode:
        raise SystemExit(f"{name} failed with exit code {engine.returncode}")
    return seconds, sum(own.values()), cpu_seconds(pid, of_server) - before, load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=COUNT, help="number of images")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--url", help="address of a server that runs already, with --server-pid")
    parser.add_argument("--server-pid", type=int, help="process of that server")
    parser.add_argument("--daft", help="a Python that has daft, pyarrow, numpy, httpx, click and tqdm")
    options = parser.parse_args()
    pythons = {"sdk": sys.executable, "ray": sys.executable}
    if options.daft:
        pythons["daft"] = options.daft
    folder = Path(tempfile.mkdtemp(prefix="daguerre-engines-"))
    try:
        photos(folder / "photos", options.count)
        print("| round | engine | images/s | seconds | CPU-s engine | CPU-s server | load |")
        print("|---|---|---|---|---|---|---|")
        with server(options.url, options.server_pid, folder / "server") as (url, pid):
            for round in range(options.rounds):
                order = random.Random(SEED + round).sample(list(pythons), len(pythons))
                for name in order:
                    out = folder / f"{name}-{round}"
                    seconds, own, its, load = run(name, pythons[name], folder / "photos", out, url, pid)
                    made = pyarrow.dataset.dataset(out if out.is_dir() else f"{out}.parquet").count_rows()
                    assert made == options.count, f"{name} made {made} rows of {options.count}"
                    cells = (
                        f"{options.count / seconds:.1f}",
                        f"{seconds:.0f}",
                        f"{own:.0f}",
                        f"{its:.0f}",
                        f"{load:.0f}",
                    )
                    print(f"| {round + 1} | {name} | {' | '.join(cells)} |", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
