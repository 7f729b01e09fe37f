"""Results of analysers as JSON."""

from collections.abc import Mapping

import numpy as np

from models.analysers.spec import Analysis, Finding, Kind
from service.pipelines.operation import Answer

Results = Mapping[Kind, Analysis]


def results_json(found: Results, packed: bool, corner: tuple[int, int] = (0, 0)) -> dict[str, Answer]:
    """Results as JSON; places are moved by the corner of a crop, to pixels of the whole picture.

    Vectors are arrays, or bytes where `packed`.
    """
    return {
        kind: {
            "findings": [_finding(each, packed, *corner) for each in analysis.findings],
            "values": dict(analysis.values),
            "truncated": analysis.truncated,
            "remarks": list(analysis.remarks),
        }
        for kind, analysis in found.items()
    }


def _finding(found: Finding, packed: bool, left: int, upper: int) -> Answer:
    made: Answer = {}
    if found.label is not None:
        made["label"] = found.label
    if found.score is not None:
        made["score"] = found.score
    if found.box is not None:
        x, y, width, height = found.box
        made["box"] = {"x": x + left, "y": y + upper, "width": width, "height": height}
    if found.polygon is not None:
        made["polygon"] = [[x + left, y + upper] for x, y in found.polygon]
    if found.text is not None:
        made["text"] = found.text
    if found.points is not None:
        made["points"] = {name: [x + left, y + upper] for name, (x, y) in found.points.items()}
    if found.share is not None:
        made["share"] = found.share
    if found.vector is not None:
        made["vector"] = found.vector if packed else np.frombuffer(found.vector, "<f4")
    if found.attributes is not None:
        made["attributes"] = found.attributes
    return made
