"""Faces, and guesses about them, as columns of the table of findings."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from daguerre.types.common import Content, listed

if TYPE_CHECKING:
    import pandas as pd

ATTRIBUTES = (  # more columns of findings where attributes of faces were guessed
    *("apparent_age", "apparent_age_lowest", "apparent_age_highest"),
    *("perceived_gender", "perceived_woman", "perceived_woman_lowest", "perceived_woman_highest"),
    *("expression", "expression_votes", "attribute_crops"),
)
TEXTS = ("perceived_gender", "expression", "expression_votes")
COUNT = "attribute_crops"
KIND = "face_attributes"
ITEM = "item"  # column of the id of a face
GUESSES = {"age": "apparent_age", "gender": "perceived_gender", "expression": "expression"}  # columns of codes
BEGINS = {"age": "apparent_age", "gender": "perceived_", "expression": "expression"}  # of the columns of an attribute


def face_id(id: str, number: int) -> str:
    """The id of a face, such as "photo.jpg#0"; `crops` calls it `item`."""
    return f"{id}#{number}"


def face_row(found: Content) -> dict[str, Any]:
    """The columns that only faces have, and the vector, which is in tables on disk alone."""
    points = found.get("points")
    if points is None:
        return {}
    places = {
        f"{name}_{axis}": value for name, place in points.items() for axis, value in zip("xy", place, strict=True)
    }
    vector = {"vector": found["vector"]} if found.get("vector") is not None else {}
    return {"share": found["share"], **places, **vector}


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


def attribute_columns(kinds: Sequence[str], options: Mapping[str, Content]) -> list[str]:
    """The columns of the attributes that were asked for."""
    if KIND not in kinds:
        return []
    begins = tuple(BEGINS[name] for name in (options.get(KIND) or {}).get("attributes") or BEGINS)
    return [name for name in ATTRIBUTES if name == COUNT or name.startswith(begins)]


def guessed_columns(kinds: Sequence[str], options: Mapping[str, Content]) -> list[str]:
    """The columns of attributes that can be compared with codes; empty where none were guessed."""
    if KIND not in kinds:
        return []
    return [GUESSES[name] for name in (options.get(KIND) or {}).get("attributes") or GUESSES]


def column_of_faces(table: "pd.DataFrame", attribute: str) -> "pd.Series[Any]":
    """A column of attributes by the ids of faces, without those that have none. Raises ValueError."""
    there = [name for name in ATTRIBUTES if name in table]
    if attribute not in there:
        raise ValueError(
            f"attribute: got {attribute!r}, and these findings have {listed(there) or 'no attributes of faces'}; name "
            "a column of client.face_attributes(...).to_pandas()"
        )
    chosen: pd.Series[Any] = table[table.analyser == KIND].set_index(ITEM)[attribute].dropna()
    return chosen
