"""Guesses about faces as columns of the table of findings."""

import json
from collections.abc import Mapping
from typing import Any

from daguerre.types.common import Content

ATTRIBUTES = (  # more columns of findings where attributes of faces were guessed
    *("apparent_age", "apparent_age_lowest", "apparent_age_highest"),
    *("perceived_gender", "perceived_woman", "perceived_woman_lowest", "perceived_woman_highest"),
    *("expression", "expression_votes", "attribute_crops"),
)
TEXTS = ("perceived_gender", "expression", "expression_votes")
COUNT = "attribute_crops"
KIND = "face_attributes"


def attribute_row(found: Content) -> dict[str, Any]:
    """The columns of guesses about a face."""
    made: dict[str, Any] = {}
    attributes = found.get("attributes")
    if attributes is None:
        return made
    gender, expression = attributes.get("perceived_gender"), attributes.get("expression")
    ranged = {"apparent_age": attributes.get("apparent_age"), "perceived_woman": (gender or {}).get("woman")}
    for name, numbers in ranged.items():
        if numbers is not None:
            made |= {name: numbers["mean"], **{f"{name}_{end}": numbers[end] for end in ("lowest", "highest")}}
    if gender is not None:
        made["perceived_gender"] = gender["label"]
    if expression is not None:
        made |= {"expression": expression["label"], "expression_votes": json.dumps(expression["votes"])}
    return {**made, "attribute_crops": attributes["crops"]}


def stored_attributes(row: Mapping[str, Any]) -> dict[str, Any]:
    """The guesses about a face from its row in the table of findings."""
    made: dict[str, Any] = {"crops": row["attribute_crops"]}
    ranged = {
        name: {"mean": row[name], **{end: row[f"{name}_{end}"] for end in ("lowest", "highest")}}
        for name in ("apparent_age", "perceived_woman")
        if row.get(name) is not None
    }
    if "apparent_age" in ranged:
        made["apparent_age"] = ranged["apparent_age"]
    if "perceived_woman" in ranged:
        made["perceived_gender"] = {"label": row["perceived_gender"], "woman": ranged["perceived_woman"]}
    if row.get("expression") is not None:
        made["expression"] = {"label": row["expression"], "votes": json.loads(row["expression_votes"])}
    return made
