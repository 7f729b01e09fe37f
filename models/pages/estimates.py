"""The page of estimates from any predictions and a coded sample."""

from collections.abc import Iterable, Mapping
from typing import Any

from models.intervals import Figure
from models.pages.classifiers.plots import whisker
from models.pages.document import caveats, document, methods_section, parameters_section, section
from models.pages.html import (
    Child,
    Html,
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

Fields = Mapping[str, Any]


def ids(answer: Fields) -> Iterable[str]:
    """Ids of items of which the page may show pictures: none."""
    return ()


def page(answer: Fields, items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/estimates.

    Raises
    ------
    PageError : an answer without estimates.
    """
    expect(bool(answer["estimates"]), "estimates: is empty")
    share = answer["task"] != "continuous"
    what = "Shares" if share else "Means"
    title = f"{what} in {counted(answer['n'], 'item')}, corrected by {counted(answer['n_coded'], 'code')}"
    body: list[Child] = [_top(answer, items, title), section("Estimates", estimates_table(answer, share))]
    for name, made in (
        ("Parts of the corpus", _parts(answer, share)),
        ("Differences", _differences(answer, share)),
        ("Regression", _regressions(answer)),
        ("Codes for a shorter interval", _needed(answer)),
    ):
        if made:
            body.append(section(name, made))
    body.append(methods_section(paragraph(answer)))
    body.append(parameters_section(answer["params"]))
    return document(title, body, style=STYLE)


def _figure(value: Fields) -> Figure:
    return Figure(value=value["value"], low=value["low"], high=value["high"])


def _name(each: Fields) -> list[Child]:
    label: list[Child] = [", ", user_text(each["label"], 60)] if each["label"] else []
    return [user_text(each["predictions"], 80), *label]


def _top(answer: Fields, items: Items, title: str) -> Html:
    share = answer["task"] != "continuous"
    first = answer["estimates"][0]
    naive = percent(first["mean"]["naive"]) if share else number(first["mean"]["naive"])
    lead: list[Child] = [
        *(["The share of “", user_text(first["label"], 60), "”"] if share else ["The mean"]),
        " is ",
        figure(_figure(first["mean"]["corrected"]), share=share),
        "; the predictions of “",
        user_text(first["predictions"], 60),
        f"” alone would give {naive}.",
    ]
    rows: list[tuple[Child, Child]] = [
        ("Corpus", counted(answer["n"], "item")),
        ("Coded items", count(answer["n_coded"])),
        ("Confidence level of the intervals", f"{100 * answer['confidence']:g}\u00a0%"),
    ]
    if answer["groups"] is not None:
        rows.append(("Groups", f"{count(answer['groups_coded'])} of {count(answer['groups'])} have coded items"))
    if answer["strata"] is not None:
        rows.append(("Strata", count(answer["strata"])))
    if answer["weighted"]:
        rows.append(("Effective number of coded items under the weights", count(round(answer["effective"]))))
    caution = caveats([*answer["remarks"], *items.remarks])
    return e("header", e("p.kicker", "Report of estimates"), e("h1", title), e("p.lead", lead), caution, facts(rows))


def _row(mean: Fields, naive: float, share: bool) -> list[Child]:
    return [
        figure(_figure(mean["corrected"]), share=share),
        percent(naive) if share else number(naive),
        figure(_figure(mean["classical"]), share=share),
        number(mean["slope"]),
        count(round(mean["worth"])),
    ]


def _drawn(mean: Fields, label: str) -> Child:
    return whisker(_figure(mean["corrected"]), Figure(value=mean["naive"], low=0, high=0), label[:60])


HEADS = ("corrected", "naive", "codes alone", "weight λ", "worth codes")
SCALE = "scale from 0 to 1 (ring: naive)"


def estimates_table(answer: Fields, share: bool) -> list[Child]:
    """The estimates by each set of predictions, beside the naive ones and those of the codes alone."""
    """The estimates of a quantity by each set of predictions, beside the naive ones and those of the codes alone."""
    rows: list[list[Child]] = [
        [
            _name(each),
            *_row(each["mean"], each["mean"]["naive"], share),
            *([_drawn(each["mean"], each["label"])] if share else []),
        ]
        for each in answer["estimates"]
    ]
    note = (
        "Corrected: by the codes and the predictions. Naive: the mean of the predictions, as if none were wrong; it "
        "has no valid interval. Codes alone: as if there were no predictions. The weight λ is 0 where predictions do "
        "not help. Worth codes: as many coded items would give the same standard error without predictions."
    )
    return [
        table(None, ["predictions", *HEADS, *([SCALE] if share else [])], rows, name="estimates"),
        e("p.soft", note),
    ]


def _parts(answer: Fields, share: bool) -> list[Child]:
    rows: list[list[Child]] = []
    for each in answer["estimates"]:
        for part in each["parts"]:
            cells: list[Child] = [user_text(part["by"], 40), user_text(part["value"], 60), _name(each)]
            cells.append(f"{count(part['n_coded'])} of {count(part['n'])}")
            if part["mean"] is None:
                cells += ["too few codes", *[""] * (len(HEADS) - 1)]
            else:
                cells += _row(part["mean"], part["naive"], share)
            rows.append(cells)
    heads = ["by", "value", "predictions", "coded", *HEADS]
    return [table(None, heads, rows, kind="three-names", name="parts")] if rows else []


def _differences(answer: Fields, share: bool) -> list[Child]:
    rows: list[list[Child]] = [
        [
            user_text(pair["by"], 40),
            [user_text(pair["a"], 40), " minus ", user_text(pair["b"], 40)],
            _name(each),
            gap(_figure(pair["corrected"]), share=share),
            decimals(100 * pair["naive"], 1) if share else number(pair["naive"]),
            gap(_figure(pair["classical"]), share=share),
        ]
        for each in answer["estimates"]
        for pair in each["differences"]
    ]
    heads = ["by", "difference", "predictions", "corrected", "naive", "codes alone"]
    points = e("p.soft", "Differences of shares are in percentage points.") if share else None
    return [table(None, heads, rows, kind="three-names", name="differences"), points] if rows else []


def _regressions(answer: Fields) -> list[Child]:
    rows: list[list[Child]] = []
    for each in answer["estimates"]:
        models = [] if each["trend"] is None else [("trend", [each["trend"]])]
        if each["regression"] is not None:
            models.append((each["regression"]["family"], each["regression"]["coefficients"]))
        for model, coefficients in models:
            for one in coefficients:
                kinds = ("corrected", "coded", "naive")
                rows.append(
                    [
                        model,
                        _name(each),
                        user_text(one["name"], 60),
                        *(figure(_figure(one[kind]), share=False) for kind in kinds),
                        count(round(one["worth"])),
                    ]
                )
    heads = ["model", "predictions", "term", "corrected", "codes alone", "naive", "worth codes"]
    about = (
        "Coefficients of a logistic model are changes of the log odds; those of a linear one, and of a trend, of the "
        "outcome. A term with = compares the items of that category with those of the category that has no term."
    )
    return [table(None, heads, rows, kind="three-names", name="regression"), e("p.soft", about)] if rows else []


def _needed(answer: Fields) -> list[Child]:
    made: list[Child] = []
    rows: list[list[Child]] = []
    for each in answer["estimates"]:
        if (needed := each["needed"]) is None:
            continue
        many, alone = (
            "more items than the corpus has" if needed[name] is None else f"{count(needed[name])} coded items"
            for name in ("items", "items_classical")
        )
        made.append(
            e("p", _name(each), f": an interval of width {needed['width']:g} needs {many}; by codes alone, {alone}.")
        )
        rows += [
            [_name(each), count(point["items"]), number(point["corrected"]), number(point["classical"])]
            for point in needed["curve"]
        ]
    heads = ["predictions", "coded items", "width, corrected", "width, codes alone"]
    return [*made, table(None, heads, rows, name="needed")] if rows else []


def paragraph(answer: Fields) -> str:
    """Methods and results in the past tense, with the figures of this answer."""
    share = answer["task"] != "continuous"
    level = f"{100 * answer['confidence']:g} %"
    units = "items" if answer["groups"] is None else f"groups of items ({count(answer['groups_coded'])} coded)"
    strata = (
        "" if answer["strata"] is None else f", post-stratified by {counted(answer['strata'], 'stratum', 'strata')}"
    )
    sentences = [
        f"We estimated {'shares' if share else 'means'} in {counted(answer['n'], 'item')}, of which "
        f"{count(answer['n_coded'])} were coded by people, from predictions of all items.",
        "The mean of the codes, weighted by inverse inclusion probabilities, was corrected by λ times the difference "
        "of the mean predictions of all and of the coded items, with the λ of the smallest variance (PPI++: "
        f"Angelopoulos, Duchi & Zrnic 2024; Egami, Hinck, Stewart & Wei 2023){strata}.",
        f"Standard errors are those of a jackknife over {units}; intervals are {level} intervals.",
    ]
    for each in answer["estimates"][:10]:
        mean = each["mean"]
        label = f"The share of “{each['label']}”" if share else "The mean"
        naive = percent(mean["naive"]) if share else number(mean["naive"])
        corrected, alone = (figure(_figure(mean[kind]), share=share) for kind in ("corrected", "classical"))
        sentences.append(
            f"{label} by {each['predictions']} was {corrected} (predictions alone: {naive}; codes alone: {alone})."
        )
    if any(each["regression"] is not None for each in answer["estimates"]):
        sentences.append(
            "Regressions of the coded items were corrected in the same way by regressions on predictions "
            "(predict-then-debias: Kluger, Lu, Zrnic, Wang & Bates 2025)."
        )
    sentences.append("Estimates hold if the coded items are a probability sample of the corpus, and codes are right.")
    return " ".join(sentences)
