"""Jobs that have ended are deleted with their results, over HTTP and gRPC, and on the command line."""

import json
import time

import numpy as np
import pytest
from click.testing import CliRunner

from daguerre import Client, cli
from daguerre import errors as sdk_errors
from tests.clients.pretended import made
from tests.e2e import harness
from tests.e2e.harness import Server

KMEANS = {"method": "kmeans", "k": 2, "resamples": 0, "projection": "none"}


def run(server: Server, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli.main, ["--url", server.url, *arguments], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def test_a_job_is_deleted_with_its_result(client: Client):
    id = client.cluster(embeddings=made(failed=()), **KMEANS).id
    job = client.job(id)
    assert client.delete_job(id) == job
    assert id not in {each.id for each in client.jobs()}
    for call in (client.job, client.clustering, client.delete_job):
        with pytest.raises(sdk_errors.NotFoundError, match="there is no"):
            call(id)


def test_a_job_that_runs_is_cancelled_first(client: Client, inline: Server):
    rows = np.random.default_rng(0).standard_normal((20_000, 16)).astype("<f4")
    block = {"modality": "image", "model": "m", "fingerprint": "m", "dimension": 16}
    body = {"vectors": [{**block, "data": harness.base64_of(rows.tobytes())}], "resamples": 100, "mode": "job"}
    with inline.client() as plain:
        id = plain.post("/v1/clusters", json=body).json()["id"]
    with pytest.raises(sdk_errors.InvalidRequestError, match="cancel it first") as refused:
        client.delete_job(id)
    assert refused.value.code == "job_not_ended"
    client.cancel_job(id)
    while not client.job(id).has_ended:
        time.sleep(0.05)
    assert client.delete_job(id).state == "cancelled"


def test_the_command_line_deletes_one(inline: Server):
    with Client(inline.url) as client:
        ids = [client.cluster(embeddings=made(failed=()), **KMEANS).id for _ in range(2)]
    assert run(inline, "jobs", "--delete", ids[0]) == f"deleted: {ids[0]} (cluster)"
    assert json.loads(run(inline, "jobs", "--delete", ids[1], "--json")) == {"deleted": ids[1]}
    assert "there is no" in run(inline, "jobs", "--delete", ids[0], code=5)
    assert "give either --cancel or --delete" in run(inline, "jobs", "--cancel", "a", "--delete", "b", code=2)
