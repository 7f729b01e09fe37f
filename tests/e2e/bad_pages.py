"""Bad input of pages, cluster grids and `pictures`, for the table of bad input.

A row has a name, a request, and the status, code and a regexp of the message that it gets.
"""

from collections.abc import Sequence
from typing import Any

from tests.e2e import harness
from tests.models import image_samples as samples
from tests.models.pages.answers import agreement, duplicates, sample, search, zero_shot

GRIDS = "/v1/cluster-grids"
PHOTO = harness.base64_of(samples.encode(samples.scene(), "JPEG", quality=90))
GROUP = {"representative": 9, "members": [0, 9], "similarity": [1, 1]}
VECTORS = {"modality": "image", "model": "m", "fingerprint": "m", "dimension": 1, "data": "AACAPwAAAEA="}  # 1, 2
WELL = {"answer": duplicates(), "pictures": "none"}
Request = tuple[str, str, Any, int, str | None, str]  # name, path, JSON body, status, code, regexp of the message


def page(name: str, kind: str, body: Any, code: str | None = "invalid_request", words: str = "", *, status: int = 422,
         ) -> Request:  # fmt: skip
    return name, f"/v1/pages/{kind}", body, status, code, words


def picture(name: str, item: Any, code: str | None, words: str, *, status: int = 422) -> Request:
    """A page of duplicates with an item in `input`."""
    return page(name, "duplicates", {"answer": duplicates(), "input": [item]}, code, words, status=status)


def altered(name: str, kind: str, answer: Any, words: str, code: str = "invalid_answer") -> Request:
    """The page of an answer that was altered by hand."""
    return page(name, kind, {"answer": answer}, code, words)


PAGES: Sequence[Request] = (
    page("a page of duplicates without pictures", "duplicates", WELL, None, status=200),
    page("an unknown kind of page", "clusters", WELL, "unknown_page", "no page of 'clusters'; there are", status=404),
    page("a page without an answer", "duplicates", {}, words="answer: is missing"),
    page("a page of a list", "duplicates", {"answer": []}, words="answer: got a list"),
    page("a page of an empty answer", "duplicates", {"answer": {}}, words=r"answer\.\w+: is missing"),
    page("a page of another operation's answer", "search", WELL, words=r"answer\.\w+: is missing"),
    page("a page with pictures that are no mode", "duplicates", {**WELL, "pictures": "small"}, words="got 'small'"),
    page("an unknown option of a page", "duplicates", {**WELL, "titel": "x"}, words="titel: no such field"),
    page("a page with captions that are a list", "duplicates", {**WELL, "captions": []}, words="captions: got a list"),
    page("a page with 101 remarks", "duplicates", {**WELL, "remarks": ["a"] * 101}, words="at most 100 items, not 101"),
    page("a page with 33 pictures where 32 may be", "duplicates",
        {"answer": duplicates(), "input": [{"id": "a.jpg", "image": PHOTO[:4000]}] * 33}, "too_many_items",
        "the limit is 32", status=413),
    page("a page with a remark that is a number", "duplicates", {**WELL, "remarks": ["a", 5]},
        words=r"remarks\[1\]: got 5"),
    page("a page of an answer over the limit of the body", "duplicates", {"answer": {"ids": ["a" * 1000] * 5000}},
        "body_too_large", "4,194,304", status=413),
    picture("a picture of a page without an id", PHOTO, "invalid_request", r"input\[0\]"),
    picture("a picture of a page with another id", {"id": "z.jpg", "image": PHOTO}, "invalid_request",
        "'z.jpg' is the id of no item of the answer"),
    picture("a picture of a page that is no image", {"id": "a.jpg", "image": harness.base64_of(b"text")},
        "unsupported_image", "plain text", status=415),
    picture("a video on a page", {"id": "a.jpg", "video": PHOTO}, "unsupported_modality", "only images and texts"),
    altered("duplicates with another n", "duplicates", duplicates(n=7), r"answer\.ids: has 6 ids for 7 items"),
    altered("duplicates with a member that is no item", "duplicates", duplicates(groups=[GROUP]),
        r"groups\[0\]\.members: has an index that is none of the 6 items; send the answer unchanged"),
    altered("a zero-shot answer with one label fewer", "zero-shot", zero_shot(labels=["one"]),
        r"data\[0\]\.scores: has not one for each of 1 labels?"),
    altered("a zero-shot answer with a text for a score", "zero-shot",
        zero_shot(data=[{"index": 0, "id": "x", "label": "a", "scores": ["high", 1], "cosines": [0, 0]}]),
        r"answer\.data\[0\]\.scores\[0\]: got 'high'", "invalid_request"),
    altered("a search with a cosine that is a text", "search",
        search(data=[{"index": 0, "id": "q", "neighbours": [{"index": 1, "id": "a", "cosine": "near"}]}]),
        r"answer\.data\[0\]\.neighbours\[0\]\.cosine: got 'near'", "invalid_request"),
    altered("a sample with a probability too many", "sample", sample(inclusion_prob=[0.2] * 4),
        "inclusion_prob: has not one for each of 3 drawn items"),
    altered("a sample with a probability of null", "sample", sample(inclusion_prob=[None] * 3),
        r"inclusion_prob\[0\]: got null", "invalid_request"),
    altered("an agreement with a code too few", "agreement",
        agreement(differ=[{"item": "p", "coders": ["a", "b"], "codes": ["x"]}]), "has not one code for each coder"),
    altered("an estimate without estimates", "estimate",
        {"classifier": "a@1", "estimates": {}, "confidence": 0.95, "remarks": []}, "estimates: is empty"),
)  # fmt: skip


def grid(name: str, words: str, code: str = "invalid_request", *, status: int = 422, **fields: Any) -> Request:
    body = {"vectors": [VECTORS], "grid": [{"method": "kmeans", "k": 2}], **fields}
    return name, GRIDS, {key: value for key, value in body.items() if value is not None}, status, code, words


CLUSTER_GRIDS: Sequence[Request] = (
    grid("a cluster grid without combinations", "grid: got a list, should have at least 1 item, not 0", grid=[]),
    grid("a cluster grid of an unknown method", r"method: got 'dbscan'", grid=[{"method": "dbscan"}]),
    grid("a cluster grid with an unknown parameter", "no such field", grid=[{"method": "kmeans", "kk": 2}]),
    grid("a cluster grid of a K that is a text", r"\.k: got 'many'", grid=[{"method": "kmeans", "k": "many"}]),
    grid("a cluster grid without vectors", "input: send either input or vectors", vectors=None),
)  # fmt: skip
TIMELINES: Sequence[Request] = (
    ("a timeline with pictures that are no mode", "/v1/timeline?pictures=small",
        {"data": []}, 422, "invalid_request", "pictures: got 'small'"),
)  # fmt: skip
REQUESTS = (*PAGES, *CLUSTER_GRIDS, *TIMELINES)
