"""A video's timeline as one HTML file: no script, no network, whatever people have called their labels."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

WIDTH, LEFT, RIGHT = 1160, 46, 14  # pixels of the drawing, and beside it
CURVES = 8  # labels that are drawn; the others stand in the table
FEW = 150  # frames up to which all curves are in one panel, with a dot each
HEIGHT, STRIP, GAP = 240, 50, 20  # pixels of that panel, of one for each label, and between these
THUMB = 116  # pixels of width for one thumbnail
# Okabe and Ito's colours, which are told apart by (nearly) everybody
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#5f5f5f")
_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; margin: 2rem auto; max-width: 1180px; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1.8rem 0 .4rem; }
p.facts, footer, p.note { color: #555; margin: .2rem 0; }
footer { font-size: 13px; margin-top: 2rem; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; display: block; } svg text { font: 12px system-ui, sans-serif; fill: #444; }
svg text.on { fill: #222; paint-order: stroke; stroke: #fff; stroke-width: 3px; }
ul.key { list-style: none; padding: 0; margin: .4rem 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
ul.key span.line { display: inline-block; width: 22px; border-top: 3px solid; vertical-align: middle; }
ul.key span.line { margin-right: .4rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } div.wide { overflow-x: auto; }
th, td { text-align: right; padding: .2rem .7rem; border-bottom: 1px solid #ddd; }
th { font-weight: 600; vertical-align: bottom; }
td.text, th.text { text-align: left; } td.top { background: #e8f1f7; font-weight: 600; }
"""


class ShotSpan(Protocol):
    """[start, end) of a shot in seconds, and the number of its frames."""

    @property
    def index(self) -> int: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def frames(self) -> int: ...


class ModelReceipt(Protocol):
    """The model that made the numbers."""

    @property
    def model(self) -> str: ...
    @property
    def revision(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def decode(self) -> str: ...
    @property
    def notice(self) -> str | None: ...


class VideoTimeline(Protocol):
    """A result of a video, as far as the page shows it."""

    @property
    def name(self) -> str: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def sampling(self) -> Mapping[str, Any]: ...
    @property
    def timestamps(self) -> NDArray[np.float64]: ...
    @property
    def shots(self) -> Sequence[ShotSpan] | None: ...
    @property
    def thumbnails(self) -> Sequence[bytes | None]: ...
    @property
    def report(self) -> Mapping[str, Any]: ...
    @property
    def decoder(self) -> str: ...
    @property
    def receipt(self) -> ModelReceipt: ...

    def __len__(self) -> int: ...


def timeline(of: VideoTimeline, labels: Sequence[str], rows: NDArray[Any], pooled: NDArray[Any], note: str) -> str:
    """The page of results (n, labels) along time, and of what they pool to, (labels,); `note` says what they are."""
    drawn = [int(i) for i in np.argsort(-pooled, kind="stable")[:CURVES]]
    drawn.sort()
    share = bool(rows.size) and float(np.nanmin(rows)) >= 0 and float(np.nanmax(rows)) <= 1
    low, high = (0.0, 1.0) if share else _padded(rows)
    parts = [
        f"<h1>{_said(of.name)}</h1>",
        f'<p class="facts">{_facts(of)}</p>',
        _drawing(of, labels, rows, drawn, low, high),
        _key(labels, drawn, _apart(of, drawn)),
        f'<p class="note">Points are the frames that were looked at ({_said(_sampled(of.sampling))}); '
        f"lines between them only guide the eye. {_said(note)}</p>",
        _whole(labels, pooled, of.sampling),
        _shots(of, labels, drawn),
        f"<footer>{_receipt(of)}</footer>",
    ]
    title = _said(of.name)
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _facts(of: VideoTimeline) -> str:
    facts = of.facts
    said = [clock(facts["duration"]), f"{facts['width']} × {facts['height']}", str(facts["codec"])]
    if facts.get("frame_rate"):
        said.append(f"{facts['frame_rate']:.4g} frames a second")
    said.append(f"{len(of):,} frames looked at")
    if of.shots is not None:
        said.append(f"{len(of.shots):,} shots")
    damaged = of.report.get("damaged_packets", 0) + of.report.get("corrupt_frames", 0)
    if damaged:
        said.append(f"{damaged:,} damaged pieces left out")
    return " · ".join(_said(each) for each in said)


def _sampled(sampling: Any) -> str:
    policy = sampling["policy"]
    if policy == "every":
        return f"one every {sampling.get('seconds') or 1:g} s"
    if policy == "evenly":
        return f"{sampling['n']} evenly"
    if policy == "shots":
        return f"the {sampling.get('take') or 'middle'} of each shot"
    return "keyframes"


def _drawing(
    of: VideoTimeline, labels: Sequence[str], rows: NDArray[Any], drawn: Sequence[int], low: float, high: float
) -> str:
    """Thumbnails above curves: all in one panel, or a panel for each label where there are many frames."""
    end = max(float(of.facts["duration"]), float(of.timestamps[-1]), 1e-9)

    def x(time: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(time / end, 1.0)

    thumbs, top = _thumbnails(of, x)
    apart = _apart(of, drawn)
    panels = [[place] for place in range(len(drawn))] if apart else [list(range(len(drawn)))]
    height, top = (STRIP, top + GAP - 4) if apart else (HEIGHT, top)
    bottom = top + len(panels) * (height + GAP) - GAP
    parts = [thumbs]
    for shot in of.shots or ():
        if shot.index % 2:  # every other one shaded: borders that can be seen however many there are
            wide = max(x(shot.end) - x(shot.start), 0.5)
            at = f'x="{x(shot.start):.1f}" y="{top}" width="{wide:.1f}" height="{bottom - top}"'
            parts.append(f'<rect {at} fill="#f1f1ee"/>')
    ticks = [low, high] if apart and (low, high) == (0.0, 1.0) else _ticks(low, high, 2 if apart else 6)
    for i, panel in enumerate(panels):
        begin = top + i * (height + GAP)
        parts += _panel(of, x, begin, height, [(p, rows[:, drawn[p]]) for p in panel], low, high, ticks)
        if apart:
            name = _said(_short(labels[drawn[panel[0]]]))
            parts.append(f'<text class="on" x="{LEFT}" y="{begin - 4}">{name}</text>')
    for time in _times(end):
        parts.append(
            f'<line x1="{x(time):.1f}" x2="{x(time):.1f}" y1="{bottom}" y2="{bottom + 5}" stroke="#888"/>'
            f'<text x="{x(time):.1f}" y="{bottom + 19}" text-anchor="middle">{clock(time)}</text>'
        )
    parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}" stroke="#888"/>')
    view = f'viewBox="0 0 {WIDTH} {bottom + 26}"'
    return f'<svg {view} role="img" aria-label="Results along time">{"".join(parts)}</svg>'


def _apart(of: VideoTimeline, drawn: Sequence[int]) -> bool:
    return len(of) > FEW and len(drawn) > 1


def _panel(
    of: VideoTimeline,
    x: Callable[[float], float],
    top: float,
    height: float,
    curves: Sequence[tuple[int, NDArray[Any]]],
    low: float,
    high: float,
    ticks: Sequence[float],
) -> list[str]:
    """Curves, each with its place among the colours, below `top`."""

    def y(value: float) -> float:
        return top + height * (1 - (value - low) / (high - low))

    parts = []
    for tick in ticks:
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for place, values in curves:
        points = [(x(t), y(v)) for t, v in zip(of.timestamps, values, strict=True) if np.isfinite(v)]
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        colour = COLOURS[place]
        thin = "2" if len(of) <= FEW else "1"
        drawn = f'stroke="{colour}" stroke-width="{thin}" stroke-linejoin="round"'
        parts.append(f'<polyline points="{line}" fill="none" {drawn}/>')
        if len(of) <= FEW:
            parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in points]
    return parts


def _thumbnails(of: VideoTimeline, x: Any) -> tuple[str, int]:
    """As many as fit beside each other, each with a line to its time; and where the curves begin."""
    there = [i for i, small in enumerate(of.thumbnails) if small]
    if not there:
        return "", 14
    room = (WIDTH - LEFT - RIGHT) // THUMB
    chosen = sorted({there[round(i)] for i in np.linspace(0, len(there) - 1, min(room, len(there)))})
    height = round((THUMB - 4) * of.facts["height"] / max(of.facts["width"], 1))
    height = max(20, min(height, 190))
    step = (WIDTH - LEFT - RIGHT) / len(chosen) if len(chosen) == room else THUMB
    places = _spread([x(float(of.timestamps[i])) for i in chosen], step)
    parts = []
    for i, centre in zip(chosen, places, strict=True):
        small = of.thumbnails[i]
        assert small is not None
        at = x(float(of.timestamps[i]))
        data = b64encode(small).decode()
        parts.append(
            f'<image x="{centre - THUMB / 2 + 2:.1f}" y="0" width="{THUMB - 4}" height="{height}" '
            f'href="data:image/jpeg;base64,{data}"><title>{clock(float(of.timestamps[i]), exact=True)}</title></image>'
            f'<path d="M{centre:.1f} {height + 2} L{at:.1f} {height + 22}" stroke="#aaa" fill="none"/>'
        )
    return "".join(parts), height + 26


def _spread(wanted: Sequence[float], step: float) -> list[float]:
    """Centres as near to the wanted ones as they can be, `step` apart and inside of the drawing."""
    first, last = LEFT + step / 2, WIDTH - RIGHT - step / 2
    places: list[float] = []
    for i, want in enumerate(wanted):
        least = places[-1] + step if places else first
        most = last - step * (len(wanted) - 1 - i)
        places.append(max(least, min(want, most)) if most >= least else least)
    return places


def _key(labels: Sequence[str], drawn: Sequence[int], named: bool) -> str:
    """What the curves are, where they are not `named` in the drawing."""
    items = (
        []
        if named
        else [
            f'<li><span class="line" style="border-color:{COLOURS[place]}"></span>{_said(labels[i])}</li>'
            for place, i in enumerate(drawn)
        ]
    )
    left = len(labels) - len(drawn)
    more = f"<li>{left:,} more in the table: the {len(drawn)} highest are drawn</li>" if left else ""
    return f'<ul class="key">{"".join(items)}{more}</ul>'


def _whole(labels: Sequence[str], pooled: NDArray[Any], sampling: Any) -> str:
    order = np.argsort(-pooled, kind="stable")
    rows = "".join(f'<tr><td class="text">{_said(labels[i])}</td><td>{pooled[i]:.3f}</td></tr>' for i in order)
    how = {"mean": "the mean over its frames", "max": "the highest of its frames"}.get(
        sampling["pooling"], f"the mean of its {sampling['top_k']} highest frames"
    )
    return f'<h2>The whole video</h2><p class="note">{how.capitalize()}.</p><table><tbody>{rows}</tbody></table>'


def _shots(of: VideoTimeline, labels: Sequence[str], drawn: Sequence[int]) -> str:
    pool = getattr(of, "pool", None)
    if of.shots is None or pool is None:
        return ""
    values = pool(by="shot")
    head = "".join(f"<th>{_said(labels[i])}</th>" for i in drawn)
    rows = []
    for shot, row in zip(of.shots, values, strict=True):
        top = int(np.argmax(np.nan_to_num(row[drawn], nan=-np.inf))) if shot.frames and len(drawn) > 1 else -1
        cells = "".join(
            f'<td class="top">{row[i]:.3f}</td>'
            if place == top
            else f"<td>{'–' if not shot.frames else f'{row[i]:.3f}'}</td>"
            for place, i in enumerate(drawn)
        )
        times = f"<td>{shot.index}</td><td>{clock(shot.start, exact=True)}</td><td>{clock(shot.end, exact=True)}</td>"
        rows.append(f"<tr>{times}<td>{shot.frames}</td>{cells}</tr>")
    names = "<th>shot</th><th>from</th><th>to</th><th>frames</th>"
    table = f"<table><thead><tr>{names}{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<h2>Shots</h2><div class="wide">{table}</div>'


def _receipt(of: VideoTimeline) -> str:
    made = of.receipt
    said = [f"model {made.model}, revision {made.revision}, fingerprint {made.fingerprint}, {made.precision}"]
    said.append(f"decoded by {of.decoder}, {made.decode}")
    if made.notice:
        said.append(made.notice)
    return " · ".join(_said(each) for each in said)


def clock(seconds: float, *, exact: bool = False) -> str:
    """1:02:03, with milliseconds if exact."""
    whole, thousandths = divmod(round(seconds * 1000), 1000) if exact else (int(seconds + 1e-9), 0)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    said = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return f"{said}.{thousandths:03}" if exact else said


def _times(end: float) -> list[float]:
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
    step = next((each for each in steps if end / each <= 12), 14_400)
    return [i * step for i in range(int(end // step) + 1)]


def _ticks(low: float, high: float, most: int) -> list[float]:
    if (low, high) == (0.0, 1.0):
        return [0.0, 0.25, 0.5, 0.75, 1.0]
    step = 10 ** np.floor(np.log10((high - low) / 2))
    step *= next(f for f in (1, 2, 5, 10, 20, 50) if (high - low) / (step * f) <= most)
    return [float(round(i * step, 10)) for i in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _padded(rows: NDArray[Any]) -> tuple[float, float]:
    good = rows[np.isfinite(rows)]
    low, high = (float(good.min()), float(good.max())) if good.size else (0.0, 1.0)
    room = (high - low) * 0.05 or 1.0
    return low - room, high + room


def _short(label: str) -> str:
    return label if len(label) <= 120 else label[:119] + "…"


def _said(text: object) -> str:
    """What a user wrote, escaped, without what has no place in a page."""
    plain = "".join(c for c in str(text) if c.isprintable())
    return escape(plain.encode("utf-8", "replace").decode("utf-8"))
