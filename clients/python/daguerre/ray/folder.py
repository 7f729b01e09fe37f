"""The folder that a run writes: parts in Parquet, a receipt, and a mark when it is complete.

The parts are the record of what is done: a part appears whole, under its final name, so that a row is in the folder or
is computed again. Names are `part-RUN-ROWS-ID.parquet`: RUN counts the runs, ROWS is a hash of the ids of the rows, and
ID that of the run. A task that is done again after a failure replaces its own part. Where an id is in two parts, the
later name holds, until the end of the run, when the earlier row is removed. Other programs read the parts alone:
names that begin with an underscore or a full stop are no data.
"""

import hashlib
import json
import os
import posixpath
import re
import socket
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from daguerre.errors import DaguerreError, FingerprintMismatchError
from daguerre.ray.places import is_local, kind_of_place, place
from daguerre.storage.parquet import ROW_GROUP, arrow, conformed, save

RECEIPT, RUN, SUCCESS = "_receipt.json", "_run.json", "_SUCCESS"
ATOMIC = ("s3", "gcs", "abfs")  # stores in which a file appears when it is complete
IDENTITY = ("operation", "fingerprint", "options")  # of a receipt: rows of one folder agree in these
OF_VECTORS = {"operation": "embed_corpus", "options": {}}  # what receipts of the SDK's own runs leave out
RUNNING = "_journal/running"  # the mark of the SDK that ids may be in a folder twice until a run ends


@dataclass(frozen=True)
class Known:
    """The rows of a folder, the latest of an id first.

    Attributes
    ----------
    ids : a chunked array of pyarrow, (n,). Ids may be there twice.
    sizes, times : (n,) int64, -1 where they are not known.
    failed, unread : (n,) bool: rows with an error, and those of files that could not be read.
    """

    ids: Any
    sizes: Any
    times: Any
    failed: Any
    unread: Any


class OutputFolder:
    """A folder of parts.

    Parameters
    ----------
    out : its path, perhaps in a store such as s3://bucket/folder.
    kinds : subfolders for tables of several kinds, the one with a row for each item last; ("",) for one table.

    Raises
    ------
    ValueError, NotADirectoryError : `out` is a file, or is named like one.
    """

    def __init__(self, out: str | os.PathLike[str], *, kinds: Sequence[str] = ("",), filesystem: Any = None) -> None:
        self.name = os.fspath(out)
        self.kinds = tuple(kinds)
        if os.path.splitext(self.name.rstrip("/"))[1].lower() in (".parquet", ".csv", ".npz", ".npy", ".json"):
            raise ValueError(
                f"out: {self.name!r} is named like a file, and a run over a cluster writes a folder of parts; name a "
                "folder"
            )
        self.where, self.root = place(self.name, filesystem)
        if kind_of_place(self.where, self.root) == "file":
            raise NotADirectoryError(f"out: {self.name!r} is a file; name a folder, which is made if it is not there")

    def path(self, *names: str) -> str:
        return posixpath.join(self.root, *filter(None, names))

    def make(self) -> None:
        """Make the folder. Raises DaguerreError where it holds files of others."""
        if self.where.type_name not in ATOMIC:
            for kind in self.kinds:
                self.where.create_dir(self.path(kind), recursive=True)
        if self.receipt() is None and (others := [name for name in self._names("") if name[0] not in "._"]):
            raise DaguerreError(
                f"out: {self.name!r} has files, of which the first is {others[0]!r}, and no {RECEIPT}; name a new "
                "folder, or one that a run has written",
                code="foreign_file",
            )

    def receipt(self) -> dict[str, Any] | None:
        """The settings that made the rows; None in a new folder."""
        text = self._read(RECEIPT)
        found: dict[str, Any] | None = None if text is None else json.loads(text)
        return found

    def require_same(self, facts: Mapping[str, Any]) -> None:
        """Take the facts of a run as those of the folder, or raise FingerprintMismatchError where they differ."""
        there = self.receipt()
        if there is None:
            self._write(RECEIPT, json.dumps(facts, ensure_ascii=False, indent=1))
            there = self.receipt() or {}
        there = {**OF_VECTORS, **there}
        for name in IDENTITY:
            if there.get(name) != facts.get(name):
                raise FingerprintMismatchError(
                    f"out: {self.name} has rows whose {name} is {json.dumps(there.get(name))}, and this run's is "
                    f"{json.dumps(facts.get(name))}; the two must not be mixed: name another folder, or ask for the "
                    "first",
                    code="fingerprint_mismatch",
                )

    def claim(self, facts: Mapping[str, Any]) -> "Claim":
        """Begin a run. Raises DaguerreError where one is under way on this machine.

        A run of another machine that is still under way ends at its next part.
        """
        last = json.loads(self._read(RUN) or "{}")
        if not last.get("ended") and last.get("host") == socket.gethostname() and _lives(last.get("pid")):
            raise DaguerreError(
                f"out: {self.name} is being written by process {last['pid']}; wait for it, or name another folder",
                code="in_use",
            )
        numbers = [int(match[1]) for name in self.parts() if (match := re.match(r"part-(\d+)", name))]
        claim = Claim(uuid.uuid4().hex[:8], max(numbers, default=0) + 1)
        self._delete(SUCCESS)
        if is_local(self.where):
            self.where.create_dir(posixpath.dirname(self.path(RUNNING)))
            self._write(RUNNING, "")
        about = {"id": claim.id, "host": socket.gethostname(), "pid": os.getpid(), "ended": False, **facts}
        self._write(RUN, json.dumps(about, indent=1))
        self._remove_rests()
        return claim

    def base(self) -> str | None:
        """The folder that the ids of earlier runs are relative to."""
        base: str | None = json.loads(self._read(RUN) or "{}").get("base")
        return base

    def end(self, *, complete: bool) -> None:
        """End a run; one that is complete is marked."""
        about = json.loads(self._read(RUN) or "{}")
        self._write(RUN, json.dumps({**about, "ended": True}, indent=1))
        if complete:
            self._write(SUCCESS, "")
            self._delete(RUNNING)
            if is_local(self.where):
                with suppress(OSError):  # it has journals of others
                    os.rmdir(posixpath.dirname(self.path(RUNNING)))

    def require_claim(self, claim: "Claim") -> None:
        """Raise DaguerreError where another run has begun since."""
        if (there := json.loads(self._read(RUN) or "{}").get("id")) != claim.id:
            raise DaguerreError(
                f"out: another run ({there}) writes {self.name} since this one ({claim.id}) began; let one of them end",
                code="in_use",
            )

    def parts(self) -> list[str]:
        """Names of the parts with a row for each item, the earliest first."""
        return sorted(n for n in self._names(self.kinds[-1]) if n.startswith("part-") and n.endswith(".parquet"))

    def write_part(self, claim: "Claim", tables: Mapping[str, Any]) -> str:
        """Write the rows of some items, by kind, the one with a row for each item last. Returns the name."""
        ids = hashlib.sha256("\n".join(tables[self.kinds[-1]]["id"].to_pylist()).encode()).hexdigest()
        name = f"part-{claim.number:06d}-{ids[:12]}-{claim.id}.parquet"
        self.require_claim(claim)
        for kind in self.kinds:
            self.write_table(tables[kind], kind, name)
        return name

    def write_table(self, table: Any, kind: str, name: str) -> None:
        """Write a part of a kind, which appears whole."""
        if is_local(self.where):
            save(_in_groups(table), table.schema, self.path(kind, name))
            return
        pa = arrow()
        target = self.path(kind, name)
        temporary = target if self.where.type_name in ATOMIC else self.path(kind, f".{name}.{uuid.uuid4().hex}.tmp")
        pa.parquet.write_table(table, temporary, filesystem=self.where, compression="zstd", row_group_size=ROW_GROUP)
        if temporary != target:
            self.where.move(temporary, target)

    def read_part(self, kind: str, name: str, columns: Sequence[str] | None = None) -> Any:
        pa = arrow()
        with self.where.open_input_file(self.path(kind, name)) as file:
            return pa.parquet.ParquetFile(file).read(columns=None if columns is None else list(columns))

    def schema_of(self, kind: str, name: str) -> Any:
        with self.where.open_input_file(self.path(kind, name)) as file:
            return arrow().parquet.read_schema(file)

    def known(self) -> Known:
        """The items that are finished."""
        pa = arrow()
        ids: list[Any] = []
        sizes: list[Any] = []
        times: list[Any] = []
        failed: list[Any] = []
        unread: list[Any] = []
        for name in reversed(self.parts()):
            table = self.read_part(self.kinds[-1], name, ["id", "size", "mtime_ns", "error_code"])
            ids += table["id"].chunks
            for column, into in (("size", sizes), ("mtime_ns", times)):
                into.append(table[column].fill_null(-1).to_numpy().astype(np.int64))
            failed.append(table["error_code"].is_valid().to_numpy())
            equal = pa.compute.equal(table["error_code"], "unreadable_file")
            unread.append(equal.fill_null(False).to_numpy())
        number: Any = np.empty(0, np.int64)
        flag: Any = np.empty(0, bool)
        return Known(
            pa.chunked_array(ids, pa.string()),
            np.concatenate([number, *sizes]),
            np.concatenate([number, *times]),
            np.concatenate([flag, *failed]),
            np.concatenate([flag, *unread]),
        )

    def settle(self) -> tuple[int, int]:
        """Remove earlier rows of ids that are there twice, and give all parts the same columns.

        Returns
        -------
        rows, removed : number of rows that are left, each of another id, and of those that were removed.
        """
        pa = arrow()
        names = self.parts()
        every = [self.read_part(self.kinds[-1], name, ["id"])["id"].combine_chunks() for name in reversed(names)]
        ids = pa.chunked_array(every, pa.string())
        first = pa.compute.index_in(ids, value_set=ids).to_numpy(zero_copy_only=False)
        keep = first == np.arange(len(ids))
        start = 0
        for name, part in zip(reversed(names), every, strict=True):
            mask = keep[start : start + len(part)]
            start += len(part)
            if not mask.all():
                self._keep(name, part.filter(pa.array(mask)))
        for kind in self.kinds:
            self._same_columns(kind)
        return int(keep.sum()), int((~keep).sum())

    def _keep(self, name: str, ids: Any) -> None:
        """Keep the rows of some ids of a part, of every kind."""
        pa = arrow()
        for kind in self.kinds[::-1]:
            if not len(ids):
                self.where.delete_file(self.path(kind, name))
                continue
            table = self.read_part(kind, name)
            self.write_table(table.filter(pa.compute.is_in(table["id"], value_set=ids)), kind, name)

    def _same_columns(self, kind: str) -> None:
        """Write parts again that lack columns of others, such as the numbers of pictures if all of theirs failed."""
        pa = arrow()
        schemas = {name: self.schema_of(kind, name) for name in self.parts()}
        distinct = list(dict.fromkeys(each.remove_metadata() for each in schemas.values()))
        if len(distinct) < 2:
            return
        widest = max(distinct, key=len)
        whole = pa.unify_schemas([widest, *distinct])
        for name, schema in schemas.items():
            if schema.names != whole.names:
                table = self.read_part(kind, name)
                self.write_table(conformed(table, whole.with_metadata(schema.metadata), name), kind, name)

    def _remove_rests(self) -> None:
        """Remove what killed tasks have left: files that were not renamed, and findings without their pictures."""
        whole = set(self.parts())
        for kind in self.kinds:
            for name in self._names(kind):
                orphan = kind != self.kinds[-1] and name.startswith("part-") and name not in whole
                if orphan or (name.startswith(".part-") and name.endswith(".tmp")):
                    self.where.delete_file(self.path(kind, name))

    def _names(self, kind: str) -> list[str]:
        from pyarrow.fs import FileSelector, FileType

        found = self.where.get_file_info(FileSelector(self.path(kind), recursive=False, allow_not_found=True))
        return [info.base_name for info in found if info.type == FileType.File]

    def _read(self, name: str) -> str | None:
        try:
            with self.where.open_input_file(self.path(name)) as file:
                return bytes(file.read()).decode()
        except FileNotFoundError:
            return None

    def _write(self, name: str, text: str) -> None:
        target = self.path(name)
        temporary = target if self.where.type_name in ATOMIC else f"{target}.{uuid.uuid4().hex}.tmp"
        with self.where.open_output_stream(temporary) as file:
            file.write(text.encode())
        if temporary != target:
            self.where.move(temporary, target)

    def _delete(self, name: str) -> None:
        if kind_of_place(self.where, self.path(name)) == "file":
            self.where.delete_file(self.path(name))


@dataclass(frozen=True)
class Claim:
    """A run that writes a folder."""

    id: str
    number: int


def _in_groups(table: Any) -> Iterator[Any]:
    """A table in the row groups that files of vectors have."""
    for start in range(0, table.num_rows, ROW_GROUP):
        yield table.slice(start, ROW_GROUP)


def _lives(pid: int | None) -> bool:
    """Whether a process of this machine runs."""
    if pid is None or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
