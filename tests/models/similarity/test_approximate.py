"""Duplicates by an index: the groups of all pairs where all were found, never a wrong pair, and an honest share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from models.errors import ClusteringError
from models.similarity import approximate as module
from models.similarity import pairs
from models.similarity.approximate import approximate
from models.similarity.duplicates import semantic
from models.similarity.pairs import Components, keys_of, starred
from models.vectors import row_lengths
from tests.models.similarity.test_duplicates import cosines, stars

ALL = 10**6  # cells to probe, which is all


def corpus(seed, n=400, d=16):
    """(n, d) of which a third are near-copies of others, some of them of copies, and a tenth equal others."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, d)).astype(np.float32)
    for at in rng.permutation(n)[: n // 3]:
        rows[at] = rows[rng.integers(n)] + rng.uniform(0, 0.4) * rng.standard_normal(d)
    rows[rng.permutation(n)[: n // 10]] = rows[rng.integers(n, size=n // 10)]
    return rows


@given(
    seed=st.integers(0, 10**6),
    n=st.sampled_from([2, 3, 60, 400]),
    threshold=st.sampled_from([0.5, 0.9, 0.95, 1.0]),
    linkage=st.sampled_from(["single", "star"]),
    preferred=st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_groups_are_the_exact_ones_where_all_cells_are_probed(seed, n, threshold, linkage, preferred):
    rows = corpus(seed, n)
    preference = np.random.default_rng(seed).integers(0, 3, n) if preferred else None
    options = {"threshold": threshold, "linkage": linkage, "preference": preference}
    found, exact = approximate(rows, probes=ALL, **options), semantic(rows, **options)
    assert found.groups == exact.groups
    assert (found.method, exact.method, exact.recall) == ("approximate", "exact", None)
    distinct = np.unique(rows, axis=0)
    within = np.triu(cosines(distinct) >= threshold, 1)
    assert found.recall == module.Recall(rows=len(distinct), pairs=within.sum(), found=within.sum())
    assert found.kept.tolist() == exact.kept.tolist()


def clouds(n=4000, d=24, seed=0):
    """(n, d) in overlapping clouds, so that cells of an index cut through pairs."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((40, d))[rng.integers(40, size=n)] + 0.3 * rng.standard_normal((n, d))
    return rows.astype(np.float32)


def test_with_few_cells_no_pair_is_wrong_and_the_share_found_is_said():
    rows = clouds()
    within = cosines(rows) >= 0.97
    np.fill_diagonal(within, False)
    found = approximate(rows, threshold=0.97, probes=1)
    labels = np.arange(len(rows))
    for group in found.groups:
        labels[list(group.members)] = group.members[0]
        part = within[np.ix_(group.members, group.members)]  # connected by pairs that are right
        assert connected_components(part, directed=False)[0] == 1
    together = within & (labels[:, None] == labels)
    assert together.sum() < within.sum()  # some are missed, or this tests nothing
    sample = np.random.default_rng(0).choice(len(rows), 1000, replace=False)
    mask = np.zeros(len(rows), bool)
    mask[sample] = True
    pairs_of_sample = np.triu(within, 1) & (mask[:, None] | mask)
    recall = found.recall
    assert (recall.rows, recall.pairs) == (1000, pairs_of_sample.sum())
    assert 0.3 * recall.pairs < recall.found < recall.pairs
    assert recall.found <= (pairs_of_sample & together).sum()
    assert f"of {recall.pairs:,} pairs of 1,000 random rows, {recall.found:,} were found" in " ".join(found.remarks)
    again = approximate(rows, threshold=0.97, probes=1, threads=2)
    assert (again.groups, again.recall) == (found.groups, found.recall)
    more = approximate(rows, threshold=0.97, probes=8).recall
    assert more.found > recall.found
    star = approximate(rows, threshold=0.97, probes=1, linkage="star")
    assert all(min(group.similarity) >= 0.97 for group in star.groups)
    assert star.recall == recall


def test_a_mapped_file_with_rows_left_out_is_as_an_array(tmp_path):
    rows = corpus(3)
    every = np.full((450, 16), np.nan, np.float32)
    which = np.sort(np.random.default_rng(0).permutation(450)[:400])
    every[which] = rows
    np.save(tmp_path / "rows.npy", every)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    lengths = row_lengths(every, lambda: None)
    found = approximate(mapped, which=which, lengths=lengths, threshold=0.95)
    assert found == approximate(rows, threshold=0.95)
    learned = approximate(mapped, which=which), semantic(rows)
    assert learned[0].threshold == learned[1].threshold
    assert learned[0].reason == learned[1].reason


def test_many_pairs_need_little_memory_or_are_refused(monkeypatch):
    """A corpus of one picture with noise: n² / 2 pairs, which single linkage does not hold."""
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal(16) + 0.01 * rng.standard_normal((1500, 16))).astype(np.float32)
    monkeypatch.setattr(module, "SAMPLE_PAIRS", 20_000)
    found = approximate(rows, threshold=0.99, probes=ALL)
    assert [len(group.members) for group in found.groups] == [1500]
    assert found.recall.rows < 20
    assert found.recall.pairs == found.recall.found <= 20_000
    monkeypatch.setattr(module, "MOST_PAIRS", 100_000)
    with pytest.raises(ClusteringError, match="more than 100,000 pairs") as caught:
        approximate(rows, threshold=0.99, linkage="star")
    assert caught.value.code == "too_many_pairs"


def test_progress_rises_and_what_it_raises_ends_the_search():
    progress = []
    approximate(clouds(500), threshold=0.9, report=lambda share, stage: progress.append(share))
    assert progress == sorted(progress)
    assert progress[-1] > 0.9
    for last in range(1, len(progress), 3):
        calls = iter(range(last))

        def stop(share, stage, calls=calls):
            if next(calls, None) is None:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            approximate(clouds(500), threshold=0.9, report=stop)


@pytest.mark.parametrize("block", [2**22, 450])  # the rows of a block are no multiple of those that are hashed at once
def test_equal_rows_are_those_of_numpy(monkeypatch: pytest.MonkeyPatch, block: int):
    monkeypatch.setattr(pairs, "BLOCK", block)
    rows = np.random.default_rng(0).integers(-1, 2, (200, 3)).astype(np.float32)
    rows[~rows.any(axis=1)] = 1
    rows[rows == 0] *= np.where(np.random.default_rng(1).random((rows == 0).sum()) < 0.5, -1, 1)  # -0.0 is 0.0
    _, first, groups = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    every = pairs.Rows.of(rows, None, None, lambda: None)
    assert pairs.equal_rows(every, lambda: None).tolist() == first[groups].tolist()


@given(
    edges=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)).filter(lambda e: e[0] != e[1]), max_size=40),
    preference=st.lists(st.integers(0, 3), min_size=20, max_size=20),
)
@settings(deadline=None)
def test_groups_from_pairs_are_those_of_the_matrix(edges, preference):
    within = np.eye(20, dtype=bool)
    components = Components(20)
    for a, b in edges:
        within[a, b] = within[b, a] = True
        components.join(np.array([a]), np.array([b]))
    theirs = connected_components(within, directed=False)[1]
    ours = components.labels()
    assert ((theirs[:, None] == theirs) == (ours[:, None] == ours)).all()
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    order = np.lexsort((np.arange(20), -np.array(preference)))
    labels = starred(np.unique(keys_of(left, right, 20)), 20, order)
    found = {int(i): tuple(np.flatnonzero(labels == i).tolist()) for i in set(labels.tolist())}
    assert {i: members for i, members in found.items() if len(members) > 1} == stars(within, preference)


@pytest.mark.parametrize(
    ("rows", "options", "code", "words"),
    [
        (np.ones((3, 2)), {"threshold": 1.1}, "bad_option", "got 1.1"),
        (np.ones((3, 2)), {"linkage": "complete"}, "bad_option", "'complete'"),
        (np.ones((3, 2)), {"preference": [1]}, "bad_option", "for 3 items"),
        (np.ones(3), {}, "bad_shape", "2-D"),
        (np.array([[1, 1], [0, 0]]), {}, "zero_vectors", "row 1 "),
        (np.array([[1, np.nan], [0, 0]]), {}, "nan_vectors", "row 0 "),
    ],
)
def test_what_cannot_be_grouped_is_refused(rows, options, code, words):
    with pytest.raises(ClusteringError, match=words) as caught:
        approximate(rows, **options)
    assert caught.value.code == code


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ClusteringError, match=r"daguerre-service\[large\]") as caught:
        approximate(np.ones((3, 2)))
    assert caught.value.code == "missing_package"
