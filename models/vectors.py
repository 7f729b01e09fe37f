"""Functions of vectors that every layer above uses."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def l2(x: NDArray[Any]) -> NDArray[Any]:
    """Rows of `x` (…, d) scaled to length 1."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)  # type: ignore[no-any-return]
