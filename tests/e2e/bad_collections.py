"""Bad input of collections: a name, a path below /v1/collections, a request, and the status, code and message it gets.

Each request is sent after the collection `bad-rows` was created.
"""

from collections.abc import Sequence
from typing import Any

Bad = tuple[str, str, dict[str, Any], int, str | None, str]
PROPERTIES = {
    **{"model": "m", "fingerprint": "f", "dimension": 2},
    "fields": {"year": "integer", "source": "string"},
}
BLOCK = {"modality": "image", "model": "m", "fingerprint": "f", "dimension": 2}
ONE = {**BLOCK, "data": "AACAPwAAAEA="}  # (1, 2)
ZERO = {**BLOCK, "data": "AAAAAAAAAAA="}


def stored(name: str, words: str, code: str | None = "invalid_request", status: int = 422, **changes: Any) -> Bad:
    """Storing of one vector, with other fields; those that are None are left out."""
    sent = {key: value for key, value in {"vectors": [ONE], "ids": ["a"], **changes}.items() if value is not None}
    return name, "bad-rows/items", sent, status, code, words


def searched(name: str, words: str, code: str | None = "invalid_request", status: int = 422, **changes: Any) -> Bad:
    """A search by one vector, with other fields; those that are None are left out."""
    sent = {key: value for key, value in {"vectors": [ONE], **changes}.items() if value is not None}
    return name, "bad-rows/search", sent, status, code, words


PUTS: Sequence[Bad] = (
    ("a collection of a name with a slash up", "Bad", PROPERTIES, 422, "invalid_request", "name: got 'Bad'; use a-z"),
    ("a collection of other properties", "bad-rows", {**PROPERTIES, "dimension": 3}, 409, "collection_exists",
     "dimension: collection 'bad-rows' has '2' and the request '3'"),
    ("a field whose name every item has", "bad-2", {**PROPERTIES, "fields": {"id": "string"}}, 422, "invalid_request",
     "fields: 'id' is a name that every item has already"),
    ("a fingerprint that no model has", "bad-2", {"fingerprint": "g"}, 422, "fingerprint_mismatch",
     "no running model has 'g'; send model and dimension"),
    ("a collection of a model that is not there", "bad-2", {"model": "nothing"}, 404, "unknown_model", "no 'nothing'"),
)  # fmt: skip
POSTS: Sequence[Bad] = (
    ("a search in no collection", "nothing/search", {"vectors": [ONE]}, 404, "unknown_collection", "no 'nothing' here"),
    ("items for no collection", "nothing/items", {"vectors": [ONE], "ids": ["a"]}, 404, "unknown_collection",
     "PUT /v1/collections"),
    stored("neither items nor vectors for a collection", "either input or vectors", vectors=None),
    stored("vectors for a collection without ids", "ids: are missing", ids=None),
    stored("vectors of another model for a collection", "their fingerprint is 'g'", "fingerprint_mismatch",
           vectors=[{**ONE, "fingerprint": "g"}]),
    stored("a vector of zeros for a collection", "all zeros", "zero_vectors", vectors=[ZERO]),
    stored("metadata of a field that is not declared", "'month' is no field of the collection; there are source, year",
           "invalid_metadata", metadata=[{"month": 5}]),
    stored("metadata of another type", r"metadata\[0\].year: got '2020', and the field takes a whole number",
           "invalid_metadata", metadata=[{"year": "2020"}]),
    stored("metadata of two items for one", "metadata: 2 for 1 items", "lengths_differ", metadata=[{}, {}]),
    searched("a condition on a field that is not there", "where: 'month' is no field", where={"month": {"eq": 1}}),
    searched("a condition without an operator", "where.year: got 2020, and a condition is an object",
             where={"year": 2020}),
    searched("a condition with SQL", "where.year.eq: got '1 OR 1=1', and the field takes",
             where={"year": {"eq": "1 OR 1=1"}}),
    searched("a search by nothing", "send one of input, vectors or like", vectors=None),
    searched("a search like an item that is not there", "has no item 'nobody'", "unknown_item", 404, vectors=None,
             like=["nobody"]),
    searched("texts for a model that is not served", "which no running model has", "fingerprint_mismatch",
             vectors=None, input=[{"text": "a cat"}]),
    searched("two million neighbours", "k: got 2000000", k=2_000_000),
    ("duplicates of nothing", "bad-rows/duplicates", {}, 422, "invalid_request", "send one of input, vectors or like"),
)  # fmt: skip
