"""Codebook labels of items and of folders of any size: what was answered is never asked again."""

import asyncio
import itertools
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daguerre.corpus.plan import LOCAL, CorpusFile, CorpusFiles
from daguerre.dispatch.stream import Part
from daguerre.errors import DaguerreError, FingerprintMismatchError, ItemError, RemarkWarning
from daguerre.inputs.files import require_folder
from daguerre.inputs.items import Images, count_items
from daguerre.progress import Progress
from daguerre.results.base import Errors
from daguerre.results.labels import CodebookLabels, merged_receipt
from daguerre.session import Session
from daguerre.storage.parquet import arrow
from daguerre.storage.whole import whole_file
from daguerre.transport.operations import DELETE_LABEL_RUN, LABEL, PLAN_LABELS
from daguerre.types.common import Content, Payload
from daguerre.types.labels import LabelsAnswer, total_usage, usage_note

KEY = b"daguerre_labels"  # of the file's metadata
PASSING = frozenset({LOCAL, "labeller_unreachable", "labeller_busy", "labeller_failed", "labeller_refused"})
TOGETHER = 4  # items of a request
SHOWN = 6  # remarks; the others are in the file


@dataclass(frozen=True)
class LabelsSummary:
    """Summary of a run over a corpus.

    Attributes
    ----------
    out, answers_out : paths of the table, and of the raw answers.
    labelled, failed : items of this run.
    reused : items that were there already, unchanged.
    usage : numbers of answers and tokens of this run, and their price by the owner's prices.
    """

    out: str
    answers_out: str
    items: int
    labelled: int
    reused: int
    failed: int
    seconds: float
    receipt: Mapping[str, Any] = field(repr=False, default_factory=dict)
    usage: Mapping[str, Any] = field(repr=False, default_factory=dict)

    def __str__(self) -> str:
        used = f"; {usage_note(self.usage)}" if self.usage.get("answers") else ""
        return (
            f"{self.out}: {self.items:,} items, {self.labelled:,} labelled in {self.seconds:.0f} s, {self.reused:,} "
            f"there already, {self.failed:,} failed{used}"
        )


async def delete_run(session: Session, run: str) -> None:
    """Delete the answers that the server keeps for a run; without an error where it cannot be reached."""
    with suppress(DaguerreError):
        await session.transport.call(DELETE_LABEL_RUN, {"run": run})


async def label_corpus(
    session: Session,
    source: Images,
    out: str | os.PathLike[str],
    fields: Mapping[str, Any],
    *,
    retry_errors: bool,
    retry_for: float,
    progress: bool | None,
) -> LabelsSummary:
    """See LabelMethods.label_corpus."""
    started = time.monotonic()
    store = LabelStore(Path(out))
    fingerprint = (await session.ask(PLAN_LABELS, fields)).fingerprint
    done, run = await asyncio.to_thread(store.open, fingerprint, retry_errors)
    files = CorpusFiles(source)
    todo = _Todo(files, done)

    async def ask(items: Sequence[Payload]) -> LabelsAnswer:
        return await session.transport.call(LABEL, {**fields, "run": run}, items=items)

    limits = replace(session.limits, retry_for=retry_for, items=min(session.limits.items, TOGETHER))
    parts = session.stream(iter(todo), ask, limits=limits)
    labelled = failed = before = 0
    used: list[Content] = []
    shown = Progress.wanted(session.progress if progress is None else progress)
    total = await asyncio.to_thread(count_items, source) if shown else None
    try:
        with Progress(shown, total=total, what=Path(out).name) as bar:
            async for part in parts:
                if part.answer is not None and part.answer.receipt.fingerprint != fingerprint:
                    raise FingerprintMismatchError(
                        f"the labeller's settings changed during the run: its fingerprint was {fingerprint}, and is "
                        f"{part.answer.receipt.fingerprint} now; start the run again with another file",
                        code="fingerprint_mismatch",
                    )
                await asyncio.to_thread(store.add, list(_rows(part)), part.answer)
                if part.answer is not None:
                    used.append(part.answer.usage)
                failed += len(part.failures)
                labelled += len(part.sources) - len(part.failures)
                bar.add(len(part.sources) + todo.reused - before, failed=len(part.failures))
                before = todo.reused
            bar.add(todo.reused - before)
    finally:
        await parts.aclose()  # type: ignore[attr-defined]
        store.close()
    made = await asyncio.to_thread(store.finish, fingerprint, files.final_ids())
    await delete_run(session, run)
    session.warn_of_left_out(files.left_out)
    for remark in made.remarks[1:SHOWN]:  # the first is that of all labels
        session.warn(RemarkWarning(remark))
    if failed:
        session.warn(RemarkWarning(f"{failed:,} of {failed + labelled:,} items have no labels; see {out}"))
    return LabelsSummary(
        out=os.fspath(out),
        answers_out=str(store.answers),
        items=len(made),
        labelled=labelled,
        reused=todo.reused,
        failed=failed,
        seconds=time.monotonic() - started,
        receipt=made.receipt,
        usage=total_usage(used),
    )


def read_labels(path: str | os.PathLike[str]) -> CodebookLabels:
    """Read the labels of `label_corpus` back. Raises ValueError."""
    if Path(path).suffix.lower() != ".parquet":
        raise ValueError(
            f"path: {str(path)!r} is no .parquet file, and other tables of labels are not read back; label into "
            f"{Path(path).stem}.parquet"
        )
    return LabelStore(Path(path)).read()


class LabelStore:
    """The files of a run, and the journal with what is not in them yet.

    NAME.parquet has a row for each item, NAME.answers.jsonl the method and the raw answers of each.
    """

    def __init__(self, out: Path) -> None:
        if out.suffix.lower() != ".parquet":
            raise ValueError(
                f"out: {str(out)!r} is no .parquet file, which can be continued; name it {out.stem}.parquet"
            )
        require_folder(out, "out")
        self.out = out
        self.answers = out.with_suffix(".answers.jsonl")
        self.journal = out.with_suffix(".journal.jsonl")
        self._file: Any = None

    def open(self, fingerprint: str, retry_errors: bool) -> tuple[dict[str, Mapping[str, Any]], str]:
        """The rows that are done, by id, and the key of the run. Raises FingerprintMismatchError."""
        rows: dict[str, Mapping[str, Any]] = {}
        if self.answers.exists():
            about, *lines = _lines(self.answers)
            self._require(about["receipt"]["fingerprint"], fingerprint, self.answers)
            rows |= {row["id"]: row for row in lines}
        run = secrets.token_hex(16)
        if self.journal.exists() and (lines := _lines(self.journal)):
            self._require(lines[0]["fingerprint"], fingerprint, self.journal)
            run = lines[0]["run"]
            rows |= {line["row"]["id"]: line["row"] for line in lines[1:] if "row" in line}
        else:
            self.journal.write_text("")
        fresh = self.journal.stat().st_size == 0
        self._file = self.journal.open("a", encoding="utf-8")
        if fresh:
            self._write([{"fingerprint": fingerprint, "run": run}])
        return {id: row for id, row in rows.items() if not _to_retry(row, retry_errors)}, run

    @staticmethod
    def _require(found: str, wanted: str, path: Path) -> None:
        if found != wanted:
            raise FingerprintMismatchError(
                f"{path} has labels of another labeller, prompt, codebook or option ({found}), and this run would have "
                f"{wanted}; the two must not be mixed: name another file, or take the options of the first run",
                code="fingerprint_mismatch",
            )

    def add(self, rows: Sequence[Mapping[str, Any]], answer: LabelsAnswer | None) -> None:
        """Add rows, which are on the disk when this returns, and the method that the server told."""
        lines: list[Mapping[str, Any]] = [{"row": row} for row in rows]
        if answer is not None:
            about = {"receipt": answer.labelled_by, "prompt": answer.prompt, "codebook": answer.codebook}
            lines.append({"about": about, "remarks": list(answer.remarks)})
        self._write(lines)

    def _write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        self._file.write("".join(json.dumps(line) + "\n" for line in lines))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def finish(self, fingerprint: str, renamed: Mapping[str, str]) -> CodebookLabels:
        """Write the files from the earlier ones and the journal, which goes then."""
        earlier = _lines(self.answers) if self.answers.exists() else []
        new = _lines(self.journal)[1:]
        about = [earlier[0]] if earlier else []
        about += [line["about"] for line in new if "about" in line]
        if not about:
            raise ValueError(f"{self.out}: no item could be sent; see that the files are images")
        rows = {row["id"]: row for row in earlier[1:]}
        rows |= {line["row"]["id"]: line["row"] for line in new if "row" in line}
        receipt = merged_receipt([each["receipt"] for each in about])
        told = [each.get("remarks", ()) for each in (*about[: bool(earlier)], *new)]
        head = {**about[-1], "receipt": receipt, "remarks": list(dict.fromkeys(itertools.chain(*told)))}
        body = [{**row, "id": renamed.get(row["id"], row["id"])} for row in rows.values()]
        with whole_file(self.answers) as path, open(path, "w", encoding="utf-8") as file:
            for line in (head, *body):
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        made = _labels(head, body)
        write_table(made, self.out)
        self.journal.unlink()
        return made

    def read(self) -> CodebookLabels:
        """The labels of the files. Raises ValueError."""
        if not self.answers.exists():
            raise ValueError(f"path: {self.answers} is not there; label_corpus writes it beside {self.out.name}")
        head, *rows = _lines(self.answers)
        return _labels(head, rows)


def write_table(made: CodebookLabels, out: str | os.PathLike[str]) -> None:
    """Write the table of an item per row as Parquet, with the receipt in its metadata."""
    pa = arrow()
    own = made.wide_columns()
    kinds = {
        own[each["name"]]: pa.float64() if each["kind"] == "continuous" else pa.string()
        for each in made.codebook["variables"]
    }
    names = ["id", *own.values(), "cannot_tell", "error", "message"]
    wide = made.wide()
    columns = {name: pa.array([row[name] for row in wide], kinds.get(name, pa.string())) for name in names}
    table = pa.table(columns).replace_schema_metadata({KEY: json.dumps(dict(made.receipt)).encode()})
    with whole_file(out) as path:
        pa.parquet.write_table(table, path)


def _labels(head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> CodebookLabels:
    errors = [
        ItemError(i, row["id"], row["error_code"], row["error_message"])
        for i, row in enumerate(rows)
        if row["error_code"] is not None
    ]
    first: dict[str, int] = {}  # the first item with each content: the others were not asked about
    same = [first.setdefault(row.get("sha256") or f"row {i}", i) for i, row in enumerate(rows)]
    return CodebookLabels(
        ids=[row["id"] for row in rows],
        errors=Errors(errors),
        entries=[
            {"index": i, "id": row["id"], **(row["entry"] or {}), **({} if same[i] == i else {"same_as": same[i]})}
            for i, row in enumerate(rows)
        ],
        codebook=head["codebook"],
        prompt=head["prompt"],
        receipt=head["receipt"],
        remarks=head.get("remarks", ()),
    )


def _lines(path: Path) -> list[Any]:
    """The whole lines of a file; a killed run may leave a part of one, which is cut off."""
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if end != len(data):
        with path.open("r+b") as file:
            file.truncate(end)
    return [json.loads(line) for line in data[:end].decode().splitlines()]


def _to_retry(row: Mapping[str, Any], retry_errors: bool) -> bool:
    code = row["error_code"]
    return code is not None and (retry_errors or code in PASSING)


class _Todo:
    """The files that are still to be labelled: those that are new, or have changed."""

    def __init__(self, files: CorpusFiles, done: Mapping[str, Mapping[str, Any]]) -> None:
        self._files, self._done = files, done
        self.reused = 0

    def __iter__(self) -> Iterator[CorpusFile]:
        for file in self._files:
            row = self._done.get(file.id)
            if row is not None and self._is_same(file, row):
                self.reused += 1
                continue
            yield file

    @staticmethod
    def _is_same(file: CorpusFile, row: Mapping[str, Any]) -> bool:
        try:
            status = os.stat(file.path)
        except OSError:
            return False
        return (row["size"], row["mtime_ns"]) == (status.st_size, status.st_mtime_ns)


def _rows(part: Part[LabelsAnswer]) -> Iterator[dict[str, Any]]:
    entries: dict[int, Content] = {}
    if part.answer is not None:
        entries = dict(zip(part.rows, part.answer.entries, strict=True))
    for i, source in enumerate(part.sources):
        assert isinstance(source, CorpusFile)
        failure = part.failures.get(i)
        entry = entries.get(i)
        yield {
            "id": source.id,
            "sha256": source.sha256,
            "size": source.size,
            "mtime_ns": source.mtime_ns,
            "error_code": None if failure is None else failure.code,
            "error_message": None if failure is None else failure.message,
            "entry": None if entry is None else {k: v for k, v in entry.items() if k not in ("index", "id", "same_as")},
        }
