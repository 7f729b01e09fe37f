"""Groups of duplicates split where pictures of one layout have different content."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.images.alignment import SIDE
from models.images.miniature import same_content

Bool = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Float = NDArray[np.float64]
Int = NDArray[np.int64]
MOST = 300  # comparisons of one item; beyond them it counts as different, so that nothing is dropped unseen


@dataclass(frozen=True)
class RelatedGroup:
    """Pictures of one layout with different content: indexes, ascending, and the number of contents."""

    members: tuple[int, ...]
    contents: int


@dataclass(frozen=True)
class Separated:
    """Labels after the split.

    Attributes
    ----------
    labels : (n,) the index of an item of the group.
    related : members of each earlier group that has more than one content, ascending, and the number of contents.
    compared : number of members of groups that have a miniature.
    unseen : number of members that were compared with MOST others and not with all.
    """

    labels: Int
    related: tuple[RelatedGroup, ...]
    compared: int
    unseen: int


def separate(
    labels: Int, order: Int, miniatures: Bytes, allowed: Callable[[Int, Int], Bool] | None = None
) -> Separated:
    """Split groups by content. Each member has the content of the first member of its new group.

    Parameters
    ----------
    labels : (n,) equal within a group.
    order : (n,) ranks: of two items, the one with the lower rank is the first of a group.
    miniatures : (n, BYTES) of `models.images.miniature`, a row of zeros for an item without one, which stays in a group
        with the first member.
    allowed : indexes (a,) and (b,) to (a, b): which items may be in a group at all, beside their content.
    """
    new = np.arange(len(labels))
    related = []
    compared = unseen = 0
    by_label = np.argsort(labels, kind="stable")
    for members in np.split(by_label, np.flatnonzero(np.diff(labels[by_label])) + 1):
        if len(members) < 2:
            continue
        small = np.asarray(miniatures[members])
        known: Bool = np.asarray(small.any(axis=1))
        compared += int(known.sum())
        firsts, late = _split(members, np.argsort(order[members], kind="stable"), small, known, allowed)
        unseen += late
        new[members] = members[firsts]
        if (contents := len(np.unique(firsts[known]))) > 1:
            related.append(RelatedGroup(tuple(np.sort(members).tolist()), contents))
    related.sort(key=lambda group: (-len(group.members), group.members[0]))
    return Separated(new, tuple(related), compared, unseen)


def _split(
    members: Int, order: Int, small: Bytes, known: Bool, allowed: Callable[[Int, Int], Bool] | None
) -> tuple[Int, int]:
    """For each member the place of the first member of its new group, and the members not compared with all."""
    firsts = np.full(len(members), -1)
    leaders: list[int] = []
    coarse = _coarse(small)
    late = 0
    for place in order.tolist():
        near = leaders
        if known[place] and len(leaders) > MOST:  # the most similar ones
            apart = np.abs(coarse[leaders] - coarse[place]).mean(axis=1)
            near = [leaders[i] for i in np.argsort(apart, kind="stable")[:MOST].tolist()]
            late += 1
        for leader in near:
            if allowed is not None and not allowed(members[[leader]], members[[place]])[0, 0]:
                continue
            if not (known[place] and known[leader]) or _same(small, leader, place):
                firsts[place] = leader
                break
        else:
            firsts[place] = place
            leaders.append(place)
    return firsts, late


def _same(small: Bytes, first: int, second: int) -> bool:
    return bool((small[first] == small[second]).all()) or same_content(small[first], small[second])


def _coarse(small: Bytes) -> NDArray[np.float32]:
    """Miniatures (n, BYTES) as (n, 256) of a few cells, without their mean: a first look at which are alike."""
    step = SIDE // 16
    cells = small[:, : SIDE * SIDE].reshape(-1, 16, step, 16, step)
    luma = cells.mean((2, 4), dtype=np.float32).reshape(len(small), -1)
    centred: NDArray[np.float32] = luma - luma.mean(axis=1, keepdims=True)
    return centred
