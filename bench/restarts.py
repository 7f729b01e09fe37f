"""Time of plain k-means with 10 starts beside 1 start: `python -m bench.restarts`.

20,000 made-up vectors of 512 dimensions in 60 clouds, K = 60, by the function that the service calls, in one process.
Runs alternate; printed are the medians of three, their ratio, and the load of the machine before and after.
"""

import os
import statistics
import time

import numpy as np

from models.clustering.choose_k import kmeans

N, DIMENSION, CLOUDS, RUNS = 20_000, 512, 60, 3


def main() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((CLOUDS, DIMENSION))[rng.integers(CLOUDS, size=N)] + 1.5 * rng.standard_normal(
        (N, DIMENSION)
    )
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    print(f"load {os.getloadavg()[0]:.1f}")
    seconds: dict[int, list[float]] = {1: [], 10: []}
    for run in range(RUNS):
        for restarts, measured in seconds.items():
            start = time.perf_counter()
            fitted = kmeans(x, CLOUDS, seed=run, restarts=restarts)
            measured.append(time.perf_counter() - start)
            print(f"{restarts} starts: {measured[-1]:.1f} s, inertia {fitted.inertia:.1f}", flush=True)
    one, ten = (statistics.median(each) for each in seconds.values())
    print(f"medians {one:.1f} s and {ten:.1f} s, ratio {ten / one:.1f}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
