"""Planted clusters: whether the clustering finds them, beside HDBSCAN and k-means that is told K, on a grid.

`python -m bench.planted [--quick] [--part small]` writes bench/results/planted.json and prints a Markdown table.
Clusters are Gaussian clouds around random unit vectors, on the unit sphere; noise points have random directions. In
each cell: the adjusted Rand index with the truth (noise points are one group of it), the number of clusters, the items
in none, the share of the largest planted cluster that is kept together, and the index between two seeds, and between
two orders of the items. `--low 200` instead draws that many sets of 4 to 16 dimensions, and lists those where k-means
that is told K finds the truth and the default does not.
"""

import argparse
import itertools
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score

from models.clustering.methods import run
from models.clustering.options import Options
from models.clustering.vectors import prepare

OUT = Path(__file__).parent / "results" / "planted.json"
UNEQUAL = (400, 200, 100, 60, 40, 30, 20, 20, 10, 10, 10, 10)
SMALL = 1100  # items of a planted set, noise aside
RULES: Mapping[str, Mapping[str, Any]] = {"default": {}, "best": {"k_rule": "best"}, "source": {"k_rule": "stop"}}


@dataclass(frozen=True)
class Cell:
    """One planted set."""

    name: str
    sizes: Sequence[int]
    dimension: int = 64
    spread: float = 0.05  # standard deviation of each coordinate around the centre
    mean: float = 0.0  # length of a vector that is added to all, as CLIP's vectors have one
    noise: float = 0.0  # share of the items without a cluster


CELLS = (
    *(Cell(f"unequal, spread {s}", UNEQUAL, spread=s) for s in (0.05, 0.08, 0.12, 0.16)),
    *(Cell(f"unequal, d {d}, spread {s}", UNEQUAL, d, s) for d, s in ((256, 0.08), (768, 0.05), (768, 0.08))),
    *(Cell(f"unequal, common mean 3, spread {s}", UNEQUAL, spread=s, mean=3) for s in (0.08, 0.12)),
    *(
        Cell(f"unequal, {round(100 * n)} % noise, spread {s}", UNEQUAL, spread=s, noise=n)
        for n, s in itertools.product((0.1, 0.5), (0.05, 0.12))
    ),
    Cell("unequal x 5, spread 0.12", [5 * size for size in UNEQUAL], spread=0.12),
    Cell("unequal x 5, 10 % noise", [5 * size for size in UNEQUAL], spread=0.08, noise=0.1),
    Cell("10 of 30", [30] * 10, 128, 0.1),
    Cell("20 of 50, spread 0.12", [50] * 20, 128, 0.12),
    Cell("40 of 5", [5] * 40, 128, 0.05),
    Cell("100 of 30", [30] * 100, 256, 0.1),
    Cell("2 of 500", [500, 500], 64, 0.1),
    Cell("950 and 50", [950, 50], 64, 0.16),
    Cell("10 of 300, d 768, spread 0.12", [300] * 10, 768, 0.12),
    Cell("10 of 300, d 768, spread 0.16", [300] * 10, 768, 0.16),
    Cell("10,000 to 5", [10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50, 20, 10, 5, 5], 128, 0.08),
    Cell("40 of 500, d 512", [500] * 40, 512, 0.08),
)


def planted(cell: Cell, *, seed: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """(n, d) unit vectors in random order, and the cluster of each, -1 for noise."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(cell.sizes), cell.dimension))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    truth = np.repeat(np.arange(len(cell.sizes)), cell.sizes)
    x = centres[truth] + cell.spread * rng.normal(size=(len(truth), cell.dimension))
    if cell.noise:
        count = round(len(truth) * cell.noise / (1 - cell.noise))
        noise = rng.normal(size=(count, cell.dimension))
        noise *= np.sqrt(1 + cell.spread**2 * cell.dimension) / np.linalg.norm(noise, axis=1, keepdims=True)
        x, truth = np.concatenate([x, noise]), np.concatenate([truth, np.full(count, -1)])
    common = rng.normal(size=cell.dimension)
    x += cell.mean * common / np.linalg.norm(common)
    order = rng.permutation(len(x))
    return prepare(x[order], normalize=True, angles=True), truth[order]


def figures(cell: Cell, options: Mapping[str, Any], seeds: int) -> dict[str, Any]:
    """Medians over planted sets of what one rule finds; the smallest index between seeds and orders."""
    rows = []
    for seed in range(seeds):
        x, truth = planted(cell, seed=seed)
        shuffled = np.random.default_rng(seed).permutation(len(x))
        labels, other, moved = (
            run(rows.copy(), Options(seed=s, **options).with_defaults()).labels
            for rows, s in ((x, seed), (x, seed + 100), (x[shuffled], seed))
        )
        largest = labels[truth == 0]
        rows.append(
            {
                "ari": adjusted_rand_score(truth, labels),
                "clusters": int(labels.max()) + 1,
                "none": int((labels < 0).sum()),
                "largest": float(np.bincount(largest + 1, minlength=2)[1:].max() / len(largest)),
                "seeds": adjusted_rand_score(labels, other),
                "orders": adjusted_rand_score(labels[shuffled], moved),
            }
        )
    middle = {name: float(np.median([row[name] for row in rows])) for name in rows[0]}
    return middle | {name: float(min(row[name] for row in rows)) for name in ("largest", "seeds", "orders")}


def beside(cell: Cell, seeds: int) -> dict[str, float]:
    """Index of HDBSCAN, and of k-means that is told K and clusters the planted items alone."""
    found: dict[str, list[float]] = {"hdbscan": [], "told": []}
    for seed in range(seeds):
        x, truth = planted(cell, seed=seed)
        inside = truth >= 0
        found["hdbscan"].append(adjusted_rand_score(truth, HDBSCAN(min_cluster_size=5, copy=True).fit(x).labels_))
        told = KMeans(len(cell.sizes), n_init=4, random_state=seed).fit(x[inside])
        found["told"].append(adjusted_rand_score(truth[inside], told.labels_))
    return {name: float(np.median(values)) for name, values in found.items()}


def low(count: int) -> None:
    """Sets of 3 to 13 clusters of 12 to 100 items: those with an index of 0.95 by told K and below 0.9 by default."""
    found = []
    for seed in range(count):
        rng = np.random.default_rng(10_000 + seed)
        dimension, clusters = int(rng.integers(4, 17)), int(rng.integers(3, 14))
        sizes = sorted(rng.integers(12, 101, size=clusters).tolist(), reverse=True)
        x, truth = planted(Cell("", sizes, dimension, float(rng.uniform(0.05, 0.2))), seed=seed)
        told = adjusted_rand_score(truth, KMeans(clusters, n_init=10, random_state=0).fit(x).labels_)
        if told < 0.95:
            continue
        labels = run(x, Options().with_defaults()).labels
        found.append(adjusted_rand_score(truth, labels))
        if found[-1] < 0.9:
            print(
                f"set {seed}: d {dimension}, {clusters} clusters, {found[-1]:.2f} with {labels.max() + 1}, {told:.2f}"
            )
    print(f"{sum(each < 0.9 for each in found)} of {len(found)} below 0.9, mean {np.mean(found):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"cells of up to {SMALL:,} items, one seed")
    parser.add_argument("--part", choices=("small", "large"), help="smaller or larger cells; the file keeps the others")
    parser.add_argument("--seeds", type=int, default=3, help="number of planted sets of each cell")
    parser.add_argument("--low", type=int, help="number of sets of 4 to 16 dimensions, in place of the grid")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.low:
        return low(options.low)
    part = "small" if options.quick else options.part
    cells = [cell for cell in CELLS if part in (None, "small" if sum(cell.sizes) <= SMALL else "large")]
    seeds = 1 if options.quick else options.seeds
    print("| | default | clusters | in none | largest | seeds | orders | best | source | HDBSCAN | told K |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    known = {row["name"]: row for row in json.loads(OUT.read_text())["cells"]} if OUT.exists() else {}
    for cell in cells:
        ours = {name: figures(cell, rule, seeds) for name, rule in RULES.items()}
        others = beside(cell, seeds)
        known[cell.name] = {**asdict(cell), **ours, **others, "seeds": seeds, "load": round(os.getloadavg()[0], 1)}
        d = ours["default"]
        print(
            f"| {cell.name} | {d['ari']:.2f} | {d['clusters']:g} | {d['none']:g} | {d['largest']:.2f} | "
            f"{d['seeds']:.2f} | {d['orders']:.2f} | {ours['best']['ari']:.2f} | {ours['source']['ari']:.2f} | "
            f"{others['hdbscan']:.2f} | {others['told']:.2f} |",
            flush=True,
        )
    rows = [known[cell.name] for cell in CELLS if cell.name in known]
    OUT.write_text(json.dumps({"cells": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
