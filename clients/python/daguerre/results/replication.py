"""Result of a replication: each figure of a study, and whether another run gives the same."""

import os
from collections import Counter
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Literal

from daguerre.inputs.files import require_folder
from daguerre.results.base import import_pandas
from daguerre.results.notebook import Shown
from daguerre.storage.csv import write_table

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["bit-equal", "within tolerance", "different", "not run", "not repeated"]
AGREE = ("bit-equal", "within tolerance", "not repeated")


@dataclass(frozen=True, kw_only=True)
class ReplicatedFigure:
    """A column, an array, or all single figures of a step.

    Attributes
    ----------
    step, operation : place and method of the step.
    figure : column of items.csv, name of an array, or "figures"; empty where the step was not run.
    rows : number of values that were compared.
    status : "bit-equal"; "within tolerance"; "different"; "not run", since something is lacking; "not repeated" by
        choice, as with from_tables.
    largest : largest difference of two numbers, divided by the stored one where that is above 1; None for texts.
    note : where the largest difference is, or why the step was not run.
    """

    step: int
    operation: str
    figure: str
    rows: int
    status: Status
    largest: float | None = None
    note: str = ""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Replication(Shown):
    """Figures of a study, compared with those of another run.

    Attributes
    ----------
    figures : a ReplicatedFigure for each.
    tolerance : largest difference that counts as agreement.
    remarks : on pictures, models and files that are not those of the study.
    """

    figures: list[ReplicatedFigure]
    tolerance: float
    remarks: list[str]

    @property
    def agrees(self) -> bool:
        """Whether every figure agrees, and no picture or step was lacking."""
        return not self.remarks and all(each.status in AGREE for each in self.figures)

    @property
    def counts(self) -> dict[str, int]:
        """Number of figures by status."""
        return dict(Counter(each.status for each in self.figures))

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each figure: step, operation, figure, rows, status, largest, note."""
        names = [each.name for each in fields(ReplicatedFigure)]
        table: pd.DataFrame = import_pandas().DataFrame([asdict(each) for each in self.figures], columns=names)
        return table

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write the rows of `to_pandas` as .csv."""
        require_folder(path)
        names = [each.name for each in fields(ReplicatedFigure)]
        rows = [["" if (v := getattr(each, name)) is None else v for name in names] for each in self.figures]
        write_table(names, rows, os.fspath(path))

    def lines(self) -> list[str]:
        """A table for people, and a last line that sums it up."""
        cells = [["step", "", "figure", "values", "agreement", "largest difference"]]
        for each in self.figures:
            largest = "" if each.largest is None else f"{each.largest:.3g}"
            status = f"within {self.tolerance:g}" if each.status == "within tolerance" else each.status
            last = ": ".join(filter(None, (largest, each.note)))
            cells.append([str(each.step), each.operation, each.figure, f"{each.rows:,}", status, last])
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)][:-1]
        lines = [
            "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in cells
        ]
        return [*lines, *self.remarks, self._summary()]

    def _summary(self) -> str:
        counts = ", ".join(f"{many:,} {status}" for status, many in self.counts.items())
        verdict = "the study is replicated" if self.agrees else "the study is not replicated"
        if self.remarks and all(each.status in AGREE for each in self.figures):
            verdict += ", since pictures, models or files are lacking or are not those of the study"
        skipped = self.agrees and "not repeated" in self.counts
        return (
            f"{counts}: {verdict}{', from the stored results of the steps that were not repeated' if skipped else ''}"
        )

    def __repr__(self) -> str:
        return f"<Replication: {self._summary()}>"
