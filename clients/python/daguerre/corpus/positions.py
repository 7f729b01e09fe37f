"""The answered questions of codebook labels, for position bias."""

from collections.abc import Mapping, Sequence
from typing import Any

from daguerre.results.labels import CodebookLabels


def results_of(labels: Any) -> list[CodebookLabels]:
    """One result or several. Raises ValueError for others, and for those of different codebooks or fixed orders."""
    given = list(labels.values()) if isinstance(labels, Mapping) else labels
    every = [given] if isinstance(given, CodebookLabels) else list(given)
    if not every:
        raise ValueError("labels: got none; give a result of label with category_order='permuted', or several")
    for each in every:
        if not isinstance(each, CodebookLabels):
            raise ValueError(f"labels: got {type(each).__name__}; give results of label, label_corpus or read_labels")
        if each.codebook["variables"] != every[0].codebook["variables"]:
            raise ValueError("labels: the results are of different codebooks; compare those of one at a time")
        if each.receipt.get("category_order") != "permuted":
            raise ValueError(
                f"labels: the categories of {each!r} were asked in a fixed order, in which a category cannot be told "
                'from its place; label with category_order="permuted"'
            )
    return every


def position_fields(labels: Any) -> list[dict[str, Any]]:
    """The variables of a request: of each the questions, identical items of a result once. Raises ValueError."""
    found = answered_questions(labels)
    if not found:
        raise ValueError(
            "labels: no variable has a category that was chosen, and position bias is of categories; the codebook has "
            'none with two or more, or all answers are "cannot tell" or errors'
        )
    return found


def answered_questions(labels: Any) -> list[dict[str, Any]]:
    """The same, and none where no category was chosen. Raises ValueError for labels that cannot be compared."""
    every = results_of(labels)
    found = []
    for rule in every[0].codebook["variables"]:
        names = CodebookLabels.categories(rule)
        if len(names) < 2:
            continue
        number = {name: i for i, name in enumerate(names)}
        rows: dict[str, list[Any]] = {"item": [], "order": [], "chosen": []}
        for each in every:
            for id, entry in zip(each.ids, each.entries, strict=True):
                label = (entry.get("labels") or {}).get(rule["name"])
                asked = (entry.get("categories") or {}).get(rule["name"])
                if not label or not asked or label["value"] in (None, []) or entry.get("same_as") is not None:
                    continue
                values: Sequence[str] = label["value"] if isinstance(label["value"], list) else [label["value"]]
                rows["item"].append(id)
                rows["order"].append([number[name] for name in asked])
                rows["chosen"].append([number[value] for value in values])
        if rows["item"]:
            kind = "ordinal" if rule["kind"] == "ordinal" else "nominal"
            found.append({"name": rule["name"], "kind": kind, "categories": names, **rows})
    return found
