"""Silhouettes are scikit-learn's, whatever the metric, the sizes and the lengths."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples

from models.clustering import blocks
from models.clustering import silhouettes as module
from models.clustering.silhouettes import silhouettes
from models.errors import ClusteringError
from tests.models.clouds import clouds


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(4, 120),
    k=st.integers(2, 10),
    d=st.integers(2, 20),
    seed=st.integers(0, 2**20),
    metric=st.sampled_from(["cosine", "euclidean"]),
    unit=st.booleans(),
)
def test_they_are_those_of_scikit_learn(n, k, d, seed, metric, unit):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)).astype(np.float32) + 0.1
    if unit:
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    labels = np.unique(rng.integers(0, min(k, n - 1), n), return_inverse=True)[1].astype(np.intp)
    if not 2 <= labels.max() + 1 <= n - 1:
        return
    expected = silhouette_samples(x.astype(np.float64), labels, metric=metric)
    np.testing.assert_allclose(silhouettes(x, labels, metric=metric), expected, atol=1e-5)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_blocks_change_nothing(monkeypatch, metric):
    x, labels = clouds((70, 40, 25, 3, 1))
    whole = silhouettes(x, labels, metric=metric)
    monkeypatch.setattr(module, "SIDE", 7)
    monkeypatch.setattr(blocks, "ROWS", 7)
    np.testing.assert_allclose(silhouettes(x, labels, metric=metric), whole, atol=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_rows_in_no_cluster_are_nobodys_neighbours(metric):
    x, labels = clouds((30, 20, 10))
    without = labels.copy()
    without[labels == 1] = -1
    without[labels == 2] = 1
    found = silhouettes(x, without, metric=metric)
    kept = labels != 1
    assert np.isnan(found[~kept]).all()
    np.testing.assert_allclose(found[kept], silhouette_samples(x[kept], without[kept], metric=metric), atol=1e-5)


def test_a_cluster_of_one_has_silhouette_0():
    x, labels = clouds((10, 10, 1))
    assert silhouettes(x, labels)[labels == 2] == 0


def test_identical_rows_have_silhouette_0_and_not_what_rounding_leaves():
    x = np.full((40, 33), 1 / np.sqrt(33), np.float32)
    found = silhouettes(x, np.arange(40) % 3)
    assert (found == 0).all()


def test_of_one_cluster_there_are_none():
    x, _ = clouds((10,))
    assert np.isnan(silhouettes(x, np.zeros(10, np.intp))).all()


def test_a_number_that_is_not_used_is_an_error():
    x, _ = clouds((10,))
    with pytest.raises(ClusteringError, match="is not used"):
        silhouettes(x, np.repeat([0, 2], 5))
