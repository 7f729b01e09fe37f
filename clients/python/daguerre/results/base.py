"""Base of all results with an entry for each item, and the table of the items without one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from daguerre.errors import ItemError
from daguerre.types.common import MARKS, Receipt

if TYPE_CHECKING:
    import pandas as pd


SHOWN = 5  # failures in a repr
OWN = ("label", "remark", "error")  # columns of a table, beside those of the labels


class Errors(Sequence[ItemError]):
    """The items without a result, as a table."""

    def __init__(self, items: Sequence[ItemError] = ()) -> None:
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> ItemError: ...
    @overload
    def __getitem__(self, index: slice) -> "Errors": ...
    def __getitem__(self, index: int | slice) -> "ItemError | Errors":
        return Errors(self._items[index]) if isinstance(index, slice) else self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[ItemError]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Errors) and self._items == other._items

    def __hash__(self) -> int:
        return hash(self._items)

    def by_code(self) -> dict[str, int]:
        """Number of errors with each code, the most frequent first."""
        return dict(Counter(item.code for item in self._items).most_common())

    def to_pandas(self) -> "pd.DataFrame":
        """Columns index, id, code, message."""
        rows = [(item.index, item.id, item.code, item.message) for item in self._items]
        table: pd.DataFrame = import_pandas().DataFrame(rows, columns=["index", "id", "code", "message"])
        return table

    def __repr__(self) -> str:
        if not self._items:
            return "no errors"
        lines = [f"{len(self)} without a result: " + ", ".join(f"{n} {code}" for code, n in self.by_code().items())]
        lines += [f"  {item.id}: {item.message}" for item in self._items[:SHOWN]]
        return "\n".join([*lines, *(["  …"] if len(self) > SHOWN else [])])


@dataclass(frozen=True, eq=False)
class ItemResults:
    """Base of results: an entry for each item that was given."""

    ids: list[str]
    errors: Errors

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Whether each item has a result, (n,)."""
        good = np.ones(len(self.ids), bool)
        good[[item.index for item in self.errors]] = False
        return good

    @property
    def codes(self) -> list[str | None]:
        """Why an item has no result, for programs; None where it has one."""
        codes: list[str | None] = [None] * len(self.ids)
        for item in self.errors:
            codes[item.index] = item.code
        return codes

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class ModelResults(ItemResults):
    receipt: Receipt
    truncated: list[int]
    unknown: list[int] = field(kw_only=True, default_factory=list)
    videos: list[int] = field(kw_only=True, default_factory=list)
    first_of_many: list[int] = field(kw_only=True, default_factory=list)

    @property
    def remarks(self) -> list[str | None]:
        """A remark on each item, for tables: "unknown", "truncated", "video", "first_of_many"; None for most."""
        return item_remarks(self)

    @property
    def model(self) -> str:
        """The model's name."""
        return self.receipt.model

    @property
    def fingerprint(self) -> str:
        """Vectors may be compared exactly where it is equal."""
        return self.receipt.fingerprint


def item_remarks(results: ItemResults) -> list[str | None]:
    """The remarks of results on each item, with commas between them; None where there is nothing to remark."""
    remarks: list[str | None] = [None] * len(results)
    for name in MARKS:
        word = "video" if name == "videos" else name
        for i in getattr(results, name, ()):
            remarks[i] = f"{remarks[i]}, {word}" if remarks[i] else word
    return remarks


def failure_note(errors: Errors) -> str:
    return f", {len(errors)} without a result" if errors else ""


def import_pandas() -> Any:
    """pandas, or the error that says how to get it."""
    try:
        import pandas
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError("tables need pandas; pip install 'daguerre[pandas]'") from exc
    return pandas
