"""Stability of a clustering between reruns, for the whole and for each cluster."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.clustering.cluster import cluster
from models.clustering.options import Options
from models.clustering.stability import overlap


def clouds(k: int, many: int, *, apart: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = apart * rng.normal(size=(k, 32))
    return np.repeat(centres, many, axis=0) + 0.1 * rng.normal(size=(k * many, 32))


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 4)), min_size=1, max_size=40))
def test_the_overlap_is_that_of_sets(pairs):
    ours, others = np.array(pairs).T
    k = 4
    expected = []
    for c in range(k):
        members = {i for i, label in enumerate(ours) if label == c}
        rivals = [{i for i, label in enumerate(others) if label == d} for d in set(others) - {-1}]
        best = max((len(members & rival) / len(members | rival) for rival in rivals), default=0.0)
        expected.append(best if len(members) > 1 else np.nan)
    np.testing.assert_allclose(overlap(ours, others, k), expected)


def test_separated_clusters_are_found_again():
    answer = cluster(clouds(5, 40, apart=1.0), Options(method="kmeans", k=5, restarts=5), resamples=3)
    assert answer.stability is not None
    assert answer.stability.ari.tolist() == [1.0] * 3
    assert [each["jaccard"] for each in answer.clusters] == [1.0] * 5
    assert not answer.remarks
    assert answer.to_json()["stability"]["share"] == 0.8


def test_clusters_of_noise_are_remarked_and_named():
    answer = cluster(np.random.default_rng(0).normal(size=(200, 32)), Options(method="kmeans", k=6), resamples=3)
    low = [each["id"] for each in answer.clusters if each["jaccard"] < 0.6]
    assert low
    assert any("mean adjusted Rand index with 3 reruns" in remark for remark in answer.remarks)
    remark = next(remark for remark in answer.remarks if "Jaccard" in remark)
    assert remark.startswith(f"{len(low)} of 6 clusters")
    assert remark.endswith(f"{', '.join(map(str, low))}.")


def test_a_weak_cluster_does_not_blame_the_strong_ones():
    strong, weak = clouds(2, 60, apart=1.0), np.random.default_rng(1).normal(size=(80, 32))
    answer = cluster(np.concatenate([strong, weak]), Options(method="kmeans", k=6, restarts=5), resamples=5)
    overlaps = {each["id"]: each["jaccard"] for each in answer.clusters}
    of_strong = {int(label) for label in answer.result.labels[:120]}
    assert len(of_strong) == 2
    assert all(overlaps[c] == 1.0 for c in of_strong)
    assert min(overlaps.values()) < 0.9


def test_reruns_of_many_items_take_20000_of_them():
    x = clouds(2, 15_000, apart=1.0)[:, :4]
    answer = cluster(x, Options(method="kmeans", k=2), resamples=1, projection="none")
    assert answer.stability is not None
    assert answer.stability.share == pytest.approx(2 / 3)


def test_a_cluster_that_reruns_do_not_draw_has_no_coefficient():
    x = np.concatenate([np.tile([1.0, 0.0], (3000, 1)), np.tile([0.0, 1.0], (2, 1))])
    x += 1e-4 * np.random.default_rng(0).normal(size=x.shape)
    answer = cluster(x, Options(method="kmeans", k=2, seed=3), resamples=1, projection="none")
    drawn = np.random.default_rng((3, 0)).choice(len(x), round(0.8 * len(x)), replace=False)
    assert (np.count_nonzero(drawn >= 3000) < 2) == (answer.clusters[1]["jaccard"] is None)


@pytest.mark.parametrize("n", [3, 9])
def test_few_items_are_not_clustered_again(n):
    x = np.random.default_rng(0).normal(size=(n, 4))
    answer = cluster(x, Options(method="kmeans", k=2), resamples=3)
    assert answer.stability is None
    assert f"Stability was not measured: there are {n} items, fewer than 10." in answer.remarks
    assert not any("Stability" in remark for remark in cluster(x, Options(method="kmeans", k=2)).remarks)


@pytest.mark.parametrize("method", ["iterative-kmeans", "kmeans", "hdbscan", "agglomerative"])
@pytest.mark.parametrize("n", [10, 11, 30])
def test_every_method_is_clustered_again_from_ten_items_on(method, n):
    options = Options(method=method, k=n if method == "agglomerative" else None, min_samples=n, stop_size=5)
    answer = cluster(clouds(2, n, apart=1.0)[::2], options, resamples=2)
    assert (answer.stability is None) == (not answer.clusters)
    assert answer.clusters or method == "hdbscan"
