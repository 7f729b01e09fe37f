"""Pairs of items to be compared, and the scale that comparisons give."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daguerre.inputs.files import require_folder
from daguerre.results.base import import_pandas
from daguerre.results.plots import IntervalPlot, Row
from daguerre.storage.csv import write_table
from daguerre.storage.tables import refuse_filled

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5  # items at each end of the text of a scale


@dataclass(frozen=True, repr=False, kw_only=True)
class ComparisonPairs:
    """Pairs of items to be compared by people, in the order in which they are to be shown.

    Attributes
    ----------
    a, b : ids of the first and the second item of each pair.
    per_item : mean number of pairs of each item.
    """

    a: list[str]
    b: list[str]
    per_item: float
    seed: int

    def __len__(self) -> int:
        return len(self.a)

    def save(self, path: "str | os.PathLike[str]", coders: Sequence[str] = ()) -> None:
        """Write the pairs as .csv: a, b, and an empty column for each coder, or one named winner.

        Coders write a or b, the id of the winner, or tie. Raises ValueError for a file in which such a column is filled
        in already.
        """
        if path != "-":
            require_folder(path)
        columns = list(coders) or ["winner"]
        refuse_filled(path, columns)
        rows = ([a, b, *("" for _ in columns)] for a, b in zip(self.a, self.b, strict=True))
        write_table(["a", "b", *columns], rows, os.fspath(path))

    def __repr__(self) -> str:
        return f"<ComparisonPairs: {len(self):,} pairs, {self.per_item:.1f} of each item, seed {self.seed}>"


@dataclass(frozen=True, kw_only=True)
class ScaledItem:
    """An item on the scale: score, standard error, 95 % interval; a tie is half a win."""

    item: str
    score: float
    se: float
    low: float
    high: float
    comparisons: int
    wins: float


@dataclass(frozen=True, repr=False, kw_only=True)
class Scale(IntervalPlot):
    """A continuous scale from pairwise comparisons, by the model of Bradley & Terry; scores have mean 0.

    Attributes
    ----------
    items : the highest score first.
    comparisons, ties, missing : numbers of comparisons that count, of ties among them, and of those without a winner.
    reliability : 1 minus the mean squared standard error over the variance of the scores.
    answer : the complete answer of the server.
    """

    items: tuple[ScaledItem, ...]
    comparisons: int
    ties: int
    missing: int
    ridge: float
    reliability: float
    log_likelihood: float
    remarks: list[str]
    answer: Mapping[str, Any]

    @classmethod
    def of(cls, answer: Mapping[str, Any], remarks: Sequence[str] = ()) -> "Scale":
        """Build the result from the server's answer, and remarks on the table."""
        plain = ("comparisons", "ties", "missing", "ridge", "reliability", "log_likelihood")
        return cls(
            **{name: answer[name] for name in plain},
            items=tuple(ScaledItem(**each) for each in answer["items"]),
            remarks=[*remarks, *answer["remarks"]],
            answer=answer,
        )

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row for each item: id, score, se, low, high, comparisons, wins."""
        table: pd.DataFrame = import_pandas().DataFrame(self._rows(), columns=COLUMNS)
        return table

    def _intervals(self) -> tuple[Sequence[Row], str]:
        return [(each.item, each.score, each.low, each.high) for each in self.items], "score, 95 %"

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write the table as .csv; `train_classifier(table, target="score")` takes it as a continuous target."""
        if path != "-":
            require_folder(path)
        write_table(COLUMNS, self._rows(), os.fspath(path))

    def _rows(self) -> list[list[Any]]:
        return [
            [each.item, each.score, each.se, each.low, each.high, each.comparisons, each.wins] for each in self.items
        ]

    def lines(self) -> list[str]:
        """The first and the last items, a line for each."""
        some = self.items if len(self.items) <= 2 * SHOWN else (*self.items[:SHOWN], *self.items[-SHOWN:])
        lines = [
            f"{each.item}: {each.score:.3f} [{each.low:.3f}, {each.high:.3f}], {each.wins:g} of "
            f"{each.comparisons:,} comparisons won"
            for each in some
        ]
        if len(some) < len(self.items):
            lines.insert(SHOWN, f"… {len(self.items) - len(some):,} items between …")
        return lines

    def __repr__(self) -> str:
        head = (
            f"<Scale: {len(self.items):,} items, {self.comparisons:,} comparisons ({self.ties:,} ties), reliability "
            f"{self.reliability:.3f}"
        )
        return "\n".join([head, *(f"  {line}" for line in self.lines())]) + ">"


COLUMNS = ["id", "score", "se", "low", "high", "comparisons", "wins"]
