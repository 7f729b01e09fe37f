"""A folder of any size as a Parquet file of vectors: resumable, in bounded memory, with one fingerprint."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from daguerre.corpus.plan import CorpusFile, CorpusFiles, CorpusPlan, Moved
from daguerre.dispatch.collect import mark_warnings
from daguerre.dispatch.stream import Part
from daguerre.errors import DaguerreError, FingerprintMismatchError, RemarkWarning
from daguerre.inputs.files import require_folder
from daguerre.inputs.items import Images, count_items
from daguerre.progress import Progress
from daguerre.results.base import mark_words
from daguerre.results.corpus import CorpusSummary
from daguerre.session import Session
from daguerre.storage.journal import Journal
from daguerre.storage.parquet import Row, arrow
from daguerre.transport.operations import EMBED
from daguerre.types.common import MARKS, Decode, Float, Payload
from daguerre.types.embeddings import EmbedAnswer, EmbedOptions

T = TypeVar("T")
PART_ROWS = 2048
OTHER_KINDS = (".csv", ".tsv", ".json", ".npy", ".npz", ".xlsx")


def _require_out(out: Path) -> None:
    """Raise ValueError for a file of another kind, FileNotFoundError for one in no folder."""
    if out.suffix.lower() in OTHER_KINDS:
        raise ValueError(f"out: {str(out)!r} ends in {out.suffix}, and the file is Parquet; name it {out.stem}.parquet")
    require_folder(out, "out")


async def embed_corpus(
    session: Session,
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
    """See CorpusMethods.embed_corpus."""
    started = time.monotonic()
    arrow()
    _require_out(Path(out))
    journal = Journal(Path(out), part_rows=part_rows)
    card = await session.card(model)
    fingerprint = card.fingerprint_of(decode)
    refuse_others(journal, fingerprint, card.id)
    options = EmbedOptions(model=model or session.default_model, decode=decode)

    async def ask(items: Sequence[Payload]) -> EmbedAnswer:
        return await session.transport.call(EMBED, options.fields(), items=items)

    with _alone(journal):
        refuse_others(journal, fingerprint, card.id)  # another process may have written the file meanwhile
        await _whole(journal.recover)
        files = CorpusFiles(source)
        todo = CorpusPlan(files, await _whole(journal.known), retry_errors)
        receipt = card.receipt(decode)
        limits = replace(session.limits, retry_for=retry_for)
        parts = session.stream(iter(todo), ask, limits=limits, fingerprint=fingerprint)
        embedded = failed = 0
        marks: Counter[str] = Counter()
        moved = Moved(todo.finished())
        shown = Progress.wanted(session.progress if progress is None else progress)
        total = await asyncio.to_thread(count_items, source) if shown else None
        try:
            with Progress(shown, total=total, what=Path(out).name) as bar:
                skipped = 0
                async for part in parts:
                    if part.answer is not None:
                        receipt = part.answer.receipt
                        marks.update({name: len(getattr(part.answer, name)) for name in MARKS})
                    rows, vectors = _rows(part, card.dimension)
                    moved.add(rows)
                    new = [i for i, row in enumerate(rows) if not todo.has(row)]
                    if new:
                        await _whole(lambda: journal.add([rows[i] for i in new], vectors[new], receipt))  # noqa: B023
                    failed += len(part.failures)
                    embedded += len(rows) - len(part.failures)
                    bar.add(len(rows) + todo.reused - skipped, failed=len(part.failures))
                    skipped = todo.reused
                bar.add(todo.reused - skipped)
            rows_now = await _whole(lambda: journal.finish(card.dimension, receipt, *todo.renamed()))
        finally:
            try:
                await parts.aclose()  # type: ignore[attr-defined]
            finally:
                journal.close()
    session.warn_of_left_out(files.left_out)
    for warning in mark_warnings(marks, embedded + failed, listed=False):
        session.warn(warning)
    for remark in (moved.remark(todo.gone_ids()), todo.remark, files.remark):
        if remark:
            session.warn(RemarkWarning(remark))
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
        left_out=str(files.left_out),
    )


async def _whole(call: Callable[[], T]) -> T:
    """Run `call` in a thread to its end: a cancelled run must keep the lock while rows are written."""
    work = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def refuse_others(journal: Journal, fingerprint: str, model: str) -> None:
    """Raise FingerprintMismatchError if the vectors on disk have another fingerprint."""
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
    """Lock the file against other processes."""
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
        if not (journal.folder / "lock").exists():  # the other process has just ended and removed the folder
            raise DaguerreError(refused, code="in_use")
        yield
    finally:
        lock.release()


def _rows(part: Part[EmbedAnswer], dimension: int) -> tuple[list[Row], Float]:
    vectors = np.full((len(part.sources), dimension), np.nan, np.float32)
    if part.answer is not None and part.answer.vectors.shape[1]:
        vectors[list(part.rows)] = part.answer.vectors
    rows = []
    remarks: dict[int, str | None] = {}
    if part.answer is not None:
        marks = {name: getattr(part.answer, name) for name in MARKS}
        remarks = dict(zip(part.rows, mark_words(marks, len(part.rows)), strict=True))
    for i, source in enumerate(part.sources):
        assert isinstance(source, CorpusFile)
        failure = part.failures.get(i)
        code, message = (failure.code, failure.message) if failure else (None, None)
        rows.append(Row(source.id, source.sha256, source.size, source.mtime_ns, code, message, remarks.get(i)))
    return rows, vectors
