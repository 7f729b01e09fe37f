"""Search in a collection, exact and by its index: time, processor time, memory, recall and bytes on disk.

`python -m bench.collections --rows 1000000` writes clouds of vectors into a collection, builds its index, and then
searches from a fresh process, whose memory is that of a server without its models.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.similarity.neighbours import nearest
from service.settings import Settings
from service.stores.collection_records import NewItems, Properties
from service.stores.collection_search import search
from service.stores.collections import CollectionStore
from service.tasks.collections import maintain

AT_ONCE = 10_000
K = 10


def clouds(rows: int, dimension: int, file: Path) -> NDArray[np.float32]:
    """Unit vectors of 2,000 overlapping clouds in 48 dimensions, with noise, mapped from a file."""
    rng = np.random.default_rng(0)
    centres, spread = rng.standard_normal((2000, 48)), rng.standard_normal((48, dimension))
    made = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(rows, dimension))
    for start in range(0, rows, AT_ONCE):
        n = min(AT_ONCE, rows - start)
        points = centres[rng.integers(0, len(centres), n)] + 0.7 * rng.standard_normal((n, 48))
        block = points @ spread + 0.5 * rng.standard_normal((n, dimension))
        made[start : start + n] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return made


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, seconds, and seconds of processor time of this process."""
    began, spent = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - began, time.process_time() - spent


def write(folder: Path, rows: int, dimension: int) -> None:
    """Write a collection, and build its index."""
    vectors = clouds(rows, dimension, folder / "vectors.npy")
    store = CollectionStore(Settings(home=folder, collection_index_rows=1000))
    fields: dict[str, Any] = {"place": "integer"}
    properties = Properties(
        model="m", fingerprint="f", dimension=dimension, fields=fields, thumbnails="none", receipt={}
    )
    made, _ = store.create("bench", None, properties)

    def put() -> None:
        for start in range(0, rows, AT_ONCE):
            block = np.asarray(vectors[start : start + AT_ONCE])
            n, none = len(block), [None] * len(block)
            ids = [f"i{i:09}" for i in range(start, start + n)]
            places = [[i] for i in range(start, start + n)]
            items = NewItems(
                ids=ids, modalities=["image"] * n, texts=none, vectors=block, cells=places, thumbnails=none
            )
            store.put(made, items)

    _, seconds, spent = timed(put)
    print(f"stored {rows:,} x {dimension} in {seconds:.1f} s ({spent:.1f} of CPU), {store.bytes(made) / 1e6:,.0f} MB")
    result, seconds, spent = timed(lambda: maintain(store, made, report=lambda progress, stage: None))
    print(f"index and clean-up in {seconds:.1f} s ({spent:.1f} of CPU), {result['bytes'] / 1e6:,.0f} MB,", end=" ")
    print(f"recall on its own vectors {result['recall']:.4f}")


def ask(folder: Path, queries: int) -> None:
    """Search from this process, which has not touched the collection before."""
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    rng = np.random.default_rng(1)
    asked = vectors[np.sort(rng.integers(0, len(vectors), queries))]
    asked = (asked + 0.02 * rng.standard_normal(asked.shape)).astype(np.float32)
    store = CollectionStore(Settings(home=folder, collection_index_rows=1000))
    made = store.get("bench", None)
    half, few = len(vectors) // 2, len(vectors) // 1000
    found: dict[tuple[bool, str | None], list[set[str]]] = {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    for where in (None, f"m0 < {half}", f"m0 < {few}"):
        for exact in (False, True):
            seconds, spent, hits = [], [], []
            for query in asked[: queries if not exact else max(3, queries // 5)]:
                made_of, took, used = timed(
                    lambda query=query, where=where, exact=exact: search(
                        store.tables, made, query[None], K, where=where, exact=exact, exclude=[None]
                    )
                )
                seconds.append(took)
                spent.append(used)
                hits.append({id for _, id in made_of[0][0]})
            found[exact, where] = hits
            row = {
                **{"where": where, "exact": made_of[1].exact, "probes": made_of[1].probes, "queries": len(hits)},
                "p50_ms": round(1e3 * float(np.median(seconds)), 1),
                "cpu_ms": round(1e3 * float(np.median(spent)), 1),
                "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3 - before),
            }
            if exact:
                pairs = list(zip(found[False, where], hits, strict=False))
                row["recall_of_the_other"] = round(float(np.mean([len(a & b) / K for a, b in pairs])), 4)
            print(json.dumps(row))
    true = nearest(vectors[: 2 * half], asked[:3], K).indexes
    same = all({f"i{i:09}" for i in row} == hit for row, hit in zip(true, found[True, None], strict=False))
    print(f"exact answers equal those of /v1/search: {same}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/daguerre-bench-collections"))
    parser.add_argument("--search", action="store_true", help="Search in the collection that is in the folder.")
    options = parser.parse_args()
    if options.search:
        return ask(options.folder, options.queries)
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    try:
        write(options.folder, options.rows, options.dimension)
        command = [sys.executable, "-m", "bench.collections", "--search", "--folder", str(options.folder)]
        subprocess.run([*command, "--queries", str(options.queries)], check=True)
    finally:
        shutil.rmtree(options.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
