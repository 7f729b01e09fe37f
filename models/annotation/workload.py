"""Distribution of items among coders: each item to a number of them, with equal loads and mixed pairs of coders."""

from collections.abc import Sequence

import numpy as np

from models.errors import ClusteringError


def distribute(n: int, coders: int, overlap: int, *, seed: int = 0) -> list[tuple[int, ...]]:
    """The coders of each of `n` items, drawn so that the loads of any two coders differ by one item at most.

    Each item in turn goes to the coders with the least items so far; among equals to those that have shared the least
    items with the coders that the item has already, so that all pairs of coders can be compared; then at random.

    Returns
    -------
    (n,) the indexes of the coders of each item, ascending.

    Raises
    ------
    ClusteringError : invalid_overlap.
    """
    if not 1 <= overlap <= coders:
        raise ClusteringError(
            f"overlap: got {overlap} coders for each item, of {coders} coders; give a number from 1 to {coders}",
            code="invalid_overlap",
        )
    rng = np.random.default_rng(seed)
    load = np.zeros(coders, np.int64)
    shared = np.zeros((coders, coders), np.int64)
    assigned: list[tuple[int, ...]] = [()] * n
    for item in rng.permutation(n).tolist():
        chosen: list[int] = []
        chance = rng.random(coders)
        for _ in range(overlap):
            free = [i for i in range(coders) if i not in chosen]
            chosen.append(min(free, key=lambda i: (load[i], shared[i, chosen].sum(), chance[i])))
        load[chosen] += 1
        for i in chosen:
            shared[i, chosen] += 1
        assigned[item] = tuple(sorted(chosen))
    return assigned


def order_of(items: Sequence[int], coder: int, *, seed: int = 0) -> list[int]:
    """The items of a coder in a random order of the coder's own, the same for the same seed."""
    order: list[int] = np.random.default_rng((seed, coder)).permutation(np.asarray(items, np.int64)).tolist()
    return order
