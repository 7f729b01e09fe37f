"""Faces by a real server, over HTTP, gRPC and as jobs, against OpenCV's detector."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import cv2
import grpc
import numpy as np
import pytest
from PIL import Image

from daguerre_proto.v1 import analyses_pb2, common_pb2, daguerre_pb2_grpc
from tests.e2e import harness
from tests.e2e.harness import image
from tests.e2e.test_analyses import ask
from tests.e2e.test_video import ended
from tests.models.clips import make
from tests.models.face_samples import as_stored, crowd, opencv_faces
from tests.models.image_samples import encode, photo

POINTS = ["right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner"]


@pytest.fixture
def client(analysing_server: harness.Server):
    with analysing_server.client() as client:
        yield client


def rows(result) -> np.ndarray:
    """The findings of an answer as OpenCV gives them."""
    found = [
        [*each["box"].values(), *np.ravel([each["points"][name] for name in POINTS]), each["score"]]
        for each in result["findings"]
    ]
    return np.array(found).reshape(-1, 15)


def test_faces_are_those_of_opencv_in_every_orientation(client):
    """OpenCV reads the file, turns it by its EXIF orientation, and looks for faces: no code is shared."""
    files = [as_stored(crowd(140, 90, 60, 44, seed=orientation), orientation) for orientation in range(1, 9)]
    answer = ask(client, [image(file) for file in files], {"faces": {}})
    for file, entry in zip(files, answer["data"], strict=True):
        upright = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert (entry["height"], entry["width"]) == upright.shape[:2] == (400, 600)
        expected, found = opencv_faces(upright), rows(entry["results"]["faces"])
        assert len(found) == len(expected) == 4
        np.testing.assert_allclose(found, expected, atol=0.01)
        assert entry["results"]["faces"]["values"]["faces"] == 4
    assert answer["receipts"]["faces"]["notice"].startswith("A detector of faces: it misses")


def test_fifty_clients_with_different_numbers_of_faces_are_never_mixed(analysing_server):
    """Pictures of 0 to 9 faces and of several shapes, alone and among fifty callers at once."""
    shapes = [(600, 400), (400, 600), (640, 480)]
    pictures = [encode(crowd(*[70] * n, size=shapes[n % 3], seed=n), "PNG") for n in range(10)]

    def found(n: int) -> dict:
        with analysing_server.client(timeout=120) as client:
            return ask(client, [image(pictures[n])], {"faces": {}})["data"][0]["results"]["faces"]

    alone = [found(n) for n in range(10)]
    assert [each["values"]["faces"] for each in alone] == list(range(10))
    with ThreadPoolExecutor(50) as threads:
        assert list(threads.map(found, list(range(10)) * 10)) == alone * 10


def test_grpc_jobs_crops_and_videos_give_the_same(analysing_server, client):
    picture = encode(crowd(140, 60, 40), "PNG")
    wanted = ask(client, [image(picture, "p")], {"faces": {"size": 1280, "limit": 2}})
    assert wanted["options"]["faces"] == {"size": 1280, "min_score": 0.7, "limit": 2}
    assert wanted["data"][0]["results"]["faces"]["truncated"]
    with grpc.insecure_channel(analysing_server.grpc_target) as channel:
        request = analyses_pb2.AnalyseRequest(
            input=[common_pb2.Item(image=picture, id="p")],
            analysers=analyses_pb2.Analysers(faces=analyses_pb2.FaceOptions(size=1280, limit=2)),
        )
        answer = daguerre_pb2_grpc.DaguerreStub(channel).Analyse(request).analyses.answer_json
    assert json.loads(answer) == wanted

    upright = Image.open(io.BytesIO(picture))
    piece = encode(upright.crop((20, 0, 400, 200)), "PNG")
    crop = {"x": 20, "y": 0, "width": 380, "height": 200}
    cropped, alone = ask(client, [{**image(picture), "crop": crop}, image(piece)], {"faces": {}})["data"]
    moved = rows(alone["results"]["faces"])
    moved[:, [0, 4, 6, 8, 10, 12]] += 20
    np.testing.assert_allclose(rows(cropped["results"]["faces"]), moved, atol=1e-9)
    shares = [[each["share"] for each in entry["results"]["faces"]["findings"]] for entry in (cropped, alone)]
    assert shares[0] == shares[1]

    frames = [np.asarray(crowd(*[80] * n, size=(640, 360), seed=1)) for n in (1, 3, 0, 2)]
    clip = make(frames=4, rate=1, size=(640, 360), picture=lambda k, width, height: frames[k])
    body = {"input": {"video": harness.base64_of(clip)}, "analysers": {"faces": {}}, "mode": "job"}
    started = client.post("/v1/analyses", json=body)
    assert ended(client, started.json())["state"] == "succeeded"
    (entry,) = client.get(f"/v1/jobs/{started.json()['id']}/answer").json()["data"]
    assert [frame["results"]["faces"]["values"]["faces"] for frame in entry["video"]["frames"]] == [1, 3, 0, 2]
    assert entry["results"]["faces"]["values"]["faces"] == 1.5


def test_a_photo_without_faces_has_none(client):
    (entry,) = ask(client, [image(encode(photo("coffee"), "PNG"))], {"faces": {"size": 960}})["data"]
    assert entry["results"]["faces"] == {
        "findings": [],
        "values": {"faces": 0, "faces_largest": 0},
        "truncated": False,
        "remarks": [],
    }
