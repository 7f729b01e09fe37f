"""Base of all results with an entry for each item, and the table of the items without one."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from daguerre.errors import ItemError
from daguerre.results.notebook import PART, ROWS, Gallery, Shown
from daguerre.results.selection import places_of, places_of_ids
from daguerre.types.common import MARKS, Receipt

if TYPE_CHECKING:
    import pandas as pd


S = TypeVar("S", bound="ItemResults")
SHOWN = 5  # failures in a repr
OWN = ("label", "classifier", "fingerprint", "remark", "error")  # columns of a table, beside those of the labels


class Errors(Shown, Sequence[ItemError]):
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
class ItemResults(Shown):
    """Base of results: an entry for each item that was given.

    `files` has the path of each item on this machine, (n,); for an item in memory, its id. `servers` has the number of
    items that each of several servers did, by its address, of the whole call; it is empty with one server.
    """

    ROWS: ClassVar[tuple[str, ...]] = ()  # the fields with an entry for each item, beside ids, files and marks

    ids: list[str]
    errors: Errors
    files: list[str] = field(kw_only=True, default_factory=list)
    servers: Mapping[str, int] = field(kw_only=True, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if len(self.files) != len(self.ids):
            object.__setattr__(self, "files", self.ids)

    def _gallery(self) -> Gallery:
        for i in np.flatnonzero(self.ok).tolist() if self.has_files else ():
            line = self._line(i)
            yield self.files[i], f"{self.ids[i]}: {line}" if line else self.ids[i]

    @property
    def has_files(self) -> bool:
        """Whether paths were given, and not ids alone, which may be those of a server."""
        return self.files is not self.ids

    def _line(self, i: int) -> str:
        """The result of an item in a few words, below its picture in a notebook."""
        return ""

    def _table(self) -> Any:
        table = self[:ROWS].to_pandas() if hasattr(self, "to_pandas") else None
        if table is not None and len(self) > ROWS:
            table.attrs[PART] = f"the first {ROWS} of {len(self):,} items"
        return table

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

    def select(self: S, ids: "Iterable[Any] | str") -> S:
        """The result for some of the items, in the order of the ids that are given, each once.

        Parameters
        ----------
        ids : ids, paths, or the ends of paths, as a list, an array, a Series or an index of a table; or a single one.

        Returns
        -------
        The same kind of result, with the errors and remarks of these items.

        Raises
        ------
        ValueError : an id is that of no item, or may be that of several.

        Examples
        --------
        >>> kept = X.select(D.kept_ids)
        """
        wanted = [ids] if isinstance(ids, str) else ids
        return self._at(np.array(places_of_ids(wanted, self.ids, self.files), np.int64))

    def __getitem__(self: S, key: Any) -> S:
        """The result for some of the items: `X[ids]`, `X[mask]` (n,), `X[places]` or `X[:100]`.

        A mask is an array or a list of bool, or a column of a table whose index has the ids.
        """
        return self._at(places_of(key, self.ids, self.files))

    def _at(self: S, places: NDArray[np.int64]) -> S:
        """The result for the items at these places."""
        at = places.tolist()
        new: dict[int, list[int]] = defaultdict(list)
        for i, place in enumerate(at):
            new[place].append(i)
        moved: dict[str, Any] = {
            name: sorted(i for place in getattr(self, name) for i in new.get(place, ()))
            for name in MARKS
            if hasattr(self, name)
        }
        for name in self.ROWS:
            rows = getattr(self, name)
            moved[name] = rows if rows is None else rows[places] if hasattr(rows, "dtype") else [rows[i] for i in at]
        errors = [replace(error, index=i) for error in self.errors for i in new.get(error.index, ())]
        ids = [self.ids[i] for i in at]
        return replace(
            self,
            ids=ids,
            files=[self.files[i] for i in at] if self.has_files else ids,
            errors=Errors(sorted(errors, key=lambda error: error.index)),
            **moved,
        )


@dataclass(frozen=True, eq=False)
class ModelResults(ItemResults):
    receipt: Receipt
    truncated: list[int]
    unknown: list[int] = field(kw_only=True, default_factory=list)
    videos: list[int] = field(kw_only=True, default_factory=list)
    first_of_many: list[int] = field(kw_only=True, default_factory=list)
    cached: int = field(kw_only=True, default=0, repr=False)  # images whose vectors were in the server's cache

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
    return mark_words({name: getattr(results, name, ()) for name in MARKS}, len(results))


def mark_words(marks: Mapping[str, Iterable[int]], n: int) -> list[str | None]:
    """The remarks on each of n items as text, by the indices of the items that have each of them."""
    remarks: list[str | None] = [None] * n
    for name in MARKS:
        word = "video" if name == "videos" else name
        for i in marks.get(name, ()):
            remarks[i] = f"{remarks[i]}, {word}" if remarks[i] else word
    return remarks


def marks_of(remarks: Iterable[object]) -> dict[str, Any]:
    """The indices of the items that have each remark, from the texts of `mark_words`."""
    marks: dict[str, Any] = {name: [] for name in MARKS}
    for i, remark in enumerate(remarks):
        for word in str(remark).split(", ") if remark else ():
            name = "videos" if word == "video" else word
            if name in marks:
                marks[name].append(i)
    return marks


def failure_note(errors: Errors) -> str:
    return f", {len(errors)} without a result" if errors else ""


def import_pandas() -> Any:
    """pandas, or the error that says how to get it."""
    try:
        import pandas
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError("tables need pandas; pip install 'daguerre[pandas]'") from exc
    return pandas
