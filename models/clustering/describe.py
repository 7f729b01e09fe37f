"""What a clustering looks like: medoids and exemplars, near-identical clusters, names, and known labels beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.clustering.options import Metric
from models.clustering.vectors import Rows, block_rows, sums, sums_of_units

EXEMPLARS = 9  # of each kind
SIMILAR = 1.08  # clusters nearer than this times the wider one's own mean distance: a cloud cut in two
NAMES = 3


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Names that clusters may get: unit vectors (v, d) of the same space, and the scale of the model's softmax."""

    names: tuple[str, ...]
    vectors: NDArray[np.float32]
    logit_scale: float


@dataclass(frozen=True, kw_only=True)
class Name:
    label: str
    score: float  # mean over the images of their zero-shot probability
    cosine: float  # of the mean image with the name


@dataclass(frozen=True, kw_only=True)
class Similar:
    """Another cluster that is about as near as this one's own images are to each other.

    `distance` is the mean distance between images of the two over that within the wider of them: at 1 the line
    between them is arbitrary. `cosine` is that of the two means.
    """

    cluster: int
    distance: float
    cosine: float


@dataclass(frozen=True, kw_only=True)
class Exemplars:
    """Rows: those nearest to the cluster's mean, others drawn at random, and the farthest."""

    nearest: tuple[int, ...]
    random: tuple[int, ...]
    farthest: tuple[int, ...]


def exemplars(
    x: Rows, labels: NDArray[np.intp], *, metric: Metric, seed: int, many: int = EXEMPLARS
) -> tuple[Exemplars, ...]:
    """Of each cluster. The first of the nearest is the medoid, exactly so under cosine (and squared Euclidean)."""
    k = int(labels.max(initial=-1)) + 1
    near = _nearness(x, labels, k, metric)
    order = np.lexsort((np.arange(len(x)), -near, labels))
    order = order[np.count_nonzero(labels < 0) :]
    ends = np.cumsum(np.bincount(labels[labels >= 0], minlength=k))
    rng = np.random.default_rng(seed)
    found = []
    for c in range(k):
        members = order[ends[c - 1] if c else 0 : ends[c]]
        drawn = rng.choice(members, min(many, len(members)), replace=False)
        found.append(
            Exemplars(
                nearest=tuple(members[:many].tolist()),
                random=tuple(drawn.tolist()),
                farthest=tuple(members[::-1][:many].tolist()),
            )
        )
    return tuple(found)


def _nearness(x: Rows, labels: NDArray[np.intp], k: int, metric: Metric) -> NDArray[np.float64]:
    """How near each row is to its cluster's mean, (n,): a dot product, or less the squared distance."""
    means = _means(x, labels, k, metric)
    near = np.zeros(len(x))
    step = block_rows(x.shape[1])
    for start in range(0, len(x), step):
        own = labels[start : start + step]
        part = x[start : start + step].astype(np.float64)
        mean = means[np.maximum(own, 0)] if k else np.zeros_like(part)
        if metric == "cosine":
            near[start : start + step] = np.einsum("ij,ij->i", part, mean) / np.linalg.norm(part, axis=1)
        else:
            near[start : start + step] = -np.square(part - mean).sum(axis=1)
    return near


def _means(x: Rows, labels: NDArray[np.intp], k: int, metric: Metric) -> NDArray[np.float64]:
    """(k, d); under cosine of the unit vectors."""
    total = sums_of_units(x, labels, k) if metric == "cosine" else sums(x, labels, k)
    return np.asarray(total / np.maximum(np.bincount(labels[labels >= 0], minlength=k), 1)[:, None])


def similar(x: Rows, labels: NDArray[np.intp], *, metric: Metric) -> tuple[tuple[Similar, ...], ...]:
    """For each cluster those that it can hardly be told from, the nearest first: hints to merge them.

    Distances are cosine, or squared Euclidean: of both the mean over pairs follows from the clusters' means.
    """
    k = int(labels.max(initial=-1)) + 1
    if k < 2:
        return ((),) * k
    means = _means(x, labels, k, metric)
    size = np.bincount(labels[labels >= 0], minlength=k)
    lengths = np.linalg.norm(means, axis=1)
    spread = 1 - lengths**2 if metric == "cosine" else _spread(x, labels, means, size)
    within = spread * size / np.maximum(size - 1, 1) * (1 if metric == "cosine" else 2)
    if metric == "cosine":
        between = 1 - means @ means.T
    else:
        square = lengths**2
        between = square[:, None] + square - 2 * means @ means.T + spread[:, None] + spread
    wider = np.maximum(within[:, None], within)
    ratio = np.where(wider > 1e-9, between / np.maximum(wider, 1e-9), np.where(between > 1e-9, np.inf, 1.0))
    cosine = means @ means.T / np.maximum(lengths[:, None] * lengths, 1e-12)
    np.fill_diagonal(ratio, np.inf)
    return tuple(
        tuple(
            Similar(cluster=int(j), distance=float(ratio[i, j]), cosine=float(cosine[i, j]))
            for j in np.argsort(ratio[i], kind="stable")[:5]
            if ratio[i, j] < SIMILAR
        )
        for i in range(k)
    )


def _spread(
    x: Rows, labels: NDArray[np.intp], means: NDArray[np.float64], size: NDArray[np.intp]
) -> NDArray[np.float64]:
    near = -_nearness(x, labels, len(means), "euclidean")
    kept = labels >= 0
    return np.asarray(np.bincount(labels[kept], weights=near[kept], minlength=len(means)) / size)


def named(x: Rows, labels: NDArray[np.intp], vocabulary: Vocabulary) -> tuple[tuple[Name, ...], ...]:
    """The likeliest names of each cluster: the mean of its images' zero-shot probabilities, as of Radford et al. 2021.

    `x` has unit vectors of the space that `vocabulary` is in.
    """
    k, v = int(labels.max(initial=-1)) + 1, len(vocabulary.names)
    chances, cosines = np.zeros((k, v)), np.zeros((k, v))
    step = block_rows(max(v, x.shape[1]))
    for start in range(0, len(x), step):
        cosine = x[start : start + step] @ vocabulary.vectors.T
        logits = vocabulary.logit_scale * cosine
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        chances += sums(share.astype(np.float32), labels[start : start + step], k)
        cosines += sums(cosine, labels[start : start + step], k)
    size = np.bincount(labels[labels >= 0], minlength=k)[:, None]
    chances, cosines = chances / size, cosines / size
    return tuple(
        tuple(
            Name(label=vocabulary.names[j], score=float(chances[c, j]), cosine=float(cosines[c, j]))
            for j in np.argsort(-chances[c], kind="stable")[:NAMES]
        )
        for c in range(k)
    )


def compared(labels: NDArray[np.intp], known: Sequence[Any]) -> dict[str, Any] | None:
    """ARI, NMI and purity against labels that are known; None among them is not looked at.

    What is unclustered counts as one group of its own, and is left out in `clustered_only`.
    """
    there = np.array([label is not None for label in known], bool)
    names = np.array([str(label) for label in known], object)
    if not there.any():
        return None

    def figures(which: NDArray[np.bool_]) -> dict[str, Any] | None:
        from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
        from sklearn.metrics.cluster import contingency_matrix

        if not which.any():
            return None
        ours, theirs = labels[which], names[which]
        table = contingency_matrix(theirs, ours)
        return {
            "n": int(which.sum()),
            "classes": len(set(theirs)),
            "ari": float(adjusted_rand_score(theirs, ours)),
            "nmi": float(normalized_mutual_info_score(theirs, ours)),
            "purity": float(table.max(axis=0).sum() / table.sum()),
        }

    found = figures(there)
    assert found is not None
    return {**found, "clustered_only": figures(there & (labels >= 0))}
