"""Thumbnails: upright, without metadata, and of a blurred picture nothing but its cells."""

import io

import numpy as np
import pytest
from PIL import Image

from models.images.thumbnail import CELLS, thumbnail


def test_of_a_blurred_picture_the_cells_are_left_and_nothing_else():
    rng = np.random.default_rng(0)
    cells = np.kron(rng.integers(60, 190, (6, CELLS, 3)), np.ones((80, 80, 1)))
    detail = 60.0 * (-1) ** np.add.outer(np.arange(480), np.arange(640))[..., None]  # 0 on average in each cell
    faces = [Image.fromarray(pixels.astype(np.uint8)) for pixels in (cells, cells + detail)]
    one, two = (thumbnail(face, blurred=True, side=640) for face in faces)
    assert one == two
    assert thumbnail(faces[0], side=640) != thumbnail(faces[1], side=640)
    assert Image.open(io.BytesIO(one)).size == (640, 480)


@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_thumbnail_is_upright_and_says_nothing_of_the_camera(as_bytes):
    image = Image.new("RGB", (400, 200), "red")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera maker"
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, comment=b"a secret")
    small = thumbnail(out.getvalue() if as_bytes else Image.open(io.BytesIO(out.getvalue())))
    back = Image.open(io.BytesIO(small))
    assert back.size == (80, 160)
    assert not back.getexif()
    assert b"Camera" not in small
    assert b"secret" not in small


def test_a_thumbnail_is_never_enlarged_and_transparency_is_white():
    back = Image.open(io.BytesIO(thumbnail(Image.new("RGBA", (30, 20), (0, 0, 0, 0)))))
    assert back.size == (30, 20)
    assert np.asarray(back).min() > 250
    assert Image.open(io.BytesIO(thumbnail(Image.new("L", (3000, 2), 9)))).size == (160, 1)
