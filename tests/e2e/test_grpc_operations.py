"""Running gRPC: health that tells the truth, reflection, ports, several workers, keys, and how it stops."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from daguerre_proto.v1 import daguerre_pb2
from daguerre_proto.v1.common_pb2 import Item
from daguerre_proto.v1.embeddings_pb2 import EmbedRequest, EmbedStreamRequest
from daguerre_proto.v1.models_pb2 import ListModelsRequest
from service import __version__
from tests.e2e import harness
from tests.e2e.grpc_calls import channel, error, stub
from tests.e2e.harness import Server, jpeg, metrics

SERVICE = "daguerre_proto.v1.Daguerre"
PHOTO = jpeg("chelsea", width=300)
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


def check(opened: grpc.Channel, service: str = "") -> int:
    asked = health_pb2_grpc.HealthStub(opened).Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    return int(asked.status)


def reflect(opened: grpc.Channel, **question: str) -> reflection_pb2.ServerReflectionResponse:
    (answer,) = reflection_pb2_grpc.ServerReflectionStub(opened).ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(**question)]), timeout=5
    )
    return answer


def test_reflection_lists_services_methods_and_messages(server: Server) -> None:
    """What grpcurl does for `list` and `describe`."""
    with channel(server) as opened:
        services = {found.name for found in reflect(opened, list_services="").list_services_response.service}
        assert services == {SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
        files = [
            FileDescriptorProto.FromString(data)
            for symbol in (SERVICE, "daguerre_proto.v1.EmbedRequest", "daguerre_proto.v1.Error")
            for data in reflect(opened, file_containing_symbol=symbol).file_descriptor_response.file_descriptor_proto
        ]
    methods = {method.name for file in files for found in file.service for method in found.method}
    assert methods == {method.name for method in daguerre_pb2.DESCRIPTOR.services_by_name["Daguerre"].methods}
    assert {"Embed", "EmbedStream", "TrainClassifier", "GetJob"} <= methods
    fields = {field.name for file in files for kind in file.message_type if kind.name == "Item" for field in kind.field}
    assert fields == {"id", "text", "image", "video", "crop"}


def test_health_answers_for_the_server_and_the_service_and_nothing_else(server: Server) -> None:
    with channel(server) as opened:
        assert check(opened) == check(opened, SERVICE) == SERVING
        with pytest.raises(grpc.RpcError) as caught:
            check(opened, "other.Service")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert "other.Service" in caught.value.details()


def test_health_switches_with_readiness(home: Path, tmp_path: Path, placement: str) -> None:
    """Watched from before the models are loaded to the end; Check agrees with /readyz."""
    settings = {"BENTOML_HOME": str(tmp_path / "bentoml"), "DAGUERRE_PLACEMENT": placement}
    server = harness.launch(tmp_path, settings=settings)
    seen: list[int] = []
    with channel(server) as opened:

        def watch() -> None:
            request = health_pb2.HealthCheckRequest(service=SERVICE)
            try:
                for told in health_pb2_grpc.HealthStub(opened).Watch(request, timeout=120, wait_for_ready=True):
                    seen.append(told.status)
            except grpc.RpcError:
                pass  # it ends with the server

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            server.wait_ready()
            end = time.monotonic() + 5
            while SERVING not in seen and time.monotonic() < end:
                time.sleep(0.05)
            assert check(opened) == SERVING
            with stub(server) as daguerre:
                daguerre.Embed(EmbedRequest(items=[Item(text="a")]), timeout=30)
        finally:
            started = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - started < 20  # a watcher does not keep it
        watcher.join(10)
    assert seen == [NOT_SERVING, SERVING, NOT_SERVING]
    assert "Traceback" not in server.said()


def test_before_the_models_are_loaded_a_call_is_unavailable_with_a_time_to_wait(home: Path, tmp_path: Path) -> None:
    server = harness.launch(tmp_path, settings={"BENTOML_HOME": str(tmp_path / "bentoml")})
    try:
        with stub(server) as daguerre:
            found = None
            for _ in range(600):
                try:
                    daguerre.ListModels(ListModelsRequest(), timeout=30, wait_for_ready=True)
                    break
                except grpc.RpcError as exc:
                    found = error(exc)
                    assert found["grpc"] == grpc.StatusCode.UNAVAILABLE
                    assert (found["status"], found["retry_after"]) == (503, 5)
                time.sleep(0.02)
        assert found is not None
    finally:
        server.stop()


def test_keys_guard_every_method_but_health_and_reflection(guarded_server: Server) -> None:
    server = guarded_server
    big = EmbedRequest(items=[Item(image=bytes(30 * 2**20))])
    with channel(server) as opened, stub(server) as daguerre:
        assert check(opened) == SERVING
        assert reflect(opened, list_services="").list_services_response.service
        with pytest.raises(grpc.RpcError):
            daguerre.Embed(big, timeout=30)  # what a first refused message takes for good is not counted
        before = _rss(server)
        for key in (None, "Bearer wrong", "open-sesame", "Basic open-sesame", "Bearer "):
            metadata = [("authorization", key)] if key is not None else []
            for call, request in (
                (daguerre.Embed, EmbedRequest(items=[Item(text="a")])),
                (daguerre.Embed, big),
                (daguerre.ListModels, ListModelsRequest()),
            ):
                with pytest.raises(grpc.RpcError) as caught:
                    call(request, metadata=metadata, timeout=30)
                assert (error(caught.value)["status"], caught.value.code()) == (401, grpc.StatusCode.UNAUTHENTICATED)
            with pytest.raises(grpc.RpcError):
                list(daguerre.EmbedStream(iter([EmbedStreamRequest()]), metadata=metadata, timeout=30))
        assert _rss(server) - before < 30 * 2**20  # no message of 30 MB of the five was read into memory
        good = [("authorization", "bearer open-sesame"), ("x-request-id", "mine-17")]
        _, call = daguerre.Embed.with_call(EmbedRequest(items=[Item(text="a")]), metadata=good, timeout=30)
        trailer = dict(call.trailing_metadata())
        assert (trailer["x-request-id"], trailer["daguerre-version"]) == ("mine-17", __version__)
        assert "open-sesame" not in server.said()


def _rss(server: Server) -> int:
    return sum(process.memory_info().rss for process in server.processes())


def test_an_id_that_is_no_id_is_replaced(server: Server) -> None:
    with stub(server) as daguerre:
        for odd in ("a b", "x" * 129):
            _, call = daguerre.ListModels.with_call(ListModelsRequest(), metadata=[("x-request-id", odd)], timeout=10)
            assert len(dict(call.trailing_metadata())["x-request-id"]) == 32


def test_a_deadline_that_passes_costs_no_more_compute(server: Server, client: httpx.Client) -> None:
    """200 images are some three seconds of work; the caller gives up after 300 ms, and most are never computed."""
    series = 'daguerre_batch_size_sum{modality="image"}'
    with stub(server) as daguerre:
        before = metrics(client).get(series, 0)
        with pytest.raises(grpc.RpcError) as caught:
            daguerre.Embed(EmbedRequest(items=[Item(image=PHOTO)] * 200), timeout=0.3)
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        counted = [-1.0, metrics(client)[series]]
        while counted[-1] != counted[-2]:  # batches that had begun may end
            time.sleep(1.5)
            counted.append(metrics(client)[series])
        assert counted[-1] - before < 150
        assert metrics(client)['daguerre_requests_total{operation="embeddings",status="499",transport="grpc"}'] >= 1


def test_the_servers_own_limit_is_504(home: Path, tmp_path: Path) -> None:
    settings = {"BENTOML_HOME": str(tmp_path / "bentoml"), "DAGUERRE_REQUEST_TIMEOUT": "0.2"}
    with harness.running(tmp_path, settings=settings) as server, stub(server) as daguerre:
        with pytest.raises(grpc.RpcError) as caught:
            daguerre.Embed(EmbedRequest(items=[Item(image=PHOTO)] * 300), timeout=60)
        found = error(caught.value)
        assert (found["status"], found["grpc"]) == (504, grpc.StatusCode.DEADLINE_EXCEEDED)
        assert "send fewer items at once" in found["message"]


@pytest.mark.thorough
def test_stopping_lets_calls_end_and_tells_streams_where_they_are(home: Path, tmp_path: Path, placement: str) -> None:
    settings = {"BENTOML_HOME": str(tmp_path / "bentoml"), "DAGUERRE_PLACEMENT": placement}
    server = harness.launch(tmp_path, settings=settings).wait_ready()
    answered, ended, whole = [], [], []

    def forever() -> Iterator[EmbedStreamRequest]:
        while not ended:
            yield EmbedStreamRequest(items=[Item(image=PHOTO)] * 8)

    def stream() -> None:
        try:
            with stub(server) as daguerre:
                for answer in daguerre.EmbedStream(forever(), timeout=60):
                    answered.append(len(answer.data))
        except grpc.RpcError as exc:
            ended.append(error(exc))

    def unary() -> None:
        with stub(server) as daguerre:
            whole.append(daguerre.Embed(EmbedRequest(items=[Item(image=PHOTO)] * 100), timeout=60))

    threads = [threading.Thread(target=stream), threading.Thread(target=unary)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    assert not whole, "the call was too short"
    assert server.stop() == 0
    for thread in threads:
        thread.join(30)
    assert len(whole[0].data) == 100
    assert (ended[0]["status"], ended[0]["grpc"]) == (503, grpc.StatusCode.UNAVAILABLE)
    assert f"{sum(answered)} items were answered" in ended[0]["message"]
    assert "Traceback" not in server.said()


@pytest.mark.thorough
def test_two_workers_share_the_port(home: Path, tmp_path: Path) -> None:
    settings = {
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "DAGUERRE_PLACEMENT": "process",
        "DAGUERRE_ENTRY_WORKERS": "2",
    }
    with harness.running(tmp_path, settings=settings) as server:
        server.wait_ready(workers=2)
        with socket.socket() as probe:  # the port is theirs together
            assert probe.connect_ex(("127.0.0.1", server.grpc_port)) == 0
        for i in range(24):  # a connection each: the system deals them out
            with stub(server) as daguerre:
                assert daguerre.Embed(EmbedRequest(items=[Item(text=f"text {i}")]), timeout=30).dimension == 1280
        with server.client() as client:
            assert metrics(client)['daguerre_items_total{modality="text",operation="embeddings"}'] == 24
        listening = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True, timeout=10).stdout
        if f":{server.grpc_port} " in listening:
            assert listening.count(f":{server.grpc_port} ") == 2


def test_a_port_that_is_taken_is_said_before_anything_starts(home: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        server = harness.launch(tmp_path, settings={"DAGUERRE_GRPC_PORT": port})
        assert server.process.wait(60) != 0
    assert f"grpc_port: {port} on 127.0.0.1: " in server.said()
    assert "DAGUERRE_GRPC_PORT" in server.said()
    assert "Traceback" not in server.said()


def test_no_port_no_grpc_and_by_default_the_next_one(home: Path, tmp_path: Path) -> None:
    with harness.running(tmp_path, settings={"DAGUERRE_GRPC_PORT": "0"}) as server:
        assert "grpc://" not in server.said()
        with server.client() as client:
            assert client.get("/v1/models").headers["daguerre-version"] == __version__
    code = "from service.settings import Settings as S; print(S(port=4000).grpc_address, S(grpc_port=7).grpc_address)"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=harness.ROOT, env=harness.environment(), capture_output=True, text=True
    )
    assert said.stdout.split() == ["4001", "7"]


def test_what_is_not_grpc_disturbs_nobody(server: Server) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.grpc_port), timeout=5) for _ in range(64)]
    for noise in (b"GET / HTTP/1.1\r\n\r\n", bytes(1000), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100):
        with socket.create_connection(("127.0.0.1", server.grpc_port), timeout=5) as connection:
            connection.sendall(noise)
    with channel(server) as opened:
        with pytest.raises(grpc.RpcError) as caught:
            opened.unary_unary(f"/{SERVICE}/Nothing")(b"", timeout=5)
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
        with pytest.raises(grpc.RpcError) as caught:
            opened.stream_unary(f"/{SERVICE}/Embed")(iter(()), timeout=5)
        assert error(caught.value)["message"].startswith("the call has no message")
    with stub(server) as daguerre:
        assert daguerre.Embed(EmbedRequest(items=[Item(text="a")]), timeout=30).dimension == 1280
    for connection in idle:
        connection.close()


def test_without_a_key_it_answers_only_on_its_own_machine() -> None:
    """gRPC listens where DAGUERRE_HOST says, so that decides; the same rule as HTTP's."""
    from service.auth import Auth
    from service.errors import Forbidden
    from service.settings import Settings

    Auth(Settings()).check(None, reached_at="127.0.0.1")
    with pytest.raises(Forbidden):
        Auth(Settings(host="0.0.0.0")).check(None, reached_at="0.0.0.0")
