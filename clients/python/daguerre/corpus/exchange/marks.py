"""Codes of items as marks, of which tasks of Label Studio are made, and which the formats of other programs read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PICTURE = "image"  # the name of the picture in tasks, as in exports of studies
Task = dict[str, Any]
Box = tuple[float, float, float, float]  # x, y, width, height in pixels


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A code of an item.

    Attributes
    ----------
    value : a label, several of them, a number or a text; of a box its label.
    by : the coder; of a pre-label the version of the model.
    box : rectangle of the picture, which is `size` (width, height) in pixels.
    """

    item: str
    variable: str
    value: str | float | list[str]
    by: str
    predicted: bool = False
    score: float | None = None
    box: Box | None = None
    size: tuple[int, int] | None = None


def tasks_of(marks: Iterable[Mark]) -> list[Task]:
    """Tasks, one for each item in the order of their first marks, with annotations and predictions."""
    items: dict[str, dict[tuple[bool, str], list[Mark]]] = {}
    for mark in marks:
        items.setdefault(mark.item, {}).setdefault((mark.predicted, mark.by), []).append(mark)
    tasks = []
    for number, (item, groups) in enumerate(items.items(), 1):
        annotations: list[Task] = []
        predictions: list[Task] = []
        for (predicted, by), each in groups.items():
            results = [_result(mark) for mark in each]
            if predicted:
                scores = [mark.score for mark in each if mark.score is not None]
                predictions.append({"model_version": by, "score": min(scores, default=None), "result": results})
            else:
                annotations.append({"completed_by": by, "was_cancelled": False, "result": results})
        content = {"annotations": annotations, **({"predictions": predictions} if predictions else {})}
        tasks.append({"id": number, "data": {"id": item, PICTURE: item}, **content})
    return tasks


def _result(mark: Mark) -> Task:
    score = {} if mark.score is None else {"score": mark.score}
    about: Task = {"from_name": mark.variable, "to_name": PICTURE, **score}
    if mark.box is not None:
        if mark.size is None:
            raise ValueError(f"{mark.item}: its box has no size of the picture; give image_width and image_height")
        width, height = mark.size
        x, y, w, h = mark.box
        shares = {"x": 100 * x / width, "y": 100 * y / height, "width": 100 * w / width, "height": 100 * h / height}
        value = {**shares, "rotation": 0, "rectanglelabels": [mark.value]}
        size = {"original_width": width, "original_height": height}
        return {**about, **size, "type": "rectanglelabels", "value": value}
    if isinstance(mark.value, float | int):
        return {**about, "type": "number", "value": {"number": mark.value}}
    choices = mark.value if isinstance(mark.value, list) else [mark.value]
    return {**about, "type": "choices", "value": {"choices": choices}}


def marks_of(tasks: Iterable[Mapping[str, Any]]) -> Iterator[Mark]:
    """The codes of tasks; results of other types, such as polygons, and cancelled annotations are left out."""
    for task in tasks:
        data = task.get("data") or {}
        item = str(data.get("id") or data.get(PICTURE) or task.get("id"))
        for predicted, name, by in ((False, "annotations", "completed_by"), (True, "predictions", "model_version")):
            for group in task.get(name) or ():
                who = group.get(by)
                who = who.get("email", who.get("id")) if isinstance(who, Mapping) else who
                if not group.get("was_cancelled"):
                    for result in group.get("result") or ():
                        yield from _mark(result, item, str(who), predicted)


def _mark(result: Mapping[str, Any], item: str, by: str, predicted: bool) -> Iterator[Mark]:
    kind, value = result.get("type"), result.get("value") or {}
    about: dict[str, Any] = {"item": item, "variable": str(result.get("from_name")), "by": by}
    about |= {"predicted": predicted, "score": result.get("score")}
    if kind == "choices":
        choices: Sequence[str] = value.get("choices") or ()
        yield Mark(**about, value=choices[0] if len(choices) == 1 else list(choices))
    elif kind == "number":
        yield Mark(**about, value=value["number"])
    elif kind == "textarea":
        texts = value.get("text")
        yield Mark(**about, value="\n".join(texts) if isinstance(texts, list) else str(texts))
    elif kind == "rectanglelabels":
        width, height = result["original_width"], result["original_height"]
        shares = [value[name] / 100 for name in ("x", "y", "width", "height")]
        box = (shares[0] * width, shares[1] * height, shares[2] * width, shares[3] * height)
        for label in value.get("rectanglelabels") or ():
            yield Mark(**about, value=label, box=box, size=(width, height))
