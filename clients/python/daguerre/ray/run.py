"""A run over a cluster: which items are to be done, the pipeline in Ray, and the summary."""

import math
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from daguerre.dispatch.collect import mark_warnings
from daguerre.errors import RemarkWarning
from daguerre.progress import Progress
from daguerre.ray.actors import BATCH, Actor, describe
from daguerre.ray.cluster import WRITER, clear_errors, connected, nodes_of, quiet, remark_on_others, require_room
from daguerre.ray.folder import Known, OutputFolder
from daguerre.ray.library import ray_library
from daguerre.ray.manifest import Manifest, read_manifest
from daguerre.ray.operations import Operation
from daguerre.results.corpus import CorpusSummary
from daguerre.storage.parquet import arrow
from daguerre.types.common import MARKS

WAITING, SERVING = 0.1, 1.0  # CPUs of an actor that waits for servers, and of one that starts a service
BLOCK = 4 * BATCH  # items of a task of Ray
START = "start"
THIS_MACHINE = "http://127.0.0.1:3000"
SLICE = 2**20  # items that are looked up at once
SETTINGS = "DAGUERRE_"


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where a run is computed, and how its items are read; the arguments that all functions of daguerre.ray share."""

    servers: str | Sequence[str] | None = None
    ray: str = "auto"
    actors: int | None = None
    cpus: float | None = None
    gpus: float | None = None
    api_key: str | None = None
    path_column: str = "path"
    id_column: str | None = None
    root: str | None = None
    filesystem: Any = None
    retry_errors: bool = False
    retry_for: float = 3600.0
    timeout: float = 300.0
    part_rows: int = 2048
    progress: bool | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("actors", "part_rows"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}: got {value}, it must be at least 1")
        for name in ("cpus", "gpus"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name}: got {value}, it must be 0 or more")
        if isinstance(self.servers, Sequence) and not self.servers:
            raise ValueError('servers: got none; give addresses, or "start" for services of the cluster itself')

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Where":
        """The arguments by name. Raises TypeError for one that there is not."""
        names = [each.name for each in fields(cls)]
        if unknown := [name for name in given if name not in names]:
            raise TypeError(f"{unknown[0]}: is no argument of a run over a cluster; there are {', '.join(names)}")
        return cls(**given)

    def addresses(self) -> list[str] | None:
        """The addresses of servers; None where actors start services."""
        if self.servers == START:
            return None
        given = self.servers if self.servers is not None else os.environ.get("DAGUERRE_URL") or THIS_MACHINE
        return [each.strip() for each in given.split(",")] if isinstance(given, str) else list(given)


def run(operation: Operation, source: Any, out: str | os.PathLike[str], where: Where) -> CorpusSummary:
    """Do an operation for all items of a source that are not in the folder `out` yet."""
    started = time.monotonic()
    ray_library()
    folder = OutputFolder(out, kinds=operation.kinds, filesystem=where.filesystem)
    manifest = read_manifest(
        source,
        path_column=where.path_column,
        id_column=where.id_column,
        root=where.root,
        base=folder.base(),
        filesystem=where.filesystem,
    )
    addresses = where.addresses()
    options = {
        **{"api_key": where.api_key, "timeout": where.timeout, "retry_for": where.retry_for},
        **{"model": operation.model},
    }
    facts = describe(operation, addresses, {**options, "retry_for": 60.0}) if addresses is not None else None
    folder.make()
    if facts is not None:
        folder.require_same(facts)
    claim = folder.claim({"base": manifest.base})
    plan = planned(manifest, folder.known(), where)
    counts: Mapping[str, int] = {}
    complete = False
    try:
        if plan.todo.num_rows:
            counts = _pipeline(operation, folder, claim, plan.todo, addresses, options, folder.receipt(), where)
        rows, _ = folder.settle()
        complete = True
    finally:
        folder.end(complete=complete)
    if counts.get("rows", 0) != plan.todo.num_rows:
        raise RuntimeError(
            f"{folder.name}: {plan.todo.num_rows:,} items were to be done, and {counts.get('rows', 0):,} rows were "
            "written; run it again, and report this"
        )
    _warn(manifest, counts, folder.receipt() or {})
    made_by = folder.receipt() or {}
    failed = counts.get("failed", 0)
    return CorpusSummary(
        out=folder.name,
        rows=rows,
        embedded=counts.get("rows", 0) - failed,
        reused=plan.reused,
        failed=failed,
        failed_before=plan.failed_before,
        gone=plan.gone,
        seconds=time.monotonic() - started,
        model=str(made_by.get("model", "")),
        fingerprint=str(made_by.get("fingerprint", "")),
        left_out=manifest.left_out,
    )


@dataclass(frozen=True)
class Plan:
    """The items that are to be done, and numbers of the others."""

    todo: Any
    reused: int
    failed_before: int
    gone: int


def planned(manifest: Manifest, known: Known, where: Where) -> Plan:
    """The items of a manifest that are not done, or whose file has changed, or that failed and are to be tried again.

    A file that could not be read is always tried again. Whether a local file has changed is told by its size and time;
    elsewhere by those of the listing of the folder, or of the columns size and mtime_ns of the manifest.
    """
    pa = arrow()
    table = manifest.table
    todo = []
    matched = np.zeros(len(known.ids), bool)
    reused = failed_before = 0
    for start in range(0, table.num_rows, SLICE):
        part = table.slice(start, SLICE)
        places = pa.compute.index_in(part["id"], value_set=known.ids).fill_null(-1).to_numpy().astype(np.int64)
        there = places >= 0
        matched[places[there]] = True
        again = np.zeros(part.num_rows, bool)
        again[there] = known.unread[places[there]] | (known.failed[places[there]] & where.retry_errors)
        rest = np.flatnonzero(there & ~again)
        again[rest] = _changed(part, rest, known, places[rest])
        done = there & ~again
        reused += int(done.sum())
        failed_before += int(known.failed[places[done]].sum())
        todo.append(part.filter(pa.array(~done)))
    distinct = pa.compute.count_distinct(known.ids).as_py() if len(known.ids) else 0
    return Plan(pa.concat_tables(todo).select(["id", "path"]), reused, failed_before, distinct - int(matched.sum()))


def _changed(part: Any, rows: Any, known: Known, places: Any) -> Any:
    """Whether the files of some rows differ from those that are done, (n,) bool."""
    sizes, times = (part[name].fill_null(-1).to_numpy().astype(np.int64) for name in ("size", "mtime_ns"))
    paths = part["path"]
    changed = np.zeros(len(rows), bool)
    for i, (row, place) in enumerate(zip(rows.tolist(), places.tolist(), strict=True)):
        size, mtime = int(sizes[row]), int(times[row])
        path = paths[row].as_py()
        if size < 0 and b"://" not in path:
            try:
                status = os.stat(path)
            except OSError:
                changed[i] = True  # reading it will say what is wrong
                continue
            size, mtime = status.st_size, status.st_mtime_ns
        pairs = ((size, int(known.sizes[place])), (mtime, int(known.times[place])))
        changed[i] = any(now >= 0 and before >= 0 and now != before for now, before in pairs)
    return changed


def _pipeline(
    operation: Operation,
    folder: OutputFolder,
    claim: Any,
    todo: Any,
    addresses: list[str] | None,
    options: Mapping[str, Any],
    facts: Mapping[str, Any] | None,
    where: Where,
) -> Mapping[str, int]:
    """Do the items in a cluster; the counts of their rows."""
    with connected(where.ray) as ray:
        from daguerre.ray.sink import PartSink

        nodes = nodes_of(ray)
        gpus = where.gpus if where.gpus is not None else _gpus(nodes) if addresses is None else 0.0
        cpus = where.cpus if where.cpus is not None else SERVING if addresses is None else WAITING
        actors = where.actors or _actors(nodes, addresses, gpus)
        require_room(nodes, actors, cpus, gpus)
        actors = min(actors, math.ceil(todo.num_rows / BATCH))
        remark_on_others(ray, actors * cpus + WRITER)
        rows = BATCH * min(BLOCK // BATCH, math.ceil(todo.num_rows / (4 * actors * BATCH)))
        settings = {name: value for name, value in os.environ.items() if name.startswith(SETTINGS)}
        sink = PartSink(folder, claim, max(1, where.part_rows // BATCH))
        arguments = [operation, addresses, options, facts, {**settings, **where.settings}, where.filesystem]
        with quiet(ray, progress=Progress.wanted(where.progress)), clear_errors(ray):
            (
                ray.data.from_arrow([todo.slice(start, rows) for start in range(0, todo.num_rows, rows)])
                .map_batches(
                    Actor,
                    fn_constructor_args=arguments,
                    compute=ray.data.ActorPoolStrategy(size=actors),
                    batch_size=BATCH,
                    batch_format="pyarrow",
                    num_cpus=cpus,
                    num_gpus=gpus or None,
                )
                .write_datasink(sink, ray_remote_args={"num_cpus": WRITER})
            )
        return dict(sink.counts)


def _gpus(nodes: Sequence[Mapping[str, float]]) -> float:
    """GPUs of an actor that starts a service: one where the cluster has any."""
    return 1.0 if any(node.get("GPU", 0.0) >= 1 for node in nodes) else 0.0


def _actors(nodes: Sequence[Mapping[str, float]], addresses: list[str] | None, gpus: float) -> int:
    """Number of actors: one for each server or GPU, and one service where there is no GPU."""
    if addresses is not None:
        return len(addresses)
    return max(1, int(sum(node.get("GPU", 0.0) for node in nodes) / gpus)) if gpus else 1


def _warn(manifest: Manifest, counts: Mapping[str, int], facts: Mapping[str, Any]) -> None:
    """Say once what was remarked on items and files."""
    rows, failed = counts.get("rows", 0), counts.get("failed", 0)
    remarks = list(mark_warnings({name: counts.get(name, 0) for name in MARKS}, rows, listed=False))
    if failed:
        remarks.append(RemarkWarning(f"{failed:,} of {rows:,} items could not be used; see the column error_code"))
    if manifest.left_out:
        remarks.append(RemarkWarning(f"files or folders were left out: {manifest.left_out}"))
    if manifest.repeated:
        remarks.append(RemarkWarning(f"{manifest.repeated:,} rows have a path of an earlier row, and were left out"))
    if facts.get("about"):
        remarks.append(RemarkWarning(str(facts["about"])))
    for remark in remarks:
        warnings.warn(remark, stacklevel=4)
