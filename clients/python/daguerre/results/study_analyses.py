"""Results of analyses that have written columns of a study."""

from collections.abc import Mapping
from dataclasses import dataclass

from daguerre.types.common import Content, listed


@dataclass(frozen=True, repr=False)
class StudyColumns:
    """Columns that an analysis has written into a study.

    Attributes
    ----------
    study, run : name of the study, and number of the analysis there.
    columns : kind of each column, "number" or "text", by name.
    n, missing : numbers of items with a value, and of items without one.
    counts : number of items by label.
    remarks : sentences on limits of the result.
    receipt : how the vectors were made.
    answer : the complete answer of the server.
    """

    study: str
    run: int
    columns: Mapping[str, str]
    n: int
    missing: int
    counts: Mapping[str, int]
    remarks: list[str]
    receipt: Content
    answer: Content

    @classmethod
    def of(cls, answer: Content) -> "StudyColumns":
        """The columns of an answer."""
        names = ("study", "run", "columns", "n", "missing", "counts", "remarks", "receipt")
        return cls(**{name: answer[name] for name in names}, answer=answer)

    def __repr__(self) -> str:
        counts = ", ".join(f"{label} {n:,}" for label, n in list(self.counts.items())[:8])
        return f"<StudyColumns of {self.study}: {self.n:,} items; {listed(self.columns, 6)}; {counts}>"
