"""Result of a grid of clusterings: a row for each combination of parameters."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daguerre.results.base import Errors, import_pandas
from daguerre.results.notebook import Shown
from daguerre.storage.page_tables import write_page, write_tables

if TYPE_CHECKING:
    import pandas as pd

SIZES = ("smallest", "q25", "median", "q75", "largest")
FIGURES = ("silhouette", "stability", "ari", "nmi", "purity")


@dataclass(frozen=True, kw_only=True)
class ClusterGridRow:
    """One clustering of a grid.

    Attributes
    ----------
    parameters : the method, and the parameters that were given.
    clusters, unclustered : number of clusters, and of items in none.
    silhouette : mean silhouette of the items in clusters; None for fewer than two clusters.
    stability : mean adjusted Rand index between the clustering and its reruns; None without reruns.
    sizes : quantiles of the number of items in a cluster: smallest, q25, median, q75, largest; None without a cluster.
    ari, nmi, purity : agreement with the known labels; None without them.
    """

    name: str
    parameters: Mapping[str, Any]
    clusters: int
    unclustered: int
    silhouette: float | None
    stability: float | None
    sizes: Mapping[str, float] | None
    ari: float | None
    nmi: float | None
    purity: float | None


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ClusterGrid(Shown, Sequence[ClusterGridRow]):
    """Clusterings of the same vectors with several combinations of parameters, in the order of the grid.

    Attributes
    ----------
    n : number of items.
    rows : a ClusterGridRow for each combination.
    errors : items that were left out.
    remarks : limits of the comparison.
    answer : the complete answer of the server.
    page : the report, as HTML.
    """

    id: str
    n: int
    rows: tuple[ClusterGridRow, ...]
    errors: Errors
    remarks: list[str]
    answer: Mapping[str, Any]
    page: str

    @classmethod
    def of(cls, answer: Mapping[str, Any], page: str, errors: Errors) -> "ClusterGrid":
        """Build the result from the server's answer and its report."""
        rows = tuple(ClusterGridRow(**row) for row in answer["rows"])
        remarks = list(answer["remarks"])
        return cls(id=answer["id"], n=answer["n"], rows=rows, errors=errors, remarks=remarks, answer=answer, page=page)

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[ClusterGridRow]:
        return iter(self.rows)

    def columns(self) -> list[dict[str, Any]]:
        """The rows as mappings: a column for each parameter, clusters, unclustered, figures, and size_ columns."""
        names = list(dict.fromkeys(name for row in self.rows for name in row.parameters))
        return [
            {
                **{name: row.parameters.get(name) for name in names},
                "clusters": row.clusters,
                "unclustered": row.unclustered,
                **{name: getattr(row, name) for name in FIGURES},
                **{f"size_{name}": None if row.sizes is None else row.sizes[name] for name in SIZES},
            }
            for row in self.rows
        ]

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row for each clustering: index name, a column for each parameter, and the figures."""
        pandas = import_pandas()
        index = pandas.Index([row.name for row in self.rows], name="name")
        table: pd.DataFrame = pandas.DataFrame(self.columns(), index=index)
        return table

    def report(self, path: "str | os.PathLike[str]", *, tables: "str | os.PathLike[str] | None" = None) -> None:
        """Write the report as one HTML page, which needs no network: a plot, a table, a paragraph for a paper.

        Parameters
        ----------
        tables : a folder, into which each table of the page goes as CSV and LaTeX, and each figure as SVG.
        """
        write_page(path, self.page, tables)

    def tables(self, folder: "str | os.PathLike[str]") -> None:
        """Write the tables of the report as CSV and LaTeX, and its figures as SVG, into a folder, which is made."""
        write_tables(self.page, folder, "grid")

    def __repr__(self) -> str:
        lines = [f"<ClusterGrid: {len(self.rows):,} clusterings of {self.n:,} items"]
        for row in self.rows[:10]:
            figures = [f"{name} {getattr(row, name):.3f}" for name in FIGURES[:3] if getattr(row, name) is not None]
            counts = f"{row.clusters:,} clusters, {row.unclustered:,} in none"
            lines.append(f"  {row.name}: {', '.join([counts, *figures])}")
        if more := len(self.rows[10:]):
            lines.append(f"  and {more:,} more")
        return "\n".join(lines) + ">"
