"""Decoding of all images, once, into a file that all epochs read."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.classifiers.folders import LabelledImage
from models.classifiers.records import Dropped
from models.disk import allocate, replace_text
from models.errors import ImageError
from models.images.decoding import ImageLimits, load_pixels
from models.images.preprocess import PREPROCESSING_VERSION, Preprocess

_PIXELS, _INDEX = "pixels.npy", "pixels.json"


@dataclass(frozen=True)
class Pixels:
    """Decoded images. Items whose image cannot be decoded have no row."""

    rows: NDArray[np.uint8]  # (m, size, size, 3), on disk
    kept: tuple[int, ...]  # (m,): index of each row's item
    dropped: tuple[Dropped, ...]


def decode_images(
    items: Sequence[LabelledImage],
    preprocess: Preprocess,
    folder: Path,
    *,
    limits: ImageLimits,
    threads: int = 0,
    report: Callable[[float], None] = lambda _: None,
) -> Pixels:
    """Decode all images into `folder`, or reuse those that were decoded before.

    `report` is called with the share that is done, and may raise to stop. `threads`: 0 lets Python choose.
    """
    key = hashlib.sha256(
        json.dumps(
            [PREPROCESSING_VERSION, asdict(preprocess), asdict(limits), [item.sha256 for item in items]]
        ).encode()
    ).hexdigest()
    if (folder / _INDEX).is_file():
        index = json.loads((folder / _INDEX).read_text())
        if index["key"] == key:
            dropped = tuple(Dropped(**row) for row in index["dropped"])
            return Pixels(np.load(folder / _PIXELS, mmap_mode="r")[: len(index["kept"])], tuple(index["kept"]), dropped)
        (folder / _INDEX).unlink()  # before its pixels are overwritten

    def decode(item: LabelledImage) -> NDArray[np.uint8] | Dropped:
        try:
            return load_pixels(item.path.read_bytes(), preprocess, limits=limits)
        except ImageError as exc:
            return Dropped(name=item.name, code=exc.code, reason=exc.message)
        except OSError as exc:
            return Dropped(name=item.name, code="unreadable", reason=f"it cannot be read: {exc.strerror}")

    shape = (len(items), preprocess.size, preprocess.size, 3)
    rows = np.lib.format.open_memmap(folder / _PIXELS, "w+", np.uint8, shape)
    allocate(folder / _PIXELS)
    kept: list[int] = []
    failed: list[Dropped] = []
    with ThreadPoolExecutor(threads or None) as pool:
        for start in range(0, len(items), 64):  # bounded: all at once would hold every decoded image
            part = items[start : start + 64]
            for i, decoded in enumerate(pool.map(decode, part), start):
                if isinstance(decoded, Dropped):
                    failed.append(decoded)
                else:
                    rows[len(kept)] = decoded
                    kept.append(i)
            report((start + len(part)) / len(items))
    rows.flush()
    replace_text(
        folder / _INDEX, json.dumps({"key": key, "kept": kept, "dropped": [asdict(dropped) for dropped in failed]})
    )
    return Pixels(rows[: len(kept)], tuple(kept), tuple(failed))
