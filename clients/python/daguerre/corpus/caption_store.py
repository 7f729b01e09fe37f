"""The Parquet files of captions of a folder, with a row for each picture or frame, and the journal of a run."""

from collections.abc import Mapping
from typing import Any, ClassVar

from daguerre.corpus.analysis_store import AnalysisStore
from daguerre.results.captions import CAPTION, stored_rows
from daguerre.storage.parquet import arrow

ROW = ("id", *CAPTION, "remark", "error_code", "error_message", "image_width", "image_height")


class CaptionStore(AnalysisStore):
    """NAME.parquet has captions, the other files are those of findings."""

    columns: ClassVar[tuple[str, ...]] = ROW

    def open(self, made_by: str, retry_errors: bool) -> dict[str, Any]:
        """The pictures that are done, by id. Raises FingerprintMismatchError, ValueError."""
        if self.out.exists():
            names = arrow().parquet.read_schema(self.out).names
            if "caption" not in names:
                raise ValueError(
                    f"out: {str(self.out)!r} is a file with other columns ({', '.join(names[:6])}, …); name another "
                    "file for captions"
                )
        return super().open(made_by, retry_errors)

    def main_rows(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a line of the journal in the file of captions."""
        return stored_rows(row)
