"""A clustering, whole: run, described, compared, and as the answer has it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.clustering import describe
from models.clustering.iterative import Found
from models.clustering.methods import run
from models.clustering.options import NOTES, Options
from models.clustering.project import Map, Projection, project
from models.clustering.silhouettes import silhouettes
from models.clustering.vectors import Rows, prepared
from models.errors import ClusteringError

Tell = Callable[[float, str], None]
SHARE = 0.8  # of the items in a rerun


@dataclass(frozen=True, kw_only=True)
class Clustering:
    """What came of it.

    Attributes
    ----------
    found : labels (n,), silhouettes (n,) at extraction, trace.
    final : (n,) silhouettes within the whole answer; NaN for what is unclustered, or where there is one cluster only.
    stability : adjusted Rand index of each rerun with the answer; None where none were asked for.
    """

    options: Options
    n: int
    dimension: int
    found: Found
    final: NDArray[np.float32]
    clusters: tuple[Mapping[str, Any], ...]
    comparison: Mapping[str, Any] | None
    stability: tuple[float, ...] | None
    map: Map | None
    projection: Projection
    remarks: tuple[str, ...]

    def said(self) -> dict[str, Any]:
        """As JSON has it; NaN is None."""
        found, stable = self.found, self.stability
        return {
            "method": self.options.method,
            "n": self.n,
            "dimension": self.dimension,
            "params": self.options.said(),
            "labels": found.labels.tolist(),
            "silhouettes": _numbers(found.silhouettes),
            "silhouettes_final": _numbers(self.final),
            "unclustered": int((found.labels < 0).sum()),
            "clusters": list(self.clusters),
            "trace": [each.said() for each in found.trace],
            "ended": found.ended,
            "thresholds": [{"threshold": t, "clusters": c, "items": i} for t, c, i in found.thresholds] or None,
            "stability": None
            if stable is None
            else {
                "resamples": len(stable),
                "share": SHARE,
                "ari": list(stable),
                "mean": float(np.mean(stable)),
                "low": float(min(stable)),
                "high": float(max(stable)),
            },
            "comparison": None if self.comparison is None else dict(self.comparison),
            "coordinates": None if self.map is None else np.round(self.map.coordinates, 5).tolist(),
            "projection": None if self.map is None else self.projection,
            "explained": None if self.map is None or self.map.explained is None else list(self.map.explained),
            "remarks": list(self.remarks),
            "notes": list(NOTES) if self.options.method == "iterative-kmeans" else [],
        }


def cluster(
    rows: NDArray[np.floating],
    options: Options,
    *,
    weights: Sequence[float] | None = None,
    known: Sequence[Any] | None = None,
    vocabulary: describe.Vocabulary | None = None,
    projection: Projection = "pca",
    resamples: int = 0,
    tell: Tell = lambda progress, stage: None,
) -> Clustering:
    """Cluster `rows`, (n, d), which may lie on disk: they are copied once, and the copy is all that is held.

    Parameters
    ----------
    weights : (n,) positive; of the items in k-means and in mean silhouettes.
    known : (n,) labels to compare with; None for an item whose label is not known.
    resamples : reruns on 80 % of the items, for stability.
    tell : how far it is, 0 to 1, and what is done.

    Raises
    ------
    ClusteringError : nan_vectors, zero_vectors, too_few_items, too_many_items, invalid_option, invalid_weights,
        lengths_differ, not_installed.
    """
    options = options.settled()
    n = len(rows)
    owed = _weights(weights, n)
    if known is not None and len(known) != n:
        raise ClusteringError(f"known: {len(known)} labels for {n} items; give one for each", code="lengths_differ")
    tell(0.0, "reading vectors")
    x = prepared(rows, normalize=options.normalize, angles=options.metric == "cosine")
    whole = 0.85 / (1 + SHARE * resamples)  # of the time
    found = run(x, options, weights=owed, tell=lambda part, stage: tell(0.05 + whole * part, stage))
    labels = found.labels
    stable = _stability(x, options, owed, labels, resamples, tell, whole)
    tell(0.9, "describing clusters")
    final = silhouettes(x, labels, metric=options.metric)
    k = int(labels.max(initial=-1)) + 1
    shown = describe.exemplars(x, labels, metric=options.metric, seed=options.seed)
    like = describe.similar(x, labels, metric=options.metric)
    names = None if vocabulary is None else describe.named(x, labels, vocabulary)
    size = np.bincount(labels[labels >= 0], minlength=k)
    means = [_mean_by(each, labels, k, owed) for each in (found.silhouettes, final)]
    clusters = tuple(
        {
            "id": c,
            "size": int(size[c]),
            "silhouette": means[0][c],
            "silhouette_final": means[1][c],
            "pass": found.passes[c],
            "medoid": shown[c].nearest[0],
            "exemplars": {name: list(which) for name, which in asdict(shown[c]).items()},
            "names": None if names is None else [asdict(each) for each in names[c]],
            "similar": [asdict(each) for each in like[c]],
        }
        for c in range(k)
    )
    tell(0.97, "drawing the map")
    return Clustering(
        options=options,
        n=n,
        dimension=rows.shape[1],
        found=found,
        final=final,
        clusters=clusters,
        comparison=None if known is None else describe.compared(labels, known),
        stability=stable,
        map=None if projection == "none" else project(x, by=projection, seed=options.seed),
        projection=projection,
        remarks=_remarks(found, n, k),
    )


def _stability(
    x: Rows,
    options: Options,
    weights: NDArray[np.float64] | None,
    labels: NDArray[np.intp],
    resamples: int,
    tell: Tell,
    whole: float,
) -> tuple[float, ...] | None:
    """Adjusted Rand index of the answer and a rerun with another seed, on the items of the rerun.

    What is unclustered counts as one group.
    """
    from sklearn.metrics import adjusted_rand_score

    if not resamples:
        return None
    found = []
    for i in range(resamples):
        rng = np.random.default_rng((options.seed, i))
        which = np.sort(rng.choice(len(x), max(1, round(SHARE * len(x))), replace=False))
        again = replace(options, seed=int(rng.integers(2**31)))
        if again.k is not None:
            again = replace(again, k=min(again.k, len(which)))
        begun = 0.05 + whole * (1 + SHARE * i)

        def told(part: float, stage: str, begun: float = begun, i: int = i) -> None:
            tell(begun + whole * SHARE * part, f"rerun {i + 1} of {resamples}: {stage}")

        rerun = run(x[which], again, weights=None if weights is None else weights[which], tell=told)
        found.append(float(adjusted_rand_score(labels[which], rerun.labels)))
    return tuple(found)


def _weights(weights: Sequence[float] | None, n: int) -> NDArray[np.float64] | None:
    if weights is None:
        return None
    if len(weights) != n:
        raise ClusteringError(f"weights: {len(weights)} for {n} items; give one for each", code="lengths_differ")
    found = np.asarray(weights, np.float64)
    bad = np.flatnonzero(~(np.isfinite(found) & (found > 0)))
    if len(bad):
        raise ClusteringError(
            f"weights: that of item {bad[0]} is {found[bad[0]]}; weights are numbers above 0", code="invalid_weights"
        )
    return found


def _mean_by(
    each: NDArray[np.float32], labels: NDArray[np.intp], k: int, weights: NDArray[np.float64] | None
) -> list[float | None]:
    found: list[float | None] = []
    kept = labels >= 0
    owed = (np.ones(len(labels)) if weights is None else weights)[kept]
    total = np.bincount(labels[kept], weights=each[kept] * owed, minlength=k)
    for mean in total / np.maximum(np.bincount(labels[kept], weights=owed, minlength=k), 1e-300):
        found.append(float(mean) if np.isfinite(mean) else None)
    return found


def _remarks(found: Found, n: int, k: int) -> tuple[str, ...]:
    said = list(found.remarks)
    low = [each.number for each in found.trace if each.choice.edge == "low"]
    high = [each.number for each in found.trace if each.choice.edge in ("high", "only")]
    if low:
        said.append(
            f"In {_passes(low)} the search for K stopped at the first K at which it can. The score may fall from the "
            "smallest K on whatever the truth is: look at the curve, and try a smaller step or k_rule best."
        )
    if high:
        said.append(
            f"In {_passes(high)} the search for K ended at the last K there is, still improving: raise k_max or "
            "sample_size, if there are more images."
        )
    if not k:
        said.append("No cluster is cohesive. Look at the table of thresholds: the vectors may hold no groups.")
    elif (left := int((found.labels < 0).sum())) > n / 2:
        said.append(f"{left:,} of {n:,} images, more than half, are in no cluster.")
    if k == 1:
        said.append("There is one cluster: silhouettes within the whole answer are not defined.")
    return tuple(said)


def _passes(numbers: Sequence[int]) -> str:
    return f"pass {numbers[0]}" if len(numbers) == 1 else f"passes {', '.join(map(str, numbers))}"


def _numbers(each: NDArray[np.float32]) -> list[float | None]:
    """Six decimals: float32 has no more."""
    return [None if np.isnan(value) else value for value in np.round(each.astype(np.float64), 6).tolist()]
