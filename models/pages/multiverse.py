"""The page of a multiverse: the specification curve, the spread, the choices, and every configuration."""

from collections.abc import Iterable, Mapping
from typing import Any

from models.intervals import Figure
from models.pages import multiverse_curve
from models.pages.document import caveats, document, methods_section, parameters_section, section
from models.pages.html import (
    Child,
    Html,
    Rounded,
    count,
    counted,
    decimals,
    e,
    facts,
    figure,
    gap,
    number,
    percent,
    table,
    user_text,
)
from models.pages.items import STYLE, Items, expect
from models.pages.multiverse_curve import MOST_VALUES, curve, order_of, shown_factors
from models.pages.provenance import receipt_facts

Fields = Mapping[str, Any]
SPREAD = ("lowest", "lower_quartile", "median", "upper_quartile", "highest", "sd")
HEADS = ("lowest", "lower quartile", "median", "upper quartile", "highest", "standard deviation")

UNEQUAL = "{}: is there and classical is null, or the reverse"
COLUMNS_STYLE = """
.configured td:nth-child(-n + {texts}), .configured thead th:nth-child(-n + {texts}) {{
  text-align: left; white-space: normal; min-width: 6.5rem; }}
.configured th:first-child, .configured thead th:first-child {{ min-width: 3rem; }}
"""


def ids(answer: Fields) -> Iterable[str]:
    """Ids of items of which the page may show pictures: none."""
    return ()


def page(answer: Fields, items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/multiverses.

    Raises
    ------
    PageError : an answer without configurations, or with choices that no factor has.
    """
    configurations, factors = answer["configurations"], answer["factors"]
    expect(bool(configurations), "configurations: is empty")
    uncoded = answer["classical"] is None
    expect(
        all((answer[name] is None) == uncoded for name in ("corrected", "covering", "within")),
        UNEQUAL.format("corrected"),
    )
    expect((answer["average"]["corrected"] is None) == uncoded, UNEQUAL.format("average.corrected"))
    names = {each["name"]: {one["value"] for one in each["values"]} for each in factors}
    for i, each in enumerate(configurations):
        known = set(each["choices"]) == set(names) and all(
            value in names[name] for name, value in each["choices"].items()
        )
        expect(known, f"configurations[{i}].choices: are not those of factors")
        expect((each["corrected"] is None) == uncoded, UNEQUAL.format(f"configurations[{i}].corrected"))
    title = f"{counted(len(configurations), 'configuration')} of {counted(answer['n'], 'item')}"
    body: list[Child] = [
        _top(answer, items, title),
        section("Specification curve", _curve(answer)),
        section("Spread", _spread(answer)),
        section("Choices", _choices(answer)),
        section("Configurations", _configurations(answer)),
        methods_section(paragraph(answer)),
    ]
    body.append(parameters_section(answer["params"]))
    if answer["receipts"]:
        body.append(section("Receipts", [receipt_facts(each) for each in answer["receipts"]]))
    texts = sum(len(each["values"]) > 1 for each in factors) + 1
    return document(title, body, style=STYLE + multiverse_curve.STYLE + COLUMNS_STYLE.format(texts=texts))


def _share(answer: Fields) -> bool:
    """Whether estimates are shares, or differences of them; trends and coefficients are numbers."""
    return bool(answer["estimand"]["share"]) and answer["estimand"]["kind"] in ("level", "difference")


def _value(answer: Fields, value: float) -> Rounded:
    """An estimate: a share in percent, a difference of shares in percentage points."""
    if not _share(answer):
        return number(value)
    if answer["estimand"]["kind"] == "level":
        return percent(value)
    return Rounded(decimals(100 * value, 1), value)


def _interval(answer: Fields, each: Fields) -> Rounded:
    made = Figure(value=each["value"], low=each["low"], high=each["high"])
    if answer["estimand"]["kind"] == "difference":
        return gap(made, share=_share(answer))
    return figure(made, share=_share(answer))


def _unit(answer: Fields) -> str:
    return " percentage points" if _share(answer) and answer["estimand"]["kind"] == "difference" else ""


def _plain_name(answer: Fields, quote: str = "“{}”") -> str:
    """The quantity that is estimated, for a sentence."""
    of = answer["estimand"]
    what = "mean" if not of["share"] else f"share of {quote.format(of['label'])}" if of["label"] else "share"
    if of["kind"] == "difference":
        return f"difference in the {what} between {quote.format(of['a'])} and {quote.format(of['b'])} ({of['by']})"
    if of["kind"] == "trend":
        return f"change of the {what} per unit of time"
    if of["kind"] == "coefficient":
        return f"coefficient of {quote.format(of['term'])}"
    return what


def _top(answer: Fields, items: Items, title: str) -> Html:
    uncorrected, corrected = answer["uncorrected"], answer["corrected"]
    name = user_text(_plain_name(answer), 300)
    lead: list[Child] = [
        "By the predictions alone the ",
        name,
        f" is between {_value(answer, uncorrected['lowest'])} and {_value(answer, uncorrected['highest'])}"
        f"{_unit(answer)}",
    ]
    if corrected is not None:
        lead.append(
            f"; corrected by {counted(answer['n_coded'], 'code')}, between {_value(answer, corrected['lowest'])} and "
            f"{_value(answer, corrected['highest'])}. By the codes alone it is {_interval(answer, answer['classical'])}"
        )
    lead.append(".")
    rows: list[tuple[Child, Child]] = [
        ("Configurations", count(len(answer["configurations"]))),
        ("Items of the corpus", count(answer["n"])),
    ]
    if corrected is not None:
        rows.append(("Coded items", count(answer["n_coded"])))
        rows.append(("Confidence level of the intervals", f"{100 * answer['confidence']:g}\u00a0%"))
    for each in answer["factors"]:
        many = len(each["values"])
        one = user_text(each["values"][0]["value"], 200) if many == 1 else counted(many, "value")
        rows.append((user_text(each["name"], 80), one))
    caution = caveats([*answer["remarks"], *items.remarks])
    return e("header", e("p.kicker", "Report of a multiverse"), e("h1", title), e("p.lead", lead), caution, facts(rows))


def _curve(answer: Fields) -> Child:
    text = "Each column is a configuration, in the order of the uncorrected estimates (rings)."
    if answer["classical"] is not None:
        text += (
            f" Dots are corrected estimates with {100 * answer['confidence']:g}\u00a0% intervals; the dashed line and "
            "the band are the estimate and the interval by the codes alone."
        )
    text += " Below, a mark says which choices a configuration is made of."
    drawn = shown_factors(answer)
    if left_out := [each for each in answer["factors"] if each not in drawn and len(each["values"]) > 1]:
        text += f" {counted(len(left_out), 'choice')} of more than {MOST_VALUES} values: in the table alone."
    of = answer["estimand"]
    what = "share" if of["share"] else "mean"
    names = {"level": what, "difference": f"difference of {what}s", "trend": "change per unit of time"}
    return e("figure", curve(answer, names.get(of["kind"], "coefficient")), e("p.soft", text))


def _spread(answer: Fields) -> list[Child]:
    rows: list[list[Child]] = []
    for kind in ("uncorrected", "corrected"):
        if (spread := answer[kind]) is not None:
            rows.append([kind, *(_value(answer, spread[name]) for name in SPREAD)])
    parts: list[Child] = [table(None, ["estimates", *HEADS], rows, name="spread")]
    if _unit(answer):
        parts.append(e("p.soft", "In percentage points."))
    many = len(answer["configurations"])
    average = answer["average"]
    if average["corrected"] is not None:
        parts.append(
            e(
                "p",
                "The mean of the predictions of all configurations, as one column, leaves nothing to choose: "
                f"{_value(answer, average['uncorrected'])}, corrected {_interval(answer, average['corrected'])}.",
            )
        )
    if answer["covering"] is not None:
        parts.append(
            e(
                "p",
                f"{count(answer['covering'])} of {count(many)} corrected intervals hold the estimate by the codes "
                f"alone, {_interval(answer, answer['classical'])}. {count(answer['within'])} of {count(many)} "
                "uncorrected estimates lie inside the interval of the codes alone.",
            )
        )
    if (signs := answer["signs"]) is not None:
        parts += _signs(answer, signs, many)
    return parts


def _signs(answer: Fields, signs: Fields, many: int) -> list[Child]:
    rows: list[list[Child]] = [["uncorrected", count(signs["positive"]), count(signs["negative"]), "", ""]]
    parts: list[Child] = []
    if signs["codes"] is not None:
        corrected = [count(signs[f"corrected_{name}"]) for name in ("positive", "negative", "above", "below")]
        rows.append(["corrected", *corrected])
        side = {"above": "is above zero", "below": "is below zero", "neither": "holds zero"}[signs["codes"]]
        parts.append(
            e(
                "p",
                f"The interval of the codes alone {side}. The sign is another than by the codes alone in "
                f"{count(signs['other_sign'])} of {count(many)} uncorrected and in "
                f"{count(signs['other_sign_corrected'])} corrected estimates. In {count(signs['other_side'])} of "
                f"{count(many)} configurations the corrected interval says something else about zero: that it is "
                "above, below or inside.",
            )
        )
    heads = ["estimates", "positive", "negative", "interval above 0", "interval below 0"]
    return [table("Configurations by sign", heads, rows, name="signs"), *parts]


def _choices(answer: Fields) -> list[Child]:
    coded = answer["classical"] is not None
    rows: list[list[Child]] = []
    for each in answer["factors"]:
        if len(each["values"]) < 2:
            continue
        for place, one in enumerate(each["values"]):
            cells: list[Child] = [
                [user_text(each["name"], 80), ": ", user_text(one["value"], 200)],
                count(one["configurations"]),
                _value(answer, one["uncorrected"]),
            ]
            if coded:
                cells.append(_value(answer, one["corrected"]))
            for name in ("explained", "explained_corrected") if coded else ("explained",):
                cells.append("" if place or each[name] is None else percent(each[name]))
            rows.append(cells)
    heads: list[Child] = ["choice", "configurations", "mean, uncorrected", *(["mean, corrected"] if coded else [])]
    heads += ["variance explained", *(["of the corrected"] if coded else [])]
    note = (
        "Means over the configurations with a value. Variance explained: the share of the variance of the estimates "
        "that is between these means, so that a choice with a large share matters most."
    )
    return [table(None, heads, rows, name="choices"), e("p.soft", note)]


def _configurations(answer: Fields) -> list[Child]:
    coded = answer["classical"] is not None
    names = [each["name"] for each in answer["factors"] if len(each["values"]) > 1]
    rows: list[list[Child]] = []
    for i in order_of(answer["configurations"]):
        each = answer["configurations"][i]
        cells: list[Child] = [str(i + 1), *(user_text(each["choices"][name], 200) for name in names)]
        cells.append(_value(answer, each["uncorrected"]))
        if coded:
            worth = "" if each["worth"] is None else count(round(each["worth"]))
            cells += [_interval(answer, each["corrected"]), number(each["slope"]), worth]
        rows.append(cells)
    heads: list[Child] = ["number", *(user_text(name, 80) for name in names), "uncorrected"]
    heads += ["corrected", "weight λ", "worth codes"] if coded else []
    note = "Numbers are places in the request; the order is that of the curve."
    return [table(None, heads, rows, kind="configured", name="configurations"), e("p.soft", note + _units_note(answer))]


def _units_note(answer: Fields) -> str:
    return " Differences of shares are in percentage points." if _unit(answer) else ""


def paragraph(answer: Fields) -> str:
    """Methods and results in the past tense, with the figures of this answer."""
    many = len(answer["configurations"])
    varied = [f"{len(each['values'])} of {each['name']}" for each in answer["factors"] if len(each["values"]) > 1]
    uncorrected, corrected = answer["uncorrected"], answer["corrected"]
    sentences = [
        f"We estimated the {_plain_name(answer)} in {counted(answer['n'], 'item')} by all {count(many)} configurations "
        f"of the predictions ({', '.join(varied)}), and report every one (multiverse analysis: Steegen, Tuerlinckx, "
        "Gelman & Vanpaemel 2016; specification curve: Simonsohn, Simmons & Nelson 2020).",
        f"By the predictions alone the estimate ranged from {_value(answer, uncorrected['lowest'])} to "
        f"{_value(answer, uncorrected['highest'])}{_unit(answer)} (median {_value(answer, uncorrected['median'])}).",
    ]
    if corrected is None:
        sentences.append("There were no codes, so that the estimates were not corrected.")
        return " ".join(sentences)
    sentences += [
        f"Corrected by the codes of {counted(answer['n_coded'], 'item')} (PPI++: Angelopoulos, Duchi & Zrnic 2024; "
        f"Egami, Hinck, Stewart & Wei 2023), it ranged from {_value(answer, corrected['lowest'])} to "
        f"{_value(answer, corrected['highest'])}{_unit(answer)}; by the codes alone it was "
        f"{_interval(answer, answer['classical'])} ({100 * answer['confidence']:g} % interval).",
        "By the mean of the predictions of all configurations it was "
        f"{_interval(answer, answer['average']['corrected'])}, corrected.",
        f"The corrected interval held the estimate by the codes alone in {count(answer['covering'])} of {count(many)} "
        "configurations.",
    ]
    if (signs := answer["signs"]) is not None:
        sentences.append(
            f"The sign differed from that by the codes alone in {count(signs['other_sign'])} uncorrected and "
            f"{count(signs['other_sign_corrected'])} corrected estimates."
        )
    sentences.append("Estimates hold if the coded items are a probability sample of the corpus, and codes are right.")
    return " ".join(sentences)
