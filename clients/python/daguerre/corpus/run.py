"""A folder of any size as vectors in Parquet: resumable, in bounded memory, with one fingerprint."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from daguerre.corpus.plan import CorpusFile, CorpusFiles, CorpusPlan, Moved
from daguerre.corpus.repeats import Repeats
from daguerre.dispatch.collect import mark_warnings
from daguerre.dispatch.stream import Part
from daguerre.errors import FingerprintMismatchError, RemarkWarning
from daguerre.inputs.files import require_folder
from daguerre.inputs.items import Images, count_items
from daguerre.progress import Progress
from daguerre.results.base import mark_words
from daguerre.results.corpus import CorpusSummary
from daguerre.session import Session
from daguerre.storage.corpus_store import FILE_ROWS, CorpusStore
from daguerre.storage.dataset import PART_BYTES
from daguerre.storage.parquet import Row, arrow
from daguerre.storage.shards import shard_of
from daguerre.transport.operations import EMBED
from daguerre.types.common import MARKS, Decode, Float, Payload
from daguerre.types.embeddings import EmbedAnswer, EmbedOptions

T = TypeVar("T")
RECENT = 8192  # results that stay in memory, in case that their bytes come again: 16 MB of 512 numbers
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
    shard: object = None,
    part_bytes: int = PART_BYTES,
    file_rows: int = FILE_ROWS,
) -> CorpusSummary:
    """See CorpusMethods.embed_corpus."""
    started = time.monotonic()
    arrow()
    part_of = shard_of(shard)
    store = CorpusStore(out, shard=part_of, part_bytes=part_bytes, file_rows=file_rows)
    if not store.is_folder:
        _require_out(store.out)
    elif not store.out.exists():
        require_folder(store.out, "out")
    card = await session.card(model)
    fingerprint = card.fingerprint_of(decode)
    refuse_others(store, fingerprint, card.id)
    options = EmbedOptions(model=model or session.default_model, decode=decode)

    served: Counter[str] = Counter()
    cached = 0

    async def ask(items: Sequence[Payload]) -> EmbedAnswer:
        nonlocal cached
        answer = await session.transport.call(EMBED, options.fields(), items=items)
        served.update(answer.servers)
        cached += answer.cached
        return answer

    with store.locked():
        refuse_others(store, fingerprint, card.id)  # another process may have written the file meanwhile
        known = await _whole(store.open)
        files = CorpusFiles(source)
        todo = CorpusPlan(files, known, retry_errors, part_of)
        receipt = card.receipt(decode)
        limits = replace(session.limits, retry_for=retry_for)
        recent = max(RECENT, 4 * limits.in_flight * limits.items * session.transport.width)
        repeats = Repeats(store, ask, receipt, recent=recent, retry_errors=retry_errors)
        parts = session.stream(iter(todo), repeats.ask, limits=limits, fingerprint=fingerprint)
        embedded = failed = 0
        marks: Counter[str] = Counter()
        moved = Moved(known, store.id_of)
        shown = Progress.wanted(session.progress if progress is None else progress)
        total = await asyncio.to_thread(count_items, source) if shown and part_of is None else None
        try:
            with Progress(shown, total=total, what=store.out.name) as bar:
                skipped = 0
                async for part in parts:
                    if part.answer is not None:
                        receipt = part.answer.receipt
                        marks.update({name: len(getattr(part.answer, name)) for name in MARKS})
                    rows, vectors = _rows(part, card.dimension)
                    moved.add(rows)
                    new = [i for i, row in enumerate(rows) if not todo.has(row)]
                    if new:
                        add = partial(store.add, [rows[i] for i in new], vectors[new], receipt, card.dimension)
                        repeats.add([rows[i] for i in new], await _whole(add))
                    failed += len(part.failures)
                    embedded += len(rows) - len(part.failures)
                    bar.add(len(rows) + todo.reused - skipped, failed=len(part.failures))
                    skipped = todo.reused
                bar.add(todo.reused - skipped)
            moved_remark = await _whole(moved.remark)
            rows_now = await _whole(lambda: store.finish(card.dimension, receipt, *todo.renamed()))
        finally:
            try:
                await parts.aclose()  # type: ignore[attr-defined]
            finally:
                store.close()
    session.warn_of_left_out(files.left_out)
    for warning in mark_warnings(marks, embedded + failed, listed=False):
        session.warn(warning)
    for remark in (moved_remark, todo.remark, files.remark, _large(store, rows_now, file_rows)):
        if remark:
            session.warn(RemarkWarning(remark))
    return CorpusSummary(
        out=os.fspath(out),
        rows=rows_now,
        embedded=embedded,
        encoded=repeats.encoded,
        copied=repeats.copied,
        reused=todo.reused,
        failed=failed,
        failed_before=todo.failed_before,
        gone=todo.gone,
        seconds=time.monotonic() - started,
        model=card.id,
        fingerprint=fingerprint,
        left_out=str(files.left_out),
        servers=dict(sorted(served.items())),
        cached=cached,
    )


def _large(store: CorpusStore, rows: int, file_rows: int) -> str | None:
    """A sentence about a file that has grown large; None for others."""
    if rows <= file_rows or not store.out.is_file():
        return None
    return (
        f"{store.out} has {rows:,} rows, and each run that adds any writes all of them again; a folder gets one part "
        f"more: daguerre to-folder {store.out} {store.out.with_suffix('')}/"
    )


async def _whole(call: Callable[[], T]) -> T:
    """Run `call` in a thread to its end: a cancelled run must keep the lock while rows are written."""
    work = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def refuse_others(store: CorpusStore, fingerprint: str, model: str) -> None:
    """Raise FingerprintMismatchError if the vectors on disk have another fingerprint."""
    for path, receipt in store.receipts():
        if receipt.fingerprint != fingerprint:
            raise FingerprintMismatchError(
                f"{path} has vectors of {receipt.model} ({receipt.fingerprint}, decode {receipt.decode}), the server "
                f"would now make those of {model} ({fingerprint}); the two must not be mixed: name another file, or "
                "ask for the model and the decode setting of the first",
                code="fingerprint_mismatch",
            )


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
