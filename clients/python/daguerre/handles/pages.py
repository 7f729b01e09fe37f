"""Pages of results: an answer goes back to the server with the few pictures that its page shows."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, TypeAlias, TypeVar

from daguerre.blocking import Runner, blocking
from daguerre.errors import RemarkWarning
from daguerre.handles.page_sources import PageSource, page_source
from daguerre.handles.pictures import PageMode, ReportImages, described_pictures, require_mode, small_pictures
from daguerre.inputs.files import require_folder
from daguerre.results.notebook import Shown
from daguerre.session import Session
from daguerre.storage.page_tables import require_tables, write_page, write_tables
from daguerre.transport.operations import ANSWER_PAGE
from daguerre.types.pages import AnswerPage

T = TypeVar("T")
R = TypeVar("R", bound="AsyncReported | Pictured")
ReportTexts: TypeAlias = Mapping[str, str] | Sequence[str | None]
LONGEST_ID = 1024  # characters of an id that the server takes
PATIENCE = 30.0  # seconds that a notebook waits for pictures
LONGEST_TEXT = 2_000  # characters of a text that are sent; a page shows fewer


class BlockingClient(Runner, Protocol):
    """A client that runs the methods of `asynchronous` and waits for them."""

    @property
    def asynchronous(self) -> Session: ...


@dataclass(frozen=True, eq=False, repr=False)
class AsyncReported:
    """A result that the server shows as a page."""

    client: Session | None = field(kw_only=True, default=None)

    @property
    def _result(self) -> Any:
        return self

    async def report(
        self,
        path: "str | os.PathLike[str]",
        *,
        images: ReportImages | None = None,
        texts: ReportTexts | None = None,
        pictures: PageMode = "blurred",
        tables: "str | os.PathLike[str] | None" = None,
    ) -> None:
        """Write the result as one HTML page, which needs no network.

        Parameters
        ----------
        images : the images: a folder that ids are relative to, a mapping from ids to paths or bytes, or a list with one
            for each item. None: the files that the result is of, where they are on this machine.
        texts : the texts, by id, or a list with one for each item: the page shows their beginnings.
        pictures : "blurred", the faces that the server's detector finds, or the whole picture where it has no detector;
            "blurred_whole", the whole picture; "thumbnails", as they are; or "none". Only the
            pictures that the page shows are sent, and the server keeps none.
        tables : folder for the tables of the page as CSV and LaTeX and its figures as SVG; it is made.

        Raises
        ------
        ValueError : none of the images is in `images`.
        DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> client.duplicates(images="photos/").report("duplicates.html")
        """
        require_mode(pictures)
        require_folder(path)
        require_tables(tables)
        source = page_source(self._result)
        page = await answer_page(require_client(self.client), source, images, texts, pictures)
        write_page(path, page.html, tables)

    async def tables(self, folder: "str | os.PathLike[str]") -> None:
        """Write the tables of the page as CSV and LaTeX, and its figures as SVG, into a folder, which is made.

        Examples
        --------
        >>> client.duplicates(images="photos/").tables("tables/")
        """
        require_tables(folder)
        source = page_source(self._result)
        page = await require_client(self.client).ask(ANSWER_PAGE, source.fields("none"))
        write_tables(page.html, folder, source.kind)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "client": None}  # a connection stays where it is


@dataclass(frozen=True, eq=False, repr=False)
class _Part(AsyncReported):
    """The asynchronous methods of a blocking result."""

    result: Any = None

    @property
    def _result(self) -> Any:
        return self.result


@dataclass(frozen=True, eq=False, repr=False)
class Pictured(Shown):
    """A blocking result whose pictures in notebooks are made by the server, which finds the faces that are blurred."""

    client: BlockingClient | None = field(kw_only=True, default=None)

    def _thumbnails(self, files: Sequence[str], mode: str) -> Mapping[str, bytes]:
        if self.client is None:
            return super()._thumbnails(files, mode)
        work = small_pictures(
            self.client.asynchronous, files, files, files, mode=require_mode(mode), required=False, progress=False
        )
        return self.client.run(asyncio.wait_for(work, PATIENCE))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "client": None}


@dataclass(frozen=True, eq=False, repr=False)
class Reported(Pictured):
    """The blocking twin of AsyncReported."""

    @property
    def asynchronous(self) -> AsyncReported:
        """The same with asynchronous methods."""
        return _Part(result=self, client=None if self.client is None else self.client.asynchronous)

    @property
    def _runner(self) -> Runner:
        return require_client(self.client)

    report = blocking(AsyncReported.report)
    tables = blocking(AsyncReported.tables)


def held(kind: type[R], result: Any, client: Any) -> R:
    """The result as a `kind`, a subclass of its class, that holds the client which its page is asked of."""
    values = {each.name: getattr(result, each.name) for each in fields(result) if each.name != "client"}
    return kind(**values, client=client)


def require_client(client: T | None) -> T:
    """Return the client. Raises ValueError if there is none."""
    if client is None:
        raise ValueError("report needs a client, and a result that was copied or read from a file has none; ask again")
    return client


async def answer_page(
    session: Session, source: PageSource, images: ReportImages | None, texts: ReportTexts | None, mode: PageMode
) -> AnswerPage:
    """The page of an answer. It is asked for twice: first for the ids of the items that it shows, then with these."""
    page = await session.ask(ANSWER_PAGE, source.fields(mode))
    wanted = [name for name in page.shown if len(name) <= LONGEST_ID]
    own = {name: name for name in wanted} | dict(zip(source.names, source.ids, strict=True))
    written = {name: text for name, text in source.texts.items() if name in set(page.shown)}
    written |= _texts(source, wanted, own, texts)
    shown = [own[name] for name in wanted if name not in source.texts and (images is not None or name not in written)]
    small = {}
    if mode != "none" and shown:
        found = await described_pictures(
            session,
            shown,
            source.ids,
            source.files,
            images,
            mode=mode,
            required=images is not None,
            side=source.side,
            crops=source.crops,
        )
        small = {name: found[own[name]] for name in wanted if own[name] in found}
        if not found and not written and list(source.files) != list(source.ids):
            session.warn(
                RemarkWarning(
                    f"pictures: none of the items is a file on this machine (the first: {shown[0]!r}), and the page "
                    'has none; give images=, texts= or pictures="none"'
                )
            )
    if not small and not written:
        return page
    items = [
        {"id": name, "image": None if name not in small else small[name].thumbnail, "text": written.get(name)}
        for name in dict.fromkeys([*small, *written])
    ]
    sent = [{key: value for key, value in item.items() if value is not None} for item in items]
    captions = dict(source.captions)
    if source.sized:
        captions |= {name: f"{each.width:,} × {each.height:,} pixels" for name, each in small.items() if each.width}
    return await session.ask(
        ANSWER_PAGE, {**source.fields(mode), "input": sent, **({"captions": captions} if captions else {})}
    )


def _texts(
    source: PageSource, wanted: Sequence[str], own: Mapping[str, str], texts: ReportTexts | None
) -> dict[str, str]:
    """The texts of the items that are shown, by the names that they have on the server. Raises ValueError."""
    if texts is None:
        return {}
    if not isinstance(texts, Mapping):
        if isinstance(texts, str) or len(texts) != len(source.ids):
            many = 1 if isinstance(texts, str) else len(texts)
            raise ValueError(f"texts: {many} for {len(source.ids)} items; give one for each, None for none")
        texts = {id: text for id, text in zip(source.ids, texts, strict=True) if text is not None}
    return {name: str(texts[own[name]])[:LONGEST_TEXT] for name in wanted if own[name] in texts}
