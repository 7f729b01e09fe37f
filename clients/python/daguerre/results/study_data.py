"""Results about the items of a study: tables of their columns, and what a search has found."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daguerre.results.base import import_pandas
from daguerre.results.notebook import Shown
from daguerre.results.studies import save_columns
from daguerre.types.common import Content, listed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class StudyTable(Shown):
    """Items of a study with some of their columns.

    Attributes
    ----------
    ids, keys : (n,) ids of the items, and their keys in addresses.
    columns : by name, (n,) numbers or texts; None for an item without a value.
    """

    ids: Sequence[str]
    keys: Sequence[str]
    columns: Mapping[str, list[Any]]

    @classmethod
    def of(cls, answer: Content) -> "StudyTable":
        """The table of an answer with ids."""
        return cls(answer["ids"], answer["keys"], answer["columns"])

    def __len__(self) -> int:
        return len(self.keys)

    def to_pandas(self) -> "pd.DataFrame":
        """The table, with the ids as its index."""
        pandas = import_pandas()
        index = pandas.Index(self.ids, name="id")
        table: pd.DataFrame = pandas.DataFrame(dict(self.columns), index=index)
        return table

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write the table as .csv, with an apostrophe before texts that are formulas, or as .parquet."""
        save_columns({"id": self.ids, **self.columns}, path)

    def __repr__(self) -> str:
        return f"<StudyTable of {len(self):,} items, {listed(self.columns, 12)}>"


@dataclass(frozen=True, repr=False)
class StudyHits(Shown):
    """Items of a study that are similar to a query, the most similar first.

    Attributes
    ----------
    ids, keys : (n,) ids of the items, and their keys in addresses.
    cosines : (n,) cosine similarities to the query.
    compared : number of items that were compared with the query.
    model, fingerprint, receipt : of the vectors.
    remarks : sentences on items that were not searched, and on the query.
    """

    ids: Sequence[str]
    keys: Sequence[str]
    cosines: Sequence[float]
    compared: int
    model: str
    fingerprint: str
    receipt: Content
    remarks: Sequence[str]

    @classmethod
    def of(cls, answer: Content) -> "StudyHits":
        """The hits of an answer."""
        columns: dict[str, Any] = {
            f"{name}s": [each[name] for each in answer["data"]] for name in ("id", "key", "cosine")
        }
        rest: dict[str, Any] = {name: answer[name] for name in ("model", "fingerprint", "receipt", "remarks")}
        return cls(**columns, compared=answer["n"], **rest)

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[tuple[str, float]]:
        """Id and cosine of each item."""
        return iter(zip(self.ids, self.cosines, strict=True))

    def to_pandas(self) -> "pd.DataFrame":
        """A table with the columns id, key and cosine."""
        columns = {"id": self.ids, "key": self.keys, "cosine": self.cosines}
        table: pd.DataFrame = import_pandas().DataFrame(columns)
        return table

    def __repr__(self) -> str:
        return f"<StudyHits: {len(self):,} of {self.compared:,} items, by {self.model}>"
