"""Columns of items: lists, mappings, columns of tables, and which values in them are missing."""

import os
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np

from daguerre.types.common import listed


def column(given: Any, name: str, *, by_index: bool) -> tuple[Iterable[Any], list[str] | None]:
    """The items of a column and their ids, None where it has none: a list, a mapping {id: item}, a table's column.

    Parameters
    ----------
    by_index : whether the index of a Series has the ids, if it is more than the items' numbers.

    Raises
    ------
    TypeError : for a whole table, a set, or what holds no items.
    """
    if isinstance(given, Mapping):
        return list(given.values()), [str(key) for key in given]
    if isinstance(given, Set) and not isinstance(given, _views()):
        raise TypeError(f"{name}: got a {type(given).__name__}, which has no order; give a list, as sorted(…) makes it")
    names = getattr(given, "column_names", None) or getattr(given, "columns", None)
    if names is not None and not isinstance(given, str | bytes):
        raise TypeError(
            f"{name}: got a {type(given).__name__} with the columns {listed(names)}; give one of them, for example "
            f"table[{str(next(iter(names), name))!r}]"
        )
    if isinstance(given, np.ndarray):
        if given.ndim == 0:
            return [given.item()], None
        if given.ndim > 1 and given.dtype.kind in "OUST":
            raise TypeError(f"{name}: got an array {given.shape}; give one with a single dimension, such as x[:, 0]")
    if not isinstance(given, Iterable):
        raise TypeError(f"{name}: got {type(given).__name__}; give a list, or another iterable")
    index = getattr(given, "index", None)
    if not by_index or isinstance(given, list | tuple) or callable(index) or not getattr(index, "is_unique", False):
        return given, None
    ids = [str(each) for each in index]  # type: ignore[union-attr]
    return given, None if ids == [str(i) for i in range(len(ids))] else ids


def repeated_labels(given: Any, name: str) -> str | None:
    """A remark on a Series whose index has a label twice, so that its items are numbered; None for all else."""
    index: Any = getattr(given, "index", None)
    if isinstance(given, list | tuple) or callable(index) or getattr(index, "is_unique", True):
        return None
    twice = index[index.duplicated()]
    return (
        f"{name}: the index of the Series has {str(twice[0])!r} more than once, so the items are numbered from 0; give "
        "ids=, or a Series whose labels are unique"
    )


def _views() -> tuple[type, ...]:
    return type({}.keys()), type({}.items())  # which have the order of their dict


def plain(item: Any) -> Any:
    """An item as Python's own: a scalar of pyarrow is what it holds."""
    return item.as_py() if hasattr(item, "as_py") else item


def is_missing(item: Any) -> bool:
    """Whether an item is a missing value: None, NaN, NaT or pandas' NA."""
    if item is None or type(item).__name__ in ("NAType", "NaTType"):
        return True
    number = isinstance(item, float | np.floating | np.datetime64) or type(item).__name__ == "Decimal"
    return number and bool(item != item)


def is_path(item: Any) -> bool:
    return isinstance(item, str | os.PathLike)
