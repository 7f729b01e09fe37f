"""The timeline of a video as one HTML page: thumbnails and curves along time, pooled results, a table of its shots."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.images.thumbnail import blur_of
from models.pages.document import caveats, document, section
from models.pages.html import Child, Html, agree, counted, e, facts, number, shortened, table, user_text
from models.pages.items import FACES
from models.pages.palette import COLOURS, PALETTE_STYLE
from models.pages.plots import NARROW, Frame, padded_range, redrawn, rounded, svg, tick, ticks

WIDTH, LEFT, RIGHT = 1000, 46, 14  # pixels of the drawing on a wide screen, and of its margins
FEW = 150  # frames up to which all curves share one panel, with a dot for each frame
PANEL, STRIP, GAP = 240, 50, 20  # pixels: height of the shared panel, of one panel per label, and between panels
AXIS = 26  # pixels below the panels
THUMBNAIL, TALLEST = 116, 190  # pixels: width of a thumbnail with its margin, and its greatest height
BLURRED = "Thumbnails are blurred: each was averaged to 8 cells along its longer side before it was put on this page."
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400)  # seconds between two ticks
STYLE = f"""{PALETTE_STYLE}
.timeline svg {{ font-size: 12px; }}
.timeline .name {{ fill: var(--ink); }}
@media print {{ .timeline svg {{ font-size: 17px; }} }}
.shot {{ fill: var(--note); }}
.curve, .fine, .point {{ fill: none; stroke-width: 2; stroke-linejoin: round; }}
.fine {{ stroke-width: 1; }}
.point {{ stroke-width: 3; }}
.legend {{ list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }}
.legend svg {{ vertical-align: middle; margin-right: .4rem; }}
"""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A shot from `start` to before `end`, in seconds; `pooled` (k,) over its sampled frames, NaN without any."""

    index: int
    start: float
    end: float
    frames: int
    pooled: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The content of the page.

    Attributes
    ----------
    video : duration (seconds), width, height, frame_rate, codec, sampling, report and decoder, as in an answer.
    labels : names of the k curves.
    timestamps : (n,) seconds from the start.
    rows : (n, k) by frame; NaN is not drawn.
    pooled : (k,) of the whole video.
    shots : None where shots were not detected.
    thumbnails : a JPEG for each frame, or None.
    receipt : of the model; None where there is none.
    note : one sentence about the numbers.
    binary : whether the two labels are those of a binary classifier, so that the curve of the second says both.
    blurred : whether thumbnails are blurred.
    """

    name: str
    video: Mapping[str, Any]
    labels: Sequence[str]
    timestamps: NDArray[np.float64]
    rows: NDArray[np.float64]
    pooled: NDArray[np.float64]
    shots: Sequence[Shot] | None
    thumbnails: Sequence[bytes | None]
    receipt: Mapping[str, Any] | None
    note: str
    binary: bool = False
    blurred: bool = False

    @property
    def end(self) -> float:
        """End of the time axis."""
        return max(float(self.video["duration"]), float(self.timestamps[-1]), 1e-9)

    @property
    def drawn(self) -> list[int]:
        """Labels that have a curve: the highest pooled ones, in their own order; one of a binary classifier."""
        if self.binary and len(self.labels) == 2:
            return [1]
        return sorted(np.argsort(-self.pooled, kind="stable")[:COLOURS].tolist())

    @property
    def apart(self) -> bool:
        """Whether each label has a panel of its own."""
        return len(self.timestamps) > FEW and len(self.drawn) > 1


def page(timeline: Timeline) -> str:
    """One self-contained page. Text written by users (name, labels) is escaped, and shortened where it is long."""
    header = e(
        "header",
        e("p.kicker", "Timeline of a video"),
        e("h1", user_text(timeline.name, 200)),
        e("p.lead", " · ".join(_facts(timeline))),
        caveats((f"The video {remark}" for remark in timeline.video["report"].get("remarks") or ()), 400),
    )
    points = f"Points are the sampled frames ({_sampled(timeline.video['sampling'])})"
    text = f"{points}; the lines between them are not measured. {timeline.note}"
    curves = section(
        "Results along time",
        e("figure.timeline", redrawn(partial(_drawing, timeline), WIDTH)),
        _legend(timeline),
        e("p.soft", text),
        e("p.soft", _blur_note(timeline)) if timeline.blurred else None,
    )
    versions = section("Model and versions", facts(_receipt(timeline)))
    title = f"{shortened(timeline.name, 200)}: timeline of a video"
    return document(title, [header, curves, _whole(timeline), _shots(timeline), versions], style=STYLE)


def _blur_note(timeline: Timeline) -> str:
    blurs = {blur_of(jpeg) for jpeg in timeline.thumbnails if jpeg}
    return FACES if blurs == {"faces"} else BLURRED


def shown_frames(timeline: Timeline) -> list[int]:
    """Indexes of the frames whose thumbnails are on the page."""
    return _shown(timeline, WIDTH)


def _facts(timeline: Timeline) -> list[str]:
    video, report = timeline.video, timeline.video["report"]
    parts = [clock(video["duration"]), f"{video['width']} × {video['height']}", str(video["codec"])]
    if video.get("frame_rate"):
        parts.append(f"{video['frame_rate']:.4g} {agree(video['frame_rate'], 'frame', 'frames')} per second")
    parts.append(counted(len(timeline.timestamps), "sampled frame"))
    if timeline.shots is not None:
        parts.append(counted(len(timeline.shots), "shot"))
    if damaged := report["damaged_packets"] + report["corrupt_frames"]:
        parts.append(counted(damaged, "damaged piece"))
    return parts


def _sampled(sampling: Mapping[str, Any]) -> str:
    if sampling["policy"] == "every":
        return f"one every {sampling.get('seconds') or 1:g} s"
    if sampling["policy"] == "evenly":
        return f"{sampling['n']}, evenly spaced"
    return f"the {sampling.get('take') or 'middle'} of each shot" if sampling["policy"] == "shots" else "keyframes"


def _drawing(timeline: Timeline, width: float) -> Html:
    """Thumbnails above curves: all in one panel, or a panel for each label where there are many frames."""
    end, drawn = timeline.end, timeline.drawn
    values = timeline.rows[:, drawn]
    finite = values[np.isfinite(values)]
    share = bool(finite.size) and finite.min() >= 0 and finite.max() <= 1
    low, high = (0.0, 1.0) if share else padded_range(finite.tolist())
    pictures, top = _thumbnails(timeline, width)
    size, top = (STRIP, top + GAP) if timeline.apart else (PANEL, top + 4)
    panels = [[place] for place in range(len(drawn))] if timeline.apart else [list(range(len(drawn)))]
    height = top + len(panels) * (size + GAP) - GAP + AXIS

    def frame(top: float, bottom: float) -> Frame:
        return Frame(width, height, (0, end), (low, high), LEFT, height - bottom, top, RIGHT)

    whole = frame(top, height - AXIS)
    parts: list[Child] = [pictures]
    for shot in (timeline.shots or ())[1::2]:  # shading every other shot shows the cuts, however many there are
        left, right = (_x(timeline, time, width) for time in (shot.start, shot.end))
        box = {
            "x": rounded(left),
            "y": str(top),
            "width": rounded(max(right - left, 0.5)),
            "height": str(height - AXIS - top),
        }
        parts.append(e("rect.shot", at=box))
    for time in _times(end, 12 if width > NARROW else 4):
        parts += [whole.line("grid", [(time, low), (time, high)]), whole.text(clock(time), time, low, dy=19)]
    for i, places in enumerate(panels):
        begin = top + i * (size + GAP)
        parts += _panel(timeline, frame(begin, begin + size), places)
    return svg("Results along time", width, height, parts)


def _x(timeline: Timeline, time: float, width: float) -> float:
    return LEFT + (width - LEFT - RIGHT) * min(time / timeline.end, 1.0)


def _panel(timeline: Timeline, frame: Frame, places: Sequence[int]) -> list[Child]:
    """The curves at these places of `drawn`, with grid lines, and with a name where each label has its own panel."""
    (low, high), end = frame.y, timeline.end
    few = len(timeline.timestamps) <= FEW
    parts: list[Child] = []
    for level in (
        [low, high] if timeline.apart and (low, high) == (0, 1) else ticks(low, high, 2 if timeline.apart else 5)
    ):
        parts.append(frame.line("grid", [(0, level), (end, level)]))
        parts.append(frame.text(tick(level), 0, level, anchor="end", dx=-6, dy=4))
    parts.append(frame.line("axis", [(0, low), (end, low)]))
    for place in places:
        label = timeline.drawn[place]
        values = zip(timeline.timestamps.tolist(), timeline.rows[:, label].tolist(), strict=True)
        points = [(time, value) for time, value in values if np.isfinite(value)]
        if points:
            parts.append(frame.line(f"{'curve' if few else 'fine'}.k{place}", points))
        if few:
            parts += [frame.dot(f"point.k{place}", time, value, 1.5) for time, value in points]
        if timeline.apart:
            left, top = frame.at(0, high)
            name = shortened(timeline.labels[label], 120 if frame.width > NARROW else 44)
            parts.append(e("text.name", name, at={"x": left, "y": rounded(float(top) - 4)}))
    return parts


def _fitting(width: float) -> int:
    """The number of thumbnails side by side."""
    return max(1, int(width - LEFT - RIGHT) // THUMBNAIL)


def _shown(timeline: Timeline, width: float) -> list[int]:
    """The frames whose thumbnails are drawn."""
    there = [i for i, jpeg in enumerate(timeline.thumbnails) if jpeg]
    for fit in sorted({_fitting(WIDTH), _fitting(width)}, reverse=True):  # a narrow drawing shows some of a wide one
        if there:
            there = sorted({there[round(i)] for i in np.linspace(0, len(there) - 1, min(fit, len(there)))})
    return there


def _thumbnails(timeline: Timeline, width: float) -> tuple[Html | None, int]:
    """Thumbnails that fit side by side, each with a line to its time, and their height in pixels."""
    centres, wide = _centres(timeline, width), _centres(timeline, WIDTH)
    if not centres:
        return None, 10
    height = (THUMBNAIL - 4) * timeline.video["height"] // max(timeline.video["width"], 1)
    height = max(20, min(height, TALLEST))
    parts: list[Child] = []
    for i, centre in centres.items():
        time = float(timeline.timestamps[i])
        title = e("title", clock(time, exact=True))
        if width == WIDTH:
            source = f"data:image/jpeg;base64,{b64encode(timeline.thumbnails[i] or b'').decode()}"
            box = {"x": rounded(centre - THUMBNAIL / 2 + 2), "y": 0, "width": THUMBNAIL - 4, "height": height}
            parts.append(e("image", title, at={"id": f"frame{i}", **box, "href": source}))
        else:  # the picture of the wide drawing, moved, so that the page has it once
            parts.append(e("use", title, at={"href": f"#frame{i}", "x": rounded(centre - wide[i])}))
        line = f"M{rounded(centre)} {height + 2}L{rounded(_x(timeline, time, width))} {height + 22}"
        parts.append(e("path.grid", at={"d": line}))
    return e("g", parts), height + 22


def _centres(timeline: Timeline, width: float) -> dict[int, float]:
    """The frames whose thumbnails are drawn, and the middle of each in pixels."""
    chosen = _shown(timeline, width)
    step = (width - LEFT - RIGHT) / len(chosen) if len(chosen) == _fitting(width) else THUMBNAIL
    wanted = [_x(timeline, float(timeline.timestamps[i]), width) for i in chosen]
    return dict(zip(chosen, _spread(wanted, step, width), strict=True))


def _spread(wanted: Sequence[float], step: float, width: float) -> list[float]:
    """Centres as near to the wanted ones as possible, `step` apart and inside the drawing."""
    first, last = LEFT + step / 2, width - RIGHT - step / 2
    places: list[float] = []
    for i, want in enumerate(wanted):
        least = places[-1] + step if places else first
        most = last - step * (len(wanted) - 1 - i)
        places.append(max(least, min(want, most)) if most >= least else least)
    return places


def _legend(timeline: Timeline) -> Html:
    """Names of the curves, where the drawing does not name them."""
    named: list[Child] = []
    for place, label in enumerate([] if timeline.apart else timeline.drawn):
        line = e(f"path.curve.k{place}", at={"d": "M0 4H22"})
        sample = e("svg", line, at={"viewBox": "0 0 22 8", "width": 22, "height": 8, "aria-hidden": "true"})
        named.append(e("li", sample, user_text(timeline.labels[label], 120)))
    if timeline.binary and timeline.drawn == [1]:
        named.append(e("li", "The curve of ", user_text(timeline.labels[0], 120), " is 1 minus this one."))
    elif more := len(timeline.labels) - len(timeline.drawn):
        named.append(e("li", f"{more:,} more in the table: the {len(timeline.drawn)} highest are drawn"))
    return e("ul.legend", named)


def _whole(timeline: Timeline) -> Html:
    sampling = timeline.video["sampling"]
    pooling = {"mean": "The mean over its frames.", "max": "The highest of its frames."}.get(
        sampling["pooling"], f"The mean of its {sampling['top_k']} highest frames."
    )
    order = np.argsort(-timeline.pooled, kind="stable")
    rows = [[user_text(timeline.labels[i], 400), number(float(timeline.pooled[i]))] for i in order]
    return section("The whole video", e("p.soft", pooling), table(None, ["label", "pooled"], rows))


def _shots(timeline: Timeline) -> Html | None:
    if timeline.shots is None:
        return None
    drawn = timeline.drawn
    rows: list[list[Child]] = []
    for shot in timeline.shots:
        values = shot.pooled[drawn]
        highest = int(np.nanargmax(values)) if len(drawn) > 1 and np.isfinite(values).any() else None
        cells = [e("b", number(x)) if i == highest else number(x) for i, x in enumerate(values.tolist())]
        rows.append(
            [str(shot.index), *(clock(x, exact=True) for x in (shot.start, shot.end)), str(shot.frames), *cells]
        )
    names = [user_text(timeline.labels[i], 60) for i in drawn]
    caption = "The highest value of each shot is bold." if len(drawn) > 1 else None
    return section("Shots", table(caption, ["shot", "from", "to", "sampled frames", *names], rows))


def _receipt(timeline: Timeline) -> list[tuple[Child, Child]]:
    rows: list[tuple[Child, Child]] = [("Decoder", user_text(timeline.video["decoder"], 200))]
    receipt = timeline.receipt or {}
    for name in ("model", "revision", "fingerprint", "precision", "decode", "notice"):
        if receipt.get(name):
            rows.append((name.capitalize(), user_text(receipt[name], 400)))
    return rows


def clock(seconds: float, *, exact: bool = False) -> str:
    """1:02:03, with milliseconds if exact."""
    whole, thousandths = divmod(round(seconds * 1000), 1000) if exact else (int(seconds + 1e-9), 0)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    text = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"{text}.{thousandths:03}" if exact else text


def _times(end: float, most: int) -> list[float]:
    """Round times from 0 to `end`, at most one more than `most`."""
    step = next((step for step in STEPS if end / step <= most), STEPS[-1] * ceil(end / STEPS[-1] / most))
    return [float(i * step) for i in range(int(end // step) + 1)]
