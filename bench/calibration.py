"""Which logit scale makes softmax(scale · cosine) honest: temperature scaling (Guo et al., ICML 2017).

Two label sets: the stamps' classes ("bird") and their captions ("a great blue heron"). Rule for the recommended
scale: the one whose negative log-likelihood lies least above its minimum, averaged over both label sets and 3, 5, 10
and all 19 or 20 labels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.measures import Array, balanced, ece, hits, lowest, nll

DRAWS = 60
SIZES = (2, 3, 5, 10, 20)
TYPICAL = (3, 5, 10, 20)
SHOWN = (20.0, 25.0, 30.0, 100.0)  # 100: CLIP's


@dataclass(frozen=True)
class Task:
    """Cosines (n, k) of items with their k labels, which is true, and what each item counts; weights sum to 1."""

    cosines: Array
    truth: Array
    weights: Array

    def nll(self, scale: float) -> float:
        return nll(self.cosines, self.truth, self.weights, scale)

    def ece(self, scale: float) -> float:
        return ece(self.cosines, self.truth, self.weights, scale)

    def accuracy(self) -> float:
        return float((self.weights * hits(self.cosines, self.truth, 1)).sum())


def of_classes(cosines: Array, truth: Array, chosen: Array) -> Task:
    """The items of some classes, against the labels of these classes alone."""
    rows = np.flatnonzero(np.isin(truth, chosen))
    own = np.searchsorted(chosen, truth[rows])
    return Task(cosines[np.ix_(rows, chosen)], own, balanced(own))


def class_task(cosines: Array, truth: Array, k: int) -> Task:
    """Random sets of `k` classes, put together."""
    rng, n = np.random.default_rng(k), cosines.shape[1]
    draws = [np.sort(rng.choice(n, min(k, n), replace=False)) for _ in range(DRAWS if k < n else 1)]
    parts = [of_classes(cosines, truth, chosen) for chosen in draws]
    return Task(
        np.concatenate([p.cosines for p in parts]),
        np.concatenate([p.truth for p in parts]),
        np.concatenate([p.weights for p in parts]) / len(parts),
    )


def caption_task(cosines: Array, truth: Array, k: int) -> Task:
    """Each item against its own caption, the first column, and k - 1 random others; 10 draws each."""
    rng, rows = np.random.default_rng(k), np.repeat(np.arange(len(truth)), 10)
    others = np.stack([rng.choice(cosines.shape[1] - 1, k - 1, replace=False) for _ in rows])
    others += others >= truth[rows, None]  # skips the own caption
    columns = np.concatenate([truth[rows, None], others], 1)
    return Task(cosines[rows[:, None], columns], np.zeros(len(rows), int), np.full(len(rows), 1 / len(rows)))


def temperature(cosines: Array, truth: Array, caption_cosines: Array, captions: Array) -> dict[str, Any]:
    """Halves of the classes against each other, label sets of several sizes, and the recommended scale."""
    n = cosines.shape[1]
    halves = [of_classes(cosines, truth, np.arange(start, n, 2)) for start in (0, 1)]
    transfer = []
    for fitted, held in (halves, halves[::-1]):
        scale = lowest(fitted.nll)
        row: dict[str, Any] = {"fitted": scale, "labels": held.cosines.shape[1], "accuracy": held.accuracy()}
        row |= {"NLL best": held.nll(lowest(held.nll)), "NLL fitted": held.nll(scale), "ECE fitted": held.ece(scale)}
        for shown in SHOWN[:3]:
            row |= {f"NLL {shown:g}": held.nll(shown), f"ECE {shown:g}": held.ece(shown)}
        transfer.append(row)
    rng = np.random.default_rng(0)
    parts = [np.sort(rng.choice(n, n // 2, replace=False)) for _ in range(DRAWS)]
    scales = [lowest(of_classes(cosines, truth, part).nll) for part in parts]
    tasks = {("classes", k): class_task(cosines, truth, k) for k in SIZES}
    tasks |= {("captions", k): caption_task(caption_cosines, captions, k) for k in SIZES}
    best = {key: task.nll(lowest(task.nll)) for key, task in tasks.items()}
    typical = [(task, best[key]) for key, task in tasks.items() if key[1] in TYPICAL]

    def above(scale: float) -> float:
        return float(np.mean([task.nll(scale) - least for task, least in typical]))

    chosen = lowest(above)
    rounded = 5.0 * round(chosen / 5)
    sizes = []
    for (what, _), task in tasks.items():
        row = {"labels": what, "k": task.cosines.shape[1], "best scale": lowest(task.nll), "accuracy": task.accuracy()}
        for scale in SHOWN:
            row |= {f"NLL {scale:g}": task.nll(scale), f"ECE {scale:g}": task.ece(scale)}
        sizes.append(row)
    return {
        "transfer": transfer,
        "random halves": {"mean": float(np.mean(scales)), "sd": float(np.std(scales))},
        "sizes": sizes,
        "regret": {f"{s:g}": above(s) for s in (10, 15, 20, 25, 30, 35, 40, 50, 100)},
        "optimum": chosen,
        "recommended": rounded,
    }
