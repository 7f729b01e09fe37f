"""Batches on a GPU: padded to a few sizes, copied to reused buffers, and halved when memory runs out.

A GPU's arena, cuDNN and TensorRT keep memory or an engine for every shape, so that batches have few: powers of two.
Input buffers are on the device, one for each thread and shape, and are reused. A batch that does not fit is run in
halves, and later batches are smaller for a while.
"""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.errors import ModelUnavailable

logger = logging.getLogger("daguerre.gpu")
Feeds = Mapping[str, NDArray[Any]]
Arrays = tuple[NDArray[Any], ...]
LARGEST = 512
RECOVER = 100  # batches of the reduced size after which a larger one is tried
_OUT_OF_MEMORY = (
    "failed to allocate memory",  # ONNX Runtime's arena
    "is smaller than requested bytes",  # the same, at gpu_mem_limit
    "out of memory",  # cudaMalloc, "CUDA failure 2"
    "resource allocation failed",  # cuBLAS, "CUBLAS failure 3"
    "cublas_status_alloc_failed",
    "device_allocation_failed",  # cuDNN 9
)


def out_of_memory(error: Exception) -> bool:
    """Whether an error of ONNX Runtime, which has no class for it, means that the device's memory is full."""
    message = str(error).lower()
    return any(words in message for words in _OUT_OF_MEMORY)


def bucket(rows: int) -> int:
    """Smallest power of two that is at least `rows`."""
    return 1 << (rows - 1).bit_length()


def padded(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """Repeat the last row of `array` up to `rows` rows."""
    missing = rows - len(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array


def single(array: NDArray[Any]) -> NDArray[Any]:
    """The array, in single precision where it is in half."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


class GpuRunner:
    """Runs a session's batches on GPU number `index`. Thread-safe.

    `limit` is the current largest batch in rows; `halved` counts the times that memory ran out.
    """

    def __init__(self, session: Any, inputs: Sequence[str], outputs: Sequence[str], index: int) -> None:
        self._session = session
        self._inputs, self._outputs = inputs, outputs
        self._index = index
        self._buffers = threading.local()
        self._lock = threading.Lock()
        self._condition = threading.Condition()
        self._running = self._waiting = 0  # batches; single rows that wait until no batch runs
        self._good = 0
        self.limit = LARGEST
        self.halved = 0

    def run(self, feeds: Feeds) -> Arrays:
        """Compute the outputs, (n, …) each, from inputs of n rows.

        Raises ModelUnavailable if a single row does not fit.
        """
        rows = len(feeds[self._inputs[0]])
        parts = []
        start = 0
        while start < rows:
            step = self.limit
            parts.append(self._part({name: feeds[name][start : start + step] for name in self._inputs}))
            start += step
        return tuple(map(np.concatenate, zip(*parts, strict=True))) if len(parts) > 1 else parts[0]

    def _part(self, feeds: Feeds) -> Arrays:
        rows = len(feeds[self._inputs[0]])
        try:
            with self._beside_others():
                outputs = self._run_bound(feeds, rows)
        except Exception as exc:  # ONNX Runtime's own bare classes
            if not out_of_memory(exc):
                raise
            if rows > 1:
                self._shrink(rows)
        else:
            self._succeeded(rows)
            return outputs
        if rows == 1:
            return self._alone(feeds)
        return self.run(feeds)  # in parts of the new limit, which is smaller than `rows`

    @contextmanager
    def _beside_others(self) -> Iterator[None]:
        with self._condition:
            self._condition.wait_for(lambda: not self._waiting)
            self._running += 1
        try:
            yield
        finally:
            with self._condition:
                self._running -= 1
                self._condition.notify_all()

    def _alone(self, feeds: Feeds) -> Arrays:
        """Run a single row that did not fit beside other batches, after they have ended."""
        with self._condition:  # held while it runs, so that no other batch begins
            self._waiting += 1
            try:
                self._condition.wait_for(lambda: self._running == 0)
                return self._run_bound(feeds, 1)
            except Exception as exc:
                if not out_of_memory(exc):
                    raise
                raise ModelUnavailable(
                    f"device: cuda:{self._index} has too little memory for a single row; serve fewer models, or raise "
                    "DAGUERRE_GPU_MEMORY"
                ) from exc
            finally:
                self._waiting -= 1
                self._condition.notify_all()

    def _run_bound(self, feeds: Feeds, rows: int) -> Arrays:
        size = bucket(rows)
        binding = self._session.io_binding()
        for name, array in feeds.items():
            full = padded(array, size)
            value = self._buffer(name, full)
            value.update_inplace(np.ascontiguousarray(full))
            binding.bind_ortvalue_input(name, value)
        for name in self._outputs:
            binding.bind_output(name, "cpu")
        self._session.run_with_iobinding(binding)
        return tuple(single(output[:rows]) for output in binding.copy_outputs_to_cpu())

    def _buffer(self, name: str, array: NDArray[Any]) -> Any:
        kept: dict[Any, Any] = self._buffers.__dict__.setdefault("kept", {})
        key = name, array.shape
        if key not in kept:
            kept[key] = ort.OrtValue.ortvalue_from_shape_and_type(array.shape, array.dtype.type, "cuda", self._index)
        return kept[key]

    def _shrink(self, rows: int) -> None:
        with self._lock:
            self.halved += 1
            self._good = 0
            self.limit = max(1, min(self.limit, bucket(rows) // 2))
            logger.warning("device: cuda:%d is out of memory at %d rows; now at most %d", self._index, rows, self.limit)

    def _succeeded(self, rows: int) -> None:
        if self.limit == LARGEST or bucket(rows) < self.limit:
            return
        with self._lock:
            self._good += 1
            if self._good >= RECOVER:
                self._good = 0
                self.limit = min(LARGEST, 2 * self.limit)
