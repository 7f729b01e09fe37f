"""The options of commands that write a page of their result, and the writing itself."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from daguerre.cli import options
from daguerre.cli.group import Settings
from daguerre.cli.output import check_page
from daguerre.handles.pages import Reported, ReportTexts
from daguerre.handles.pictures import PageMode


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """Where the page of a result is written, and what it shows."""

    path: str | None
    tables: str | None
    root: str | None
    pictures: PageMode | None

    def check(self, out: str | None, *, root_elsewhere: bool = False) -> None:
        """Raise UsageError for options that need --report, and for files that cannot be written."""
        check_page(self.path, out, self.tables)
        if self.path is None and self.root is not None and not root_elsewhere:
            raise click.UsageError(f"--root: got {self.root}, the folder of the images of a report; add --report FILE")
        if self.path is None and self.pictures is not None:
            raise click.UsageError(f"--pictures: got {self.pictures}, for the images of a report; add --report FILE")

    def write(
        self,
        settings: Settings,
        result: Reported,
        texts: ReportTexts | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        """Write the page if --report is given; call it while the client is open.

        `files` are paths of the images by id, in the place of --root: those that are there are shown.
        """
        if self.path is None:
            return
        there = {id: path for id, path in (files or {}).items() if os.path.isfile(path)} if self.root is None else None
        result.report(
            self.path,
            images=self.root or there or None,
            texts=texts,
            pictures=self.pictures or "blurred",
            tables=self.tables,
        )
        settings.notify(options.report_line(self.path, self.tables))


def takes_page(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --report, --root, --pictures and --tables; the command is called with `report`, its PageOptions."""

    @wraps(function)
    def collected(*args: Any, page: Any, tables: Any, root: Any, pictures: Any, **given: Any) -> Any:
        report = PageOptions(path=page, tables=tables, root=root, pictures=pictures)
        return function(*args, report=report, **given)

    return options.options(
        options.input_option("--root", type=options.FOLDER, help="Folder of the images, for the report."),
        options.report,
        options.pictures,
        options.tables,
    )(collected)
