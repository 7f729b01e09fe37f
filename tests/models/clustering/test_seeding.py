"""Starts are those of scikit-learn's k-means++, to the last row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans, kmeans_plusplus

from models.clustering import seeding as module
from models.clustering import vectors
from models.clustering.choose_k import kmeans
from models.clustering.seeding import Seeding


@settings(max_examples=40, deadline=None)
@given(n=st.integers(3, 400), d=st.integers(1, 64), seed=st.integers(0, 2**31 - 1), weighted=st.booleans())
def test_they_are_scikit_learns_for_one_k_after_another(n, d, seed, weighted):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)).astype(np.float32)
    weights = rng.uniform(0.5, 2, n) if weighted else None
    shared = Seeding(x, seed=seed, weights=weights)
    centred = x - x.mean(axis=0)
    for k in sorted({1, 2, min(7, n), min(8, n), min(20, n), n}):
        owed = None if weights is None else weights.astype(np.float32)
        _, expected = kmeans_plusplus(centred, k, random_state=seed, sample_weight=owed)
        np.testing.assert_array_equal(shared.start(k), expected)


def test_blocks_change_nothing(monkeypatch):
    x = np.random.default_rng(0).standard_normal((500, 16)).astype(np.float32)
    whole = Seeding(x, seed=1).start(40)
    monkeypatch.setattr(module, "WHOLE", 0)
    monkeypatch.setattr(vectors, "BLOCK", 1000)
    np.testing.assert_array_equal(Seeding(x, seed=1).start(40), whole)


@pytest.mark.parametrize("restarts", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_k_means_is_scikit_learns(restarts, weighted):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((600, 24)).astype(np.float32)
    weights = rng.uniform(0.5, 2, 600) if weighted else None
    expected = KMeans(12, n_init=restarts, random_state=9).fit(x, sample_weight=weights)
    found = kmeans(x, 12, seed=9, restarts=restarts, weights=weights)
    np.testing.assert_array_equal(found.labels, expected.labels_)
    assert found.inertia == pytest.approx(expected.inertia_, rel=1e-6)
