"""Summary of a run over a corpus."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CorpusSummary:
    """Summary of a run over a corpus.

    Attributes
    ----------
    out : path of the file or folder.
    rows : number of rows in it.
    embedded, failed : number of items of this run.
    encoded, copied : those of `embedded` that were sent to the server, and those whose vector was there already, since
        an item with the same bytes has it.
    reused : number of items that were in the file already, unchanged.
    failed_before : those of `reused` that have no vector; `retry_errors` tries them again.
    gone : number of rows of items that are no longer in the source; they stay.
    servers : number of items of this run that each of several servers did, by its address; empty with one server.
    cached : number of images of this run whose vectors were in the server's cache.
    left_out : files and folders that were left out of the source, counted by kind; empty for none.
    """

    out: str
    rows: int
    embedded: int
    reused: int
    failed: int
    failed_before: int
    gone: int
    seconds: float
    model: str
    fingerprint: str
    left_out: str = ""
    encoded: int = 0
    copied: int = 0
    servers: Mapping[str, int] = field(default_factory=dict)
    cached: int = 0

    def __str__(self) -> str:
        return (
            f"{self.out}: {self.rows:,} rows, {self.embedded:,} embedded in {self.seconds:.0f} s, {self.reused:,} "
            f"there already, {self.failed:,} failed"
            + (f", {self.encoded:,} of them sent and {self.copied:,} equal to others" if self.copied else "")
            + (f", {self.failed_before:,} failed in an earlier run" if self.failed_before else "")
            + (f", {self.cached:,} of those sent from the server's cache" if self.cached else "")
            + (f", {self.gone:,} of earlier runs that are not in this source" if self.gone else "")
        )
