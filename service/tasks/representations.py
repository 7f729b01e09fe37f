"""Comparison of representations as a job, from vectors and coded pairs in its folder to a ranking.

<folder>/task.json               the request without its vectors
         0/image.npy             (n, d) vectors of the first representation, and so on
<results>/representations.json   the answer
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from models.annotation.pair_comparison import Comparison, compare_with_pairs
from models.annotation.representations import pair_cosines, separate
from models.catalog.rows import COLOURS
from models.classifiers.head import Block
from models.clustering.blocks import Rows
from models.clustering.methods import run
from models.clustering.options import Options
from models.clustering.vectors import prepare
from models.errors import ClusteringError
from service.jobs.kinds import Context
from service.schemas.representations import RepresentationsRequest
from service.tasks.cluster import LIBRARIES
from service.tasks.vectors import keep, read_rows, unusable_to_json, usable, write_rows

TASK, ANSWER = "task.json", "representations.json"
MANY = 10  # configurations from which a remark on the optimism of the best is made


@dataclass(frozen=True, kw_only=True)
class Task:
    """The request, whose vectors have no data, and a block and a receipt, if known, for each of them."""

    request: RepresentationsRequest
    blocks: tuple[Block, ...]
    receipts: tuple[Mapping[str, Any] | None, ...]

    def write(self, folder: Path, rows: Sequence[NDArray[np.floating]]) -> None:
        """Write the task into `folder`."""
        for i, (block, array) in enumerate(zip(self.blocks, rows, strict=True)):
            (folder / str(i)).mkdir()
            write_rows(folder / str(i), [block], [array])
        # parameters that were left out stay so: names of configurations have only those that were given
        (folder / TASK).write_bytes(TypeAdapter(Task).dump_json(self, exclude_unset=True))


@dataclass(frozen=True, kw_only=True)
class Clustered:
    """A representation clustered with one combination of parameters; `labels` (n,) of the usable items."""

    representation: str
    parameters: Mapping[str, Any]
    labels: NDArray[np.intp]

    @property
    def name(self) -> str:
        return f"{self.representation}, {combination_name(self.parameters)}"


def job(context: Context) -> dict[str, Any]:
    """Compare the representations in the job's folder."""
    task = TypeAdapter(Task).validate_json((context.folder / TASK).read_bytes())
    request = task.request
    context.report(0.0, "reading vectors")
    rows = [read_rows(context.folder / str(i), [block])[0] for i, block in enumerate(task.blocks)]
    kept, bad = usable(rows, {}, skip=request.on_error == "skip")
    pairs = _usable_pairs(request, kept, len(rows[0]))
    names = [each.name for each in request.vectors]
    a, b = (np.asarray(end, np.int64) for end in (pairs.a, pairs.b))
    options: dict[str, Any] = {
        "inclusion_prob": pairs.inclusion_prob,
        "stratum": pairs.stratum,
        "resamples": request.resamples,
        "confidence": request.confidence,
        "seed": request.seed,
    }
    same = [bool(each) for each in pairs.same]
    cosines = {name: pair_cosines(array, a, b) for name, array in zip(names, rows, strict=True)}
    ranked, remarks = separate(same, cosines, **options, check=lambda: context.report(0.02, "comparing cosines"))
    clustered = list(_clusterings(context, request, rows, kept))
    comparison = None
    if clustered:
        place = np.full(len(rows[0]), -1)
        place[kept] = np.arange(len(kept))
        comparison = compare_with_pairs(
            place[a].tolist(),
            place[b].tolist(),
            same,
            {each.name: each.labels for each in clustered},
            **options,
            unclustered=request.unclustered,
            held_out=request.held_out,
            check=lambda: context.report(0.95, "judging clusterings by pairs"),
        )
    described = dict(zip(names, zip(task.blocks, task.receipts, strict=True), strict=True))
    answer = {
        "id": context.id,
        "object": "representations",
        "n": len(rows[0]),
        "n_pairs": len(same),
        "together": sum(same),
        "representations": [
            {
                "name": each.name,
                "model": block.model,
                "fingerprint": block.fingerprint,
                "dimension": block.dimension,
                "baseline": block.model == COLOURS.name,
                "auc": asdict(each.auc),
                "difference": None if each.difference is None else asdict(each.difference),
                "receipt": receipt,
            }
            for each, (block, receipt) in ((each, described[each.name]) for each in ranked)
        ],
        **_configurations(clustered, comparison),
        "params": request.model_dump(include={"unclustered", "held_out", "resamples", "confidence", "seed"}),
        "remarks": [*_left_out(request, pairs, bad), *remarks, *_remarks(comparison)],
        "unusable": unusable_to_json(bad, [str(i) for i in range(len(rows[0]))]),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    keep(context.results, ANSWER, answer)  # NaN becomes null
    return {"representations": context.id, "n": len(rows[0]), "configurations": len(clustered)}


def _usable_pairs(request: RepresentationsRequest, kept: NDArray[np.intp], n: int) -> RepresentationsRequest:
    """The request with the pairs of usable items only. Raises ClusteringError where there is none."""
    good = np.zeros(n, bool)
    good[kept] = True
    which = np.flatnonzero(good[request.a] & good[request.b]).tolist()
    if not which:
        raise ClusteringError(
            f"a: each of {len(request.a):,} pairs has an item without a vector in some representation; embed these "
            "items, or code other pairs",
            "invalid_pairs",
        )
    if len(which) == len(request.a):
        return request
    columns = {name: getattr(request, name) for name in ("a", "b", "same", "inclusion_prob", "stratum")}
    return request.model_copy(
        update={name: None if column is None else [column[i] for i in which] for name, column in columns.items()}
    )


def _clusterings(
    context: Context,
    request: RepresentationsRequest,
    rows: Sequence[NDArray[np.floating]],
    kept: NDArray[np.intp],
) -> Iterator[Clustered]:
    """Cluster each representation with each combination. Raises ClusteringError, which names both."""
    done, total = 0, len(rows) * len(request.combinations)
    for vectors, array in zip(request.vectors, rows, strict=True):
        x: Rows | None = None
        before: tuple[bool, bool] | None = None
        for i, point in enumerate(request.combinations):
            options = point.options()
            form = (options.normalize, options.metric == "cosine")
            try:
                if x is None or form != before:
                    some = None if len(kept) == len(array) else kept
                    x = prepare(array, normalize=form[0], angles=form[1], which=some)
                    before = form
                labels = _labels(context, x, options, f"{vectors.name}, {done + 1} of {total}", done / total, 1 / total)
            except ClusteringError as exc:
                raise ClusteringError(f"grid[{i}] on {vectors.name}: {exc.message}", exc.code) from exc
            done += 1
            yield Clustered(representation=vectors.name, parameters=point.chosen(), labels=labels)


def _labels(context: Context, x: Rows, options: Options, stage: str, start: float, share: float) -> NDArray[np.intp]:
    def report(progress: float, step: str) -> None:
        context.report(0.05 + 0.9 * (start + share * progress), f"clustering {stage}: {step}")

    return run(x, options, report=report).labels


def _configurations(clustered: Sequence[Clustered], comparison: Comparison | None) -> dict[str, Any]:
    """The fields of the answer about clusterings, the best first."""
    if comparison is None:
        return {"criterion": "f1", "configurations": [], "winner": None}
    criterion = "precision" if comparison.configurations[0].f1 is None else "f1"
    by_name = {each.name: each for each in comparison.configurations}
    entries: list[dict[str, Any]] = []
    for each in clustered:
        figures = by_name[each.name]
        entries.append(
            {
                "name": each.name,
                "representation": each.representation,
                "parameters": dict(each.parameters),
                "clusters": int(each.labels.max(initial=-1)) + 1,
                "unclustered": int((each.labels < 0).sum()),
                **{
                    name: None if (figure := getattr(figures, name)) is None else asdict(figure)
                    for name in ("precision", "recall", "f1")
                },
            }
        )
    entries.sort(key=lambda entry: -np.nan_to_num(entry[criterion]["value"], nan=-1.0))
    winner = comparison.winner
    return {
        "criterion": criterion,
        "configurations": entries,
        "winner": None if winner is None else winner.to_json(),
    }


def _left_out(
    request: RepresentationsRequest, pairs: RepresentationsRequest, bad: Mapping[int, tuple[str, str]]
) -> Iterator[str]:
    if bad:
        yield (
            f"{len(bad):,} items without a vector in some representation were left out, and with them "
            f"{len(request.a) - len(pairs.a):,} of {len(request.a):,} pairs."
        )


def _remarks(comparison: Comparison | None) -> Iterator[str]:
    if comparison is None:
        return
    yield from comparison.remarks
    if len(comparison.configurations) >= MANY:
        many = len(comparison.configurations)
        yield (
            f"The first of {many} configurations is the best of many on these pairs, so that its figures in the "
            "ranking are too high; those of the winner on the pairs that did not choose it are not."
        )


def combination_name(parameters: Mapping[str, Any]) -> str:
    """The method and the parameters as one text, such as "kmeans, k 20"."""
    rest = [f"{key} {_short(value)}" for key, value in parameters.items() if key != "method"]
    return ", ".join([str(parameters["method"]), *rest])


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
