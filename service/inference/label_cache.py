"""A cache of label vectors: a study classifies thousands of items with the same labels."""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


class LabelKey(NamedTuple):
    fingerprint: str
    templates: tuple[str, ...]
    label: str


class LabelCache:
    """The `size` most recently used label vectors, for one event loop."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._vectors: OrderedDict[LabelKey, Float] = OrderedDict()

    def get(self, key: LabelKey) -> Float | None:
        vector = self._vectors.get(key)
        if vector is not None:
            self._vectors.move_to_end(key)
        return vector

    def put(self, key: LabelKey, vector: Float) -> None:
        self._vectors[key] = vector
        self._vectors.move_to_end(key)
        while len(self._vectors) > self._size:
            self._vectors.popitem(last=False)

    def __len__(self) -> int:
        return len(self._vectors)
