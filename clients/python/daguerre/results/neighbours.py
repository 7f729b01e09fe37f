"""Results of a search."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from daguerre.results.base import import_pandas
from daguerre.types.common import Float

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Neighbours:
    """The nearest items of a corpus to each query, the nearest first. `N[0]` are those of the first query.

    Attributes
    ----------
    queries : ids of what was looked for.
    indexes : (q, k) items of the corpus; ids : their ids; cosines : (q, k) float32.
    model, receipt : provenance of the vectors.
    texts : text of each query; None for one that is no text. files : path on this machine, by id, of what was found;
        query_files : of each query.
    """

    queries: list[str]
    indexes: NDArray[np.int64]
    ids: list[list[str]]
    cosines: Float
    model: str = ""
    receipt: Mapping[str, Any] = field(default_factory=dict)
    texts: list[str | None] = field(default_factory=list)
    files: Mapping[str, str] = field(default_factory=dict)
    query_files: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.queries):
            object.__setattr__(self, "texts", [None] * len(self.queries))
        if len(self.query_files) != len(self.queries):
            object.__setattr__(self, "query_files", self.queries)

    def __len__(self) -> int:
        return len(self.queries)

    def __getitem__(self, query: int) -> list[tuple[str, float]]:
        return list(zip(self.ids[query], cast(list[float], self.cosines[query].tolist()), strict=True))

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row per query and neighbour: query, rank (from 1), id, cosine."""
        pandas = import_pandas()
        k = self.indexes.shape[1]
        columns = {
            "query": np.repeat(np.array(self.queries, object), k),
            "rank": np.tile(np.arange(1, k + 1), len(self)),
            "id": [id for row in self.ids for id in row],
            "cosine": self.cosines.reshape(-1),
        }
        table: pd.DataFrame = pandas.DataFrame(columns)
        return table

    def __repr__(self) -> str:
        first = f"; {self[0][0][0]} {self[0][0][1]:.3f} the first" if self.indexes.size else ""
        return f"<Neighbours: {self.indexes.shape[1]} of each of {len(self):,} queries{first}>"
