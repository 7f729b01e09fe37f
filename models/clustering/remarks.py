"""Remarks on a clustering that its reader should know: an edge of the search, items in none, pieces, instability."""

from collections.abc import Sequence

import numpy as np

from models.clustering.describe import Similar
from models.clustering.iterative import MethodResult
from models.clustering.lloyd import STARTED_ON
from models.clustering.options import HELD, Options
from models.clustering.stability import FEWEST, Stability

MANY = 1 / 3  # share of the items in no cluster from which this is remarked
UNSTABLE = 0.8  # mean adjusted Rand index of reruns below which this is remarked
DISSOLVED = 0.6  # cluster-wise Jaccard coefficient below which a cluster should not be trusted (Hennig 2007)
LISTED = 8  # clusters or pairs of clusters that a remark names


def remarks_on(
    result: MethodResult,
    *,
    n: int,
    options: Options,
    by_size: bool,
    similar: Sequence[Sequence[Similar]],
    stability: Stability | None,
    resamples: int,
) -> tuple[str, ...]:
    """Remarks on the result of a method for `n` items, the most general first; `by_size`: `start` was not chosen."""
    k = int(result.labels.max(initial=-1)) + 1
    remarks = list(result.remarks)
    low = [one.number for one in result.trace if one.choice.edge == "low"]
    high = [one.number for one in result.trace if one.choice.edge in ("high", "only")]
    if by_size and options.start == "sample" and "start" in options.to_json():
        remarks.append(
            f"k-means started from centres that k-means++ chose on {STARTED_ON:,} items drawn at random, since "
            f"the vectors of all {n:,} are more than {HELD / 2**30:g} GiB."
        )
    if low:
        remarks.append(
            f"In {_passes(low)} the search for K stopped at the first K at which it can. The score may decrease from "
            "the smallest K on whatever the number of groups: look at the curve, and try a smaller step, or k_rule "
            "gaps."
        )
    if high:
        remarks.append(
            f"In {_passes(high)} the search for K ended at the last possible K while the score still improved: raise "
            "k_max, or sample_size if there are more images."
        )
    if not k and not result.remarks:
        remarks.append(_why_none(result, n, options))
    elif k and (left := int((result.labels < 0).sum())) > MANY * n:
        share = "half" if left > n / 2 else "a third"
        remarks.append(f"{left:,} of {n:,} images, more than {share}, are in no cluster.")
    if k == 1:
        remarks.append("There is one cluster: silhouettes within the final clustering are not defined.")
    pairs = sorted({(min(i, other.cluster), max(i, other.cluster)) for i, each in enumerate(similar) for other in each})
    if pairs:
        named = _listed([f"{a} and {b}" for a, b in pairs], "pairs")
        remarks.append(f"Hardly distinct, and perhaps pieces of one cluster: {named}. Compare their sheets.")
    remarks += _on_stability(stability, n, k, resamples)
    return tuple(remarks)


def _on_stability(stability: Stability | None, n: int, k: int, resamples: int) -> list[str]:
    if stability is None:
        too_few = resamples and k and n < FEWEST
        return [f"Stability was not measured: there are {n} items, fewer than {FEWEST}."] if too_few else []
    remarks = []
    mean, times = float(stability.ari.mean()), len(stability.ari)
    reruns = "a rerun" if times == 1 else f"{times} reruns"
    if mean < UNSTABLE:
        remarks.append(
            f"The clusters are not stable: the mean adjusted Rand index with {reruns} on {100 * stability.share:.3g} % "
            f"of the items is {mean:.2f}."
        )
    weak = np.flatnonzero(stability.jaccard < DISSOLVED).tolist()
    if weak:
        remarks.append(
            f"{len(weak):,} of {k:,} clusters are not found again in reruns (cluster-wise Jaccard coefficient below "
            f"{DISSOLVED:g}): {_listed([str(c) for c in weak], 'clusters')}."
        )
    return remarks


def _why_none(result: MethodResult, n: int, options: Options) -> str:
    """Why there is no cluster."""
    if options.method != "iterative-kmeans":
        size = f"min_cluster_size {options.min_cluster_size}"
        return f"No cluster was found at {size}: try a smaller one, or the vectors may hold no groups."
    if not result.trace and result.ended == "stop_size":
        return (
            f"Nothing was clustered: {n:,} items are not more than stop_size {options.stop_size}, at which the method "
            "stops before its first pass. Set a smaller stop_size, or choose another method."
        )
    if not result.trace:
        return f"Nothing was clustered: {n:,} items are too few for the smallest K. Set a smaller step or k_min."
    return "No cluster is cohesive. Look at the table of thresholds: the vectors may hold no groups."


def _passes(numbers: Sequence[int]) -> str:
    return f"pass {numbers[0]}" if len(numbers) == 1 else f"passes {', '.join(map(str, numbers))}"


def _listed(names: Sequence[str], kind: str) -> str:
    if len(names) <= LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:LISTED])} and {len(names) - LISTED:,} more {kind}"
