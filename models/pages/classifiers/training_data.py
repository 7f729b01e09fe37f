"""The section on training data: items, classes, groups, coders, and items that were left out."""

from collections.abc import Iterable, Mapping, Sequence
from math import nan
from statistics import median
from typing import Any

from models.classifiers.records import Dropped
from models.classifiers.report import Report
from models.intervals import Figure
from models.pages.classifiers import plots
from models.pages.classifiers.words import weights_in_words
from models.pages.html import Child, Html, count, counted, e, facts, figure, number, percent, table, user_text
from models.pages.plots import share_bar

SHOWN = 40  # classes listed; where there are more, the most and the least frequent
FIRST, LAST = 25, 10
DROPPED = {
    "no_target": "no target",
    "no_vector": "no vector",
    "no_class": "not in the folder of a class",
    "outside": "outside the folder",
    "missing": "no such file",
    "unreadable": "cannot be read",
}


def training_data(report: Report) -> list[Child]:
    """The parts of the section, without its heading."""
    measured = report.out_of_fold
    network = report.kind == "network"
    rows: list[tuple[Child, Child]] = [("Training images" if network else "Items", count(report.n))]
    if network and report.validation is not None:
        rows.append(("Validation images", count(report.validation.n)))
    if report.held_out is not None:
        rows.append(("Held-out items", count(report.held_out.n)))
    if report.groups is not None:
        rows.append(("Groups", f"{count(report.groups)}, each on one side of every split"))
    if weights := weights_in_words(measured):
        rows.append(("Weights", weights))
    if report.bounds is not None:
        rows.append(("Bounds", f"{report.bounds[0]:g} to {report.bounds[1]:g}"))
    parts: list[Child] = [facts(rows)]
    parts.append(_classes(report, network) if report.labels else _numbers(report))
    if report.dropped:
        parts.append(_dropped(report.dropped))
    if report.codes is not None:
        parts.append(_coders(report.codes))
    return parts


def _classes(report: Report, network: bool) -> Html:
    total = sum(report.counts.values()) or 1
    largest = max(report.counts.values(), default=1) or 1
    order = [(label, report.counts.get(label, 0)) for label in report.labels]
    caption = "Coded items of each class, " + ("all splits" if network else "unweighted")
    if len(order) > SHOWN:
        order = sorted(order, key=lambda row: -row[1])
        order = [*order[:FIRST], *order[-LAST:]]
        caption += f": the {FIRST} most and the {LAST} least frequent of {len(report.labels)}"
    rows = [
        [user_text(label, 300), count(n), percent(n / total), share_bar(n / largest, f"{n} items")]
        for label, n in order
    ]
    return table(f"{caption}.", ["class", "n", "share", ""], rows)


def _numbers(report: Report) -> list[Child]:
    predictions = report.out_of_fold or report.held_out_predictions or report.validation_predictions
    if predictions is None:
        return []
    codes = [float(value) for value in predictions.target]
    title = (
        f"Codes of {counted(len(codes), 'item')}: from {number(min(codes))} to {number(max(codes))}, "
        f"median {number(median(codes))}"
    )
    return [e("figure", plots.histogram(codes, title, "code"), e("figcaption", f"{title}."))]


def _dropped(dropped: Sequence[Dropped]) -> Html:
    kinds: dict[str, list[Dropped]] = {}
    for item in dropped:
        kinds.setdefault(item.code, []).append(item)
    rows: list[list[Child]] = []
    for code, items in sorted(kinds.items(), key=lambda kind: -len(kind[1])):
        examples = _enumerated(user_text(item.name, 60) for item in items[:3])
        rows.append([DROPPED.get(code, code), count(len(items)), examples, user_text(items[0].reason, 160)])
    caption = f"Left out: {counted(len(dropped), 'item')}."
    return table(caption, ["reason", "n", "examples", "details of the first"], rows, kind="words")


def _enumerated(names: Iterable[Child]) -> list[Child]:
    """Names with commas between them."""
    return [part for name in names for part in (", ", name)][1:]


def _coders(codes: Mapping[str, Any]) -> list[Child]:
    disagreement = codes.get("disagreement") or ()
    rows: list[tuple[Child, Child]] = [("Target of an item", codes.get("rule_in_words"))]
    if disagreement:
        n = sum(value > 0 for value in disagreement)
        rows.append(("Items on which coders disagree", f"{count(n)} of {counted(len(disagreement), 'item')}"))
    parts: list[Child] = [e("h3", "Coders")]
    agreement = codes.get("agreement")
    if agreement is None:
        rows.append(("Agreement", "unknown: no item was coded by two coders"))
        return [*parts, facts(rows)]
    coders = agreement["coders"]
    listed = _enumerated(user_text(coder, 40) for coder in coders[:12])
    rows.append(("Coders", [count(len(coders)), ": ", listed, ", …" if len(coders) > 12 else None]))
    rows.append(("Items with two or more codes", count(agreement["items"])))
    coefficients = {
        "percent": ("Equal codes", True),
        "kappa": ("Cohen’s kappa", False),
        "alpha": (f"Krippendorff’s alpha ({agreement['level']})", False),
    }
    for key, (label, share) in coefficients.items():
        if agreement.get(key) is not None:
            rows.append((label, figure(_coefficient(agreement[key]), share=share)))
    return [*parts, facts(rows), e("p.soft", "95 % intervals by a bootstrap over items.")]


def _coefficient(estimate: Mapping[str, float | None]) -> Figure:
    return Figure(**{name: nan if value is None else value for name, value in estimate.items()})
