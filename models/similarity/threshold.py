"""The threshold of semantic duplicates: learned from the cosines of the corpus, or of the model, or as given.

Cosines of unrelated items lie around 0 in one space and around 0.975 in another. Where a cosine lies between the bulk
of the corpus and 1 is therefore measured as r = (cosine - bulk) / (1 - bulk), the bulk being the lower quartile of the
cosines of all pairs. The default threshold is at r = 0.86 or, where there is no gap between duplicates and other pairs,
at the lowest higher r with few pairs around it.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Origin = Literal["given", "corpus", "model", "fallback"]
Float32 = NDArray[np.float32]


class UnitVectors(Protocol):
    """Unit vectors (n, d), an array or computed where they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice | NDArray[np.int64], /) -> Float32: ...


FALLBACK = 0.95
LEAST = 20  # items from which a corpus shows its own bulk
FEWEST = 4  # items from which the median of their cosines means something
PAIRS = 2 * 10**7  # cosines that are looked at, at most
LOWEST, HIGHEST = 0.86, 0.98  # r
WINDOW = 0.4  # around a threshold, as a share of what lies above it
CROWDED = 0.5  # pairs around a threshold, for each above it, from which it lies within the bulk
FEW = 0.2  # pairs of an item above a threshold up to which nothing is crowded
_EDGES = np.concatenate([[-np.inf], -np.logspace(np.log10(2.0001), -7, 4000), [np.inf]])  # of cosine - 1, ascending


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A cosine from which items are duplicates.

    Attributes
    ----------
    origin : given by the caller; learned from the corpus; from the model's cosine of unrelated pictures; or the
        fallback.
    reason : a sentence on how it came about.
    remarks : sentences, where the threshold lies within the bulk of the corpus or could not be learned.
    """

    value: float
    origin: Origin
    reason: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Profile:
    """Cosines of the pairs of a corpus: neighbours per item at or above each cosine, and the bulk."""

    n: int
    at_least: NDArray[np.float64]  # neighbours per item with a cosine of at least each edge
    bulk: float  # lower quartile of all pairs
    median: float

    @classmethod
    def of(cls, unit: UnitVectors) -> "Profile":
        """The profile of unit vectors (n, d), from up to PAIRS pairs of evenly spaced items with all others."""
        n = len(unit)
        sample = np.unique(np.linspace(0, n - 1, max(2, min(n, 1000, PAIRS // n))).astype(np.int64))
        counts = np.zeros(len(_EDGES) - 1)
        some = unit[sample]
        side = max(1, min(2**21 // len(sample), 2**15))
        for start in range(0, n, side):
            products = some @ unit[start : start + side].T
            own = np.flatnonzero((sample >= start) & (sample < start + side))
            products[own, sample[own] - start] = np.nan
            gaps = products[~np.isnan(products)] - np.float32(1)
            counts += np.histogram(np.minimum(gaps, -1e-7), _EDGES)[0]
        above = np.append(counts[::-1].cumsum()[::-1], 0.0)
        share = 1 - above / above[0]
        bulk, median = (float(np.interp(q, share, 1 + _EDGES.clip(-2, 0))) for q in (0.25, 0.5))
        return cls(n, above / len(sample), bulk, median)

    def neighbours(self, cosine: float) -> float:
        """Neighbours of an item, on average, with at least this cosine."""
        return float(np.interp(cosine - 1, _EDGES.clip(-3, 0), self.at_least))

    def cosine(self, r: float) -> float:
        """The cosine at `r` of the way from the bulk to 1."""
        return self.bulk + r * (1 - self.bulk)

    def crowded(self, cosine: float) -> bool:
        """Whether many pairs lie around a cosine, in proportion to those above it: it separates nothing."""
        width = WINDOW * (1 - cosine)
        around = self.neighbours(cosine - width) - self.neighbours(min(cosine + width, 1 - 1e-7))
        return around > CROWDED * max(self.neighbours(cosine), FEW)


def learned(unit: UnitVectors, unrelated: float | None = None) -> Threshold:
    """The default threshold of unit vectors (n, d).

    Parameters
    ----------
    unrelated : cosine of unrelated pictures, as measured for the model, for a corpus of fewer than LEAST items.
    """
    n = len(unit)
    profile = Profile.of(unit) if n >= FEWEST else None
    if n < LEAST or profile is None:
        few = f"{n:,} items are too few to learn a threshold from their cosines ({LEAST} are needed)"
        value = FALLBACK if unrelated is None else _rounded(unrelated + LOWEST * (1 - unrelated))
        source = "" if unrelated is None else f", from the model's cosine of unrelated pictures, {unrelated:.3f}"
        remarks = (f"threshold: {few}; {value:g} was used{source}", *_remarks(profile, value))
        origin: Origin = "fallback" if unrelated is None else "model"
        return Threshold(value=value, origin=origin, reason=f"{few}, so it is {value:g}{source}", remarks=remarks)
    steps = np.linspace(LOWEST, HIGHEST, 13)
    places = [_rounded(profile.cosine(float(r))) for r in steps]
    value = next((place for place in places if not profile.crowded(place)), places[-1])
    at = (value - profile.bulk) / max(1 - profile.bulk, 1e-12)
    reason = (
        f"learned from the corpus: three quarters of all pairs have a cosine above {profile.bulk:.3f}, and the "
        f"threshold lies at {at:.0%} of the way from there to 1"
    )
    return Threshold(value=value, origin="corpus", reason=reason, remarks=_remarks(profile, value))


def given(unit: UnitVectors, value: float) -> Threshold:
    """A threshold of the caller, with a remark where it lies within the bulk of the cosines of unit vectors (n, d)."""
    remarks = _remarks(Profile.of(unit) if len(unit) >= FEWEST else None, value)
    return Threshold(value=value, origin="given", reason="given by the caller", remarks=remarks)


def _remarks(profile: Profile | None, value: float) -> tuple[str, ...]:
    if profile is None:
        return ()
    each = f"each item has {profile.neighbours(value):,.1f} others above it on average"
    if value <= profile.median < 1 - 1e-6:
        return (
            f"threshold: {value:g} lies within the bulk of the corpus' cosines: half of all pairs have "
            f"{profile.median:.3f} or more, and {each}; groups may join unrelated items, so choose a higher threshold",
        )
    if profile.n >= LEAST and profile.crowded(value):
        return (
            f"threshold: {value:g} lies in no gap of the corpus' cosines: many pairs lie just above and below it, and "
            f"{each}; groups may join items that are only similar",
        )
    return ()


def _rounded(cosine: float) -> float:
    """With three digits of its distance from 1."""
    return 1 - float(f"{1 - cosine:.3g}")
