"""The end of a run in Ray: parts of the output folder. Imports Ray: see library.py."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ray.data import Datasink

from daguerre.ray.actors import unpacked
from daguerre.ray.folder import Claim, OutputFolder
from daguerre.results.base import marks_of


class PartSink(Datasink[dict[str, Any]]):
    """Writes the rows of several batches as a part.

    Parameters
    ----------
    batches : number of batches of a part, at least.
    """

    def __init__(self, folder: OutputFolder, claim: Claim, batches: int) -> None:
        self._folder, self._claim, self._batches = folder, claim, batches
        self.counts: Counter[str] = Counter()  # rows, failed, and each mark; at the end of the run
        self.facts: dict[str, Any] | None = None

    def write(self, blocks: Iterable[Any], ctx: Any) -> dict[str, Any]:
        """Write a part, and return its counts."""
        rows = [row for block in blocks for row in block.to_pylist()]
        if not rows:
            return {"counts": {}, "facts": None}
        for facts in dict.fromkeys(row["facts"] for row in rows):
            self._folder.require_same(json.loads(facts))
        tables = {kind: unpacked([row[f"table {kind}"] for row in rows]) for kind in self._folder.kinds}
        self._folder.write_part(self._claim, tables)
        return {"counts": counted(tables[self._folder.kinds[-1]]), "facts": json.loads(rows[-1]["facts"])}

    def on_write_complete(self, write_result: Any) -> None:
        """Sum the counts of all parts."""
        for part in write_result.write_returns:
            self.counts.update(part["counts"])
            self.facts = part["facts"] or self.facts

    @property
    def min_rows_per_write(self) -> int:
        """Batches of a part, since a row of Ray is a batch."""
        return self._batches


def counted(table: Any) -> Mapping[str, int]:
    """The numbers of rows, of those that failed, and of each mark in a table of items."""
    marks = marks_of(table["remark"].to_pylist())
    failed = table.num_rows - table["error_code"].null_count
    return {"rows": table.num_rows, "failed": failed, **{name: len(places) for name, places in marks.items()}}
