"""HTTP and gRPC give the same results and the same errors, feature by feature and fault by fault."""

import base64
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import numpy as np
import pytest

from daguerre_proto.v1.job_answers_pb2 import VideoTimelineRequest
from daguerre_proto.v1.jobs_pb2 import DeleteJobRequest
from daguerre_proto.v1.models_pb2 import GetModelRequest, ListModelsRequest
from service.api.grpc.answers import job_answer
from service.api.grpc.calls import code_of
from service.errors import ServiceError
from tests.e2e import bad_coding, bad_input_table, bad_label_studio, bad_labels, bad_multiverses, bad_pages, harness
from tests.e2e.bad_input_table import EMBEDDINGS, TABLE, TIMELINE, ZERO_SHOT, Row
from tests.e2e.grpc_calls import (
    STUDIES,
    Item,
    OfHttpOnly,
    analyse_request,
    caption_request,
    cluster_request,
    collection_request,
    embed_request,
    error,
    plain,
    stub,
    study_request,
    vectors,
    zero_shot_request,
)
from tests.e2e.harness import Server, image, jpeg
from tests.models.image_samples import ordinary

CHELSEA, COFFEE = image(jpeg("chelsea", width=300), "chelsea"), image(jpeg("coffee", width=300))
WIDE = image(jpeg("hubble_deep_field", width=1600, quality=95), "wide")
PART = {"x": 10, "y": 20.4, "width": 90, "height": 70, "margin": 0.1}
WHOLE = {"x": 0, "y": 0, "width": 5000, "height": 5000, "margin": 0.5}
LABELS = ["a cat", "a cup of coffee", "a rocket launch"]
LATE = "the batch may have had another size"

EMBED: dict[str, dict[str, Any]] = {
    "a text": {"input": "a cat"},
    "texts": {"input": ["a cat", "zwei Hunde", "三匹の猫 🐈"]},
    "images": {"input": [CHELSEA, COFFEE]},
    "both, with ids": {"input": [CHELSEA, {"text": "a cat", "id": "t"}, COFFEE, "b"]},
    "a text that is cut": {"input": ["short", "word " * 900]},
    "skip": {"input": [CHELSEA, "", {"image": base64.b64encode(b"x").decode(), "id": "bad"}, "a"], "on_error": "skip"},
    "all bad, skipped": {"input": ["", " "], "on_error": "skip"},
    "exact": {"input": WIDE, "decode": "exact"},
    "scaled": {"input": WIDE, "decode": "scaled"},
    "a model by name": {"input": "a", "model": "embedded"},
    "its own dimension": {"input": "a", "dimensions": 1280},
    "fail": {"input": ["a", CHELSEA], "on_error": "fail"},
    "crops": {"input": [{**CHELSEA, "crop": PART}, COFFEE, {**COFFEE, "crop": WHOLE}]},
    "a crop outside, skipped": {"input": [CHELSEA, {**COFFEE, "crop": {**WHOLE, "x": 999}}], "on_error": "skip"},
    "several pictures": {"input": [CHELSEA, image(ordinary()["gif-animated"]), image(ordinary()["tiff-pages"])]},
}
LABEL: dict[str, dict[str, Any]] = {
    "labels": {"input": [CHELSEA, COFFEE, "a cat on a sofa"], "labels": LABELS},
    "templates": {"input": CHELSEA, "labels": LABELS, "templates": ["{}", "a picture of {}"]},
    "multi_label": {"input": [CHELSEA, COFFEE], "labels": ["a cat"], "multi_label": True},
    "negatives": {"input": CHELSEA, "labels": LABELS, "multi_label": True, "negatives": ["a dog", "a cow"]},
    "none, by text": {"input": [CHELSEA, COFFEE], "labels": LABELS[1:], "none_of_these": {"text": "a cat"}},
    "none, by cosine": {"input": [CHELSEA, COFFEE], "labels": LABELS, "none_of_these": {"min_cosine": 0.28}},
    "skip": {"input": [{"text": "", "id": "bad"}, CHELSEA], "labels": LABELS, "on_error": "skip"},
    "scaled": {"input": WIDE, "labels": LABELS, "decode": "scaled"},
    "a text that is cut": {"input": ["word " * 900], "labels": LABELS},
}


def both(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text[:500]
    return dict(answer.json())


def assert_receipt(message: Any, said: dict[str, Any]) -> None:
    fields = plain(message)
    assert {**dict.fromkeys(said), **fields} == said


@pytest.mark.parametrize("name", EMBED)
def test_embeddings(server: Server, client: httpx.Client, name: str) -> None:
    said = both(client, EMBEDDINGS, EMBED[name])
    with stub(server) as daguerre:
        found = daguerre.Embed(embed_request(EMBED[name]), timeout=60)
    assert (found.model, list(found.truncated)) == (said["model"], said["truncated"])
    assert list(found.unknown) == said["unknown"]
    assert list(found.first_of_many) == said["first_of_many"]
    assert found.prompt_tokens == said["usage"]["prompt_tokens"]
    assert found.dimension == 1280
    assert_receipt(found.receipt, said["receipt"])
    assert len(found.data) == len(said["data"])
    for mine, theirs in zip(found.data, said["data"], strict=True):
        assert (mine.index, mine.id if mine.HasField("id") else None) == (theirs["index"], theirs.get("id"))
        assert (plain(mine.crop) if mine.HasField("crop") else None) == theirs.get("crop")
        if "error" in theirs:
            assert plain(mine.error) == theirs["error"]
            assert not mine.vector
        else:
            assert np.abs(vectors([mine])[0] - np.array(theirs["embedding"], np.float32)).max() < 1e-6, LATE


@pytest.mark.parametrize("name", LABEL)
def test_zero_shot(server: Server, client: httpx.Client, name: str) -> None:
    said = both(client, ZERO_SHOT, LABEL[name])
    with stub(server) as daguerre:
        found = daguerre.ZeroShot(zero_shot_request(LABEL[name]), timeout=60)
    assert (found.model, list(found.labels), list(found.templates)) == (
        said["model"],
        said["labels"],
        said["templates"],
    )
    assert list(found.unknown) == said["unknown"]
    assert list(found.first_of_many) == said["first_of_many"]
    assert (found.logit_scale, found.calibrated, list(found.truncated)) == (
        said["logit_scale"],
        False,
        said["truncated"],
    )
    assert (list(found.negatives.values) if found.HasField("negatives") else None) == said["negatives"]
    assert_receipt(found.receipt, said["receipt"])
    for mine, theirs in zip(found.data, said["data"], strict=True):
        assert (mine.index, mine.id if mine.HasField("id") else None) == (theirs["index"], theirs.get("id"))
        if "error" in theirs:
            assert plain(mine.error) == theirs["error"]
            assert not mine.scores
            continue
        assert (mine.label if mine.HasField("label") else None) == theirs["label"]
        assert list(mine.scores) == pytest.approx(theirs["scores"], abs=2e-5)
        assert list(mine.cosines) == pytest.approx(theirs["cosines"], abs=1e-6)
        none = theirs.get("none_score")
        assert mine.HasField("none_score") == (none is not None)
        assert none is None or mine.none_score == pytest.approx(none, abs=2e-5)


def test_models(server: Server, client: httpx.Client) -> None:
    said = client.get("/v1/models").json()["data"]
    with stub(server) as daguerre:
        found = daguerre.ListModels(ListModelsRequest(), timeout=10).models
        one = daguerre.GetModel(GetModelRequest(name="embedded"), timeout=10)
    assert len(found) == len(said)
    for mine, theirs in zip(found, said, strict=True):
        expected = {name: value for name, value in theirs.items() if name != "object" and value is not None}
        assert plain(mine) == expected
    assert one == found[0]


# --- faults ---------------------------------------------------------------------------------------------------------

SAID = {  # rows among those of bodies that a message can say
    "a model that is not there", "groups of coders that are one", "a crowd of one category",
    "a winner that is neither item", "an item that has won all its comparisons",
    "an item to be compared that is there twice", "deletion of a job that is not there",
}  # fmt: skip
HTTP_ONLY = {  # rows of the table that no message of gRPC can say, and why
    "pages and grids have tests of their own over gRPC": [row[0] for row in bad_pages.REQUESTS],
    "Label Studio speaks HTTP": [row[0] for row in bad_label_studio.REQUESTS],
    "studies are coded in a browser, over HTTP": [row[0] for row in bad_coding.ROWS],
    "tests/clients/resources/test_face_vectors.py asks both": [
        "a search among faces on such a server", "duplicates of faces on such a server",
    ],
    "tests/e2e/labels asks both": [row[0] for row in bad_labels.REQUESTS],
    "tests/e2e/test_multiverses.py asks both": [row[0] for row in bad_multiverses.REQUESTS],
    "base64 is how JSON carries bytes": [
        "text where base64 should be", "a URL as image", "a URL in capitals", "a text in place of base64",
        "a data URI without base64", "a video that is not base64",
    ],
    "a message's fields have types, and oneof": [
        "both text and image", "an unknown field of an item", "a number as item", "a token array", "token arrays",
        "sampling of a text", "input: null", "no input", "a model of the wrong type", "an unknown field",
        "labels as one string",
        "an unknown kind of analyser", "an unknown option of objects", "a label in place of a list",
        "a label that is a number", "a score of objects that is no number", "an unknown option of classes",
        "an unknown option of captions", "labels of faces", "an unknown option of captions of their own",
        "a prompt of captions that is a list",
        "an unknown field of none_of_these", "on_error: ignore", "encoding_format: hex", "decode: fast",
    ],
    "tests/e2e/test_video.py asks both": ["a video where images are described"],
    "descriptions of images have tests of their own over gRPC": ["an unknown blur of thumbnails"],
    "an answer of gRPC is a message, and its index a number": [
        "a timeline of something else", "a timeline of a form", "a timeline of an index that is no number",
    ],
    "JSON, multipart, paths and methods are HTTP's": [
        "half of a surrogate pair", "half of a surrogate pair in an id",
        "a request of another web page, without keys", "a host name that is not the server's, without keys",
        *(row.name for row in bad_input_table.BODIES if row.name not in SAID),
    ],
}  # fmt: skip


WORDED_APART = {
    "40 files, more than the form's reader takes",  # it stops counting there
    "the same in base64",  # whose bytes are "about" so many
    "33 items where 32 may be",  # gRPC stops counting there, and names its own field
    "33 files where 32 may be",
    "vectors in a folder and in the request",  # a message has no parts of a form
    "neither labels nor a preset",  # in a message, no labels are an empty list
}


REQUESTS: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    EMBEDDINGS: ("Embed", embed_request),
    ZERO_SHOT: ("ZeroShot", zero_shot_request),
    "/v1/analyses": ("Analyse", analyse_request),
    "/v1/captions": ("Caption", caption_request),
    "/v1/clusters": ("Cluster", cluster_request),
}


class Translator:
    """Looks like an httpx.Client to a row, and asks over gRPC."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def put(self, path: str, *, json: dict[str, Any]) -> Any:
        return self._of_collection(path, json)

    def _of_collection(self, path: str, body: dict[str, Any]) -> Any:
        method, request = collection_request(path, body)
        with stub(self._server) as daguerre:
            return getattr(daguerre, method)(request, timeout=60)

    def post(self, path: str, *, json: Any = None, files: Any = None, data: Any = None, **raw: Any) -> Any:
        if path.startswith("/v1/collections/"):
            return self._of_collection(path, json)
        if path == TIMELINE:
            return self._timeline(json, **raw)
        if raw or (json is None and files is None):
            raise OfHttpOnly("raw body")
        if files is not None:
            if data:
                raise OfHttpOnly("form fields")
            request = embed_request({"input": []})
            request.items.extend(Item(image=content, id=name) for _, (name, content) in files)
        elif not isinstance(json, dict):
            raise OfHttpOnly("body")
        elif path in STUDIES:
            request = study_request(path, json)
        else:
            if path not in REQUESTS:
                raise OfHttpOnly("path")
            request = REQUESTS[path][1](json)
        with stub(self._server) as daguerre:
            return getattr(daguerre, {**REQUESTS, **STUDIES}[path][0])(request, timeout=60)

    def _timeline(self, answer: Any, params: Any = None) -> Any:
        if not isinstance(answer, dict) or "data" not in answer or isinstance((params or {}).get("index"), str):
            raise OfHttpOnly("no answer")
        request = VideoTimelineRequest(answer=job_answer("zero_shot", answer), **(params or {}))
        with stub(self._server) as daguerre:
            return daguerre.VideoTimeline(request, timeout=10)

    def get(self, path: str, **options: Any) -> Any:
        raise OfHttpOnly("headers")

    def request(self, method: str, path: str) -> Any:
        with stub(self._server) as daguerre:
            if (method, path) == ("GET", "/v1/models/nothing"):
                return daguerre.GetModel(GetModelRequest(name="nothing"), timeout=10)
            if (method, path) == ("DELETE", "/v1/jobs/job_00"):
                return daguerre.DeleteJob(DeleteJobRequest(id="job_00"), timeout=10)
        raise OfHttpOnly("path")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_bad_input(strict_server: Server, strict: httpx.Client, row: Row) -> None:
    translator: Any = Translator(strict_server)
    only = any(row.name in names for names in HTTP_ONLY.values())
    try:
        row.send(translator)
        found = None
    except OfHttpOnly:
        assert only, f"{row.name}: write how gRPC says it, or why it cannot"
        return
    except grpc.RpcError as exc:
        found = error(exc)
    assert not only
    if row.code is None:
        assert found is None
        return
    said = row.send(strict).json()["error"]
    assert found is not None
    assert (found["status"], found["code"]) == (row.status, row.code)
    compared = ["code", "param"] if row.name in WORDED_APART else ["code", "param", "items", "message"]
    assert {name: found[name] for name in compared} == {name: said[name] for name in compared}
    refusal = ServiceError("")
    refusal.status = row.status
    assert found["grpc"] == code_of(refusal)


def test_every_row_that_is_left_out_is_there() -> None:
    names = [name for names in HTTP_ONLY.values() for name in names]
    assert set(names) <= {row.name for row in TABLE}
    assert len(TABLE) - len(names) >= 45


def test_a_message_over_the_limit_says_what_to_do(strict_server: Server, strict: httpx.Client) -> None:
    body = {"input": ["a" * 5000] * 999}
    http = strict.post(EMBEDDINGS, json=body).json()["error"]
    with stub(strict_server) as daguerre, pytest.raises(grpc.RpcError) as caught:
        daguerre.Embed(embed_request(body), timeout=30)
    found = error(caught.value)
    assert (found["code"], found["status"], found["grpc"]) == (http["code"], 413, grpc.StatusCode.INVALID_ARGUMENT)
    assert "send fewer items at once" in found["message"]
    assert "4,194,304" in found["message"]
    with stub(strict_server) as daguerre, pytest.raises(grpc.RpcError) as beyond:  # gRPC's own words
        daguerre.Embed(embed_request({"input": ["a" * 10_000] * 999}), timeout=30)
    assert beyond.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in beyond.value.details()
    with stub(strict_server) as daguerre:
        assert daguerre.Embed(embed_request({"input": "a"}), timeout=30).dimension == 1280


def test_a_refusal_with_more_items_than_a_trailer_holds_says_how_many(server: Server) -> None:
    with stub(server) as daguerre, pytest.raises(grpc.RpcError) as caught:
        daguerre.Embed(embed_request({"input": [{"text": "", "id": "x" * 100}] * 800}), timeout=60)
    found = error(caught.value)
    assert found["items"][0] == {"index": 0, "id": "x" * 100, "code": "invalid_text",
                                 "message": "text is empty; leave the item out"}  # fmt: skip
    assert len(found["items"]) + found["omitted"] == 800
    assert len(found["items"]) >= 10


def test_a_full_queue_is_the_same_refusal(strict_server: Server) -> None:
    """The queue holds 48 items: one request of 32 fits, two do not."""
    request = embed_request({"input": [image(harness.photo_file("chelsea"))] * 1 + ["a"] * 31})
    with stub(strict_server) as daguerre:
        calls = [daguerre.Embed.future(request, timeout=60) for _ in range(8)]
        refused = []
        for call in calls:
            try:
                call.result()
            except grpc.RpcError as exc:
                refused.append(error(exc))
    assert 1 <= len(refused) <= 7
    for found in refused:
        assert (found["status"], found["code"], found["grpc"]) == (
            429,
            "overloaded",
            grpc.StatusCode.RESOURCE_EXHAUSTED,
        )
        assert found["retry_after"] >= 1
