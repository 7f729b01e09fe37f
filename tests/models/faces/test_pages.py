"""Pages of comparisons of faces refuse answers that contradict themselves."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from functools import reduce
from typing import Any

import numpy as np
import pytest

from daguerre.handles.page_sources import page_source
from daguerre.results.face_comparison import FaceMatches
from models.errors import PageError
from models.faces.coded_pairs import coded_pairs
from models.faces.persons import group_persons
from models.faces.verification import verify
from models.pages import face_matches, face_verification, persons
from models.pages.items import Items
from service.pipelines.annotation import plain

COMMON: dict[str, Any] = {
    "threshold": 0.363,
    "threshold_origin": "model",
    "model": "sface",
    "receipt": {},
    "notice": "a notice",
}
RNG = np.random.default_rng(6)
OF = np.repeat(np.arange(8), 4)
UNITS = RNG.standard_normal((8, 32))[OF] + RNG.standard_normal((32, 32))
UNITS /= np.linalg.norm(UNITS, axis=1, keepdims=True)
IDS = [f"p{i}.jpg#0" for i in range(32)]
BAD_PERSONS = [
    (("persons", 0, "nearest"), None),
    (("persons", 0, "nearest_cosine"), None),
    (("persons", 0, "nearest"), 99),
    (("faces", 0, "other"), None),
    (("faces", 0, "other_cosine"), None),
    (("faces", 0, "other"), 99),
]
BAD_VERIFICATION = [
    (("curve", 0, "threshold"), -1e308),
    (("curve", 0, "threshold"), 1e308),
    (("threshold",), 1e308),
    (("wished", 0, "threshold"), 1e308),
    (("wished", 0, "safe_threshold"), -1e308),
    (("wished", 0, "rate"), 1e308),
    (("equal_error_rate",), 1e308),
    (("highest_different", 0, "cosine"), 1e308),
    (("false_match", "value"), 1e308),
    (("false_match", "low"), None),
    (("curve", 1, "false_match", "high"), 1e308),
]


def answer_of_persons() -> dict[str, Any]:
    found = group_persons(UNITS, IDS, 0.363, margin=2)
    columns = (
        found.labels,
        found.cosines,
        found.others,
        found.other_cosines,
        found.close,
        found.corrected,
        found.moved,
    )
    names = ("id", "person", "cosine", "other", "other_cosine", "close", "corrected", "moved")
    rows = zip(IDS, *(each.tolist() for each in columns), strict=True)
    faces = [dict(zip(names, row, strict=True)) for row in rows]
    groups = [{"person": k, **asdict(each)} for k, each in enumerate(found.persons)]
    return dict(plain({"margin": 2.0, "persons": groups, "faces": faces, "remarks": [], **COMMON}))


def answer_of_verification() -> dict[str, Any]:
    fields = asdict(verify(UNITS, coded_pairs(IDS, pairs=None, persons=[str(p) for p in OF]), 0.363, wished=[0.05]))
    for name in ("highest_different", "lowest_same"):
        codes = {"a_person": None, "b_person": None}
        fields[name] = [{**each, "a": IDS[each["a"]], "b": IDS[each["b"]], **codes} for each in fields[name]]
    return dict(plain({**fields, "faces": 32, "persons_origin": "given", **COMMON}))


@pytest.mark.parametrize(
    ("made", "page", "changes"),
    [
        (answer_of_persons, persons.page, BAD_PERSONS),
        (answer_of_verification, face_verification.page, BAD_VERIFICATION),
    ],
)
def test_an_answer_that_contradicts_itself_is_refused(made: Callable[[], Any], page: Any, changes: Any) -> None:
    answer = made()
    assert "<h1" in page(answer, Items())
    for (*path, last), value in changes:
        changed = deepcopy(answer)
        reduce(lambda at, key: at[key], path, changed)[last] = value
        with pytest.raises(PageError, match=r"^answer\..*; send the answer unchanged"):
            page(changed, Items())


def test_a_face_that_is_called_as_targets_are_keeps_its_picture() -> None:
    faces = [
        {"index": i, "id": id, "cosine": 0.5, "distance": 0.5, "match": True}
        for i, id in enumerate(["target 0", "target  x", "b"])
    ]
    answer = {"n": 3, "data": [{"index": 0, "id": "t", "matches": 3, "itself": 0, "faces": faces}], **COMMON}
    assert face_matches.ids(answer) == {"target 0", "target  x", "b", "target   0"}
    items = Items()
    face_matches.page(answer, items)
    assert set(items.shown) == face_matches.ids(answer)
    made = FaceMatches(
        **COMMON,
        ids=["target 0", "target  x", "b"],
        answer=answer,
        targets=["t"],
        counts=np.ones(1),
        itself=np.zeros(1),
    )
    assert set(page_source(made).names) == face_matches.ids(answer)
