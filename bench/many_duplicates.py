"""Semantic duplicates by an index beside the comparison of all pairs: time, memory and the share found of known pairs.

    python -m bench.many_duplicates                     # 60,000 x 512, about three minutes on two cores
    python -m bench.many_duplicates --n 500000 --skip-exact

Made vectors in overlapping clouds, of which one in ten is a copy of another with noise, so that
pairs have cosines around the threshold of 0.95. Planted pairs are known; a group that holds items of different origin
is wrong. Memory is the anonymous memory of the process above that at its beginning, without the pages of the file.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.similarity.approximate import approximate
from models.similarity.duplicates import semantic
from models.similarity.groups import Duplicates

THRESHOLD = 0.95
WIDTH, CLOUDS, AXES = 512, 2000, 48
PART = 20_000


def made(path: Path, n: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Unit vectors in a mapped file, (n, 512), and the row of which each is a copy, or itself, (n,)."""
    rng = np.random.default_rng(seed)
    rows = np.lib.format.open_memmap(path, "w+", np.float32, (n, WIDTH))
    centres = rng.standard_normal((CLOUDS, AXES)).astype(np.float32)
    axes = rng.standard_normal((AXES, WIDTH)).astype(np.float32) / 7
    for start in range(0, n, PART):
        part = rows[start : start + PART]
        cloud = centres[rng.integers(CLOUDS, size=len(part))] + 0.5 * rng.standard_normal((len(part), AXES))
        part[:] = cloud @ axes + 0.3 * rng.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    origin = np.arange(n)
    copies = np.sort(rng.choice(np.arange(1, n), n // 10, replace=False))
    origin[copies] = rng.integers(0, copies)  # of an earlier row, perhaps of a copy
    for start in range(0, len(copies), PART):
        some = copies[start : start + PART]
        size = rng.uniform(0, 0.4, (len(some), 1)) / WIDTH**0.5
        rows[some] = rows[origin[some]] + size * rng.standard_normal((len(some), WIDTH))
        rows[some] /= np.linalg.norm(rows[some], axis=1, keepdims=True)
    rows.flush()
    return np.load(path, mmap_mode="r"), origin


class Memory:
    """The largest anonymous memory of this process while it is open, above that at the beginning."""

    def __enter__(self) -> "Memory":
        self._begin, self.most, self._open = _anonymous(), 0, True
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while self._open:
            self.most = max(self.most, _anonymous() - self._begin)
            time.sleep(0.01)

    def __exit__(self, *problem: object) -> None:
        self._open = False
        self._thread.join()


def _anonymous() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def run(name: str, rows: NDArray[np.float32], origin: NDArray[np.int64], work: Callable[[], Duplicates]) -> Duplicates:
    """Run `work`, and print a row of the table."""
    began, used = time.perf_counter(), time.process_time()
    with Memory() as memory:
        found = work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    labels = np.arange(len(rows))
    for group in found.groups:
        labels[list(group.members)] = group.members[0]
    copies = np.flatnonzero(origin != np.arange(len(rows)))
    cosines = np.einsum("ij,ij->i", rows[copies], rows[origin[copies]])
    planted = copies[cosines >= THRESHOLD + 1e-6]
    together = int((labels[planted] == labels[origin[planted]]).sum())
    roots = origin.copy()
    while (roots[roots] != roots).any():
        roots = roots[roots]
    wrong = sum(len(set(roots[list(group.members)].tolist())) > 1 for group in found.groups)
    recall = "" if found.recall is None else f"{found.recall.found:,} of {found.recall.pairs:,}"
    print(
        f"| {len(rows):,} | {name} | {seconds:.0f} | {cpu:.0f} | {memory.most / 2**20:.0f} | {len(found.groups):,} | "
        f"{together:,} of {len(planted):,} | {wrong} | {recall} |",
        flush=True,
    )
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, default=60_000)
    parser.add_argument("--probes", default="1,2,4,8", help="Numbers of cells that each vector is compared with.")
    parser.add_argument("--skip-exact", action="store_true")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows, origin = made(Path(folder) / "rows.npy", options.n)
        print("| vectors | method | s | CPU-s | MiB | groups | planted pairs found | wrong groups | sample |")
        print("| --- " * 9 + "|")
        exact: Any = None
        if not options.skip_exact:
            exact = run("exact", rows, origin, lambda: semantic(rows, threshold=THRESHOLD))
        for probes in map(int, options.probes.split(",")):

            def work(probes: int = probes) -> Duplicates:
                return approximate(rows, threshold=THRESHOLD, probes=probes)

            found = run(f"approximate, {probes} cells", rows, origin, work)
            if exact is not None:
                print(f"the same groups as exact: {found.groups == exact.groups}")
        print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
