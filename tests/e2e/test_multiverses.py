"""A multiverse over HTTP and gRPC: the same answer, the same errors, and a page of it."""

from typing import Any

import grpc
import httpx
import pytest

from daguerre.transport.grpc.messages import fill
from daguerre_proto.v1 import estimates_pb2
from tests.e2e import bad_multiverses
from tests.e2e.bad_multiverses import PATH, REQUESTS, WELL
from tests.e2e.grpc_calls import error, stub
from tests.e2e.harness import Server

pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")


def message(body: dict[str, Any]) -> estimates_pb2.MultiverseRequest:
    """The request as the SDK says it over gRPC."""
    made = estimates_pb2.MultiverseRequest()
    fill(made, body)
    return made


def test_both_transports_answer_alike_and_the_page_shows_it(server: Server, client: httpx.Client):
    lacking = [dict(each) for each in WELL["configurations"]]
    lacking[1]["values"] = [None, *lacking[1]["values"][1:]]
    receipt = client.post("/v1/embeddings", json={"input": "a"}).json()["receipt"]
    body = {**WELL, "configurations": lacking, "receipts": [receipt]}
    answer = client.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert any("up to 1 items have no prediction" in remark for remark in found["remarks"])
    assert [{name: each[name] for name in receipt} for each in found["receipts"]] == [receipt]
    with stub(server) as calling:
        said = calling.EstimateMultiverse(message(body), timeout=60)
        again = httpx.Response(200, content=said.answer_json).json()
    assert again == found
    page = client.post("/v1/pages/multiverse", json={"answer": found})
    assert page.status_code == 200, page.text
    assert receipt["fingerprint"] in page.json()["html"]
    altered = {**found, "factors": []}
    refused = client.post("/v1/pages/multiverse", json={"answer": altered})
    assert refused.json()["error"]["code"] == "invalid_answer"


@pytest.mark.parametrize("name", [row[0] for row in bad_multiverses.REQUESTS if row[4] is not None])
def test_grpc_refuses_what_http_refuses(server: Server, client: httpx.Client, name: str):
    [(_, _, body, _, code, _)] = [row for row in REQUESTS if row[0] == name]
    told = client.post(PATH, json=body).json()["error"]
    with stub(server) as calling, pytest.raises(grpc.RpcError) as refused:
        calling.EstimateMultiverse(message(body), timeout=60)
    assert error(refused.value)["code"] == told["code"] == code
    assert error(refused.value)["message"] == told["message"]
