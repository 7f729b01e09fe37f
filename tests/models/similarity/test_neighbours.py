"""Neighbours against scikit-learn and brute force in float64; the same bits whatever the size of a block."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import NearestNeighbors

from models.errors import ClusteringError
from models.similarity.neighbours import nearest

ROWS = np.random.default_rng(0).standard_normal((300, 48)).astype(np.float32)
QUERIES = np.random.default_rng(1).standard_normal((40, 48)).astype(np.float32)
METRICS = ["cosine", "euclidean"]


def brute(rows, queries, metric):
    """(m, n) float32 closeness from float64; higher is nearer."""
    x, q = np.asarray(rows, np.float64), np.asarray(queries, np.float64)
    if metric == "cosine":
        return ((q @ x.T) / np.outer(np.linalg.norm(q, axis=1), np.linalg.norm(x, axis=1))).astype(np.float32)
    return -np.sqrt(((q[:, None] - x[None]) ** 2).sum(axis=2)).astype(np.float32)


@pytest.mark.parametrize("metric", METRICS)
def test_neighbours_are_scikit_learns(metric):
    theirs = NearestNeighbors(n_neighbors=7, metric=metric, algorithm="brute").fit(ROWS.astype(np.float64))
    distances, indexes = theirs.kneighbors(QUERIES.astype(np.float64))
    found = nearest(ROWS, QUERIES, 7, metric=metric)
    np.testing.assert_array_equal(found.indexes, indexes)
    np.testing.assert_allclose(found.scores, 1 - distances if metric == "cosine" else distances, atol=1e-6)
    assert (found.indexes.dtype, found.scores.dtype) == (np.int64, np.float32)


@pytest.mark.parametrize("metric", METRICS)
def test_the_farthest_are_the_last_of_all(metric):
    everything, last = (
        nearest(ROWS, QUERIES, 300, metric=metric),
        nearest(ROWS, QUERIES, 5, metric=metric, farthest=True),
    )
    np.testing.assert_array_equal(last.indexes, everything.indexes[:, :-6:-1])
    np.testing.assert_array_equal(last.scores, everything.scores[:, :-6:-1])


@given(
    values=hnp.arrays(np.int8, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.integers(-3, 3)),
    metric=st.sampled_from(METRICS),
    k=st.integers(1, 8),
    far=st.booleans(),
    own=st.booleans(),
    block_bytes=st.sampled_from([1, 500, 2**20]),
)
@settings(deadline=None)
def test_ties_go_to_the_lower_index(values, metric, k, far, own, block_bytes):
    """Small whole numbers, so that scores are often equal."""
    rows = values.astype(np.float32)
    if metric == "cosine":
        rows = rows[rows.any(axis=1)]
    n = len(rows)
    exclude = np.arange(n) if own else None
    found = nearest(rows, rows, k, metric=metric, exclude=exclude, farthest=far, block_bytes=block_bytes)
    wanted = -brute(rows, rows, metric) if far else brute(rows, rows, metric)
    assert found.indexes.shape == found.scores.shape == (n, max(0, min(k, n - own)))
    for at, indexes in enumerate(found.indexes):
        order = [i for i in np.lexsort((np.arange(n), -wanted[at])) if not (own and i == at)]
        np.testing.assert_allclose(wanted[at][indexes], wanted[at][order[:k]], atol=1e-6)
        for (score, i), (following, j) in pairwise(zip(found.scores[at].tolist(), indexes.tolist(), strict=True)):
            assert score != following or i < j
        same = [j for j in range(n) if (rows[j] == rows[indexes[-1]]).all()] if len(indexes) else []
        ahead = [j for j in same if j < indexes[-1] and not (own and j == at)]
        assert set(ahead) <= set(indexes.tolist())  # none of a row's equals with a lower index is left out


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("farthest", [False, True])
def test_the_size_of_a_block_changes_no_bit(metric, farthest):
    search = partial(nearest, farthest=farthest)
    rng = np.random.default_rng(2)
    rows = (rng.standard_normal(512) + 1e-4 * rng.standard_normal((200, 512))).astype(np.float32)  # hard to tell apart
    rows[100:150] = rows[:50]
    one = search(rows, rows, 10, metric=metric, exclude=np.arange(200))
    for block_bytes in (1, 8 * 200 * 7, 10**5):
        other = search(rows, rows, 10, metric=metric, exclude=np.arange(200), block_bytes=block_bytes)
        np.testing.assert_array_equal(one.indexes, other.indexes)
        np.testing.assert_array_equal(one.scores.view(np.uint32), other.scores.view(np.uint32))
    alone = search(rows, rows[17:18], 10, metric=metric, exclude=[17])
    np.testing.assert_array_equal(alone.indexes[0], one.indexes[17])
    np.testing.assert_array_equal(alone.scores[0], one.scores[17])
    wanted = brute(rows, rows, metric)
    np.fill_diagonal(wanted, -np.inf if not farthest else np.inf)
    order = np.argsort(-wanted if not farthest else wanted, axis=1, kind="stable")[:, :10]
    np.testing.assert_allclose(np.abs(one.scores), np.abs(np.take_along_axis(wanted, order, axis=1)), rtol=2e-7)


def test_equal_and_scaled_vectors_have_a_cosine_of_exactly_1():
    row = ROWS[:1]
    found = nearest(np.concatenate([ROWS[1:5], row * 3, row, row * 1e-20, row * 1e20]), row, 4)
    assert found.scores[0].tolist() == [1.0] * 4
    assert found.indexes[0].tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_distances_neither_overflow_nor_vanish(scale):
    found = nearest(ROWS * np.float32(scale), QUERIES * np.float32(scale), 5, metric="euclidean")
    np.testing.assert_array_equal(found.indexes, nearest(ROWS, QUERIES, 5, metric="euclidean").indexes)


def test_an_item_can_be_left_out_of_its_own_neighbours():
    found = nearest(ROWS, ROWS, 3, exclude=np.arange(300))
    assert not (found.indexes == np.arange(300)[:, None]).any()
    np.testing.assert_array_equal(found.indexes, nearest(ROWS, ROWS, 4).indexes[:, 1:])
    assert nearest(ROWS[:1], ROWS[:1], 3, exclude=[0]).indexes.shape == (1, 0)


def test_more_neighbours_than_rows_are_all_the_rows():
    found = nearest(ROWS[:4], QUERIES, 10)
    assert found.indexes.shape == (40, 4)
    assert (np.sort(found.indexes, axis=1) == np.arange(4)).all()
    assert nearest(ROWS, QUERIES[:0], 3).indexes.shape == (0, 3)
    assert nearest(ROWS[:0], QUERIES, 3).scores.shape == (40, 0)


def changed(row, value):
    rows = ROWS.copy()
    rows[row] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "queries", "options", "code", "said"),
    [
        (changed(7, np.nan), QUERIES, {}, "nan_vectors", "rows: row 7 "),
        (ROWS, changed(9, np.inf), {}, "nan_vectors", "queries: row 9 "),
        (changed(3, 0), QUERIES, {}, "zero_vectors", "rows: row 3 "),
        (ROWS, changed(299, 0), {}, "zero_vectors", "queries: row 299 "),
        (ROWS.astype(float) * 1e60, QUERIES, {}, "nan_vectors", "row 0 "),
        (ROWS, QUERIES[:, :40], {}, "bad_shape", "40 dimensions against 48"),
        (ROWS[0], QUERIES, {}, "bad_shape", "2-D"),
        (ROWS, QUERIES, {"k": 0}, "bad_option", "k=0"),
        (ROWS, QUERIES, {"metric": "dot"}, "bad_option", "'dot'"),
        (ROWS, QUERIES, {"exclude": [1, 2]}, "bad_option", "40 queries"),
        (ROWS, QUERIES, {"exclude": [0.5] * 40}, "bad_option", "float64"),
        (ROWS, QUERIES, {"exclude": [0, -1] + [1] * 38}, "bad_option", "-1 for query 1; the rows go from 0 to 299"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(rows, queries, options, code, said):
    with pytest.raises(ClusteringError, match=said) as caught:
        nearest(rows, queries, **{"k": 3, **options})
    assert caught.value.code == code


def test_zeros_have_distances_though_no_cosine():
    assert nearest(
        np.zeros((2, 3), np.float32), np.zeros((1, 3), np.float32), 2, metric="euclidean"
    ).scores.tolist() == [[0.0, 0.0]]
