"""Character and word error rates, against the definition of the edit distance."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.analysers.evaluation_intervals import ratio_figures
from models.analysers.evaluation_text import edit_distance, error_rates, evaluate
from models.errors import AgreementError

WORDS = st.text(alphabet="abé ", max_size=8)


def by_definition(true: str, read: str) -> int:
    """The recurrence of Wagner and Fischer (1974), as it is written."""

    @cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        substituted = distance(i - 1, j - 1) + (true[i - 1] != read[j - 1])
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, substituted)

    return distance(len(true), len(read))


@given(true=WORDS, read=WORDS)
def test_the_edit_distance_is_that_of_the_definition(true: str, read: str) -> None:
    assert edit_distance(true, read) == by_definition(true, read) == edit_distance(read, true)


@given(a=WORDS, b=WORDS, c=WORDS)
def test_the_edit_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


def test_rates_are_of_sums_over_all_texts() -> None:
    rates = error_rates(
        [("Drejtësi për të gjithë", "Drejtesi per të gjithë"), ("Nein danke!", "Nein  danke!"), ("a", "")]
    )
    assert (rates.character_edits, rates.characters) == (3, 34)
    assert (rates.word_edits, rates.words) == (3, 7)
    assert (rates.exact, rates.texts) == (1, 3)
    assert rates.character_error_rate == pytest.approx(3 / 34)
    assert rates.word_error_rate == pytest.approx(3 / 7)


def test_texts_are_compared_composed_and_where_asked_without_case() -> None:
    assert error_rates([("é", "e\u0301")]).character_edits == 0
    assert error_rates([("İzmir STRASSE", "i\u0307zmir straße")], ignore_case=True).character_edits == 0
    assert error_rates([("A", "a")]).character_edits == 1


def test_without_true_texts_there_is_no_rate() -> None:
    rates = error_rates([("", "rubbish")])
    assert rates.character_edits == 7
    assert rates.character_error_rate is None
    assert error_rates([]).word_error_rate is None


LONG = st.text(alphabet="ab", min_size=60, max_size=140)


@given(true=LONG, read=LONG)
def test_long_texts_have_the_distance_of_the_definition(true: str, read: str) -> None:
    """Longer than a machine word, with letters that are frequent and rare."""
    row = list(range(len(read) + 1))
    for i, a in enumerate(true, 1):
        row, before = [i], row
        for j, b in enumerate(read, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
    assert edit_distance(true, read) == row[-1]


def test_whitespace_is_treated_as_asked() -> None:
    pair = ("ab  cd\nef", "ab cd ef ")
    assert error_rates([pair]).character_edits == 0
    assert error_rates([pair], whitespace="keep").character_edits == 3
    assert error_rates([("抗议 活动", "抗议活动")]).character_edits == 1
    assert error_rates([("抗议 活动", "抗议活动")], whitespace="remove").character_edits == 0
    assert error_rates([("抗议 活动", "抗议活动")], whitespace="remove").word_edits == 2


def test_a_report_has_rates_of_each_picture_and_of_all() -> None:
    pairs = [("abcd ef", "abcd ef"), ("abcd", "abxd"), ("", "zz")]
    report = evaluate(pairs)
    assert [(one.character_edits, one.characters) for one in report.each] == [(0, 7), (1, 4), (2, 0)]
    assert report.character_error_rate.value == pytest.approx(3 / 11)
    assert report.word_error_rate.value == pytest.approx(2 / 3)
    assert report.exact.value == pytest.approx(1 / 3)
    assert np.isnan(report.character_error_rate.low)
    assert "3 pictures have no interval" in report.remarks[0]
    assert "1 pictures have no true text: the 2 characters" in report.remarks[1]


def test_intervals_need_twenty_pictures_and_errors() -> None:
    rng = np.random.default_rng(0)
    pairs = [("abcdefghij", "abcdefghij"[: rng.integers(5, 11)]) for _ in range(40)]
    rate = evaluate(pairs).character_error_rate
    assert 0 <= rate.low < rate.value < rate.high
    assert np.isnan(evaluate(pairs[:19]).character_error_rate.low)
    perfect = evaluate([("abc", "abc")] * 30)
    assert (perfect.character_error_rate.value, np.isnan(perfect.character_error_rate.low)) == (0, True)
    assert 0.8 < perfect.exact.low < 1
    assert "was read without an error" in perfect.remarks[0]
    nothing = evaluate([("", "")] * 30)
    assert np.isnan(nothing.character_error_rate.value)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([], "got no pictures"),
        ([("a" * 50_001, "")], "one has 50,001 characters, at most 50,000"),
        ([("a" * 40_000, "b" * 40_000)] * 2, "multiply to 3,200,000,000 over 2 pictures"),
    ],
)
def test_hostile_texts_are_refused(pairs, words: str) -> None:
    with pytest.raises(AgreementError) as caught:
        evaluate(pairs)
    assert words in caught.value.message


def studies(rng: np.random.Generator, n: int, studies: int):
    """Pictures of studies: lengths are lognormal, error rates vary between pictures."""
    lengths = np.maximum(1, rng.lognormal(4, 1, (studies, n)).astype(int))
    return rng.binomial(lengths, rng.beta(1, 6, (studies, n))), lengths


@pytest.mark.parametrize(("n", "least"), [(20, 0.87), (100, 0.91)])
def test_coverage_of_intervals_of_error_rates(n: int, least: float) -> None:
    rng = np.random.default_rng(n)
    edits, lengths = studies(rng, 1_000, 2_000)
    truth = edits.sum() / lengths.sum()
    covered = 0
    for own, length in zip(*studies(rng, n, 300), strict=True):
        figure = ratio_figures(own[None].astype(float), length.astype(float), seed=1, resamples=300)[0]
        covered += figure.low <= truth <= figure.high
    assert least <= covered / 300 <= 0.99
