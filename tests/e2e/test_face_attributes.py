"""Attributes of faces by a real server: HTTP, gRPC, jobs, crops and videos alike, and refused where they are off."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import daguerre
from daguerre import cli
from daguerre_proto.v1 import analyses_pb2, common_pb2, daguerre_pb2_grpc
from service.errors import Forbidden
from service.inference.switches import permitted_attributes
from service.settings import Settings
from tests.e2e import harness
from tests.e2e.harness import assert_error, image
from tests.e2e.test_analyses import ask
from tests.e2e.test_video import ended
from tests.models.clips import make
from tests.models.face_samples import crowd
from tests.models.image_samples import encode, photo

KIND = "face_attributes"
NONE = {"findings": [], "truncated": False, "remarks": [], "values": {KIND: 0, f"{KIND}_too_small": 0}}


@pytest.fixture
def client(analysing_server: harness.Server):
    with analysing_server.client(timeout=120) as client:
        yield client


def test_grpc_jobs_crops_and_videos_give_the_same(analysing_server, client):
    picture = encode(crowd(160, 120, 40), "PNG")
    wanted = ask(client, [image(picture, "p")], {KIND: {"attributes": ["gender", "age"], "size": 960}})
    assert wanted["options"][KIND] == {"attributes": ["gender", "age"], "size": 960, "min_score": 0.7, "limit": 100}
    assert wanted["receipts"][KIND]["notice"].startswith("Guesses of small networks")
    result = wanted["data"][0]["results"][KIND]
    assert result["values"] == {KIND: 2, f"{KIND}_too_small": 1}
    given = [each.get("attributes") for each in result["findings"]]
    assert sum(each is None for each in given) == 1
    assert all(set(each) == {"crops", "apparent_age", "perceived_gender"} for each in given if each)
    with grpc.insecure_channel(analysing_server.grpc_target) as channel:
        options = analyses_pb2.FaceAttributeOptions(attributes=["gender", "age"], size=960)
        request = analyses_pb2.AnalyseRequest(
            input=[common_pb2.Item(image=picture, id="p")], analysers=analyses_pb2.Analysers(face_attributes=options)
        )
        answer = daguerre_pb2_grpc.DaguerreStub(channel).Analyse(request).analyses.answer_json
    assert json.loads(answer) == wanted

    piece = encode(Image.open(io.BytesIO(picture)).crop((0, 0, 300, 300)), "PNG")
    crop = {"x": 0, "y": 0, "width": 300, "height": 300}
    cropped, alone = ask(client, [{**image(picture), "crop": crop}, image(piece)], {KIND: {}})["data"]
    assert cropped["results"] == alone["results"]

    frames = [np.asarray(crowd(*[120] * n, size=(640, 360), seed=1)) for n in (1, 2, 0)]
    clip = make(frames=3, rate=1, size=(640, 360), picture=lambda k, width, height: frames[k])
    body = {"input": {"video": harness.base64_of(clip)}, "analysers": {KIND: {"attributes": ["gender"]}}}
    started = client.post("/v1/analyses", json={**body, "mode": "job"})
    assert ended(client, started.json())["state"] == "succeeded"
    (entry,) = client.get(f"/v1/jobs/{started.json()['id']}/answer").json()["data"]
    assert [frame["results"][KIND]["values"][KIND] for frame in entry["video"]["frames"]] == [1, 2, 0]
    assert "perceived_gender" in entry["video"]["frames"][0]["results"][KIND]["findings"][0]["attributes"]


def test_a_photo_without_faces_has_none_and_the_default_is_what_is_permitted(client):
    answer = ask(client, [image(encode(photo("coffee"), "PNG"))], {KIND: {}})
    assert answer["data"][0]["results"][KIND] == NONE
    assert answer["options"][KIND]["attributes"] == ["age", "gender", "expression"]


def test_fifty_clients_with_different_numbers_of_faces_are_never_mixed(analysing_server):
    pictures = [encode(crowd(*[110] * n, size=[(600, 400), (400, 600)][n % 2], seed=n), "PNG") for n in range(5)]

    def found(n: int) -> dict:
        with analysing_server.client(timeout=300) as client:
            return ask(client, [image(pictures[n])], {KIND: {"attributes": ["gender", "expression"]}})["data"][0]

    alone = [found(n) for n in range(5)]
    assert [each["results"][KIND]["values"][KIND] for each in alone] == list(range(5))
    with ThreadPoolExecutor(50) as threads:
        assert list(threads.map(found, list(range(5)) * 10)) == alone * 10


def test_without_the_switch_everything_is_refused(strict, strict_server, tmp_path):
    """HTTP, gRPC, a video, a job, the SDK and the command line; the reason and the setting are said."""
    setting = "DAGUERRE_FACE_ATTRIBUTES=age,gender,expression"
    picture = encode(crowd(120), "PNG")
    clip = {"video": harness.base64_of(make(frames=2, rate=1, size=(64, 64)))}
    for given, more in (([image(picture)], {}), (clip, {}), (clip, {"mode": "job"})):
        answer = strict.post("/v1/analyses", json={"input": given, "analysers": {KIND: {}}, **more})
        assert_error(answer, 403, "switched_off")
        assert setting in answer.json()["error"]["message"]
        assert "guesses about persons" in answer.json()["error"]["message"]
    with grpc.insecure_channel(strict_server.grpc_target) as channel:
        request = analyses_pb2.AnalyseRequest(
            input=[common_pb2.Item(image=picture)],
            analysers=analyses_pb2.Analysers(face_attributes=analyses_pb2.FaceAttributeOptions()),
        )
        with pytest.raises(grpc.RpcError) as refused:
            daguerre_pb2_grpc.DaguerreStub(channel).Analyse(request)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    (tmp_path / "p.png").write_bytes(picture)
    with daguerre.Client(strict_server.url) as client:
        for call in (
            lambda: client.face_attributes(tmp_path),
            lambda: client.analyse_corpus(tmp_path, tmp_path / "out.parquet", {KIND: {}}),
        ):
            with pytest.raises(daguerre.PermissionDeniedError, match=setting):
                call()
    for out in ("a.csv", "a.parquet"):
        arguments = ["--url", strict_server.url, KIND.replace("_", "-"), str(tmp_path), "-o", str(tmp_path / out)]
        done = CliRunner().invoke(cli.main, arguments)
        assert done.exit_code != 0
        assert setting in done.output


def test_an_attribute_that_the_owner_does_not_permit_is_refused_by_name():
    everything = ("age", "gender", "expression")
    some = Settings(face_attributes=("expression",))
    assert permitted_attributes(some, everything, ()) == ("expression",)
    assert permitted_attributes(some, everything, ("expression", "expression")) == ("expression",)
    for offered, wanted in ((everything, ("expression", "age")), (("age",), ())):
        with pytest.raises(
            Forbidden, match=r"'age' is switched off .*DAGUERRE_FACE_ATTRIBUTES=expression,age"
        ) as refused:
            permitted_attributes(some, offered, wanted)
        assert refused.value.code == "switched_off"


def test_a_hostile_number_of_large_faces_is_bounded(client: httpx.Client):
    """A tile of 400 faces that are large enough: at most `limit` are given, and the answer says so."""
    tile = crowd(*[100] * 400, size=(1280, 2000))
    answer = ask(client, [image(encode(tile, "JPEG"))], {KIND: {"attributes": ["gender"], "limit": 20, "size": 1280}})
    result = answer["data"][0]["results"][KIND]
    assert len(result["findings"]) == 20
    assert result["truncated"]
    assert any("the limit of faces with attributes is 100" in remark for remark in result["remarks"])
