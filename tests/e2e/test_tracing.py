"""Traces that a collector of OpenTelemetry receives; it is a small HTTP server in this process."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e import harness
from tests.e2e.grpc_calls import embed_request, stub

pytestmark = pytest.mark.thorough
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "secret-of-the-caller"


class Collector(BaseHTTPRequestHandler):
    received: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        packed = self.headers.get("content-encoding") == "gzip"
        self.received.append((self.path, gzip.decompress(content) if packed else content))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[str]:
    Collector.received.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_requests_stages_and_batches_are_spans(home, collector, tmp_path):
    """Spans are sent when the server stops, at the latest; a request is a child of the caller's own span."""
    settings = {"DAGUERRE_TRACES": collector, "BENTOML_HOME": str(tmp_path / "b"), "DAGUERRE_ANALYSERS": "none"}
    with harness.running(tmp_path, settings=settings) as server:
        body = {"input": [harness.image(harness.jpeg("rocket", width=100), SECRET), {"text": SECRET}]}
        header = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        with server.client() as client:
            assert client.post("/v1/embeddings", json=body, headers=header).status_code == 200
            assert client.post("/v1/embeddings", json={"input": []}).status_code == 422
        with stub(server) as daguerre:
            daguerre.Embed(embed_request({"input": "a cat"}), timeout=30)
    assert {path for path, _ in Collector.received} == {"/v1/traces"}
    assert not any(SECRET.encode() in content for _, content in Collector.received)
    messages = [ExportTraceServiceRequest.FromString(content) for _, content in Collector.received]
    parts = [part for message in messages for part in message.resource_spans]
    about = {each.key: each.value.string_value for each in parts[0].resource.attributes}
    assert about["service.name"] == "daguerre"
    spans = [span for part in parts for scope in part.scope_spans for span in scope.spans]
    requests = {}
    for span in spans:
        has = {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
        assert span.end_time_unix_nano >= span.start_time_unix_nano
        if span.name == "embeddings":
            requests[has["daguerre.transport"], has["daguerre.status"]] = span
    assert set(requests) == {("http", 200), ("http", 422), ("grpc", 200)}
    asked = requests["http", 200]
    assert (asked.trace_id.hex(), asked.parent_span_id.hex()) == (TRACE, PARENT)
    stages = [span for span in spans if span.parent_span_id == asked.span_id]
    assert sorted(span.name for span in stages) == ["decode", "tokenise"]
    assert all(asked.start_time_unix_nano - 10**6 <= span.start_time_unix_nano for span in stages)
    batches = [span for span in spans if span.name == "batch"]
    assert batches
    assert all(not span.parent_span_id and span.trace_id != asked.trace_id for span in batches)
