"""The SDK clusters, over HTTP and gRPC."""

import asyncio
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from daguerre import AsyncClient, Client, Clusters, DaguerreWarning
from daguerre import errors as sdk_errors
from daguerre.dispatch import vectors
from daguerre.handles import clustering
from daguerre.inputs import pieces
from daguerre.resources.clusters import known_label
from daguerre.types.jobs import Job
from tests.clients.conftest import address, kinds
from tests.clients.pretended import ANSWER, OURS, QUICK, file_server, made, server


def test_failed_items_stay_here_and_in_their_places():
    there = server()
    with there.client() as client:
        found = client.cluster(
            embeddings=made(), method="kmeans", k=1, weights=np.arange(1, 6), known=[1, 2, 3.0, "x", None]
        )
    said = there.fields("/v1/clusters")
    assert said["ids"] == ["a.jpg", "c.jpg", "d.jpg", "e.jpg"]  # no folder of this machine, no failed item
    assert (said["weights"], said["known"]) == ([1, 3, 4, 5], ["1", "3", "x", None])
    assert (said["method"], said["k"], said["mode"], said["on_error"]) == ("kmeans", 1, "job", "skip")
    assert "threshold" not in said  # the server's default
    assert found.ids == made().ids
    assert found.labels.tolist() == [0, -1, 0, -1, -1]
    assert found.silhouettes.tolist() == pytest.approx([0.1, np.nan, 0.3, np.nan, np.nan], nan_ok=True)
    assert found.clusters[0].medoid == 2
    assert found.clusters[0].exemplars["nearest"] == (2, 0)
    assert found.exemplars(0) == ["/data/photos/c.jpg", "/data/photos/a.jpg"]
    assert [(e.index, e.code) for e in found.errors] == [(1, "invalid_image"), (4, "zero_vectors")]
    assert np.isnan(found.coordinates[[1, 4]]).all()
    assert found.coordinates[3].tolist() == [4, 5]
    assert found.unclustered == 1
    assert found.clusters[0].names[0].label == "cat"
    table = found.to_pandas()
    assert list(table.columns) == ["cluster", "silhouette", "silhouette_final", "pass", "error", "x", "y"]
    assert table["pass"].isna().tolist() == [False, True, False, True, True]
    assert repr(found).count("\n") == 1
    assert "5 items in 1 clusters, 1 in none, 2 without a result" in repr(found)
    for wrong in ({"cluster": 7}, {"cluster": 0, "kind": "best"}):
        with pytest.raises(ValueError, match="there are"):
            found.exemplars(**wrong)


def test_clusters_are_kept_in_a_file(tmp_path):
    there = server()
    with there.client() as client:
        found = client.cluster(embeddings=made())
        found.save(tmp_path / "c.json")
        again = Clusters.load(tmp_path / "c.json")
        assert repr(again) == repr(found)
        pd.testing.assert_frame_equal(again.to_pandas(), found.to_pandas())
        assert again.clusters == found.clusters
        assert again.errors == found.errors
        with pytest.raises(ValueError, match="report needs a client"):
            again.report(tmp_path / "r.html")
    (tmp_path / "other.json").write_text('{"kind": "cats"}')
    with pytest.raises(sdk_errors.DaguerreError, match=r"not written by Clusters\.save"):
        Clusters.load(tmp_path / "other.json")


def test_large_vectors_are_sent_ahead_and_deleted(monkeypatch):
    monkeypatch.setattr(vectors, "AHEAD", 10)
    monkeypatch.setattr(pieces, "PIECE", 50)
    there, held = file_server()
    with there.client() as client:
        client.cluster(embeddings=made())
    good = made().vectors[[0, 2, 3, 4]]
    assert (np.load(BytesIO(held[0])) == good).all()
    assert there.fields("/v1/clusters")["vectors"][0]["file"] == "file_1"
    said = [(method, path) for method, path, _ in there.asked]
    assert said.index(("DELETE", "/v1/files/file_1")) > said.index(("POST", "/v1/clusters"))
    assert b"image_vectors" not in next(body for _, path, body in there.asked if path == "/v1/clusters")


def test_what_is_too_large_for_a_request_is_sent_ahead():
    refused = {"error": {"code": "body_too_large", "message": "no", "param": None, "request_id": "", "items": []}}
    there, held = file_server()
    calls: list[int] = []
    plain = there.__call__

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/clusters":
            calls.append(1)
            if len(calls) == 1:
                return httpx.Response(413, json=refused, headers=OURS)
        return await plain(request)

    http_client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    with Client("http://server", progress=False, retry_for=0, http_client=http_client) as client:
        client.cluster(embeddings=made())
    assert len(held) == 1
    assert there.fields("/v1/clusters")["vectors"][0]["file"] == "file_1"


def test_labels_that_are_known_are_sent_as_text():
    assert [known_label(each) for each in (None, 3, 3.0, 2.5, "x", True)] == [None, "3", "3", "2.5", "x", "True"]
    there = server()
    with there.client() as client:
        client.cluster(
            embeddings=made(),
            k=np.int64(3),
            threshold=np.float32(0.5),
            known={"a.jpg": "cat", "/data/photos/b.jpg": "dog"},
        )
        assert there.fields("/v1/clusters")["known"] == ["cat", None, None, None]
        with pytest.raises(ValueError, match=r"known: 1 of 1 .*'z\.jpg'"):
            client.cluster(embeddings=made(), known={"z.jpg": "cat"})
        with pytest.raises(ValueError, match="weights: 1 for 5"):
            client.cluster(embeddings=made(), weights=[1])
        with pytest.raises(TypeError, match="vocabulary: got a str"):
            client.cluster(embeddings=made(), vocabulary="cat")
        with pytest.raises(ValueError, match="none of 5 items can be used; the first, /data"):
            client.cluster(embeddings=made(failed=(0, 1, 2, 3, 4)))


def test_a_job_is_given_where_nobody_waits():
    with server().client() as client:
        assert isinstance(client.cluster(embeddings=made(), wait=False), Job)
        assert client.clustering("job_1").ids == ANSWER["ids"]


def test_a_corpus_is_clustered_and_reported(client: Client, corpus, tmp_path):
    labels = {path.name: next(kinds([path.name])) for path in corpus.iterdir() if "broken" not in path.name}
    with pytest.warns(DaguerreWarning, match="1 of 33"):
        found = client.cluster(
            images=corpus, known=labels, vocabulary=["a cat", "a cup of coffee", "a rocket"], resamples=2, **QUICK
        )
    assert isinstance(found, Clusters)
    assert len(found) == 33
    assert found.comparison["ari"] == 1
    assert [error.id for error in found.errors] == ["broken.jpg"]
    assert found.labels[found.ids.index("broken.jpg")] == -1
    for each in found.clusters:
        assert len(set(kinds(found.exemplars(each.id)))) == 1
        assert set(np.flatnonzero(found.labels == each.id)) >= set(each.exemplars["nearest"])
    cat = next(each for each in found.clusters if "chelsea" in found.ids[each.medoid])
    assert cat.names[0].label == "a cat"
    assert found.coordinates.shape == (33, 2)
    assert len(found.stability["ari"]) == 2
    assert found.fingerprint == found.receipt.fingerprint
    found.report(tmp_path / "clusters.html")
    page = (tmp_path / "clusters.html").read_text()
    assert page.count("data:image/jpeg") >= 3
    assert "chelsea0.jpg" in page
    assert str(corpus) not in page  # no folder of this machine
    found.report(tmp_path / "blurred.html", pictures="blurred")
    found.report(tmp_path / "none.html", pictures="none")
    assert "data:image/jpeg" not in (tmp_path / "none.html").read_text()
    again = client.clustering(found.id)
    assert again.ids == [Path(id).name for id in found.ids if "broken" not in id]
    with pytest.raises(ValueError, match="give images="):
        again.report(tmp_path / "again.html")
    again.report(tmp_path / "again.html", images=corpus)
    assert "data:image/jpeg" in (tmp_path / "again.html").read_text()
    found.save(tmp_path / "c.json")
    Clusters.load(tmp_path / "c.json", client).report(tmp_path / "loaded.html", images=list(found.files))
    with pytest.raises(ValueError, match="1 for 33"):
        found.report(tmp_path / "x.html", images=["a"])
    with pytest.raises(ValueError, match="pictures: got 'big'"):
        found.report(tmp_path / "x.html", pictures="big")
    with pytest.raises(sdk_errors.NotFoundError):
        client.clustering("job_0")


def test_images_get_names_of_imagenet_and_the_tree_can_be_cut(inline, embedded, corpus):
    with Client(inline.url) as client:
        found = client.cluster(embeddings=embedded, method="agglomerative", k=8, resamples=0)
        assert found.names_from == "built-in vocabulary"
        cats = next(each for each in found.clusters if "chelsea" in found.ids[each.medoid])
        assert any("cat" in name.label for name in cats.names)
        assert found.hierarchy.of == "items"
        again = client.cluster(embeddings=embedded, method="agglomerative", k=3, resamples=0)
        assert (found.cut(3) == again.labels).all()
        assert (found.cut(0.3) == found.cut(distance=0.3)).all()
        assert found.cut(1).tolist() == [0 if ok else -1 for ok in found.ok]
        with pytest.raises(ValueError, match=r"clusters: got 99; the hierarchy has 32 items"):
            found.cut(99)
        plain = client.cluster(embeddings=embedded, method="kmeans", k=6)
        assert plain.hierarchy.of == "clusters"
        assert (plain.cut(6) == plain.labels).all()
        merged = plain.cut(3)
        assert len(set(merged[merged >= 0])) == 3
        assert all(len(set(merged[plain.labels == each.id])) == 1 for each in plain.clusters)
        assert all(each.jaccard is None or 0 <= each.jaccard <= 1 for each in plain.clusters)


def test_words_of_texts_name_clusters(inline, embedded):
    said = {"chelsea": "crowd banner", "coffee": "soup bread"}
    words = [next((text for name, text in said.items() if name in id), "stage light") for id in embedded.ids]
    with Client(inline.url) as client:
        found = client.cluster(embeddings=embedded, method="kmeans", k=3, name_texts=words, resamples=0)
        assert found.names_from == "texts"
        assert {name.label for each in found.clusters for name in each.names} == {*" ".join({*words}).split()}
        lines = (line for line in ["a cat sleeps", "the cat plays", "a dog barks", "the dog runs"])
        texts = client.cluster(texts=lines, method="kmeans", k=2, resamples=0)
        assert texts.names_from == "texts"
        with pytest.raises(ValueError, match="name_texts: 1 for 33 items"):
            client.cluster(embeddings=embedded, name_texts=["x"], k=3, method="kmeans")


def test_clusters_by_two_clients_are_the_same(inline, embedded, monkeypatch):
    said = []
    for scheme in ("http", "grpc"):
        with Client(address(inline, scheme)) as client:
            found = client.cluster(embeddings=embedded, sample_size=20, stop_size=3, known=[*"ab" * 16, None])
            both = client.cluster(embeddings={"image": embedded, "text": replace(embedded, modality="text")}, **QUICK)
            assert (both.modality, both.answer["dimension"]) == ("image+text", 2560)
            monkeypatch.setattr(vectors, "AHEAD", 1000)
            ahead = client.cluster(embeddings=embedded, sample_size=20, stop_size=3, known=[*"ab" * 16, None])
            monkeypatch.undo()
            assert not any(each["name"] == "image.npy" for each in client.files())
            assert ahead.labels.tolist() == found.labels.tolist()
            said.append(dict(found.answer))
    for each in said:
        del each["id"], each["created"]
    assert said[0] == said[1]


def test_asynchronous_code_clusters_too(inline, embedded, tmp_path):
    async def run():
        async with AsyncClient(inline.url) as client:
            found = await client.cluster(embeddings=embedded, **QUICK)
            await found.report(tmp_path / "a.html")
            found.save(tmp_path / "a.json")
            loaded = clustering.AsyncClusters.load(tmp_path / "a.json", client)
            await loaded.report(tmp_path / "b.html", pictures="none")
            return found

    found = asyncio.run(run())
    assert len(found.clusters) == 3
    assert "data:image/jpeg" in (tmp_path / "a.html").read_text()


def test_texts_are_clustered_without_pictures(client: Client, tmp_path):
    texts = [f"{what} number {i}" for what in ("a cat", "a stock exchange crash") for i in range(8)]
    found = client.cluster(texts=texts, method="kmeans", k=2)
    assert len({*found.labels[:8]}) == 1
    assert found.labels[0] != found.labels[8]
    found.report(tmp_path / "texts.html")


def test_what_the_server_refuses_of_clusters_is_said(client: Client, embedded):
    with pytest.raises(sdk_errors.InvalidRequestError, match="k_max"):
        client.cluster(embeddings=embedded, k_min=10, k_max=5)
    foreign = replace(embedded, receipt=replace(embedded.receipt, fingerprint="0" * 32))
    with pytest.raises(sdk_errors.InvalidRequestError, match="fingerprint"):
        client.cluster(embeddings=foreign, vocabulary=["a", "b"])
