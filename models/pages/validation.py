"""The page of a validation: predictions from anywhere, measured by codes that people gave."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from math import nan
from typing import Any

from models.classifiers.metrics import Bin
from models.classifiers.report import Measured
from models.errors import quoted
from models.intervals import Figure
from models.pages.classifiers import plots
from models.pages.classifiers.tables import (
    CLASS_FIGURES,
    MATRIX,
    class_table,
    confusion_parts,
    figure_table,
    items_per_class,
)
from models.pages.document import caveats, document, methods_section, parameters_section, section
from models.pages.html import (
    Child,
    Html,
    agree,
    beside,
    count,
    counted,
    decimals,
    e,
    facts,
    figure,
    number,
    path_text,
    percent,
    table,
    user_text,
)
from models.pages.items import STYLE, Items, expect
from models.pages.plots import Frame, svg
from models.pages.validation_groups import groups_section
from models.pages.validation_words import NAMES, RULES, figure_of, joined_names, paragraph

CURVES = 12  # reliability curves of classes, the most frequent ones
SHARES = frozenset(name for name, (_, _, share) in CLASS_FIGURES.items() if share)
Fields = Mapping[str, Any]


def ids(answer: Fields) -> list[str]:
    """Ids of the largest errors, of which a page may show pictures or texts."""
    return list(dict.fromkeys(error["id"] for each in answer["predictions"] for error in each["worst"]))


def page(answer: Fields, items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/validations.

    Raises
    ------
    PageError : figures or matrices that do not fit the labels.
    """
    check(answer)
    names = [each["name"] for each in answer["predictions"]]
    title = f"{joined_names(names)} against {counted(answer['used'], 'coded item')}"
    body: list[Child] = [_top(answer, items, title)]
    groups = groups_section(answer)
    compared = [groups] if groups is not None else []
    compared += [_differences(answer)] if answer["differences"] else []
    compared += [_agreement(answer)] if answer["agreement"] else []
    own = [part for each in answer["predictions"] for part in _set(each, answer, items, several=len(names) > 1)]
    body += [*compared, *own] if len(names) > 1 else [*own, *compared]
    body.append(methods_section(paragraph(answer)))
    body.append(parameters_section(answer["params"]))
    return document(title, body, style=STYLE)


def check(answer: Fields) -> None:
    """Raise PageError for parts that contradict each other."""
    k = len(answer["labels"])
    expect(bool(answer["predictions"]), "predictions: is empty")
    resamples = answer["params"].get("resamples", 0)
    expect(isinstance(resamples, int), f"params.resamples: is {quoted(resamples)}, no number of resamples")
    for i, each in enumerate(answer["predictions"]):
        for name in ("confusion", "confusion_weighted"):
            square = each[name] is None or [len(row) for row in each[name]] == [k] * k
            expect(square, f"predictions[{i}].{name}: has not a row and a column for each of {k} labels")
        for name in ("accuracy", "f1_macro") if k else ("mae", "r2"):
            expect(name in each["figures"], f"predictions[{i}].figures: lacks {name}")
        lacking = [name for name in each["figures"] if name not in each["baseline"]]
        expect(not lacking, f"predictions[{i}].baseline: lacks {lacking[:1]}")
        for label, bins in (each["reliability"] or {}).items():
            counts = all(one["n"] >= 0 for one in bins)
            expect(counts, f"predictions[{i}].reliability[{quoted(label)}]: has a number of items below 0")
        for threshold in (one for curve in each["curves"] for one in curve["thresholds"]):
            known = all(threshold["same_items"].get(name) is not None for name in ("precision", "recall", "f1"))
            expect(known, f"predictions[{i}].curves: a threshold lacks precision, recall or F1 on the same items")
    for i, each in enumerate(answer["differences"]):
        known = not k or None not in (each["only_a"], each["only_b"])
        expect(known, f"differences[{i}]: lacks the numbers of items that one alone predicts correctly")


def _top(answer: Fields, items: Items, title: str) -> Html:
    parts: list[Child] = [
        e("p.kicker", f"Report of a validation: {answer['task']}"),
        e("h1", user_text(title, 200)),
        [e("p.lead" if i == 0 else "p", _result(each, answer)) for i, each in enumerate(answer["predictions"])],
    ]
    parts += [items.note() if items.thumbnails else None, caveats([*answer["remarks"], *items.remarks])]
    coders = answer["coders"]
    rows: list[tuple[Child, Child]] = [
        ("Coded items", f"{count(answer['used'])} of {counted(answer['coded'], 'item')} of the table have a target"),
        ("Coders", _enumerated(coders)),
    ]
    if len(coders) > 1:
        rows.append(("Target of an item", RULES.get(answer["rule"], str(answer["rule"]))))
    if answer["weighted"]:
        rows.append(("Weights", f"unequal; the effective sample size is {count(round(answer['effective']))}"))
    if answer["groups"] is not None:
        rows.append(("Groups", f"{count(answer['groups'])}, which the bootstrap draws whole"))
    if answer["positive"] is not None:
        rows.append(("Positive class", user_text(answer["positive"], 120)))
    for each in answer["predictions"]:
        text = f"{counted(each['n'], 'item')} with a code and a prediction"
        if each["out_of_fold"]:
            text += ", predicted out of fold"
        rows.append((user_text(each["name"], 60), text))
    return e("header", parts, facts(rows))


def _enumerated(names: Sequence[str]) -> list[Child]:
    parts: list[Child] = []
    for name in names[:20]:
        parts += [", ", user_text(name, 40)]
    return [*parts[1:], f" and {counted(len(names) - 20, 'other')}" if len(names) > 20 else None]


def _result(each: Fields, answer: Fields) -> list[Child]:
    """The main figure beside that of the baseline, and a warning where it does not exceed it clearly."""
    name, kind = user_text(each["name"], 60), " by weight," if answer["weighted"] else ""
    if answer["labels"]:
        share, usual = figure_of(each["figures"]["accuracy"]), figure_of(each["baseline"]["accuracy"])
        weak = None if share.low > usual.value else " The interval includes that baseline."
        return [
            "For ",
            figure(share, share=True),
            f" of {counted(each['n'], 'coded item')},{kind} the prediction by ",
            name,
            f" is the code; always predicting the most frequent class would be correct for {percent(usual.value)}.",
            weak,
        ]
    error, usual = figure_of(each["figures"]["mae"]), figure_of(each["baseline"]["mae"])
    r2 = figure_of(each["figures"]["r2"])
    return [
        f"On {counted(each['n'], 'coded item')},{kind} ",
        name,
        " is off by ",
        figure(error, share=False),
        f" on average; always predicting the mean would be off by {number(usual.value)}. R² is ",
        figure(r2, share=False),
        ".",
        None if r2.low > 0 else " The interval of R² includes 0.",
    ]


def measured_of(each: Fields) -> Measured:
    """The figures of a set of predictions, as the report of a classifier has them."""
    known = {field.name for field in fields(Bin)}
    reliability = each["reliability"]
    return Measured(
        n=each["n"],
        figures={name: figure_of(value) for name, value in each["figures"].items()},
        baseline={name: figure_of(value) for name, value in each["baseline"].items()},
        confusion=None if each["confusion"] is None else tuple(tuple(row) for row in each["confusion"]),
        confusion_weighted=None
        if each["confusion_weighted"] is None
        else tuple(tuple(row) for row in each["confusion_weighted"]),
        reliability=None
        if reliability is None
        else {
            label: tuple(Bin(**{name: bin[name] for name in bin if name in known}) for bin in bins)
            for label, bins in reliability.items()
        },
    )


def _set(each: Fields, answer: Fields, items: Items, *, several: bool) -> Iterator[Html]:
    """The sections of one set of predictions."""
    measured, labels = measured_of(each), answer["labels"]
    before = f"{each['name'][:60]}: " if several else ""
    always = "always predicting the most frequent class, with the shares of the classes as probabilities"
    baseline = always if labels else "always predicting the mean of these items"
    drawn: list[Child] = []
    if each["points"]:
        code, predicted = zip(*each["points"], strict=True)
        drawn = plots.scatters(code, predicted, "coded", each["n"])
    yield section(_title(before, "figures"), beside(figure_table(measured, baseline), drawn))
    if labels:
        counts = items_per_class(measured, labels)
        yield section(_title(before, "figures by class"), class_table(measured, labels, counts))
    if measured.confusion and labels:
        title = "confusion matrix" if len(labels) <= MATRIX else "most frequent confusions"
        yield section(_title(before, title), *confusion_parts(measured, labels, weighted=answer["weighted"]))
    if measured.reliability:
        yield section(_title(before, "calibration of scores"), *_reliability(measured, labels))
    if each["curves"]:
        yield section(_title(before, "thresholds"), *_thresholds(each["curves"]))
    yield section(_title(before, "largest errors"), *_worst(each, items))


def _title(before: str, title: str) -> str:
    return before + title if before else title[0].upper() + title[1:]


def _reliability(measured: Measured, labels: Sequence[str]) -> Iterator[Child]:
    curves = measured.reliability or {}
    counts = items_per_class(measured, labels)
    text = (
        "Scores that are calibrated lie on the dotted diagonal: 80\u00a0% of the items with a score of 0.8 belong to "
        "the class. Vertical lines: 95\u00a0% intervals; bars below: items in each bin."
    )
    if len(curves) == 1:
        [(label, bins)] = curves.items()
        drawn = plots.reliability(bins, f"Reliability of {label[:60]}")
        yield e("div.plots", e("figure", drawn, e("figcaption", "Score of “", user_text(label, 60), "”. ", text)))
        return
    often = sorted((label for label in curves if curves[label]), key=lambda label: -counts.get(label, 0))[:CURVES]
    which = f"The {CURVES} most frequent classes" if len(curves) > CURVES else "By class"
    yield e(
        "p.soft", f"{which}; the area of a point is proportional to its number of items. {text.split(' Vertical')[0]}"
    )
    small = [
        e("figure", e("figcaption", user_text(label, 40)), plots.small_reliability(curves[label], label[:60]))
        for label in often
    ]
    yield e("div.plots.small", small)


def _thresholds(curves: Sequence[Fields]) -> Iterator[Child]:
    yield e(
        "p.soft",
        "A class may be predicted for the items with a score from a threshold on, whatever the other scores are. A "
        "threshold that is chosen and measured on the same items looks better than it is. The precision, recall and F1 "
        "in this table are therefore measured on items that did not choose the threshold (cross-fitted); beside them "
        "is F1 on the same items, which is optimistic.",
    )
    rows = []
    for curve in curves:
        for each in curve["thresholds"]:
            rule = "best F1" if each["criterion"] == "f1" else f"recall of at least {each['target']:g}"
            rows.append(
                [
                    user_text(curve["label"], 60),
                    rule,
                    "–" if each["threshold"] is None else number(each["threshold"]),
                    *(figure(figure_of(each[name]), share=name != "f1") for name in ("precision", "recall", "f1")),
                    number(nan if each["same_items"]["f1"] is None else each["same_items"]["f1"]),
                ]
            )
    heads = ["class", "rule", "threshold", "precision", "recall", "F1", "F1 on the same items"]
    yield table(None, heads, rows, name="thresholds")
    yield e("div.plots", [_curve(curve) for curve in curves[:CURVES]])


def _curve(curve: Fields) -> Html:
    side = 300.0
    frame = Frame(side, side, (0, 1), (0, 1), left=44, bottom=34)
    marks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    points = [
        (each["recall"], each["precision"])
        for each in curve["points"]
        if each["recall"] is not None and each["precision"] is not None
    ]
    chosen = [
        frame.dot("hollow", each["same_items"]["recall"], each["same_items"]["precision"], 4)
        for each in curve["thresholds"]
        if each["threshold"] is not None
    ]
    drawn = svg(
        f"Precision-recall curve of {curve['label'][:60]}",
        side,
        side,
        frame.axes(marks, marks, "recall", "precision"),
        frame.line("ideal", [(0, curve["share"]), (1, curve["share"])]),
        frame.line("line", points) if points else None,
        chosen,
    )
    caption: list[Child] = [
        "Precision-recall curve of “",
        user_text(curve["label"], 60),
        f"”, {counted(curve['positives'], 'item')}; dotted: its share, {percent(curve['share'])}. Rings: the "
        "thresholds of the table.",
    ]
    return e("figure", drawn, e("figcaption", caption))


def _worst(one: Fields, items: Items) -> Iterator[Child]:
    errors = one["worst"]
    if not errors:
        yield e("p", "No prediction differs from the codes.")
        return
    scored = any(each["confidence"] is not None for each in errors)
    order = "highest score first" if scored else "largest first"
    every = _number_of_errors(one)
    shown = counted(len(errors), "error")
    if every is not None and every > len(errors):
        shown = f"{count(len(errors))} of {counted(every, 'error')}"
    yield e("p.soft", f"{shown}, {order}.")
    rows, tiles = [], []
    for each in errors:
        true, predicted = (_cell(each[name]) for name in ("target", "predicted"))
        sure = None if each["confidence"] is None else number(each["confidence"])
        tiles.append(
            items.tile(each["id"], ["coded ", true], ["predicted ", predicted, f" ({sure})" if sure else None])
        )
        rows.append([path_text(each["id"], 160), true, predicted, *([sure or ""] if scored else [])])
    if items.layout == ".bare":
        heads = ["item", "code", "prediction", *(["score"] if scored else [])]
        yield table(None, heads, rows, kind="words", name="errors")
    else:
        yield items.tiles(tiles)


def _number_of_errors(one: Fields) -> int | None:
    """The number of predictions that are not the code; None where not all numbers are in the answer."""
    if one["confusion"]:
        wrong: int = sum(n for i, row in enumerate(one["confusion"]) for j, n in enumerate(row) if i != j)
        return wrong
    points = one["points"] or ()
    return sum(code != predicted for code, predicted in points) if len(points) == one["n"] else None


def _cell(value: Any) -> Child:
    return user_text(value, 60) if isinstance(value, str) else number(float(value))


def _differences(answer: Fields) -> Html:
    rows = []
    for pair in answer["differences"]:
        for name, value in pair["figures"].items():
            if name not in NAMES:
                continue
            estimate = figure_of(value)
            sure = estimate.low > 0 or estimate.high < 0
            names: list[Child] = [user_text(pair["a"], 40), " minus ", user_text(pair["b"], 40)]
            decided = "differs from 0" if sure else "may be 0"
            rows.append([names, NAMES[name], count(pair["n"]), _points(estimate, name), decided])
    alone = [
        e(
            "p",
            f"{counted(pair['only_a'], 'item')} of {count(pair['n'])} {agree(pair['only_a'], 'is', 'are')} predicted "
            "correctly by ",
            user_text(pair["a"], 60),
            f" alone, and {counted(pair['only_b'], 'item')} by ",
            user_text(pair["b"], 60),
            " alone.",
        )
        for pair in answer["differences"]
        if pair["only_a"] is not None
    ]
    text = (
        "Figures of one set of predictions minus those of another on the same items, with 95\u00a0% intervals of a "
        "paired bootstrap: the difficulty of items, which is the same for both, cancels. Differences of shares are in "
        "percentage points."
    )
    heads = ["predictions", "figure", "items", "difference", "at 95\u00a0%"]
    return section(
        "Differences between predictions", e("p.soft", text), alone, table(None, heads, rows, name="differences")
    )


def _points(estimate: Figure, name: str) -> Child:
    if name in SHARES:
        scaled = Figure(value=100 * estimate.value, low=100 * estimate.low, high=100 * estimate.high)
        return [decimals(scaled.value, 1), f" [{decimals(scaled.low, 1)}, {decimals(scaled.high, 1)}]"]
    return figure(estimate, share=False)


def _agreement(answer: Fields) -> Html:
    rows = []
    for pair in answer["agreement"]:
        names: list[Child] = [user_text(pair["a"], 60), " and ", user_text(pair["b"], 60)]
        who = "predictions and coder" if pair["machine"] else "two coders"
        cells: list[Child] = [figure(figure_of(pair["alpha"]), share=False)]
        if answer["labels"]:  # numbers are hardly ever equal
            kappa = "–" if pair["kappa"] is None else figure(figure_of(pair["kappa"]), share=False)
            cells = [figure(figure_of(pair["percent"]), share=True), kappa, *cells]
        rows.append([names, who, count(pair["items"]), *cells])
    text = (
        "Coefficients of each two on the items that both coded, without weights. Predictions that agree with coders as "
        "well as coders agree with each other cannot be shown to improve by these codes."
    )
    of_labels = ["equal codes", "Cohen’s kappa"] if answer["labels"] else []
    heads = ["", "kind", "items", *of_labels, "Krippendorff’s alpha"]
    return section("Agreement", e("p.soft", text), table(None, heads, rows, name="agreement"))
