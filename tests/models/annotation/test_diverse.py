"""Diverse samples: farthest first, without copies while others are left, whatever the order of the items."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.annotation import diverse as module
from models.annotation.diverse import diverse
from models.errors import ClusteringError


def cloud(n: int, d: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def by_comparing_all(rows: np.ndarray, first: int, size: int) -> list[int]:
    """Farthest-first traversal in float64, all distances with each new item."""
    units = rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1)[:, None]
    drawn = [first]
    nearest = units @ units[first]
    while len(drawn) < size:
        drawn.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, units @ units[drawn[-1]])
    return drawn


@settings(max_examples=60, deadline=None)
@given(n=st.integers(2, 80), share=st.floats(0, 1), diversity=st.floats(0, 1), seed=st.integers(0, 99))
def test_a_draw_is_that_of_comparing_all_candidates(n, share, diversity, seed):
    rows, scores = cloud(n, seed=seed), np.random.default_rng(seed).permutation(n)
    size = max(1, round(share * n))
    draw = diverse(rows, size, diversity=diversity, scores=scores.tolist())
    candidates = np.argsort(-scores)[: max(size, round(size ** (1 - diversity) * n**diversity))]
    expected = candidates[by_comparing_all(rows[candidates], 0, size)]
    assert draw.indexes.tolist() == expected.tolist()
    assert draw.candidates == len(candidates)
    assert draw.copies == 0
    assert not draw.fit_for_inference
    assert draw.inclusion_prob is None


@pytest.mark.parametrize("batch", [2, 7, 64])
def test_small_batches_give_the_same(batch, monkeypatch):
    rows = cloud(300)
    whole = diverse(rows, 60, diversity=1, scores=list(range(300)))
    monkeypatch.setattr(module, "BATCH", batch)
    monkeypatch.setattr(module, "BLOCK", 64)
    assert diverse(rows, 60, diversity=1, scores=list(range(300))).indexes.tolist() == whole.indexes.tolist()
    assert whole.indexes.tolist() == by_comparing_all(rows, 299, 60)


def test_the_smallest_distance_is_that_of_the_drawn_items():
    rows = cloud(200)
    draw = diverse(rows, 20, diversity=0.7, scores=list(range(200)))
    units = rows[draw.indexes] / np.linalg.norm(rows[draw.indexes], axis=1)[:, None]
    cosines = units @ units.T - 2 * np.eye(20)
    assert draw.smallest_distance == pytest.approx(1 - cosines.max(), abs=1e-6)
    assert f"{draw.smallest_distance:.4g}" in " ".join(draw.remarks)
    assert diverse(rows, 1, diversity=1).smallest_distance is None


@settings(max_examples=60, deadline=None)
@given(
    copies=st.lists(st.integers(1, 12), min_size=2, max_size=15),
    diversity=st.floats(0, 1),
    share=st.floats(0, 1),
    scored=st.booleans(),
    seed=st.integers(0, 99),
)
def test_no_copy_is_drawn_while_others_are_left_and_order_does_not_matter(copies, diversity, share, scored, seed):
    rng = np.random.default_rng(seed)
    kind = np.repeat(np.arange(len(copies)), copies)
    wobble = 1 + 1e-7 * rng.standard_normal((len(kind), 1))
    rows = (cloud(len(copies), seed=seed)[kind] * (wobble if seed % 2 else rng.uniform(0.5, 2, (len(kind), 1)))).astype(
        np.float32
    )
    scores = np.repeat(rng.random(len(copies)), copies)
    size = max(1, round(share * len(kind)))
    ids = [f"item {i:03}" for i in range(len(kind))]

    def drawn(order):
        draw = diverse(
            rows[order],
            size,
            diversity=diversity,
            scores=scores[order].tolist() if scored else None,
            ids=[ids[i] for i in order],
            seed=seed,
        )
        assert len(set(draw.indexes.tolist())) == size
        return draw, order[draw.indexes].tolist()

    draw, first = drawn(np.arange(len(kind)))
    assert len(set(kind[first].tolist())) == min(size, len(copies))
    assert drawn(rng.permutation(len(kind)))[1] == first
    if size > len(copies):
        assert f"Only {len(copies)} of {len(kind)} items differ" in draw.remarks[-1]


def test_fifty_copies_of_the_best_match_are_drawn_once():
    rows, scores = cloud(1000, 32), np.random.default_rng(1).random(1000)
    rows[100:150], scores[100:150] = rows[100], 2.0
    for diversity in (0, 0.3, 0.5, 1):
        draw = diverse(rows, 50, diversity=diversity, scores=scores.tolist())
        assert draw.indexes[0] == 100
        assert ((draw.indexes >= 100) & (draw.indexes < 150)).sum() == 1
        assert draw.copies == 49
        assert "49 candidates that are copies of a drawn item were left out" in " ".join(draw.remarks)
    best = [100, *[i for i in np.argsort(-scores).tolist() if not 100 <= i < 150][:49]]
    assert set(diverse(rows, 50, diversity=0, scores=scores.tolist()).indexes.tolist()) == set(best)


def test_more_diversity_is_farther_apart_and_lower_in_score():
    rows, scores = cloud(2000, 16), np.random.default_rng(1).random(2000)
    draws = [diverse(rows, 30, diversity=d, scores=scores.tolist()) for d in (0, 0.3, 0.6, 1)]
    distances = [draw.smallest_distance for draw in draws]
    means = [scores[draw.indexes].mean() for draw in draws]
    assert distances == sorted(distances)
    assert means == sorted(means, reverse=True)


def test_without_scores_candidates_are_drawn_at_random():
    rows = cloud(500)
    times = np.zeros(500)
    for seed in range(300):
        draw = diverse(rows, 50, diversity=0, seed=seed)
        times[draw.indexes] += 1
    assert abs(times - 30).max() < 5.5 * np.sqrt(300 * 0.1 * 0.9)
    assert (
        diverse(rows, 50, diversity=0.5, seed=3).indexes.tolist()
        == diverse(rows, 50, diversity=0.5, seed=3).indexes.tolist()
    )


def test_many_candidates_are_limited_and_that_is_stated(monkeypatch):
    rows = cloud(1000)
    monkeypatch.setattr(module, "MOST_CANDIDATES", 100)
    draw = diverse(rows, 10, diversity=1, scores=list(range(1000)))
    assert draw.candidates == 100
    assert draw.indexes.min() >= 900
    assert "asks for 1,000 candidates; for 10 draws from vectors of 8 numbers at most 100" in " ".join(draw.remarks)
    assert diverse(rows, 200, diversity=1).candidates == 200


def test_memory_mapped_half_precision_is_read_block_by_block(tmp_path):
    rows = cloud(300).astype(np.float16)
    np.save(tmp_path / "x.npy", rows)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    whole = diverse(rows, 20, diversity=0.8)
    assert diverse(mapped, 20, diversity=0.8).indexes.tolist() == whole.indexes.tolist()


class Stopped(Exception):
    pass


def test_a_draw_can_be_stopped():
    def check():
        raise Stopped

    with pytest.raises(Stopped):
        diverse(cloud(100), 10, diversity=1, check=check)


def spoiled(value: float) -> np.ndarray:
    rows = cloud(20)
    rows[13, 2] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "options", "code", "says"),
    [
        (cloud(20), {"size": 21}, "invalid_size", "got 21, and there are 20 items to draw from"),
        (cloud(20), {"scores": [1.0] * 19}, "lengths_differ", "20 for 19 scores"),
        (cloud(20), {"scores": [1.0] * 19 + [float("nan")]}, "invalid_scores", "got nan for item 19"),
        (spoiled(float("nan")), {}, "nan_vectors", "item 13 has NaN"),
        (spoiled(float("inf")), {}, "nan_vectors", "item 13 has NaN or infinity"),
        (np.vstack([cloud(4), np.zeros((1, 8))]), {"size": 2}, "zero_vectors", "item 4 is all zeros"),
        (np.ones((5, 0), np.float32), {"size": 2}, "bad_shape", "shape (5, 0)"),
        (np.ones(5, np.float32), {"size": 2}, "bad_shape", "shape (5,)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(rows, options, code, says):
    with pytest.raises(ClusteringError, match=says.replace("(", r"\(").replace(")", r"\)")) as caught:
        diverse(rows, options.pop("size", 5), diversity=0.5, **options)
    assert caught.value.code == code
