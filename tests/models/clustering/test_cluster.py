"""A clustering, whole: what describes it is true, and degenerate input is right or a clear error."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_samples

from models.clustering.cluster import cluster
from models.clustering.describe import compare_with_known
from models.clustering.names import Vocabulary
from models.clustering.options import Options
from models.clustering.project import project
from models.clustering.vectors import prepare
from models.errors import ClusteringError
from tests.models.clouds import clouds

SIZES = (120, 80, 50, 30, 20)
METHODS = (
    Options(k_rule="best"),
    Options(k_rule="best", metric="euclidean"),
    Options(method="kmeans", k=5),
    Options(method="kmeans"),
    Options(method="hdbscan"),
    Options(method="agglomerative", k=5),
    Options(method="agglomerative", distance=0.4),
)


@pytest.fixture(scope="module")
def data():
    return clouds(SIZES, spread=0.3)


@pytest.mark.parametrize("options", METHODS, ids=lambda o: f"{o.method}-{o.metric}-{o.k}")
def test_every_method_finds_clear_groups_and_has_the_same_answer(data, options):
    x, truth = data
    said = cluster(x, options, known=truth.tolist()).to_json()
    json.dumps(said, allow_nan=False)
    labels = np.array(said["labels"])
    if options.method != "kmeans":
        assert said["comparison"]["clustered_only"]["purity"] > 0.95
    assert said["comparison"]["ari"] == pytest.approx(adjusted_rand_score(truth, labels))
    assert said["comparison"]["nmi"] == pytest.approx(normalized_mutual_info_score(truth, labels))
    assert [each["id"] for each in said["clusters"]] == list(range(labels.max() + 1))
    assert [each["size"] for each in said["clusters"]] == np.bincount(labels[labels >= 0]).tolist()
    assert said["unclustered"] == (labels < 0).sum()
    kept = labels >= 0
    final = np.array([np.nan if v is None else v for v in said["silhouettes_final"]])
    expected = silhouette_samples(x[kept].astype(float), labels[kept], metric=options.metric)
    np.testing.assert_allclose(final[kept], expected, atol=1e-5)
    assert np.isnan(final[~kept]).all()
    for each in said["clusters"]:
        assert each["silhouette_final"] == pytest.approx(expected[labels[kept] == each["id"]].mean(), abs=1e-5)


def test_the_medoid_has_the_least_mean_distance_and_exemplars_are_of_their_cluster(data):
    x, _ = data
    said = cluster(x, Options(method="kmeans", k=5)).to_json()
    labels = np.array(said["labels"])
    for each in said["clusters"]:
        members = np.flatnonzero(labels == each["id"])
        mean = cdist(x[members], x[members], "cosine").mean(axis=1)
        assert mean[members == each["medoid"]] == pytest.approx(mean.min(), abs=1e-7)
        nearest, far = each["exemplars"]["nearest"], each["exemplars"]["farthest"]
        assert nearest[0] == each["medoid"]
        by_mean = dict(zip(members.tolist(), mean, strict=True))
        assert max(by_mean[i] for i in nearest) <= min(by_mean[i] for i in far) + 1e-7
        for kind in each["exemplars"].values():
            assert len(set(kind)) == len(kind) == 9
            assert set(kind) <= set(members.tolist())


def test_a_cluster_cut_in_two_is_hinted_at_and_distant_ones_are_not(data):
    x, truth = data
    said = cluster(x[truth < 2], Options(method="kmeans", k=3, seed=1, restarts=1)).to_json()
    halves = [each for each in said["clusters"] if each["similar"]]
    assert len(halves) == 2
    assert [each["similar"][0]["cluster"] for each in halves] == [halves[1]["id"], halves[0]["id"]]
    assert not any(each["similar"] for each in cluster(x, Options(method="agglomerative", k=5)).to_json()["clusters"])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_distance_of_similar_clusters_is_the_mean_over_pairs(metric):
    from models.clustering.describe import Distances, similar_clusters

    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 8)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    labels = np.arange(60) % 3
    d = cdist(x.astype(float), x.astype(float), "cosine" if metric == "cosine" else "sqeuclidean")
    within = [d[np.ix_(labels == c, labels == c)].sum() / (20 * 19) for c in range(3)]
    for i, others in enumerate(similar_clusters(Distances.of(x, labels, metric=metric))):
        assert len(others) == 2  # groups by chance: none can be told from another
        for other in others:
            between = d[np.ix_(labels == i, labels == other.cluster)].mean()
            assert other.distance == pytest.approx(between / max(within[i], within[other.cluster]), rel=1e-4)


def test_names_are_mean_zero_shot_probabilities(data):
    x, truth = data
    names = np.stack([x[truth == c].mean(axis=0) for c in range(5)])
    names = (names / np.linalg.norm(names, axis=1, keepdims=True)).astype(np.float32)
    vocabulary = Vocabulary(names=tuple("abcde"), vectors=names, logit_scale=20.0)
    said = cluster(x, Options(method="agglomerative", k=5), known=truth.tolist(), vocabulary=vocabulary).to_json()
    logits = 20 * x.astype(float) @ names.T
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array(said["labels"])
    for each in said["clusters"]:
        members = labels == each["id"]
        first = each["names"][0]
        assert first["label"] == "abcde"[np.bincount(truth[members]).argmax()]
        assert first["score"] == pytest.approx(chances[members].mean(axis=0).max(), abs=1e-5)


def test_stability_is_high_where_there_are_groups_and_low_where_there_are_none(data):
    x, _ = data
    clear = cluster(x, Options(method="agglomerative", k=5), resamples=4).stability
    noise = np.random.default_rng(0).standard_normal((300, 32)).astype(np.float32)
    vague = cluster(noise, Options(method="kmeans", k=5), resamples=4).stability
    assert clear is not None
    assert vague is not None
    assert min(clear.ari) > 0.95
    assert max(vague.ari) < 0.6


def test_known_labels_may_be_missing_and_purity_is_as_defined():
    found = compare_with_known(np.array([0, 0, 0, 1, 1, -1]), ["a", "a", "b", "b", None, "c"])
    assert found is not None
    assert (found["n"], found["classes"]) == (5, 3)
    assert found["purity"] == pytest.approx(4 / 5)
    assert found["clustered_only"]["purity"] == pytest.approx(3 / 4)
    assert compare_with_known(np.array([0, 1]), [None, None]) is None


@pytest.mark.parametrize(
    ("rows", "options", "clusters"),
    [
        (np.ones((100, 8)), Options(), 0),
        (np.ones((100, 8)), Options(metric="euclidean"), 0),
        (np.ones((100, 8)), Options(method="kmeans", k=3), 1),
        (np.ones((100, 8)), Options(method="hdbscan"), 0),
        (np.ones((1, 8)), Options(), 0),
        (np.ones((1, 8)), Options(method="hdbscan"), 0),
        (np.eye(2), Options(), 0),
        (np.zeros((50, 3)), Options(metric="euclidean", normalize=False), 0),
        (np.random.default_rng(0).standard_normal((22, 8)), Options(step=30, k_rule="stop"), None),
    ],
)
def test_degenerate_input_has_an_answer(rows, options, clusters):
    said = cluster(rows, options, resamples=2).to_json()
    json.dumps(said, allow_nan=False)
    assert len(said["labels"]) == len(rows)
    assert clusters is None or len(said["clusters"]) == clusters
    assert said["remarks"]


@pytest.mark.parametrize(
    ("rows", "options", "code"),
    [
        (np.full((30, 4), np.nan), Options(), "nan_vectors"),
        (np.zeros((30, 4)), Options(), "zero_vectors"),
        (np.empty((0, 4)), Options(), "too_few_items"),
        (np.ones((3, 4)), Options(method="kmeans", k=4), "too_few_items"),
        (np.ones((2, 4)), Options(method="kmeans"), "too_few_items"),
        (np.ones((3, 4)), Options(method="agglomerative"), "invalid_option"),
        (np.ones((3, 4)), Options(k=3), "invalid_option"),
        (np.ones((3, 4)), Options(step=0), "invalid_option"),
        (np.ones((3, 4)), Options(k_min=10, k_max=5), "invalid_option"),
        (np.ones((3, 4)), Options(threshold=2), "invalid_option"),
        (np.ones((60_000, 2)), Options(method="hdbscan"), "too_many_items"),
    ],
)
def test_what_cannot_be_clustered_is_said(rows, options, code):
    with pytest.raises(ClusteringError) as caught:
        cluster(rows, options)
    assert caught.value.code == code


def test_lists_that_do_not_fit_are_said():
    with pytest.raises(ClusteringError, match="2 labels for 3 items"):
        cluster(np.ones((3, 4)), Options(), known=["a", "b"])
    with pytest.raises(ClusteringError, match="item 1 is -1"):
        cluster(np.ones((3, 4)), Options(), weights=[1, -1, 1])


def test_the_map_is_that_of_principal_components(data):
    x, _ = data
    found = project(x, by="pca", seed=0)
    centred = x - x.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(found.coordinates), np.abs(centred @ axes[:2].T), atol=1e-4)


def test_vectors_are_read_off_the_disk_and_left_as_they_are(tmp_path):
    x, _ = clouds((30, 20))
    np.save(tmp_path / "x.npy", x.astype(np.float64) * 3)
    rows = np.load(tmp_path / "x.npy", mmap_mode="r")
    np.testing.assert_allclose(prepare(rows, normalize=True, angles=True), x, atol=1e-6)
    assert cluster(rows, Options(method="kmeans", k=2)).to_json()["n"] == 50
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), x.astype(np.float64) * 3)


@pytest.mark.parametrize("method", ["kmeans", "iterative-kmeans"])
def test_weights_of_any_size_count_by_their_ratios_or_are_refused(method):
    rows, options = clouds([20, 20, 20], seed=3)[0], Options(method=method, seed=2**32 - 1)
    plain = cluster(rows, options, resamples=1)
    for weight in (5e-324, 1e-300, 1e-45, 1e38, 1.7e308):
        answer = cluster(rows, options, weights=[weight] * len(rows), resamples=1)
        assert adjusted_rand_score(answer.result.labels, plain.result.labels) == 1
        json.dumps(answer.to_json(), allow_nan=False)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ClusteringError, match="weight of item 7"):
            cluster(rows, options, weights=[wrong if i == 7 else 1.0 for i in range(len(rows))])
    with pytest.raises(ClusteringError, match="differ by a factor"):
        cluster(rows, options, weights=[1e-300, *[1.0] * (len(rows) - 1)])


def test_vectors_whose_squares_have_no_number_are_refused_unless_scaled():
    rows = clouds([20, 20, 20], seed=3)[0]
    for factor in (1e30, 1e-30):
        with pytest.raises(ClusteringError, match="set normalize to true"):
            cluster(rows * factor, Options(method="kmeans", normalize=False))
        assert cluster((rows * factor).astype(np.float32), Options(method="kmeans")).clusters
