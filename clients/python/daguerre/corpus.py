"""A folder of any size as a Parquet file of vectors: resumable, in flat memory, never with two fingerprints."""

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from daguerre.core import Part
from daguerre.errors import DaguerreError, FingerprintMismatchError
from daguerre.inputs.files import FileSource, relative
from daguerre.inputs.items import Images, count_items, image_sources
from daguerre.inputs.source import Source, Unreadable
from daguerre.progress import Progress
from daguerre.results.corpus import CorpusSummary
from daguerre.storage.journal import Journal, Known
from daguerre.storage.parquet import Row, arrow, printable
from daguerre.types.common import Decode, Float, Payload
from daguerre.types.embeddings import EmbedAnswer, EmbedOptions

if TYPE_CHECKING:
    from daguerre.async_client import AsyncClient

T = TypeVar("T")
PART_ROWS = 2048
LOCAL = "unreadable_file"  # never left this machine, so it is always tried again


async def embed_corpus(
    client: "AsyncClient",
    source: Images,
    out: str | os.PathLike[str],
    *,
    model: str | None,
    decode: Decode | None,
    retry_errors: bool,
    retry_for: float,
    progress: bool | None,
    part_rows: int = PART_ROWS,
) -> CorpusSummary:
    """See AsyncClient.embed_corpus."""
    started = time.monotonic()
    arrow()
    journal = Journal(Path(out), part_rows=part_rows)
    card = await client.card(model)
    fingerprint = card.fingerprint_of(decode)
    refuse_others(journal, fingerprint, card.id)
    options = EmbedOptions(model=model or client.default_model, decode=decode)

    async def ask(items: Sequence[Payload]) -> EmbedAnswer:
        return await client.transport.embed(items, options)

    with _alone(journal):
        refuse_others(journal, fingerprint, card.id)  # what another process may have left a moment ago
        await _whole(journal.recover)
        todo = _Todo(_files(source), await _whole(journal.known), retry_errors)
        made = card.receipt(decode)
        limits = replace(client.limits, retry_for=retry_for)
        parts = client.stream(iter(todo), ask, limits=limits, fingerprint=fingerprint)
        embedded = failed = 0
        shown = Progress.wanted(client.progress if progress is None else progress)
        total = await asyncio.to_thread(count_items, source) if shown else None
        try:
            with Progress(shown, total=total, what=Path(out).name) as bar:
                skipped = 0
                async for part in parts:
                    made = part.answer.receipt if part.answer else made
                    rows, vectors = _rows(part, card.dimension)
                    new = [i for i, row in enumerate(rows) if not todo.has(row)]
                    if new:
                        await _whole(lambda: journal.add([rows[i] for i in new], vectors[new], made))  # noqa: B023
                    failed += len(part.failures)
                    embedded += len(rows) - len(part.failures)
                    bar.add(len(rows) + todo.reused - skipped, failed=len(part.failures))
                    skipped = todo.reused
                bar.add(todo.reused - skipped)
            rows_now = await _whole(lambda: journal.finish(card.dimension, made))
        finally:
            try:
                await parts.aclose()  # type: ignore[attr-defined]
            finally:
                journal.close()
    return CorpusSummary(
        out=os.fspath(out),
        rows=rows_now,
        embedded=embedded,
        reused=todo.reused,
        failed=failed,
        failed_before=todo.failed_before,
        gone=todo.gone,
        seconds=time.monotonic() - started,
        model=card.id,
        fingerprint=fingerprint,
    )


async def _whole(call: Callable[[], T]) -> T:
    """Run `call` in a thread, to its end: a cancelled run must not give up the lock while something is written."""
    work = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def refuse_others(journal: Journal, fingerprint: str, model: str) -> None:
    """Raise FingerprintMismatchError where what is on disk was made in another way."""
    for path, receipt in journal.receipts():
        if receipt.fingerprint != fingerprint:
            raise FingerprintMismatchError(
                f"{path} has vectors of {receipt.model} ({receipt.fingerprint}, decode {receipt.decode}), the server "
                f"would now make those of {model} ({fingerprint}); the two must not be mixed: name another file, or "
                "ask for the model and the decode setting of the first",
                code="fingerprint_mismatch",
            )


@contextmanager
def _alone(journal: Journal) -> Iterator[None]:
    """Nobody else writes to the same file meanwhile."""
    try:
        from filelock import FileLock, Timeout
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError("embed_corpus needs filelock; pip install 'daguerre[parquet]'") from exc
    journal.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(journal.folder / "lock")
    refused = f"{journal.out} is being written by another process; wait for it, or name another file"
    try:
        lock.acquire(timeout=0)
    except Timeout as exc:
        raise DaguerreError(refused, code="in_use") from exc
    try:
        if not (journal.folder / "lock").exists():  # the other one has just ended, and taken the folder away
            raise DaguerreError(refused, code="in_use")
        yield
    finally:
        lock.release()


class _Corpus(FileSource):
    """A file whose bytes are hashed as they are read."""

    sha256: str | None = None
    size: int | None = None
    mtime_ns: int | None = None

    def read(self) -> Payload:
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):  # a pipe would be waited for, perhaps for ever
                raise Unreadable(LOCAL, "cannot be read: it is no regular file")
            with open(self.path, "rb") as file:
                status = os.fstat(file.fileno())
                data = file.read()
        except OSError as exc:
            raise Unreadable(LOCAL, f"cannot be read: {exc.strerror or exc}; check the path") from exc
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.size, self.mtime_ns = len(data), status.st_mtime_ns
        return Payload(image=data)


def _files(source: Images) -> Iterator[_Corpus]:
    """The files of a source; ids are relative to a folder, and paths as given otherwise."""
    if isinstance(source, str | os.PathLike) and os.path.isdir(source):
        for found in relative(os.fspath(source)):
            yield _Corpus(found.path, printable(found.id))
        return
    if not isinstance(source, str | os.PathLike) and isinstance(source, Iterable):
        source = _paths(source)
    for item in image_sources(source):
        if not isinstance(item, FileSource):
            raise TypeError(f"source: {item.id} is no file; a corpus has a folder, a glob, or paths")
        yield _Corpus(item.path, printable(item.id))


def _paths(given: Iterable[object]) -> Iterator[str]:
    for item in given:
        if not isinstance(item, str | os.PathLike):
            raise TypeError(f"source: got a {type(item).__name__}; a corpus has a folder, a glob, or paths")
        yield os.fspath(item)


class _Todo:
    """The files that are not done yet. Iterated in a thread of the client's."""

    def __init__(self, files: Iterator[_Corpus], known: dict[str, Known], retry_errors: bool) -> None:
        self._files = files
        self._known = known
        self._retry_errors = retry_errors
        self._seen: set[str] = set()
        self._again: dict[str, Known] = {}
        self.reused = 0
        self.failed_before = 0

    def __iter__(self) -> Iterator[Source]:
        for file in self._files:
            if file.id in self._seen:
                continue  # given twice
            self._seen.add(file.id)
            known = self._known.pop(file.id, None)
            if known is not None and self._done(file, known):
                self.reused += 1
                self.failed_before += known.error_code is not None
                continue
            if known is not None and known.error_code is not None:
                self._again[file.id] = known
            yield file

    def has(self, row: Row) -> bool:
        """Whether an item has failed once more, for the same reason: its row is there, in its place."""
        known = self._again.pop(row.id, None)
        return known is not None and (known.sha256, known.error_code) == (row.sha256, row.error_code)

    @property
    def gone(self) -> int:
        """Items that are done, and not in the source any more; once it has been gone through."""
        return len(self._known)

    def _done(self, file: _Corpus, known: Known) -> bool:
        if known.error_code is not None and (self._retry_errors or known.error_code == LOCAL):
            return False
        try:
            status = os.stat(file.path)
            if (status.st_size, status.st_mtime_ns) == (known.size, known.mtime_ns):
                return True
            if status.st_size != known.size or not stat.S_ISREG(status.st_mode):
                return False
            with open(file.path, "rb") as data:  # touched, or changed
                return hashlib.sha256(data.read()).hexdigest() == known.sha256
        except OSError:
            return False  # reading it will say what is wrong


def _rows(part: Part[EmbedAnswer], dimension: int) -> tuple[list[Row], Float]:
    vectors = np.full((len(part.sources), dimension), np.nan, np.float32)
    if part.answer is not None and part.answer.vectors.shape[1]:
        vectors[list(part.rows)] = part.answer.vectors
    rows = []
    for i, source in enumerate(part.sources):
        assert isinstance(source, _Corpus)
        failure = part.failures.get(i)
        code, message = (failure.code, failure.message) if failure else (None, None)
        rows.append(Row(source.id, source.sha256, source.size, source.mtime_ns, code, message))
    return rows, vectors
