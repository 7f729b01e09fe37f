"""Bad input of studies, assignments and coding: a name, a request to a study that is made for it, and what it gets.

A row has a name, a method and a path, the JSON, and the status, code and a regexp of the message that it gets.
"""

from collections.abc import Callable, Sequence
from typing import Any

import httpx

from tests.e2e import bad_study_analyses
from tests.models import image_samples as samples

NAME = "bad-input"
PICTURE = samples.encode(samples.scene(), "JPEG", quality=90)
Row = tuple[str, str, str, Any, int, str | None, str]
SAMPLE = {"name": "a", "sample": {"design": "simple", "size": 5}, "coders": ["anna"]}
BOOK = {"name": "x", "kind": "categorical", "categories": [{"name": "a"}, {"name": "b"}]}
LARGE = {**BOOK, "categories": [{"name": str(i), "definition": "d" * 10_000} for i in range(110)]}


def assigned(name: str, status: int, code: str, words: str, **changes: Any) -> Row:
    """A request for an assignment with some fields changed; those that are None are left out."""
    sent = {key: value for key, value in {**SAMPLE, **changes}.items() if value is not None}
    return name, "POST", f"/{NAME}/assignments", sent, status, code, words


def book(name: str, words: str, **changes: Any) -> Row:
    """A codebook of one variable with some fields changed."""
    return name, "PUT", f"/{NAME}/codebook", {"variables": [{**BOOK, **changes}]}, 422, "invalid_request", words


ROWS: Sequence[Row] = (
    ("a study with a name that is no path", "POST", "", {"name": "a/b"}, 422, "invalid_request", "name: got 'a/b'"),
    ("a study of a folder, on a server without one", "POST", "", {"name": "f", "folder": "x"}, 422, "no_data",
     "DAGUERRE_DATA"),
    ("a study that is there already", "POST", "", {"name": NAME}, 409, "study_exists", "choose another name"),
    ("a study that is not there", "GET", "/nothing", None, 404, "unknown_study", "there is no 'nothing'"),
    ("an item that is not there", "GET", f"/{NAME}/items/abc", None, 404, "unknown_item", "has the key of each"),
    ("a filter of no column", "GET", f"/{NAME}/items?filter=size%3E3", None, 422, "unknown_column", "no columns yet"),
    ("a filter that is none", "GET", f"/{NAME}/items?filter=size", None, 422, "invalid_request", "COLUMN=VALUE"),
    ("columns of an item that is not there", "PUT", f"/{NAME}/columns", {"ids": ["a"], "columns": {"x": [1]}}, 422,
     "unknown_item", "the first is 'a'"),
    ("columns with a value too few", "PUT", f"/{NAME}/columns", {"ids": ["a"], "columns": {"x": []}}, 422,
     "invalid_request", "0 values in 'x' for 1 ids"),
    ("columns with a cell too long", "PUT", f"/{NAME}/columns", {"ids": ["a"], "columns": {"x": ["t" * 10_001]}}, 422,
     "invalid_request", "in 'x' has 10,001 characters"),
    ("a codebook too large", "PUT", f"/{NAME}/codebook", {"variables": [LARGE]}, 413, "codebook_too_large",
     "the limit is 1,000,000"),
    ("a codebook without variables", "PUT", f"/{NAME}/codebook", {"variables": []}, 422, "invalid_request",
     "at least 1"),
    book("one category", "at least 2 categories", categories=[{"name": "a"}]),
    book("a category twice", "a category twice", categories=[{"name": "a"}, {"name": "a"}]),
    book("a slider without its ends", "needs low and high", kind="continuous", categories=[]),
    (*book("an example that is no item", "", examples=["a.jpg"])[:-2], "unknown_item", "the first is 'a.jpg'"),
    ("a codebook before there is one", "GET", f"/{NAME}/codebook", None, 404, "no_codebook", "has none yet"),
    assigned("a draw from no items", 422, "invalid_request", "no item to draw from"),
    assigned("neither a draw nor items", 422, "invalid_request", "give one of sample, items and pairs", sample=None),
    assigned("a coder named as a column", 422, "invalid_request", "name of another column", coders=["label"]),
    assigned("a coder twice", 422, "invalid_request", "'anna' is there twice", coders=["anna", "Anna"]),
    assigned("more coders of an item than there are", 422, "invalid_overlap", "of 1 coders", overlap=2,
             sample=None, items=[{"id": "p"}]),
    ("progress of an assignment that is not there", "GET", f"/{NAME}/assignments/x/progress", None, 404,
     "unknown_assignment", "there is no 'x'"),
    *bad_study_analyses.ROWS,
    ("a table of no column", "GET", f"/{NAME}/table?column=size", None, 422, "unknown_column", "no columns yet"),
    ("a column to delete that is not there", "DELETE", f"/{NAME}/columns/size", None, 404, "unknown_column",
     "there is no 'size'"),
    ("a look-up of keys and of ids", "POST", f"/{NAME}/items/lookup", {"keys": ["a"], "ids": ["a"]}, 422,
     "invalid_request", "send either keys or ids"),
    ("a look-up of a key that is not there", "POST", f"/{NAME}/items/lookup", {"keys": ["abc"]}, 422, "unknown_item",
     "1 of 1 keys belong to no item"),
    ("a study of a collection that is not there", "POST", "", {"name": "c", "collection": "nothing"}, 404,
     "unknown_collection", "there is no 'nothing'"),
    ("a study of a folder and of a collection", "POST", "", {"name": "c", "collection": "c", "folder": "f"}, 422,
     "invalid_request", "either folder or collection"),
    ("embeddings of a study without items", "POST", f"/{NAME}/embeddings", {}, 422, "no_items", "add pictures first"),
    ("embeddings of a study by a model that is not there", "POST", f"/{NAME}/embeddings", {"model": "x"}, 404,
     "unknown_model", "there is no 'x'"),
    ("vectors of a study that are not there", "DELETE", f"/{NAME}/embeddings/x", None, 404, "no_vectors", "of 'x'"),
    ("a search of a study without vectors", "POST", f"/{NAME}/search", {"query": {"text": "a"}}, 422, "no_vectors",
     "embed its items first"),
    ("a search of a study for nothing", "POST", f"/{NAME}/search", {}, 422, "invalid_request", "send a query"),
    ("a search of a study for a text and an item", "POST", f"/{NAME}/search", {"query": {"text": "a", "key": "b"}}, 422,
     "invalid_request", "one of text, image and key"),
    assigned("an active draw without scores", 422, "invalid_request", "scores: is needed with design active",
             sample={"design": "active", "size": 5}),
    assigned("an active draw without a uniform part", 422, "invalid_request", "uniform: got 0",
             sample={"design": "active", "size": 5, "scores": "s", "uniform": 0}),
    ("folders of a server without one", "GET", "/../folders", None, 422, "no_data", "no folder of images"),
    ("coding without a token", "GET", "/../coding", None, 401, "unauthorized", "no coder's token"),
)  # fmt: skip


def send(row: Row) -> Callable[[httpx.Client], httpx.Response]:
    """A function that sends a row to a new study."""
    _, method, path, content, *_ = row

    def ask(client: httpx.Client) -> httpx.Response:
        client.request("DELETE", f"/v1/studies/{NAME}")  # of an earlier row, or an earlier run
        client.post("/v1/studies", json={"name": NAME})
        if "items" in (content or {}):
            client.post(f"/v1/studies/{NAME}/items", files=[("input", ("p", PICTURE))])
        url = f"/v1/studies{path}".replace("/studies/..", "")
        return client.request(method, url, **({} if content is None else {"json": content}))

    return ask
