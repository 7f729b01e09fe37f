"""What comes back: vectors, scores, and what could not be used, each with how it was made."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from daguerre.errors import FingerprintMismatchError, ItemError
from daguerre.types.common import Float, Modality, Receipt

if TYPE_CHECKING:
    import pandas as pd


SHOWN = 5  # failures in a repr


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
        """How many of each code, the most frequent first."""
        return dict(Counter(item.code for item in self._items).most_common())

    def to_pandas(self) -> "pd.DataFrame":
        """Columns index, id, code, message."""
        rows = [(item.index, item.id, item.code, item.message) for item in self._items]
        table: pd.DataFrame = pandas_or_say().DataFrame(rows, columns=["index", "id", "code", "message"])
        return table

    def __repr__(self) -> str:
        if not self._items:
            return "no errors"
        lines = [f"{len(self)} without a result: " + ", ".join(f"{n} {code}" for code, n in self.by_code().items())]
        lines += [f"  {item.id}: {item.message}" for item in self._items[:SHOWN]]
        return "\n".join([*lines, *(["  …"] if len(self) > SHOWN else [])])


@dataclass(frozen=True, eq=False)
class OfItems:
    """What every result has: an entry for each item that was given."""

    ids: list[str]
    errors: Errors

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Which items have a result, (n,)."""
        good = np.ones(len(self.ids), bool)
        good[[item.index for item in self.errors]] = False
        return good

    @property
    def codes(self) -> list[str | None]:
        """Why an item has no result, for programs; None where it has one."""
        found: list[str | None] = [None] * len(self.ids)
        for item in self.errors:
            found[item.index] = item.code
        return found

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class _Result(OfItems):
    receipt: Receipt
    truncated: list[int]

    @property
    def model(self) -> str:
        """The model's name."""
        return self.receipt.model

    @property
    def fingerprint(self) -> str:
        """Vectors may be compared exactly where it is equal."""
        return self.receipt.fingerprint


@dataclass(frozen=True, eq=False, repr=False)
class Embeddings(_Result):
    """Unit vectors.

    Attributes
    ----------
    vectors : (n, d) float32, a row for each item that was given; rows of failed items are NaN. `drop_failed()` leaves
        them out.
    ids : paths of files, as they were given or found; places of other items.
    errors : a table of the items without a result.
    receipt : how the vectors were made; keep it with them.
    truncated : texts that were cut at the model's maximum, by their place.
    tokens : of all texts.
    modality : "image" or "text"; None of vectors that were read from a file.
    """

    vectors: Float = field(kw_only=True)
    tokens: int = field(kw_only=True, default=0)
    modality: Modality | None = field(kw_only=True, default=None)

    def drop_failed(self) -> "Embeddings":
        """The same without the items that have no result."""
        good = self.ok
        if good.all():
            return self
        place = np.cumsum(good) - 1
        return replace(
            self,
            ids=[id for id, fine in zip(self.ids, good, strict=True) if fine],
            errors=Errors(),
            truncated=[int(place[i]) for i in self.truncated],
            vectors=self.vectors[good],
        )

    def similarity(self, other: "Embeddings") -> Float:
        """Cosines with other embeddings, (n, m). Raises FingerprintMismatchError where they cannot be compared."""
        self.check_comparable(other)
        return cast(Float, self.vectors @ other.vectors.T)

    def check_comparable(self, other: "Embeddings") -> None:
        """Raises FingerprintMismatchError where vectors of the two lie in different spaces."""
        if self.fingerprint != other.fingerprint:
            raise FingerprintMismatchError(
                f"vectors of {self.model} ({self.fingerprint}) and of {other.model} ({other.fingerprint}) lie in "
                "different spaces; embed both with one model and one decode setting",
                code="fingerprint_mismatch",
            )

    def to_pandas(self) -> "pd.DataFrame":
        """A row per item: index id, columns 0 … d-1."""
        pandas = pandas_or_say()
        table: pd.DataFrame = pandas.DataFrame(self.vectors, index=pandas.Index(self.ids, name="id"))
        return table

    def to_parquet(self, path: "str | os.PathLike[str]") -> None:
        """Write the file that `embed_corpus` writes: id, vector, error, fingerprint, and the receipt beside them."""
        from daguerre import table

        table.write(path, self)

    @classmethod
    def read_parquet(cls, path: "str | os.PathLike[str]") -> "Embeddings":
        """Read a file of `to_parquet` or `embed_corpus`."""
        from daguerre import table

        return table.read(path)

    def __repr__(self) -> str:
        n, d = self.vectors.shape
        return f"<Embeddings: {n:,} × {d}, {self.model} {self.fingerprint[:12]}{_said(self.errors)}>"


@dataclass(frozen=True, eq=False, repr=False)
class ZeroShot(_Result):
    """Scores for labels. Not calibrated: validate them against human codes before you count with them.

    Attributes
    ----------
    labels : yours, in your order.
    scores : (n, k) float32, a row for each item that was given; rows of failed items are NaN.
    cosines : (n, k) float32, raw.
    best : the best label of each item; None where none fits, or the item failed.
    none_scores : (n,) of `none_of_these`, or None.
    templates, negatives, logit_scale : what made the scores of the cosines.
    """

    labels: list[str] = field(kw_only=True)
    scores: Float = field(kw_only=True)
    cosines: Float = field(kw_only=True)
    best: list[str | None] = field(kw_only=True)
    none_scores: Float | None = field(kw_only=True)
    templates: list[str] = field(kw_only=True)
    negatives: list[str] | None = field(kw_only=True)
    logit_scale: float = field(kw_only=True)
    calibrated: bool = field(kw_only=True, default=False)

    def top(self, k: int = 1) -> list[list[tuple[str, float]]]:
        """The k best labels of each item with their scores, the highest first; none for items without a result."""
        if k < 1:
            raise ValueError(f"k: got {k}, it must be at least 1")
        order = np.argsort(-self.cosines, axis=1, kind="stable")[:, :k]  # scores may be rounded to the same number
        good = self.ok
        return [
            [(self.labels[j], float(self.scores[i, j])) for j in order[i]] if good[i] else [] for i in range(len(self))
        ]

    def to_pandas(self) -> "pd.DataFrame":
        """A row per item: index id, the best `label`, a column with the score of each label, and `error` (a code).

        A label of yours that is called "label" or "error" gets its column as "label: …".
        """
        pandas = pandas_or_say()
        columns: dict[str, Any] = {"label": self.best}
        for j, label in enumerate(self.labels):
            columns[f"label: {label}" if label in ("label", "error") else label] = self.scores[:, j]
        columns["error"] = self.codes
        table: pd.DataFrame = pandas.DataFrame(columns, index=pandas.Index(self.ids, name="id"))
        return table

    def __repr__(self) -> str:
        n, k = self.scores.shape
        return f"<ZeroShot: {n:,} items × {k} labels, {self.model} {self.fingerprint[:12]}{_said(self.errors)}>"


def _said(errors: Errors) -> str:
    return f", {len(errors)} without a result" if errors else ""


def pandas_or_say() -> Any:
    """pandas, or the error that says how to get it."""
    try:
        import pandas
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError("tables need pandas; pip install 'daguerre[pandas]'") from exc
    return pandas
