"""Slow, stalled and large uploads against a real server with small limits."""

import http.client
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
from PIL import Image

from daguerre_proto.v1 import common_pb2, corpus_pb2, daguerre_pb2, embeddings_pb2
from daguerre_proto.v1.daguerre_pb2_grpc import DaguerreStub
from tests.e2e import harness
from tests.e2e.harness import Server

SERVICE = daguerre_pb2.DESCRIPTOR.services_by_name["Daguerre"].full_name
SECONDS = 6.0  # of a slow upload
TIMEOUT = 4  # of a request
MIB = 2**20
LIMIT = 64 * MIB  # of all bodies


@pytest.fixture(scope="module")
def narrow(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose requests may take four seconds, with 64 MiB for all bodies."""
    folder = tmp_path_factory.mktemp("narrow")
    settings = {
        "BENTOML_HOME": str(folder / "bentoml"),
        "DAGUERRE_REQUEST_TIMEOUT": str(TIMEOUT),
        "DAGUERRE_MAX_BODY_BYTES": str(LIMIT // 4),
        "DAGUERRE_MAX_BODIES_BYTES": str(LIMIT),
    }
    with harness.running(folder, settings=settings) as running:
        yield running


def array(rows: int = 100) -> bytes:
    out = io.BytesIO()
    np.save(out, np.zeros((rows, 4), np.float32))
    return out.getvalue()


def slowly(content: bytes, seconds: float = SECONDS, parts: int = 10) -> Iterator[bytes]:
    size = -(-len(content) // parts)
    for start in range(0, len(content), size):
        time.sleep(seconds / parts)
        yield content[start : start + size]


def at_once(work: Callable[[int], Any], number: int) -> list[Any]:
    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(work, range(number)))


FORM = b'--B\r\nContent-Disposition: form-data; name="input"\r\n\r\na cat\r\n--B--\r\n'


UPLOADS = {
    "json": ("/v1/embeddings", "application/json", json.dumps({"input": ["a cat"]}).encode(), 200),
    "form": ("/v1/embeddings", "multipart/form-data; boundary=B", FORM, 200),
    "file": ("/v1/files", "application/octet-stream", array(), 201),
}


@pytest.mark.thorough
def test_a_steady_slow_upload_is_not_cut(narrow: Server) -> None:
    variants = [(name, chunked) for name in UPLOADS for chunked in (False, True)]

    def work(i: int) -> tuple[int, bytes]:
        (path, kind, content, _), chunked = UPLOADS[variants[i][0]], variants[i][1]
        connection = http.client.HTTPConnection("127.0.0.1", narrow.port, timeout=30)
        headers = {"content-type": kind} | ({} if chunked else {"content-length": str(len(content))})
        with closing(connection):
            connection.request("POST", path, slowly(content), headers, encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, answer.read()

    answers = at_once(work, len(variants))
    for (name, _), (status, text) in zip(variants, answers, strict=True):
        assert status == UPLOADS[name][3], (name, text)


@pytest.mark.thorough
def test_steady_slow_streams_of_grpc_are_not_cut(narrow: Server) -> None:
    with grpc.insecure_channel(narrow.grpc_target) as channel:
        stub = DaguerreStub(channel)

        def chunks() -> Iterator[corpus_pb2.UploadFileRequest]:
            for part in slowly(array()):
                yield corpus_pb2.UploadFileRequest(name="slow.npy", data=part)

        assert stub.UploadFile(chunks(), timeout=30).bytes == len(array())

        def items() -> Iterator[embeddings_pb2.EmbedStreamRequest]:
            for text in ("a cat", "a dog", "a bird"):
                time.sleep(SECONDS / 3)
                yield embeddings_pb2.EmbedStreamRequest(items=[common_pb2.Item(text=text)])

        assert sum(len(answer.data) for answer in stub.EmbedStream(items(), timeout=30)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["json", "file"])
def test_an_upload_of_four_hundred_seconds_is_not_cut(server: Server, kind: str) -> None:
    content = json.dumps({"input": ["a cat"], "model": None}).encode() if kind == "json" else array(40_000)
    content += b" " * 500_000 if kind == "json" else b""
    path, header = (
        ("/v1/embeddings", "application/json") if kind == "json" else ("/v1/files", "application/octet-stream")
    )
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=500)
    headers = {"content-type": header, "content-length": str(len(content))}
    connection.request("POST", path, slowly(content, 400, 200), headers)
    assert connection.getresponse().status < 300
    connection.close()


@pytest.mark.parametrize("encoding", ["Identity", " IDENTITY", "identity", ""])
def test_an_encoding_of_no_change_is_read_whatever_its_case(narrow: Server, encoding: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", narrow.port, timeout=30)
    headers = {"content-type": "application/json", "content-encoding": encoding}
    connection.request("POST", "/v1/embeddings", b'{"input":"a cat"}', headers)
    assert connection.getresponse().status == 200
    connection.close()


class Memory(threading.Thread):
    """Looks at the resident memory of a server's processes; `most` is the largest sum, in bytes."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self._processes = server.processes()
        self._ended = threading.Event()
        self.first = self.most = self._sum()

    def _sum(self) -> int:
        return sum(process.memory_info().rss for process in self._processes)

    def run(self) -> None:
        while not self._ended.wait(0.02):
            self.most = max(self.most, self._sum())

    def __enter__(self) -> "Memory":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    @property
    def rise(self) -> int:
        return self.most - self.first


def test_messages_of_grpc_at_once_stay_within_the_memory(narrow: Server) -> None:
    noise = np.random.default_rng(1).bytes(LIMIT // 5)
    raw = embeddings_pb2.EmbedRequest(items=[{"image": noise}]).SerializeToString()
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]

    def work(_: int) -> grpc.StatusCode:
        with grpc.insecure_channel(narrow.grpc_target, options=options) as channel:
            try:
                channel.unary_unary(f"/{SERVICE}/Embed")(raw, timeout=60)
            except grpc.RpcError as exc:
                return exc.code()
        return grpc.StatusCode.OK

    with Memory(narrow) as memory:
        statuses = at_once(work, 16)
    assert not set(statuses) & {grpc.StatusCode.OK, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
    assert grpc.StatusCode.RESOURCE_EXHAUSTED in statuses
    assert grpc.StatusCode.INVALID_ARGUMENT in statuses  # the noise is no image: these were read
    assert memory.rise < 7 * LIMIT  # 16 messages are 3.2 times the limit, and with their copies 12 times
    with grpc.insecure_channel(narrow.grpc_target) as channel:
        answer = DaguerreStub(channel).Embed(embeddings_pb2.EmbedRequest(items=[{"text": "a cat"}]), timeout=30)
        assert len(answer.data) == 1


def test_json_bodies_at_once_stay_within_the_memory(narrow: Server) -> None:
    body = b'{"input":[{"image":"' + b"A" * (LIMIT // 5) + b'"}]}'

    def work(_: int) -> int:
        with narrow.client(event_hooks={}) as client:
            return client.post("/v1/embeddings", content=body, headers={"content-type": "application/json"}).status_code

    with Memory(narrow) as memory:
        statuses = at_once(work, 16)
    assert set(statuses) <= {415, 429, 504}  # what was read is no image
    assert {415, 429} <= set(statuses)
    assert memory.rise < 5 * LIMIT


def test_large_images_do_not_keep_another_waiting(narrow: Server) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (6000, 6000), (1, 2, 3, 128)).save(out, "WEBP", lossless=True)  # 750 MB while it is decoded
    large, small = out.getvalue(), harness.jpeg("astronaut", width=300)
    assert len(large) < 10_000
    ended = threading.Event()

    def attack(_: int) -> None:
        with narrow.client(event_hooks={}) as client:
            while not ended.is_set():
                client.post("/v1/embeddings", files=[("input", (f"{i}.webp", large)) for i in range(5)])

    threads = [threading.Thread(target=attack, args=(i,), daemon=True) for i in range(6)]
    try:
        with Memory(narrow) as memory:
            for thread in threads:
                thread.start()
            time.sleep(1)
            waits = []
            with narrow.client(timeout=30) as client:
                for _ in range(3):
                    began = time.monotonic()
                    answer = client.post("/v1/embeddings", files=[("input", ("a.jpg", small))])
                    waits.append(time.monotonic() - began)
                    assert answer.status_code == 200, answer.text
        assert min(waits) < 2
        assert memory.rise < 1300 * MIB
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)
    assert psutil.Process(narrow.process.pid).is_running()
