"""Items are distributed evenly among coders, and pairs of coders share about as many."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.annotation.workload import distribute, order_of
from models.errors import ClusteringError


@given(n=st.integers(0, 60), coders=st.integers(1, 7), data=st.data())
def test_each_item_has_its_coders_and_loads_differ_by_one(n: int, coders: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(1, coders))
    found = distribute(n, coders, overlap, seed=data.draw(st.integers(0, 5)))
    assert all(len(set(each)) == overlap and set(each) <= set(range(coders)) for each in found)
    loads = [sum(i in each for each in found) for i in range(coders)]
    assert sum(loads) == n * overlap
    assert max(loads) - min(loads) <= 1


def test_all_pairs_of_coders_share_items() -> None:
    """So that agreement of each pair can be measured: neighbours alone would share them in a round."""
    found = distribute(200, 5, 2, seed=1)
    shared = [sum({a, b} <= set(each) for each in found) for a, b in combinations(range(5), 2)]
    assert min(shared) >= 15  # of 20
    assert max(shared) <= 25


def test_orders_are_of_each_coder_and_repeatable() -> None:
    items = list(range(50))
    first, second = (order_of(items, coder, seed=3) for coder in (0, 1))
    assert sorted(first) == sorted(second) == items
    assert first != second
    assert first == order_of(items, 0, seed=3)
    assert distribute(20, 3, 2, seed=1) == distribute(20, 3, 2, seed=1)


def test_more_coders_than_there_are_are_refused() -> None:
    with pytest.raises(ClusteringError, match="give a number from 1 to 2"):
        distribute(5, 2, 3)
