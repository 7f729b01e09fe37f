"""Estimates for a corpus as objects that write their report."""

import os
from collections.abc import Mapping
from typing import Any

from daguerre.blocking import Runner, blocking
from daguerre.handles.page_sources import page_source
from daguerre.handles.pages import answer_page
from daguerre.results.estimates import CorpusEstimates
from daguerre.session import Session
from daguerre.storage.page_tables import write_page


class AsyncEstimates(CorpusEstimates):
    __doc__ = CorpusEstimates.__doc__

    def __init__(self, answer: Mapping[str, Any], session: Session) -> None:
        super().__init__(answer)
        self._session = session

    async def report(self, path: "str | os.PathLike[str]", *, tables: "str | os.PathLike[str] | None" = None) -> None:
        """Write the report as one HTML page, which needs no network: estimates, how they are made, a methods paragraph.

        Parameters
        ----------
        tables : a folder, into which each table of the page goes as CSV and LaTeX, and each figure as SVG.

        Examples
        --------
        >>> clf.estimate(embeddings=X).report("estimate.html")
        """
        page = await answer_page(self._session, page_source(self), None, None, "none")
        write_page(path, page.html, tables)


class Estimates(CorpusEstimates):
    __doc__ = CorpusEstimates.__doc__

    def __init__(self, runner: Runner, asynchronous: AsyncEstimates) -> None:
        super().__init__(asynchronous.answer)
        self._runner = runner
        self.asynchronous = asynchronous

    report = blocking(AsyncEstimates.report)
