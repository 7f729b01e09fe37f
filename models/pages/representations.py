"""The report of a comparison of representations as one HTML page: two plots with intervals, and the ranking."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite, nan
from typing import Any

from models.intervals import Figure
from models.pages.document import caveats, document, methods_section, option_text, section
from models.pages.html import (
    MINUS,
    SPACE,
    UNDEFINED,
    Child,
    Html,
    agree,
    count,
    counted,
    e,
    facts,
    shortened,
    table,
    user_text,
)
from models.pages.palette import COLOURS, PALETTE_STYLE
from models.pages.plots import NARROW, padded_range, redrawn, rounded, svg, tick, ticks

WIDTH, LEFT, RIGHT, ROW, AXIS = 860.0, 300.0, 170.0, 19.0, 34.0  # pixels of a plot
MOST = 12  # configurations of a representation in the plot
LONGEST = 44  # characters of a label in a plot
STYLE = f"""{PALETTE_STYLE}
.span {{ fill: none; stroke-width: 2.4; }}
.point {{ fill: none; stroke-width: 8; stroke-linecap: round; }}
.baseline {{ stroke: var(--soft); }}
.baseline.span {{ stroke-dasharray: 4 3; }}
.group {{ font-weight: 600; }}
.value {{ fill: var(--soft); }}
.forest svg {{ font-size: 12px; }}
.forest {{ margin: .6rem 0 1rem; }}
"""
NAMES = {"f1": "F1", "precision": "precision"}


@dataclass(frozen=True)
class Group:
    """Rows of a plot under one heading, in one colour; a baseline is grey and dashed."""

    title: str
    colour: int | None
    rows: Sequence[tuple[str, Figure]]


def page(answer: Mapping[str, Any]) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/representations.

    Text written by users (names) is escaped, and shortened where it is very long.
    """
    kinds, runs = answer["representations"], answer["configurations"]
    tried = f", {counted(len(runs), 'configuration')}" if runs else ""
    title = f"{counted(len(kinds), 'representation')}{tried}, {counted(answer['n_pairs'], 'coded pair')}"
    body: list[Child] = [_top(answer, title), _separation(answer)]
    if runs:
        body.append(_configurations(answer))
    body.append(methods_section(paragraph(answer)))
    body.append(section("Parameters and versions", facts(_provenance(answer))))
    return document(title, body, style=STYLE)


def _top(answer: Mapping[str, Any], title: str) -> Html:
    parts: list[Child] = [e("p.kicker", "Comparison of representations"), e("h1", title)]
    parts += [e("p.lead", sentence) for sentence in _results(answer)]
    told = (
        f"{answer['winner']['name']} was chosen by" if answer["winner"] else None
    )  # the lead has it, with the interval
    remarks = [remark for remark in answer["remarks"] if told is None or not remark.startswith(told)]
    parts.append(caveats(remarks))
    return e("header", parts)


def _results(answer: Mapping[str, Any]) -> Iterator[list[Child]]:
    first = answer["representations"][0]
    auc = _figure(first["auc"])
    if isfinite(auc.value):
        several = len(answer["representations"]) > 1
        doubt = " The interval includes 0.5: it may not separate them at all." if auc.low <= 0.5 else ""
        yield [
            "Without a clustering, the cosines of ",
            user_text(first["name"]),
            f" separate the pairs that people put together from the others{' best' if several else ''}: AUC "
            f"{score(auc)}.{doubt}",
        ]
    winner = answer["winner"]
    if winner is None:
        return
    held_out, lead = winner["held_out"], winner["difference"]
    sentence: list[Child] = [
        "The best configuration, chosen on one part of the pairs, is ",
        user_text(winner["name"], 120),
        f": {NAMES[winner['criterion']]} {score(_figure(held_out))} on the {count(held_out['pairs'])} other pairs.",
    ]
    if lead is not None:
        chance = "is larger than chance explains" if (lead["low"] or 0) > 0 else "may be due to chance"
        other = user_text(lead["to"], 120)
        if lead["low"] == lead["value"] == lead["high"] == 0:
            sentence += [" On these it is equal to ", other, "."]
        else:
            sentence += [" Its lead over ", other, f", {score(_figure(lead))}, {chance}."]
    yield sentence


def _separation(answer: Mapping[str, Any]) -> Html:
    colours = _colours(answer)
    kinds = answer["representations"]
    groups = [Group("", colours[each["name"]], [(_label(each), _figure(each["auc"]))]) for each in kinds]
    text = (
        "The probability that a pair that people put together has a higher cosine than a pair that they did not (AUC): "
        "1 where the representation separates them completely, 0.5 (dotted) where it does not at all. No clustering, "
        "and so no parameter, is involved."
    )
    rows = [
        [
            user_text(each["name"]),
            user_text(each["model"] or "–", 40),
            count(each["dimension"]),
            score(_figure(each["auc"])),
            "–" if each["difference"] is None else score(_figure(each["difference"])),
        ]
        for each in kinds
    ]
    heads = ["representation", "model", "dimensions", "AUC", "minus the first"]
    return section(
        "Representations",
        e("p.soft", text),
        _forest("AUC of the cosine of a pair", groups, "AUC", ideal=0.5),
        table(None, heads, rows),
    )


def _configurations(answer: Mapping[str, Any]) -> Html:
    colours, criterion = _colours(answer), answer["criterion"]
    name = NAMES[criterion]
    groups, hidden = [], 0
    for each in answer["representations"]:
        own = [run for run in answer["configurations"] if run["representation"] == each["name"]]
        hidden += max(0, len(own) - MOST)
        drawn = [(_parameters(run), _figure(run[criterion])) for run in own[:MOST]]
        groups.append(Group(_label(each), colours[each["name"]], drawn))
    text = f"Each line is one clustering: its {name} on the coded pairs, with the interval. Best first in each group."
    if hidden:
        text += (
            f" The best {MOST} of each representation are drawn, {count(hidden)} "
            f"{agree(hidden, 'other is', 'others are')} in the table alone."
        )
    rows: list[list[Child]] = [
        [
            [f"{place}. ", user_text(run["name"], 120)],
            count(run["clusters"]),
            count(run["unclustered"]),
            *("–" if run[key] is None else score(_figure(run[key]), 2) for key in ("f1", "precision", "recall")),
        ]
        for place, run in enumerate(answer["configurations"], 1)
    ]
    heads = ["representation and clustering", "clusters", "in none", "F1", "precision", "recall"]
    return section(
        "Representations and clustering parameters",
        e("p.soft", text),
        _forest(f"{name} of each configuration", groups, name),
        table("Ranking on all coded pairs.", heads, rows),
    )


def _forest(title: str, groups: Sequence[Group], axis: str, *, ideal: float | None = None) -> Html:
    """Points with intervals, a row each, under the headings of their groups."""
    draw = partial(_forest_of_width, title, groups, axis, ideal)
    return e("figure.forest", redrawn(draw, WIDTH))


def _forest_of_width(title: str, groups: Sequence[Group], axis: str, ideal: float | None, width: float) -> Html:
    """The plot at a width in pixels; on a telephone the values are in the table alone."""
    broad = width > NARROW
    begin, end, longest = (LEFT, RIGHT, LONGEST) if broad else (150.0, 14.0, 22)
    figures = [estimate for group in groups for _, estimate in group.rows]
    low, high = padded_range(
        [x for each in figures for x in (each.value, each.low, each.high)] + ([] if ideal is None else [ideal])
    )
    right = width - end

    def across(x: float) -> float:
        return begin + (x - low) / (high - low) * (right - begin)

    parts: list[Child] = []
    y = 4.0
    for group in groups:
        if group.title:
            y += ROW
            parts.append(_text(group.title, 0, y, "group"))
        for label, estimate in group.rows:
            y += ROW
            parts.append(_text(shortened(label, longest), begin - 12, y, "tick" if group.title else "group", "end"))
            parts += _row(estimate, across, y - 4, "baseline" if group.colour is None else f"k{group.colour}")
            if broad:
                parts.append(_text(score(estimate), right + 10, y, "value"))
        y += 6
    bottom = y + 4
    back: list[Child] = []
    for mark in ticks(low, high, 5 if broad else 3):
        at = rounded(across(mark))
        back.append(e("path.grid", at={"d": f"M{at} 4L{at} {rounded(bottom)}"}))
        back.append(_text(tick(mark), across(mark), bottom + 14, "tick", "middle"))
    if ideal is not None:
        at = rounded(across(ideal))
        back.append(e("path.ideal", at={"d": f"M{at} 4L{at} {rounded(bottom)}"}))
    back.append(e("path.axis", at={"d": f"M{rounded(begin)} {rounded(bottom)}L{rounded(right)} {rounded(bottom)}"}))
    back.append(_text(axis, (begin + right) / 2, bottom + 29, "name", "middle"))
    return svg(title, width, bottom + AXIS, back, parts)


def _row(estimate: Figure, across: Any, y: float, colour: str) -> Iterator[Html]:
    if isfinite(estimate.low) and isfinite(estimate.high):
        ends = rounded(across(estimate.low)), rounded(across(estimate.high))
        yield e(f"path.span.{colour}", at={"d": f"M{ends[0]} {rounded(y)}L{ends[1]} {rounded(y)}"})
    if isfinite(estimate.value):
        yield e(f"path.point.{colour}", at={"d": f"M{rounded(across(estimate.value))} {rounded(y)}h0"})


def _text(text: str, x: float, y: float, kind: str, anchor: str = "start") -> Html:
    return e(f"text.{kind}", text, at={"x": rounded(x), "y": rounded(y), "text-anchor": anchor})


def paragraph(answer: Mapping[str, Any]) -> str:
    """Methods and results in the past tense, with the parameters and figures of this answer."""
    kinds, runs, params = answer["representations"], answer["configurations"], answer["params"]
    level = f"{100 * params['confidence']:g} %"
    names = "; ".join(
        f"{each['name']} ({each['model'] or 'no model named'}, {each['dimension']} dimensions)" for each in kinds
    )
    sentences = [
        f"We compared {counted(len(kinds), 'representation')} of {counted(answer['n'], 'item')}: {names}.",
        f"They were judged by {counted(answer['n_pairs'], 'pair')} of items that people had coded, of which "
        f"{count(answer['together'])} were put together; each pair was weighted by the inverse of its inclusion "
        "probability.",
        "The area under the ROC curve (AUC) of the cosine of a pair was "
        + ", ".join(f"{score(_figure(each['auc']))} for {each['name']}" for each in kinds)
        + ".",
    ]
    if runs:
        first, name = runs[0], NAMES[answer["criterion"]]
        sentences.append(
            f"Each representation was clustered with {counted(len(runs) // len(kinds), 'combination')} of parameters; "
            f"the best of the {count(len(runs))} clusterings on all pairs was {first['name']}, with "
            f"{name} {score(_figure(first[answer['criterion']]))}."
        )
    if winner := answer["winner"]:
        held_out = winner["held_out"]
        sentences.append(
            f"To avoid the optimism of choosing the best of many, a configuration was chosen on "
            f"{count(winner['selected_on']['pairs'])} pairs and scored on the {count(held_out['pairs'])} others: "
            f"{winner['name']}, {NAMES[winner['criterion']]} {score(_figure(held_out))}."
        )
    sentences.append(
        f"Intervals are {level} percentile intervals of {count(params['resamples'])} bootstrap resamples of pairs "
        "within sampling strata, the same resamples for all representations."
    )
    return " ".join(sentences)


def _provenance(answer: Mapping[str, Any]) -> list[tuple[Child, Child]]:
    rows: list[tuple[Child, Child]] = [
        (name, user_text(option_text(value), 300)) for name, value in answer["params"].items()
    ]
    for each in answer["representations"]:
        made = " ".join(filter(None, (each["model"], each["fingerprint"]))) or "not named"
        rows.append((user_text(each["name"]), user_text(made, 200)))
    rows += [(user_text(name, 60), user_text(value, 100)) for name, value in answer["libraries"].items()]
    return [*rows, ("created", str(answer["created"]).replace("T", " ")[:16]), ("id", str(answer["id"]))]


def _colours(answer: Mapping[str, Any]) -> dict[str, int | None]:
    """The colour of each representation, by its name; None for a baseline, whose grey no other has."""
    names = [each["name"] for each in answer["representations"] if not each["baseline"]]
    baselines: dict[str, int | None] = {e["name"]: None for e in answer["representations"] if e["baseline"]}
    return {**baselines, **{name: i % (COLOURS - 1) for i, name in enumerate(names)}}


def _label(representation: Mapping[str, Any]) -> str:
    return f"{representation['name']}{' (baseline)' if representation['baseline'] else ''}"


def _parameters(run: Mapping[str, Any]) -> str:
    return str(run["name"]).removeprefix(f"{run['representation']}, ")


def score(estimate: Figure, decimals: int = 3) -> str:
    """A figure between -1 and 1 with its interval, "0.550 [0.471, 0.624]"; a dash where it is not defined."""
    if not isfinite(estimate.value):
        return UNDEFINED
    value, low, high = (f"{x:.{decimals}f}".replace("-", MINUS) for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low},{SPACE}{high}]" if isfinite(estimate.low) and isfinite(estimate.high) else value


def _figure(estimate: Mapping[str, Any] | None) -> Figure:
    values = estimate or {}
    numbers = {name: values.get(name) for name in ("value", "low", "high")}
    return Figure(**{name: nan if value is None else float(value) for name, value in numbers.items()})
