"""Decoding of transmitted vectors: little-endian float32, row by row."""

import numpy as np
from numpy.typing import NDArray

from service.errors import Unprocessable
from service.pipelines.base64_text import decode


def of_base64(data: str, dimension: int) -> NDArray[np.float32]:
    """Decode base64 to (n, dimension). Raises Unprocessable."""
    try:
        raw = decode(data)
    except ValueError as exc:
        raise Unprocessable("vectors: data is not base64; encode the bytes of the array", param="vectors") from exc
    return of_bytes(raw, dimension)


def of_bytes(raw: bytes, dimension: int) -> NDArray[np.float32]:
    """View bytes as (n, dimension), without a copy. Raises Unprocessable."""
    if dimension < 1 or len(raw) % (4 * dimension):
        raise Unprocessable(
            f"vectors: {len(raw):,} bytes are no rows of {dimension} float32 numbers; send little-endian float32",
            param="vectors",
        )
    return np.frombuffer(raw, "<f4").reshape(-1, dimension)
