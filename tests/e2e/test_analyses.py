"""Analyses by a real server, in both placements, over HTTP and gRPC, against analysers run by hand."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from daguerre_proto.v1 import analyses_pb2, common_pb2, daguerre_pb2_grpc, job_answers_pb2
from models.analysers.folder import locate
from models.analysers.spec import run
from models.analysers.table import ANALYSERS, code_of
from models.sessions.onnx import OnnxSession
from tests.e2e import harness
from tests.e2e.harness import assert_error, image, jpeg
from tests.e2e.test_video import ended
from tests.models.clips import make

KINDS = ("text", "objects", "faces", "classes", "visual", "sensitive", "face_vectors", "face_attributes", "captions")
NAMES = ("astronaut", "chelsea", "coffee", "rocket")


@pytest.fixture
def client(analysing_server: harness.Server):
    with analysing_server.client() as client:
        yield client


@pytest.fixture(scope="module")
def captioned() -> bytes:
    """A photo with a caption."""
    photo = Image.open(io.BytesIO(jpeg("coffee"))).convert("RGB")
    font = ImageFont.load_default(40)
    ImageDraw.Draw(photo).text((40, 30), "Families belong together", fill="white", font=font)
    out = io.BytesIO()
    photo.save(out, "PNG")
    return out.getvalue()


def ask(client: httpx.Client, images, analysers, **options) -> dict:
    body = {"input": images, "analysers": analysers, **options}
    answer = client.post("/v1/analyses", json=body, timeout=120)
    assert answer.status_code == 200, answer.text[:1000]
    return answer.json()


@pytest.fixture(scope="module")
def by_hand(imported_analysers):
    """An analyser without the service: its generator, and its graphs run a row at a time."""

    def analyse(kind: str, data: bytes, *, model: str | None = None, **options):
        name = model or next((name for name, spec in ANALYSERS.items() if spec.kind == kind), "small-captions")
        folder = locate(name, harness.EXPORTED.absolute())
        sessions = {part: OnnxSession(folder.path / f"{part}.onnx", threads=1) for part in folder.spec.parts}
        code = code_of(folder.spec)(folder.spec, folder.path)
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        return run(code, picture, code.choices(**options), lambda part, arrays: sessions[part].compute(arrays))

    return analyse


def plain(analysis) -> dict:
    """The result of an analyser run by hand in the form of the answer."""
    findings = []
    for each in analysis.findings:
        found = {name: getattr(each, name) for name in ("label", "score", "text") if getattr(each, name) is not None}
        if each.box is not None:
            found["box"] = dict(zip(("x", "y", "width", "height"), each.box, strict=True))
        if each.polygon is not None:
            found["polygon"] = [list(corner) for corner in each.polygon]
        if each.points is not None:
            found |= {"points": {name: list(place) for name, place in each.points.items()}, "share": each.share}
        if each.vector is not None:
            found["vector"] = [float(str(number)) for number in np.frombuffer(each.vector, "<f4")]
        if each.attributes is not None:
            found["attributes"] = each.attributes
        findings.append(found)
    return {
        "findings": findings,
        "values": dict(analysis.values),
        "truncated": analysis.truncated,
        "remarks": list(analysis.remarks),
    }


def test_every_analyser_gives_what_it_gives_by_hand(client, by_hand, captioned):
    """All at once, several pictures at once: exactly the result of each picture alone."""
    photos = [*(jpeg(name, width=320) for name in NAMES), captioned]
    answer = ask(client, [image(photo, str(i)) for i, photo in enumerate(photos)], {kind: {} for kind in KINDS})
    assert sorted(answer["receipts"]) == sorted(KINDS)
    for entry, photo in zip(answer["data"], photos, strict=True):
        for kind in KINDS:
            assert json.loads(json.dumps(plain(by_hand(kind, photo)))) == entry["results"][kind], kind
    texts = [found["text"] for found in answer["data"][-1]["results"]["text"]["findings"]]
    assert "Families belong together" in texts
    labels = [found["label"] for found in answer["data"][0]["results"]["objects"]["findings"]]
    assert "person" in labels


def test_alone_and_among_many_callers_the_results_are_equal(analysing_server):
    photos = [jpeg(name, width=200) for name in NAMES]
    analysers = {"objects": {"min_score": 0.2}, "text": {"min_score": 0.2}, "classes": {}, "captions": {}}

    def alone(photo: bytes) -> dict:
        with analysing_server.client(timeout=120) as client:
            return ask(client, [image(photo)], analysers)["data"][0]["results"]

    first = [alone(photo) for photo in photos]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(alone, photos * 3)) == first * 3


def test_grpc_gives_the_answer_of_http(analysing_server, client, captioned):
    analysers = {"text": {"min_score": 0.7}, "objects": {"labels": ["Person"]}, "visual": {}}
    photos = [jpeg("astronaut"), captioned]
    wanted = ask(client, [image(photo, f"p{i}") for i, photo in enumerate(photos)], analysers)
    with grpc.insecure_channel(analysing_server.grpc_target) as channel:
        stub = daguerre_pb2_grpc.DaguerreStub(channel)
        request = analyses_pb2.AnalyseRequest(
            input=[common_pb2.Item(image=photo, id=f"p{i}") for i, photo in enumerate(photos)],
            analysers=analyses_pb2.Analysers(
                text=analyses_pb2.TextOptions(min_score=0.7),
                objects=analyses_pb2.ObjectOptions(labels=["Person"]),
                visual=analyses_pb2.VisualOptions(),
            ),
        )
        assert json.loads(stub.Analyse(request).analyses.answer_json) == wanted
        cards = json.loads(stub.ListAnalysers(analyses_pb2.ListAnalysersRequest()).answer_json)
    assert cards == client.get("/v1/analysers").json()
    assert [card["kind"] for card in cards["data"] if card["default"]] == list(KINDS)
    assert [card["name"] for card in cards["data"] if not card["default"]] == ["small-lines"]


def test_options_of_captions_and_another_reader_of_text(analysing_server, client, by_hand):
    """Over HTTP and gRPC, and of the frames of a video, as by hand."""
    photo = jpeg("chelsea", width=320)
    chosen = {"captions": {"prompt": "a photo of", "max_tokens": 7}, "text": {"model": "small-lines", "min_score": 0}}
    wanted = {kind: json.loads(json.dumps(plain(by_hand(kind, photo, **options)))) for kind, options in chosen.items()}
    answer = ask(client, [image(photo)], chosen)
    results = answer["data"][0]["results"]
    assert {kind: results[kind] for kind in chosen} == wanted
    assert results["captions"]["findings"][0]["text"].startswith("a photo of ")
    assert results["captions"]["truncated"]
    assert answer["receipts"]["captions"]["notice"].startswith("A caption is what the network finds likely")
    with grpc.insecure_channel(analysing_server.grpc_target) as channel:
        request = analyses_pb2.AnalyseRequest(
            input=[common_pb2.Item(image=photo)],
            analysers=analyses_pb2.Analysers(
                captions=analyses_pb2.CaptionOptions(prompt="a photo of", max_tokens=7),
                text=analyses_pb2.TextOptions(model="small-lines", min_score=0),
            ),
        )
        over_grpc = daguerre_pb2_grpc.DaguerreStub(channel).Analyse(request).analyses.answer_json
    assert json.loads(over_grpc)["data"][0]["results"] == results
    clip = make(frames=4, rate=2, size=(64, 64))
    item = {"video": harness.base64_of(clip), "sampling": {"policy": "every", "seconds": 1.0}}
    (entry,) = ask(client, [item], {"captions": {"max_tokens": 3}})["data"]
    assert [len(frame["results"]["captions"]["findings"]) for frame in entry["video"]["frames"]] == [1, 1]


def test_a_form_takes_the_analysers_as_json(client, captioned):
    files = [("input", ("caption.png", captioned, "image/png"))]
    answer = client.post("/v1/analyses", files=files, data={"analysers": '{"text": {}}'}, timeout=120)
    assert answer.status_code == 200, answer.text
    (entry,) = answer.json()["data"]
    assert entry["id"] == "caption.png"
    assert entry["results"] == ask(client, [image(captioned)], {"text": {}})["data"][0]["results"]


def test_boxes_are_in_pixels_of_the_upright_picture(client):
    """A picture on its side with EXIF orientation 6 is the same as the upright one."""
    upright = Image.open(io.BytesIO(jpeg("astronaut"))).convert("RGB").crop((0, 0, 400, 512))
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = []
    for picture, options in ((upright, {}), (lying, {"exif": exif})):
        out = io.BytesIO()
        picture.save(out, "PNG", **options)
        files.append(out.getvalue())
    first, second = ask(client, [image(file) for file in files], {"objects": {}, "visual": {}})["data"]
    assert (second["width"], second["height"]) == (400, 512)
    assert first["results"] == second["results"]


def test_places_in_a_crop_are_in_pixels_of_the_whole_upright_picture(client, analysing_server, captioned):
    """Those of the same pixels sent as a picture, moved by the corner of the crop; the picture lies on its side."""
    upright = Image.open(io.BytesIO(captioned))
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(out, "PNG", exif=exif)
    left, upper, width, height = 21, 13, 570, 380
    piece = io.BytesIO()
    upright.crop((left, upper, left + width, upper + height)).save(piece, "PNG")
    crop = {"x": left + 0.4, "y": upper - 0.4, "width": width, "height": height}
    analysers = {"text": {}, "objects": {"min_score": 0.2}, "visual": {}}
    items = [{**image(out.getvalue(), "whole"), "crop": crop}, image(piece.getvalue(), "piece")]
    found = ask(client, items, analysers)
    cropped, alone = found["data"]
    assert (cropped["width"], cropped["height"]) == upright.size
    assert (alone["width"], alone["height"]) == (width, height)
    assert cropped["crop"] == {**crop, "margin": 0.0}
    assert any(each.get("polygon") for each in alone["results"]["text"]["findings"])
    assert alone["results"]["objects"]["findings"]
    for kind, wanted in alone["results"].items():
        for each in wanted["findings"]:
            if "box" in each:
                each["box"] = {**each["box"], "x": each["box"]["x"] + left, "y": each["box"]["y"] + upper}
            if "polygon" in each:
                each["polygon"] = [[x + left, y + upper] for x, y in each["polygon"]]
        assert cropped["results"][kind] == wanted, kind
    request = analyses_pb2.AnalyseRequest(
        input=[common_pb2.Item(image=out.getvalue(), id="whole", crop=common_pb2.Crop(**crop))],
        analysers=analyses_pb2.Analysers(
            text=analyses_pb2.TextOptions(),
            objects=analyses_pb2.ObjectOptions(min_score=0.2),
            visual=analyses_pb2.VisualOptions(),
        ),
    )
    with grpc.insecure_channel(analysing_server.grpc_target) as channel:
        answer = daguerre_pb2_grpc.DaguerreStub(channel).Analyse(request).analyses.answer_json
    assert json.loads(answer)["data"] == [cropped]


def test_unusable_items_fail_alone(client):
    items = [image(jpeg("coffee", width=200), "good"), image(b"no image", "bad"), {"text": "a text", "id": "text"}]
    refused = client.post("/v1/analyses", json={"input": items, "analysers": {"visual": {}}})
    error = assert_error(refused, 422, "invalid_items")
    assert [item["id"] for item in error["items"]] == ["text"]
    answer = ask(client, items, {"visual": {}}, on_error="skip")
    codes = [entry.get("error", {}).get("code") for entry in answer["data"]]
    assert codes == [None, "unsupported_image", "missing_modality"]


@pytest.mark.parametrize(
    ("asked", "param", "words"),
    [
        ({}, "analysers", "names no analyser"),
        ({"people": {}}, "analysers.people", "people"),
        ({"objects": {"labels": ["persn"]}}, "analysers.objects.labels", "close to it: person"),
        ({"objects": {"min_score": 2}}, "analysers.objects.min_score", "2"),
        ({"classes": {"top": 0}}, "analysers.classes.top", "0"),
        ({"text": {"long_side": 99999}}, "analysers.text.long_side", "99999"),
        ({"captions": {"max_tokens": 65}}, "analysers.captions.max_tokens", "65"),
        ({"captions": {"prompt": "cat " * 16}}, "analysers.captions.prompt", "has 16 tokens, at most 15 are allowed"),
        ({"visual": {"anything": 1}}, "analysers.visual.anything", "anything"),
    ],
)
def test_bad_options_name_the_value_and_the_rule(client, asked, param, words):
    answer = client.post("/v1/analyses", json={"input": [image(jpeg("coffee", width=64))], "analysers": asked})
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["param"].startswith(param.rpartition(".")[0] or param)
    assert words in error["message"]


def test_an_analyser_that_is_not_served_is_named(client):
    body = {"input": [image(jpeg("coffee"))], "analysers": {"text": {"model": "x"}}}
    answer = client.post("/v1/analyses", json=body)
    error = assert_error(answer, 404, "unknown_model")
    assert "GET /v1/analysers" in error["message"]


def test_frames_of_a_video_have_results_of_their_own(client):
    """A picture that is there in the first half of a video alone; counted over time, as a request and as a job."""
    photo = np.asarray(Image.open(io.BytesIO(jpeg("astronaut"))).convert("RGB").resize((256, 256)))
    grey = np.full_like(photo, 128)
    clip = make(frames=20, rate=10, size=(256, 256), picture=lambda i, *_: photo if i < 10 else grey)
    item = {"video": harness.base64_of(clip), "id": "clip.mp4", "sampling": {"policy": "every", "seconds": 0.5}}
    analysers = {"objects": {"labels": ["person"]}, "visual": {}}
    body = {"input": [item], "analysers": analysers}
    (entry,) = ask(client, [item], analysers)["data"]
    frames = entry["video"]["frames"]
    assert [len(frame["results"]["objects"]["findings"]) for frame in frames] == [1, 1, 0, 0]
    assert [frame["timestamp"] for frame in frames] == [0.0, 0.5, 1.0, 1.5]
    assert entry["results"]["objects"]["values"]["objects"] == 0.5
    assert entry["results"]["objects"]["findings"] == []
    brightness = [frame["results"]["visual"]["values"]["brightness"] for frame in frames]
    assert entry["results"]["visual"]["values"]["brightness"] == pytest.approx(np.mean(brightness))
    job = client.post("/v1/analyses", json={**body, "mode": "job"})
    assert job.status_code == 202, job.text
    id = job.json()["id"]
    assert ended(client, job.json())["state"] == "succeeded"
    assert client.get(f"/v1/jobs/{id}/answer").json()["data"] == [entry]


def test_the_answer_of_a_job_over_grpc(analysing_server, client):
    clip = make(frames=4, rate=2, size=(64, 64))
    item = {"video": harness.base64_of(clip), "sampling": {"policy": "every", "seconds": 1.0}}
    job = client.post("/v1/analyses", json={"input": [item], "analysers": {"visual": {}}, "mode": "job"}).json()
    ended(client, job)
    with grpc.insecure_channel(analysing_server.grpc_target) as channel:
        stub = daguerre_pb2_grpc.DaguerreStub(channel)
        answer = stub.GetJobAnswer(job_answers_pb2.GetJobAnswerRequest(id=job["id"]))
    over_http = client.get(f"/v1/jobs/{job['id']}/answer").json()
    assert json.loads(answer.analyses.analyses.answer_json) == over_http
