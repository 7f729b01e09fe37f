"""One value for each item: codes, ids and weights, aligned with the items they belong to."""

import math
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, TypeAlias

from daguerre.inputs.names import PathNames
from daguerre.inputs.source import GLOB

Code: TypeAlias = str | bool | int | float | None
EXACT = 2**53  # integers above it are sent as text: gRPC has numbers as doubles


def item_ids(ids: Sequence[Any] | None, files: Sequence[str]) -> list[str]:
    """The given ids, or those of the items."""
    if isinstance(ids, str):
        raise TypeError(f"ids: got a str, {ids!r:.60}; give a list, one for each item; a file of codes is a `table`")
    if ids is None:
        return list(files)
    given = list(ids)
    _check_number("ids", given, len(files))
    return id_texts(given, "ids")


def id_texts(given: Iterable[Any], what: str) -> list[str]:
    """Ids as text: 1.0, which a column with a gap has for 1, is "1". Raises ValueError where one is missing."""
    values = [json_value(each) for each in given]
    if None in values:
        raise ValueError(
            f"{what}: {values.count(None):,} of {len(values):,} are missing, the first is [{values.index(None)}]; give "
            "each one, or leave the row out"
        )
    return [str(int(each)) if isinstance(each, float) and each.is_integer() else str(each) for each in values]


def per_item(name: str, given: Sequence[Any], n: int) -> list[Any]:
    """A list with one value for each item, numpy's numbers as Python's; a Series by its index. Raises ValueError."""
    values = list(given)
    _check_number(name, values, n)
    if is_series(given):
        labels = series_labels(given)
        if sorted(map(str, labels)) != sorted(map(str, range(n))):
            raise ValueError(
                f"{name}: a Series goes by its index, whose first label is {labels[0]!r}, and the items are numbered "
                "from 0; give .tolist() if its order is theirs"
            )
        values = [value for _, value in sorted(zip(labels, values, strict=True), key=lambda pair: int(pair[0]))]
    return [each.item() if hasattr(each, "item") else each for each in values]


def missing_texts(missing: Sequence[str] | None) -> list[str] | None:
    """Texts that are no code, as they are sent: a list that is empty is one of an empty text."""
    return None if missing is None else string_list(missing, "missing") or [""]


def string_list(given: Sequence[str], name: str) -> list[str]:
    """Raises TypeError for a str, which is a sequence too."""
    if isinstance(given, str):
        raise TypeError(f"{name}: got a str, {given!r:.60}; give a list")
    return [str(each) for each in given]


def sent_ids(ids: Sequence[str]) -> list[str]:
    """The ids that the server keeps: absolute paths, of older corpora, below their common folder, which is private."""
    if not all(map(os.path.isabs, ids)):
        return list(ids)
    try:
        root = os.path.commonpath([os.path.dirname(id) for id in ids])
    except ValueError:  # on two drives, or none
        return list(ids)
    return [os.path.relpath(id, root).replace(os.sep, "/") for id in ids]


class ItemIndex:
    """The items of a call, for columns that name them by path, id or label of a Series.

    Parameters
    ----------
    paths, names : (n,) paths or numbers of the items, and their ids in the report.
    source : the images or texts that were given; its labels count if it is a Series.

    Attributes
    ----------
    remarks : warnings for the user.
    """

    def __init__(self, paths: Sequence[str], names: Sequence[str], source: Any = None) -> None:
        self.remarks: list[str] = []
        self._n = len(paths)
        self._names = names
        self._numbered = list(names) == list(map(str, range(self._n)))
        self._labels = list(source.index) if is_series(source) and len(source) == self._n else None
        self._searched = searched(source)
        self._files = PathNames(paths, names)

    def column(self, what: str, given: Any, *, whole: bool = False) -> list[Code]:
        """A value for each item, None where there is none.

        Parameters
        ----------
        given : a list in the order of the items; a mapping by path, id or file name; a Series, by its index.
        whole : whether every item needs a value.

        Raises
        ------
        TypeError : a str, a set, a table of several columns.
        ValueError : another number of values than items, a key for no item or for several, two values for an item.
        """
        if isinstance(given, str | bytes):
            way = " (a file of codes is a `table`)" if what == "targets" else ""
            raise TypeError(f"{what}: got a {type(given).__name__}, {given!r:.60}; give a list, one for each item{way}")
        if isinstance(given, Set) and not isinstance(given, Mapping):
            raise TypeError(f"{what}: got a set, which has no order; give a list or a mapping")
        if hasattr(given, "columns") and hasattr(given, "iloc"):
            raise TypeError(
                f"{what}: got a table of {len(given.columns)} columns; give one of them, as in table['code']"
            )
        if is_series(given):
            values = self._of_series(what, given)
        elif isinstance(given, Mapping):
            values = self._of_pairs(what, list(given.items()))
        else:
            values = self._in_order(what, given)
        if whole and None in values:
            place = values.index(None)
            raise ValueError(
                f"{what}: {values.count(None):,} of {self._n:,} items have none, the first is {self._names[place]!r}; "
                "give each item one"
            )
        return values

    def find(self, key: Any) -> list[int]:
        """The items that a key names. Raises ValueError where it names several files."""
        return self._files.find(id_texts([key], "key")[0])

    def _in_order(self, what: str, given: Iterable[Any]) -> list[Code]:
        values = [json_value(each) for each in given]
        if self._searched and not hasattr(given, "dtype"):
            raise ValueError(
                f"{what}: got a list for {self._searched}, whose files have no order that you gave; give a mapping or "
                "a Series by path or file name, or list the paths as images"
            )
        _check_number(what, values, self._n)
        if self._searched and values:
            self.remarks.append(
                f"{what}: an array for {self._searched} goes by the order of the files, sorted by path: the first is "
                f"{values[0]!r} for {self._names[0]!r}, the last {values[-1]!r} for {self._names[-1]!r}; a mapping or "
                "a Series by path is safer"
            )
        return values

    def _of_series(self, what: str, given: Any) -> list[Code]:
        labels, values = list(given.index), list(given)
        if self._labels is not None and set(labels) & set(self._labels):
            if labels == self._labels:
                return [json_value(value) for value in values]
            place: dict[Any, list[int]] = defaultdict(list)
            for i, label in enumerate(self._labels):
                place[label].append(i)
            found = [(label, value, place.get(label, [])) for label, value in zip(labels, values, strict=True)]
            return self._placed(what, found)
        if self._numbered and labels != list(range(self._n)):
            raise ValueError(
                f"{what}: a Series goes by its index, whose first label is {labels[0] if labels else None!r}, and the "
                "items are numbered from 0; give the items as a Series with the same index, or .tolist() of both"
            )
        if labels and labels == list(range(len(labels))) and not self.find(labels[0]):
            raise ValueError(
                f"{what}: a Series goes by its index, whose labels are the numbers 0 to {len(labels) - 1}, and the "
                "items are files; give table.set_index('path')['code'], or .tolist() if its order is that of the items"
            )
        return self._of_pairs(what, list(zip(labels, values, strict=True)))

    def _of_pairs(self, what: str, pairs: Sequence[tuple[Any, Any]]) -> list[Code]:
        try:
            return self._placed(what, [(key, value, self.find(key)) for key, value in pairs])
        except ValueError as exc:
            raise ValueError(f"{what}: {exc}" if not str(exc).startswith(what) else str(exc)) from exc

    def _placed(self, what: str, found: Sequence[tuple[Any, Any, Sequence[int]]]) -> list[Code]:
        if unused := [key for key, _, places in found if not places]:
            raise ValueError(
                f"{what}: {len(unused):,} of {len(found):,} match no item, the first is for {unused[0]!r}; "
                + self._files.hint(id_texts([unused[0]], what)[0])
            )
        values: list[Code] = [None] * self._n
        keys: dict[int, Any] = {}
        for key, value, places in found:
            code = json_value(value)
            for i in places:
                if i in keys and values[i] != code:
                    raise ValueError(
                        f"{what}: {self._names[i]!r} has two values, {values[i]!r} for {keys[i]!r} and {code!r} for "
                        f"{key!r}; keep one"
                    )
                values[i], keys[i] = code, key
        return values


def searched(source: Any) -> str | None:
    """The folder or glob among the images that were given, whose files the SDK finds; None where there is none."""
    each: Iterator[Any] = iter([source]) if isinstance(source, str | os.PathLike) else iter(())
    if isinstance(source, list | tuple) or is_series(source):
        each = iter(source)
    for path in each:
        if not isinstance(path, str | os.PathLike):
            continue
        text = os.fspath(path)
        if isinstance(text, str) and (os.path.isdir(text) or (GLOB & set(text) and not os.path.exists(text))):
            return f"the {'folder' if os.path.isdir(text) else 'glob'} {text!r}"
    return None


def same_table(**columns: Any) -> None:
    """Raise ValueError unless the columns that are Series have one index: columns of one table go by its rows."""
    series = {name: list(column.index) for name, column in columns.items() if is_series(column)}
    first = next(iter(series), None)
    for name, labels in series.items():
        if first is not None and labels != series[first]:
            raise ValueError(
                f"{name}: its index differs from that of {first}; give columns of one table, or .tolist() of each"
            )


def is_series(given: Any) -> bool:
    """Whether it is a Series of pandas, or the like: values with an index of labels."""
    return hasattr(given, "to_numpy") and hasattr(given, "index") and not callable(given.index)


def series_labels(given: Any) -> list[Any]:
    """The index of a Series."""
    return list(given.index)


def json_value(value: Any) -> Code:
    """A code as a JSON value: numbers of other libraries as Python's; None for NaN, NaT and pandas.NA."""
    if hasattr(value, "item"):
        try:
            value = value.item()
        except ValueError:
            raise TypeError(f"got an array of shape {value.shape} where one value belongs; give one number") from None
    if value is None or _is_nan(value):
        return None
    if isinstance(value, str | bool):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value) if abs(value) <= EXACT else str(int(value))
    if isinstance(value, float):
        return str(value) if math.isinf(value) else value
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _is_nan(value: Any) -> bool:
    try:
        return bool(value != value)
    except (TypeError, ArithmeticError):  # pandas.NA has no truth value; a signalling NaN cannot be compared
        return True


def _check_number(what: str, values: Sequence[Any], n: int) -> None:
    if len(values) != n:
        raise ValueError(f"{what}: {len(values)} for {n} items; give one for each")
