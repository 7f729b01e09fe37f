"""Vector functions that several layers use."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def l2(x: NDArray[Any]) -> NDArray[Any]:
    """Scale the rows of `x` (…, d) to Euclidean length 1."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)  # type: ignore[no-any-return]
