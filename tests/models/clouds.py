"""Made-up vectors with known groups."""

import numpy as np
from numpy.typing import NDArray


def clouds(
    sizes: tuple[int, ...], *, dimension: int = 32, spread: float = 0.4, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """(n, dimension) unit vectors around a direction for each size, shuffled, and the cloud of each."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((len(sizes), dimension))
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    x = centres[labels] + spread * rng.standard_normal((len(labels), dimension))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), labels
