"""Lines of text in pictures and videos: a line that stays on the screen is one line, with its first and last time."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import numpy as np

from daguerre.results.base import import_pandas
from daguerre.results.frames import frames_of, seconds_on_screen
from daguerre.types.common import Content

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("id", "line", "text", "score", "first", "last", "frames", "seconds", "x", "y", "width", "height")
BOX = ("x", "y", "width", "height")
SIMILARITY, OVERLAP, GAP = 0.7, 0.5, 1  # defaults


@dataclass
class _Line:
    """A line that was followed through the frames of a video.

    Attributes
    ----------
    best : the finding with the highest score, whose text and box the line has.
    at : numbers of the frames that have it.
    box, text : of the last of them.
    """

    best: Content
    at: list[int]
    box: tuple[float, float, float, float]
    text: str

    def add(self, found: Content, place: int) -> None:
        self.at.append(place)
        self.box, self.text = _box(found), _plain(found["text"])
        if (found.get("score") or 0.0) > (self.best.get("score") or 0.0):
            self.best = found


def text_lines(
    ids: Sequence[str],
    entries: Sequence[Content | None],
    *,
    similarity: float = SIMILARITY,
    overlap: float = OVERLAP,
    gap: int = GAP,
) -> "pd.DataFrame":
    """See Analyses.lines. Raises ValueError."""
    for name, value in (("similarity", similarity), ("overlap", overlap)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name}: got {value}; it is a share, 0 to 1")
    if isinstance(gap, bool) or int(gap) != gap or gap < 0:
        raise ValueError(f"gap: got {gap!r}; it is a whole number of frames, from 0 on")
    rows: list[dict[str, Any]] = []
    for id, entry in zip(ids, entries, strict=True):
        if entry is None:
            continue
        if entry.get("video") is None:
            for i, found in enumerate(_texts(entry)):
                rows.append({"id": id, "line": i, **_shown(found), "frames": 1})
            continue
        frames, seconds = frames_of(entry), seconds_on_screen(entry["video"])
        for i, line in enumerate(_followed(frames, similarity, overlap, gap)):
            rows.append(
                {
                    **{"id": id, "line": i, **_shown(line.best)},
                    "first": frames[line.at[0]]["timestamp"],
                    "last": frames[line.at[-1]]["timestamp"],
                    "frames": len(line.at),
                    "seconds": float(seconds[line.at].sum()),
                }
            )
    table: pd.DataFrame = import_pandas().DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(("first", "last", "seconds", "score", *BOX), "float64"))


def _followed(frames: Sequence[Content], similarity: float, overlap: float, gap: int) -> list[_Line]:
    """The lines of a video, in the order in which they appear."""
    every: list[_Line] = []
    for place, frame in enumerate(frames):
        active = [line for line in every if place - line.at[-1] <= gap + 1]
        found = _texts(frame)
        links = _links(active, found, similarity, overlap)
        for i, each in enumerate(found):
            if i in links:
                active[links[i]].add(each, place)
            else:
                every.append(_Line(each, [place], _box(each), _plain(each["text"])))
    return every


def _links(lines: Sequence[_Line], found: Sequence[Content], similarity: float, overlap: float) -> Mapping[int, int]:
    """The earlier line of each finding that continues one: the pairs that are most alike first, each once."""
    if not (lines and found):
        return {}
    shared = _overlaps(np.array([line.box for line in lines]), np.array([_box(each) for each in found]))
    pairs = []
    for i, j in zip(*np.nonzero(shared >= max(overlap, 1e-9)), strict=True):
        alike = _alike(lines[i].text, _plain(found[j]["text"]), similarity)
        if alike >= similarity:
            pairs.append((-alike, -float(shared[i, j]), int(i), int(j)))
    links: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, i, j in sorted(pairs):
        if j not in links and i not in taken:
            links[j] = i
            taken.add(i)
    return links


def _overlaps(first: Any, second: Any) -> Any:
    """The share of the smaller of two boxes that the other covers, (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, :2] + first[:, None, 2:], second[None, :, :2] + second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    areas = np.minimum(first[:, 2:].prod(-1)[:, None], second[:, 2:].prod(-1)[None])
    return np.divide(shared, areas, out=np.zeros_like(shared), where=areas > 0)


def _alike(first: str, second: str, least: float) -> float:
    """The similarity of two texts, 0 to 1; 0 where it is below `least`."""
    if first == second:
        return 1.0
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    if matcher.real_quick_ratio() < least or matcher.quick_ratio() < least:
        return 0.0
    return matcher.ratio()


def _plain(text: str) -> str:
    """A text without differences of case, width and spaces, which readers of text confuse."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _texts(part: Content) -> list[Content]:
    """The lines that were read in a picture or a frame."""
    result = (part.get("results") or {}).get("text") or {}
    return [found for found in result.get("findings", ()) if found.get("text")]


def _box(found: Content) -> tuple[float, float, float, float]:
    box = found.get("box") or dict.fromkeys(BOX, 0.0)
    return (box["x"], box["y"], box["width"], box["height"])


def _shown(found: Content) -> dict[str, Any]:
    return {"text": found["text"], "score": found.get("score"), **(found.get("box") or {})}
