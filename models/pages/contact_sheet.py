"""Pictures with what was found in them: boxes and corners drawn over thumbnails, in shares of the picture."""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from models.pages.analyses_view import Shot
from models.pages.html import Child, Html, e, path_text, shortened, user_text
from models.pages.items import CAPTION, Items
from models.pages.palette import COLOURS, PALETTE_STYLE
from models.pages.plots import rounded
from models.pages.sheet_filter import Filter

WIDE, TALL = 300.0, 300.0  # units of a drawing, about the pixels of its tile
NARROWEST, WIDEST = 1 / 3, 4.0  # width by height of a drawing; pictures beyond are stretched to it
DRAWN = 100  # boxes of a picture
NAMED = 12  # of these with their label beside
LINES = 4  # of text below a picture
LABELS, CLASSES = 6, 3  # below a picture: of objects, and of the whole picture
SIZE = 11.0  # units of a letter
Finding = Mapping[str, Any]
SHEET_STYLE = f"""{PALETTE_STYLE}
.sheet {{ list-style: none; margin: .6rem 0 1rem; padding: 0; display: grid; gap: 1rem 1.1rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); }}
.sheet li {{ break-inside: avoid; min-width: 0; line-height: 1.3; }}
.sheet small {{ display: block; margin-top: .2rem; font-size: .8rem; }}
.sheet small b {{ color: var(--ink); font-weight: 600; }}
.sheet q {{ display: block; quotes: none; font-size: .84rem; border-left: 3px solid var(--rule); padding-left: .5rem;
  margin-top: .2rem; }}
.sheet.one {{ grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); }}
.shot {{ position: relative; background: var(--tile); overflow: hidden; }}
.shot img, .shot svg {{ position: absolute; inset: 0; display: block; width: 100%; height: 100%; max-width: none; }}
.shot .found {{ fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }}
.shot .crop {{ fill: none; stroke: #000; stroke-width: 1.5; stroke-dasharray: 5 3;
  vector-effect: non-scaling-stroke; }}
.shot .under {{ fill: none; stroke: rgb(255 255 255 / 75%); stroke-width: 3.6; vector-effect: non-scaling-stroke; }}
.shot .tag {{ fill: #fff; stroke: rgb(0 0 0 / 80%); stroke-width: 3; paint-order: stroke; stroke-linejoin: round;
  font: 600 {SIZE:g}px/1 "DejaVu Sans", Verdana, sans-serif; }}
@media (max-width: 30rem) {{ .sheet {{ grid-template-columns: 1fr; gap: 1.2rem; }}
  .sheet.one {{ grid-template-columns: 1fr 1fr; gap: .8rem; }} }}
@media print {{ .sheet {{ grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .6rem .7rem; }} }}
"""


class Colours:
    """A colour for each label: the most frequent have their own, the others one of those again."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._places = {label: place % (COLOURS - 1) for place, label in enumerate(labels)}

    def of(self, finding: Finding) -> str:
        """The class of a stroke; lines of text have a colour of their own."""
        return f"k{self._places.get(finding['label'] or '', COLOURS - 1)}"


def tile(
    shot: Shot,
    items: Items,
    colours: Colours,
    note: str | None = None,
    wanted: Callable[[str, Finding], bool] | None = None,
    filtered: Filter | None = None,
) -> Html:
    """An entry of a sheet: the picture with its findings, its id, and the findings in words.

    `filtered` gives findings and pictures the classes by which they can be hidden.
    `wanted(kind, finding)` chooses findings of one label or kind, which are not named again; None: all of them.
    """
    chosen = {
        kind: [each for each in shot.found(kind) if wanted is None or wanted(kind, each)] for kind in shot.results
    }
    placed = [each for some in chosen.values() for each in some if each["box"] or each["polygon"]]
    below: list[Child] = [e("small", path_text(shot.name, CAPTION))]
    if shot.timestamp is not None:
        below.append(e("small", f"frame at {shot.timestamp:.1f} s"))
    if shot.name in items.captions:
        below.append(e("small", user_text(items.captions[shot.name], CAPTION)))
    if wanted is None:
        below += [_labels(some) for some in chosen.values()]
    texts = [each["text"] for some in chosen.values() for each in some if each["text"]]
    if texts:
        more = len(texts) - LINES
        lines = [[" / " if place else None, user_text(text, 90)] for place, text in enumerate(texts[:LINES])]
        below.append(e("q", lines, f" and {more:,} more" if more > 0 else None))
    below.append(e("small", note) if note else None)
    drawing = _drawing(shot, placed, items, colours, named=wanted is None, filtered=filtered)
    every = [each for some in chosen.values() for each in some]
    return e(
        "li" if filtered is None else f"li{filtered.tile(every)}",
        drawing,
        below,
        at={"title": shortened(shot.name, 300)},
    )


def _labels(findings: Sequence[Finding]) -> Html | None:
    """Labels with their numbers, or their score where there is one of them; of a whole picture, the highest alone."""
    many: Counter[str] = Counter()
    best: dict[str, float] = {}
    for each in findings:
        if (name := each["label"]) is not None:
            many[name] += 1
            best[name] = max(best.get(name, 0.0), each["score"] or 0.0)
    if not many:
        return None
    shown = many.most_common(LABELS if any(each["box"] for each in findings) else CLASSES)
    words: list[Child] = []
    for place, (name, n) in enumerate(shown):
        words += [", " if place else None, e("b", user_text(name, 40)), f" × {n}" if n > 1 else f" {best[name]:.2f}"]
    more = len(many) - len(shown)
    return e("small", words, f" and {more:,} more" if more else None)


def _drawing(
    shot: Shot,
    placed: Sequence[Finding],
    items: Items,
    colours: Colours,
    *,
    named: bool,
    filtered: Filter | None,
) -> Html | None:
    """The picture and the drawing over it; an empty panel stands for a picture that the page has not."""
    content = picture_of(shot, items)
    if content is None and not placed:
        return None
    ratio = min(max(shot.width / shot.height, NARROWEST), WIDEST)
    width, height = (WIDE, WIDE / ratio) if ratio >= WIDE / TALL else (TALL * ratio, TALL)
    scale = width / shot.width, height / shot.height
    outlines: list[Child] = []
    if shot.crop is not None and (cut := _corners({"polygon": None, "box": shot.crop}, scale, (width, height))):
        edge = "M" + "L".join(f"{rounded(x)} {rounded(y)}" for x, y in cut) + "Z"
        outlines += [e("path.under", at={"d": edge}), e("path.crop", at={"d": edge})]
    names: list[Child] = []
    places: list[tuple[float, float]] = []
    for each in placed[:DRAWN]:
        corners = _corners(each, scale, (width, height))
        if corners is None:
            continue
        path = {"d": "M" + "L".join(f"{rounded(x)} {rounded(y)}" for x, y in corners) + "Z"}
        mark = "" if filtered is None else f".{filtered.mark(each)}"
        outlines += [e(f"path.under{mark}", at=path), e(f"path.found.{colours.of(each)}{mark}", at=path)]
        if named and each["label"] is not None and len(names) < NAMED:
            names.append(_tag(each["label"], corners, width, places, mark))
    drawn = e(
        "svg",
        e("title", f"{len(placed):,} findings in {shortened(shot.name, 100)}" if placed else "no findings"),
        outlines,
        names,
        at={"role": "img", "viewBox": f"0 0 {rounded(width)} {rounded(height)}", "preserveAspectRatio": "none"},
    )
    style = f"aspect-ratio: {width:.1f} / {height:.1f}; width: min(100%, {20 * min(1.0, ratio):.1f}rem)"
    return e("div.shot", content, drawn if placed or shot.crop else None, at={"style": style})


def picture_of(shot: Shot, items: Items) -> Html | None:
    """The picture of an item, or the frame of a video, which is blurred where pictures are."""
    if shot.timestamp is None:
        return items.picture(shot.name)
    still = items.still(shot.still) if shot.still else None
    if still is None:
        return None
    if isinstance(still, bytes):
        still = b64encode(still).decode()
    alt = f"frame at {shot.timestamp:.1f} s of {shortened(shot.name, 100)}"
    return e("img", at={"src": f"data:image/jpeg;base64,{still}", "alt": alt, "decoding": "async"})


def _corners(
    finding: Finding, scale: tuple[float, float], size: tuple[float, float]
) -> list[tuple[float, float]] | None:
    """The corners of a finding in units of the drawing, within it; None where a number is not finite."""
    if finding["polygon"]:
        points = finding["polygon"]
    else:
        box = finding["box"]
        left, top, right, bottom = box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]
        points = [(left, top), (right, top), (right, bottom), (left, bottom)]
    if not all(isfinite(value) for point in points for value in point):
        return None
    return [(min(max(x * scale[0], 1.0), size[0] - 1), min(max(y * scale[1], 1.0), size[1] - 1)) for x, y in points]


def _tag(
    label: str, corners: Sequence[tuple[float, float]], width: float, places: list[tuple[float, float]], mark: str
) -> Html:
    """The label at the upper left corner of a box, inside of the picture, below those in `places`, which gets it."""
    text = shortened(label, 24)
    x = max(3.0, min(min(x for x, _ in corners) + 4, width - 0.62 * SIZE * len(text) - 3))
    y = min(y for _, y in corners) + SIZE + 2
    while any(abs(x - left) < 5 * SIZE and abs(y - top) < SIZE for left, top in places):
        y += SIZE + 1
    places.append((x, y))
    return e(f"text.tag{mark}", text, at={"x": rounded(x), "y": rounded(y)})
