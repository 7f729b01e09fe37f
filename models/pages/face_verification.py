"""The page of a verification: errors of the comparison of faces at a threshold, over thresholds and by group."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isnan, log10, nan
from typing import Any

from models.intervals import Figure
from models.pages.document import caveats, document, methods_section, section
from models.pages.face_pairs import PAIRS, on_one_picture, pair_box
from models.pages.html import (
    Child,
    Html,
    count,
    counted,
    decimals,
    e,
    facts,
    join,
    number,
    table,
    user_text,
)
from models.pages.items import STYLE, Items, expect
from models.pages.persons import ORIGINS
from models.pages.plots import Frame, redrawn, svg, ticks
from models.pages.provenance import model_words, receipt_facts

LOWEST = 1e-5  # rate at which the scale of the plot ends
HIGHEST = 1.1  # cosine of a curve, which ends above the highest one of pairs
ROWS = 25  # of the table of thresholds, about
Fields = Mapping[str, Any]
KINDS = (("false_match", "false match rate"), ("false_non_match", "false non-match rate"))


def ids(answer: Fields) -> Sequence[str]:
    """Ids of the faces of the worst pairs, of which the page may show pictures."""
    pairs = [*answer["highest_different"], *answer["lowest_same"]]
    return list(dict.fromkeys(face for pair in pairs for face in (pair["a"], pair["b"])))


def page(answer: Fields, items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/faces/verification."""
    _check(answer)
    title = f"Errors of the comparison of {counted(answer['faces'], 'face')}"
    body: list[Child] = [_top(answer, items, title), _curve(answer), _wished(answer)]
    if answer["groups"]:
        body.append(_groups(answer))
    body += [_worst(answer, items), methods_section(paragraph(answer))]
    body.append(section("Receipt of the vectors", receipt_facts(answer["receipt"])))
    return document(title, body, style=STYLE + PAIRS)


def _check(answer: Fields) -> None:
    """Raise PageError for numbers that are no cosines and no error rates."""
    curve = answer["curve"]
    expect(len(curve) > 1, "curve: has fewer than two thresholds")
    places = [point["threshold"] for point in curve]
    expect(all(a < b for a, b in pairwise(places)), "curve: its thresholds do not rise")
    cosines = {"threshold": answer["threshold"], "equal_error_threshold": answer["equal_error_threshold"]}
    cosines |= {f"curve[{k}].threshold": place for k, place in enumerate(places)}
    for k, wish in enumerate(answer["wished"]):
        cosines |= {f"wished[{k}].{name}": wish[name] for name in ("threshold", "safe_threshold")}
        expect(0 <= wish["rate"] <= 1, f"wished[{k}].rate: is {wish['rate']:g}, and rates are 0 to 1")
    for kind in ("highest_different", "lowest_same"):
        cosines |= {f"{kind}[{k}].cosine": pair["cosine"] for k, pair in enumerate(answer[kind])}
    for name, cosine in cosines.items():
        expect(cosine is None or abs(cosine) <= HIGHEST, f"{name}: is {cosine}, and cosines are -1 to 1")
    equal = answer["equal_error_rate"]
    expect(0 <= equal <= 1, f"equal_error_rate: is {equal:g}, and rates are 0 to 1")
    rates = {name: answer[name] for name, _ in KINDS}
    for key in ("curve", "groups", "differences"):
        rates |= {f"{key}[{k}].{name}": row[name] for k, row in enumerate(answer[key]) for name, _ in KINDS}
    for name in ("false_non_match", "safe_false_non_match"):
        rates |= {f"wished[{k}].{name}": wish[name] for k, wish in enumerate(answer["wished"])}
    for name, rate in rates.items():
        lowest = -1 if name.startswith("differences") else 0
        given = [each for each in (rate["value"], rate["low"], rate["high"]) if each is not None]
        expect(all(lowest <= each <= 1 + 1e-9 for each in given), f"{name}: is not within {lowest} and 1")
        expect((rate["low"] is None) == (rate["high"] is None), f"{name}: has one limit of its interval alone")


def _of(rate: Fields) -> Figure:
    value, low, high = (nan if rate[name] is None else rate[name] for name in ("value", "low", "high"))
    return Figure(value=value, low=low, high=high)


def rate_text(rate: Fields) -> str:
    """A rate in percent, three significant digits, with its interval."""
    figure = _of(rate)
    if isnan(figure.value):
        return "–"
    text = f"{number(100 * figure.value)}\u00a0%"
    if isnan(figure.low):
        return text
    return f"{text} [{number(100 * figure.low)},\u00a0{number(100 * figure.high)}]"


def _top(answer: Fields, items: Items, title: str) -> Html:
    match, non_match = answer["false_match"], answer["false_non_match"]
    parts: list[Child] = [
        e("p.kicker", "Report of a verification of faces"),
        e("h1", title),
        e(
            "p.lead",
            f"At a cosine of {answer['threshold']:g}, {rate_text(match)} of the pairs of different people count as one "
            f"person, and {rate_text(non_match)} of the pairs of one person count as two.",
        ),
        e("p.soft", _about(answer)),
        items.note(),
        caveats([answer["notice"], *answer["remarks"], *items.remarks]),
        facts(
            [
                ("Threshold", f"cosine of {answer['threshold']:g}, {ORIGINS[answer['threshold_origin']]}"),
                ("False matches", _counts(match)),
                ("False non-matches", _counts(non_match)),
                (
                    "Equal error rate",
                    f"{number(100 * answer['equal_error_rate'])}\u00a0% at a cosine of "
                    f"{decimals(answer['equal_error_threshold'], 3)}; without an interval",
                ),
                ("Model", user_text(answer["model"], 200)),
            ]
        ),
    ]
    return e("header", parts)


def _about(answer: Fields) -> str:
    who = "as coded" if answer["persons_origin"] == "given" else "as joined by the pairs of one person"
    return (
        f"Intervals are of 95\u00a0%, for people like these ({who}): pairs that share a person are not independent, "
        "which the intervals take into account. They do not hold for other pictures, ages or groups of people."
    )


def _counts(rate: Fields) -> str:
    return (
        f"{count(rate['errors'])} of {counted(rate['pairs'], 'pair')} of {counted(rate['persons'], 'person', 'people')}"
    )


def _curve(answer: Fields) -> Html:
    curve = answer["curve"]
    at = round(answer["threshold"], 2)
    step = max(1, len(curve) // ROWS)
    rows = [
        [decimals(point["threshold"], 2), rate_text(point["false_match"]), rate_text(point["false_non_match"])]
        for k, point in enumerate(curve)
        if k % step == 0 or point["threshold"] == at
    ]
    text = (
        "A higher threshold makes fewer false matches and more false non-matches. Lines are the rates, thin lines the "
        f"limits of their intervals; the scale is logarithmic and ends at {100 * LOWEST:g}\u00a0%, below which rates "
        "are drawn at its end. The vertical line is the threshold."
    )
    heads = ["cosine", *(name for _, name in KINDS)]
    return section(
        "Errors over thresholds",
        e("p.soft", text),
        redrawn(lambda width: plot(answer, width), 640),
        table("Thresholds" if step == 1 else f"Every {step} hundredths", heads, rows, name="thresholds"),
    )


def plot(answer: Fields, width: float) -> Html:
    """Both error rates over thresholds, on a logarithmic scale."""
    curve = answer["curve"]
    height = 300
    frame = Frame(width, height, (curve[0]["threshold"], curve[-1]["threshold"]), (log10(LOWEST), 0.0), left=62, top=22)
    parts: list[Child] = [frame.line("ideal", [(answer["threshold"], frame.y[0]), (answer["threshold"], 0.0)])]
    for (key, name), kind, dy in zip(KINDS, ("line", "second"), (-8, -8), strict=True):
        figures = [_of(point[key]) for point in curve]
        places = [point["threshold"] for point in curve]
        for end in ("low", "high"):
            limits = zip(places, (_log(getattr(each, end)) for each in figures), strict=True)
            parts.append(frame.line(f"{kind}.limit", limits))
        parts.append(frame.line(kind, zip(places, (_log(each.value) for each in figures), strict=True)))
        left = key == "false_match"
        parts.append(
            frame.text(name, frame.x[0] if left else frame.x[1], 0.0, anchor="start" if left else "end", dy=dy)
        )
    up = [float(power) for power in range(round(log10(LOWEST)), 1)]
    labels = [frame.text(_power(y), frame.x[0], y, anchor="end", dx=-5, dy=4) for y in up]
    grid = [frame.line("grid", [(frame.x[0], y), (frame.x[1], y)]) for y in up]
    axes = frame.axes(ticks(*frame.x, 6 if width > 400 else 4), [], "threshold (cosine)", "error rate")
    return svg("Error rates over thresholds", width, height, grid, axes, labels, parts)


def _log(rate: float) -> float:
    return nan if isnan(rate) else log10(max(rate, LOWEST))


def _power(y: float) -> str:
    return f"{100 * 10**y:g}\u00a0%"


def _wished(answer: Fields) -> Html:
    rows, pairs, few = [], answer["false_match"]["pairs"], "too few pairs"
    for each in answer["wished"]:
        some = each["threshold"] is not None
        safe = each["safe_threshold"] is not None
        rows.append(
            [
                f"{100 * each['rate']:g}\u00a0%",
                decimals(each["threshold"], 3) if some else few if each["rate"] * pairs < 1 else "none",
                rate_text(each["false_non_match"]),
                decimals(each["safe_threshold"], 2) if safe else "none",
                rate_text(each["safe_false_non_match"]),
            ]
        )
    text = (
        "The first threshold is the lowest at which these pairs have no more false matches than wished, which looks a "
        "little too good. The safe one is the lowest of the curve at which the upper limit of the interval does not "
        "exceed the wish."
    )
    heads = ["false match rate", "cosine", "false non-match rate", "safe cosine", "false non-match rate there"]
    return section("Thresholds for a wished false match rate", e("p", text), table(None, heads, rows, name="wished"))


def _groups(answer: Fields) -> Html:
    rows = [
        [
            user_text(each["group"], 60),
            rate_text(each["false_match"]),
            _counts(each["false_match"]),
            rate_text(each["false_non_match"]),
            _counts(each["false_non_match"]),
        ]
        for each in answer["groups"]
    ]
    heads = ["group", "false match rate", "of", "false non-match rate", "of"]
    differences = []
    for each in answer["differences"]:
        names = [user_text(each["a"], 40), " minus ", user_text(each["b"], 40)]
        differences.append([names, *(_points(each[key]) for key, _ in KINDS)])
    text = "Pairs of which both faces are of the group. Differences are in percentage points."
    return section(
        "Errors by group",
        e("p", text),
        table(None, heads, rows, name="groups"),
        table("Differences", ["groups", *(name for _, name in KINDS)], differences, name="differences")
        if differences
        else None,
    )


def _points(rate: Fields) -> str:
    figure = _of(rate)
    if isnan(figure.value):
        return "–"
    text = f"{number(100 * figure.value)}"
    if isnan(figure.low):
        return text
    sure = figure.low > 0 or figure.high < 0
    limits = f"[{number(100 * figure.low)},\u00a0{number(100 * figure.high)}]"
    return f"{text} {limits}{'' if sure else ', may be 0'}"


def _worst(answer: Fields, items: Items) -> Html:
    text = (
        "Pairs whose cosines fit their codes the least. Errors of coding are often among them: look at each, correct "
        "the codes, and measure again."
    )
    blocks: list[Child] = []
    for key, title in (("highest_different", "Coded as different people"), ("lowest_same", "Coded as one person")):
        boxes = []
        for pair in answer[key]:
            a, b = ((pair[side], _code(pair[f"{side}_person"])) for side in ("a", "b"))
            same = "on one picture" if on_one_picture([pair["a"]], [pair["b"]]) else None
            boxes.append(pair_box(items, a, b, f"cosine {pair['cosine']:.3f}, {title.lower()}", same))
        blocks.append(e("h3", title))
        blocks.append(e("ul.pairs", boxes))
    return section("Pairs to look at", e("p", text), blocks)


def _code(person: str | None) -> Child:
    """The line with the code of a face."""
    return None if person is None else join(["coded ", user_text(person, 60)])


def paragraph(answer: Fields) -> str:
    """Method and result in the past tense."""
    match, non_match = answer["false_match"], answer["false_non_match"]
    groups = f"Rates were also computed for {counted(len(answer['groups']), 'group')} of people. "
    return (
        f"We compared faces by the cosine of their vectors, from {model_words(answer['model'], answer['receipt'])}. A "
        f"cosine of at least {answer['threshold']:g} counted as one person. On {_counts(match)} the false match rate "
        f"was {rate_text(match)}, and on {_counts(non_match)} the false non-match rate was {rate_text(non_match)} "
        "(95\u00a0% intervals: Wilson’s for an effective number of pairs, whose variance was summed over pairs that "
        f"share a person). The equal error rate was {number(100 * answer['equal_error_rate'])}\u00a0%. "
        f"{groups if answer['groups'] else ''}Computed with Daguerre."
    )
