"""Pooling equals loops."""

import numpy as np
import pytest

from models.video.pooling import pool

RNG = np.random.default_rng(0)


def looped(values, how, groups, k):
    result = {}
    for group in sorted(set(groups)):
        rows = [value for value, other in zip(values.tolist(), groups, strict=True) if other == group]
        columns = [rows] if values.ndim == 1 else list(zip(*rows, strict=True))
        pooled = []
        for column in columns:
            if how == "mean":
                pooled.append(sum(column) / len(column))
            elif how == "max":
                pooled.append(max(column))
            else:
                best = sorted(column, reverse=True)[:k]
                pooled.append(sum(best) / len(best))
        result[group] = pooled[0] if values.ndim == 1 else pooled
    return result


@pytest.mark.parametrize("how", ["mean", "max", "top_k"])
@pytest.mark.parametrize("shape", [(40,), (40, 5)])
@pytest.mark.parametrize("k", [1, 3, 100])
def test_pooling_equals_a_loop(how, shape, k):
    values = RNG.normal(size=shape)
    groups = RNG.integers(0, 7, 40) * 3
    expected = looped(values, how, groups.tolist(), k)
    pooled = pool(values, how, groups, k=k)
    assert pooled.groups.tolist() == list(expected)
    assert pooled.counts.tolist() == [groups.tolist().count(group) for group in expected]
    np.testing.assert_allclose(pooled.values, list(expected.values()), rtol=0, atol=1e-12)


def test_without_groups_all_frames_are_one_video():
    pooled = pool([0.1, 0.9, 0.2], "max")
    assert (pooled.groups.tolist(), pooled.counts.tolist(), pooled.values.tolist()) == ([0], [3], [0.9])


def test_groups_may_be_names():
    pooled = pool([1.0, 2.0, 4.0], "mean", ["b.mp4", "a.mp4", "b.mp4"])
    assert pooled.groups.tolist() == ["a.mp4", "b.mp4"]
    assert pooled.values.tolist() == [2.0, 2.5]


def test_float32_vectors_are_pooled_in_double():
    vectors = np.full((1000, 2), 0.1, np.float32)
    assert pool(vectors, "mean").values.dtype == np.float64
    np.testing.assert_allclose(pool(vectors, "mean").values, [[np.float32(0.1)] * 2], rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([], "mean"), "at least one frame"),
        (([[[1.0]]], "mean"), r"shape \(1, 1, 1\)"),
        (([1.0, float("nan")], "mean"), "NaN"),
        (([1.0], "median"), "'median', must be one of mean, max, top_k"),
        (([1.0, 2.0], "mean", [0]), r"shape \(1,\), must be \(2,\)"),
    ],
)
def test_what_cannot_be_pooled_is_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        pool(*arguments)
    with pytest.raises(ValueError, match="k: got 0"):
        pool([1.0], "top_k", k=0)
