"""A clustering's answer as its page needs it: clusters big first, which pictures are shown, and what they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan
from typing import Any, Literal

import numpy as np

from models.images.thumbnail import is_blurred
from models.pages.document import picture
from models.pages.html import MINUS, UNDEFINED, Html

Mode = Literal["thumbnails", "blurred", "none"]
KINDS = {
    "nearest": "Nearest to the centre, the medoid first",
    "random": "At random",
    "farthest": "Farthest from the centre",
}
METHODS = {
    "iterative-kmeans": "iterative k-means",
    "kmeans": "k-means",
    "hdbscan": "HDBSCAN",
    "agglomerative": "agglomerative clustering",
}
PER_KIND = 9  # pictures of a kind; of very many clusters fewer
PICTURES = 1500  # of all clusters, so that a page can still be sent by mail
SIDES = {400: 160, 800: 120}  # pictures on a page, at most → pixels of their longer side; of more pictures 96
UNCLUSTERED = 18  # pictures of what is in no cluster


def shown_images(answer: Mapping[str, Any]) -> list[int]:
    """Indexes of the images that the page shows, in the order of its sheets: those to make thumbnails of."""
    view = View(answer=answer, thumbnails={}, mode="none")
    found = [i for cluster in view.clusters for row in view.exemplars(cluster).values() for i in row]
    return list(dict.fromkeys([*found, *view.unclustered]))


def thumbnail_side(answer: Mapping[str, Any]) -> int:
    """Pixels of the longer side of a thumbnail, such that the page stays some megabytes."""
    many = len(shown_images(answer))
    return next((pixels for most, pixels in SIDES.items() if many <= most), 96)


@dataclass(frozen=True, kw_only=True)
class View:
    """An answer, its thumbnails by index, and whether they are shown."""

    answer: Mapping[str, Any]
    thumbnails: Mapping[int, bytes]
    mode: Mode

    def __post_init__(self) -> None:
        if self.mode not in ("thumbnails", "blurred", "none"):
            raise ValueError(f'mode: got {self.mode!r}; it is "thumbnails", "blurred" or "none"')
        if self.mode == "blurred" and (clear := [i for i, jpeg in self.thumbnails.items() if not is_blurred(jpeg)]):
            raise ValueError(f"thumbnails: that of image {clear[0]} is not blurred; make it by thumbnail(blurred=True)")

    @property
    def bare(self) -> bool:
        """Whether images are told by their ids alone."""
        return self.mode == "none" or not self.thumbnails

    @property
    def n(self) -> int:
        return int(self.answer["n"])

    @property
    def params(self) -> Mapping[str, Any]:
        return self.answer.get("params") or {}

    @property
    def trace(self) -> Sequence[Mapping[str, Any]]:
        return self.answer.get("trace") or ()

    @property
    def method(self) -> str:
        said = str(self.answer["method"])
        return METHODS.get(said, said)

    @cached_property
    def clusters(self) -> list[Mapping[str, Any]]:
        """Big first."""
        return sorted(self.answer.get("clusters") or (), key=lambda each: (-each["size"], each["id"]))

    @cached_property
    def places(self) -> dict[int, int]:
        """Cluster → its place by size, from 0."""
        return {int(each["id"]): place for place, each in enumerate(self.clusters)}

    @cached_property
    def labels(self) -> Any:
        """(n,)"""
        return np.asarray(self.answer["labels"], np.intp).reshape(-1)

    @cached_property
    def final(self) -> Any:
        """Silhouettes among all clusters, (n,); of methods that give none those at extraction. NaN for none."""
        found = self.answer.get("silhouettes_final") or self.answer.get("silhouettes") or [None] * len(self.labels)
        return np.array([nan if value is None else value for value in found], np.float64)

    @property
    def clustered(self) -> int:
        return self.n - int(self.answer.get("unclustered") or 0)

    @cached_property
    def each(self) -> int:
        """Pictures of a kind."""
        return min(PER_KIND, max(3, PICTURES // (3 * max(1, len(self.clusters)))))

    def exemplars(self, cluster: Mapping[str, Any]) -> dict[str, list[int]]:
        """Of each kind, an image once only; the medoid is among the nearest."""
        given = cluster.get("exemplars") or {}
        seen: set[int] = set()
        found: dict[str, list[int]] = {}
        for kind in KINDS:
            row = [int(i) for i in given.get(kind) or ()]
            if kind == "nearest" and cluster.get("medoid") is not None:
                row = [int(cluster["medoid"]), *row]
            fresh = [i for i in dict.fromkeys(row) if i not in seen][: self.each]
            seen.update(fresh)
            found[kind] = fresh
        return {kind: row for kind, row in found.items() if row}

    @cached_property
    def unclustered(self) -> list[int]:
        """Some of what is in no cluster, at random but always the same."""
        without = np.flatnonzero(self.labels < 0)
        if len(without) > UNCLUSTERED:
            without = np.sort(np.random.default_rng(0).choice(without, UNCLUSTERED, replace=False))
        return [int(i) for i in without]

    def id(self, i: int) -> str:
        ids = self.answer.get("ids") or ()
        return str(ids[i]) if 0 <= i < len(ids) else f"image {i}"

    def picture(self, i: int, alt: str | None = None) -> Html | None:
        """None where pictures are not to be shown, or this one is not there."""
        jpeg = None if self.mode == "none" else self.thumbnails.get(i)
        if jpeg is None:
            return None
        return picture(jpeg, self.id(i) if alt is None else alt, decoding="async")


def silhouette(value: Any) -> str:
    """With three decimals."""
    known = to_float(value)
    return UNDEFINED if known != known else f"{known:.3f}".replace("-", MINUS)


def to_float(value: Any) -> float:
    """A number of JSON, which has no NaN."""
    return nan if value is None else float(value)
