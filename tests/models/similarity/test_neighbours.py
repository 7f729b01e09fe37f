"""Neighbours against scikit-learn and brute force in float64; the same bits whatever the size of a block."""

import tracemalloc
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
from models.stopping import unchecked
from models.vectors import row_lengths

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


def by_the_definition(rows, queries, k, metric, farthest, own):
    """Indexes and scores of all pairs in float64, rounded once to float32 and ranked, ties by the lower index."""
    x, q = (np.ascontiguousarray(each, np.float32).astype(np.float64) for each in (rows, queries))
    indexes, scores = [], []
    for at, query in enumerate(q):
        if metric == "cosine":
            lengths = np.sqrt(np.einsum("ij,ij->i", x, x))
            found = np.einsum("ij,j->i", x, query) / (lengths * np.sqrt(np.einsum("ij,ij->i", q, q))[at])
        else:
            found = np.sqrt(np.einsum("ij,ij->i", x - query, x - query))
        found = found.astype(np.float32)
        order = np.lexsort((np.arange(len(x)), found if (metric == "euclidean") != farthest else -found))
        order = order[order != at] if own else order
        indexes.append(order[:k])
        scores.append(found[order[:k]])
    return np.array(indexes), np.array(scores)


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 90),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    order=st.sampled_from("CF"),
    kind=st.sampled_from(["normal", "ties", "copies", "close", "denormal", "large", "ascending", "one row"]),
    metric=st.sampled_from(METRICS),
    k=st.integers(1, 95),
    farthest=st.booleans(),
    own=st.booleans(),
    block_bytes=st.sampled_from([1, 700, 5000, 2**15, 2**25]),
)
@settings(deadline=None, max_examples=300)
def test_neighbours_are_bitwise_those_of_all_pairs(seed, n, dtype, order, kind, metric, k, farthest, own, block_bytes):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, 6))
    queries = rng.standard_normal((7, 6))
    if kind == "ties":
        rows, queries = (rng.integers(-1, 2, each.shape) + 0.0 for each in (rows, queries))
        rows[~rows.any(axis=1), 0] = queries[~queries.any(axis=1), 0] = 1
    elif kind == "copies":  # of three rows
        rows = rows[rng.integers(min(n, 3), size=n)]
    elif kind == "close":  # as near to each other as float32 can tell
        rows = 1 + rng.integers(0, 3, (n, 6)) * 2.0**-23
    elif kind == "denormal":
        rows *= 1e-7 if dtype == np.float16 else 10.0 ** -rng.integers(30, 44)
    elif kind == "large":
        rows *= 1e4 if dtype == np.float16 else 10.0 ** rng.integers(10, 38)
    elif kind == "ascending":  # each row is nearer than all before it
        rows = queries[0] + rows * np.linspace(1, 1e-3, n)[:, None]
    elif kind == "one row":
        rows = np.tile(rows[:1], (n, 1))
    rows, queries = np.array(rows, dtype, order=order), queries.astype(np.float32)
    rows[~rows.any(axis=1), 0] = 1e-7 if kind == "denormal" else 1
    if own:
        queries = np.ascontiguousarray(rows[: len(queries)], np.float32)
    found = nearest(
        rows, queries, k, metric=metric, farthest=farthest, block_bytes=block_bytes,
        exclude=np.arange(len(queries)) if own else None,
        lengths=row_lengths(rows, unchecked) if seed % 2 else None,
    )  # fmt: skip
    indexes, scores = by_the_definition(rows, queries, min(k, n - own), metric, farthest, own)
    np.testing.assert_array_equal(found.indexes, indexes)
    np.testing.assert_array_equal(found.scores.view(np.int32), scores.view(np.int32))


def test_a_search_ends_where_its_check_raises():
    """Between the blocks of rows, and between the candidates that are scored again, of which equal rows make many."""
    for rows in (np.tile(ROWS, (40, 1)), np.tile(ROWS[:1], (12_000, 1))):
        calls = 0

        def count():
            nonlocal calls
            calls += 1

        nearest(rows, ROWS[:1], 5, check=count, block_bytes=2**16)
        assert calls > 50
        last = calls - 1

        def stop():
            nonlocal last
            last -= 1
            if last == 0:
                raise TimeoutError

        with pytest.raises(TimeoutError):
            nearest(rows, ROWS[:1], 5, check=stop, block_bytes=2**16)


def test_memory_does_not_grow_with_the_rows(tmp_path):
    """Candidates of rows that are all alike, and of rows each nearer than the last, are thinned out on the way."""
    n, d = 200_000, 32
    rows = np.lib.format.open_memmap(tmp_path / "rows.npy", "w+", np.float32, (n, d))
    lengths = np.ones(n)
    rows[:, 0] = 1
    query = np.zeros((1, d), np.float32)
    query[0, 0] = 1
    for alike in (True, False):
        if not alike:
            rows[:, 1] = np.linspace(10, 1, n) ** 3
            lengths = row_lengths(rows, unchecked)
        nearest(rows[:1000], query, 10, block_bytes=2**20)
        tracemalloc.start()
        found = nearest(rows, query, 10, lengths=lengths, block_bytes=2**20)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 3 * 2**20
        assert found.indexes[0, 0] == (0 if alike else n - 1)
        assert found.indexes[0].max() == (9 if alike else n - 1)


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
