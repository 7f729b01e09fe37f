"""The default threshold of duplicates in corpora whose copies are known."""

import numpy as np
import pytest

from models.similarity.duplicates import semantic


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def corpus(items, copies, mean, *, noise=0.35, d=128, seed=0):
    """`items` unrelated items of a mean cosine, each `copies` times with noise; and the item of each row."""
    rng = np.random.default_rng(seed)
    base = np.sqrt(mean) * unit(rng.standard_normal((1, d))) + np.sqrt(1 - mean) * unit(rng.standard_normal((items, d)))
    which = np.repeat(np.arange(items), copies)
    scale = rng.uniform(0, noise, (len(which), 1)) * np.sqrt(1 - mean) if copies > 1 else 0
    return unit(unit(base)[which] + scale * unit(rng.standard_normal((len(which), d)))), which


@pytest.mark.parametrize("mean", [0.0, 0.5, 0.975])
@pytest.mark.parametrize("d", [32, 64, 512])
def test_unrelated_items_are_no_duplicates_in_any_space(mean, d):
    rows, _ = corpus(1000, 1, mean, d=d)
    found = semantic(rows)
    assert (found.groups, found.origin, found.remarks) == ((), "corpus", ())
    assert "learned from the corpus" in str(found.reason)


@pytest.mark.parametrize("mean", [0.0, 0.6, 0.95])
@pytest.mark.parametrize(("items", "copies"), [(10, 2), (3, 10), (5, 10), (25, 2), (100, 2), (50, 10)])
def test_copies_are_found_in_any_space(items, copies, mean):
    rows, which = corpus(items, copies, mean)
    groups = [group.members for group in semantic(rows).groups]
    assert sorted(groups) == [tuple(np.flatnonzero(which == item).tolist()) for item in range(items)]


def test_a_tight_cluster_is_no_group_of_duplicates():
    rng = np.random.default_rng(0)
    which = np.repeat(np.arange(5), 80)
    rows = unit(unit(rng.standard_normal((5, 64)))[which] + 0.05 * rng.standard_normal((400, 64)))  # cosines about 0.87
    assert max((len(group.members) for group in semantic(rows).groups), default=0) < 5


def test_a_threshold_within_the_bulk_is_used_with_a_remark():
    rows, _ = corpus(1000, 1, 0.975, d=64)
    found = semantic(rows, threshold=0.95)
    assert (found.threshold, found.origin, len(found.groups)) == (0.95, "given", 1)
    assert "within the bulk" in found.remarks[0]
    assert semantic(corpus(1000, 1, 0.0)[0], threshold=0.95).remarks == ()


@pytest.mark.parametrize("n", [1, 2, 5, 19])
def test_a_small_corpus_falls_back_and_says_so(n):
    rows, _ = corpus(n, 1, 0.0)
    found = semantic(rows)
    assert (found.threshold, found.origin) == (0.95, "fallback")
    assert "too few" in found.remarks[0]
    known = semantic(rows, unrelated=0.141)
    assert (known.origin, known.threshold) == ("model", pytest.approx(0.88, abs=0.001))


def test_a_small_corpus_of_an_anisotropic_space_is_remarked_on():
    found = semantic(corpus(10, 1, 0.975)[0])
    assert any("within the bulk" in remark for remark in found.remarks)


def test_equal_rows_are_one_group_by_default():
    rows = np.tile(np.random.default_rng(0).standard_normal(16).astype(np.float32), (50, 1))
    assert [len(group.members) for group in semantic(rows).groups] == [50]


@pytest.mark.parametrize("linkage", ["single", "star"])
def test_groups_are_the_same_with_and_without_outlines(linkage, monkeypatch):
    rows, _ = corpus(4500, 2, 0.5, d=128)
    fast = semantic(rows, threshold=0.9, linkage=linkage)
    monkeypatch.setattr("models.similarity.duplicates.outline", lambda unit, least: None)
    assert semantic(rows, threshold=0.9, linkage=linkage) == fast
