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
    "coders_differ": "coders differ",
    "no_vector": "no vector",
    "no_feature": "no value of a feature",
    "no_class": "not in the folder of a class",
    "outside": "outside the folder",
    "missing": "no such file",
    "unreadable": "cannot be read",
    "rare_class": "too few examples of the class",
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
    if report.strata is not None:
        strata = f"{count(report.strata)}; intervals do not use them, which makes them no shorter"
        rows.append(("Strata of the sample", strata))
    if report.features:
        named = (f"{each['name']} (mean {each['centre']:.4g}, SD {each['scale']:.4g})" for each in report.features)
        rows.append(("Features beside the vectors", f"{'; '.join(named)}; scaled within each fold"))
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
    both = (report.codes or {}).get("rule") == "both"  # every code is a row
    caption = ("Codes" if both else "Coded items") + " of each class, " + ("all splits" if network else "unweighted")
    if len(order) > SHOWN:
        order = sorted(order, key=lambda row: -row[1])
        order = [*order[:FIRST], *order[-LAST:]]
        caption += f": the {FIRST} most and the {LAST} least frequent of {len(report.labels)}"
    rows = [
        [
            user_text(label, 300),
            count(n),
            percent(n / total),
            share_bar(n / largest, counted(n, "code" if both else "item")),
        ]
        for label, n in order
    ]
    return table(f"{caption}.", ["class", "codes" if both else "n", "share", ""], rows)


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
    rows: list[tuple[Child, Child]] = [("Target of an item", codes.get("rule_in_words"))]
    if "n_differ" in codes:
        differ = f"{count(codes['n_differ'])} of {counted(codes['n_several'], 'item')} with two or more codes"
        if left_out := codes["n_undecided"]:
            differ += f"; {count(left_out)} of them are left out for that reason"
        rows.append(("Items on which coders differ", differ))
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
        "kappa_linear": ("Weighted kappa, linear", False),
        "kappa_quadratic": ("Weighted kappa, quadratic", False),
        "ac1": ("Gwet’s AC1", False),
        "ac2_linear": ("Gwet’s AC2, linear", False),
        "ac2_quadratic": ("Gwet’s AC2, quadratic", False),
        "alpha": (f"Krippendorff’s alpha ({agreement['level']})", False),
    }
    for key, (label, share) in coefficients.items():
        if agreement.get(key) is not None:
            rows.append((label, figure(_coefficient(agreement[key]), share=share)))
    if correlations := agreement.get("icc"):
        rows.append(("ICC(A,1), absolute agreement", figure(_coefficient(correlations["agreement"]), share=False)))
        rows.append(("ICC(C,1), consistency", figure(_coefficient(correlations["consistency"]), share=False)))
    parts += [facts(rows), e("p.soft", "95 % intervals: Wilson’s for equal codes, else by a bootstrap over items.")]
    parts += [e("p.soft", user_text(remark, 1000)) for remark in agreement.get("remarks") or ()]
    return [*parts, *_categories(agreement), *_codes_of_coders(agreement), *_comparison(codes.get("comparison"))]


def _categories(agreement: Mapping[str, Any]) -> Iterable[Html]:
    """The coders' agreement on each category."""
    categories = (agreement.get("details") or {}).get("categories") or ()
    if categories:
        rows: list[list[Child]] = [
            [user_text(each["category"], 60), count(each["codes"]), figure(_coefficient(each["agreement"]), share=True)]
            for each in categories
        ]
        caption = (
            "Agreement on each category: the probability that another coder gives it to an item to which a coder has "
            "given it."
        )
        yield table(caption, ["category", "codes", "specific agreement"], rows)


def _codes_of_coders(agreement: Mapping[str, Any]) -> Iterable[Html]:
    """The number of codes of each category that each coder gave."""
    details = agreement.get("details") or {}
    names = [each["category"] for each in details.get("categories") or ()][:CATEGORIES]
    coders = [each for each in details.get("coders") or ()][:CODERS]
    if names and coders:
        rows: list[list[Child]] = [
            [user_text(each["coder"], 40), count(each["codes"]), *(count(n) for n in each["counts"][:CATEGORIES])]
            for each in coders
        ]
        yield table("Codes of each coder", ["coder", "codes", *(user_text(name, 40) for name in names)], rows)


CATEGORIES = 30  # columns of the table of codes
CODERS = 200  # rows of it
MEASURES = {"accuracy": ("equal codes", True), "kappa": ("Cohen’s kappa", False)}
MEASURES |= {"mae": ("mean absolute difference", False), "pearson": ("Pearson’s r", False)}


def _comparison(comparison: Mapping[str, Any] | None) -> Iterable[Html]:
    """The classifier against each coder, beside the coders against each other."""
    if not comparison:
        return
    lines: list[tuple[list[Child], int, Mapping[str, Any]]] = [
        (["classifier and ", user_text(each["coder"], 40)], each["items"], each["figures"])
        for each in comparison["coders"]
    ]
    for each in comparison["pairs"]:
        a, b = user_text(each["a"], 40), user_text(each["b"], 40)
        lines.append(([a, " and ", b], each["items"], each["coders"]))
        if any(own["items"] != each["items"] for own in comparison["coders"] if own["coder"] in (each["a"], each["b"])):
            same = f", items that {each['a']} and {each['b']} have coded"
            lines.append((["classifier and ", a, same], each["items"], each["first"]))
            lines.append((["classifier and ", b, same], each["items"], each["second"]))
    names = [name for name in MEASURES if name in lines[0][2]]
    rows: list[list[Child]] = [
        [who, count(n), *(figure(_coefficient(figures[name]), share=MEASURES[name][1]) for name in names)]
        for who, n, figures in lines
    ]
    caption = "The classifier, out of fold, against each coder, beside the coders against each other, weighted."
    if n := comparison["n_undecided"]:
        caption += f" {counted(n, 'item')} without a target, because coders differ, are among them."
    yield table(caption, ["between", "items", *(MEASURES[name][0] for name in names)], rows)


def _coefficient(estimate: Mapping[str, float | None]) -> Figure:
    ends = ((name, estimate.get(name)) for name in ("value", "low", "high"))
    return Figure(**{name: nan if value is None else value for name, value in ends})
