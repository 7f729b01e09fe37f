"""Results of collections: items as a table, neighbours of queries, and the effect of adding items."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daguerre.results.base import ItemResults, failure_note, import_pandas
from daguerre.results.notebook import Shown
from daguerre.types.collections import CollectionItem, CollectionNeighbour

if TYPE_CHECKING:
    import pandas as pd

DTYPES = {"integer": "Int64", "boolean": "boolean", "number": "float64"}  # of columns with missing values


@dataclass(frozen=True, eq=False, repr=False)
class CollectionItems(Shown, Sequence[CollectionItem]):
    """Items of a collection, in the order of their ids.

    Attributes
    ----------
    collection : its name.
    fields : type of each metadata field.
    """

    collection: str
    fields: Mapping[str, str]
    items: Sequence[CollectionItem]

    @property
    def ids(self) -> list[str]:
        return [item.id for item in self.items]

    @property
    def texts(self) -> list[str | None]:
        """The text of each item; None where it has none."""
        return [item.text for item in self.items]

    def metadata(self, name: str) -> list[Any]:
        """The values of a field, (n,); None where an item has none. Raises KeyError for an unknown field."""
        if name not in self.fields:
            raise KeyError(f"the collection {self.collection!r} has no field {name!r}")
        return [item.metadata.get(name) for item in self.items]

    def __getitem__(self, index: Any) -> Any:
        found = self.items[index]
        return CollectionItems(self.collection, self.fields, found) if isinstance(index, slice) else found

    def __len__(self) -> int:
        return len(self.items)

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row per item: index id, columns modality, text, and the metadata fields by their types."""
        pandas = import_pandas()
        columns: dict[str, Any] = {"modality": [item.modality for item in self.items], "text": self.texts}
        columns |= metadata_columns(pandas, self.fields, [item.metadata for item in self.items])
        table: pd.DataFrame = pandas.DataFrame(columns, index=pandas.Index(self.ids, name="id"))
        return table

    def __repr__(self) -> str:
        return f"<CollectionItems: {len(self):,} of {self.collection!r}>"


def metadata_columns(pandas: Any, fields: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A column of pandas for each field; one named as a column of the item's own is "metadata: …"."""
    columns: dict[str, Any] = {}
    for name, kind in fields.items():
        values = [row.get(name) for row in rows]
        if kind == "date-time":
            column = pandas.to_datetime(pandas.Series(values, dtype=object), utc=True, format="ISO8601").array
        else:
            column = pandas.array(values, dtype=DTYPES[kind]) if kind in DTYPES else values
        columns[f"metadata: {name}" if name in OWN else name] = column
    return columns


OWN = ("query", "rank", "id", "cosine", "modality", "text", "thumbnail", "vector")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CollectionNeighbours(Shown):
    """The items of a collection that are nearest to each query, the nearest first. `N[0]` are those of the first query.

    Attributes
    ----------
    queries : ids of what was looked for.
    neighbours : of each query; there may be fewer than k.
    method : the way in which the collection was searched: exact, index, probes, refine, recall, rows, unindexed.
    receipt : how the vectors were made.
    """

    collection: str
    fields: Mapping[str, str]
    queries: list[str]
    neighbours: Sequence[Sequence[CollectionNeighbour]]
    method: Mapping[str, Any]
    receipt: Any = None

    @property
    def ids(self) -> list[list[str]]:
        """The ids of the neighbours of each query."""
        return [[each.id for each in row] for row in self.neighbours]

    @property
    def cosines(self) -> list[list[float]]:
        """The cosines of the neighbours of each query."""
        return [[each.cosine for each in row] for row in self.neighbours]

    def __len__(self) -> int:
        return len(self.queries)

    def __getitem__(self, query: int) -> Sequence[CollectionNeighbour]:
        return self.neighbours[query]

    def __iter__(self) -> Iterator[Sequence[CollectionNeighbour]]:
        return iter(self.neighbours)

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row per query and neighbour: query, rank (from 1), id, cosine, modality, text, metadata."""
        pandas = import_pandas()
        rows = [
            (query, rank, each)
            for query, found in zip(self.queries, self.neighbours, strict=True)
            for rank, each in enumerate(found, 1)
        ]
        columns: dict[str, Any] = {
            "query": [query for query, _, _ in rows],
            "rank": [rank for _, rank, _ in rows],
            **{name: [getattr(each, name) for _, _, each in rows] for name in ("id", "cosine", "modality", "text")},
        }
        columns |= metadata_columns(pandas, self.fields, [each.metadata for _, _, each in rows])
        table: pd.DataFrame = pandas.DataFrame(columns)
        return table

    def __repr__(self) -> str:
        first = next((row[0] for row in self.neighbours if row), None)
        nearest = "" if first is None else f"; {first.id} {first.cosine:.3f} the first"
        exact = "exact" if self.method.get("exact") else f"approximate, recall {self.method.get('recall')}"
        return f"<{type(self).__name__}: {len(self):,} queries of {self.collection!r}, {exact}{nearest}>"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CollectionDuplicates(CollectionNeighbours):
    """For each query, the items of a collection that are duplicates of it, the nearest first; for most, none.

    Attributes
    ----------
    threshold : lowest cosine of two duplicates; threshold_reason : where it comes from.
    """

    threshold: float
    threshold_reason: str = ""

    @property
    def known(self) -> list[str]:
        """The queries of which the collection has a duplicate."""
        return [query for query, row in zip(self.queries, self.neighbours, strict=True) if row]

    @property
    def new(self) -> list[str]:
        """The queries of which the collection has none."""
        return [query for query, row in zip(self.queries, self.neighbours, strict=True) if not row]


@dataclass(frozen=True, eq=False, repr=False)
class AddedItems(ItemResults):
    """The items that were sent to a collection.

    Attributes
    ----------
    errors : items that could not be stored.
    added, replaced : numbers of new items, and of those that replaced one with their id.
    skipped : number of items that were left out because the collection had them already.
    rows : number of items in the collection afterwards; None where nothing was sent.
    """

    collection: str = field(kw_only=True)
    added: int = field(kw_only=True)
    replaced: int = field(kw_only=True)
    skipped: int = field(kw_only=True, default=0)
    rows: int | None = field(kw_only=True, default=None)

    def __repr__(self) -> str:
        skipped = f", {self.skipped:,} there already" if self.skipped else ""
        return (
            f"<AddedItems: {self.added:,} added to {self.collection!r}, {self.replaced:,} replaced{skipped}"
            f"{failure_note(self.errors)}>"
        )
