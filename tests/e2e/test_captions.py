"""Captions by a real server, over HTTP and gRPC, against the analyser run by hand: one analysis per equal picture."""

import io
import json

import grpc
import pytest
from PIL import Image

from daguerre_proto.v1 import captions_pb2, common_pb2, daguerre_pb2_grpc, job_answers_pb2
from models.analysers.folder import locate
from models.analysers.spec import run
from models.analysers.table import code_of
from models.sessions.onnx import OnnxSession
from tests.e2e import harness
from tests.e2e.harness import assert_error, image, jpeg
from tests.e2e.test_video import ended
from tests.models.clips import make, numbered

pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")  # as for analyses
NAMES = ("astronaut", "chelsea", "coffee", "rocket")
OPTIONS = {"prompt": "a photo of", "max_tokens": 7}


@pytest.fixture
def client(analysing_server: harness.Server):
    with analysing_server.client(timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def by_hand(imported_analysers):
    """The caption of a picture without the service."""
    folder = locate("small-captions", harness.EXPORTED.absolute())
    session = OnnxSession(folder.path / "write.onnx", threads=1)
    code = code_of(folder.spec)(folder.spec, folder.path)

    def caption(data: bytes, **options) -> dict:
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        found = run(code, picture, code.choices(**options), lambda part, arrays: session.compute(arrays))
        (finding,) = found.findings
        return {
            "caption": finding.text,
            "score": pytest.approx(finding.score, abs=1e-9),
            "ended": not found.truncated,
            "tokens": found.values["captions_tokens"],
            "remarks": list(found.remarks),
        }

    return caption


def ask(client, items, **options) -> dict:
    answer = client.post("/v1/captions", json={"input": items, **options})
    assert answer.status_code == 200, answer.text[:1000]
    return answer.json()


def own(entry: dict) -> dict:
    return {name: entry[name] for name in ("caption", "score", "ended", "tokens", "remarks")}


def test_captions_are_those_of_the_analyser_and_equal_pictures_are_captioned_once(client, by_hand):
    photos = [jpeg(name, width=200) for name in NAMES]
    items = [image(photo, f"p{i}") for i, photo in enumerate([*photos, photos[1], photos[0]])]
    crop = {"x": 10, "y": 5, "width": 120, "height": 90}
    items += [{**image(photos[0], "crop"), "crop": crop}, {**image(photos[0], "crop again"), "crop": crop}]
    answer = ask(client, items, **OPTIONS)
    entries = {entry["id"]: entry for entry in answer["data"]}
    for i, photo in enumerate(photos):
        assert own(entries[f"p{i}"]) == by_hand(photo, **OPTIONS)
        assert entries[f"p{i}"]["caption"].startswith("a photo of ")
    assert len({entries[f"p{i}"]["caption"] for i in range(4)}) > 1  # equal texts for all would prove nothing
    assert (own(entries["p4"]), own(entries["p5"])) == (own(entries["p1"]), own(entries["p0"]))
    assert own(entries["crop"]) == own(entries["crop again"])
    assert entries["crop again"]["crop"] == {**crop, "margin": 0}
    assert answer["usage"] == {"pictures": 5, "tokens": sum(entry["tokens"] for entry in answer["data"])}
    receipt = answer["receipt"]
    assert (answer["model"], receipt["analyser"], receipt["kind"]) == ("small-captions", "small-captions", "captions")
    assert {name: receipt[name] for name in OPTIONS} == OPTIONS
    assert receipt["notice"].startswith("A caption is what the network finds likely")
    card = next(each for each in client.get("/v1/analysers").json()["data"] if each["name"] == "small-captions")
    assert receipt["fingerprint"] == card["receipt"]["fingerprint"]
    assert (card["options"]["prompt"], card["options"]["max_tokens"]) == ("", 20)


def test_the_captions_of_analyses_and_of_grpc_are_the_same(analysing_server, client):
    photos = [jpeg(name, width=200) for name in NAMES[:2]]
    items = [image(photo, f"p{i}") for i, photo in enumerate(photos)]
    wanted = ask(client, items, **OPTIONS)
    analyses = client.post("/v1/analyses", json={"input": items, "analysers": {"captions": OPTIONS}}).json()
    for entry, other in zip(wanted["data"], analyses["data"], strict=True):
        result = other["results"]["captions"]
        assert result["findings"] == [{"text": entry["caption"], "score": entry["score"]}]
        assert (result["truncated"], result["remarks"]) == (not entry["ended"], entry["remarks"])
    with grpc.insecure_channel(analysing_server.grpc_target) as channel:
        stub = daguerre_pb2_grpc.DaguerreStub(channel)
        request = captions_pb2.CaptionRequest(
            input=[common_pb2.Item(image=photo, id=f"p{i}") for i, photo in enumerate(photos)], **OPTIONS
        )
        assert json.loads(stub.Caption(request).captions.answer_json) == wanted
        defaults = stub.Caption(captions_pb2.CaptionRequest(input=[common_pb2.Item(image=photos[0])]))
    assert json.loads(defaults.captions.answer_json)["receipt"]["max_tokens"] == 20


def test_unusable_items_fail_alone_and_their_equals_with_them(client):
    broken = b"\xff\xd8\xff no image"
    items = [image(broken, "a"), image(jpeg("coffee", width=100), "b"), image(broken, "c"), {"text": "d", "id": "d"}]
    answer = ask(client, items, on_error="skip", max_tokens=2)
    assert [entry.get("error", {}).get("code") for entry in answer["data"]] == [
        "invalid_image",
        None,
        "invalid_image",
        "missing_modality",
    ]
    assert [(entry["index"], entry["id"]) for entry in answer["data"]] == list(enumerate("abcd"))
    assert answer["usage"]["pictures"] == 1
    error = assert_error(client.post("/v1/captions", json={"input": items[:3]}), 422, "invalid_items")
    assert [each["index"] for each in error["items"]] == [0, 2]


def test_each_frame_of_a_video_has_a_caption_and_equal_frames_are_captioned_once(analysing_server, client):
    still = make(
        frames=12, rate=3, size=(96, 64), options={"qp": "0"}, picture=lambda i, *size: numbered(i // 6, *size)
    )
    item = {"video": harness.base64_of(still), "id": "v", "sampling": {"policy": "every", "seconds": 1.0}}
    answer = ask(client, [item], max_tokens=3)
    (entry,) = answer["data"]
    frames = entry["video"]["frames"]
    assert (len(frames), answer["usage"]["pictures"]) == (4, 2)
    assert entry["captions"] == list(dict.fromkeys(frame["caption"] for frame in frames))
    assert (entry.get("caption"), entry.get("score")) == (None, None)
    assert answer["usage"]["tokens"] == sum(frame["tokens"] for frame in frames)
    begun = client.post("/v1/captions", json={"input": [item], "max_tokens": 3, "mode": "job"})
    assert begun.status_code == 202, begun.text
    job = begun.json()["id"]
    assert ended(client, begun.json())["state"] == "succeeded"
    assert client.get(f"/v1/jobs/{job}/answer").json() == answer
    with grpc.insecure_channel(analysing_server.grpc_target) as channel:
        stub = daguerre_pb2_grpc.DaguerreStub(channel)
        found = stub.GetJobAnswer(job_answers_pb2.GetJobAnswerRequest(id=job))
    assert json.loads(found.captions.captions.answer_json) == answer


def test_a_form_takes_the_options_as_fields(client):
    photo = jpeg("coffee", width=200)
    files = [("input", ("coffee.jpg", photo, "image/jpeg"))]
    answer = client.post("/v1/captions", files=files, data={"prompt": "a photo of", "max_tokens": "7"})
    assert answer.status_code == 200, answer.text
    (entry,) = answer.json()["data"]
    assert entry["id"] == "coffee.jpg"
    assert own(entry) == own(ask(client, [image(photo)], **OPTIONS)["data"][0])


@pytest.mark.parametrize(
    ("options", "status", "code", "param", "words"),
    [
        ({"max_tokens": 65}, 422, "invalid_request", "max_tokens", "max_tokens: got '65', a whole number from 1 to 64"),
        ({"prompt": "cat " * 16}, 422, "invalid_request", "prompt", "has 16 tokens, at most 15 are allowed"),
        ({"model": "blip"}, 404, "unknown_model", "model", "model: there is no 'blip' among the analysers"),
        ({"model": "objects"}, 404, "unknown_model", "model", "no 'objects' among"),
        ({"length": 3}, 422, "invalid_request", "length", "no such field"),
    ],
)
def test_options_are_named_as_in_the_request(client, options, status, code, param, words):
    items = [image(jpeg("coffee", width=100))]
    error = assert_error(client.post("/v1/captions", json={"input": items, **options}), status, code)
    assert error["param"] == param
    assert words in error["message"]
    assert "analysers.captions" not in error["message"]
