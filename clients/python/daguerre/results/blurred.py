"""Copies of pictures with blurred faces: where they were written, and how many faces each has."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daguerre.results.base import ItemResults, failure_note, import_pandas

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class BlurredImages(ItemResults):
    """Copies that were written. A detector misses faces: look at each picture before you pass it on.

    Attributes
    ----------
    paths : the file of each copy; None for those in `.errors`.
    faces : number of faces that were blurred; None where the whole picture was, and for those in `.errors`.
    """

    ROWS = ("paths", "faces")

    paths: list[str | None] = field(kw_only=True)
    faces: list[int | None] = field(kw_only=True)

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row per picture: index id, columns path, faces, error (a code)."""
        pandas = import_pandas()
        columns = {"path": self.paths, "faces": pandas.array(self.faces, dtype="Int64"), "error": self.codes}
        table: pd.DataFrame = pandas.DataFrame(columns, index=pandas.Index(self.ids, name="id"))
        return table

    def __repr__(self) -> str:
        many = sum(each or 0 for each in self.faces)
        return f"<BlurredImages: {len(self):,} pictures, {many:,} blurred faces{failure_note(self.errors)}>"
