"""The section of a validation's page with errors by group."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.pages.document import section
from models.pages.html import Child, Html, count, e, figure, gap, table, user_text
from models.pages.validation_words import figure_of

NUMBERS = ("mae", "bias")  # figures that are no shares
MOST = 60  # rows of a table
NAMES = {
    "accuracy": "accuracy",
    "undecided": "undecided",
    "accuracy_decided": "accuracy among the decided",
    "mae": "mean absolute error",
    "bias": "bias (prediction minus code)",
}
Fields = Mapping[str, Any]


def groups_section(answer: Fields) -> Html | None:
    """Figures in each group and their differences, for each set of predictions; None without groups."""
    if not answer["by_group"]:
        return None
    names = list(dict.fromkeys(each["predictions"] for each in answer["by_group"]))
    parts = [part for name in names for part in _set(answer, name, several=len(names) > 1)]
    text = (
        "Figures of the items of each group, with 95\u00a0% intervals: Wilson’s for shares, Student’s for means of "
        "errors in a group; those of all groups have the intervals of the table of figures. A prediction “undecided” "
        "counts as an error in accuracy and recall. Groups are taken as independent in the differences, which are in "
        "percentage points for shares. An interval that includes 0 does not show that errors are equal."
    )
    return section("Errors by group", e("p.soft", text), parts)


def _set(answer: Fields, name: str, *, several: bool) -> list[Child]:
    groups = [each for each in answer["by_group"] if each["predictions"] == name]
    gaps = [each for each in answer["group_differences"] if each["predictions"] == name]
    heads: list[Child] = ["figure", *(_group(each) for each in groups)]
    rows: list[list[Child]] = [["items", *(count(each["n"]) for each in groups)]]
    for key in list(dict.fromkeys(key for each in groups for key in each["figures"]))[:MOST]:
        rows.append([_name(key), *(_figure(each["figures"].get(key), key) for each in groups)])
    title = [e("h3", user_text(name, 80))] if several else []
    return [*title, table(None, heads, rows, name="groups"), *_gaps(gaps)]


def _gaps(gaps: Sequence[Fields]) -> list[Child]:
    if not gaps:
        return []
    rows: list[list[Child]] = []
    for each in gaps:
        who: list[Child] = [user_text(each["a"], 40), " minus ", user_text(each["b"], 40)]
        for key, value in each["figures"].items():
            rows.append([who, _name(key), gap(figure_of(value), share=key not in NUMBERS)])
    return [table("Differences of groups", ["groups", "figure", "difference"], rows[: 5 * MOST], name="gaps")]


def _group(each: Fields) -> Child:
    return "all groups" if each["group"] is None else user_text(each["group"], 40)


def _figure(value: Fields | None, key: str) -> Child:
    return "–" if value is None else figure(figure_of(value), share=key not in NUMBERS)


def _name(key: str) -> Child:
    kind, bracket, label = key.partition("[")
    return [f"{kind} of “", user_text(label.removesuffix("]"), 60), "”"] if bracket else NAMES.get(key, key)
