"""Bad input of codebook labels, of a server without labellers: a name, a request, and what it gets."""

from collections.abc import Sequence
from typing import Any

PATH = "/v1/labels"
WELL: dict[str, Any] = {
    "codebook": {"variables": [{"name": "people", "kind": "binary"}]},
    "input": [{"text": "a crowd"}],
}
Request = tuple[str, str, Any, int, str | None, str]  # name, path, JSON body, status, code, regexp of the message
ASKED = {"name": "scene", "categories": ["street", "sky"], "item": ["a"], "order": [[0, 1]], "chosen": [[0]]}


def _positions(**changed: Any) -> dict[str, Any]:
    return {"variables": [{**ASKED, **changed}]}


REQUESTS: Sequence[Request] = (
    ("labels where no labeller is set up", PATH, WELL, 403, "switched_off", "DAGUERRE_LABELLERS"),
    ("a plan of labels where no labeller is set up", f"{PATH}/plan", WELL, 403, "switched_off", "docs/labels.md"),
    (
        "labels with an address", PATH, {**WELL, "address": "http://example.org/v1"}, 422, "invalid_request",
        "address: no such field",
    ),
    ("labels without a codebook", PATH, {"input": WELL["input"]}, 422, "invalid_request", "codebook: is missing"),
    (
        "labels of a codebook without variables", PATH, {**WELL, "codebook": {"variables": []}}, 422,
        "invalid_request", "codebook.variables",
    ),
    ("labels at a high temperature", PATH, {**WELL, "temperature": 3}, 422, "invalid_request", "temperature: got 3"),
    ("labels of a run that is a path", PATH, {**WELL, "run": "../../etc"}, 422, "invalid_request", "run: got"),
    (
        "labels in an order that there is not", PATH, {**WELL, "category_order": "random"}, 422, "invalid_request",
        "category_order: got 'random'",
    ),
    (
        "labels with an empty example", PATH, {**WELL, "examples": [{"id": "a"}]}, 422, "invalid_request",
        'an example has "text", "image", or both',
    ),
    (
        "positions of an order that lacks a category", f"{PATH}/positions", _positions(order=[[0, 0]]), 422,
        "invalid_codes", "each of 2 categories once",
    ),
    (
        "positions of a choice that is no category", f"{PATH}/positions", _positions(chosen=[[2]]), 422,
        "invalid_codes", "the numbers 0 to 1",
    ),
    (
        "positions of two items and one order", f"{PATH}/positions", _positions(item=["a", "b"]), 422,
        "invalid_request", "have 2, 1 and 1 rows",
    ),
    (
        "positions of a variable twice", f"{PATH}/positions", {"variables": [ASKED, ASKED]}, 422, "invalid_request",
        "'scene' is there twice",
    ),
)  # fmt: skip
