"""Equal pictures and frames of a request: each is analysed once."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.pipelines.items import Item

Row = NDArray[np.uint8]
Frames = NDArray[Any]
Run = Callable[[Sequence[Row]], Awaitable[Frames]]  # frames (h, w, 3) → (frames, 1) objects


def equal_items(items: Sequence[Item], indices: Sequence[int]) -> dict[int, list[int]]:
    """The indices of the other items with the same bytes and the same crop, by the index of the first."""
    first: dict[object, int] = {}
    found: dict[int, list[int]] = {}
    for index in indices:
        item = items[index]
        place = first.setdefault((item.image, item.crop), index)
        found.setdefault(place, [])
        if place != index:
            found[place].append(index)
    return found


class EqualFrames:
    """Runs each frame of the videos of a request once; frames with the same pixels have the same result.

    Parameters
    ----------
    run : analyses frames.
    in_thread : runs a function in a thread, where frames are hashed.
    """

    def __init__(self, run: Run, in_thread: Callable[[Callable[[], list[bytes]]], Awaitable[list[bytes]]]) -> None:
        self._run = run
        self._in_thread = in_thread
        self._known: dict[bytes, object] = {}  # result by the SHA-256 of the pixels

    async def __call__(self, rows: Sequence[Row]) -> Frames:
        """The results of frames (h, w, 3), (n, 1) objects."""
        keys = await self._in_thread(lambda: [_key(row) for row in rows])
        new = {key: row for key, row in zip(keys, rows, strict=True) if key not in self._known}
        if new:
            found = await self._run(list(new.values()))
            self._known.update(zip(new, found[:, 0], strict=True))
        made = np.empty((len(rows), 1), object)
        for i, key in enumerate(keys):
            made[i, 0] = self._known[key]
        return made


def _key(row: Row) -> bytes:
    digest = hashlib.sha256(repr(row.shape).encode())
    digest.update(np.ascontiguousarray(row).data)
    return digest.digest()
