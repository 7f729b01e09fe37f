"""The tables of `daguerre analyse` beside that of findings: rows of pictures or frames, counts, and lines of text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, get_args

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_table, write_rows
from daguerre.results.analyses import Analyses, entry_remarks, finding_columns, finding_rows, frame_rows, value_row
from daguerre.results.frames import FRAME, Over

COUNTED = ("objects", "faces", "classes", "face_vectors")  # the analysers whose labels are counted


@dataclass(frozen=True, kw_only=True)
class AnalysisTables:
    """The files of more tables, None for those that are not asked for; `over` is that of Analyses.counts."""

    values: str | None
    counts: str | None
    over: Over | None
    lines: str | None

    @property
    def wanted(self) -> bool:
        """Whether there is a table to write."""
        return any((self.values, self.counts, self.lines))

    def check(self, kinds: Any, *, videos: bool) -> None:
        """Raise UsageError for tables that cannot be written, or that the analysers have nothing for."""
        for path in (self.values, self.counts, self.lines):
            if path is not None:
                check_table(path)
        if self.over is not None and self.counts is None:
            raise click.UsageError(f"--over: got {self.over}, for the table of --counts; add --counts FILE")
        if self.over not in (None, "item") and not videos:
            raise click.UsageError(f"--over: got {self.over}, which is for videos; add --video, or leave it out")
        if self.counts is not None and not set(COUNTED) & set(kinds):
            raise click.UsageError("--counts: counts labels; add --objects, --faces or --classes")
        if self.lines is not None and "text" not in kinds:
            raise click.UsageError("--lines: is a table of text; add --text")

    def write(self, settings: Settings, found: Analyses) -> None:
        """Write the tables that are asked for."""
        if self.values is not None:
            write_table(_values(found), self.values, ("id",))
        if self.counts is not None:
            analyser = next(kind for kind in COUNTED if kind in found.kinds)
            over = self.over or ("time" if found.has_videos else "item")
            table = found.counts(analyser, over=over)
            rows = table.reset_index() if table.index.name else table
            write_table(_records(rows), self.counts, tuple(map(str, rows.columns)))
        if self.lines is not None:
            lines = found.lines()
            write_table(_records(lines), self.lines, tuple(lines.columns))
        for path in (self.values, self.counts, self.lines):
            if path is not None:
                settings.notify(f"{path}: written")

    @staticmethod
    def write_findings(found: Analyses, out: str) -> None:
        """Write the table of findings."""
        rows = [row for id, entry in zip(found.ids, found.entries, strict=True) for row in finding_rows(id, entry)]
        columns = finding_columns(found.kinds, videos=found.has_videos, options=found.options)
        write_table([{name: row.get(name) for name in columns} for row in rows], out, tuple(columns))

    @staticmethod
    def notices(settings: Settings, receipts: Mapping[str, Any]) -> None:
        """Print the notice of each analyser once."""
        for notice in dict.fromkeys(receipt["notice"] for receipt in receipts.values() if receipt.get("notice")):
            settings.notify(notice)


def takes_tables(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --values, --counts, --over and --lines; the command is called with `more`, its AnalysisTables."""

    @wraps(function)
    def collected(*args: Any, values_out: Any, counts_out: Any, over: Any, lines_out: Any, **given: Any) -> Any:
        more = AnalysisTables(values=values_out, counts=counts_out, over=over, lines=lines_out)
        return function(*args, more=more, **given)

    return options.options(
        options.output_option(
            "--values",
            "values_out",
            type=options.NEW_FILE,
            help="A .csv or .parquet with a row per image, or per frame of videos.",
        ),
        options.output_option(
            "--counts",
            "counts_out",
            type=options.NEW_FILE,
            help="A .csv or .parquet with the number of findings of each label.",
        ),
        options.output_option(
            "--over",
            type=click.Choice(get_args(Over)),
            show_default="item; of videos time",
            help="Rows of --counts: images, or of videos frames, seconds, shots or videos.",
        ),
        options.output_option(
            "--lines",
            "lines_out",
            type=options.NEW_FILE,
            help="A .csv or .parquet with the lines of --text; one that stays in a video is one line.",
        ),
    )(collected)


def write_table(rows: list[dict[str, Any]], out: str, columns: tuple[str, ...]) -> None:
    """Write a table; one without rows has its header."""
    if rows or Path(out).suffix.lower() == ".parquet":
        write_rows(rows or [dict.fromkeys(columns)], out)
    else:
        from daguerre.storage.csv import write_table as write_csv

        write_csv(columns, [], out)


def _records(table: Any) -> list[dict[str, Any]]:
    """The rows of a table of pandas, with None for what is missing."""
    values = table.astype(object).where(table.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in values.to_dict("records")]


def _values(found: Analyses) -> list[dict[str, Any]]:
    """A row for each image, or for each frame of videos, all with the same columns."""
    if found.has_videos:
        frames = [row for id, entry in zip(found.ids, found.entries, strict=True) for row in frame_rows(id, entry)]
        every = dict.fromkeys(["id", *FRAME, *(name for row in frames for name in row if name != "remark"), "remark"])
        return [{name: row.get(name) for name in every} for row in frames]
    rows = [value_row(entry) for entry in found.entries]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [
        {
            "id": id,
            **{name: row.get(name) for name in names},
            "remark": None if entry is None else "; ".join(entry_remarks(entry)) or None,
            "error": code,
        }
        for id, row, entry, code in zip(found.ids, rows, found.entries, found.codes, strict=True)
    ]
