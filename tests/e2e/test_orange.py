"""The route that Orange's widget calls; the widget itself is run by tests/clients/neighbours."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest

import daguerre
from tests.e2e import harness
from tests.e2e.harness import Server, assert_error

PHOTO = harness.jpeg("chelsea", width=120)


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def test_a_picture_has_the_vector_of_the_client(http: httpx.Client, server: Server) -> None:
    with daguerre.Client(server.url, progress=False) as client:
        wanted = client.embed(images=[PHOTO])
    for name in ("inception-v3", "embedded"):
        answer = http.post(f"/image/{name}", content=PHOTO, headers={"content-type": "image/jpeg"}).json()
        np.testing.assert_array_equal(np.array(answer["embedding"], np.float32), wanted.vectors[0])
        assert answer["fingerprint"] == wanted.receipt.fingerprint


@pytest.mark.parametrize(
    ("name", "content", "headers", "status", "code"),
    [
        ("vgg16", PHOTO, {}, 404, "unknown_model"),
        ("embedded", b"", {}, 422, "invalid_image"),
        ("embedded", b"no picture", {}, 415, "unsupported_image"),
        ("embedded", PHOTO, {"content-encoding": "gzip"}, 415, "unsupported_media_type"),
    ],
    ids=["another model", "nothing", "a text", "compressed"],
)
def test_other_requests_are_refused(
    http: httpx.Client, name: str, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    assert_error(http.post(f"/image/{name}", content=content, headers=headers), status, code)
