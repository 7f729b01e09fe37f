"""Groups of faces that are probably of one person, by average linkage of their vectors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.clustering.vectors import order_by_content
from models.errors import FaceError
from models.faces.corrections import corrections
from models.faces.linkage import highest, linked, sums_of
from models.faces.vectors import units_of
from models.stopping import Check, unchecked

Int = NDArray[np.int64]
Float = NDArray[np.float64]
MOST_FACES = 50_000  # about a minute of one core
MARGIN = 0.05


@dataclass(frozen=True, kw_only=True)
class Person:
    """A group of faces.

    Attributes
    ----------
    faces : indices of its faces, the one with the highest mean cosine to the others first.
    cohesion : mean cosine of all pairs of its faces; None for a single face.
    nearest, nearest_cosine : the other person with the highest mean cosine of all pairs; None without another.
    close : whether that cosine is less than the margin below the threshold, or above it.
    corrected : whether a correction names one of its faces.
    """

    faces: tuple[int, ...]
    cohesion: float | None
    nearest: int | None
    nearest_cosine: float | None
    close: bool
    corrected: bool


@dataclass(frozen=True, kw_only=True)
class Persons:
    """Persons, the largest first, and each of n faces among them.

    Attributes
    ----------
    labels : (n,) number of the person of each face, from 0 on.
    cosines : (n,) mean cosine to the other faces of the own person; NaN for a single face.
    others, other_cosines : (n,) the other person with the highest mean cosine to the face, -1 without another, and
        that mean, NaN.
    close : (n,) whether the face might belong to that other person: `cosines`, or the threshold for a single face, is
        less than the margin above `other_cosines`.
    corrected : (n,) whether a correction names the face.
    moved : (n,) whether the face is with other faces than without the corrections.
    """

    persons: tuple[Person, ...]
    labels: Int
    cosines: Float
    others: Int
    other_cosines: Float
    close: NDArray[np.bool_]
    corrected: NDArray[np.bool_]
    moved: NDArray[np.bool_]


def group_persons(
    vectors: NDArray[np.floating],
    ids: Sequence[str],
    threshold: float,
    *,
    same: Sequence[Sequence[str]] = (),
    different: Sequence[Sequence[str]] = (),
    margin: float = MARGIN,
    check: Check = unchecked,
) -> Persons:
    """Group faces by average linkage, cut at a mean cosine of `threshold`, around corrections by hand.

    The groups depend on the vectors and ids, not on the order in which they come.

    Parameters
    ----------
    vectors : (n, d) of any length above 0, at most MOST_FACES.
    ids : unique ids.
    same, different : see `corrections`; they hold exactly, whatever the cosines are.
    margin : cosines that are closer than this to another decision are reported as close.

    Raises
    ------
    FaceError : vectors or ids that cannot be used, corrections that contradict each other.
    """
    if len(vectors) > MOST_FACES:
        raise FaceError(
            f"vectors: {len(vectors):,} faces, at most {MOST_FACES:,} are grouped at once; group the faces above a "
            "size or a score, or one frame for each shot, and find the others by their matches with these persons",
            "too_many_items",
        )
    units = units_of(vectors, ids)
    by_hand = corrections(ids, same, different)
    order = np.lexsort((_ranks(ids), order_rank(units)))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    x = units[order]
    start, apart = _collapsed(x, by_hand.start[order], by_hand.apart, by_hand.touched[order])
    labels = linked(x, start, threshold, apart=apart, check=check)
    labels = _by_size(labels, _ranks([ids[i] for i in order]))
    moved = np.zeros(len(x), bool)
    if by_hand.touched.any():
        start, _ = _collapsed(x, np.arange(len(x)), (), moved)
        moved = moved_faces(linked(x, start, threshold, check=check), labels)
    found = _described(x, labels, threshold, margin, by_hand.touched[order], check)
    persons = tuple(
        Person(
            faces=tuple(order[list(each.faces)].tolist()),
            **{name: getattr(each, name) for name in ("cohesion", "nearest", "nearest_cosine", "close", "corrected")},
        )
        for each in found.persons
    )
    arrays = {
        name: getattr(found, name)[place]
        for name in ("labels", "cosines", "others", "other_cosines", "close", "corrected")
    }
    return Persons(persons=persons, moved=moved[place], **arrays)


def moved_faces(before: Int, after: Int) -> NDArray[np.bool_]:
    """Whether each face left its group, (n,). Groups before and after that share the most faces are one group."""
    pairs, at, sizes = np.unique(np.stack([before, after], axis=1), axis=0, return_inverse=True, return_counts=True)
    taken_before, taken_after = set[int](), set[int]()
    stayed = np.zeros(len(pairs), bool)
    for i in np.argsort(-sizes, kind="stable").tolist():
        old, new = pairs[i].tolist()
        if old not in taken_before and new not in taken_after:
            stayed[i] = True
            taken_before.add(old)
            taken_after.add(new)
    return ~stayed[at.reshape(-1)]


def order_rank(units: Float) -> Int:
    """The rank of each row, (n,), in an order of their numbers alone; equal rows have equal ranks."""
    single = np.ascontiguousarray(units, np.float32)
    order = order_by_content(single)
    new = np.ones(len(order), bool)
    new[1:] = (single[order[1:]] != single[order[:-1]]).any(axis=1)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.cumsum(new) - 1
    return rank


def _collapsed(x: Float, start: Int, apart: Sequence[Int], touched: NDArray[np.bool_]) -> tuple[Int, tuple[Int, ...]]:
    """Groups to start from in the order of the rows: equal faces that no correction names are one from the start."""
    key = start + len(x)
    equal = np.zeros(len(x), bool)
    equal[1:] = (x[1:] == x[:-1]).all(axis=1) & ~touched[1:] & ~touched[:-1]
    first = np.maximum.accumulate(np.where(equal, 0, np.arange(len(x))))
    key = key[first]
    names, at, groups = np.unique(key, return_index=True, return_inverse=True)
    rank = np.empty(len(names), np.int64)
    rank[np.argsort(at, kind="stable")] = np.arange(len(names))
    new = {int(name) - len(x): int(rank[i]) for i, name in enumerate(names)}
    return rank[groups], tuple(np.array([new[int(g)] for g in each], np.int64) for each in apart)


def _ranks(ids: Sequence[str]) -> Int:
    """The place of each id in their order, (n,)."""
    ranks = np.empty(len(ids), np.int64)
    ranks[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return ranks


def _by_size(labels: Int, ranks: Int) -> Int:
    """Labels by falling size; of equal sizes, by the first of their ids, whose places in their order are `ranks`."""
    sizes = np.bincount(labels)
    first = np.full(len(sizes), len(labels))
    np.minimum.at(first, labels, ranks)
    rank = np.empty(len(sizes), np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return rank[labels]


def _described(
    x: Float, labels: Int, threshold: float, margin: float, touched: NDArray[np.bool_], check: Check
) -> Persons:
    k = int(labels.max()) + 1
    sizes = np.bincount(labels, minlength=k)
    sums = sums_of(x, labels, k)
    means = sums / sizes[:, None]
    small = means.astype(np.float32)
    n = sizes[labels]
    with np.errstate(invalid="ignore", divide="ignore"):
        own = (np.einsum("ij,ij->i", x, sums[labels]) - 1) / (n - 1)
        cohesion = (np.einsum("ij,ij->i", sums, sums) - sizes) / (sizes * (sizes - 1))
    own[n == 1] = np.nan
    others, other = highest(x, x.astype(np.float32), means, small, np.arange(len(x)), own=labels, check=check)
    near, near_cosine = highest(means, small, means, small, np.arange(k), own=np.arange(k), check=check)
    others[np.isinf(other)] = -1
    other[np.isinf(other)] = np.nan
    close = np.where(np.isnan(own), threshold, own) - other < margin
    first = np.lexsort((np.arange(len(x)), -np.nan_to_num(own, nan=1.0), labels))
    ends = np.cumsum(sizes)
    persons = []
    for p in range(k):
        faces = first[ends[p] - sizes[p] : ends[p]]
        alone = k == 1
        persons.append(
            Person(
                faces=tuple(faces.tolist()),
                cohesion=None if sizes[p] == 1 else float(min(1.0, cohesion[p])),
                nearest=None if alone else int(near[p]),
                nearest_cosine=None if alone else float(near_cosine[p]),
                close=not alone and bool(near_cosine[p] > threshold - margin),
                corrected=bool(touched[faces].any()),
            )
        )
    return Persons(
        persons=tuple(persons),
        labels=labels,
        cosines=np.minimum(own, 1.0),
        others=others,
        other_cosines=other,
        close=close,
        corrected=touched,
        moved=np.zeros(len(x), bool),
    )
