"""Merging of pieces of clusters: neighbouring pieces stay apart only where there is a gap between them.

k-means with more clusters than there are cuts large clusters into pieces. Two pieces of one cluster have no gap between
them: along the line from one mean to the other, items are no rarer in the middle than at the smaller piece's centre.
In many dimensions a line that is fitted to the items separates any two sets of them; the line is therefore fitted to
one half of the items and the other half is counted, and the reverse (cross-fitting).

Where clusters shade into each other, as in most photo collections, everything may be merged into one. The clusters of
k-means with the K of the best mean silhouette are therefore a candidate too, and the best mean silhouette decides.
"""

import heapq
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import ROWS, Data, Rows, View
from models.clustering.choose_k import KChoice, KMeansFit, choose_k, kmeans, mean_silhouette
from models.clustering.lloyd import kmeans_from, nearest
from models.clustering.options import Options
from models.clustering.silhouettes import ReportProgress

NEIGHBOURS = 6  # pieces nearest to each that are compared with it
MOST_SPLIT = 2000  # items of a cluster by which it is divided
MOST_ROWS = 200  # of each of two pieces that are compared
SPLIT_ERRORS = 3.0  # standard errors from which a cluster is divided
SPARSER = 0.5  # share of the items at the centre below which the middle is a gap
ERRORS = 2.0  # standard errors by which the two counts differ at least
FEW = 5  # items of a piece, below which distances are compared in place of counts
WIDER = 1.25  # mean squared distance between two such pieces, over that within the wider, from which they are apart
WINDOWS = 9  # places between the two centres that are looked at

PIECES = (50, 300)  # fewest and most pieces
PER_CLUSTER = 3  # pieces for each cluster of the K with the best silhouette
PER_PIECE = 5  # fewest items per piece, on average
RESTARTS = 4  # of k-means with the chosen K
CUT = 10_000  # rows on which the candidates are compared; with more, all rows are then clustered from there


def find_groups(
    x: Data,
    drawn: NDArray[np.intp] | None,
    options: Options,
    *,
    seed: int,
    weights: NDArray[np.float64] | None = None,
    report: ReportProgress = lambda progress, stage: None,
) -> tuple[KMeansFit, KChoice]:
    """Merged pieces of k-means, few or else many, if their mean silhouette is the best; else clusters of k-means.

    Parameters
    ----------
    x : (n, d) float32, n >= 3.
    drawn : rows on which K is chosen and silhouettes are compared; None: all.
    weights : (n,) of k-means and of the silhouettes; items are counted without them.
    """
    x = View.of(x)
    choice = choose_k(
        x.array() if drawn is None else x[drawn],
        options,
        seed=seed,
        weights=weights if drawn is None or weights is None else weights[drawn],
        report=lambda part, s: report(0.4 * part, s),
    )
    report(0.4, f"k-means with K = {choice.k}")
    if len(x) <= CUT:
        part, part_weights = x.array(), weights
    else:
        some = np.sort(np.random.default_rng(seed).choice(len(x), CUT, replace=False))
        part, part_weights = x[some], None if weights is None else weights[some]
    every = max(1, len(part) // max(options.sample_size, 1)) if drawn is not None else 1

    def score_of(labels: NDArray[np.intp]) -> float:
        judged = None if part_weights is None else part_weights[::every]
        return mean_silhouette(part[::every], _used(labels[::every]), options, judged)

    fits = [
        kmeans(part, choice.k, seed=(seed + i) % 2**32, restarts=options.starts, weights=part_weights)
        for i in range(RESTARTS)
    ]
    best = min(fits, key=lambda fit: fit.inertia)
    groups = np.arange(best.k)  # the cluster of each piece
    score = score_of(best.labels)
    most = max(min(PIECES[1], len(x) // PER_PIECE), 2)
    fewest = min(max(PIECES[0], PER_CLUSTER * choice.k), most)
    for i, pieces in enumerate(sorted({fewest, most})):
        report(0.6 + 0.2 * i, f"merging {pieces} pieces")
        fitted = kmeans(part, pieces, seed=seed, weights=part_weights)
        merged = merge_pieces(part, fitted.labels)
        labels = merged[fitted.labels]
        large = np.where(np.bincount(labels)[labels] >= FEW, labels, -1)  # outliers alone are no reason for a candidate
        if (merged_score := score_of(large)) >= score:
            score, best, groups = merged_score, fitted, merged
            choice = replace(choice, k=int(merged.max()) + 1, edge=None, pieces=pieces)
            break
    merged_all = choice.pieces is not None
    if not merged_all and _all_apart(part, best.labels):
        choice = replace(choice, pieces=best.k)
    if len(x) > CUT:
        means = np.stack([part[best.labels == piece].mean(axis=0) for piece in range(best.k)])
        if not merged_all:
            best = kmeans_from(x, means, weights=weights, report=lambda part, s: report(0.8 + 0.15 * part, s))
        else:
            best = replace(best, labels=nearest(x, means))
        groups = groups[: best.k]
    labels = split(x, _used(groups[best.labels]), seed=seed)
    return replace(best, labels=labels, k=int(labels.max()) + 1), choice


def _all_apart(x: Rows, labels: NDArray[np.intp]) -> bool:
    """Whether there is a gap around every cluster, none of which is so small that its items cannot be counted."""
    return bool(np.bincount(labels).min() >= 2 * FEW) and len(set(merge_pieces(x, labels).tolist())) == labels.max() + 1


def split(x: Data, labels: NDArray[np.intp], *, seed: int) -> NDArray[np.intp]:
    """Divide each cluster in two as long as there is a gap between the halves of k-means with K = 2."""
    x = View.of(x)
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(labels))[:-1])
    done: list[NDArray[np.intp]] = []
    while groups:
        rows = groups.pop()
        some = rows[:: -(-len(rows) // MOST_SPLIT)]
        part = x[some]
        halves = kmeans(part, 2, seed=seed).labels if len(some) >= 2 * FEW else np.zeros(len(some), np.intp)
        a, b = part[halves == 0], part[halves == 1]
        if min(len(a), len(b)) < FEW or connection(_few(a), _few(b), errors=SPLIT_ERRORS) is not None:
            done.append(rows)
            continue
        line = a.mean(axis=0) - b.mean(axis=0)
        products = x[rows] @ line if len(rows) <= ROWS else x.only(rows).each(np.matmul, line, dtype=np.float32)
        first = products > (a.mean(axis=0) + b.mean(axis=0)) @ line / 2
        groups += [rows[first], rows[~first]]
    divided = np.empty(len(labels), np.intp)
    for number, rows in enumerate(sorted(done, key=lambda rows: (-len(rows), rows[0]))):
        divided[rows] = number
    return divided


def _few(x: Rows) -> Rows:
    return x[:: -(-len(x) // MOST_ROWS)]


def _used(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Labels from 0 without gaps; -1 stays."""
    used = np.unique(labels[labels >= 0])
    return np.where(labels < 0, -1, np.searchsorted(used, labels)).astype(np.intp)


@dataclass
class _Groups:
    """Groups of pieces; a merged one gets a new number."""

    x: Rows
    rows: dict[int, NDArray[np.intp]]
    means: dict[int, NDArray[np.float32]]

    def near(self, group: int) -> list[int]:
        """The groups whose means are nearest."""
        others = [other for other in self.rows if other != group]
        away = np.stack([self.means[other] for other in others]) - self.means[group]
        nearest = np.argsort(np.einsum("ij,ij->i", away, away), kind="stable")[:NEIGHBOURS]
        return [others[i] for i in nearest]

    def some(self, group: int) -> Rows:
        rows = self.rows[group]
        return self.x[rows[:: -(-len(rows) // MOST_ROWS)]]

    def merge(self, first: int, second: int, number: int) -> None:
        self.rows[number] = np.sort(np.concatenate([self.rows.pop(first), self.rows.pop(second)]))
        del self.means[first], self.means[second]
        self.means[number] = self.x[self.rows[number]].mean(axis=0)


def merge_pieces(x: Rows, pieces: NDArray[np.intp]) -> NDArray[np.intp]:
    """Merge the pieces between which there is no gap, the pair with the least sign of one first.

    Parameters
    ----------
    x : (n, d) float32.
    pieces : (n,) numbers from 0.

    Returns
    -------
    (k,) the number of the merged cluster of each piece, from 0, the largest cluster first.
    """
    k = int(pieces.max()) + 1
    rows = {piece: np.flatnonzero(pieces == piece) for piece in range(k)}
    groups = _Groups(x, rows, {piece: x[which].mean(axis=0) for piece, which in rows.items()})
    members = {piece: [piece] for piece in range(k)}
    compared: set[tuple[int, int]] = set()
    waiting: list[tuple[float, int, int]] = []

    def compare(group: int) -> None:
        for other in groups.near(group):
            pair = (min(group, other), max(group, other))
            if pair not in compared:
                compared.add(pair)
                joint = connection(groups.some(pair[0]), groups.some(pair[1]))
                if joint is not None:
                    heapq.heappush(waiting, (-joint, *pair))

    number = k
    while len(groups.rows) > 1:
        before = len(compared)
        for group in list(groups.rows):
            compare(group)
        while waiting and len(groups.rows) > 1:
            _, first, second = heapq.heappop(waiting)
            if first in groups.rows and second in groups.rows:
                groups.merge(first, second, number)
                members[number] = members.pop(first) + members.pop(second)
                if len(groups.rows) > 1:
                    compare(number)
                number += 1
        if len(compared) == before:
            break
    merged = np.empty(k, np.intp)
    for place, group in enumerate(sorted(groups.rows, key=lambda group: (-len(groups.rows[group]), group))):
        merged[members[group]] = place
    return merged


def connection(a: Rows, b: Rows, *, errors: float = ERRORS) -> float | None:
    """Degree to which two sets of items, (n, d) and (m, d), are one, about 1 if they are; None if they are apart."""
    if min(len(a), len(b)) < FEW:
        ratio = _wider(a, b)
        return None if ratio > WIDER else 0.5 / max(ratio, 0.5)
    middle = centre = 0.0
    for half in (0, 1):
        line = a[half::2].mean(axis=0) - b[half::2].mean(axis=0)
        on_a, on_b = a[1 - half :: 2] @ line, b[1 - half :: 2] @ line
        high, low = np.median(on_a), np.median(on_b)
        if high <= low:
            return 1.0  # the other half of the items does not confirm the line
        width = (high - low) / 3
        on_line = np.sort(np.concatenate([on_a, on_b]))
        places = np.concatenate([[low, high], np.linspace(low + width / 2, high - width / 2, WINDOWS)])
        counts = np.searchsorted(on_line, places + width / 2) - np.searchsorted(on_line, places - width / 2)
        centre += counts[:2].min()
        middle += counts[2:].min()
    apart = middle < SPARSER * centre and centre - middle > errors * np.sqrt(centre + middle)
    return None if apart else float((middle + 1) / (centre + 1))


def _wider(a: Rows, b: Rows) -> float:
    """Mean squared distance between the two, over that within the wider one; infinite for two single items."""
    within = max(_within(a), _within(b))
    if not within:
        return np.inf
    away = a.mean(axis=0) - b.mean(axis=0)
    between = float(away @ away) + (_within(a) * (1 - 1 / len(a)) + _within(b) * (1 - 1 / len(b))) / 2
    return between / within


def _within(x: Rows) -> float:
    """Mean squared distance between two items."""
    return 2 * float(x.var(axis=0, ddof=1).sum()) if len(x) > 1 else 0.0
