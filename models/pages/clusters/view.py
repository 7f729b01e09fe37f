"""A clustering's answer as its page needs it: clusters by size, the pictures shown, and their ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan
from typing import Any

import numpy as np

from models.pages.document import picture
from models.pages.html import MINUS, UNDEFINED, Html, counted, item_noun
from models.pages.items import Mode, require_mode

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
PER_KIND = 9  # pictures of a kind of each cluster; fewer where there are many clusters
PICTURES = 1500  # of all clusters, so that a page can still be sent by mail
SIDES = {400: 160, 800: 120}  # pictures on a page, at most → pixels of their longer side; 96 for more pictures
SURE, LEAD = 0.2, 1.5  # least probability of a name, and its least ratio to that of the second
SMALL = 3  # images up to which a cluster is small: its sheet is folded with others
OPEN = 24  # sheets that are open, of the largest clusters; others are folded
UNCLUSTERED = 18  # pictures of images in no cluster


def shown_images(answer: Mapping[str, Any]) -> list[int]:
    """Indexes of the images that the page shows, and needs thumbnails of, in the order of its sheets."""
    view = View(answer=answer, thumbnails={}, mode="none")
    exemplars = [i for cluster in view.clusters for row in view.exemplars(cluster).values() for i in row]
    return list(dict.fromkeys([*exemplars, *view.unclustered]))


def thumbnail_side(answer: Mapping[str, Any]) -> int:
    """The longer side of a thumbnail in pixels, chosen so that the page stays within some megabytes."""
    many = len(shown_images(answer))
    return next((pixels for most, pixels in SIDES.items() if many <= most), 96)


@dataclass(frozen=True, kw_only=True)
class View:
    """An answer, its thumbnails by the index of their image, and the mode in which they are shown."""

    answer: Mapping[str, Any]
    thumbnails: Mapping[int, bytes]
    mode: Mode

    def __post_init__(self) -> None:
        require_mode(self.mode, self.thumbnails)

    @property
    def bare(self) -> bool:
        """Whether the page shows ids without pictures."""
        return self.mode == "none" or not self.thumbnails

    @property
    def n(self) -> int:
        return int(self.answer["n"])

    @property
    def noun(self) -> str:
        """The noun for an item: image, text or item."""
        return item_noun(self.answer.get("modality"))

    @property
    def many(self) -> str:
        """The same noun in the plural."""
        return f"{self.noun}s"

    def items(self, n: int) -> str:
        """A number of items with their noun: "3 images"."""
        return counted(n, self.noun)

    @property
    def params(self) -> Mapping[str, Any]:
        return self.answer.get("params") or {}

    @property
    def trace(self) -> Sequence[Mapping[str, Any]]:
        return self.answer.get("trace") or ()

    @property
    def method(self) -> str:
        method = str(self.answer["method"])
        return METHODS.get(method, method)

    @cached_property
    def clusters(self) -> list[Mapping[str, Any]]:
        """The clusters, largest first."""
        return sorted(self.answer.get("clusters") or (), key=lambda cluster: (-cluster["size"], cluster["id"]))

    @cached_property
    def places(self) -> dict[int, int]:
        """The rank of each cluster by size, from 0, by its id."""
        return {int(cluster["id"]): place for place, cluster in enumerate(self.clusters)}

    @cached_property
    def labels(self) -> Any:
        """The cluster of each image, (n,) integers; -1 for none."""
        return np.asarray(self.answer["labels"], np.intp).reshape(-1)

    @cached_property
    def final(self) -> Any:
        """Silhouettes (n,) among all clusters, or else those at extraction; NaN where there is none."""
        values = self.answer.get("silhouettes_final") or self.answer.get("silhouettes") or [None] * len(self.labels)
        return np.array([nan if value is None else value for value in values], np.float64)

    @property
    def clustered(self) -> int:
        return self.n - int(self.answer.get("unclustered") or 0)

    @cached_property
    def per_kind(self) -> int:
        """The number of pictures of a kind that a sheet shows."""
        return min(PER_KIND, max(3, PICTURES // (3 * max(1, len(self.clusters)))))

    def exemplars(self, cluster: Mapping[str, Any]) -> dict[str, list[int]]:
        """Images of each kind, none of them twice; the medoid is the first of the nearest."""
        exemplars = cluster.get("exemplars") or {}
        used: set[int] = set()
        rows: dict[str, list[int]] = {}
        for kind in KINDS:
            row = [int(i) for i in exemplars.get(kind) or ()]
            if kind == "nearest" and cluster.get("medoid") is not None:
                row = [int(cluster["medoid"]), *row]
            rows[kind] = [i for i in dict.fromkeys(row) if i not in used][: self.per_kind]
            used.update(rows[kind])
        return {kind: row for kind, row in rows.items() if row}

    def sure_name(self, cluster: Mapping[str, Any]) -> str | None:
        """The suggested name of a cluster; None without one, and where the model is unsure."""
        names = cluster.get("names") or ()
        if not names:
            return None
        first, *rest = (to_float(name.get("score")) for name in names)
        unsure = first < SURE or (bool(rest) and first < LEAD * rest[0])
        return None if unsure and self.answer.get("names_from") != "texts" else str(names[0]["label"])

    @cached_property
    def unclustered(self) -> list[int]:
        """A random sample, always the same, of the images in no cluster."""
        without = np.flatnonzero(self.labels < 0)
        if len(without) > UNCLUSTERED:
            without = np.sort(np.random.default_rng(0).choice(without, UNCLUSTERED, replace=False))
        return [int(i) for i in without]

    def id(self, i: int) -> str:
        ids = self.answer.get("ids") or ()
        return str(ids[i]) if 0 <= i < len(ids) else f"{self.noun} {i}"

    def picture(self, i: int, alt: str | None = None) -> Html | None:
        """The picture of image `i`; None where the page shows no pictures or this one is missing."""
        jpeg = None if self.mode == "none" else self.thumbnails.get(i)
        if jpeg is None:
            return None
        return picture(jpeg, self.id(i) if alt is None else alt, decoding="async")


def silhouette(value: Any) -> str:
    """A silhouette as text with three decimals."""
    number = to_float(value)
    return UNDEFINED if number != number else f"{number:.3f}".replace("-", MINUS)


def to_float(value: Any) -> float:
    """A number from JSON, where null stands for NaN."""
    return nan if value is None else float(value)
