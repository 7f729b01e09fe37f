"""Texts as keys of 128 bits, and tables of keys in arrays: some 24 bytes a row where a dict of texts takes hundreds."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]  # (n, 2)
NO_KEY = bytes(16)
RECENT = 2**15


def key_of(text: str) -> bytes:
    """The key of an id: a hash that is the same on every machine."""
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=16).digest()


def content_key(sha256: str | None) -> bytes:
    """The key of a content: the first half of its SHA-256; NO_KEY for None."""
    if sha256 is None:
        return NO_KEY
    if len(sha256) == 64:
        try:
            return bytes.fromhex(sha256[:32])
        except ValueError:
            pass
    return key_of(sha256)  # of another program


def keys_of(texts: Sequence[str]) -> Keys:
    """The keys of ids, (n, 2)."""
    return _joined([key_of(text) for text in texts])


def content_keys(hashes: Sequence[str | None]) -> Keys:
    """The keys of contents, (n, 2)."""
    try:
        whole = np.frombuffer(bytes.fromhex("".join(hashes)), "<u8")  # type: ignore[arg-type]
        if whole.size == 4 * len(hashes) and all(len(each) == 64 for each in hashes):  # type: ignore[arg-type]
            return np.ascontiguousarray(whole.reshape(-1, 4)[:, :2], np.uint64)
    except (TypeError, ValueError):
        pass
    return _joined([content_key(each) for each in hashes])


def _joined(keys: Sequence[bytes]) -> Keys:
    return np.frombuffer(b"".join(keys), "<u8").astype(np.uint64, copy=False).reshape(-1, 2)


def halves(key: bytes) -> tuple[np.uint64, np.uint64]:
    """A key as the two numbers of its row in `keys_of`."""
    return np.uint64(int.from_bytes(key[:8], "little")), np.uint64(int.from_bytes(key[8:], "little"))


def among(keys: Keys, others: Keys) -> NDArray[np.bool_]:
    """Whether each of n keys is one of the others, (n,)."""
    if not len(keys) or not len(others):
        return np.zeros(len(keys), bool)
    found = np.isin(keys[:, 0], others[:, 0])
    wanted = {(int(a), int(b)) for a, b in others[np.isin(others[:, 0], keys[found, 0])]} if found.any() else set()
    for i in np.flatnonzero(found):
        found[i] = (int(keys[i, 0]), int(keys[i, 1])) in wanted
    return found


class KeyTable:
    """Keys and a number for each, added one after another: sorted arrays, each more than twice as long as the next."""

    def __init__(self) -> None:
        self._recent: dict[bytes, int] = {}
        self._runs: list[tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]] = []

    def __len__(self) -> int:
        return len(self._recent) + sum(len(run[0]) for run in self._runs)

    def get(self, key: bytes) -> int | None:
        """The number of a key; None where it was not added."""
        if (value := self._recent.get(key)) is not None:
            return value
        first, second = halves(key)
        for a, b, values in reversed(self._runs):
            i = int(a.searchsorted(first))
            while i < len(a) and a[i] == first:
                if b[i] == second:
                    return int(values[i])
                i += 1
        return None

    def put(self, key: bytes, value: int = 0) -> None:
        """Add a key that is not there yet."""
        self._recent[key] = value
        if len(self._recent) < RECENT:
            return
        keys = _joined(list(self._recent))
        run = _sorted(keys[:, 0], keys[:, 1], np.fromiter(self._recent.values(), np.int64, len(keys)))
        self._recent = {}
        while self._runs and len(self._runs[-1][0]) <= 2 * len(run[0]):
            before = self._runs.pop()
            run = _sorted(*(np.concatenate([old, new]) for old, new in zip(before, run, strict=True)))
        self._runs.append(run)


def _sorted(
    a: NDArray[np.uint64], b: NDArray[np.uint64], values: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
    order = np.argsort(a)
    return a[order], b[order], values[order]
