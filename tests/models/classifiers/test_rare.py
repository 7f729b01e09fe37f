"""Rare classes: refused with the ways out, dropped or merged, in training and test items alike."""

import numpy as np
import pytest

from models.classifiers.head import Block
from models.classifiers.problem import make_problem
from models.errors import TrainingError

BLOCK = [Block(modality="image", model="m", fingerprint="f", dimension=4)]
NAMES = ["a"] * 12 + ["b"] * 12 + ["c"] * 3 + ["d"] * 2


def made(names=NAMES, *, rare, folds=5, task="categorical", **more):
    x = np.random.default_rng(0).standard_normal((len(names), 4))
    return make_problem([x], names, task=task, blocks=BLOCK, rare=rare, folds=folds, **more)


def test_the_error_names_the_ways_out():
    with pytest.raises(TrainingError, match=r'rare="drop".*rare="merge:other"'):
        made(rare=None)


@pytest.mark.parametrize(
    ("rare", "labels", "counts"),
    [
        ("drop", ("a", "b"), [12, 12]),
        ("merge:other", ("a", "b", "other"), [12, 12, 5]),
        ("merge: other ", ("a", "b", "other"), [12, 12, 5]),
        ("merge:a", ("a", "b"), [17, 12]),
        ("merge:c", ("a", "b", "c"), [12, 12, 5]),
    ],
)
def test_rare_classes_are_dropped_or_merged(rare, labels, counts):
    problem = made(rare=rare)
    assert problem.labels == labels
    assert np.bincount(problem.y).tolist() == counts
    (note,) = (note for note in problem.notes if note.code == "rare_classes")
    assert "'d' (2)" in note.message
    assert ("left out" in note.message) == (rare == "drop")
    assert len([item for item in problem.dropped if item.code == "rare_class"]) == (5 if rare == "drop" else 0)


def test_a_given_order_loses_and_gains_classes():
    assert made(rare="drop", labels=["d", "b", "c", "a", "none at all"]).labels == ("b", "a")
    assert made(rare="merge:other", labels=["d", "b", "c", "a"]).labels == ("b", "a", "other")


def test_a_binary_task_may_be_left():
    assert made(rare="drop", task="binary").labels == ("a", "b")


def test_test_items_follow_the_training_items():
    test = made(["a", "c", "new", "b"], rare="drop", folds=None, labels=("a", "b"))
    assert (len(test), len(test.dropped)) == (2, 2)
    test = made(["a", "c", "new", "b"], rare="merge:other", folds=None, labels=("a", "b", "other"))
    assert test.y.tolist() == [0, 2, 2, 1]


@pytest.mark.parametrize(
    ("names", "rare", "words"),
    [
        (NAMES, "sink", "must be"),
        (NAMES, "merge:", "must be"),
        (["a"] * 20 + ["b"], "drop", "at least one other class"),
        (["a", "b", "c"], "drop", "all classes are rare"),
        (["a"] * 20 + ["b"], "merge:other", "'other' has 1"),
    ],
)
def test_it_is_refused_where_nothing_is_left(names, rare, words):
    with pytest.raises(TrainingError, match=words):
        made(names, rare=rare)


def test_nothing_is_said_where_no_class_is_rare():
    assert not made(["a", "b"] * 10, rare="drop").notes
    with pytest.raises(TrainingError, match="no classes"):
        made([1.0, 2.0] * 8, rare="drop", task="continuous")


def test_the_note_says_whether_classes_are_merged_into_a_new_one():
    (new,) = (note.message for note in made(rare="merge:zzz", labels=["a", "b", "zzz"]).notes[:1])
    assert "merged into class 'zzz': 'c' (3), 'd' (2)" in new
    (new,) = (note.message for note in made(rare="merge:zzz").notes[:1])
    assert "2 classes have fewer than 5 examples, and 5 items were merged into the new class 'zzz'" in new
    (old,) = (note.message for note in made(rare="merge:a").notes[:1])
    assert "5 items were merged into class 'a'" in old
