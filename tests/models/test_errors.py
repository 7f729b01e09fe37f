"""The error tree of `models/`."""

import pickle
import re

import pytest

from models import errors

TREE = {
    name: cls
    for name, cls in vars(errors).items()
    if isinstance(cls, type) and issubclass(cls, errors.ModelsError) and cls is not errors.ModelsError
}


@pytest.mark.parametrize("name", TREE)
def test_an_error_survives_the_way_from_a_worker_process(name):
    """A pool sends exceptions by pickle; one that cannot be unpickled takes the pool down."""
    back = pickle.loads(pickle.dumps(TREE[name]("size: got 0, must be at least 1")))
    assert type(back) is TREE[name]
    assert (back.message, str(back), back.code) == (*["size: got 0, must be at least 1"] * 2, TREE[name].code)


@pytest.mark.parametrize("name", sorted(TREE.keys() - {"ItemError", "ImageError"}))
def test_the_docstrings_tree_is_the_true_one(name):
    line = re.search(rf'── {name} +"(\w+)"', errors.__doc__)
    assert line, f"{name} is not in the tree at the top of models/errors.py"
    assert line[1] == TREE[name].code


def test_an_items_error_can_be_told_from_a_models():
    assert issubclass(errors.TextError, errors.ItemError)
    assert issubclass(errors.InvalidImage, errors.ItemError)
    assert not issubclass(errors.UnknownModel, errors.ItemError)
    assert not issubclass(errors.ModelUnavailable, errors.ItemError)


def test_messages_are_bounded_and_keep_their_way_out():
    message = errors.TrainingError(f"targets: {'x' * 1_000_000} is no code; correct it").message
    assert len(message) <= errors.LONGEST
    assert message.startswith("targets: xxx")
    assert message.endswith("is no code; correct it")
    assert errors.bounded("short") == "short"
    assert errors.quoted("a" * 60) == repr("a" * 60)
    assert errors.quoted("a" * 61) == repr("a" * 57 + "\u2026")


def test_long_lists_of_names_say_how_many_there_are():
    assert errors.listed(["a", "b"]) == "a, b"
    assert errors.listed(map(str, range(9)), 3) == "0, 1, 2, \u2026 (9 in all)"
    assert len(errors.listed(["x" * 1_000_000] * 9)) < 400
