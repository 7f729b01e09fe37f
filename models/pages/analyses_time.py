"""Labels along the time of a video: a curve of the number in each frame, and a table of where each label is."""

from collections import Counter
from collections.abc import Sequence
from math import isfinite
from typing import Any

from models.pages.analyses_view import Shot, View
from models.pages.contact_sheet import Colours
from models.pages.document import section
from models.pages.html import Child, Html, count, counted, e, path_text, shortened, table, user_text
from models.pages.plots import NARROW, Frame, redrawn, rounded, svg, ticks

VIDEOS = 12  # whose curves are drawn
CURVES = 5  # labels of a drawing
ROWS = 300
LONGEST = 1e9  # seconds of a video, more than there are
KINDS = ("objects", "faces", "face_attributes")  # whose findings are counted in each frame
TIME_STYLE = """
.times .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
.times .shot { fill: var(--note); }
.times .legend { list-style: none; padding: 0; margin: .2rem 0 1rem; display: flex; flex-wrap: wrap;
  gap: .2rem 1.2rem; }
.times .legend svg { vertical-align: middle; margin-right: .4rem; }
"""


def over_time(view: View, colours: Colours) -> Html | None:
    """The numbers of labels over time, for each video with findings; None without any."""
    videos = [
        (entry, shots)
        for entry, shots in zip(view.entries, view.items, strict=True)
        if entry["video"] is not None and any(shot.found(kind) for shot in shots for kind in KINDS)
    ]
    if not videos:
        return None
    drawn = [_drawing(entry["video"], shots, colours) for entry, shots in videos[:VIDEOS]]
    left = len(videos) - len(drawn)
    rows = [row for _, shots in videos for row in _rows(shots)]
    cut = f"The first {ROWS} of {counted(len(rows), 'row')}" if len(rows) > ROWS else None
    heads = ["video", "label", "frames", "of", "most at once", "first", "last"]
    return section(
        "Over time",
        e("p.soft", "Number of findings of the most frequent labels in each analysed frame. Shots are shaded."),
        e("div.times", drawn),
        e("p.soft", f"The curves of {counted(left, 'further video')} are not drawn.") if left else None,
        table(cut, heads, rows[:ROWS], name="times"),
    )


def _counts(shot: Shot) -> "Counter[str]":
    return Counter(each["label"] for kind in KINDS for each in shot.found(kind) if each["label"] is not None)


def _rows(shots: Sequence[Shot]) -> list[list[Child]]:
    """A row for each label of a video, the one that is in most frames first."""
    counts = [_counts(shot) for shot in shots]
    frames = Counter(label for each in counts for label in each)
    rows: list[list[Child]] = []
    for label, n in frames.most_common():
        there = [_number(shot.timestamp) for shot, each in zip(shots, counts, strict=True) if each[label]]
        most = max(each[label] for each in counts)
        first, last = (f"{time:.1f} s" for time in (there[0], there[-1]))
        rows.append(
            [path_text(shots[0].name, 80), user_text(label, 60), count(n), count(len(shots)), count(most), first, last]
        )
    return rows


def _number(value: Any) -> float:
    """Seconds of an answer, 0 for what is no such number."""
    return float(value) if isinstance(value, int | float) and isfinite(value) and 0 <= value < LONGEST else 0.0


def _drawing(video: Any, shots: Sequence[Shot], colours: Colours) -> Html:
    """The curves of a video, with a legend."""
    counts = [_counts(shot) for shot in shots]
    labels = [label for label, _ in Counter(label for each in counts for label in each).most_common(CURVES)]
    times = [_number(shot.timestamp) for shot in shots]
    end = max(_number(video["duration"]), *times, 1e-3)
    top = max(each[label] for each in counts for label in labels)
    name = shots[0].name

    def draw(width: float) -> Html:
        frame = Frame(width, 170, (0, end), (0, top), left=44, bottom=32)
        shades: list[Child] = []
        for shot in (video["shots"] or [])[::2]:
            left, right = (float(frame.at(min(_number(shot.get(edge)), end), 0)[0]) for edge in ("start", "end"))
            box: dict[str, str | float] = {
                "x": rounded(left),
                "y": 8,
                "width": rounded(max(right - left, 0)),
                "height": 130,
            }
            shades.append(e("rect.shot", at=box))
        curves: list[Child] = []
        for label in reversed(labels):
            steps: list[tuple[float, float]] = []
            for i, time in enumerate(times):
                steps += [(time, counts[i][label]), (times[i + 1] if i + 1 < len(times) else end, counts[i][label])]
            curves.append(frame.line(f"curve.{colours.of({'label': label})}", steps))
        up = sorted({0, top}) if top < 4 else ticks(0, top, 3)
        axes = frame.axes(ticks(0, end, 4 if width <= NARROW else 10), up, "seconds", "findings")
        return svg(f"Labels over time in {shortened(name, 80)}", width, 170, shades, axes, curves)

    legend = [
        e(
            "li",
            svg("", 18, 8, e(f"path.curve.{colours.of({'label': label})}", at={"d": "M1 4L17 4"})),
            user_text(label),
        )
        for label in labels
    ]
    caption = e("figcaption", path_text(name, 100))
    return e("figure", redrawn(draw, 760), caption, e("ul.legend", legend))
