"""A full disk is said in words, reads go on, nothing half-written stays, and with room everything works again."""

import base64
import io
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest

from daguerre_proto.v1 import classifiers_pb2, corpus_pb2, jobs_pb2
from tests.e2e import harness
from tests.e2e.grpc_calls import error, stub
from tests.e2e.harness import Server, assert_error

SIZE = 12 * 2**20
QUICK = {"folds": 2, "inner_folds": 2, "resamples": 20, "strengths": [1.0]}


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("small-disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a file system of its own size can be mounted only by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def server(home: Path, small_disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    (small_disk / "models").symlink_to((home / "models").resolve())
    settings = {"DAGUERRE_HOME": str(small_disk), "DAGUERRE_PLACEMENT": "inline"}
    with harness.running(tmp_path_factory.mktemp("full-disk-server"), settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def kept(server: Server) -> dict[str, str]:
    """Things from the time before the disk was full."""
    with server.client() as client:
        clusters = client.post("/v1/clusters", json={"input": list(texts("abcdef")), "method": "kmeans", "k": 2})
        assert clusters.status_code == 200, clusters.text
        assert train(client, "before").status_code == 200
        file = upload(client, np.eye(5, dtype=np.float32))
        assert file.status_code == 201
        return {"job": clusters.json()["id"], "file": file.json()["id"]}


def texts(words: str) -> Iterator[dict[str, str]]:
    yield from ({"text": f"a text about {word}", "id": word} for word in words)


def train(client: httpx.Client, name: str, **fields: Any) -> httpx.Response:
    items = [{"text": f"{'good' if i % 2 else 'bad'} text {i}"} for i in range(12)]
    body = {"name": name, "input": items, "targets": ["good" if i % 2 else "bad" for i in range(12)], **QUICK, **fields}
    return client.post("/v1/classifiers", json=body)


def upload(client: httpx.Client, rows: Any) -> httpx.Response:
    data = io.BytesIO()
    np.save(data, rows)
    headers = {"content-type": "application/octet-stream"}
    return client.post("/v1/files", content=data.getvalue(), headers=headers)


def video(client: httpx.Client) -> httpx.Response:
    files = [("input", ("clip.mp4", bytes(4) + b"ftypisom" + bytes(2 * 2**20), "video/mp4"))]
    return client.post("/v1/embeddings", files=files)


def job_of_vectors(client: httpx.Client) -> httpx.Response:
    rows = np.random.default_rng(0).normal(size=(2000, 512)).astype("<f4")
    block = {"modality": "image", "model": "m", "fingerprint": "f", "dimension": 512}
    block["data"] = base64.b64encode(rows.tobytes()).decode()
    return client.post("/v1/clusters", json={"vectors": [block], "method": "kmeans", "k": 2, "mode": "job"})


WRITES = {
    "upload": lambda client: upload(client, np.zeros((2000, 256), np.float32)),
    "video in a form": video,
    "job with vectors": job_of_vectors,
    "training": lambda client: train(client, "full", mode="job"),
    "training that is waited for": lambda client: train(client, "full"),
    "clustering": lambda client: client.post("/v1/clusters", json={"input": list(texts("abcdef")), "method": "kmeans"}),
}
READS = ("/v1/jobs", "/v1/jobs/{job}", "/v1/jobs/{job}/result", "/v1/clusters/{job}", "/v1/clusters/{job}/report.html")
READS += ("/v1/files", "/v1/files/{file}", "/v1/classifiers", "/v1/classifiers/before", "/metrics", "/readyz", "/livez")
READS += ("/v1/classifiers/before/report.html", "/v1/classifiers/before/onnx", "/v1/models")


def fill(filling: Path) -> None:
    """Write a file until its disk is full."""
    with filling.open("wb", buffering=0) as file:
        size = 2**20
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


@pytest.fixture
def full(small_disk: Path, kept: dict[str, str]) -> Iterator[Path]:
    """No byte is free, until the file is removed."""
    filling = small_disk / "filling"
    fill(filling)
    free = os.statvfs(small_disk)
    assert free.f_bfree == 0
    yield filling
    filling.unlink(missing_ok=True)


def left_in(home: Path) -> set[str]:
    places = ("uploads/*", "files/*", "jobs/job_*", "classifiers/*", "classifiers/*/*", "classifiers/*/.*")
    return {str(path.relative_to(home)) for pattern in places for path in home.glob(pattern)}


@pytest.mark.thorough
@pytest.mark.parametrize("name", WRITES)
def test_a_full_disk_is_507_in_words_and_nothing_half_written_stays(
    server: Server, kept: dict[str, str], small_disk: Path, full: Path, name: str
) -> None:
    before = left_in(small_disk)
    with server.client() as client:
        said = assert_error(WRITES[name](client), 507, "disk_full")
        assert "the server's disk is full" in said["message"]
        assert "DAGUERRE_HOME" in said["message"]
        assert left_in(small_disk) == before
        full.unlink()
        again = WRITES[name](client)
        assert again.status_code != 507, again.text
        assert again.status_code < 500, again.text


def test_reads_and_predictions_go_on(server: Server, kept: dict[str, str], full: Path) -> None:
    with server.client() as client:
        for _ in range(3):
            for path in READS:
                answer = client.get(path.format(**kept))
                assert answer.status_code == 200, f"{path}: {answer.text}"
        for i in range(40):  # counts of new kinds are kept in mapped files, whose growth must not kill the process
            assert client.get(f"/v1/files/none{i}").status_code == 404
            assert client.get(f"/v1/models/none{i}").status_code == 404
        assert client.post("/v1/embeddings", json={"input": ["a", "b"]}).status_code == 200
        assert client.post("/v1/zero-shot", json={"input": ["a"], "labels": ["b", "c"]}).status_code == 200
        predicted = client.post("/v1/classifiers/before/predict", json={"input": list(texts("a"))})
        assert predicted.status_code == 200
        picture = harness.jpeg("rocket", width=64)
        for path in ("/v1/images", "/v1/embeddings", "/v1/classifiers/nothing/predict", "/v1/search", "/v1/pairs"):
            assert client.post(path, files=[("input", ("a.jpg", picture))]).status_code < 500
    with stub(server) as calling:
        assert calling.GetJob(jobs_pb2.GetJobRequest(id=kept["job"])).state == "succeeded"
        assert len(calling.ListClassifiers(classifiers_pb2.ListClassifiersRequest()).classifiers) >= 1


def test_over_grpc_it_is_resource_exhausted(server: Server, kept: dict[str, str], full: Path) -> None:
    def chunks() -> Iterator[corpus_pb2.UploadFileRequest]:
        data = io.BytesIO()
        np.save(data, np.zeros((2000, 256), np.float32))
        yield corpus_pb2.UploadFileRequest(data=data.getvalue())

    with stub(server) as calling, pytest.raises(grpc.RpcError) as caught:
        calling.UploadFile(chunks())
    said = error(caught.value)
    assert (said["grpc"], said["status"], said["code"]) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 507, "disk_full")


def test_a_job_whose_disk_fills_up_fails_with_that_code_or_waits_for_room(
    server: Server, kept: dict[str, str], small_disk: Path
) -> None:
    filling = small_disk / "filling"
    with server.client() as client:
        try:
            jobs = [train(client, "while-filling", mode="job", resamples=2000).json()["id"] for _ in range(3)]
            fill(filling)
            for _ in range(30):  # their state can be read all the time
                assert all(client.get(f"/v1/jobs/{id}").status_code == 200 for id in jobs)
                time.sleep(0.1)
        finally:
            filling.unlink()
        for id in jobs:
            end = time.monotonic() + 60
            while (job := client.get(f"/v1/jobs/{id}").json())["state"] in ("queued", "running"):
                assert time.monotonic() < end, job
                time.sleep(0.2)
            assert job["state"] == "succeeded" or job["error"]["code"] == "disk_full", job


def test_jobs_files_and_classifiers_can_be_deleted_to_make_room(
    server: Server, kept: dict[str, str], full: Path
) -> None:
    with server.client() as client:
        assert client.delete("/v1/classifiers/before").status_code == 200
        assert client.delete(f"/v1/jobs/{kept['job']}").status_code == 200
        assert not (full.parent / "jobs" / kept["job"]).exists()
        assert client.delete(f"/v1/files/{kept['file']}").status_code == 200
