"""Batches of a torch graph on a GPU: a few shapes, copied through pinned memory and replayed as CUDA graphs.

Each thread has a stream and, for each shape, a buffer in pinned memory, one on the device, and a CUDA graph of the work
between them: one launch in place of some hundred. While one thread's batch is computed, another's is copied. Batches
that do not fit into memory are halved, as with ONNX Runtime.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.sessions.gpu import Arrays, Feeds, GpuRunner, bucket

logger = logging.getLogger("daguerre.torch")
Forward = Callable[[Tensor], Tensor]  # rows of `TorchSession.run` on the device → raw vectors (n, d) float32
_CAPTURE = threading.Lock()  # one graph at a time
_WARM = 2  # runs before a capture: libraries choose kernels and take memory in the first


class TorchRunner(GpuRunner):
    """Runs `forward` on GPU number `index`. Thread-safe.

    Parameters
    ----------
    captured : whether each shape is captured as a CUDA graph. A graph that cannot be captured is run without.
    """

    def __init__(self, forward: Forward, index: int, *, captured: bool) -> None:
        super().__init__(None, ["rows"], ["raw"], index)
        self._forward = forward
        self._captured = captured

    def _run_bound(self, feeds: Feeds, rows: int) -> Arrays:
        stack = feeds["rows"]
        shape = (bucket(rows), *stack.shape[1:])
        kept: dict[Any, _Step] = self._buffers.__dict__.setdefault("kept", {})
        try:
            if shape not in kept:
                stream = next((step.stream for step in kept.values()), None)
                stream = stream or torch.cuda.Stream(self._index)  # type: ignore[no-untyped-call]
                kept[shape] = _Step(self._forward, shape, stack.dtype, self._index, stream, self._captured)
            return (kept[shape].run(stack),)
        except torch.OutOfMemoryError:
            kept.pop(shape, None)
            torch.cuda.empty_cache()
            raise


class _Step:
    """Batches of one shape in one thread."""

    def __init__(
        self,
        forward: Forward,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        index: int,
        stream: "torch.cuda.Stream",
        captured: bool,
    ) -> None:
        kind = torch.from_numpy(np.zeros(1, dtype)).dtype
        self.stream = stream
        self._forward = forward
        self._given = torch.zeros(shape, dtype=kind, pin_memory=True)
        self._rows = torch.zeros(shape, dtype=kind, device=f"cuda:{index}")
        self._done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]  # a waiting thread takes no core
        self._graph: torch.cuda.CUDAGraph | None = None
        with torch.cuda.device(index), torch.cuda.stream(stream):
            stream.wait_stream(torch.cuda.default_stream(index))  # the zeros above
            for _ in range(_WARM):
                self._raw = forward(self._rows)
            stream.synchronize()
        self._answer = torch.zeros(self._raw.shape, pin_memory=True)
        if captured:
            self._capture(index)

    def _capture(self, index: int) -> None:
        graph = torch.cuda.CUDAGraph()
        try:
            with (
                _CAPTURE,
                torch.cuda.device(index),
                torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"),
            ):
                self._raw = self._forward(self._rows)
            self._graph = graph
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as exc:
            reason = (str(exc).splitlines() or [type(exc).__name__])[0]
            logger.warning("device: cuda:%d runs %s without a CUDA graph: %s", index, tuple(self._rows.shape), reason)

    def run(self, stack: NDArray[Any]) -> NDArray[np.float32]:
        """The raw vectors (n, d) of at most as many rows as the shape has."""
        rows = len(stack)
        self._given[:rows].copy_(torch.from_numpy(stack))  # rows beyond are of an earlier batch
        with torch.cuda.stream(self.stream):
            self._rows.copy_(self._given, non_blocking=True)
            if self._graph is not None:
                self._graph.replay()
            else:
                self._raw = self._forward(self._rows)
            self._answer.copy_(self._raw, non_blocking=True)
            self._done.record(self.stream)
        self._done.synchronize()
        return self._answer[:rows].numpy().copy()
