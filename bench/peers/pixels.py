"""Shared parts of the LitServe and Ray servers: JPEG bytes to pixels, the graph, and the answer.

It is run in the peers' own environments and imports nothing of this project. The graph is the one that this service
runs; it normalises the pixels itself.
"""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from PIL import Image

SIDE = 224


def decode(data: bytes) -> np.ndarray:
    """One image as CLIP's processor has it before it is normalised: (224, 224, 3) uint8."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    width, height = image.size
    size = (SIDE, int(SIDE * height / width)) if width <= height else (int(SIDE * width / height), SIDE)
    left, top = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    resized = image.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(resized.crop((left, top, left + SIDE, top + SIDE)))


class Graph:
    """The graph with `threads` intra-op threads."""

    def __init__(self, path: str, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # cores are shared with decoding
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, pixels: Sequence[np.ndarray], batch: int) -> np.ndarray:
        """Unit vectors (n, d), by calls of at most `batch` images."""
        parts = [np.stack(pixels[i : i + batch]) for i in range(0, len(pixels), batch)]
        raw = np.concatenate([self._session.run(["raw"], {"pixels": part})[0] for part in parts])
        return raw / np.linalg.norm(raw, axis=1, keepdims=True)


def answer(vectors: np.ndarray) -> dict[str, Any]:
    """Vectors in base64, as this service and infinity give them."""
    return {"data": [{"embedding": base64.b64encode(vector.tobytes()).decode()} for vector in vectors]}
