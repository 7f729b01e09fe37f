"""Items of a result by their ids, by a mask, by their places, or by a slice."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daguerre.inputs.alignment import id_texts, is_series, series_labels
from daguerre.inputs.names import PathNames

SHOWN = 3  # ids in a message


def places_of_ids(wanted: Iterable[Any], ids: Sequence[str], files: Sequence[str], what: str = "ids") -> list[int]:
    """The places of items, in the order in which they are named, each once.

    Parameters
    ----------
    wanted : ids, paths, or the ends of paths.
    ids, files : (n,) of all items.

    Raises
    ------
    ValueError : a name is that of no item, or may be that of several.
    """
    names = PathNames(files, ids)
    texts = id_texts(wanted, what)
    places: dict[int, None] = {}
    unknown: list[str] = []
    ambiguous: list[str] = []
    for text in texts:
        try:
            found = names.find(text)
        except ValueError:
            ambiguous.append(text)
            continue
        if not found:
            unknown.append(text)
        elif len({files[i] for i in found}) > 1 or (len(found) > 1 and files[found[0]] == ids[found[0]]):
            ambiguous.append(text)
        else:
            places.update(dict.fromkeys(found))
    if ambiguous:
        raise ValueError(
            f"{what}: {len(ambiguous):,} of {len(texts):,} may be several items: {_some(ambiguous)}; give ids or paths "
            "that tell them apart"
        )
    if unknown:
        raise ValueError(
            f"{what}: {len(unknown):,} of {len(texts):,} are the ids of no item: {_some(unknown)}; "
            + names.hint(unknown[0])
        )
    return list(places)


def places_of(key: Any, ids: Sequence[str], files: Sequence[str]) -> NDArray[np.int64]:
    """The places of the items that an index names: an id, ids, a mask, places, or a slice. Raises ValueError."""
    n = len(ids)
    if isinstance(key, slice):
        return np.arange(n)[key]
    if isinstance(key, str):
        return np.array(places_of_ids([key], ids, files), np.int64)
    if isinstance(key, bool | float) or key is None:
        raise TypeError(f"got {key!r} as an index; give ids, a mask, places or a slice")
    if isinstance(key, int | np.integer):
        return np.array([_place(int(key), n)], np.int64)
    if is_series(key) and getattr(key, "dtype", None) is not None and str(key.dtype) in ("bool", "boolean"):
        return _of_mask_series(key, ids, files)
    values = key if isinstance(key, np.ndarray) else list(key)
    kinds = Counter(type(each.item() if hasattr(each, "item") else each) for each in values)
    if set(kinds) == {bool}:
        return _of_mask([bool(each) for each in values], n)
    if set(kinds) == {int}:
        return np.array([_place(int(each), n) for each in values], np.int64)
    return np.array(places_of_ids(values, ids, files), np.int64)


def _of_mask(mask: Sequence[bool], n: int) -> NDArray[np.int64]:
    if len(mask) != n:
        raise ValueError(f"mask: {len(mask):,} for {n:,} items; give one for each")
    return np.flatnonzero(np.array(mask, bool))


def _of_mask_series(mask: Any, ids: Sequence[str], files: Sequence[str]) -> NDArray[np.int64]:
    """The items that a column of a table marks: by its index, where that has ids, and otherwise by its order."""
    labels = series_labels(mask)
    marked = [bool(each) if each == each else False for each in mask.fillna(False)]
    if labels == list(range(len(labels))) or list(map(str, labels)) == list(ids):
        return _of_mask(marked, len(ids))
    chosen = [label for label, there in zip(labels, marked, strict=True) if there]
    return np.array(sorted(places_of_ids(chosen, ids, files, "mask")), np.int64)


def _place(place: int, n: int) -> int:
    if not -n <= place < n:
        raise IndexError(f"place {place} of {n:,} items; they are numbered from 0")
    return place % n


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - SHOWN:,} more" if len(texts) > SHOWN else ""
    return ", ".join(map(repr, texts[:SHOWN])) + more
