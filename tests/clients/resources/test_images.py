"""The SDK describes images, over HTTP and gRPC."""

from io import BytesIO

import httpx
import pytest
from PIL import Image

from daguerre import Client, DaguerreWarning, RemarkWarning
from tests.clients.pretended import OURS, server
from tests.e2e import harness
from tests.models import image_samples as samples

MANY = ("apng", "gif-animated", "webp-animated", "tiff-pages")
FIRST = r"4 of 5 images hold several pictures \(an animation, pages\), of which only the first was read"


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


def test_images_are_described(client: Client, corpus, inline):
    with pytest.warns(DaguerreWarning):
        found = client.describe_images(corpus, thumbnail=32, blurred=True)
    assert found.images[found.ids.index("broken.jpg")] is None
    one = found.images[found.ids.index("coffee_small.png")]
    assert (one.width, one.height) == (75, 45)
    assert Image.open(BytesIO(one.thumbnail)).width == 32
    assert list(found.to_pandas().columns) == ["sha256", "phash", "width", "height", "blank", "remark", "error"]
    with Client(inline.url) as other, pytest.warns(DaguerreWarning):
        assert other.describe_images(corpus, thumbnail=32, blurred=True).images == found.images


def test_images_of_a_single_colour_are_marked(client: Client, corpus):
    found = client.describe_images([Image.new("RGB", (40, 30), "white"), corpus / "coffee_small.png"])
    assert found.to_pandas()["blank"].tolist() == [True, False]
    assert "1 of a single colour" in repr(found)


def test_white_logos_on_transparency_are_not_alike(client: Client, corpus):
    """On white both would be the same blank picture."""
    logos = []
    for box in ((20, 20, 140, 60), (90, 60, 120, 140)):
        logo = Image.new("RGBA", (160, 160), (255, 255, 255, 0))
        logo.paste((255, 255, 255, 255), box)
        out = BytesIO()
        logo.save(out, "PNG")
        logos.append(out.getvalue())
    for kind in ("semantic", "near"):
        assert client.duplicates(images=[*logos, corpus / "coffee_small.png"], kind=kind).groups == ()


def remarks(table) -> list[str | None]:
    """The remarks of a table, whatever its pandas has for none."""
    return [each if isinstance(each, str) else None for each in table["remark"]]


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Four files of several pictures, and one of a single picture."""
    ordinary = samples.ordinary()
    return [ordinary[name] for name in (*MANY, "png")]


def test_images_of_which_only_the_first_picture_was_read_are_listed(client: Client, pictures):
    with pytest.warns(RemarkWarning, match=FIRST):
        embedded = client.embed(images=pictures)
    assert embedded.first_of_many == [0, 1, 2, 3]
    assert embedded.drop_failed().remarks == [*["first_of_many"] * 4, None]
    with pytest.warns(RemarkWarning, match=FIRST):
        scores = client.zero_shot(images=pictures, labels=["a cat", "a dog"])
    assert remarks(scores.to_pandas()) == [*["first_of_many"] * 4, None]
    with pytest.warns(RemarkWarning, match=FIRST):
        described = client.describe_images(pictures)
    assert remarks(described.to_pandas()) == [*["first_of_many"] * 4, None]
    with pytest.warns(RemarkWarning, match=FIRST):
        client.duplicates(images=pictures)
    with pytest.warns(RemarkWarning, match=FIRST):
        client.duplicates(images=pictures, kind="semantic")
    with pytest.warns(RemarkWarning, match=FIRST):
        client.cluster(images=pictures, method="kmeans", k=2)


def test_predictions_and_a_corpus_remark_images_of_several_pictures(client: Client, pictures, tmp_path):
    (folder := tmp_path / "pictures").mkdir()
    for i, data in enumerate(pictures):
        (folder / f"{i}.png").write_bytes(data)
    vectors = client.embed(images=[harness.jpeg(name, width=64) for name in ("coffee", "rocket")] * 6)
    trained = client.train_classifier(
        "several", embeddings=vectors, targets=["a", "b"] * 6, folds=2, inner_folds=2, resamples=1, calibrate=False
    )
    with pytest.warns(RemarkWarning, match=FIRST):
        predicted = trained.predict(images=folder)
    assert remarks(predicted.to_pandas()) == [*["first_of_many"] * 4, None]
    with pytest.warns(RemarkWarning, match=FIRST):
        client.embed_corpus(folder, tmp_path / "out.parquet")


def test_clusterings_and_duplicates_over_http_remark_images_of_several_pictures(inline, pictures):
    items = [harness.image(data) for data in pictures]
    with inline.client() as http:
        for path, more in (
            ("/v1/clusters", {"method": "kmeans", "k": 2}),
            ("/v1/duplicates", {"kind": "near"}),
            ("/v1/duplicates", {"kind": "semantic"}),
        ):
            answer = http.post(path, json={"input": items, **more})
            assert answer.status_code == 200, answer.text
            assert any("4 of 5 images hold several pictures" in each for each in answer.json()["remarks"]), more
        exact = http.post("/v1/duplicates", json={"input": items, "kind": "exact"}).json()
        assert exact["remarks"] == []
