"""Vectors of faces by a real server: over HTTP, gRPC and as jobs, refused without the switch, and not kept."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest

from daguerre_proto.v1 import analyses_pb2, classifiers_pb2, common_pb2, corpus_pb2, daguerre_pb2_grpc
from tests import face_pictures
from tests.e2e import harness
from tests.e2e.harness import image
from tests.e2e.test_analyses import ask
from tests.e2e.test_video import ended
from tests.models.clips import make
from tests.models.face_samples import crowd
from tests.models.image_samples import encode, photo

KIND = "face_vectors"
pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")


@pytest.fixture
def client(analysing_server: harness.Server) -> Iterator[httpx.Client]:
    with analysing_server.client() as client:
        yield client


def vectors(entry: dict) -> np.ndarray:
    return np.array([each["vector"] for each in entry["results"][KIND]["findings"]], np.float32).reshape(-1, 128)


def block(rows: np.ndarray, **fields: str) -> dict:
    """Vectors of a request."""
    data = base64.b64encode(np.ascontiguousarray(rows, "<f4").tobytes()).decode()
    return {
        "modality": "face",
        "model": "sface",
        "fingerprint": "f",
        "dimension": rows.shape[1],
        "data": data,
        **fields,
    }


def test_a_finding_is_that_of_faces_with_a_unit_vector(client):
    six = image(face_pictures.picture(face_pictures.SIX), "six")
    answer = ask(client, [six], {KIND: {}, "faces": {}})
    (entry,) = answer["data"]
    found = vectors(entry)
    assert found.shape == (6, 128)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    bare = [
        {name: value for name, value in each.items() if name != "vector"} for each in entry["results"][KIND]["findings"]
    ]
    assert bare == entry["results"]["faces"]["findings"]
    assert answer["receipts"][KIND]["notice"].startswith("Vectors of faces are biometric data")
    packed = ask(client, [six], {KIND: {"encoding_format": "base64"}})["data"][0]["results"][KIND]["findings"]
    assert [np.frombuffer(base64.b64decode(each["vector"]), "<f4").tolist() for each in packed] == found.tolist()
    cards = client.get("/v1/analysers").json()["data"]
    (card,) = [card for card in cards if card["kind"] == KIND]
    assert (card["name"], card["default"], card["settings"]["threshold"]) == ("sface", True, 0.363)


def test_grpc_jobs_crops_and_frames_have_the_same_vectors(analysing_server, client):
    picture = encode(crowd(140, 60), "PNG")
    wanted = ask(client, [image(picture, "p")], {KIND: {"limit": 1}})
    with grpc.insecure_channel(analysing_server.grpc_target) as channel:
        request = analyses_pb2.AnalyseRequest(
            input=[common_pb2.Item(image=picture, id="p")],
            analysers=analyses_pb2.Analysers(face_vectors=analyses_pb2.FaceVectorOptions(limit=1)),
        )
        answer = daguerre_pb2_grpc.DaguerreStub(channel).Analyse(request).analyses.answer_json
    assert json.loads(answer) == wanted

    crop = {"x": 0, "y": 0, "width": 300, "height": 200}
    broken = {"image": base64.b64encode(b"no picture").decode(), "id": "broken"}
    body = {"input": [{**image(picture, "c"), "crop": crop}, broken], "analysers": {KIND: {}}, "on_error": "skip"}
    cropped, failed = client.post("/v1/analyses", json=body).json()["data"]
    assert vectors(cropped)[0] @ vectors(wanted["data"][0])[0] > 0.99
    assert failed["error"]["code"]

    frames = [np.asarray(crowd(*[80] * n, size=(640, 360), seed=1)) for n in (1, 0, 2)]
    clip = make(frames=3, rate=1, size=(640, 360), picture=lambda k, width, height: frames[k])
    started = client.post(
        "/v1/analyses", json={"input": {"video": harness.base64_of(clip)}, "analysers": {KIND: {}}, "mode": "job"}
    )
    assert ended(client, started.json())["state"] == "succeeded"
    (entry,) = client.get(f"/v1/jobs/{started.json()['id']}/answer").json()["data"]
    assert [len(vectors(frame)) for frame in entry["video"]["frames"]] == [1, 0, 2]


def test_nothing_of_the_vectors_is_on_disk_when_their_job_is_deleted(client, server):
    """All files below DAGUERRE_HOME are searched for the vectors as numbers, in base64 and as bytes."""
    frame = np.asarray(crowd(150, 90, size=(640, 360), seed=3))
    clip = make(frames=2, rate=1, size=(640, 360), picture=lambda k, width, height: frame)
    needles: set[bytes] = set()
    home = server.home
    earlier = set((home / "jobs").iterdir())  # of tests that failed: the same picture has the same vectors
    for form in ("float", "base64"):
        body = {
            "input": {"video": harness.base64_of(clip)},
            "analysers": {KIND: {"encoding_format": form}},
            "mode": "job",
        }
        job = ended(client, client.post("/v1/analyses", json=body).json())
        (entry,) = client.get(f"/v1/jobs/{job['id']}/answer").json()["data"]
        for each in entry["video"]["frames"][0]["results"][KIND]["findings"]:
            vector = each["vector"]
            if form == "base64":
                needles |= {vector[9:60].encode(), base64.b64decode(vector)[9:60]}
            else:
                needles |= {repr(number).encode() for number in vector[5:8]}
        assert [path for path in files(home, earlier) if contains(path, needles)]  # while it is there, it is found
        assert client.delete(f"/v1/jobs/{job['id']}").status_code == 200
        assert client.get(f"/v1/jobs/{job['id']}").status_code == 404
        assert not [path for path in files(home, earlier) if contains(path, needles)]


def files(home: Path, without: set[Path]) -> list[Path]:
    own = [path for path in home.iterdir() if path.name not in ("models", "analysers")]
    every = [path for part in own for path in ([part] if part.is_file() else part.rglob("*"))]
    return [path for path in every if not without & {path, *path.parents} and path.is_file()]


def contains(path: Path, needles: set[bytes]) -> bool:
    try:
        content = path.read_bytes()
    except OSError:  # deleted meanwhile
        return False
    return any(needle in content for needle in needles)


def test_fifty_clients_with_different_numbers_of_faces_are_never_mixed(analysing_server):
    pictures = [encode(crowd(*[70] * n, size=(600, 400), seed=n), "PNG") for n in range(5)]

    def found(n: int) -> dict:
        with analysing_server.client(timeout=240) as client:
            return ask(client, [image(pictures[n])], {KIND: {"encoding_format": "base64"}})["data"][0]["results"]

    alone = [found(n) for n in range(5)]
    assert [len(each[KIND]["findings"]) for each in alone] == list(range(5))
    with ThreadPoolExecutor(50) as threads:
        assert list(threads.map(found, list(range(5)) * 10)) == alone * 10


def test_search_duplicates_and_clusters_take_faces_alone(client):
    pictures = [image(face_pictures.picture(name), name) for name in ("obama.jpg", "obama2.jpg", "biden.jpg")]
    made = ask(client, pictures, {KIND: {}})
    rows = np.concatenate([vectors(entry) for entry in made["data"]])
    faces = block(rows, fingerprint=made["receipts"][KIND]["fingerprint"])
    near = client.post(
        "/v1/search", json={"vectors": [faces], "queries": block(rows[:1], fingerprint=faces["fingerprint"])}
    )
    assert [each["index"] for each in near.json()["data"][0]["neighbours"]] == [0, 1, 2]
    assert [each["cosine"] for each in near.json()["data"][0]["neighbours"]] == pytest.approx(rows[0] @ rows.T)
    same = client.post("/v1/duplicates", json={"vectors": [faces], "kind": "semantic", "threshold": 0.6}).json()
    assert [group["members"] for group in same["groups"]] == [[0, 1]] or len(same["groups"]) == 1
    groups = {"method": "agglomerative", "linkage": "average", "distance": 1 - 0.363}
    clusters = client.post("/v1/clusters", json={"vectors": [faces], **groups}).json()
    assert clusters["modality"] == "face"
    for path, body, message in (
        ("/v1/search", {"input": [{"text": "a man"}], "vectors": [faces]}, "a text or picture is none"),
        ("/v1/search", {"vectors": [{**faces, "modality": "image"}], "queries": faces}, "send them with modality face"),
        ("/v1/clusters", {"vectors": [faces, block(rows, modality="image")]}, "send them by themselves"),
        ("/v1/clusters", {"vectors": [faces], "vocabulary": ["a", "b"], **groups}, "leave it out"),
        ("/v1/zero-shot", {"vectors": [faces], "labels": ["a", "b"]}, "embed their crops as images"),
        ("/v1/zero-shot", {"vectors": [{**faces, "modality": "image"}], "labels": ["a", "b"]}, "embed their crops"),
        ("/v1/classifiers", {"name": "x", "vectors": [faces], "targets": ["a", "b", "a"]}, "embed their crops"),
        ("/v1/samples", {"vectors": [faces], "size": 1, "design": "purposive", "diversity": 0.5}, "embed their crops"),
        ("/v1/collections/faces-of-people/items", {"vectors": [faces], "ids": ["a", "b", "c"]}, "embed their crops"),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code == 422, (path, answer.text)
        assert message in answer.json()["error"]["message"]


def test_a_server_without_the_switch_refuses_and_does_not_list_them(strict_server):
    """Over HTTP with pictures and videos, as a job, and over gRPC; the table of bad input has vectors of requests."""
    picture = encode(photo("coffee")[:64, :64], "PNG")
    clip = make(frames=2, rate=1, size=(64, 48))
    with strict_server.client() as client:
        before = client.get("/v1/jobs").json()["data"]
        film = {"video": harness.base64_of(clip)}
        for body in ({"input": image(picture)}, {"input": film}, {"input": film, "mode": "job"}):
            answer = client.post("/v1/analyses", json={**body, "analysers": {KIND: {}}})
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (403, "switched_off"), error
            assert error["param"] == "analysers.face_vectors"
            assert "biometric data" in error["message"]
            assert "DAGUERRE_FACE_RECOGNITION=true; docs/faces.md" in error["message"]
        assert KIND not in {card["kind"] for card in client.get("/v1/analysers").json()["data"]}
        assert client.get("/v1/jobs").json()["data"] == before
    with grpc.insecure_channel(strict_server.grpc_target) as channel:
        stub = daguerre_pb2_grpc.DaguerreStub(channel)
        options = analyses_pb2.Analysers(face_vectors=analyses_pb2.FaceVectorOptions())
        faces = classifiers_pb2.Vectors(
            modality="face", model="m", fingerprint="f", dimension=1, data=np.ones(2, "<f4").tobytes()
        )
        for call, request in (
            (stub.Analyse, analyses_pb2.AnalyseRequest(input=[common_pb2.Item(image=picture)], analysers=options)),
            (stub.Search, corpus_pb2.SearchRequest(corpus=faces, queries=faces)),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                call(request)
            assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
            assert "DAGUERRE_FACE_RECOGNITION=true" in refused.value.details()
