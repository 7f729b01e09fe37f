"""Results about studies: assignments with the tokens of coders, and tables of codes."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daguerre.results.base import import_pandas
from daguerre.results.notebook import Shown
from daguerre.storage.csv import unformulated, write_table
from daguerre.types.common import Content, listed

if TYPE_CHECKING:
    import pandas as pd

CODING = "/v1/coding"
EXACT = frozenset(("id", "other", "stratum"))  # columns by which tables are joined


@dataclass(frozen=True, repr=False)
class StudyAssignment:
    """An assignment that was just made.

    Attributes
    ----------
    name, kind, units, overlap, design, strata, remarks : as the service describes it.
    fit_for_inference : whether every item has a known inclusion probability.
    tokens : token of each coder and adjudicator by name. The service keeps only their hashes and cannot show them
        again: give each person theirs, and no other.
    """

    card: Content
    tokens: Mapping[str, str]

    @classmethod
    def of(cls, answer: Content) -> "StudyAssignment":
        """The assignment of an answer."""
        card = {name: value for name, value in answer.items() if name != "tokens"}
        return cls(card, {each["name"]: each["token"] for each in answer["tokens"]})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.card:
            raise AttributeError(f"an assignment has no {name!r}; it has {', '.join(self.card)} and tokens")
        return self.card[name]

    def save_tokens(self, path: "str | os.PathLike[str]") -> None:
        """Write a .csv with the name and the token of each person, which only you may read."""
        out = Path(path)
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.close(descriptor)
        out.chmod(0o600)
        with out.open("w", encoding="utf-8", newline="") as file:
            file.write("name,token\n" + "".join(f"{_cell(name)},{token}\n" for name, token in self.tokens.items()))

    def __repr__(self) -> str:
        return (
            f"<StudyAssignment {self.card['name']}: {self.card['units']:,} {self.card['kind']}, {self.card['design']}, "
            f"{self.card['overlap']} of {len(self.card['coders'])} coders each; {listed(self.tokens)}>"
        )


def save_columns(columns: Mapping[str, Sequence[Any]], path: "str | os.PathLike[str]") -> None:
    """Write columns as .csv, without formulas but in columns of EXACT, or as .parquet."""
    out = os.fspath(path)
    if Path(out).suffix.lower() == ".parquet":
        import_pandas().DataFrame(dict(columns)).to_parquet(out)
        return
    cells = [
        ["" if cell is None else cell if name in EXACT else unformulated(cell) for cell in values]
        for name, values in columns.items()
    ]
    write_table([unformulated(name) for name in columns], zip(*cells, strict=True), out)


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set('",\n') else text


@dataclass(frozen=True, repr=False)
class StudyCodes(Shown):
    """Codes of a study as a table, in columns that the other methods read as they are.

    Attributes
    ----------
    layout : long (a row for each code), wide (a row for each item and a column for each coder, of one variable) or
        final (a row for each item that has a final code, in `target`).
    assignment : name of the assignment.
    columns : values by the names of columns; give it, or this object, to `Client.agreement` and others.
    coders : names of the coders, which are columns of a wide table.
    remarks : sentences on codes that are left out.
    """

    layout: str
    assignment: str
    columns: Mapping[str, list[Any]]
    coders: list[str]
    remarks: list[str]

    @classmethod
    def of(cls, answer: Content) -> "StudyCodes":
        """The table of an answer."""
        rows = answer["rows"]
        columns = {name: [row[i] for row in rows] for i, name in enumerate(answer["columns"])}
        return cls(answer["layout"], answer["assignment"], columns, list(answer["coders"]), list(answer["remarks"]))

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def to_pandas(self) -> "pd.DataFrame":
        """The table, with its columns."""
        table: pd.DataFrame = import_pandas().DataFrame(dict(self.columns))
        return table

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write the table as .csv, or as .parquet.

        In a .csv an apostrophe precedes coders' names, codes and notes that a spreadsheet program would run as a
        formula; ids, strata and numbers are as they are.
        """
        save_columns(self.columns, path)

    def __repr__(self) -> str:
        return f"<StudyCodes of {self.assignment}: {len(self):,} rows, {listed(self.columns, 12)}>"
