"""Corrections of persons by hand: faces that are one person, and faces that are not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import FaceError, quoted

Int = NDArray[np.int64]
MOST = 200_000  # ids in corrections


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """Corrections of n faces.

    Attributes
    ----------
    start : (n,) the groups of faces that are put together, numbered from 0 on in the order of their first faces.
    apart : sets of such groups, each two of which are different people; each set once.
    touched : (n,) whether a correction names the face.
    """

    start: Int
    apart: tuple[Int, ...]
    touched: NDArray[np.bool_]


def corrections(
    ids: Sequence[str], same: Sequence[Sequence[str]] = (), different: Sequence[Sequence[str]] = ()
) -> Corrections:
    """Corrections by ids, which are unique.

    Parameters
    ----------
    same : lists of faces that are one person. Lists that share a face are one.
    different : lists of faces, each two of which are different people.

    Raises
    ------
    FaceError : an id of no face, a face twice in a list, or faces that are one person and two.
    """
    total = sum(map(len, [*same, *different]))
    if total > MOST:
        raise FaceError(
            f"same, different: {total:,} ids, at most {MOST:,}; name one face of each person that is complete",
            "too_many_corrections",
        )
    place = {id: i for i, id in enumerate(ids)}
    rows = {
        name: [_places(each, f"{name}[{k}]", place) for k, each in enumerate(lists)]
        for name, lists in (("same", same), ("different", different))
    }
    root = list(range(len(ids)))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for each in rows["same"]:
        first = find(each[0])
        for i in each[1:]:
            low, high = sorted((first, find(i)))
            root[high] = first = low
    roots, start = np.unique([find(i) for i in range(len(ids))], return_inverse=True)
    del roots
    for k, each in enumerate(rows["different"]):
        seen: dict[int, int] = {}
        for i in each:
            group = int(start[i])
            if group in seen:
                raise FaceError(
                    f"different[{k}]: {quoted(ids[seen[group]])} and {quoted(ids[i])} are different people there, and "
                    f"one person by `same`{_link(ids, seen[group], i, same)}; remove one of the two statements",
                    "contradiction",
                )
            seen[group] = i
    touched = np.zeros(len(ids), bool)
    for each in (*rows["same"], *rows["different"]):
        touched[each] = True
    groups = start.tolist()
    sets = dict.fromkeys(frozenset(groups[i] for i in each) for each in rows["different"])
    apart = tuple(np.array(sorted(each), np.int64) for each in sets)
    return Corrections(start=start.astype(np.int64), apart=apart, touched=touched)


def _places(ids: Sequence[str], at: str, place: Mapping[str, int]) -> list[int]:
    if len(ids) < 2:
        raise FaceError(f"{at}: has {len(ids)} ids; name two faces or more, or leave the list out", "too_few_ids")
    if (unknown := next((id for id in ids if id not in place), None)) is not None:
        raise FaceError(
            f"{at}: {quoted(unknown)} is the id of no face; correct it, or leave it out of the corrections",
            "unknown_id",
        )
    ordered = sorted(ids)
    if (
        twice := next((id for id, before in zip(ordered[1:], ordered, strict=False) if id == before), None)
    ) is not None:
        raise FaceError(f"{at}: names {quoted(twice)} twice; name each face once", "repeated_id")
    return [place[id] for id in ids]


def _link(ids: Sequence[str], i: int, j: int, same: Sequence[Sequence[str]]) -> str:
    """The list that says that two faces are one person, if one list says it."""
    number = next((k for k, each in enumerate(same) if ids[i] in each and ids[j] in each), None)
    return "" if number is None else f" (same[{number}])"
