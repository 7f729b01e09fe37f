"""What the validation images tell about logits: a temperature, and how far off a value may be."""

import math

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

LEVELS = ("0.9", "0.95")  # of prediction intervals
COLDEST, HOTTEST = 0.05, 20.0


def temperature(logits: Float, targets: Float, weights: Float) -> float:
    """The temperature in [0.05, 20] with the lowest weighted log loss: (n, k) logits, (n,) indices and weights.

    The true class counts (n + 1) / (n + 2) and the others share the rest, so that n images without an error do not
    make one certain (Platt, "Probabilistic outputs for support vector machines", 1999, section 2.2).
    """
    from scipy.optimize import minimize_scalar

    n, c = len(logits), max(logits.shape[1], 2)
    both = np.concatenate([np.zeros_like(logits), logits], 1) if logits.shape[1] == 1 else logits
    index = targets.astype(int)[:, None]

    def loss(log: float) -> float:
        scaled = both / math.exp(log)
        peak = scaled.max(1)
        normaliser = peak + np.log(np.exp(scaled - peak[:, None]).sum(1))
        true = np.take_along_axis(scaled, index, 1)[:, 0]
        others = scaled.sum(1) - true
        return float(np.average(normaliser - ((n + 1) * true + others / (c - 1)) / (n + 2), weights=weights))

    return math.exp(minimize_scalar(loss, bounds=(math.log(COLDEST), math.log(HOTTEST)), method="bounded").x)


def half_width(residuals: Float, weights: Float, level: float) -> float | None:
    """The distance within which a share `level` of new residuals falls (split conformal); None if too few tell."""
    distances = np.abs(residuals)
    order = np.argsort(distances, kind="stable")
    share = np.cumsum(weights[order]) / (weights.sum() + weights.mean())  # the new one weighs as much as the mean
    enough = np.flatnonzero(share >= level - 1e-12)
    return float(distances[order][enough[0]]) if enough.size else None
