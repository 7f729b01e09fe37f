"""Clustering: exactness and speed beside scikit-learn, growth, a million vectors, and real pictures.

`python -m bench.clustering [URL]` writes bench/results/clustering.json. Everything but the pictures is on made-up
vectors: Gaussian clouds around 60 directions whose sizes are drawn from a Dirichlet distribution (0.7), on the unit
sphere. The rendering beside ours is scikit-learn's KMeans, silhouette_score and silhouette_samples, called as the
algorithm's five steps read, with the same seeds, samples, K's, float32 and its default threads. Runs alternate; ratios
are of one run, and the median of them is given. URL is a service: with it, the stamps (bench/stamps.py) are clustered
too, and embeddings are timed with and without a clustering job.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_samples, silhouette_score

from bench import stamps
from models.clustering.cluster import cluster
from models.clustering.describe import compare_with_known
from models.clustering.iterative import MethodResult, iterative
from models.clustering.options import Options
from models.clustering.silhouettes import silhouettes
from models.clustering.vectors import prepare

OUT = Path(__file__).parent / "results" / "clustering.json"
CLOUDS, DIMENSION, SPREAD = 60, 512, 1.5
SIZES = (5_000, 20_000, 80_000, 320_000)


def made_up(n: int, *, seed: int = 0, spread: float = SPREAD, out: Path | None = None) -> NDArray[np.float32]:
    """(n, 512) unit vectors; in a .npy file at `out` where that is given, never whole in memory then."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((CLOUDS, DIMENSION)).astype(np.float32)
    sizes = rng.dirichlet(np.full(CLOUDS, 0.7))
    x: NDArray[np.float32] = (
        np.empty((n, DIMENSION), np.float32)
        if out is None
        else np.lib.format.open_memmap(out, mode="w+", dtype=np.float32, shape=(n, DIMENSION))
    )
    for start in range(0, n, 20_000):
        m = min(20_000, n - start)
        part = centres[rng.choice(CLOUDS, m, p=sizes)]
        part = part + np.float32(spread) * rng.standard_normal((m, DIMENSION), dtype=np.float32)
        x[start : start + m] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return x


def plain(x: NDArray[np.float32], options: Options) -> NDArray[np.intp]:
    """The algorithm as one would write it with scikit-learn."""
    assert options.threshold is not None
    rng = np.random.default_rng(options.seed)
    labels, rest, in_vain, found = np.full(len(x), -1), np.arange(len(x)), 0, 0
    while len(rest) > options.stop_size and in_vain < options.patience:
        seed, here = int(rng.integers(2**31)), x[rest]
        sample = here
        if len(here) > options.sample_size:
            sample = here[np.sort(rng.choice(len(here), options.sample_size, replace=False))]
        scores: list[float] = []
        averages: list[float] = []
        for k in range(options.step, len(sample), options.step):
            fitted = KMeans(k, n_init=1, random_state=seed).fit(sample)
            scores.append(float(silhouette_score(sample, fitted.labels_, metric=options.metric)))
            if len(scores) >= options.window:
                averages.append(float(np.mean(scores[-options.window :])))
            if len(averages) > 1 and averages[-1] <= averages[-2]:
                break
        fitted = KMeans(k, n_init=1, random_state=seed).fit(here)
        each = silhouette_samples(here, fitted.labels_, metric=options.metric)
        size = np.bincount(fitted.labels_, minlength=k)
        mean = np.bincount(fitted.labels_, weights=each, minlength=k) / size
        cohesive = np.flatnonzero((mean > options.threshold) & (size >= 2))
        for c in cohesive:
            labels[rest[fitted.labels_ == c]] = found
            found += 1
        in_vain = 0 if len(cohesive) else in_vain + 1
        rest = rest[~np.isin(fitted.labels_, cohesive)]
    return labels


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def middle(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def exactness_and_speed(rounds: int) -> dict[str, Any]:
    """Silhouettes of 20,000 x 512 in 50 clusters."""
    x = made_up(20_000)
    labels = KMeans(50, n_init=1, random_state=0).fit(x).labels_.astype(np.intp)
    ratios, ours_s, worst = [], [], 0.0
    for _ in range(rounds):
        theirs, expected = timed(lambda: silhouette_samples(x, labels, metric="cosine"))
        ours, found = timed(lambda: silhouettes(x, labels))
        worst = max(worst, float(np.abs(found - expected).max()))
        ratios.append(theirs / ours)
        ours_s.append(ours)
    euclidean = []
    for _ in range(max(1, rounds // 2)):
        theirs, expected = timed(lambda: silhouette_samples(x, labels, metric="euclidean"))
        ours, found = timed(lambda: silhouettes(x, labels, metric="euclidean"))
        euclidean.append(theirs / ours)
    off = float(np.abs(found - expected).max())
    return {
        "times_faster": middle(ratios),
        "seconds": middle(ours_s),
        "largest_difference": worst,
        "euclidean": {"times_faster": middle(euclidean), "largest_difference": off},
    }


def _ours(x: NDArray[np.float32], options: Options) -> MethodResult:
    return iterative(prepare(x, normalize=True, angles=True), options)


def algorithm(rounds: int) -> list[dict[str, Any]]:
    """The whole algorithm at 20,000 x 512, on clouds that are easy, wider and so wide that most passes are in vain."""
    found = []
    for spread in (1.0, SPREAD, 3.0):
        x, options = made_up(20_000, spread=spread), Options(k_rule="stop").with_defaults()
        ratios, agree = [], 1.0
        for _ in range(rounds):
            ours, mine = timed(partial(_ours, x, options))
            theirs, labels = timed(partial(plain, x, options))
            ratios.append(theirs / ours)
            agree = min(agree, float(adjusted_rand_score(labels, mine.labels)))
        found.append(
            {
                "spread": spread,
                "times_faster": middle(ratios),
                "seconds": ours,
                "ari_with_plain": agree,
                "passes": len(mine.trace),
                "clusters": int(mine.labels.max()) + 1,
            }
        )
        print(found[-1], flush=True)
    return found


def growth() -> dict[str, Any]:
    """Seconds by n, per pass too, since the number of passes is the data's; the exponent is the slope of the logs."""
    rows = []
    for n in SIZES:
        x = made_up(n)
        seconds, found = timed(partial(_ours, x, Options(k_rule="stop").with_defaults()))
        work = sum(p.n * p.choice.k for p in found.trace)
        rows.append({"n": n, "seconds": seconds, "passes": len(found.trace), "rows_times_k": work})
        print(rows[-1], flush=True)
    logs = np.log([[row["n"], row["seconds"], row["seconds"] / row["passes"]] for row in rows])
    return {
        "rows": rows,
        "exponent": float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0]),
        "exponent_per_pass": float(np.polyfit(logs[:, 0], logs[:, 2], 1)[0]),
    }


_MILLION = """
import json, sys, threading, time
from pathlib import Path
import numpy as np
from models.clustering.cluster import cluster
from models.clustering.options import Options
def resident():
    said = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return [int(said[name].split()[0]) * 1024 for name in ("RssAnon", "VmRSS")]
rows = np.load(sys.argv[1], mmap_mode="r")
most, done = [0, 0], threading.Event()
def watch():
    while not done.wait(0.05):
        most[:] = [max(a, b) for a, b in zip(most, resident())]
threading.Thread(target=watch, daemon=True).start()
begun = time.perf_counter()
made = cluster(rows, Options(), projection="pca")
seconds = time.perf_counter() - begun
done.set()
print(json.dumps({"n": len(rows), "seconds": seconds, "clusters": len(made.clusters),
    "passes": len(made.result.trace), "unclustered": int((made.result.labels < 0).sum()),
    "input_bytes": rows.nbytes, "most_of_its_own": most[0], "most_resident": most[1],
    "times_input_own": most[0] / rows.nbytes, "times_input_resident": most[1] / rows.nbytes}))
"""


def million(n: int) -> dict[str, Any]:
    """A process of its own, which finds the vectors on disk. Resident memory counts their pages in the cache too."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        path = Path(folder) / "rows.npy"
        made_up(n, out=path)
        said = subprocess.run(
            [sys.executable, "-c", _MILLION, str(path)], check=True, capture_output=True, text=True
        ).stdout
    found: dict[str, Any] = json.loads(said)
    return found


def real(url: str) -> dict[str, Any]:
    """The stamps, their folders as truth: iterative k-means, and plain k-means with K by silhouette or the truth."""
    from daguerre import Client

    pictures = stamps.load(stamps.fetch(), stamps.LABELS)
    truth = [stamp.folder for stamp in pictures]
    with Client(url, progress=False) as client:
        embedded = client.embed(images=[str(stamp.path) for stamp in pictures])
    x = prepare(embedded.vectors, normalize=True, angles=True)
    found: dict[str, Any] = {"n": len(x), "classes": len(set(truth)), "model": embedded.model, "methods": {}}

    def add(name: str, options: Options) -> None:
        runs = []
        for seed in range(5):
            made = cluster(x, Options(**{**vars(options), "seed": seed}), known=truth, projection="none")
            assert made.comparison
            each = {k: made.comparison[k] for k in ("purity", "nmi", "ari")}
            inside = made.comparison["clustered_only"]
            runs.append(
                {
                    **each,
                    **{f"clustered_{k}": inside[k] if inside else float("nan") for k in ("purity", "nmi", "ari")},
                    "clusters": len(made.clusters),
                    "unclustered": int((made.result.labels < 0).sum()),
                }
            )
        found["methods"][name] = {k: middle([run[k] for run in runs]) for k in runs[0]}
        print(name, {k: round(v["median"], 3) for k, v in found["methods"][name].items()}, flush=True)

    best, oracle = _best_k(x, truth)
    add("iterative-kmeans", Options())
    add("iterative-kmeans, k_rule best", Options(k_rule="best"))
    add("iterative-kmeans, k_rule stop", Options(k_rule="stop"))
    add(f"k-means, K = {best} by silhouette over 2 to 100", Options(method="kmeans", k=best))
    add("k-means, K = 19 as the truth has", Options(method="kmeans", k=19))
    add(
        f"k-means, K = {oracle} with the best ARI of 2 to 100, which nobody could know",
        Options(method="kmeans", k=oracle),
    )
    add("hdbscan", Options(method="hdbscan"))
    add("agglomerative, average, K = 19", Options(method="agglomerative", k=19))
    return found


def _best_k(x: NDArray[np.float32], truth: Sequence[str]) -> tuple[int, int]:
    scores, agreement = {}, {}
    for k in range(2, 101):
        labels = KMeans(k, n_init=3, random_state=0).fit(x).labels_.astype(np.intp)
        scores[k] = float(np.mean(silhouettes(x, np.unique(labels, return_inverse=True)[1].astype(np.intp))))
        agreement[k] = (compare_with_known(labels, truth) or {})["ari"]
    return max(scores, key=lambda k: scores[k]), max(agreement, key=lambda k: agreement[k])


def beside(url: str, rounds: int) -> dict[str, Any]:
    """One client's embeddings, idle and while a clustering job runs: medians of each round, and their ratios."""
    import httpx

    from bench.jpegs import jpegs

    images = jpegs(8)
    rows = made_up(20_000, spread=3.0)
    with httpx.Client(base_url=url, timeout=600, trust_env=False) as client, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, rows)
        file = client.post("/v1/files", content=path.read_bytes(), headers={"content-type": "application/octet-stream"})
        block = {"modality": "image", "model": "made-up", "fingerprint": "f", "dimension": DIMENSION}

        def p50(seconds: float) -> float:
            times = []
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                for image in images:
                    took, answer = timed(lambda image=image: client.post("/v1/embeddings", files={"input": image}))
                    assert answer.status_code == 200
                    times.append(took)
            return statistics.median(times)

        p50(1)
        ratios = []
        for _ in range(rounds):
            idle = p50(4)
            body = {"vectors": [{**block, "file": file.json()["id"]}], "mode": "job", "resamples": 20}
            id = client.post("/v1/clusters", json=body).json()["id"]
            while client.get(f"/v1/jobs/{id}").json()["progress"] < 0.02:
                time.sleep(0.1)
            busy = p50(4)
            assert client.get(f"/v1/jobs/{id}").json()["state"] == "running"
            client.post(f"/v1/jobs/{id}/cancel")
            while client.get(f"/v1/jobs/{id}").json()["state"] == "running":
                time.sleep(0.1)
            ratios.append(busy / idle)
        client.delete(f"/v1/files/{file.json()['id']}")
    return {"p50_under_a_job_over_idle": middle(ratios), "rounds": rounds}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.clustering", description=__doc__)
    parser.add_argument("url", nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--million", type=int, default=1_000_000, help="vectors of the large run; 0 for none")
    parser.add_argument("--only", help="one of silhouettes, algorithm, growth, million, stamps, beside")
    given = parser.parse_args()
    found: dict[str, Any] = json.loads(OUT.read_text()) if OUT.exists() else {}
    parts: dict[str, Callable[[], Any]] = {
        "silhouettes": lambda: exactness_and_speed(given.rounds),
        "algorithm": lambda: algorithm(max(1, given.rounds // 2)),
        "growth": growth,
    }
    if given.million:
        parts["million"] = lambda: million(given.million)
    if given.url:
        parts |= {"stamps": lambda: real(given.url), "beside": lambda: beside(given.url, given.rounds)}
    for name, part in parts.items():
        if given.only in (None, name):
            load = os.getloadavg()[0]
            found[name] = part()
            found[name] = {"load": round(load, 1), "found": found[name]}
            print(name, json.dumps(found[name]), flush=True)
            OUT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
