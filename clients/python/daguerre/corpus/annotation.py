"""Clusters and coded pairs, read from tables as arguments of the client's annotation methods."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daguerre.corpus.code_columns import KNOWN
from daguerre.corpus.coded import found_path, named_files
from daguerre.inputs.kinds import named_kind
from daguerre.inputs.names import without_zeros
from daguerre.inputs.votes import read_vote
from daguerre.results.annotation import PAIR_COLUMNS, Pairs
from daguerre.results.embeddings import Embeddings
from daguerre.storage.tables import Table, read_table


@dataclass(frozen=True)
class Clusterings:
    """Clusterings of the same items.

    Attributes
    ----------
    labels : by the name of the clustering, the cluster of each item, (n,), -1 for none.
    left_out : number of items that are not in all tables.
    """

    ids: list[str]
    labels: dict[str, NDArray[np.int64]]
    left_out: int


@dataclass(frozen=True)
class CodedPairs:
    """Pairs of items with the votes of coders.

    Attributes
    ----------
    same : the majority's vote on each pair; None if there is no vote, or as many for as against.
    ties : number of pairs with as many votes for as against.
    coders : the columns of the coders, if each coder has one.
    """

    pairs: Pairs
    same: list[bool | None]
    ties: int
    coders: list[str]


def read_clusters(path: str, column: str = "cluster") -> dict[str, str]:
    """Read the cluster of each item, by id, from a table of `daguerre cluster`, without the items that failed."""
    table = read_table(path)
    failed = table.column("error") if table.has("error") else [""] * len(table.rows)
    clusters: dict[str, str] = {}
    for id, label, error in zip(table.ids("id"), table.ids(column), failed, strict=True):
        if id in clusters:
            raise ValueError(f"{path} has the id {id!r} twice; give each item one row")
        if not error:
            clusters[id] = label
    return clusters


@dataclass(frozen=True)
class Places:
    """Where images are on this machine, and the groups of items, by id; None where that is not known."""

    files: dict[str, str] | None
    groups: dict[str, str] | None


def read_places(path: str, ids: Sequence[str], root: str | None) -> Places:
    """Read the columns path and group of a table; without paths, images are named by their ids below `root`."""
    table = read_table(path)
    keys = table.ids("id")
    files = None
    if table.has("path"):
        folder = os.path.dirname(path) if root is None else root
        files = {
            id: found_path(cell, folder, "") if cell else ""
            for id, cell in zip(keys, table.column("path"), strict=True)
        }
    elif root is not None:
        files = {id: found_path(id, root, os.path.dirname(os.path.abspath(root)), "") for id in ids}
    elif any(named_kind(id) == "image" for id in ids):
        files = {id: id for id in ids}
    groups = dict(zip(keys, table.ids("group"), strict=True)) if table.has("group") else None
    if groups is not None:
        groups = {id: group or f"item {id}" for id, group in groups.items()}
    return Places(files, groups)


def check_coders(coders: Sequence[str]) -> None:
    """Raise ValueError for names of coders that are columns of a sample."""
    for name in coders:
        if not name.strip() or name.strip().casefold() in KNOWN or list(coders).count(name) > 1:
            raise ValueError(
                f"--coder: got {name!r}, which is a column already, or no name; give each coder a name of their own"
            )


def read_scores(cells: Sequence[str], column: str) -> list[float]:
    """Scores of a column; an empty cell is NaN, whose item is not drawn. Raises ValueError."""
    try:
        return [float(cell) if cell else float("nan") for cell in cells]
    except ValueError as exc:
        raise ValueError(f"column {column}: {exc}; a score is a number") from exc


def aligned_rows(known: Embeddings, ids: Sequence[str], path: str) -> NDArray[np.float32]:
    """The vectors of the items, (n, d), NaN for those that have failed. Raises ValueError for items without a row."""
    place = {id: i for i, id in enumerate(known.ids)}
    missing = [id for id in ids if id not in place]
    if missing:
        raise ValueError(
            f"{path} has no vector of {missing[0]!r} ({len(missing):,} of {len(ids):,} items); give the vectors of all "
            "items of the table"
        )
    return known.vectors[[place[id] for id in ids]]


def read_clusterings(given: Sequence[str]) -> Clusterings:
    """Read tables of `daguerre cluster`, each as "clusters.csv" or "name=clusters.csv"."""
    tables = {name: read_clusters(path) for name, path in named_files(given, "clustering").items()}
    first = next(iter(tables.values()))
    ids = [id for id in first if all(id in clusters for clusters in tables.values())]
    if not ids:
        others = [id for clusters in tables.values() for id in clusters]
        zeros = " (zeros at the front were lost in one of them: read ids as text)" if _lost_zeros(others) else ""
        raise ValueError(f"{', '.join(given)} have no id in common{zeros}; give clusterings of the same items")
    labels = {}
    for name, clusters in tables.items():
        try:
            labels[name] = np.array([int(clusters[id]) for id in ids], np.int64)
        except ValueError as exc:
            raise ValueError(f"{name}: column cluster: {exc}; a cluster is a whole number, -1 for none") from exc
    return Clusterings(ids, labels, len(set().union(*tables.values())) - len(ids))


def read_known_labels(path: str, column: str) -> dict[str, str | None]:
    """Read a label for each item of a table with a column "id" or "path"; empty cells are None."""
    table = read_table(path)
    key = next((name for name in ("id", "path") if table.has(name)), None)
    if key is None:
        raise ValueError(f"{path} needs a column id or path; it has {table.listed()}")
    labels: dict[str, str | None] = {}
    for id, label in zip(table.ids(key), table.codes(column), strict=True):
        if labels.setdefault(id, label) != label:
            raise ValueError(f"{path} has {id!r} twice, with {labels[id]!r} and {label!r}; keep one of the rows")
    return labels


def _lost_zeros(ids: Sequence[str]) -> bool:
    return len({without_zeros(id) for id in ids}) < len(set(ids))


def read_coded_pairs(path: str, ids: Sequence[str], unclustered: str) -> CodedPairs:
    """Read a table of `daguerre pairs` that coders have filled in.

    Several coders have a column each, or a row each with a column "coder".

    Parameters
    ----------
    ids : the items of the clusterings.
    unclustered : as the pairs were drawn.
    """
    table = read_table(path)
    own = {*PAIR_COLUMNS, "coder", "error"}
    coders = [name for name in table.names if name.casefold() not in own]
    if table.has("coder") or (table.has("same") and (any(table.column("same")) or not coders)):
        coders = []
    elif not coders:
        raise ValueError(f"{path} needs a column `same`, or a column for each coder, with 1 and 0")
    columns = {name: table.column(name) for name in coders or ["same"]}
    first: dict[tuple[str, str], int] = {}
    votes: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for i, pair in enumerate(zip(table.ids("a_id"), table.ids("b_id"), strict=True)):
        if pair in first and not table.has("coder"):
            raise ValueError(f"{path} has the pair {pair[0]}, {pair[1]} twice; name the coders in a column 'coder'")
        first.setdefault(pair, i)
        read = (_vote(path, i, name, column[i]) for name, column in columns.items())
        votes[pair] += [vote for vote in read if vote is not None]
    same = [majority(votes[pair]) for pair in first]
    ties = sum(vote is None and bool(votes[pair]) for pair, vote in zip(first, same, strict=True))
    return CodedPairs(_pairs(table, list(first.values()), ids, unclustered), same, ties, coders)


def majority(votes: Sequence[bool]) -> bool | None:
    """The vote of most coders; None if there is no vote, or as many for as against."""
    counts = Counter(votes)
    return None if counts[True] == counts[False] else counts[True] > counts[False]


def _vote(path: str, i: int, name: str, cell: str) -> bool | None:
    try:
        return read_vote(cell)
    except ValueError as exc:
        raise ValueError(f"{path}: row {i + 2}, column {name}: {exc}") from exc


def _pairs(table: Table, rows: Sequence[int], ids: Sequence[str], unclustered: str) -> Pairs:
    place = {id: i for i, id in enumerate(ids)}
    columns = [table.ids(column) for column in ("a_id", "b_id")]
    ends = [[column[i] for i in rows] for column in columns]
    if missing := [id for end in ends for id in end if id not in place]:
        raise ValueError(
            f"{table.path}: {missing[0]!r} is not in every table of clusters; give the tables that the pairs are from"
        )
    probability = table.floats("inclusion_prob")
    strata = table.column("stratum")
    a, b = (np.array([place[id] for id in end], np.int64) for end in ends)
    return Pairs(
        a=a,
        b=b,
        a_ids=ends[0],
        b_ids=ends[1],
        stratum=[strata[i] for i in rows],
        cluster=[None] * len(rows),
        inclusion_prob=np.array([probability[i] for i in rows], np.float64),
        n=len(place),
        strata=(),
        remarks=[],
        seed=0,
        unclustered=unclustered,
    )
