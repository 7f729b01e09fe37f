"""A clustering in sentences: its result, why it stopped, and a paragraph for the methods section of a paper."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models.clustering.remarks import DISSOLVED
from models.pages.clusters.view import View, silhouette, to_float
from models.pages.html import count, counted, number, percent

STOP_REASONS = {
    "stop_size": "{stop_size} or fewer were left",
    "patience": "no cluster was kept in {patience} in a row",
    "all_taken": "every {noun} was in a cluster",
    "too_few": "fewer than 3 {many} were left",
}
FITS = {"silhouette": "mean silhouette", "inertia": "inertia"}


def result_sentences(view: View) -> tuple[str, str]:
    """The number and sizes of clusters, and the number of images in none."""
    sizes = sorted(int(cluster["size"]) for cluster in view.clusters)
    alone = view.n - view.clustered
    rest = f"{view.items(alone)} ({_share(alone, view.n)}) {'is' if alone == 1 else 'are'} in no cluster."
    if not sizes:
        return "No cluster was found.", rest
    hold = "holds" if len(sizes) == 1 else "hold"
    first = f"{counted(len(sizes), 'cluster')} {hold} {count(view.clustered)} of {view.items(view.n)}"
    return f"{first} ({_share(view.clustered, view.n)}){_sizes(sizes)}.", rest


def stop_reason(view: View) -> str | None:
    """Why iterative k-means ran no further pass; None for other methods."""
    template = STOP_REASONS.get(str(view.answer.get("ended")))
    if template is None:
        return None
    numbers = {"stop_size": (view.noun, None), "patience": ("pass", "passes")}
    values = {name: counted(view.params[name], *nouns) for name, nouns in numbers.items() if name in view.params}
    return template.format_map(_OrName({"noun": view.noun, "many": view.many, **values}))


def paragraph(view: View) -> str:
    """Methods and results in the past tense, with the parameters and figures of this answer."""
    methods = {"iterative-kmeans": _iterative, "kmeans": _kmeans, "hdbscan": _hdbscan, "agglomerative": _agglomerative}
    describe = methods.get(str(view.answer["method"]))
    sentences = [
        f"We clustered {view.items(view.n)} by {view.method}.",
        _vectors(view),
        describe(view) if describe else "",
    ]
    sentences += [_outcome(view), _stability(view), _comparison(view), _software(view)]
    return " ".join(filter(None, sentences))


def _vectors(view: View) -> str:
    receipt = view.answer.get("receipt") or {}
    dimension = view.answer.get("dimension")
    vector = "an embedding" if dimension is None else f"an embedding of {count(dimension)} dimensions"
    versions = [f"{name} {receipt[name]}" for name in ("revision", "fingerprint") if receipt.get(name)]
    model = view.answer.get("model")
    version = f" ({', '.join(versions)})" if versions else ""
    source = f" from the model “{model}”{version}" if model else ""
    scaled = ", scaled to unit length" if view.params.get("normalize") else ""
    return f"Each {view.noun} was represented by {vector}{source}{scaled}."


def _search(view: View) -> str:
    """A clause that describes how K was chosen."""
    p = view.params
    limit = f" up to {p['k_max']}" if p.get("k_max") else ""
    step = int(p.get("step") or 1)
    start = int(p.get("k_min") or step)
    fit = FITS.get(str(p.get("fit")), str(p.get("fit")))
    better = p.get("min_improvement") or 0
    by = f" by more than {better:g}{' (relative)' if p.get('fit') == 'inertia' else ''}" if better else ""
    low = ", and with each K next to the best one and from 2" if p.get("k_rule") == "gaps" and step > 1 else ""
    taken = {
        "stop": "the K at which this happened was used",
        "best": "the K with the best score was used",
        "gaps": "the K with the best score was used",
    }.get(str(p.get("k_rule")), f"K was chosen by the rule “{p.get('k_rule')}”")
    return (
        f"k-means was run on a random sample of at most {count(p.get('sample_size') or view.n)} of the {view.many} "
        f"with K = {start}, {start + step}, …{limit}, until the moving average of the {fit} over "
        f"{p.get('window')} values of K did not improve{by}{low}; {taken}"
    )


def _starts(view: View) -> str:
    restarts = view.params.get("restarts") or 1
    return "one k-means++ start" if restarts == 1 else f"the best of {restarts} k-means++ starts"


def _iterative(view: View) -> str:
    p = view.params
    less = f", without the {view.many} whose own silhouette did not" if p.get("cohesion") == "image" else ""
    when = f", when {why}" if (why := stop_reason(view)) else ""
    chosen = [int(entry["k"]) for entry in view.trace if entry.get("k") is not None]
    span = f" with K = {_span(chosen)}" if chosen else ""
    passes = counted(len(view.trace), "pass", "passes")
    kept_above = f"{p.get('threshold')}{less}"
    merged = ""
    if p.get("k_rule") == "gaps":
        merged = (
            "As a second candidate, k-means with more clusters (pieces) was run, and neighbouring pieces were merged "
            f"unless fewer than half as many {view.many} lay in the middle between their centres as at the smaller "
            f"centre (counted on the half of the {view.many} to which the line between the centres was not fitted). "
            "The candidate with the better mean silhouette was used"
        )
        pieces = [int(entry["pieces"]) for entry in view.trace if (entry.get("pieces") or 0) > entry["k"]]
        merged += (
            f": merged pieces in {counted(len(pieces), 'pass', 'passes')}. " if pieces else ": k-means throughout. "
        )
        merged += (
            "Each cluster was then divided in two as long as there was a gap inside, by the same count. A pass whose "
            "mean silhouette did not exceed the threshold kept nothing. "
        )
        kept_above = f"{p.get('threshold')} ({p.get('gap_threshold')} for clusters with gaps around them){less}"
    return (
        f"In each pass, {_search(view)}. All remaining {view.many} were then clustered with that K (Lloyd’s algorithm, "
        f"{_starts(view)}). {merged}A cluster of at least {_least(view)} was kept if its "
        f"mean silhouette (Rousseeuw 1987; {p.get('metric')} distance) exceeded {kept_above}; the {view.many} of the "
        f"other clusters were clustered again in the next pass. Clustering stopped after {passes}{span}{when}."
    )


def _kmeans(view: View) -> str:
    chosen = view.trace[0].get("k") if view.trace else len(view.clusters)
    if view.params.get("k") is not None:
        return f"K was set to {view.params['k']} (Lloyd’s algorithm, {_starts(view)})."
    return (
        f"To choose K, {_search(view)}. All {view.many} were then clustered with K = {chosen} (Lloyd’s algorithm, "
        f"{_starts(view)})."
    )


def _hdbscan(view: View) -> str:
    p = view.params
    least = p.get("min_samples")
    samples = "" if least is None else f" and core distances to {counted(least, 'neighbour')}"
    unit = "Euclidean between vectors of unit length, which order pairs as cosine distances do"
    metric = unit if p.get("normalize") else p.get("metric")
    return (
        f"Distances were {metric}; clusters had at least {_least(view)}{samples}, and "
        f"{view.many} in sparse regions were left out as noise."
    )


def _agglomerative(view: View) -> str:
    p = view.params
    cut = (
        f"cut at {counted(p.get('k') or 0, 'cluster')}"
        if p.get("distance") is None
        else f"cut at a distance of {p['distance']:g}"
    )
    metric = "Euclidean" if p.get("linkage") == "ward" else p.get("metric")
    return f"With {p.get('linkage')} linkage of {metric} distances, the tree was {cut}."


def _outcome(view: View) -> str:
    sizes = sorted(int(cluster["size"]) for cluster in view.clusters)
    alone = view.n - view.clustered
    rest = f"{view.items(alone)} ({_share(alone, view.n)}) {'was' if alone == 1 else 'were'} in no cluster"
    if not sizes:
        return f"No cluster was found; {rest}."
    finite = view.final[np.isfinite(view.final)]
    mean = f" The mean silhouette among the resulting clusters was {silhouette(finite.mean())}." if len(finite) else ""
    clusters = f"{counted(len(sizes), 'cluster')} of {view.items(view.clustered)}{_sizes(sizes)}"
    return f"The result was {clusters}; {rest}.{mean}"


def _stability(view: View) -> str:
    result = view.answer.get("stability")
    if not result:
        return ""
    mean, low, high = (number(to_float(result.get(name))) for name in ("mean", "low", "high"))
    overlaps = [cluster["jaccard"] for cluster in view.clusters if cluster.get("jaccard") is not None]
    weak = sum(value < DISSOLVED for value in overlaps)
    by_cluster = ""
    if overlaps:
        by_cluster = (
            f" The cluster-wise Jaccard coefficient (Hennig 2007) was at least {DISSOLVED:g} for "
            f"{count(len(overlaps) - weak)} of {counted(len(overlaps), 'cluster')}."
        )
    return (
        f"Clustering {counted(int(result.get('resamples') or 0), 'random subsample')} of "
        f"{100 * to_float(result.get('share')):.3g} % of the {view.many} again gave a mean adjusted Rand index of "
        f"{mean} ({low} to {high}) with this result.{by_cluster}"
    )


def _comparison(view: View) -> str:
    result = view.answer.get("comparison")
    if not result:
        return ""
    ari, nmi, purity = (number(to_float(result.get(name))) for name in ("ari", "nmi", "purity"))
    return (
        f"Against {count(result['classes'])} known classes of {view.items(result['n'])}, the adjusted Rand index was "
        f"{ari}, normalised mutual information {nmi} and purity {purity}."
    )


def _software(view: View) -> str:
    libraries: Mapping[str, Any] = view.answer.get("libraries") or {}
    used = _listed([f"{name} {version}" for name, version in libraries.items()])
    seed = view.params.get("seed")
    drawn = "" if seed is None else f"Random numbers were seeded with {seed}. "
    return f"{drawn}Computed with Daguerre{f', using {used}' if used else ''}."


def _least(view: View) -> str:
    """The smallest size of a cluster with its noun."""
    size = view.params.get("min_cluster_size")
    return f"{size} {view.many}" if size is None else view.items(size)


def _share(n: int, of: int) -> str:
    return percent(n / max(1, of))


def _sizes(sizes: list[int]) -> str:
    if len(sizes) == 1:
        return ""
    return f", {_span(sizes)} each, median {float(np.median(sizes)):g}"


def _span(values: list[int]) -> str:
    low, high = min(values), max(values)
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


class _OrName(dict[str, Any]):
    """Parameters for a template; one that the answer lacks is written as its name."""

    def __missing__(self, key: str) -> str:
        return key
