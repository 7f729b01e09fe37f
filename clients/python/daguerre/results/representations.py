"""Result of a comparison of representations by coded pairs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from daguerre.results.annotation import FIGURES, figure
from daguerre.results.base import import_pandas
from daguerre.results.notebook import Shown
from daguerre.results.report import Figure
from daguerre.storage.page_tables import write_page, write_tables

if TYPE_CHECKING:
    import pandas as pd


ENDS = {"": "value", "_low": "low", "_high": "high"}  # of the columns of a figure


@dataclass(frozen=True, kw_only=True)
class RankedRepresentation:
    """A representation, judged without a clustering.

    Attributes
    ----------
    baseline : whether it is the colour histogram, which knows nothing of content.
    auc : probability that a pair that people put together has a higher cosine than one that they did not.
    difference : AUC minus that of the first representation; None for the first.
    """

    name: str
    model: str
    dimension: int
    baseline: bool
    auc: Figure | None
    difference: Figure | None


@dataclass(frozen=True, kw_only=True)
class RankedConfiguration:
    """A representation clustered with one combination of parameters; figures are None where they are not defined."""

    name: str
    representation: str
    parameters: Mapping[str, Any]
    clusters: int
    unclustered: int
    precision: Figure | None
    recall: Figure | None
    f1: Figure | None


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Representations(Shown):
    """Representations, and clusterings of them, ranked by pairs that people have coded.

    Attributes
    ----------
    n, n_pairs : number of items, and of coded pairs that were used.
    left_out : number of pairs that are not coded.
    criterion : figure by which configurations are ranked: "f1", or "precision" where recall is not defined.
    representations, configurations : the best first.
    winner : the best configuration, chosen on one part of the pairs and scored on the other, or None; as the server
        gives it.
    answer : the complete answer of the server.
    page : the report, as HTML.
    """

    id: str
    n: int
    n_pairs: int
    left_out: int
    criterion: str
    representations: tuple[RankedRepresentation, ...]
    configurations: tuple[RankedConfiguration, ...]
    winner: Mapping[str, Any] | None
    remarks: list[str]
    answer: Mapping[str, Any]
    page: str

    @classmethod
    def of(cls, answer: Mapping[str, Any], page: str, left_out: int = 0) -> "Representations":
        """Build the result from the server's answer and its report."""
        return cls(
            **{name: answer[name] for name in ("id", "n", "n_pairs", "criterion", "winner")},
            left_out=left_out,
            representations=tuple(
                RankedRepresentation(
                    **{name: each[name] for name in ("name", "model", "dimension", "baseline")},
                    auc=figure(each["auc"]),
                    difference=figure(each["difference"]),
                )
                for each in answer["representations"]
            ),
            configurations=tuple(_configuration(each) for each in answer["configurations"]),
            remarks=list(answer["remarks"]),
            answer=answer,
            page=page,
        )

    def to_pandas(self, of: Literal["configurations", "representations"] = "configurations") -> "pd.DataFrame":
        """Ranking as a table: index name, figures as value, low and high.

        Parameters
        ----------
        of : "configurations": columns representation, clusters, unclustered, a column for each parameter, precision,
            recall and f1. "representations": columns model, dimension, baseline, auc, difference.
        """
        pandas = import_pandas()
        if of == "configurations":
            ranked: Any = self.configurations
            rows = [
                {
                    "representation": each.representation,
                    "clusters": each.clusters,
                    "unclustered": each.unclustered,
                    **each.parameters,
                    **_columns(each, FIGURES),
                }
                for each in self.configurations
            ]
        elif of == "representations":
            ranked = self.representations
            rows = [
                {
                    "model": each.model,
                    "dimension": each.dimension,
                    "baseline": each.baseline,
                    **_columns(each, ("auc", "difference")),
                }
                for each in self.representations
            ]
        else:
            raise ValueError(f'of: got {of!r}, there are "configurations" and "representations"')
        table: pd.DataFrame = pandas.DataFrame(rows, index=pandas.Index([each.name for each in ranked], name="name"))
        return table

    def report(self, path: "str | os.PathLike[str]", *, tables: "str | os.PathLike[str] | None" = None) -> None:
        """Write the report as one HTML page, which needs no network: rankings, plots, a paragraph for a paper.

        Parameters
        ----------
        tables : a folder, into which each table of the page goes as CSV and LaTeX, and each figure as SVG.

        Examples
        --------
        >>> client.compare_representations(pairs, same, {"embedded": X, "clip": Y}).report("representations.html")
        """
        write_page(path, self.page, tables)

    def tables(self, folder: "str | os.PathLike[str]") -> None:
        """Write the tables of the report as CSV and LaTeX, and its figures as SVG, into a folder, which is made."""
        write_tables(self.page, folder, "representations")

    def __repr__(self) -> str:
        lines = [f"<Representations: {self.n:,} items, {self.n_pairs:,} coded pairs"]
        for each in self.representations:
            baseline = " (baseline)" if each.baseline else ""
            lines.append(f"  {each.name}{baseline}: AUC {each.auc or 'not defined'}")
        for run in self.configurations[:5]:
            lines.append(f"  {run.name}: {self.criterion} {getattr(run, self.criterion) or 'not defined'}")
        if more := len(self.configurations[5:]):
            lines.append(f"  and {more:,} more configurations")
        lines.append(f"  winner: {self.winner['name'] if self.winner else 'none'}>")
        return "\n".join(lines)


def _configuration(answer: Mapping[str, Any]) -> RankedConfiguration:
    names = ("name", "representation", "parameters", "clusters", "unclustered")
    fields: dict[str, Any] = {name: answer[name] for name in names}
    return RankedConfiguration(**fields | {name: figure(answer[name]) for name in FIGURES})


def _columns(ranked: Any, names: tuple[str, ...]) -> dict[str, float | None]:
    return {
        name + end: getattr(getattr(ranked, name), attribute, None) for name in names for end, attribute in ENDS.items()
    }
