"""Verification of a network of faces on labelled pairs of pictures: accuracy, false matches and false non-matches."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.analysers import faces
from models.analysers.face_vectors import FaceEmbedder
from models.analysers.spec import RunGraph, run
from models.errors import ItemError, ModelUnavailable, quoted
from models.images.decoding import ImageLimits, open_rgb

YES, NO = ("1", "true", "yes", "same"), ("0", "false", "no", "different")
COLUMNS = ("a", "b", "same")
FEW = 30  # pairs of either kind below which the figures are said to be rough


@dataclass(frozen=True)
class Pairs:
    """Pairs of pictures: paths, and whether both show one person. `places` are the numbers of a pair's pictures."""

    paths: Sequence[Path]
    places: Sequence[tuple[int, int]]
    same: Sequence[bool]


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Errors at a threshold: pairs whose cosine is at least the threshold count as one person's.

    Attributes
    ----------
    wrong, pairs : pairs that are decided wrongly, and all of them.
    false_matches, different : pairs of two persons that count as one, and all of these.
    false_non_matches, same : pairs of one person that count as two, and all of these.
    """

    threshold: float
    false_matches: int
    different: int
    false_non_matches: int
    same: int

    @property
    def wrong(self) -> int:
        return self.false_matches + self.false_non_matches

    @property
    def pairs(self) -> int:
        return self.same + self.different

    def __str__(self) -> str:
        return (
            f"at {self.threshold:.3f}: {1 - self.wrong / self.pairs:.1%} of {self.pairs:,} pairs right, "
            f"{self.false_matches:,} of {self.different:,} pairs of two persons matched, "
            f"{self.false_non_matches:,} of {self.same:,} pairs of one person not matched"
        )


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Figures on pairs.

    Attributes
    ----------
    best : errors at the threshold with the fewest of them, which is chosen on the same pairs and so looks too good.
    stated : errors at the threshold that the owner states; None where none is stated.
    without : pictures without a face, whose pairs are left out.
    several : pictures with several faces, of which the largest is taken.
    """

    best: Rates
    stated: Rates | None
    without: int
    several: int

    @property
    def threshold(self) -> float:
        """The threshold that the analyser has: the stated one, else the best."""
        return (self.stated or self.best).threshold

    def __str__(self) -> str:
        return f"On labelled pairs, {self.stated or self.best}."


def read_pairs(path: Path, root: Path) -> Pairs:
    """Read a CSV with columns a, b (paths of pictures below `root`) and same. Raises ModelUnavailable."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise ModelUnavailable(f"--pairs: {path.name} cannot be read: {exc}; give a CSV in UTF-8") from exc
    missing = [name for name in COLUMNS if not rows or name not in rows[0]]
    if missing:
        raise ModelUnavailable(f"--pairs: {path.name} has no column {missing[0]} or no rows; it needs a, b and same")
    numbers: dict[Path, int] = {}
    places: list[tuple[int, int]] = []
    same: list[bool] = []
    for line, row in enumerate(rows, 2):
        value = (row["same"] or "").strip().lower()
        if value not in (*YES, *NO):
            raise ModelUnavailable(f"--pairs: line {line} of {path.name}: same is {quoted(value)}; write 1 or 0")
        pair = []
        for name in ("a", "b"):
            picture = root / (row[name] or "").strip()
            if not picture.is_file():
                raise ModelUnavailable(
                    f"--pairs: line {line} of {path.name}: there is no {quoted(row[name] or '')} in --root {root}"
                )
            pair.append(numbers.setdefault(picture, len(numbers)))
        if pair[0] == pair[1]:
            raise ModelUnavailable(f"--pairs: line {line} of {path.name}: a and b are one picture; give two")
        places.append((pair[0], pair[1]))
        same.append(value in YES)
    return Pairs(list(numbers), places, same)


def verify(analyser: FaceEmbedder, graph: RunGraph, pairs: Pairs, threshold: float | None) -> Verification:
    """Embed the largest face of each picture, and compare the pairs. Raises ModelUnavailable."""
    vectors: list[NDArray[np.float64] | None] = []
    several = 0
    for path in pairs.paths:
        try:
            image = open_rgb(path.read_bytes(), limits=ImageLimits())
        except (OSError, ItemError) as exc:
            raise ModelUnavailable(f"--pairs: {path.name} is no picture that can be read: {exc}") from exc
        found = run(analyser, image, faces.Options(size=faces.SIZES[-1]), graph).findings
        several += len(found) > 1
        largest = max(found, key=lambda each: each.share or 0.0, default=None)
        vector = None if largest is None else largest.vector
        vectors.append(None if vector is None else np.frombuffer(vector, "<f4").astype(np.float64))
    cosines, same = [], []
    for (a, b), alike in zip(pairs.places, pairs.same, strict=True):
        one, other = vectors[a], vectors[b]
        if one is not None and other is not None:
            cosines.append(float(one @ other))
            same.append(alike)
    return decided(
        np.array(cosines), np.array(same, bool), threshold, without=sum(v is None for v in vectors), several=several
    )


def decided(
    cosines: NDArray[np.float64], same: NDArray[np.bool_], threshold: float | None, *, without: int, several: int
) -> Verification:
    """Figures of pairs with these cosines (n,). Raises ModelUnavailable where they cannot be had."""
    if not same.any() or same.all():
        raise ModelUnavailable(
            f"--pairs: {int(same.sum())} pairs of one person and {int((~same).sum())} of two have a face on both "
            "pictures; give some of each"
        )
    if not np.median(cosines[same]) > np.median(cosines[~same]):
        raise ModelUnavailable(
            f"on the pairs, faces of one person are no nearer (median {np.median(cosines[same]):.3f}) than those "
            f"of two ({np.median(cosines[~same]):.3f}); check --mean, --std and --bgr, or it is no network of faces"
        )
    return Verification(
        best=rates(cosines, same, best_threshold(cosines, same)),
        stated=None if threshold is None else rates(cosines, same, threshold),
        without=without,
        several=several,
    )


def rates(cosines: NDArray[np.float64], same: NDArray[np.bool_], threshold: float) -> Rates:
    """Errors at a threshold."""
    matched = cosines >= threshold
    return Rates(
        threshold=threshold,
        false_matches=int((matched & ~same).sum()),
        different=int((~same).sum()),
        false_non_matches=int((~matched & same).sum()),
        same=int(same.sum()),
    )


def best_threshold(cosines: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The cosine with the smallest sum of both error rates; in the middle of its gap, the highest of equal ones.

    Rates and not numbers, so that it does not depend on how many pairs of each kind there are.
    """
    values = np.unique(cosines)
    middles = np.concatenate([values[:1] - 0.01, (values[1:] + values[:-1]) / 2, values[-1:] + 0.01])
    errors = [(cosines[~same] >= each).mean() + (cosines[same] < each).mean() for each in middles]
    best = float(np.min(errors))
    chosen = [float(each) for each, error in zip(middles, errors, strict=True) if error <= best + 1e-12]
    return round(chosen[-1], 4)
