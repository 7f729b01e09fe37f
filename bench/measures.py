"""Statistics of the accuracy benchmark: bootstrap intervals, calibration, a table.

Weights: `balanced` gives every class the same say, so that the 67 mammals do not decide.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Array = NDArray[Any]
REPEATS = 2000
Interval = tuple[float, float]


def balanced(classes: Array) -> Array:
    """Weights (n,) that sum to 1, the same sum for each class."""
    _, which, counts = np.unique(classes, return_inverse=True, return_counts=True)
    return 1 / counts[which] / len(counts)


def bootstrap(values: Array, classes: Array, *, macro: bool, over_classes: bool = False) -> Interval:
    """95 % percentile interval of the mean of `values` (n,); classes keep their sizes (Efron & Tibshirani 1993).

    With `over_classes` the classes themselves are drawn too: what other classes might have given.
    """
    rng = np.random.default_rng(0)
    groups = [values[classes == c] for c in np.unique(classes)]
    means = np.stack([rng.choice(g, (REPEATS, len(g))).mean(1) for g in groups], 1)  # (repeats, classes)
    sizes = np.array([1.0 if macro else len(g) for g in groups])
    if over_classes:
        drawn = rng.integers(len(groups), size=means.shape)
        means, weight = np.take_along_axis(means, drawn, 1), sizes[drawn]
    else:
        weight = np.broadcast_to(sizes, means.shape)
    low, high = np.percentile((means * weight).sum(1) / weight.sum(1), (2.5, 97.5))
    return float(low), float(high)


def log_softmax(logits: Array) -> Array:
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def nll(cosines: Array, truth: Array, weights: Array, scale: float) -> float:
    """Weighted mean of -log softmax(scale · cosine) at the true label, in nats; `cosines` (n, k)."""
    return float(-(weights * log_softmax(scale * cosines)[np.arange(len(truth)), truth]).sum())


def ece(cosines: Array, truth: Array, weights: Array, scale: float, bins: int = 15) -> float:
    """Expected calibration error of the best label's score, equal-width bins (Guo et al., ICML 2017)."""
    scores = np.exp(log_softmax(scale * cosines))
    best, right = scores.max(1), scores.argmax(1) == truth
    which = np.minimum((best * bins).astype(int), bins - 1)
    return float(np.abs(np.bincount(which, weights * (right - best), bins)).sum())


def lowest(loss: Callable[[float], float]) -> float:
    """The scale between 1 and 300 that minimises `loss`."""
    found = minimize_scalar(lambda x: loss(float(np.exp(x))), bounds=(0, np.log(300)), method="bounded")
    return float(np.exp(found.x))


def hits(cosines: Array, truth: Array, k: int) -> Array:
    """Whether the true label is among the first `k`, (n,) float."""
    own = cosines[np.arange(len(truth)), truth][:, None]
    return ((cosines > own).sum(1) < k).astype(float)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; floats with three significant digits."""
    lines = [head, ["---"] * len(head), *[[_shown(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def percent(value: float, interval: Interval | None = None) -> str:
    """`63.1 [58.2, 67.9]`"""
    return f"{100 * value:.1f}" + (f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else "")


def _shown(cell: object) -> str:
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)
