"""Merging of pieces: planted clusters are found whatever their sizes, and one cloud stays one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from models.clustering.gaps import connection, merge_pieces
from models.clustering.methods import run
from models.clustering.options import Options
from models.clustering.vectors import order_by_content
from tests.models.clouds import clouds

UNEQUAL = (400, 200, 100, 60, 40, 30, 20, 20, 10, 10, 10, 10)


def planted(sizes, *, dimension=64, spread=0.05, mean=0.0, seed=0):
    """Unit vectors around random unit vectors, in random order, and the cluster of each."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(sizes), dimension))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    x = centres[truth] + spread * rng.normal(size=(len(truth), dimension)) + mean / np.sqrt(dimension)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), truth


@pytest.mark.parametrize("spread", [0.05, 0.08, 0.12])
@pytest.mark.parametrize("mean", [0.0, 2.0])
def test_the_default_finds_unequal_clusters_and_keeps_the_largest_whole(spread, mean):
    x, truth = planted(UNEQUAL, spread=spread, mean=mean)
    labels = run(x, Options().with_defaults()).labels
    assert adjusted_rand_score(truth, labels) > 0.95
    assert np.bincount(labels[truth == 0] + 1).max() >= 390


def test_clusters_do_not_depend_on_the_order_of_the_items_and_hardly_on_the_seed():
    x, _ = planted(UNEQUAL, spread=0.1)
    order = np.random.default_rng(1).permutation(len(x))
    labels = run(x.copy(), Options().with_defaults()).labels
    np.testing.assert_array_equal(run(x[order], Options().with_defaults()).labels, labels[order])
    assert adjusted_rand_score(labels, run(x.copy(), Options(seed=7).with_defaults()).labels) > 0.95


@pytest.mark.parametrize(
    "method", [{"method": "kmeans", "k": 4}, {"method": "agglomerative", "k": 4}, {"k_rule": "stop"}]
)
def test_no_method_depends_on_the_order_of_the_items(method):
    x, _ = clouds((60, 40, 30, 20), spread=1.0)
    order = np.random.default_rng(1).permutation(len(x))
    options = Options(**method).with_defaults()
    given = x.copy()
    labels = run(given, options).labels
    np.testing.assert_array_equal(run(x[order], options).labels, labels[order])
    np.testing.assert_allclose(given, x, atol=1e-6)  # the rows are where they were


@pytest.mark.parametrize("dimension", [2, 16, 256])
def test_pieces_of_one_cloud_are_merged_and_those_of_two_are_not(dimension):
    rng = np.random.default_rng(0)
    one = rng.normal(size=(400, dimension)).astype(np.float32)
    assert len(set(merge_pieces(one, pieces(one, 10)))) == 1
    two = np.concatenate([one, one + np.float32(8 + 16 / np.sqrt(dimension)) * np.eye(dimension, dtype=np.float32)[0]])
    labels = pieces(two, 12)
    merged = merge_pieces(two, labels)[labels]
    assert adjusted_rand_score(np.repeat([0, 1], 400), merged) > 0.98  # an outlier may stay apart


def pieces(x, k):
    return KMeans(k, n_init=1, random_state=0).fit(x).labels_


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 12), min_size=1, max_size=6), seed=st.integers(0, 100), same=st.booleans())
def test_merged_pieces_are_numbered_by_size_and_nothing_is_lost(sizes, seed, same):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    x = np.ones((len(labels), 3), np.float32) if same else rng.normal(size=(len(labels), 3)).astype(np.float32)
    merged = merge_pieces(x, labels)
    assert merged.shape == (len(sizes),)
    counts = np.bincount(merged[labels])
    assert counts.all()
    assert (np.diff(counts) <= 0).all()


def test_items_without_spread_are_apart_and_equal_ones_are_one():
    a = np.zeros((10, 4), np.float32)
    assert connection(a, a) is not None
    assert connection(a, a + 1) is None
    assert connection(a[:2], a[:2] + 1) is None


def test_the_order_by_content_tells_rows_apart():
    x = np.random.default_rng(0).normal(size=(500, 5)).astype(np.float32)
    shuffled = np.random.default_rng(1).permutation(500)
    np.testing.assert_array_equal(x[order_by_content(x)], x[shuffled][order_by_content(x[shuffled])])
