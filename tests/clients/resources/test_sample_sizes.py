"""Samples by the width of an interval: worst case, expected share, a classifier's errors; SDK and command line."""

import csv

import numpy as np
import pytest
from scipy.stats import norm

from daguerre import Client, InvalidRequestError, NotFoundError
from tests.clients.cli.test_group import run
from tests.clients.resources.test_classifier_options import QUICK, TARGETS, TEXTS
from tests.clients.resources.test_classifiers import name


def wilson_width(p, n):
    """Twice the half-width of Wilson (1927)."""
    z = norm.ppf(0.975)
    return 2 * z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))


@pytest.mark.parametrize("share", [None, 0.1])
def test_a_simple_sample_is_as_large_as_its_width_needs(client: Client, share):
    drawn = client.sample(for_width=0.1, expected_share=share, n=5000)
    p = share or 0.5
    assert wilson_width(p, len(drawn)) < 0.1005
    assert wilson_width(p, len(drawn) - 8) > 0.1
    assert f"needs {len(drawn):,} coded items" in drawn.remarks[0]
    assert np.allclose(drawn.inclusion_prob, len(drawn) / 5000)


@pytest.mark.parametrize("allocation", ["proportional", "equal", "floor"])
def test_strata_need_more_where_weights_are_unequal(client: Client, allocation):
    strata = ["a"] * 4000 + ["b"] * 800 + ["c"] * 200
    simple = len(client.sample(for_width=0.1, n=5000))
    drawn = client.sample(for_width=0.1, strata=strata, allocation=allocation, floor=60)
    weights = 1 / drawn.inclusion_prob
    kish = weights.sum() ** 2 / (weights**2).sum()
    assert kish == pytest.approx(simple, rel=0.02)
    assert (len(drawn) > 1.3 * simple) == (allocation == "equal")


def test_a_corpus_that_is_too_small_is_drawn_whole(client: Client):
    drawn = client.sample(for_width=0.03, n=300)
    assert len(drawn) == 300
    assert "The corpus has 300: all of them are drawn" in drawn.remarks[0]


def test_a_classifier_makes_samples_smaller(client: Client):
    clf = client.train_classifier(name(), texts=TEXTS, targets=TARGETS, **QUICK)
    drawn = client.sample(for_width=0.1, classifier=clf, n=5000)
    assert len(drawn) < 0.8 * len(client.sample(for_width=0.1, n=5000))
    assert clf.id in drawn.remarks[0]
    spread = clf.report["learning"]["spreads"]
    assert set(spread) == {"glad", "sad"}
    assert len(client.sample(for_width=0.1, classifier=clf.id, n=5000)) == len(drawn)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"for_width": 1.5, "n": 100}, "for_width: got 1.5; must be above 0 and below 1"),
        ({"for_width": 0.1, "scores": [0.1, 0.2]}, "purposive sample allows no interval"),
        ({"for_width": 0.1, "n": 100, "expected_share": 0.2, "classifier": "any"}, "expected_share: got it with"),
    ],
)
def test_contradictions_are_refused(client: Client, fields, words):
    with pytest.raises(InvalidRequestError, match=words):
        client.sample(**fields)


def test_arguments_that_do_not_fit(client: Client):
    for fields in ({}, {"size": 3, "for_width": 0.1}):
        with pytest.raises(ValueError, match="give one of them"):
            client.sample(**fields, n=100)
    with pytest.raises(ValueError, match="are for for_width"):
        client.sample(3, n=100, expected_share=0.2)
    with pytest.raises(NotFoundError):
        client.sample(for_width=0.1, n=100, classifier="not-there")


def test_the_command_has_the_same(inline, tmp_path):
    table = tmp_path / "clusters.csv"
    rows = [[f"i{i}.png", i % 3] for i in range(900)]
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "cluster"], *rows])
    out = tmp_path / "sample.csv"
    done = run(inline, "sample", table, "--for-width", "0.1", "--expected-share", "0.2", "-o", out)
    assert "A 95 % interval 0.1 wide (plus or minus 0.05) needs" in done.stderr
    assert 230 < len(out.read_text().splitlines()) < 260
    assert "give either --size or --for-width" in run(inline, "sample", table, "-o", out, code=2).stderr
    done = run(inline, "sample", table, "--size", "3", "--classifier", "a", "-o", out, code=2)
    assert "need --for-width" in done.stderr
