"""The default clustering of vectors on disk: seconds, clusters, and the memory that is the process's own.

    python -m bench.clustering_blocks                          # 1 million x 512
    python -m bench.clustering_blocks --million 4 --threads 2

Memory of its own (RssAnon) leaves out pages of files, which the system takes back where it needs them.
`--before FOLDER` runs the same with the package `models` of another checkout.
`--exact --million 0.1` compares k-means of 100,000 vectors with scikit-learn.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSION, CLOUDS, INNER = 512, 60, 48
STEP = 16_384

_RUN = """
import inspect, json, sys, threading, time
from pathlib import Path
import numpy as np
from models.clustering.cluster import cluster
from models.clustering.options import Options
most, done = 0, threading.Event()
def watch():
    global most
    while not done.wait(0.05):
        lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
        most = max(most, int(lines["RssAnon"].split()[0]) * 1024)
threading.Thread(target=watch, daemon=True).start()
rows, last = np.load(sys.argv[1], mmap_mode="r"), [""]
def report(part, stage):
    name = stage.rpartition(", iteration")[0] or stage
    if name != last[0]:
        last[0] = name
        print(f"{time.perf_counter() - begun:8.1f} s  {stage}", file=sys.stderr, flush=True)
begun, where = time.perf_counter(), {}
options = Options(**json.loads(sys.argv[4]))
if "folder" in inspect.signature(cluster).parameters:
    from models.clustering.blocks import in_threads
    with in_threads(int(sys.argv[3])) as mapper:
        made = cluster(rows, options, folder=Path(sys.argv[2]), mapper=mapper, report=report)
else:
    made = cluster(rows, options, report=report)
seconds = time.perf_counter() - begun
done.set()
print(json.dumps({"n": len(rows), "seconds": seconds, "cpu_seconds": time.process_time(),
    "clusters": len(made.clusters), "passes": len(made.result.trace),
    "unclustered": int((made.result.labels < 0).sum()), "input_bytes": rows.nbytes, "own_bytes": most}))
"""


def write(path: Path, n: int, *, seed: int = 0) -> None:
    """Write n x 512 float32 to a .npy file: 60 overlapping clouds in 48 dimensions and noise."""
    rng = np.random.default_rng(seed)
    centres, share = rng.standard_normal((CLOUDS, INNER)), rng.dirichlet(np.full(CLOUDS, 2.0))
    mix = rng.standard_normal((INNER, DIMENSION)) / np.sqrt(INNER)
    rows = np.lib.format.open_memmap(path, "w+", np.float32, (n, DIMENSION))
    for start in range(0, n, STEP):
        m = min(STEP, n - start)
        inner = centres[rng.choice(CLOUDS, m, p=share)] + 0.8 * rng.standard_normal((m, INNER))
        rows[start : start + m] = inner @ mix + 0.3 * rng.standard_normal((m, DIMENSION))
    rows.flush()


def run(path: Path, folder: Path, *, threads: int, options: dict[str, Any], code: Path | None = None) -> dict[str, Any]:
    """Cluster a file in a process of its own, with the package `models` of this checkout or of `code`."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    arguments = [str(path), str(folder), str(threads), json.dumps(options)]
    ran = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=code,
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def exact(n: int, k: int) -> dict[str, Any]:
    """Lloyd's iterations over blocks beside scikit-learn's from one start, and silhouettes beside one block's."""
    from sklearn.cluster import KMeans

    from models.clustering import blocks, lloyd
    from models.clustering.seeding import Seeding
    from models.clustering.silhouettes import silhouettes
    from models.clustering.vectors import prepare

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "x.npy", n)
        x = prepare(np.load(Path(folder) / "x.npy"), normalize=True, angles=True)
    start = x[Seeding(x[:20_000], seed=0).start(k)]
    begun = time.perf_counter()
    lloyd.TOLERANCE = 0.0
    ours = lloyd.kmeans_from(x, start)
    between = time.perf_counter()
    theirs: NDArray[np.int32] = KMeans(k, init=start, n_init=1, tol=0).fit(x).labels_
    ended = time.perf_counter()
    values = silhouettes(x, ours.labels)
    blocks.ROWS = n
    return {
        "n": n,
        "k": k,
        "labels_that_differ": int((ours.labels != theirs).sum()),
        "seconds": between - begun,
        "seconds_of_scikit_learn": ended - between,
        "largest_difference_of_silhouettes": float(np.abs(values - silhouettes(x, ours.labels)).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.clustering_blocks", description=__doc__)
    parser.add_argument("--million", type=float, default=1.0, help="Millions of vectors.")
    parser.add_argument("--threads", type=int, default=2, help="Threads that compute blocks.")
    parser.add_argument("--options", type=json.loads, default={}, help="Parameters as JSON.")
    parser.add_argument("--before", type=Path, help="Checkout whose package models is run too.")
    parser.add_argument("--exact", action="store_true", help="Compare with scikit-learn instead.")
    parser.add_argument("--folder", type=Path, help="Folder for the vectors and their copy.")
    given = parser.parse_args()
    print("load", os.getloadavg()[0], flush=True)
    if given.exact:
        print(json.dumps(exact(round(given.million * 1e6), 60)))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder) / "x.npy"
        write(path, round(given.million * 1e6))
        for code in (None, given.before) if given.before else (None,):
            found = run(path, Path(folder), threads=given.threads, options=given.options, code=code)
            print(json.dumps({"code": str(code or "this"), **found}), flush=True)


if __name__ == "__main__":
    main()
