"""Results of a search."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from daguerre.results.base import import_pandas
from daguerre.results.notebook import Gallery, Shown
from daguerre.results.plots import picture_plot
from daguerre.types.common import Float

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Neighbours(Shown):
    """The nearest items of a corpus to each query, the nearest first. `N[0]` are those of the first query.

    Attributes
    ----------
    queries : ids of what was looked for.
    indexes : (q, k) items of the corpus; ids : their ids; cosines : (q, k) float32.
    model, receipt : provenance of the vectors.
    texts : text of each query; None for one that is no text. files : path on this machine, by id, of what was found,
        empty where none was given; query_files : of each query, `queries` itself where none was given.
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

    def plot(self) -> Any:
        """Draw the pictures that were looked for and found with matplotlib, blurred as in a notebook. Returns axes.

        Raises
        ------
        ValueError : none of them is a file on this machine.

        Examples
        --------
        >>> client.search("a protest", images="photos/").plot()
        """
        pictures = self._pictures()
        if not pictures:
            raise ValueError("plot: none of the pictures is a file on this machine that can be shown")
        return picture_plot(pictures)

    def _gallery(self) -> Gallery:
        for i, query in enumerate(self.queries):
            if self.texts[i] is None and self.query_files is not self.queries:
                yield self.query_files[i], f"looked for: {query}"
            for id, cosine in self[i]:
                yield self.files.get(id, ""), f"{id} {cosine:.3f}"

    def __repr__(self) -> str:
        first = f"; {self[0][0][0]} {self[0][0][1]:.3f} the first" if self.indexes.size else ""
        return f"<Neighbours: {self.indexes.shape[1]} of each of {len(self):,} queries{first}>"
