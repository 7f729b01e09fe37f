"""Videos as items over HTTP and gRPC, by a real server: frames equal to images, pooled, as jobs, hostile, on disk.

One server is enough: what differs between placements is where rows run, and frames are rows like any image's.
"""

import base64
import io
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict
from PIL import Image

from daguerre_proto.v1 import (
    classifiers_pb2,
    clusters_pb2,
    common_pb2,
    corpus_pb2,
    embeddings_pb2,
    job_answers_pb2,
    jobs_pb2,
    video_pb2,
    zero_shot_pb2,
)
from models.video.opening import VideoLimits
from models.video.policies import Evenly, Every, Shots
from models.video.sampling import find_shots, sample
from models.video.shots import Detector
from service.api.grpc.answers import job_answer
from tests.e2e import harness
from tests.e2e.grpc_calls import error, stub
from tests.e2e.harness import Server
from tests.models.clips import cut_clip, fetch, make

LABELS = ["a person riding a bicycle", "a cat", "a rocket launch"]
COLOURS = [(200, 30, 30), (20, 160, 40), (30, 40, 200)]
LIMITS = VideoLimits()


@pytest.fixture(scope="module")
def own(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DAGUERRE_HOME of its own: servers that share one do each other's jobs."""
    return harness.home_in(tmp_path_factory.mktemp("video"))


@pytest.fixture(scope="module")
def server(own: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("video-server")
    limits = {"DAGUERRE_MAX_BODY_BYTES": "2000000", "DAGUERRE_MAX_VIDEO_BYTES": "12000000"}
    settings = {"BENTOML_HOME": str(folder / "bentoml"), "DAGUERRE_MAX_VIDEO_FRAMES": "300", **limits}
    with harness.running(folder, settings={**settings, "DAGUERRE_HOME": str(own)}) as running:
        yield running


@pytest.fixture(scope="module")
def bikes() -> bytes:
    return fetch("bikes").read_bytes()


@pytest.fixture(scope="module")
def cuts() -> bytes:
    """Three shots of a second."""
    return cut_clip(COLOURS, 25, size=(96, 64))


def item(clip: bytes, **sampling) -> dict:
    return {"video": base64.b64encode(clip).decode(), **({"sampling": sampling} if sampling else {})}


def ask(client: httpx.Client, path: str, *items: dict, **options) -> dict:
    answer = client.post(path, json={"input": list(items), **options}, timeout=120)
    assert answer.status_code == 200, answer.text[:2000]
    return answer.json()


def png(pixels: np.ndarray) -> dict:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return {"image": base64.b64encode(out.getvalue()).decode()}


def upload(client: httpx.Client, clip: bytes, name: str = "clip.mp4") -> str:
    answer = client.post("/v1/files", params={"name": name}, content=clip, headers={"content-type": "video/mp4"})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def ended(client: httpx.Client, job: dict) -> dict:
    deadline = time.monotonic() + 60
    while (job := client.get(f"/v1/jobs/{job['id']}").json())["state"] in ("queued", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return job


def frames_of(entry: dict, name: str) -> np.ndarray:
    return np.array([frame[name] for frame in entry["video"]["frames"]], np.float64)


def test_frames_are_embedded_as_the_same_pictures_are(client: httpx.Client, bikes: bytes):
    """The sampled frames as PNG images, whose pixels are theirs."""
    answer = ask(client, "/v1/embeddings", item(bikes, policy="evenly", n=5))
    (entry,) = answer["data"]
    frames = list(sample(bikes, Evenly(n=5), limits=LIMITS))
    wanted = harness.embed(client, [png(frame.image) for frame in frames])
    assert frames_of(entry, "timestamp").tolist() == [frame.timestamp for frame in frames]
    assert harness.cosines(frames_of(entry, "embedding"), wanted) == pytest.approx(np.ones(5), abs=1e-6)
    mean = wanted.mean(axis=0) / np.linalg.norm(wanted.mean(axis=0))
    assert entry["embedding"] == pytest.approx(mean, abs=1e-5)
    video = entry["video"]
    assert (video["width"], video["height"], video["codec"], video["shots"]) == (640, 272, "h264", None)
    assert video["duration"] == pytest.approx(10, abs=0.1)
    assert video["sampling"]["pooling"] == "mean"
    assert answer["usage"]["total_tokens"] == 0


def test_a_frame_a_second_where_nothing_is_said_and_others_beside_it(client: httpx.Client, bikes: bytes):
    answer = ask(client, "/v1/embeddings", "a cat", item(bikes), png(np.zeros((40, 40, 3), np.uint8)))
    text, clip, image = answer["data"]
    assert frames_of(clip, "timestamp").tolist() == [
        f.timestamp for f in sample(bikes, Every(seconds=1), limits=LIMITS)
    ]
    assert ("video" in text, "video" in image) == (False, False)
    assert answer["data"][0]["embedding"] == pytest.approx(harness.embed(client, "a cat")[0], abs=1e-6)


@pytest.mark.parametrize(("pooling", "pool"), [("mean", np.mean), ("max", np.max)])
def test_scores_are_pooled_by_shot_and_by_video(client: httpx.Client, cuts: bytes, pooling, pool):
    options = {"labels": LABELS, "templates": ["{}"]}
    sampling = {"policy": "every", "seconds": 0.2, "find_shots": True, "pooling": pooling}
    (entry,) = ask(client, "/v1/zero-shot", item(cuts, **sampling), **options)["data"]
    scores, shots = frames_of(entry, "scores"), frames_of(entry, "shot").astype(int)
    wanted = find_shots(cuts, Detector(), limits=LIMITS)
    assert [(s["start"], s["end"]) for s in entry["video"]["shots"]] == [(s.start, s.end) for s in wanted]
    assert len(wanted) == 3
    assert entry["scores"] == pytest.approx(pool(scores, axis=0), abs=1e-6)
    for shot in entry["video"]["shots"]:
        assert shot["frames"] == (shots == shot["index"]).sum() == 5
        assert shot["scores"] == pytest.approx(pool(scores[shots == shot["index"]], axis=0), abs=1e-6)
        assert shot["label"] == LABELS[int(np.argmax(shot["scores"]))]
    frames = list(sample(cuts, Every(seconds=0.2), limits=LIMITS))
    as_images = ask(client, "/v1/zero-shot", *[png(f.image) for f in frames], **options)["data"]
    assert scores == pytest.approx(np.array([each["scores"] for each in as_images]), abs=1e-5)
    assert [f["label"] for f in entry["video"]["frames"]] == [each["label"] for each in as_images]


def test_top_k_and_none_of_these(client: httpx.Client, cuts: bytes):
    options = {"labels": LABELS, "none_of_these": {"min_cosine": 0.99}}
    (entry,) = ask(client, "/v1/zero-shot", item(cuts, pooling="top_k", top_k=2, seconds=0.5), **options)["data"]
    scores = frames_of(entry, "scores")
    assert len(scores) == 6
    assert entry["scores"] == pytest.approx(np.sort(scores, axis=0)[-2:].mean(axis=0), abs=1e-6)
    assert entry["label"] is None
    options["none_of_these"] = {"text": "a field of one colour"}
    (entry,) = ask(client, "/v1/zero-shot", item(cuts, policy="shots"), **options)["data"]
    assert entry["none_score"] == pytest.approx(frames_of(entry, "none_score").mean(), abs=1e-6)
    assert sum(entry["scores"]) + entry["none_score"] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("take", ["first", "middle"])
def test_one_frame_a_shot_thumbnails_and_scaled_decoding(client: httpx.Client, cuts: bytes, take: str):
    sampling = {"policy": "shots", "take": take, "thumbnail": 48}
    (entry,) = ask(client, "/v1/embeddings", item(cuts, **sampling))["data"]
    frames = list(sample(cuts, Shots(take=take), limits=LIMITS))
    assert frames_of(entry, "timestamp").tolist() == [frame.timestamp for frame in frames]
    for frame, colour in zip(entry["video"]["frames"], COLOURS, strict=True):
        picture = Image.open(io.BytesIO(base64.b64decode(frame["thumbnail"])))
        assert picture.size == (48, 32)
        assert np.abs(np.median(np.asarray(picture).reshape(-1, 3), axis=0) - colour).max() < 20
    wanted = harness.embed(client, [png(frame.image) for frame in frames])
    assert harness.cosines(frames_of(entry, "embedding"), wanted) == pytest.approx(np.ones(3), abs=1e-6)
    (scaled,) = ask(client, "/v1/embeddings", item(cuts, **sampling), decode="scaled")["data"]
    near = harness.cosines(frames_of(scaled, "embedding"), wanted)
    assert (near > 0.98).all()


def test_a_form_streams_the_clip_to_disk_and_keeps_nothing(own: Path, client: httpx.Client, bikes: bytes):
    """The body may be longer than what is held in memory; not so an image's."""
    long = bikes + bytes(3_000_000)  # an MP4 may be followed by anything
    long_image = harness.jpeg("coffee", width=200) + bytes(len(long))
    uploads = own / "uploads"
    files = [("input", ("bikes.mp4", long, "application/octet-stream")), ("input", (None, "a text"))]
    sampling = {"sampling": json.dumps({"policy": "evenly", "n": 3})}
    answer = client.post("/v1/embeddings", files=files, data=sampling, timeout=60)
    assert answer.status_code == 200, answer.text
    clip, text = answer.json()["data"]
    assert (clip["id"], len(clip["video"]["frames"]), "video" in text) == ("bikes.mp4", 3, False)
    assert not list(uploads.glob("upload_*"))
    with_image = client.post("/v1/embeddings", files=[("input", ("a.jpg", long_image, "image/jpeg"))])
    assert (with_image.status_code, with_image.json()["error"]["code"]) == (413, "body_too_large")
    too_long = client.post("/v1/embeddings", files=[("input", ("a.mp4", bytes(12_100_000), "video/mp4"))])
    assert (too_long.status_code, too_long.json()["error"]["code"]) == (413, "video_too_large")
    assert "DAGUERRE_MAX_VIDEO_BYTES" in too_long.json()["error"]["message"]
    assert not list(uploads.glob("upload_*"))


def test_a_clip_sent_ahead_is_used_and_deleted(client: httpx.Client, bikes: bytes):
    id = upload(client, bikes)
    card = client.get(f"/v1/files/{id}").json()
    assert (card["shape"], card["video"]["width"], card["bytes"]) == (None, 640, len(bikes))
    (entry,) = ask(client, "/v1/embeddings", {"video": {"file": id}}, sampling={"policy": "evenly", "n": 2})["data"]
    (inside,) = ask(client, "/v1/embeddings", item(bikes, policy="evenly", n=2))["data"]
    assert frames_of(entry, "embedding") == pytest.approx(frames_of(inside, "embedding"), abs=1e-6)
    as_vectors = {"modality": "image", "model": "m", "fingerprint": "f", "dimension": 2, "file": id}
    refused = client.post("/v1/clusters", json={"vectors": [as_vectors]})
    assert (refused.status_code, "is a video" in refused.json()["error"]["message"]) == (422, True)
    assert client.delete(f"/v1/files/{id}").status_code == 200
    gone = client.post("/v1/embeddings", json={"input": [{"video": {"file": id}}]})
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_file")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "invalid_file"),
        (b"#EXTM3U\nhttp://127.0.0.1/a.ts", 422, "invalid_file"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(100), 422, "invalid_video"),
    ],
)
def test_a_file_that_is_no_video_is_not_kept(own: Path, client: httpx.Client, content: bytes, status: int, code: str):
    before = set((own / "files").glob("file_*"))
    answer = client.post("/v1/files", content=content, headers={"content-type": "application/octet-stream"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert set((own / "files").glob("file_*")) == before


def test_a_broken_clip_fails_alone_and_is_named(client: httpx.Client, cuts: bytes):
    broken = {"video": base64.b64encode(cuts[:200]).decode(), "id": "broken"}
    answer = ask(client, "/v1/embeddings", item(cuts), broken, "a text", on_error="skip")
    assert [("error" in entry) for entry in answer["data"]] == [False, True, False]
    assert answer["data"][1]["error"]["code"] == "invalid_video"
    refused = client.post("/v1/zero-shot", json={"input": [item(cuts), broken], "labels": LABELS})
    assert (refused.status_code, refused.json()["error"]["items"][0]["id"]) == (422, "broken")
    for video, code in (("bm8=", "unsupported_video"), ("%%", "invalid_video"), ("", "invalid_video")):
        alone = client.post("/v1/embeddings", json={"input": [{"video": video}]})
        assert alone.status_code in (415, 422)
        assert alone.json()["error"]["code"] == code


def test_what_is_asked_for_is_checked(client: httpx.Client, cuts: bytes):
    for sampling, said in (
        ({"policy": "evenly"}, "policy evenly needs n"),
        ({"policy": "every", "n": 3}, "n applies only to policy evenly"),
        ({"seconds": 0}, "greater than 0"),
        ({"detector": {"ratio": 2}}, "detector needs shots"),
        ({"polcy": "every"}, "no such field"),
    ):
        answer = client.post("/v1/embeddings", json={"input": [item(cuts)], "sampling": sampling})
        assert answer.status_code == 422
        assert said in answer.json()["error"]["message"]
    for bad in ({"text": "a", "video": "b"}, {"text": "a", "sampling": {}}):
        assert client.post("/v1/embeddings", json={"input": [bad]}).status_code == 422
    many = client.post("/v1/embeddings", json={"input": [item(cuts, policy="every", seconds=0.001)] * 5}, timeout=60)
    assert (many.status_code, many.json()["error"]["items"][0]["code"]) == (422, "video_too_large")
    for path, body in (
        ("/v1/classifiers", {"name": "x", "task": "binary", "targets": ["a"]}),
        ("/v1/duplicates", {"kind": "semantic"}),
        ("/v1/images", {}),
    ):
        refused = client.post(path, json={"input": [item(cuts)], **body})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "unsupported_modality"), path


def test_frames_become_items_of_a_clustering(client: httpx.Client, cuts: bytes):
    """As the same pictures do, beside an image."""
    white = png(np.full((50, 50, 3), 255, np.uint8))
    answer = ask(client, "/v1/clusters", {**item(cuts, seconds=0.2), "id": "clip.mp4"}, white, method="kmeans", k=3)
    frames = list(sample(cuts, Every(seconds=0.2), limits=LIMITS))
    assert answer["ids"] == [*(f"clip.mp4@{frame.timestamp:.3f}" for frame in frames), "1"]
    assert answer["ids"][1] == "clip.mp4@0.200"
    wanted = ask(client, "/v1/clusters", *[png(frame.image) for frame in frames], white, method="kmeans", k=3)
    assert answer["labels"] == wanted["labels"]
    named = client.post("/v1/clusters", json={"input": [item(cuts)], "ids": ["a"], "method": "kmeans", "k": 2})
    assert (named.status_code, named.json()["error"]["param"]) == (422, "ids")


@pytest.fixture(scope="module")
def classifier(server: Server, cuts: bytes) -> dict:
    """Red frames from others, by their embeddings."""
    with server.client() as client:
        frames = list(sample(cuts, Every(seconds=0.08), limits=LIMITS))
        body = {
            "name": f"t-{uuid.uuid4().hex[:12]}",
            "task": "binary",
            "input": [png(frame.image) for frame in frames],
            "targets": ["red" if frame.timestamp < 1 else "other" for frame in frames],
            "labels": ["other", "red"],
            **{"strengths": [10.0], "folds": 3, "inner_folds": 2, "resamples": 50},
        }
        answer = client.post("/v1/classifiers", json=body, timeout=120)
        assert answer.status_code == 200, answer.text
        return answer.json()


def test_predictions_by_frame_shot_and_video(client: httpx.Client, classifier: dict, cuts: bytes):
    path = f"/v1/classifiers/{classifier['name']}/predict"
    clip = item(cuts, policy="every", seconds=0.5, find_shots=True, pooling="max")
    answer = ask(client, path, clip)
    (entry,) = answer["data"]
    assert [frame["label"] for frame in entry["video"]["frames"]] == ["red"] * 2 + ["other"] * 4
    assert [shot["label"] for shot in entry["video"]["shots"]] == ["red", "other", "other"]
    red = [frame["probabilities"]["red"] for frame in entry["video"]["frames"]]
    assert (entry["probabilities"]["red"], entry["label"]) == (pytest.approx(max(red)), "red")
    frames = list(sample(cuts, Every(seconds=0.5), limits=LIMITS))
    alone = ask(client, path, *[png(frame.image) for frame in frames])["data"]
    assert red == pytest.approx([each["probabilities"]["red"] for each in alone], abs=1e-5)
    crossed = client.post(path, json={"input": [clip], "crossed": True})
    assert (crossed.status_code, crossed.json()["error"]["param"]) == (422, "crossed")


@pytest.mark.parametrize("operation", ["embeddings", "zero-shot", "predict"])
def test_a_job_gives_what_the_request_would_have(
    own: Path, client: httpx.Client, classifier: dict, cuts: bytes, operation: str
):
    path = f"/v1/classifiers/{classifier['name']}/predict" if operation == "predict" else f"/v1/{operation}"
    options = {"labels": LABELS} if operation == "zero-shot" else {}
    id = upload(client, cuts)
    clip = {"video": {"file": id}, "id": "one", "sampling": {"policy": "shots", "thumbnail": 32}}
    now = ask(client, path, clip, **options)
    begun = client.post(path, json={"input": [clip, item(cuts, n=2, policy="evenly")], "mode": "job", **options})
    assert begun.status_code == 202, begun.text
    assert client.delete(f"/v1/files/{id}").status_code == 200  # the job has it
    job = ended(client, begun.json())
    assert (job["state"], job["kind"], job["result"]) == (
        *("succeeded", "video"),
        {"operation": operation.replace("-", "_"), "n": 2, "frames": 5},
    )
    answer = client.get(f"/v1/jobs/{job['id']}/answer").json()
    assert answer["data"][0].keys() == now["data"][0].keys()
    assert answer["data"][0]["video"]["shots"][0].keys() == now["data"][0]["video"]["shots"][0].keys()
    name = {"embeddings": "embedding", "zero-shot": "scores", "predict": "label"}[operation]
    if operation == "predict":
        assert answer["data"][0][name] == now["data"][0][name]
    else:
        assert answer["data"][0][name] == pytest.approx(now["data"][0][name], abs=1e-6)
    assert len(answer["data"][1]["video"]["frames"]) == 2
    left = sorted(path.name for path in (own / "jobs" / job["id"]).iterdir())
    assert left == ["result"], "the clips are not kept"


def test_jobs_are_refused_at_once_where_they_make_no_sense(client: httpx.Client, cuts: bytes):
    for body, said in (
        ({"input": ["a text"], "mode": "job"}, "is no video"),
        ({"input": [item(cuts)], "mode": "job", "dimensions": 7}, "dimensions"),
        ({"input": [item(cuts)], "mode": "job", "model": "nope"}, "there is no"),
    ):
        answer = client.post("/v1/embeddings", json=body)
        assert answer.status_code in (404, 422)
        assert said in answer.json()["error"]["message"]
    doubled = client.post("/v1/zero-shot", json={"input": [item(cuts)], "mode": "job", "labels": ["a", "a"]})
    assert doubled.status_code == 422
    unknown = client.get("/v1/jobs/job_00000000000000000000000000000000/answer")
    assert unknown.status_code == 404


def test_a_long_job_says_how_far_it_is_and_can_be_cancelled(own: Path, client: httpx.Client):
    clip = fetch("cuts").read_bytes()  # 212 s
    id = upload(client, clip)
    body = {"input": [{"video": {"file": id}}], "sampling": {"policy": "every", "seconds": 1.0}, "mode": "job"}
    job = client.post("/v1/embeddings", json=body).json()
    seen = []
    deadline = time.monotonic() + 60
    while not seen or seen[-1] < 0.05:
        now = client.get(f"/v1/jobs/{job['id']}").json()
        assert now["state"] in ("queued", "running"), now
        seen.append(now["progress"])
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert client.get(f"/v1/jobs/{job['id']}/answer").status_code == 409
    image = harness.image(harness.jpeg("coffee", width=200))
    assert harness.embed(client, [image]).shape[0] == 1, "nobody waits for a job"
    assert client.post(f"/v1/jobs/{job['id']}/cancel").status_code == 200
    assert ended(client, job)["state"] == "cancelled"
    assert not (own / "jobs" / job["id"]).exists()
    client.delete(f"/v1/files/{id}")


def test_a_broken_clip_fails_its_job(client: httpx.Client, cuts: bytes):
    job = client.post("/v1/embeddings", json={"input": [item(cuts[:300])], "mode": "job"}).json()
    found = ended(client, job)
    assert (found["state"], found["error"]["code"]) == ("failed", "invalid_video")


def test_grpc_answers_as_http_does(server: Server, client: httpx.Client, classifier: dict, cuts: bytes):
    sampling = video_pb2.Sampling(policy="every", seconds=0.5, find_shots=True, thumbnail=32)
    said = {"policy": "every", "seconds": 0.5, "find_shots": True, "thumbnail": 32}
    with stub(server) as call:
        pieces = [corpus_pb2.UploadFileRequest(name="clip.mp4", data=cuts[:1000])]
        pieces += [corpus_pb2.UploadFileRequest(data=cuts[1000:])]
        file = call.UploadFile(iter(pieces))
        assert (file.video.width, file.video.height, len(file.shape)) == (96, 64, 0)
        items = [
            common_pb2.Item(id="a", video=video_pb2.Video(data=cuts, sampling=sampling)),
            common_pb2.Item(video=video_pb2.Video(file=file.id)),
        ]
        embedded = call.Embed(embeddings_pb2.EmbedRequest(items=items))
        wanted = ask(client, "/v1/embeddings", {**item(cuts, **said), "id": "a"}, item(cuts))["data"]
        for mine, theirs in zip(embedded.data, wanted, strict=True):
            assert np.frombuffer(mine.vector, "<f4") == pytest.approx(np.array(theirs["embedding"]), abs=1e-6)
            rows = np.stack([np.frombuffer(frame.outcome.vector, "<f4") for frame in mine.video.frames])
            assert rows == pytest.approx(frames_of(theirs, "embedding"), abs=1e-6)
            assert [frame.timestamp for frame in mine.video.frames] == frames_of(theirs, "timestamp").tolist()
        first = embedded.data[0].video
        assert [(shot.start, shot.end, shot.frames) for shot in first.shots] == [
            (shot["start"], shot["end"], shot["frames"]) for shot in wanted[0]["video"]["shots"]
        ]
        assert first.frames[0].thumbnail[:2] == b"\xff\xd8"
        assert (first.facts.codec, first.sampling.find_shots, embedded.dimension) == ("h264", True, 1280)
        assert not embedded.data[1].video.shots

        options = common_pb2.ModelOptions(sampling=video_pb2.Sampling(policy="evenly", n=2), as_job=True)
        request = zero_shot_pb2.ZeroShotRequest(model_options=options, items=items[1:], labels=LABELS)
        job = call.ZeroShot(request).job
        ended(client, {"id": job.id})
        assert call.GetJob(jobs_pb2.GetJobRequest(id=job.id)).state == "succeeded"
        answer = call.GetJobAnswer(job_answers_pb2.GetJobAnswerRequest(id=job.id)).zero_shot
        options = embeddings_pb2.EmbedOptions(model_options=options)
        job = call.Embed(embeddings_pb2.EmbedRequest(options=options, items=items[1:])).job
        ended(client, {"id": job.id})
        rows = call.GetJobAnswer(job_answers_pb2.GetJobAnswerRequest(id=job.id)).embeddings
        (vectors,) = ask(client, "/v1/embeddings", item(cuts, policy="evenly", n=2))["data"]
        assert np.frombuffer(rows.data[0].vector, "<f4") == pytest.approx(np.array(vectors["embedding"]), abs=1e-6)
        post = classifiers_pb2.Post(video=video_pb2.Video(file=file.id))
        with pytest.raises(grpc.RpcError) as caught:
            call.DescribeImages(corpus_pb2.DescribeImagesRequest(input=[post]))
        assert error(caught.value)["code"] == "unsupported_modality"
        (direct,) = ask(client, "/v1/zero-shot", item(cuts, policy="evenly", n=2), labels=LABELS)["data"]
        assert list(answer.data[0].scores) == pytest.approx(direct["scores"], abs=1e-6)
        assert [list(f.outcome.scores) for f in answer.data[0].video.frames] == pytest.approx(
            frames_of(direct, "scores"), abs=1e-6
        )

        post = classifiers_pb2.Post(video=video_pb2.Video(file=file.id, sampling=sampling))
        predicted = call.Predict(classifiers_pb2.PredictRequest(classifier=classifier["name"], input=[post]))
        assert [frame.outcome.label for frame in predicted.data[0].video.frames] == ["red"] * 2 + ["other"] * 4
        clustered = call.Cluster(clusters_pb2.ClusterRequest(input=[post], method="kmeans", k=3))
        assert len(clustered.clustering.ids) == 6
        call.DeleteFile(corpus_pb2.DeleteFileRequest(id=file.id))
        assert "video" not in MessageToDict(predicted.receipt)


def page_of(client: httpx.Client, answer: bytes, **params) -> httpx.Response:
    """As curl sends a file with an answer."""
    headers = {"content-type": "application/json"}
    return client.post("/v1/timeline", content=answer, params=params, headers=headers, timeout=60)


def test_the_timeline_of_every_answer(server: Server, client: httpx.Client, classifier: dict, cuts: bytes):
    """Sent as they came, over HTTP and gRPC."""
    sampling = {"policy": "every", "seconds": 0.5, "find_shots": True, "thumbnail": 32}
    clip = {**item(cuts, **sampling), "id": "clip.mp4"}
    predict = f"/v1/classifiers/{classifier['name']}/predict"
    asked = {
        "zero_shot": ("/v1/zero-shot", {"input": [clip], "labels": LABELS}),
        "embeddings": ("/v1/embeddings", {"input": [clip], "encoding_format": "base64"}),
        "predict": (predict, {"input": [clip]}),
    }
    names = {"zero_shot": LABELS, "embeddings": ["cosine with the whole video"], "predict": ["red", "other"]}
    jobs = {kind: client.post(path, json={**body, "mode": "job"}).json() for kind, (path, body) in asked.items()}
    for kind, (path, body) in asked.items():
        answer = client.post(path, json=body, timeout=120)
        page = page_of(client, answer.content)
        assert page.status_code == 200, page.text
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.text.count("<image ") == 6  # in the wide drawing
        assert page.text.count("<use ") == 2  # in the narrow one, which has the pictures of the wide one
        assert page.text.count('<rect class="shot"') == 2
        for shown in ("clip.mp4", *names[kind], answer.json()["receipt"]["fingerprint"], "6\u00a0sampled frames"):
            assert shown in page.text, (kind, shown)
        assert "another name" in page_of(client, answer.content, title="another name", index=0).text
        message = job_answers_pb2.VideoTimelineRequest(answer=job_answer(kind, answer.json()))
        with stub(server) as call:
            assert call.VideoTimeline(message).html == page.text
            assert ended(client, jobs[kind])["state"] == "succeeded"
            id = jobs[kind]["id"]
            later = page_of(client, client.get(f"/v1/jobs/{id}/answer").content).text
            message.answer.CopyFrom(call.GetJobAnswer(job_answers_pb2.GetJobAnswerRequest(id=id)))
            assert call.VideoTimeline(message).html.count("<circle") == later.count("<circle") > 0
    metrics = client.get("/metrics").text
    for transport in ("http", "grpc"):
        assert f'daguerre_requests_total{{operation="timeline",status="200",transport="{transport}"}}' in metrics


def test_a_timeline_needs_a_video(client: httpx.Client, cuts: bytes):
    """Others are beside it, and an item that failed."""
    broken = {**item(b"no video"), "id": "broken"}
    options = {"labels": LABELS, "on_error": "skip", "sampling": {"policy": "evenly", "n": 2}}
    content = {"input": ["a text", broken, item(cuts), item(cuts)], **options}
    answer = client.post("/v1/zero-shot", json=content, timeout=120)
    for params in ({}, {"index": 0}, {"index": 1}, {"index": 4}):
        refused = page_of(client, answer.content, **params)
        assert (refused.status_code, refused.json()["error"]["param"]) == (422, "index")
        assert refused.json()["error"]["message"].endswith("choose one of 2, 3")
    assert page_of(client, answer.content, index=3).status_code == 200
    large = page_of(client, b'{"data": "' + b"a" * 2_000_001 + b'"}')
    assert (large.status_code, large.json()["error"]["code"]) == (413, "body_too_large")


def test_frames_that_nobody_wants_are_not_decoded(client: httpx.Client):
    """Of half a minute at 50 frames a second three are looked at."""
    clip = make(frames=1500, rate=50, size=(64, 48), options={"g": "25"})
    (entry,) = ask(client, "/v1/embeddings", item(clip, policy="evenly", n=3))["data"]
    assert len(entry["video"]["frames"]) == 3
    assert entry["video"]["report"]["decoded"] < 200


def test_a_shot_that_no_frame_was_taken_of_has_no_result(client: httpx.Client, cuts: bytes):
    clip = item(cuts, policy="every", seconds=1.5, find_shots=True)
    (entry,) = ask(client, "/v1/zero-shot", clip, labels=LABELS)["data"]
    assert [(shot["frames"], "scores" in shot) for shot in entry["video"]["shots"]] == [
        (1, True),
        (1, True),
        (0, False),
    ]
    (entry,) = ask(client, "/v1/embeddings", clip)["data"]
    assert ["embedding" in shot for shot in entry["video"]["shots"]] == [True, True, False]


def test_a_value_is_pooled_without_an_interval(client: httpx.Client, cuts: bytes):
    """Frames of one clip do not err independently."""
    frames = list(sample(cuts, Every(seconds=0.08), limits=LIMITS))
    body = {
        "name": f"t-{uuid.uuid4().hex[:12]}",
        "task": "continuous",
        "input": [png(frame.image) for frame in frames],
        "targets": [frame.timestamp for frame in frames],
        **{"strengths": [10.0], "folds": 3, "inner_folds": 2, "resamples": 50},
    }
    made = client.post("/v1/classifiers", json=body, timeout=120).json()
    clip = item(cuts, policy="evenly", n=4, find_shots=True)
    (entry,) = ask(client, f"/v1/classifiers/{made['name']}/predict", clip)["data"]
    values = frames_of(entry, "value")
    assert entry["value"] == pytest.approx(values.mean())
    assert entry["interval"] == [None, None]
    assert all(None not in frame["interval"] for frame in entry["video"]["frames"])
    assert [shot["interval"] for shot in entry["video"]["shots"] if shot["frames"]] == [[None, None]] * 3


@pytest.mark.thorough
@pytest.mark.parametrize("kill", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_job_outlives_its_server(home: Path, tmp_path: Path, kill: bool):
    """Killed, or stopped in order: the next server does it from its beginning."""
    settings = {"BENTOML_HOME": str(tmp_path / "bentoml")}
    server = harness.launch(tmp_path, settings=settings).wait_ready()
    sampling = {"policy": "every", "seconds": 0.2, "find_shots": True}
    with server.client() as client:
        clip = {"video": {"file": upload(client, fetch("cuts").read_bytes())}, "sampling": sampling}
        job = client.post("/v1/embeddings", json={"input": [clip], "mode": "job", "encoding_format": "base64"}).json()
        deadline = time.monotonic() + 60
        while client.get(f"/v1/jobs/{job['id']}").json()["progress"] < 0.05:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    if kill:
        for process in server.processes():
            process.kill()
        server.process.wait(10)
    else:
        assert server.stop() == 0
    with harness.running(tmp_path, settings=settings) as again, again.client() as client:
        assert ended(client, job)["state"] == "succeeded"
        answer = client.get(f"/v1/jobs/{job['id']}/answer").json()
        assert len(answer["data"][0]["video"]["frames"]) == len(
            list(sample(fetch("cuts"), Every(seconds=0.2), limits=LIMITS))
        )
