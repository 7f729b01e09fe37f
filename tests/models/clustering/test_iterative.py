"""The iterative algorithm, beside the same steps written with scikit-learn."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_samples, silhouette_score

from models.clustering.choose_k import choose_k, kmeans
from models.clustering.iterative import iterative
from models.clustering.options import Options
from tests.models.clouds import clouds


def plain(x, options):
    """The five steps of the source, with scikit-learn and nothing of ours."""
    rng = np.random.default_rng(options.seed)
    labels, rest, in_vain, found = np.full(len(x), -1), np.arange(len(x)), 0, 0
    while len(rest) > options.stop_size and in_vain < options.patience:
        seed, here = int(rng.integers(2**31)), x[rest]
        sample = here
        if len(here) > options.sample_size:
            sample = here[np.sort(rng.choice(len(here), options.sample_size, replace=False))]
        scores, averages = [], []
        for k in range(options.step, len(sample), options.step):
            fitted = KMeans(k, n_init=1, random_state=seed).fit(sample)
            scores.append(silhouette_score(sample, fitted.labels_, metric=options.metric))
            if len(scores) >= options.window:
                averages.append(np.mean(scores[-options.window :]))
            if len(averages) > 1 and averages[-1] <= averages[-2]:
                break
        fitted = KMeans(k, n_init=1, random_state=seed).fit(here)
        each = silhouette_samples(here, fitted.labels_, metric=options.metric)
        cohesive = [
            c
            for c in range(k)
            if each[fitted.labels_ == c].mean() > options.threshold and (fitted.labels_ == c).sum() >= 2
        ]
        for c in cohesive:
            labels[rest[fitted.labels_ == c]] = found
            found += 1
        in_vain = 0 if cohesive else in_vain + 1
        rest = rest[~np.isin(fitted.labels_, cohesive)]
    return labels


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_gives_what_the_same_steps_in_scikit_learn_give(metric, seed):
    x, _ = clouds((300, 150, 80, 60, 40, 30, 20, 15, 10, 8, 5, 5), spread=0.9, seed=seed)
    options = Options(metric=metric, seed=seed, sample_size=400, k_rule="stop").with_defaults()
    expected = plain(x, options)
    found = iterative(x.copy(), options)
    assert adjusted_rand_score(expected, found.labels) > 0.99
    assert ((expected < 0) == (found.labels < 0)).mean() > 0.99
    assert found.labels.max() > 3  # it is not a comparison of nothing with nothing


def test_the_same_seed_gives_the_same_and_the_rows_stay_where_they_were():
    x, _ = clouds((200, 100, 50, 25, 12, 6), spread=0.8)
    first, second = x.copy(), x.copy()
    one, two = iterative(first, Options().with_defaults()), iterative(second, Options().with_defaults())
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.silhouettes, two.silhouettes)
    np.testing.assert_allclose(first, x, atol=1e-6)  # k-means has centred them in place, and put them back


def test_big_clusters_come_first_and_are_numbered_by_size_within_a_pass():
    x, _ = clouds((200, 100, 50, 25, 12, 6), spread=0.5)
    found = iterative(x, Options(k_rule="best").with_defaults())
    sizes = np.bincount(found.labels[found.labels >= 0])
    for number in set(found.passes):
        within = [size for size, each in zip(sizes, found.passes, strict=True) if each == number]
        assert within == sorted(within, reverse=True)
    assert found.passes == tuple(sorted(found.passes))


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 90),
    seed=st.integers(0, 1000),
    stop=st.integers(0, 30),
    least=st.integers(2, 6),
    cohesion=st.sampled_from(["cluster", "image"]),
    threshold=st.floats(-0.2, 0.5),
    spread=st.floats(0, 2),
)
def test_whatever_it_is_given_it_ends_and_keeps_its_rules(n, seed, stop, least, cohesion, threshold, spread):
    rng = np.random.default_rng(seed)
    x, _ = clouds(tuple(rng.multinomial(n, [0.5, 0.3, 0.2])), spread=spread, seed=seed, dimension=6)
    options = Options(
        stop_size=stop, min_cluster_size=least, cohesion=cohesion, threshold=threshold, seed=seed
    ).with_defaults()
    found = iterative(x, options)
    sizes = np.bincount(found.labels[found.labels >= 0])
    assert (sizes >= least).all()
    assert (np.isnan(found.silhouettes) == (found.labels < 0)).all()
    if cohesion == "image":
        assert (found.silhouettes[found.labels >= 0] > threshold).all()
    for c in range(len(sizes)):
        assert found.silhouettes[found.labels == c].mean() > threshold
    left = int((found.labels < 0).sum())
    assert sum(each.taken for each in found.trace) == n - left
    if found.ended == "patience":
        assert [each.taken for each in found.trace[-options.patience :]] == [0] * options.patience
    else:
        assert left <= max(stop, 2)


def test_passes_in_vain_draw_another_sample_each():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 64)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    found = iterative(x, Options(sample_size=100, threshold=0.5).with_defaults())
    assert found.ended == "patience"
    assert len({each.seed for each in found.trace}) == len(found.trace) == 3


def test_weights_count_as_copies_do():
    x, _ = clouds((60, 40, 20), spread=0.3)
    weights = np.where(np.arange(120) % 3 == 0, 2.0, 1.0)
    copies = np.repeat(x, weights.astype(int), axis=0)
    weighted = KMeans(3, n_init=1, random_state=0).fit(x, sample_weight=weights).inertia_
    assert kmeans(x, 3, seed=0, weights=weights).inertia == pytest.approx(weighted, rel=1e-4)
    assert kmeans(copies, 3, seed=0).inertia == pytest.approx(weighted, rel=0.05)


def test_the_curve_is_scikit_learns_and_stops_where_its_average_no_longer_rises():
    x, _ = clouds((60, 50, 40, 30, 30, 30, 30, 30), spread=0.5)
    options = Options(step=2, window=3, k_rule="stop").with_defaults()
    choice = choose_k(x, options, seed=5)
    for each in choice.tried:
        labels = KMeans(each.k, n_init=1, random_state=5).fit(x).labels_
        assert each.score == pytest.approx(silhouette_score(x, labels, metric="cosine"), abs=1e-5)
    averages = [each.average for each in choice.tried if each.average is not None]
    assert all(b > a for a, b in pairwise(averages[:-1]))
    assert averages[-1] <= averages[-2]
    assert choice.k == choice.tried[-1].k
    best = choose_k(x, replace(options, k_rule="best"), seed=5)
    assert best.k == max(best.tried, key=lambda each: each.score).k


def test_a_k_at_the_edge_is_said_to_be_there():
    x, _ = clouds((100, 100), spread=0.3)
    assert choose_k(x, Options(k_rule="stop").with_defaults(), seed=0).edge == "low"  # silhouettes fall from K = 5 on
    assert (
        choose_k(x, Options(k_max=15, k_rule="stop").with_defaults(), seed=0).edge == "high"
    )  # too few K's for two averages
    assert choose_k(x, Options(k_max=5, k_rule="stop").with_defaults(), seed=0).edge == "only"
    assert choose_k(x, Options(k_min=2, step=1, window=1, k_rule="best").with_defaults(), seed=0).edge == "low"


def test_inertia_needs_an_improvement_that_is_relative():
    x, _ = clouds((100, 80, 60, 40), spread=0.2)
    choice = choose_k(x, Options(fit="inertia", step=1, k_min=2, window=1, min_improvement=0.2).with_defaults(), seed=0)
    scores = [each.score for each in choice.tried]
    assert all(b < 0.8 * a for a, b in pairwise(scores[:-1]))
    assert scores[-1] >= 0.8 * scores[-2]
