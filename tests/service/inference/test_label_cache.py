"""The label cache: bounded, the least used goes first, and nothing is mixed up."""

from collections import OrderedDict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.inference.label_cache import LabelCache, LabelKey


def key(label: str, *, fingerprint: str = "f", templates: tuple[str, ...] = ("{}",)) -> LabelKey:
    return LabelKey(fingerprint, templates, label)


def vector(number: int) -> np.ndarray:
    return np.full(3, number, np.float32)


def test_what_was_put_is_got():
    cache = LabelCache(2)
    assert cache.get(key("a")) is None
    cache.put(key("a"), vector(1))
    np.testing.assert_array_equal(cache.get(key("a")), vector(1))
    assert len(cache) == 1


def test_a_label_of_another_model_or_with_other_templates_is_another():
    cache = LabelCache(9)
    cache.put(key("a"), vector(1))
    assert cache.get(key("a", fingerprint="g")) is None
    assert cache.get(key("a", templates=("a {}",))) is None
    assert cache.get(key("A")) is None


def test_the_label_used_longest_ago_goes_first():
    cache = LabelCache(2)
    cache.put(key("a"), vector(1))
    cache.put(key("b"), vector(2))
    cache.get(key("a"))
    cache.put(key("c"), vector(3))
    assert cache.get(key("b")) is None
    assert cache.get(key("a")) is not None
    assert cache.get(key("c")) is not None


def test_a_cache_of_size_zero_keeps_nothing():
    cache = LabelCache(0)
    cache.put(key("a"), vector(1))
    assert (len(cache), cache.get(key("a"))) == (0, None)


@given(st.integers(0, 5), st.lists(st.tuples(st.booleans(), st.integers(0, 8)), max_size=60))
def test_it_is_a_least_recently_used_cache_whatever_is_asked(size, steps):
    cache, model = LabelCache(size), OrderedDict()
    for puts, n in steps:
        if puts:
            cache.put(key(str(n)), vector(n))
            model[n] = None
            model.move_to_end(n)
            if len(model) > size:
                model.popitem(last=False)
        else:
            assert (cache.get(key(str(n))) is not None) == (n in model)
            if n in model:
                model.move_to_end(n)
        assert len(cache) == len(model) <= size


def test_a_label_that_is_put_again_counts_as_used():
    cache = LabelCache(2)
    for label in ("a", "b", "a", "c"):
        cache.put(key(label), vector(0))
    assert cache.get(key("a")) is not None
