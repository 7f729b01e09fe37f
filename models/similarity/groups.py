"""Groups of duplicates, made from labels: their representatives, their order, and their split by content."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import ClusteringError
from models.similarity.content import MOST, RelatedGroup, separate
from models.similarity.threshold import Origin

Bool = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Float = NDArray[np.float64]
Int = NDArray[np.int64]
Kind = Literal["exact", "near", "semantic"]
Linkage = Literal["single", "star"]
Method = Literal["exact", "approximate"]
Within = Callable[[Int, Int], Bool]  # indexes (a,) and (b,) to (a, b): which pairs are duplicates
Similarity = Callable[[Int, Int], Float]  # indexes (a,) and (b,) to (a, b): similarities
SMALL = 256  # candidates up to which the representative is the most central one, by all pairs


@dataclass(frozen=True, kw_only=True)
class Recall:
    """Pairs of duplicates that an approximate search has found, of all pairs with a row of a random sample.

    Attributes
    ----------
    rows : distinct rows of the sample, each compared with all others.
    pairs : their pairs within the threshold, without those of equal rows, which are always found.
    found : those among them that the search has found.
    """

    rows: int
    pairs: int
    found: int


@dataclass(frozen=True, kw_only=True)
class Group:
    """Two or more duplicates of each other.

    Attributes
    ----------
    representative : index of the member to keep.
    members : all indexes, ascending, the representative's too.
    similarity : of each member to the representative: a cosine, 1 - bits / 64, or 1. With single linkage it can lie
        below the threshold, where a member is linked through others.
    """

    representative: int
    members: tuple[int, ...]
    similarity: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Groups among n items, the largest first, then by the lowest index.

    Attributes
    ----------
    threshold : the lowest cosine (semantic), the most bits (near), or 1 (exact).
    unusable : indexes of items that cannot be compared (flat images); they are in no group.
    origin, reason : how the threshold came about: see models.similarity.threshold.
    remarks : sentences on limits of the result.
    related : groups of pictures of one layout with different content, the largest first: none is a duplicate of another
        content. An item may also be in a group of `groups`.
    compared : members of groups whose pictures were compared block by block.
    method : "exact" or "approximate", for semantic: whether all pairs were compared.
    recall : for approximate, the pairs of a sample that were found.
    """

    kind: Kind
    threshold: float
    linkage: Linkage
    n: int
    groups: tuple[Group, ...]
    unusable: tuple[int, ...] = ()
    origin: Origin | None = None
    reason: str | None = None
    remarks: tuple[str, ...] = ()
    related: tuple[RelatedGroup, ...] = ()
    compared: int = 0
    method: Method | None = None
    recall: Recall | None = None

    @property
    def kept(self) -> Bool:
        """Mask (n,) of representatives and items in no group: `corpus[kept]` has no duplicates."""
        kept = np.ones(self.n, bool)
        for group in self.groups:
            kept[list(group.members)] = False
            kept[group.representative] = True
        return kept


def separated(
    labels: Int, wanted: Float, miniatures: Bytes | None, within: Within, linkage: Linkage
) -> tuple[Int, dict[str, Any]]:
    """Labels after a comparison of the pictures, and the fields of the result that say so."""
    if miniatures is None:
        return labels, {}
    order = np.empty(len(labels), np.int64)
    order[np.argsort(-wanted, kind="stable")] = np.arange(len(labels))
    found = separate(labels, order, miniatures, within if linkage == "star" else None)
    fields: dict[str, Any] = {"related": found.related, "compared": found.compared}
    if found.unseen:
        fields["remarks"] = (
            f"{found.unseen:,} pictures of one layout were compared with the {MOST} most similar ones only, and are "
            "kept where these differ",
        )
    return found.labels, fields


def in_blocks(items: Int, side: int) -> Iterator[tuple[int, Int]]:
    for start in range(0, len(items), side):
        yield start, items[start : start + side]


def groups_of(similarity: Similarity, labels: Int, wanted: Float, linkage: Linkage) -> tuple[Group, ...]:
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order])) + 1
    groups = []
    for members in np.split(order, starts):
        if len(members) < 2:
            continue
        kept = int(labels[members[0]]) if linkage == "star" else _representative(similarity, members, wanted)
        to_kept = np.concatenate([similarity(block, np.array([kept]))[:, 0] for _, block in in_blocks(members, 4096)])
        groups.append(Group(representative=kept, members=tuple(members.tolist()), similarity=tuple(to_kept.tolist())))
    return tuple(sorted(groups, key=lambda group: (-len(group.members), group.members[0])))


def _representative(similarity: Similarity, members: Int, wanted: Float) -> int:
    best = members[wanted[members] == wanted[members].max()]
    if 2 < len(best) <= SMALL:
        mean = similarity(best, best).mean(axis=1)
        return int(best[np.argmax(mean.round(6))])  # rounded: the last digit of a product chooses nothing
    return int(best[0])


def checked_preference(preference: ArrayLike | None, n: int) -> Float:
    if preference is None:
        return np.zeros(n)
    values = np.asarray(preference, np.float64)
    if values.shape != (n,) or np.isnan(values).any():
        problem = "got NaN" if values.shape == (n,) else f"got shape {values.shape} for {n} items"
        raise ClusteringError(f"preference: {problem}; give one number for each item", "bad_option")
    return values
