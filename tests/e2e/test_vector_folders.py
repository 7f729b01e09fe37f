"""Vectors in a folder on the server are taken as those that are sent, over both transports."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from daguerre import Client, DaguerreError, Embeddings, Errors
from daguerre.cli import main
from daguerre.types.common import receipt
from tests.models.clouds import clouds
from tests.service.stores.test_vector_folders import part

KEY = "open-sesame"
MADE = receipt(
    {"model": "m", "revision": "1", "fingerprint": "f", "precision": "fp32", "provider": "p", "decode": "exact"}
    | {"demonstration": False, "notice": None, "made_with": {"numpy": "2"}}
)


@pytest.fixture(scope="module")
def corpus(server_data):
    """Vectors of three groups in two parts, the first of which has one without a vector."""
    x, groups = clouds((30, 20, 10), spread=0.2, dimension=8)
    ids = [f"photo {i}" for i in range(len(x))]
    (server_data / "corpus").mkdir()
    facts = {name: getattr(MADE, name) for name in MADE.__dataclass_fields__}
    facts["made_with"] = dict(MADE.made_with)
    part(server_data / "corpus" / "part-000001.parquet", [*ids[:25], "broken"], [*x[:25], [np.nan] * 8], facts)
    part(server_data / "corpus" / "part-000002.parquet", ids[25:], x[25:], facts)
    return x, groups, ids


@pytest.fixture(params=["http", "grpc"])
def client(guarded_server, request):
    url = guarded_server.url if request.param == "http" else f"grpc://{guarded_server.grpc_target}"
    with Client(url, api_key=KEY, progress=False) as client:
        yield client


def test_a_folder_is_clustered_as_its_vectors_are(client, corpus):
    x, _, ids = corpus
    sent = client.cluster(
        embeddings=Embeddings(ids=ids, errors=Errors(), receipt=MADE, truncated=[], vectors=x, modality="text"),
        method="kmeans",
        k=3,
        start="sample",
    )
    there = client.cluster(folder="corpus/", method="kmeans", k=3, start="sample")
    assert there.ids == [*ids[:25], "broken", *ids[25:]]
    assert [(error.id, error.code) for error in there.errors] == [("broken", "nan_vectors")]
    np.testing.assert_array_equal(np.delete(there.labels, 25), sent.labels)
    assert there.labels[25] == -1
    assert there.answer["modality"] == "text"
    assert there.receipt == MADE
    assert there.params["start"] == "sample"


def test_every_operation_takes_one(guarded_server, corpus):
    block = {"modality": "text", "folder": "corpus"}
    with guarded_server.client(headers={"authorization": f"Bearer {KEY}"}) as client:
        body = {"vectors": [block], "kind": "semantic", "on_error": "skip"}
        found = client.post("/v1/duplicates", json=body).json()
        assert found["ids"][25] == "broken"
        made = client.get("/v1/files").json()["data"]  # also by earlier runs in the same home
        assert client.post("/v1/clusters", json={"vectors": [block]}).json()["error"]["code"] == "nan_vectors"
        wrong = client.post("/v1/clusters", json={"vectors": [{**block, "fingerprint": "g"}]}).json()["error"]
        assert "fingerprint is 'g', and the folder has 'f'" in wrong["message"]
        assert [61, 8] in [file["shape"] for file in made if file["name"] in ("corpus", "corpus/")]
        assert client.get("/v1/files").json()["data"] == made  # the copy is used again


def test_nothing_beside_the_servers_folder_is_read(client, corpus):
    for folder in ("../", "/etc", "nowhere", "corpus/../.."):
        with pytest.raises(DaguerreError, match="there is no"):
            client.cluster(folder=folder)
    with pytest.raises(ValueError, match="known: is not for a folder"):
        client.cluster(folder="corpus/", known=["a"])


def test_the_command_line_takes_one(guarded_server, corpus, tmp_path):
    options, key = ["--url", guarded_server.url], {"DAGUERRE_API_KEY": KEY}
    out = str(tmp_path / "clusters.csv")
    ran = CliRunner().invoke(
        main,
        [*options, "cluster", "--server-folder", "corpus/", "--method", "kmeans", "--k", "3", "-o", out, "--json"],
        env=key,
    )
    assert json.loads(ran.stdout)["items"] == 61, ran.output
    refused = CliRunner().invoke(
        main, [*options, "cluster", "x.parquet", "--server-folder", "corpus/", "-o", out], env=key
    )
    assert refused.exit_code == 2
    assert "takes no items" in refused.output
