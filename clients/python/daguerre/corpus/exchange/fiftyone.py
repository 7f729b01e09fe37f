"""FiftyOne: the JSON of its formats FiftyOneImageClassificationDataset and FiftyOneImageDetectionDataset.

`labels` has, by the id of an item, a label, a list of labels, or a list of boxes with relative coordinates. An item has
the codes of one variable; who gave a code is the attribute `coder`, or `model` of a pre-label.
"""

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from daguerre.corpus.exchange.marks import Mark
from daguerre.inputs.files import is_below
from daguerre.types.common import listed

CLASSIFICATION, DETECTION = "FiftyOneImageClassificationDataset", "FiftyOneImageDetectionDataset"
VARIABLE = "code"  # of files that do not say which


def write(marks: Iterable[Mark]) -> str:
    """The marks as JSON. Raises ValueError for several variables, and for boxes beside labels of whole pictures."""
    every = list(marks)
    variables = list(dict.fromkeys(mark.variable for mark in every))
    if len(variables) > 1:
        raise ValueError(
            f"FiftyOne reads one variable from a file, and there are {listed(map(repr, variables), 5)}; write a file "
            "for each"
        )
    if len({mark.box is None for mark in every}) > 1:
        raise ValueError("FiftyOne reads boxes or labels of whole pictures from a file; write a file for each")
    labels: dict[str, list[dict[str, Any]]] = {}
    for mark in every:
        for value in mark.value if isinstance(mark.value, list) else [mark.value]:
            entry: dict[str, Any] = {"label": str(value)}
            if mark.box is not None:
                if mark.size is None:
                    raise ValueError(
                        f"{mark.item}: its box has no size of the picture; give image_width and image_height"
                    )
                (x, y, width, height), (w, h) = mark.box, mark.size
                entry["bounding_box"] = [x / w, y / h, width / w, height / h]
            if mark.score is not None and math.isfinite(mark.score):
                entry["confidence"] = mark.score
            entry["attributes"] = {"model" if mark.predicted else "coder": mark.by}
            labels.setdefault(mark.item, []).append(entry)
    boxed = any(mark.box is not None for mark in every)
    single = not boxed and all(len(entries) == 1 for entries in labels.values())
    content = {
        "classes": sorted({entry["label"] for entries in labels.values() for entry in entries}),
        "labels": {item: entries[0] if single else entries for item, entries in labels.items()},
        "info": {"variable": variables[0] if variables else VARIABLE},
    }
    return json.dumps(content, ensure_ascii=False, indent=1)


def read(text: str) -> Iterator[Mark]:
    """The labels of a file. Raises ValueError for other files, and for boxes, since sizes of pictures are not there."""
    content = json.loads(text)
    labels = content.get("labels") if isinstance(content, Mapping) else None
    if not isinstance(labels, Mapping):
        raise ValueError(f"has no object `labels`; export a {CLASSIFICATION}")
    info, classes = content.get("info"), content.get("classes") or []
    if not isinstance(classes, list):
        raise ValueError(f"classes: is no list of names; export a {CLASSIFICATION}")
    variable = str(info.get("variable", VARIABLE)) if isinstance(info, Mapping) else VARIABLE
    for item, given in labels.items():
        found: dict[tuple[bool, str], list[tuple[str, float | None]]] = {}
        for entry in given if isinstance(given, list) else [given]:
            about = entry if isinstance(entry, Mapping) else {"label": entry}
            label, score = _label(item, about, classes)
            attributes = about.get("attributes")
            attributes = attributes if isinstance(attributes, Mapping) else {}
            predicted = "model" in attributes
            by = str(attributes.get("model") or attributes.get("coder") or "fiftyone")
            if label is not None:
                found.setdefault((predicted, by), []).append((label, score))
        for (predicted, by), pairs in found.items():
            values, scores = [value for value, _ in pairs], [score for _, score in pairs if score is not None]
            value = values[0] if len(values) == 1 else values
            yield Mark(
                item=item, variable=variable, value=value, by=by, predicted=predicted, score=min(scores, default=None)
            )


def _label(item: str, about: Mapping[str, Any], classes: Sequence[Any]) -> tuple[str | None, float | None]:
    """Label and confidence of an entry; None for an item without a label. Raises ValueError for other types."""
    if "bounding_box" in about:
        raise ValueError(f"{item}: has boxes, of pictures whose sizes are not in the file; export labels of pictures")
    label, score = about.get("label"), about.get("confidence")
    if isinstance(label, int) and not isinstance(label, bool):
        if not 0 <= label < len(classes):
            raise ValueError(f"{item}: its label is number {label}, and there are {len(classes)} classes")
        label = classes[label]
    if label is not None and not isinstance(label, str):
        raise ValueError(f"{item}: its label is no text, but {label!r}; export a {CLASSIFICATION}")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1):
        raise ValueError(f"{item}: its confidence is {score!r}, and must be a number from 0 to 1")
    return label, score


def write_paths(items: Iterable[str], root: "str | os.PathLike[str]", path: "str | os.PathLike[str]") -> list[str]:
    """Write the JSON that tells FiftyOne the file of each item below `root`, and return the items without a file.

    Raises ValueError where no item has one.
    """
    every = list(items)
    files = {item: Path(root, item).absolute() for item in every if is_below(os.fspath(root), item)}
    there = {item: str(file) for item, file in files.items() if file.is_file()}
    if every and not there:
        raise ValueError(
            f"{os.fspath(root)}: has no file of any item, the first is {every[0]!r}; give the folder of the ids"
        )
    Path(path).write_text(json.dumps(there, ensure_ascii=False, indent=1), encoding="utf-8")
    return [item for item in every if item not in there]
