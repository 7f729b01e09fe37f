"""The grid of a multiverse has every combination once, and the predictions that its choices mean."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from daguerre.inputs.multiverse import BEST, OWN, SCORE, check_size, read_grid

WORDS = st.text("abcdefg", min_size=1, max_size=6)


@st.composite
def grids(draw):
    words = draw(st.lists(WORDS, min_size=4, max_size=9, unique=True))
    names = draw(st.integers(2, min(4, len(words))))
    labels = {f"label {i}": words[i::names] for i in range(names)}
    templates = draw(st.lists(st.sampled_from(["{}", "a photo of {}", "{}!", None]), min_size=1, unique=True))
    thresholds = draw(st.lists(st.sampled_from([None, 0.25, 0.5, 0.9, "score"]), min_size=1, unique=True))
    return labels, templates, thresholds


@given(grids(), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_every_combination_has_the_predictions_that_its_choices_mean(grid, seed):
    labels, templates, thresholds = grid
    read = read_grid(labels, "label 1", templates, thresholds)
    size = math.prod(map(len, labels.values())) * len(templates) * len(thresholds)
    assert read.size == size
    assert sorted(read.texts) == sorted(text for texts in labels.values() for text in texts)
    rng = np.random.default_rng(seed)
    cosines = {name: rng.uniform(-1, 1, (5, len(read.texts))).astype(np.float32) for name in read.templates}
    made = list(read.predictions(cosines, 10.0))
    assert len({tuple(choices.items()) for choices, _ in made}) == len(made) == size
    for choices, values in made:
        words = [choices.get(f"wording of {label}", texts[0]) for label, texts in labels.items()]
        own = cosines[choices["template"]][:, [read.texts.index(word) for word in words]]
        score = softmax(10.0 * own.astype(np.float64), axis=1)[:, 1]
        if choices["threshold"] == BEST:
            assert values == (own.argmax(axis=1) == 1).astype(int).tolist()
        elif choices["threshold"] == SCORE:
            np.testing.assert_allclose(values, score, atol=1e-6)
        else:
            clear = np.abs(score - float(choices["threshold"])) > 1e-6
            assert (np.array(values) == (score >= float(choices["threshold"])))[clear].all()


def test_names_of_choices():
    labels = {"protest": ["a protest", "a march"], "other": "a scene"}
    read = read_grid(labels, "protest", [None, ["{}", "a {}"]], [None, 0.5])
    assert list(read.templates) == [OWN, "{} + a {}"]
    assert list(read.thresholds) == [BEST, "0.5"]
    assert [each.choices for each in read.wordings] == [
        {"wording of protest": text, "wording of the others": "a scene"} for text in ("a protest", "a march")
    ]
    together = read_grid([{"x": "a", "y": "b"}, {"x": "c", "y": "b"}], "x", [None], [None])
    assert [each.choices for each in together.wordings] == [{"wording": "a | b"}, {"wording": "c | b"}]
    plain = read_grid(["a cat", "a dog"], "a dog", ["{}", "a {}"], [None])
    assert [each.choices for each in plain.wordings] == [{"wording": "a cat | a dog"}]


PAIR = {"protest": ["a protest", "a march"], "other": ["a scene"]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": "a protest"}, "labels: got a str, 'a protest'; give a mapping"),
        ({"labels": {"protest": ["a", "b"]}}, "labels: got 1, a share needs at least 2; add a contrast"),
        ({"labels": {"protest": [], "other": "x"}}, "labels: 'protest' has no wording; give it one text or more"),
        ({"labels": {"protest": ["a", " A "], "other": "x"}}, "' A ' is a wording of 'protest' twice"),
        ({"labels": {"protest": "a", "other": "a"}}, "'a' is a wording of 'protest' and of 'other'; give each"),
        ({"labels": {"protest": " ", "other": "a"}}, "which is blank; write it as a text"),
        ({"labels": [{"protest": "a", "other": "b"}, {"protest": "a"}]}, "labels[1]: has the labels protest, the"),
        ({"labels": [{"protest": "a", "other": "b"}] * 2}, "labels[1]: has the texts of labels[0]; leave one"),
        ({"of": "riot"}, "of: 'riot' is not one of the labels protest, other; give one of them"),
        ({"templates": []}, "templates: is empty; leave it out for those of the model"),
        ({"templates": "a {}"}, "templates: got a str, 'a {}'; give a list"),
        ({"templates": ["a photo"]}, "templates[0]: 'a photo' has 0 of {}, it needs one, where the label goes"),
        ({"templates": ["{}", "{}"]}, "templates[1]: '{}' is given twice; leave one of them out"),
        ({"templates": [[]]}, "templates[0]: is an empty list"),
        ({"thresholds": []}, "thresholds: is empty; leave it out for the best label"),
        ({"thresholds": [None, 1.5]}, "thresholds[1]: got 1.5; give a score above 0 and below 1"),
        ({"thresholds": ["high"]}, "thresholds[0]: got 'high'; give a score"),
        ({"thresholds": [0.5, "0.5"]}, "thresholds[1]: 0.5 is given twice"),
    ],
)
def test_choices_that_cannot_be_made_are_refused_with_a_way_out(changed, message):
    given = {"labels": PAIR, "of": "protest", "templates": [None], "thresholds": [None], **changed}
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        read_grid(**given)


def test_a_multiverse_has_two_configurations_and_no_more_than_the_server_takes():
    one = read_grid(["a", "b"], "a", [None], [None])
    with pytest.raises(ValueError, match="there is one configuration, and a multiverse has at least two"):
        check_size(one, ["m"])
    check_size(one, ["m", "k"])
    many = read_grid({"x": [f"x{i}" for i in range(40)], "y": [f"y{i}" for i in range(30)]}, "x", [None], [None])
    with pytest.raises(ValueError, match=r"1,200 configurations \(1 models x 1 templates x 1200 wordings"):
        check_size(many, ["m"])
    with pytest.raises(ValueError, match="of 3,000,000 items are more than 5,000,000 predictions"):
        check_size(one, ["m", "k"], 3_000_000)
