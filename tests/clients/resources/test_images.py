"""The SDK describes images, over HTTP and gRPC."""

from io import BytesIO

import httpx
import pytest
from PIL import Image

from daguerre import Client, DaguerreWarning
from tests.clients.pretended import OURS, server


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
    assert found.images[found.ids.index(str(corpus / "broken.jpg"))] is None
    one = found.images[found.ids.index(str(corpus / "coffee_small.png"))]
    assert (one.width, one.height) == (75, 45)
    assert Image.open(BytesIO(one.thumbnail)).width == 32
    assert list(found.to_pandas().columns) == ["sha256", "phash", "width", "height", "blank", "error"]
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
