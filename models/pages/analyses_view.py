"""The answer of an analysis as pictures with findings, for its page: counts by label, lines of text, numbers."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np

from models.intervals import Figure, share_figure
from models.pages.html import counted
from models.pages.items import expect, item_name

Fields = Mapping[str, Any]
NAMES = {
    **{"text": "Text", "objects": "Objects", "classes": "Classes of whole pictures", "captions": "Captions"},
    **{"visual": "Visual features", "sensitive": "Sensitive content", "faces": "Faces"},
    "face_attributes": "Faces with attributes",
}
GUESSES = "guesses about what faces look like"  # the beginning of a remark on each picture with faces
LARGEST = 10_000_000  # pixels of a side of a picture, more than there are
WHOLE = ("classes",)  # kinds whose labels name the whole picture, ranked by their scores


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A picture, or a frame of a video, with its results by kind.

    Attributes
    ----------
    name : under which the picture of the item may be sent.
    timestamp : seconds, of a frame; None for a picture.
    still : JPEG of a frame in base64, if the answer has one.
    crop : the rectangle of the picture that was analysed, in its pixels with its margin; None for all of it.
    """

    name: str
    width: int
    height: int
    results: Mapping[str, Fields]
    timestamp: float | None = None
    still: str | None = None
    times: int = 1
    crop: Fields | None = None

    def found(self, kind: str) -> Sequence[Fields]:
        """The findings of an analyser."""
        result = self.results.get(kind)
        findings: Sequence[Fields] = [] if result is None else result["findings"]
        return findings

    @cached_property
    def placed(self) -> int:
        """The number of findings with a place in the picture."""
        return sum(bool(each["box"] or each["polygon"]) for kind in self.results for each in self.found(kind))


@dataclass(kw_only=True)
class Label:
    """A label of one analyser in all pictures.

    Attributes
    ----------
    items : indices of the pictures and videos that have it.
    first : of these, those in which it is the label with the highest score.
    shots : (index of the item, shot, highest score in it) of each picture and frame that has it.
    scores : of its findings, without those that have none.
    """

    kind: str
    name: str
    items: set[int] = field(default_factory=set)
    first: set[int] = field(default_factory=set)
    shots: list[tuple[int, Shot, float]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    findings: int = 0


class View:
    """An answer as items, each with its shots: one of a picture, and one for each analysed frame of a video.

    Raises PageError for an answer that contradicts itself.
    """

    def __init__(self, answer: Fields) -> None:
        self.answer = answer
        self.failed: list[Fields] = [entry for entry in answer["data"] if "error" in entry]
        self.entries: list[Fields] = [entry for entry in answer["data"] if "error" not in entry]
        self.items = [_shots(entry, f"data[{entry['index']}]") for entry in self.entries]
        self.kinds: list[str] = [*answer["receipts"]]
        for entry in self.entries:
            self.kinds += [k for k, result in entry["results"].items() if result is not None and k not in self.kinds]

    @property
    def shots(self) -> Iterator[tuple[int, Shot]]:
        """Each picture and frame with the index of its item."""
        return ((i, shot) for i, shots in enumerate(self.items) for shot in shots)

    @cached_property
    def videos(self) -> int:
        return sum(entry["video"] is not None for entry in self.entries)

    @cached_property
    def frames(self) -> int:
        """The number of analysed frames of videos."""
        return sum(len(shots) for shots, entry in zip(self.items, self.entries, strict=True) if entry["video"])

    @property
    def nouns(self) -> tuple[str, str]:
        """The noun for the items, and its plural."""
        if not self.videos:
            return "picture", "pictures"
        return ("video", "videos") if self.videos == len(self.entries) else ("item", "items")

    def counted(self, n: int) -> str:
        """A number of items with their noun."""
        return counted(n, *self.nouns)

    @cached_property
    def findings(self) -> Mapping[str, int]:
        """The number of findings of each analyser that has any."""
        total: Counter[str] = Counter()
        for _, shot in self.shots:
            for kind in shot.results:
                total[kind] += len(shot.found(kind))
        return {kind: total[kind] for kind in self.kinds if total[kind]}

    def share(self, items: int) -> Figure:
        """The share of the items, with Wilson's interval."""
        return share_figure(np.arange(len(self.entries)) < items)

    def threshold(self, kind: str) -> float | None:
        """The lowest score that was asked for; None where there is none."""
        options = self.answer["options"].get(kind) or {}
        lowest = options.get("min_score")
        return lowest or None

    @cached_property
    def labels(self) -> Mapping[str, Sequence[Label]]:
        """The labels of each analyser that gives any, the most frequent first."""
        found: dict[tuple[str, str], Label] = {}
        for i, shot in self.shots:
            for kind in shot.results:
                highest: dict[str, float] = {}
                for each in shot.found(kind):
                    if (name := each["label"]) is None:
                        continue
                    label = found.setdefault((kind, name), Label(kind=kind, name=name))
                    score = each["score"]
                    label.items.add(i)
                    label.findings += 1
                    if score is not None:
                        label.scores.append(score)
                    highest[name] = max(highest.get(name, 0.0), score or 0.0)
                if highest:
                    found[kind, max(highest, key=highest.__getitem__)].first.add(i)
                for name, best in highest.items():
                    found[kind, name].shots.append((i, shot, best))
        by_kind: dict[str, list[Label]] = defaultdict(list)
        for label in found.values():
            by_kind[label.kind].append(label)
        return {kind: sorted(by_kind[kind], key=_frequent) for kind in self.kinds if kind in by_kind}

    @cached_property
    def lines(self) -> Sequence[tuple[int, Shot, str, Fields]]:
        """The texts that were read: index of the item, shot, kind, and finding."""
        return [
            (i, s, kind, each) for i, s in self.shots for kind in s.results for each in s.found(kind) if each["text"]
        ]

    @cached_property
    def values(self) -> Mapping[tuple[str, str], Sequence[float]]:
        """The numbers of the items by kind and name; of a video, its means. Those that are not finite are left out."""
        found: dict[tuple[str, str], list[float]] = defaultdict(list)
        for entry in self.entries:
            for kind, result in entry["results"].items():
                for name, value in (result["values"] if result else {}).items():
                    if isfinite(value):
                        found[kind, name].append(float(value))
        order = {kind: place for place, kind in enumerate(self.kinds)}
        return dict(sorted(found.items(), key=lambda pair: order[pair[0][0]]))

    @cached_property
    def remarks(self) -> Sequence[str]:
        """The remarks of the analysers with the number of items that have each, those alike but for numbers once."""
        many: Counter[tuple[str, str]] = Counter()
        words: dict[tuple[str, str], set[str]] = defaultdict(set)
        cut: Counter[str] = Counter()
        for entry in self.entries:
            for kind, result in entry["results"].items():
                if result is None:
                    continue
                cut[kind] += result["truncated"]
                for key, remark in {
                    (kind, re.sub(r"\d[\d,.]*", "#", each)): each for each in result["remarks"]
                }.items():
                    many[key] += 1
                    words[key].add(remark)
        sentences = [
            f"{kind_name(kind)}: more was found than is given in {self.counted(n)}." for kind, n in cut.items() if n
        ]
        for key, n in many.most_common():
            if key[1].startswith(GUESSES) and (self.answer["receipts"].get(key[0]) or {}).get("notice"):
                continue  # the notice says it
            text = min(words[key]).rstrip(".")
            others = ", and others that differ in their numbers" if len(words[key]) > 1 else ""
            sentences.append(f"{kind_name(key[0])}: a remark on {self.counted(n)}: “{text}”{others}.")
        return sentences


def kind_name(kind: str) -> str:
    """The name of a kind of analysers, as a title."""
    return NAMES.get(kind, kind)


def _frequent(label: Label) -> tuple[int, int, str]:
    if label.kind in WHOLE:
        return -len(label.first), -len(label.items), label.name
    return -len(label.items), -label.findings, label.name


def _shots(entry: Fields, at: str) -> list[Shot]:
    """The picture of an entry, or the frames of its video."""
    size = {name: min(max(1, entry[name]), LARGEST) for name in ("width", "height")}
    name = item_name(entry)
    if entry["video"] is None:
        found = _checked(entry["results"], f"{at}.results")
        return [Shot(name=name, results=found, crop=_crop(entry.get("crop")), **size)]
    return [
        Shot(
            name=name,
            results=_checked(frame["results"], f"{at}.video.frames[{j}].results"),
            timestamp=frame["timestamp"],
            still=frame["thumbnail"],
            times=frame["times"],
            **size,
        )
        for j, frame in enumerate(entry["video"]["frames"])
    ]


def _crop(crop: Fields | None) -> Fields | None:
    """The rectangle of a crop with its margin."""
    if crop is None:
        return None
    across, up = (crop["margin"] * crop[side] for side in ("width", "height"))
    place = {"x": crop["x"] - across, "y": crop["y"] - up}
    return {**place, "width": crop["width"] + 2 * across, "height": crop["height"] + 2 * up}


def _checked(results: Mapping[str, Fields | None], at: str) -> dict[str, Fields]:
    """The results that are there, without infinite scores. Raises PageError for a corner that is no point."""
    found: dict[str, Fields] = {}
    for kind, result in results.items():
        if result is None:
            continue
        for k, each in enumerate(result["findings"]):
            expect(
                all(len(corner) == 2 for corner in each["polygon"] or ()),
                f"{at}.{kind}.findings[{k}].polygon: has a corner that is not [x, y]",
            )
        found[kind] = {**result, "findings": [_finite(each) for each in result["findings"]]}
    return found


def _finite(finding: Fields) -> Fields:
    score = finding["score"]
    return finding if score is None or isfinite(score) else {**finding, "score": None}
