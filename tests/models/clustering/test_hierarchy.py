"""The tree of a clustering, held against scikit-learn, scipy and means over pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, is_valid_linkage
from scipy.spatial.distance import cdist
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from daguerre.results.hierarchy import Hierarchy as ClientHierarchy
from models.clustering.cluster import cluster
from models.clustering.options import Options

rng = np.random.default_rng(0)
X = np.concatenate([centre + 0.4 * rng.normal(size=(20, 8)) for centre in rng.normal(size=(6, 8))])
UNIT = X / np.linalg.norm(X, axis=1, keepdims=True)


@pytest.mark.parametrize("linkage", ["average", "complete", "single", "ward"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("where", [{"k": 6}, {"distance": 0.5}])
def test_the_clusters_are_those_of_scikit_learn(linkage, metric, where):
    answer = cluster(X, Options(method="agglomerative", linkage=linkage, metric=metric, **where))
    expected = AgglomerativeClustering(
        n_clusters=where.get("k"),
        distance_threshold=where.get("distance"),
        linkage=linkage,
        metric="euclidean" if linkage == "ward" else metric,
    ).fit(UNIT)
    assert adjusted_rand_score(expected.labels_, answer.result.labels) == 1.0


def test_the_tree_of_items_gives_back_the_labels_and_other_cuts():
    answer = cluster(X, Options(method="agglomerative", k=6))
    tree = answer.to_json()["hierarchy"]
    assert tree["of"] == "items"
    assert sorted(tree["leaves"]) == list(range(len(X)))
    linkage = np.array(tree["linkage"])
    assert is_valid_linkage(linkage)
    for k in (1, 2, 6, 50, len(X) - 1):
        labels = np.empty(len(X), int)
        labels[tree["leaves"]] = fcluster(linkage, k, "maxclust")
        other = cluster(X, Options(method="agglomerative", k=k)).result.labels
        assert adjusted_rand_score(labels, other) == 1.0


@pytest.mark.parametrize("linkage", ["average", "complete", "single", "ward"])
@pytest.mark.parametrize("k", [2, 3, 29, 30])
def test_identical_items_stay_together(linkage, k):
    metric = "euclidean" if linkage == "ward" else "cosine"
    answer = cluster(np.ones((30, 5)), Options(method="agglomerative", linkage=linkage, metric=metric, k=k))
    assert answer.result.labels.tolist() == [0] * 30
    assert answer.remarks[0].startswith(f"{k} clusters were requested and 1 found, because groups at equal distances")
    pairs = np.repeat(rng.normal(size=(10, 5)), 3, axis=0)
    labels = cluster(pairs, Options(method="agglomerative", linkage=linkage, metric=metric, k=10)).result.labels
    assert all(len(set(labels[i : i + 3])) == 1 for i in range(0, 30, 3))
    assert len(set(labels)) == 10


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_distances_of_merged_clusters_are_means_over_pairs(metric):
    answer = cluster(X, Options(method="kmeans", k=7, metric=metric, normalize=False))
    tree = answer.to_json()["hierarchy"]
    assert tree["of"] == "clusters"
    linkage = np.array(tree["linkage"])
    assert is_valid_linkage(linkage)
    members = {c: np.flatnonzero(answer.result.labels == c) for c in tree["leaves"]}
    pairs = cdist(X, X, "cosine" if metric == "cosine" else "sqeuclidean")
    if metric == "cosine":
        pairs = 1 - UNIT @ UNIT.T
    for i, (a, b, height, _) in enumerate(linkage):
        between = pairs[np.ix_(members[a], members[b])].mean()
        assert height == pytest.approx(between, rel=1e-4)
        left = [each for each in members if each not in (a, b)]
        others = [pairs[np.ix_(members[c], members[d])].mean() for c in left for d in left if c < d]
        assert all(between <= other + 1e-6 for other in others)
        members[7 + i] = np.concatenate([members.pop(int(a)), members.pop(int(b))])


def test_fewer_than_two_clusters_have_no_tree():
    assert cluster(np.ones((30, 5)), Options(method="kmeans", k=1)).to_json()["hierarchy"] is None


@given(st.integers(1, 25), st.integers(2, 25), st.integers(0, 5), st.floats(0, 2))
def test_the_client_cuts_as_scipy_does(k, n, seed, distance):
    from scipy.cluster.hierarchy import linkage

    points = np.random.default_rng(seed).integers(0, 4, size=(n, 2))  # with ties
    tree = linkage(points.astype(float), "average")
    ours = ClientHierarchy(
        of="items", metric="euclidean", method="average", leaves=np.arange(n), linkage=np.asarray(tree)
    )
    if k <= n:
        expected = fcluster(tree, k, "maxclust") if k < n else fcluster(tree, 0, "distance")
        assert adjusted_rand_score(expected, ours.cut(k, None)) == 1.0
    near = fcluster(tree, np.nextafter(distance, -1), "distance")
    assert adjusted_rand_score(near, ours.cut(None, distance)) == 1.0


@pytest.mark.parametrize(("clusters", "distance"), [(0, None), (7, None), (True, None), (None, None), (2, 0.5)])
def test_the_client_refuses_a_cut_that_is_none(clusters, distance):
    tree = ClientHierarchy(
        of="clusters", metric="cosine", method="average", leaves=np.arange(3), linkage=np.zeros((2, 4))
    )
    with pytest.raises(ValueError, match=r"^(cut|clusters): "):
        tree.cut(clusters, distance)
