"""Pairs of faces that people coded as one person or two, from pairs or from persons."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.errors import FaceError, quoted

Int = NDArray[np.int64]
MOST_PAIRS = 5_000_000


@dataclass(frozen=True, kw_only=True)
class CodedPairs:
    """Pairs of faces with their code.

    Attributes
    ----------
    a, b : (pairs,) indices of faces.
    same : (pairs,) whether both are of one person.
    person : (n,) index of the person of each face, -1 for a face that is not coded.
    group : (n,) index of the group of each face, -1 without one.
    groups : names of the groups.
    """

    a: Int
    b: Int
    same: NDArray[np.bool_]
    person: Int
    group: Int | None = None
    groups: tuple[str, ...] = ()


def coded_pairs(
    ids: Sequence[str],
    *,
    pairs: Sequence[tuple[str, str, bool]] | None,
    persons: Sequence[str | None] | None,
    groups: Sequence[str | None] | None = None,
) -> CodedPairs:
    """Coded pairs of faces.

    Parameters
    ----------
    pairs : ids of two faces, and whether they are of one person.
    persons : the code of the person of each face, None for a face that is not coded. Without `pairs`, all pairs of
        coded faces are taken; without `persons`, faces that pairs put together are one person, and others are of a
        person of their own.
    groups : a group of people for each face; all faces of a person have the same.

    Raises
    ------
    FaceError : unknown ids, pairs that are there twice or contradict each other, too many pairs.
    """
    for name, each in (("persons", persons), ("groups", groups)):
        if each is not None and len(each) != len(ids):
            raise FaceError(f"{name}: {len(each)} for {len(ids)} faces; give one for each", "lengths_differ")
    if pairs is None and persons is None:
        raise FaceError("pairs: are missing; send pairs that people coded, or the person of each face", "no_codes")
    person = None if persons is None else _numbers(persons)[0]
    if pairs is None:
        assert person is not None
        made = _all_pairs(person)
    else:
        made = _listed(ids, pairs, person)
    if groups is None:
        return made
    group, names = _numbers(groups)
    _one_group_each(ids, made.person, group, names)
    return replace(made, group=group, groups=names)


def _numbers(codes: Sequence[str | None]) -> tuple[Int, tuple[str, ...]]:
    """The index of each code among the sorted ones, -1 for None, and the sorted codes."""
    names = sorted({each for each in codes if each is not None})
    at = {name: i for i, name in enumerate(names)}
    return np.array([-1 if each is None else at[each] for each in codes], np.int64), tuple(names)


def _all_pairs(person: Int) -> CodedPairs:
    coded = np.flatnonzero(person >= 0)
    n = len(coded)
    _limit(n * (n - 1) // 2, f" of {n:,} coded faces")
    i, j = np.triu_indices(n, 1)
    a, b = coded[i], coded[j]
    return CodedPairs(a=a, b=b, same=person[a] == person[b], person=person)


def _limit(count: int, of: str) -> None:
    if count > MOST_PAIRS:
        raise FaceError(
            f"pairs: there are {count:,}{of}, at most {MOST_PAIRS:,} are compared; draw fewer persons at random, with "
            "all of their faces",
            "too_many_items",
        )


def _listed(ids: Sequence[str], pairs: Sequence[tuple[str, str, bool]], person: Int | None) -> CodedPairs:
    _limit(len(pairs), "")
    place = {id: i for i, id in enumerate(ids)}
    for k, pair in enumerate(pairs):
        if (unknown := next((id for id in pair[:2] if id not in place), None)) is not None:
            raise FaceError(f"pairs[{k}]: {quoted(unknown)} is the id of no face; correct it", "unknown_id")
    a = np.array([place[pair[0]] for pair in pairs], np.int64)
    b = np.array([place[pair[1]] for pair in pairs], np.int64)
    same = np.array([bool(pair[2]) for pair in pairs], bool)
    if len(alone := np.flatnonzero(a == b)):
        k = int(alone[0])
        raise FaceError(f"pairs[{k}]: {quoted(ids[a[k]])} is paired with itself; give two faces", "invalid_pair")
    keys = np.minimum(a, b) * len(ids) + np.maximum(a, b)
    order = np.argsort(keys, kind="stable")
    if len(again := np.flatnonzero(keys[order][1:] == keys[order][:-1])):
        first, second = sorted((int(order[again[0]]), int(order[again[0] + 1])))
        raise FaceError(
            f"pairs[{second}]: {quoted(ids[a[second]])} and {quoted(ids[b[second]])} are paired in pairs[{first}] "
            "already; give each pair once",
            "repeated_pair",
        )
    if person is None:
        person = _joined(len(ids), a, b, same)
        wrong, why = (person[a] == person[b]) & ~same, "one person by other pairs, and two by this one"
    else:
        if len(uncoded := np.flatnonzero((person[a] < 0) | (person[b] < 0))):
            k = int(uncoded[0])
            raise FaceError(f"pairs[{k}]: one of its faces has no person; code it, or leave the pair out", "no_person")
        wrong, why = (person[a] == person[b]) != same, "one thing by `persons`, and another by this pair"
    if wrong.any():
        k = int(np.flatnonzero(wrong)[0])
        raise FaceError(
            f"pairs[{k}]: {quoted(ids[a[k]])} and {quoted(ids[b[k]])} are {why}; correct the codes", "contradiction"
        )
    return CodedPairs(a=a, b=b, same=same, person=person)


def _joined(n: int, a: Int, b: Int, same: NDArray[np.bool_]) -> Int:
    """Persons as the connected components of the pairs of one person, (n,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(int(same.sum()), np.int8), (a[same], b[same])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _one_group_each(ids: Sequence[str], person: Int, group: Int, names: Sequence[str]) -> None:
    known = np.flatnonzero((person >= 0) & (group >= 0))
    order = known[np.argsort(person[known], kind="stable")]
    split = np.flatnonzero((person[order][1:] == person[order][:-1]) & (group[order][1:] != group[order][:-1]))
    if len(split):
        i, j = int(order[split[0]]), int(order[split[0] + 1])
        raise FaceError(
            f"groups: {quoted(ids[i])} and {quoted(ids[j])} are of one person, and of the groups "
            f"{quoted(names[group[i]])} and {quoted(names[group[j]])}; give a person one group",
            "contradiction",
        )
