"""A folder of any size as Parquet files of findings: resumable, with one fingerprint for each analyser."""

import asyncio
import base64
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

from daguerre.corpus.analysis_store import SAMPLING, AnalysisStore, Done
from daguerre.corpus.once import AskedOnce
from daguerre.corpus.plan import LOCAL, CorpusFile, CorpusFiles, CroppedFile
from daguerre.dispatch.stream import Part
from daguerre.errors import FingerprintMismatchError, ItemError, NotFoundError, RemarkWarning
from daguerre.inputs.columns import is_path
from daguerre.inputs.frames import sampling_fields
from daguerre.inputs.items import Images, count_items
from daguerre.inputs.names import printable
from daguerre.inputs.videos import VideoLike
from daguerre.progress import Progress
from daguerre.results.analyses import Analyses
from daguerre.results.base import Errors
from daguerre.session import Session
from daguerre.storage.parquet import arrow
from daguerre.transport.operations import ANALYSE, ANALYSERS, Operation
from daguerre.types.analyses import AnalysesAnswer
from daguerre.types.common import Content, Payload

Request: TypeAlias = tuple[Operation[Any], Mapping[str, Any]]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)  # a picture for which the server says why it has no such analyser
TOGETHER = 8  # pictures of a request, which may take seconds each: an interrupted run loses those under way


@dataclass(frozen=True)
class AnalysesSummary:
    """Summary of a run over a corpus.

    Attributes
    ----------
    out, pictures_out : paths of the files: of findings, and of pictures or videos.
    pictures, findings : rows in them.
    analysed, failed : pictures or videos of this run.
    reused : those that were there already, unchanged.
    frames_out, frames : path and rows of the file of frames; None and 0 without videos.
    servers : number of pictures that each of several servers analysed, by its address; empty with one server.
    equal : pictures of this run that were not sent, since one with the same content was analysed.
    noun : what findings are called.
    """

    out: str
    pictures_out: str
    pictures: int
    findings: int
    analysed: int
    reused: int
    failed: int
    seconds: float
    receipts: Mapping[str, Content] = field(repr=False, default_factory=dict)
    frames_out: str | None = None
    frames: int = 0
    servers: Mapping[str, int] = field(default_factory=dict)
    equal: int = 0
    noun: str = field(repr=False, default="findings")

    def __str__(self) -> str:
        what = f"{self.pictures:,} pictures"
        if self.frames_out is not None:
            what = f"{self.frames:,} frames of {self.pictures:,} videos"
        done = "captioned" if self.noun == "captions" else "analysed"
        return (
            f"{self.out}: {self.findings:,} {self.noun} in {what}, {self.analysed:,} {done} in "
            f"{self.seconds:.0f} s, {self.reused:,} there already, {self.failed:,} failed"
            + (f", {self.equal:,} equal to others" if self.equal else "")
        )


async def analyse_corpus(
    session: Session,
    source: Images,
    out: str | os.PathLike[str],
    analysers: Mapping[str, Mapping[str, Any]],
    *,
    retry_errors: bool,
    retry_for: float,
    progress: bool | None,
    request: Request | None = None,
    store_type: type[AnalysisStore] = AnalysisStore,
) -> AnalysesSummary:
    """See AnalysisMethods.analyse_corpus.

    `request` : the operation and its fields, where it is another one with the same answer. It is slow, and is asked
    about each content once.
    """
    started = time.monotonic()
    arrow()
    store = store_type(Path(out))
    made_by = await made_by_json(session, analysers)
    earlier = await asyncio.to_thread(store.open, made_by, retry_errors)
    files = CorpusFiles(source)
    todo = _Todo(files, earlier)
    operation, fields = request or (ANALYSE, {"analysers": analysers})

    async def ask(items: Sequence[Payload]) -> AnalysesAnswer:
        answer: AnalysesAnswer = await session.transport.call(operation, fields, items=items)
        return answer

    once = None if request is None else AskedOnce(ask, store.known, await _card_receipts(session, made_by))
    limits = replace(session.limits, retry_for=retry_for, items=min(session.limits.items, TOGETHER))
    parts = session.stream(iter(todo), once or ask, limits=limits)
    analysed = failed = shown_before = 0
    served: Counter[str] = Counter()
    receipts: Mapping[str, Content] = {}
    shown = Progress.wanted(session.progress if progress is None else progress)
    total = await asyncio.to_thread(count_items, source) if shown else None
    try:
        with Progress(shown, total=total, what=Path(out).name) as bar:
            async for part in parts:
                if part.answer is not None:
                    receipts = part.answer.receipts
                    served.update(part.answer.servers)
                    _same(made_by, receipts)
                await asyncio.to_thread(store.add, list(_rows(part)))
                failed += len(part.failures)
                analysed += len(part.sources) - len(part.failures)
                bar.add(len(part.sources) + todo.reused - shown_before, failed=len(part.failures))
                shown_before = todo.reused
            bar.add(todo.reused - shown_before)
    finally:
        await parts.aclose()  # type: ignore[attr-defined]
        store.close()
    known = receipts or await _card_receipts(session, made_by)
    pictures, findings, _ = await asyncio.to_thread(store.finish, made_by, files.final_ids(), known)
    session.warn_of_left_out(files.left_out)
    if files.remark is not None:
        session.warn(RemarkWarning(files.remark))
    if failed:
        session.warn(RemarkWarning(f"{failed:,} of {failed + analysed:,} pictures could not be analysed; see {out}"))
    return AnalysesSummary(
        out=os.fspath(out),
        pictures_out=str(store.pictures),
        pictures=pictures,
        findings=findings,
        analysed=analysed,
        reused=todo.reused,
        failed=failed,
        seconds=time.monotonic() - started,
        receipts=receipts,
        servers=dict(sorted(served.items())),
        equal=0 if once is None else once.equal,
    )


async def analyse_video_corpus(
    session: Session,
    videos: Sequence[tuple[str, VideoLike]],
    out: str | os.PathLike[str],
    analysers: Mapping[str, Mapping[str, Any]],
    sampling: Mapping[str, Any],
    ask: Callable[[int, str, str], Awaitable[Analyses | ItemError]],
    *,
    retry_errors: bool,
    progress: bool | None,
    store_type: type[AnalysisStore] = AnalysisStore,
) -> AnalysesSummary:
    """The same for videos, of which each is in the journal once it is analysed.

    Parameters
    ----------
    videos : ids and paths.
    ask : called with the place, the id and the path of a video.
    """
    started = time.monotonic()
    arrow()
    for id, video in videos:
        if not is_path(video):
            raise TypeError(
                f"videos: {id!r:.200} is {type(video).__name__}, and a run that can be continued takes files"
            )
    store = store_type(Path(out))
    made_by = await made_by_json(session, analysers, sampling)
    earlier = await asyncio.to_thread(store.open, made_by, retry_errors)
    analysed = failed = reused = 0
    receipts: Mapping[str, Content] = {}
    shown = Progress.wanted(session.progress if progress is None else progress)
    try:
        with Progress(shown, total=len(videos), what=Path(out).name, unit="video") as bar:
            for i, (id, video) in enumerate(videos):
                path, id = os.fsdecode(cast(Any, video)), printable(id)
                status = _status(path)
                known = earlier.get(id)
                if status is not None and known is not None and (known.size, known.mtime_ns) == status:
                    reused += 1
                    bar.add(1)
                    continue
                found = await ask(i, id, path)
                bad = found if isinstance(found, ItemError) else None
                if isinstance(found, Analyses):
                    receipts = found.receipts
                    _same(made_by, receipts)
                is_there = status is not None and (bad is None or bad.code != LOCAL)
                row = {
                    "id": id,
                    "sha256": await asyncio.to_thread(_sha256, path) if is_there else None,
                    "size": status[0] if status and is_there else None,
                    "mtime_ns": status[1] if status and is_there else None,
                    "error_code": None if bad is None else bad.code,
                    "error_message": None if bad is None else bad.message,
                    "entry": found.entries[0] if isinstance(found, Analyses) else None,
                }
                await asyncio.to_thread(store.add, [row])
                analysed, failed = analysed + (bad is None), failed + (bad is not None)
                bar.add(1, failed=int(bad is not None))
    finally:
        store.close()
    known_receipts = receipts or await _card_receipts(session, made_by)
    pictures, findings, frames = await asyncio.to_thread(store.finish, made_by, {}, known_receipts)
    if failed:
        session.warn(RemarkWarning(f"{failed:,} of {failed + analysed:,} videos could not be analysed; see {out}"))
    return AnalysesSummary(
        out=os.fspath(out),
        pictures_out=str(store.pictures),
        pictures=pictures,
        findings=findings,
        analysed=analysed,
        reused=reused,
        failed=failed,
        seconds=time.monotonic() - started,
        receipts=receipts,
        frames_out=str(store.frames),
        frames=frames,
    )


def _sha256(path: str) -> str | None:
    """The SHA-256 of a file, read in pieces; None where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while piece := file.read(2**20):
                digest.update(piece)
    except OSError:
        return None
    return digest.hexdigest()


async def read_analyses(session: Session, path: str | os.PathLike[str]) -> Analyses:
    """See AnalysisMethods.read_analyses."""
    store = AnalysisStore(Path(path), name="path")
    cards = {card.receipt["fingerprint"]: card.receipt for card in await session.ask(ANALYSERS)}
    made_by, pictures, entries = await asyncio.to_thread(store.read)
    unknown: dict[str, Any] = {"revision": "unknown", "precision": "unknown", "provider": "unknown"}
    unknown |= {"demonstration": False, "notice": None, "made_with": {}}
    return Analyses(
        ids=[row["id"] for row in pictures],
        files=[row["id"] for row in pictures],
        errors=Errors(
            [
                ItemError(i, row["id"], row["error_code"], row["error_message"])
                for i, row in enumerate(pictures)
                if row["error_code"] is not None
            ]
        ),
        entries=[entries.get(row["id"]) for row in pictures],
        receipts={
            kind: cards.get(
                made["fingerprint"],
                {"analyser": made["analyser"], "kind": kind, "fingerprint": made["fingerprint"], **unknown},
            )
            for kind, made in made_by.items()
        },
        options={kind: made["options"] for kind, made in made_by.items()},
    )


async def made_by_json(
    session: Session, analysers: Mapping[str, Mapping[str, Any]], sampling: Mapping[str, Any] | None = None
) -> str:
    """Fingerprint and options of each analyser, and the choice of frames of videos, as JSON."""
    cards = await session.ask(ANALYSERS)
    made: dict[str, Any] = {}
    for kind, options in analysers.items():
        name = options.get("model")
        of_kind = [card for card in cards if card.kind == kind and name in (None, card.name)]
        if not of_kind:
            await session.transport.call(ANALYSE, {"analysers": {kind: options}}, items=[Payload(image=PIXEL)])
            raise NotFoundError(
                f"analysers.{kind}: the server has no {name or 'analyser'!r} of this kind; Client.analysers() lists "
                "what it has",
                code="unknown_model",
                status=404,
                param=f"analysers.{kind}",
            )
        rest = {option: value for option, value in options.items() if option != "model"}
        defaults = {option: value for option, value in of_kind[0].options.items() if value is not None}
        made[kind] = {**of_kind[0].receipt, "options": {**defaults, **rest}}
    keys = ("analyser", "fingerprint", "options")
    facts: dict[str, Any] = {kind: {key: each[key] for key in keys} for kind, each in made.items()}
    if sampling is not None:
        facts[SAMPLING] = {name: value for name, value in sampling_fields(sampling).items() if name != "thumbnail"}
    return json.dumps(facts, sort_keys=True)


async def _card_receipts(session: Session, made_by: str) -> dict[str, Content]:
    """The receipts of the analysers of a run in which nothing was left to be done, from what the server states."""
    cards = {card.receipt["fingerprint"]: card.receipt for card in await session.ask(ANALYSERS)}
    every = {kind: made for kind, made in json.loads(made_by).items() if kind != SAMPLING}
    return {kind: cards[made["fingerprint"]] for kind, made in every.items() if made["fingerprint"] in cards}


def _same(made_by: str, receipts: Mapping[str, Content]) -> None:
    """Raise FingerprintMismatchError where the server changed during the run."""
    for kind, wanted in json.loads(made_by).items():
        if kind != SAMPLING and receipts[kind]["fingerprint"] != wanted["fingerprint"]:
            raise FingerprintMismatchError(
                f"analysers.{kind}: the server's fingerprint is {receipts[kind]['fingerprint']}, and was "
                f"{wanted['fingerprint']} when the run began; start the run again with another file",
                code="fingerprint_mismatch",
            )


class _Todo:
    """The files that are still to be analysed: those that are new, or whose size or time has changed."""

    def __init__(self, files: CorpusFiles, earlier: Mapping[str, Done]) -> None:
        self._files, self._earlier = files, earlier
        self.reused = 0

    def __iter__(self) -> Iterator[CorpusFile]:
        for file in self._files:
            known = self._earlier.get(file.id)
            if known is not None and self._is_same(file, known):
                self.reused += 1
                continue
            yield file

    @staticmethod
    def _is_same(file: CorpusFile, known: Done) -> bool:
        if isinstance(file, CroppedFile):
            return known.sha256 is not None and file.present_hash(known.size) == known.sha256
        return (known.size, known.mtime_ns) == _status(file.path)


def _status(path: str | None) -> tuple[int, int] | None:
    """Size and time of a file."""
    try:
        status = os.stat(path or "")
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _rows(part: Part[AnalysesAnswer]) -> Iterator[dict[str, Any]]:
    """A line of the journal for each picture of a part."""
    entries: dict[int, Content | None] = {}
    if part.answer is not None:
        entries = dict(zip(part.rows, part.answer.entries, strict=True))
    for i, source in enumerate(part.sources):
        assert isinstance(source, CorpusFile)
        failure = part.failures.get(i)
        yield {
            "id": source.id,
            "sha256": source.sha256,
            "size": source.size,
            "mtime_ns": source.mtime_ns,
            "error_code": None if failure is None else failure.code,
            "error_message": None if failure is None else failure.message,
            "entry": entries.get(i),
        }
