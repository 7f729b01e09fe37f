"""Prometheus metrics, summed over all processes of the service.

BentoML's own counters are off: they add a label for every path that a caller invents.
"""

import logging
import os
from pathlib import Path
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

MAPPED = 256 * 1024  # bytes of a process's file of counters; all operations, transports and statuses take half of it


class AllocatedFile(MmapedDict):
    """A mapped file of counters whose blocks are on the disk before it is used.

    A page without a block would end the process by SIGBUS once the disk is full. Where it is full at the start, the
    counters are kept in memory, and other processes do not see them.
    """

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if not read_mode and not (os.path.exists(filename) and os.path.getsize(filename)):
            try:
                with open(filename, "wb", buffering=0) as file:
                    while (size := file.tell()) < MAPPED:
                        file.write(bytes(MAPPED - size))
            except OSError as exc:
                logging.getLogger("daguerre").warning("metrics of this process are not kept: %s", exc)
                Path(filename).unlink(missing_ok=True)
                filename = f"/dev/fd/{os.memfd_create('daguerre-metrics')}"
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]


multiprocess_values: Any = values
multiprocess_values.MmapedDict = AllocatedFile
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

REQUESTS = Counter("daguerre_requests", "Requests answered.", ["operation", "transport", "status"])
REQUEST_SECONDS = Histogram(
    "daguerre_request_seconds",
    "From a request's first byte to its answer.",
    ["operation", "transport"],
    buckets=_SECONDS,
)
ITEMS = Counter("daguerre_items", "Items embedded or labelled.", ["operation", "modality"])
LABELLER_REQUESTS = Counter("daguerre_labeller_requests", "Requests to labellers, by outcome.", ["labeller", "outcome"])
ITEMS_FAILED = Counter("daguerre_items_failed", "Items that could not be used, by error code.", ["code"])
DECODE_SECONDS = Histogram(
    "daguerre_decode_seconds",
    "Bytes of one image to pixels, or one request's texts to tokens.",
    ["modality"],
    buckets=_SECONDS,
)
VIDEO_FRAMES = Counter("daguerre_video_frames", "Frames of videos that were looked at.")
QUEUE_SECONDS = Histogram("daguerre_queue_seconds", "A row's wait for its batch.", ["modality"], buckets=_SECONDS)
BATCH_SIZE = Histogram(
    "daguerre_batch_size", "Rows that ran together.", ["modality"], buckets=(1, 2, 4, 8, 16, 32, 64, 128)
)
BATCH_SECONDS = Histogram("daguerre_batch_seconds", "The run of one batch.", ["modality"], buckets=_SECONDS)
_QUEUE = Gauge(
    "daguerre_queue_items",
    "Items that have a place in the queue now, waiting or running.",
    ["modality"],
    multiprocess_mode="livesum",
)
QUEUE_ITEMS = {
    modality: _QUEUE.labels(modality) for modality in ("image", "text")
}  # looked up once, used by every request
VECTOR_CACHE = Counter("daguerre_vector_cache", "Images looked up in the cache of vectors.", ["result"])
VECTOR_CACHE_BYTES = Gauge(
    "daguerre_vector_cache_bytes", "Bytes of the cache of vectors.", multiprocess_mode="mostrecent"
)
IN_FLIGHT = Gauge("daguerre_requests_in_flight", "Requests being answered.", ["transport"], multiprocess_mode="livesum")


CONTENT_TYPE = CONTENT_TYPE_LATEST


def _forget_the_dead(folder: Path) -> None:
    """Remove the gauges of killed processes: "live" gauges sum over files, which nothing else removes."""
    for path in folder.glob("gauge_live*_*.db"):
        try:
            os.kill(int(path.stem.rpartition("_")[2]), 0)
        except ProcessLookupError:
            path.unlink(missing_ok=True)  # another worker may remove it first
        except PermissionError:
            pass  # a process of another user, so it is alive


def exposition() -> bytes:
    """The metrics of all processes that share BentoML's folder, in Prometheus' text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    _forget_the_dead(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
