"""Search in a collection: exact, or by an approximate index whose candidates are compared exactly.

Products in float32 only choose candidates, with a margin above their rounding errors; cosines are those of
models/similarity/neighbours.py, which /v1/search returns, and equal ones are ordered by id.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.disk import replace_text
from models.similarity.neighbours import nearest
from models.stopping import Check, unchecked
from service.stores.collection_records import Collection
from service.stores.collection_tables import Tables, batches, vectors_of

INDEX = "index.json"  # figures of the approximate index, beside the table
KIND = "IVF_SQ"
VECTORS = "vector_idx"  # name of the index, as LanceDB gives it
PROBES, REFINE = 20, 5  # partitions that are looked at; candidates for each neighbour that are compared exactly
FEW = 50_000  # items for which a condition holds that are compared one by one
SAMPLE, OF = 200, 10  # queries and neighbours of the recall
QUERIES = 1024  # of one scan
PAD = 30  # candidates of an exact search beyond twice k
ALONE = 2  # queries up to which LanceDB's own scan is faster than ours, which reads the rows once for all queries
Float32 = NDArray[np.float32]
Hits = list[tuple[float, str]]  # cosine and id, the nearest first


@dataclass(frozen=True, kw_only=True)
class IndexFigures:
    """The approximate index, and its recall when it was built."""

    partitions: int
    probes: int
    refine: int
    recall: float | None
    sample: int
    built: str


@dataclass(frozen=True, kw_only=True)
class Method:
    """The way in which a collection was searched; `probes` and `refine` are None where it was exact."""

    exact: bool
    probes: int | None
    refine: int | None
    recall: float | None
    rows: int
    unindexed: int


def figures(collection: Collection) -> IndexFigures | None:
    """The figures of the index; None where there is none."""
    try:
        return IndexFigures(**json.loads((collection.folder / INDEX).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def indexed_rows(table: Any) -> tuple[int, int] | None:
    """Numbers of rows that are in the index and that are not; None where there is none."""
    stats = table.index_stats(VECTORS)
    return None if stats is None else (int(stats.num_indexed_rows), int(stats.num_unindexed_rows))


def search(
    tables: Tables,
    collection: Collection,
    queries: Float32,
    k: int,
    *,
    where: str | None,
    exact: bool,
    exclude: Sequence[str | None],
    check: Check = unchecked,
) -> tuple[list[Hits], Method]:
    """The k nearest items to each query.

    Parameters
    ----------
    queries : (m, d) finite vectors that are not zero.
    where : condition in SQL.
    exclude : for each query, an id that is not among its neighbours, or None.
    """

    def work(table: Any) -> tuple[list[Hits], Method]:
        known = None if exact else figures(collection)
        counts = None if known is None else indexed_rows(table)
        rows = int(table.count_rows())
        probes = None
        if known is not None and counts is not None:
            matching = rows if where is None else int(table.count_rows(where))
            if matching > FEW or where is None:  # more partitions, since fewer of their rows are asked for
                probes = min(known.partitions, -(-known.probes * rows // max(matching, 1)))
        if probes is None or known is None or counts is None:
            method = Method(exact=True, probes=None, refine=None, recall=1.0, rows=rows, unindexed=0)
            return _exact(table, queries, k, collection.dimension, where, exclude, check), method
        hits = []
        for query, without in zip(queries, exclude, strict=True):
            check()
            hits.append(_approximate(table, query, k, where, without, probes, known.refine, collection.dimension))
        method = Method(
            exact=False, probes=probes, refine=known.refine, recall=known.recall, rows=rows, unindexed=counts[1]
        )
        return hits, method

    return tables.read(collection, work)


def _approximate(
    table: Any, query: Float32, k: int, where: str | None, without: str | None, probes: int, refine: int, d: int
) -> Hits:
    """The nearest items by the index, and among those that are not in it yet."""
    asked = table.search(query, vector_column_name="vector").distance_type("cosine").nprobes(probes)
    asked = asked.refine_factor(refine).select(["id", "vector", "_distance"]).limit(k + (without is not None))
    if where is not None:
        asked = asked.where(where, prefilter=True)
    return _candidates(asked.to_arrow(), query, without, d)[:k]


def _candidates(found: Any, query: Float32, without: str | None, d: int) -> Hits:
    """Candidates of LanceDB with exact cosines."""
    if not len(found):
        return []
    vectors = np.concatenate([vectors_of(batch, d) for batch in found.to_batches()])
    return _scored(found.column("id").to_pylist(), vectors, query, without)


def _scored(ids: Sequence[str], vectors: Float32, query: Float32, without: str | None) -> Hits:
    """Candidates with exact cosines, the nearest first."""
    scored = nearest(vectors, query[None], len(ids))
    pairs = zip(scored.indexes[0].tolist(), scored.scores[0].tolist(), strict=True)
    return sorted(((score, ids[i]) for i, score in pairs if ids[i] != without), key=lambda hit: (-hit[0], hit[1]))


def _exact(
    table: Any, queries: Float32, k: int, d: int, where: str | None, exclude: Sequence[str | None], check: Check
) -> list[Hits]:
    hits: list[Hits] = []
    for query, without in zip(queries, exclude, strict=True) if len(queries) <= ALONE else ():
        check()
        wanted = 2 * k + PAD
        asked = table.search(query, vector_column_name="vector").distance_type("cosine").bypass_vector_index()
        asked = asked.select(["id", "vector", "_distance"]).limit(wanted)
        found = (asked if where is None else asked.where(where, prefilter=True)).to_arrow()
        near = _candidates(found, query, without, d)
        if len(found) == wanted:
            farthest = 1 - float(found.column("_distance").to_numpy().max())
            if len(near) < k or farthest >= near[k - 1][0] - _margin(d):  # one that was left out may be nearer
                break
        hits.append(near[:k])
    if len(hits) == len(queries):
        return hits
    return scan(table, queries, k, dimension=d, where=where, exclude=exclude, check=check)


def _margin(d: int) -> float:
    """Twice the largest error of a cosine in float32: of a product, of two lengths and of their division."""
    return (3 * d + 24) * 2.0**-23


def scan(
    table: Any,
    queries: Float32,
    k: int,
    *,
    dimension: int,
    where: str | None,
    exclude: Sequence[str | None],
    check: Check = unchecked,
) -> list[Hits]:
    """The k nearest items to each query by comparing all vectors, in the memory of a batch of rows."""
    hits: list[Hits] = []
    for start in range(0, len(queries), QUERIES):
        some = slice(start, start + QUERIES)
        best = _Best(queries[some], k, exclude[some])
        for batch in batches(table, ["id", "vector"], where):
            check()
            best.add(batch.column("id"), vectors_of(batch, dimension))
        hits += best.hits
    return hits


class _Best:
    """The nearest rows of those seen so far, with their exact cosines."""

    def __init__(self, queries: Float32, k: int, exclude: Sequence[str | None]) -> None:
        self.hits: list[Hits] = [[] for _ in range(len(queries))]
        self._queries, self._k, self._exclude = queries, k, exclude
        wide = queries.astype(np.float64)
        self._unit: Float32 = (wide / np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]).astype(np.float32)
        self._least = np.full(len(queries), -np.inf, np.float32)  # cosine of the k-th, as far as there is one
        self._margin = np.float32(_margin(queries.shape[1]))

    def add(self, ids: Any, rows: Float32) -> None:
        """Compare some more rows."""
        close: Float32 = self._unit @ rows.T  # (m, rows)
        close /= np.sqrt(np.einsum("ij,ij->i", rows, rows))
        for i, row in enumerate(close):
            least = self._least[i]
            wanted = self._k + (self._exclude[i] is not None)
            if wanted < len(row):  # the k-th of these rows alone is no better than the k-th of all
                least = max(least, np.partition(row, len(row) - wanted)[len(row) - wanted])
            which = np.flatnonzero(row >= least - self._margin)
            if not len(which):
                continue
            found = _scored(ids.take(which).to_pylist(), rows[which], self._queries[i], self._exclude[i])
            self.hits[i] = sorted(self.hits[i] + found, key=lambda hit: (-hit[0], hit[1]))[: self._k]
            if len(self.hits[i]) == self._k:
                self._least[i] = self.hits[i][-1][0]


def build(tables: Tables, collection: Collection, *, now: str) -> IndexFigures:
    """Build the index anew, and measure its recall on some of the collection's own vectors."""
    table = tables.open(collection)
    rows = int(table.count_rows())
    partitions = max(1, round(rows**0.5))
    config = import_module("lancedb.index").IvfSq(distance_type="cosine", num_partitions=partitions)
    for last in (False, False, True):
        try:
            table.create_index("vector", config=config, replace=True)
            break
        except RuntimeError:  # another process has written meanwhile
            if last:
                raise
    probes = min(PROBES, partitions)
    recall, sample = measure(table, collection, probes)
    made = IndexFigures(partitions=partitions, probes=probes, refine=REFINE, recall=recall, sample=sample, built=now)
    write_figures(collection.folder, made)
    return made


def measure(table: Any, collection: Collection, probes: int) -> tuple[float | None, int]:
    """Recall of the ten nearest neighbours, and the number of vectors that it was measured on."""
    rows = int(table.count_rows())
    places = np.sort(np.random.default_rng(0).choice(rows, min(SAMPLE, rows), replace=False))
    taken = table.take_offsets(places.tolist()).select(["id", "vector"]).to_arrow()
    ids = taken.column("id").to_pylist()
    queries = np.concatenate([vectors_of(batch, collection.dimension) for batch in taken.to_batches()])
    true = scan(table, queries, OF, dimension=collection.dimension, where=None, exclude=ids)
    found = wanted = 0
    for query, id, neighbours in zip(queries, ids, true, strict=True):
        if not neighbours:
            continue
        hits = _approximate(table, query, OF, None, id, probes, REFINE, collection.dimension)
        wanted += len(neighbours)
        found += sum(score >= neighbours[-1][0] for score, _ in hits[: len(neighbours)])
    return (found / wanted if wanted else None), len(ids)


def write_figures(folder: Path, made: IndexFigures) -> None:
    """Write the figures beside the table."""
    replace_text(folder / INDEX, json.dumps(asdict(made)))
