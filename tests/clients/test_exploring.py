"""The SDK finds duplicates and neighbours, describes images, and sends files ahead, over HTTP and gRPC."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import numpy as np
import pytest
from PIL import Image

from daguerre import Client, DaguerreWarning
from daguerre import errors as sdk_errors
from tests.clients.conftest import kinds
from tests.clients.pretended import OURS, file_server, made, server


def test_arrays_are_sent_as_the_server_takes_them(tmp_path):
    there, held = file_server()
    with there.client() as client:
        assert client.upload(np.ones((2, 3), ">f8").T) == {"id": "file_1"}
        assert np.load(BytesIO(held[0])).shape == (3, 2)
        np.save(tmp_path / "v.npy", np.zeros((4, 2), np.float16))
        client.upload(tmp_path / "v.npy")
        assert held[1] == (tmp_path / "v.npy").read_bytes()
        client.upload(made(), "mine")
        names = [parse_qs(path.partition("?")[2]).get("name") for _, path, _ in there.asked]
        assert names == [["vectors.npy"], ["v.npy"], ["mine"]]
        for wrong in (np.ones(3), np.ones((2, 2), int)):
            with pytest.raises(ValueError, match="floats, "):
                client.upload(wrong)
        with pytest.raises(FileNotFoundError):
            client.upload(tmp_path / "nowhere.npy")


def test_images_that_are_too_large_together_are_described_in_halves(tmp_path):
    refused = {"error": {"code": "body_too_large", "message": "no", "param": None, "request_id": "", "items": []}}
    sizes = []

    def images(request: httpx.Request, body: bytes) -> httpx.Response:
        n = body.count(b'name="input"')
        sizes.append(n)
        if n > 2:
            return httpx.Response(413, json=refused, headers=OURS)
        error = {"code": "invalid_image", "message": "no"}
        data = [{"index": 0, "sha256": "a", "width": 1, "height": 1}, {"index": 1, "error": error}][:n]
        return httpx.Response(200, json={"data": data}, headers=OURS)

    with server(images=images).client() as client, pytest.warns(DaguerreWarning, match="2 of 5"):
        found = client.describe_images([b"x"] * 5)
    assert sorted(sizes) == [1, 2, 2, 3, 5]
    assert [image is not None for image in found.images].count(True) == 3
    assert [error.index for error in found.errors] == [1, 4]


def test_options_of_another_kind_of_duplicates_are_refused():
    with server().client() as client:
        for given, why in (
            ({"images": "x", "kind": "near", "threshold": 0.9}, "threshold: is of kind 'semantic'"),
            ({"images": "x", "kind": "exact", "bits": 3}, "bits: is of kind 'near'"),
            ({"texts": ["x"], "kind": "near"}, "compares files of images"),
            ({"embeddings": made(), "kind": "semantic", "prefer": "size"}, "is of images"),
            ({"images": "x", "kind": "odd"}, "there are"),
        ):
            with pytest.raises(ValueError, match=why):
                client.duplicates(**given)


def test_duplicates_are_found(client: Client, corpus, embedded):
    found = client.duplicates(images=corpus, kind="exact")
    assert [sorted(Path(id).name for id in group.ids) for group in found.groups] == [["rocket0.jpg", "rocket_copy.jpg"]]
    assert len(found.extra) == 1
    assert found.kept.sum() == 32
    with pytest.warns(DaguerreWarning):
        near = client.duplicates(images=corpus, prefer="size", bits=6)
    group = next(each for each in near.groups if str(corpus / "coffee_small.png") in each.ids)
    assert near.ids[group.representative] != str(corpus / "coffee_small.png")
    assert str(corpus / "coffee_small.png") in near.extra
    assert near.kept[near.ids.index(str(corpus / "broken.jpg"))]  # nothing is known against it
    assert [error.code for error in near.errors] == ["unsupported_image"]
    table = near.to_pandas()
    assert list(table.columns) == ["group", "representative", "similarity", "kept", "error"]
    assert table["kept"].sum() == 33 - len(near.extra)
    semantic = client.duplicates(embeddings=embedded, kind="semantic", threshold=0.9, linkage="star")
    assert (semantic.threshold, semantic.linkage) == (0.9, "star")
    for group in semantic.groups:
        assert len(set(kinds(group.ids))) == 1
        assert min(group.similarity) >= 0.9
    again = client.found_duplicates(semantic.id)
    assert [group.members for group in again.groups] != []
    assert len(again) == 32
    preferred = [1.0 if "copy" in id else 0.0 for id in embedded.ids]
    exact = client.duplicates(images=corpus, kind="exact", prefer=preferred)
    assert "rocket_copy" in exact.ids[exact.groups[0].representative]


def test_images_are_described(client: Client, corpus, inline):
    with pytest.warns(DaguerreWarning):
        found = client.describe_images(corpus, thumbnail=32, blurred=True)
    assert found.images[found.ids.index(str(corpus / "broken.jpg"))] is None
    one = found.images[found.ids.index(str(corpus / "coffee_small.png"))]
    assert (one.width, one.height) == (75, 45)
    assert Image.open(BytesIO(one.thumbnail)).width == 32
    assert list(found.to_pandas().columns) == ["sha256", "phash", "width", "height", "error"]
    with Client(inline.url) as other, pytest.warns(DaguerreWarning):
        assert other.describe_images(corpus, thumbnail=32, blurred=True).images == found.images


def test_the_nearest_are_found(client: Client, corpus, embedded, inline):
    found = client.search("a cat", embedded, k=4)
    assert set(kinds(found.ids[0])) == {"chelsea"}
    assert found[0] == sorted(found[0], key=lambda each: -each[1])
    rows = embedded.vectors @ client.embed(texts="a cat").vectors[0]
    assert found.cosines[0] == pytest.approx(np.sort(rows[embedded.ok])[::-1][:4], abs=1e-5)
    images = client.search([corpus / "rocket1.jpg", corpus / "coffee1.jpg"], embedded, k=1)
    assert [Path(row[0]).name for row in images.ids] == ["rocket1.jpg", "coffee1.jpg"]
    assert images.to_pandas()["rank"].tolist() == [1, 1]
    assert len(client.search(embedded.drop_failed(), embedded, k=1)) == 32
    with Client(inline.url) as other:
        assert (other.search("a cat", embedded, k=4).cosines == found.cosines).all()
    with pytest.raises(sdk_errors.ItemFailedError):
        client.search([b"no image"], embedded)
    foreign = replace(embedded, receipt=replace(embedded.receipt, fingerprint="0" * 32))
    for query in (foreign, "a cat"):
        with pytest.raises(sdk_errors.FingerprintMismatchError):
            client.search(query, embedded if query is foreign else foreign)


def test_files_are_sent_listed_and_deleted(client: Client, tmp_path):
    rows = np.random.default_rng(0).standard_normal((3000, 200))  # several pieces
    sent = client.upload(rows, "mine.npy")
    assert (sent["name"], sent["shape"], sent["dtype"]) == ("mine.npy", [3000, 200], "float64")
    assert sent in client.files()
    assert client.delete_file(sent["id"])["id"] == sent["id"]
    assert sent not in client.files()
    (tmp_path / "x.npy").write_text("no array")
    with pytest.raises(sdk_errors.InvalidRequestError, match=r"neither a \.npy"):
        client.upload(tmp_path / "x.npy")
    with pytest.raises(FileNotFoundError):
        client.upload(tmp_path / "nowhere.npy")
    with pytest.raises(sdk_errors.NotFoundError):
        client.delete_file(sent["id"])
