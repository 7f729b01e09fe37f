"""Parts of forms as clients of every kind send them: their names, and videos that no name tells."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.errors import BadRequest
from service.schemas.embeddings import EmbeddingsOptions, EmbeddingsRequest
from service.settings import Settings
from tests.e2e.harness import jpeg
from tests.models.clips import cut_clip
from tests.service.api.http.test_bodies import bodies_of, request

INPUT = b'Content-Disposition: form-data; name="input"'
JPEG = jpeg("coffee", width=64)


@pytest.fixture(scope="module")
def mp4() -> bytes:
    return cut_clip([(255, 0, 0), (0, 0, 255)], 5, size=(64, 48))


def form(parts: Sequence[tuple[bytes, bytes]], home: Path, *, chunk: int = 5000) -> Any:
    """The items of a form, each part with these header lines."""
    body = b"".join(b"--B\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts) + b"--B--\r\n"
    made = request(body, {"content-type": "multipart/form-data; boundary=B"}, chunk=chunk)
    bodies = bodies_of(Settings(home=home))

    async def read() -> Any:
        with bodies.hold(made):
            items = (await bodies.read(made, EmbeddingsRequest, EmbeddingsOptions))[1]
            kinds = [Path(str(item.video.source)).read_bytes() if item.video else item.image for item in items]
            return [(item.id, item.video is not None, content) for item, content in zip(items, kinds, strict=True)]

    found = asyncio.run(read())
    assert not any(path.is_file() for path in home.rglob("*")), "an upload is left on disk"
    return found


@pytest.mark.parametrize(
    ("rest", "name"),
    [
        (b'; filename="a.jpg"', "a.jpg"),
        (b"; filename*=UTF-8''%C3%BC%20a.jpg", "\u00fc a.jpg"),
        (b"; filename*=utf-8'en'x.jpg", "x.jpg"),
        (b"; filename=\"u.jpg\"; filename*=UTF-8''%C3%BC.jpg", "\u00fc.jpg"),
        (b"; filename*=UTF-8''%C3%BC.jpg; filename=\"u.jpg\"", "\u00fc.jpg"),
        (b"; FILENAME*=iso-8859-1''%FC.jpg", "\u00fc.jpg"),
        (b'; filename*0="a"; filename*1="b.jpg"', "ab.jpg"),
        (b"; filename*=UTF-8''a%22b%5C.jpg", 'a"b\\.jpg'),
        (b"; filename*=plain.jpg", "plain.jpg"),
        (b"; filename*=UTF-8''%FF.jpg", "\ufffd.jpg"),
        (b'; filename=""', None),
        (b"\r\nContent-Type: image/jpeg", None),
        (b"\r\nContent-Type: application/octet-stream", None),
    ],
)
def test_a_file_is_a_file_however_its_name_is_written(tmp_path: Path, rest: bytes, name: str | None) -> None:
    assert form([(INPUT + rest, JPEG)], tmp_path) == [(name, False, JPEG)]


def test_the_name_of_a_part_may_be_written_so_too(tmp_path: Path) -> None:
    head = b"Content-Disposition: form-data; name*=UTF-8''input; filename*=UTF-8''a.jpg"
    assert form([(head, JPEG)], tmp_path) == [("a.jpg", False, JPEG)]


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; filename="a.jpg"',
        b'Content-Disposition: form-data; name=""; filename="a.jpg"',
        b"Content-Disposition: form-data; filename*=UTF-8''a.jpg",
        b"Content-Type: image/jpeg",
    ],
)
def test_a_part_without_a_name_is_refused_with_the_way_out(tmp_path: Path, head: bytes) -> None:
    with pytest.raises(BadRequest, match='a part of it has no name; give it one, for example name="input"'):
        form([(head, JPEG)], tmp_path)


@pytest.mark.parametrize("chunk", [1, 7, 1000, 100_000])
@pytest.mark.parametrize("rest", [b'; filename="clip"', b'; filename="a.jpg"', b"\r\nContent-Type: image/png"])
def test_a_video_is_recognised_by_its_bytes(tmp_path: Path, mp4: bytes, rest: bytes, chunk: int) -> None:
    parts = [(INPUT + rest, mp4), (INPUT + b'; filename="b"', JPEG), (INPUT + b'; filename="c"', b"short")]
    found = form(parts, tmp_path, chunk=chunk)
    assert [(is_video, content) for _, is_video, content in found] == [(True, mp4), (False, JPEG), (False, b"short")]


def test_a_text_beside_files_stays_a_text(tmp_path: Path) -> None:
    made = httpx.Request("POST", "http://x/", files=[("input", (None, "a cat")), ("input", (None, JPEG, "image/jpeg"))])
    read = bodies_of(Settings(home=tmp_path)).read(
        request(made.read(), dict(made.headers)), EmbeddingsRequest, EmbeddingsOptions
    )
    text, image = asyncio.run(read)[1]
    assert (text.text, image.image) == ("a cat", JPEG)
