"""Probabilities of categories by tokens, against all answers that a small language model can write."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.annotation.answer_probabilities import choice_probabilities

HEAD = '{"a": "'


def spelled(choice: str, cuts: tuple[int, ...]) -> list[str]:
    """A choice with its closing quote, cut into tokens."""
    text = choice + '"'
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(text)}), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(places)]


def tree(spellings: dict[str, list[str]], weights: dict[str, float]) -> dict[tuple[str, ...], dict[str, float]]:
    """Probability of each next token after each beginning, where choices are written with these probabilities."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for choice, tokens in spellings.items():
        for i, token in enumerate(tokens):
            nexts = found.setdefault(tuple(tokens[:i]), {})
            nexts[token] = nexts.get(token, 0.0) + weights[choice]
    return {
        before: {token: weight / sum(nexts.values()) for token, weight in nexts.items()}
        for before, nexts in found.items()
    }


@given(
    st.lists(st.text("abn", min_size=1, max_size=5), min_size=2, max_size=5, unique=True),
    st.integers(0, 10_000),
)
def test_every_choice_has_the_probability_with_which_the_model_writes_it(choices, seed):
    """One cut of each text at every character: a path for each choice, so its probability is that of its path."""
    rng = random.Random(seed)
    weights = {choice: rng.uniform(0.01, 1) for choice in choices}
    total = sum(weights.values())
    spellings = {choice: spelled(choice, tuple(range(1, len(choice) + 1))) for choice in choices}
    nexts = tree(spellings, weights)
    written = rng.choice(choices)
    tokens = [(HEAD, 0.0, {HEAD: 0.0})]
    for i, token in enumerate(spellings[written]):
        row = nexts[tuple(spellings[written][:i])]
        tokens.append((token, math.log(row[token]), {each: math.log(p) for each, p in row.items()}))
    found = choice_probabilities(tokens, len(HEAD), choices)
    path: list[dict[str, float]] = [nexts[tuple(spellings[written][:i])] for i in range(len(spellings[written]))]
    lost = 0.0  # tokens that lead to several choices, off the path
    before = 1.0
    for i, row in enumerate(path):
        begun = "".join(spellings[written][:i])
        for token, p in row.items():
            ways = [c for c in choices if (c + '"').startswith(begun + token)]
            if token != spellings[written][i] and len(ways) > 1:
                lost += before * p
        before *= row[spellings[written][i]]
    if lost > 0.01:
        assert found is None
        return
    assert found is not None
    shares, covered = found
    assert covered == pytest.approx(1 - lost)
    assert sum(shares.values()) == pytest.approx(1)
    if not lost:
        assert shares == pytest.approx({choice: weight / total for choice, weight in weights.items()})


def test_what_is_no_choice_is_left_out_and_told():
    tokens = [('{"a":', 0.0, {}), (' "yes', math.log(0.6), {' "yes': math.log(0.6), ' "no': math.log(0.2), " 7": -2.0})]
    found = choice_probabilities(tokens, len('{"a": "'), ["yes", "no"])
    assert found is not None
    assert found[0] == pytest.approx({"yes": 0.75, "no": 0.25})
    assert found[1] == pytest.approx(0.8)


def test_a_choice_that_begins_another_is_told_apart_by_its_end():
    tokens = [
        (HEAD, 0.0, {}),
        ("no", 0.0, {"no": 0.0}),
        (' one"', math.log(0.9), {' one"': math.log(0.9), '"': math.log(0.1)}),
    ]
    found = choice_probabilities(tokens, len(HEAD), ["no", "no one"])
    assert found is not None
    assert found[0] == pytest.approx({"no": 0.1, "no one": 0.9})


@pytest.mark.parametrize(
    "tokens",
    [
        [(HEAD, 0.0, {})],
        [(HEAD, 0.0, {}), ("maybe", 0.0, {})],
        [(HEAD, 0.0, {}), ("a", math.log(0.5), {"a": math.log(0.5), "n": math.log(0.5)})],  # n: no, or never
    ],
)
def test_nothing_is_told_where_the_tokens_do_not_tell(tokens):
    assert choice_probabilities(tokens, len(HEAD), ["a", "no", "never"]) is None
