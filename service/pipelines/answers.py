"""Parts of JSON answers that several operations share: the entries of items, and the block of a video."""

import base64
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from models.video.library import load
from service.errors import ItemFailure
from service.pipelines.frames import FrameResults
from service.pipelines.items import Item
from service.schemas.video import facts

Entry = dict[str, Any]
Ids = Sequence[str | None]
INLINE = 64  # items of an answer that is converted sooner than a thread is started
AT_ONCE = 20_000  # values that are converted to JSON at once, in about two milliseconds
_CONTAINERS = (Mapping, list, tuple, np.ndarray)


def to_json(answer: Mapping[str, Any]) -> bytes:
    """JSON of an answer: arrays as lists, bytes in base64. Other threads run between the pieces of a large one."""
    return b"".join(_pieces(answer))


def is_small(answer: Mapping[str, Any]) -> bool:
    """Whether an answer is converted sooner than a thread is started."""
    return len(answer["data"]) <= INLINE and not any("video" in entry for entry in answer["data"])


def _pieces(value: Any) -> Iterator[bytes]:
    """JSON of a value, of which orjson, which holds the interpreter's lock, gets AT_ONCE values at once."""
    if _weight(value) <= AT_ONCE:
        yield _dumps(value)
    elif isinstance(value, Mapping):
        before = b"{"
        for name, each in value.items():
            yield before + _dumps(str(name)) + b":"
            yield from _pieces(each)
            before = b","
        yield b"}"
    else:
        before = b"["
        for few in _slices(value):
            yield before
            before = b","
            if len(few) == 1 and isinstance(few, list | tuple):
                yield from _pieces(few[0])
            else:
                yield _dumps(few)[1:-1]
        yield b"]"


def _slices(values: Sequence[Any] | NDArray[Any]) -> Iterator[Sequence[Any] | NDArray[Any]]:
    """Slices of a list, or of an array, of about AT_ONCE values; at least one element each."""
    start = weight = 0
    for i, each in enumerate(values):
        more = _weight(each)
        if i > start and weight + more > AT_ONCE:
            yield values[start:i]
            start, weight = i, 0
        weight += more
    yield values[start:]


def _weight(value: Any, most: int = AT_ONCE) -> int:
    """About the number of values in a value; a number above `most` may be any."""
    if isinstance(value, np.ndarray):
        return int(value.size) + 1
    if isinstance(value, Mapping):
        inner: Iterable[Any] = value.values()
    elif isinstance(value, list | tuple) and value and isinstance(value[0], _CONTAINERS):
        inner = value
    else:
        return len(value) if isinstance(value, list | tuple) else 1
    weight = 1
    for each in inner:
        weight += _weight(each, most - weight) if isinstance(each, _CONTAINERS) else 1
        if weight > most:
            break
    return weight


def _dumps(value: Any) -> bytes:
    return orjson.dumps(value, default=_base64, option=orjson.OPT_SERIALIZE_NUMPY)


def _base64(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def entries(
    ids: Ids,
    failures: Mapping[int, ItemFailure],
    results: Sequence[Entry],
    videos: Mapping[int, Mapping[str, Any]],
    items: Sequence[Item] | None = None,
) -> list[Entry]:
    """One entry per item, in order: the result or the error, with the item's id and its crop if it has one."""
    data = []
    for index, (id, result) in enumerate(zip(ids, results, strict=True)):
        failure = failures.get(index)
        entry: Entry = {"index": index}
        if failure is None:
            entry |= result
        else:
            entry["error"] = {"code": failure.code, "message": failure.message}
        if index in videos:
            entry["video"] = videos[index]
        if id is not None:
            entry["id"] = id
        if items is not None:
            entry |= crop_entry(items[index])
        data.append(entry)
    return data


def crop_entry(item: Item) -> Entry:
    """The part of an item's entry that states its crop; empty for a whole image."""
    return {} if item.crop is None else {"crop": asdict(item.crop)}


def finite(value: Any) -> float | None:
    """The value, or None if it is not finite, which JSON cannot represent."""
    return float(value) if np.isfinite(value) else None


@functools.cache
def decoder() -> str:
    """Names and versions of the video decoding libraries."""
    av = load()
    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"PyAV {av.__version__}, FFmpeg's libavcodec {version}"


def video_block(
    video: FrameResults, frames: Sequence[Mapping[str, Any]], shots: Sequence[Mapping[str, Any]] | None
) -> Mapping[str, Any]:
    """The block `video` of an answer: properties and results of each frame and each shot."""
    report = video.report
    entries = []
    for index, (frame, result) in enumerate(zip(video.frames, frames, strict=True)):
        entry: dict[str, Any] = {"index": index, "timestamp": frame.timestamp, "shot": frame.shot}
        entry |= {"dropped": frame.dropped, "times": frame.times}
        if frame.thumbnail is not None:
            entry["thumbnail"] = frame.thumbnail
        entries.append({**entry, **result})
    groups = None
    if video.shots is not None and shots is not None:
        groups = [
            {"index": shot.index, "start": shot.start, "end": shot.end, "frames": n, **(result if n else {})}
            for shot, n, result in zip(video.shots, video.counts, shots, strict=True)
        ]
    return {
        **facts(video.info),
        "sampling": video.sampling.model_dump(),
        "frames": entries,
        "shots": groups,
        "report": {
            name: getattr(report, name)
            for name in (
                *("decoded", "damaged_packets", "corrupt_frames", "disordered", "estimated"),
                *("ended_early", "fell_back"),
            )
        }
        | {"blank": video.blank, "remarks": video.remarks},
        "decoder": decoder(),
    }
