"""The colour histogram: numpy's histogram of Pillow's pixels, and the Bhattacharyya coefficient as its cosine."""

import io

import numpy as np
import pytest
from PIL import Image

from models.catalog import folder
from models.catalog.rows import COLOURS
from models.embedded import colours
from models.encoders.processors import image_processor
from models.images.decoding import ImageLimits
from models.sessions.onnx import OnnxSession
from tests.models.image_samples import encode, scene


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> folder.ModelFolder:
    return folder.build(COLOURS, tmp_path_factory.mktemp("home"), colours.make)


def vectors(built: folder.ModelFolder, pictures: list[bytes]) -> np.ndarray:
    processor = image_processor(built)
    assert processor
    rows = [processor.preprocess(data, limits=ImageLimits(), decode="exact") for data in pictures]
    raw = OnnxSession(built.path / "image.onnx").run(processor.collate(rows, 224))
    return processor.postprocess(raw)


def shares(picture: bytes) -> np.ndarray:
    """Shares of pixels in 8 x 8 x 8 bins, (512,), by numpy."""
    image = Image.open(io.BytesIO(picture)).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
    pixels = np.asarray(image).reshape(-1, 3)
    counts, _ = np.histogramdd(pixels, bins=[np.arange(0, 257, 32)] * 3)
    return counts.ravel() / len(pixels)


def noise(seed: int) -> bytes:
    return encode(np.random.default_rng(seed).integers(0, 256, (224, 224, 3), dtype=np.uint8), "PNG")


def test_vectors_are_square_roots_of_numpys_histogram(built: folder.ModelFolder) -> None:
    pictures = [encode(scene(), "PNG"), noise(0), noise(1), encode(np.zeros((50, 70, 3), np.uint8), "PNG")]
    found = vectors(built, pictures)
    expected = np.stack([shares(picture) for picture in pictures])
    np.testing.assert_allclose(found, np.sqrt(expected), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(found @ found.T, np.sqrt(expected) @ np.sqrt(expected).T, atol=1e-5)


def test_every_colour_has_the_bin_of_its_levels(built: folder.ModelFolder) -> None:
    """Pictures of one colour, at the edges of the bins."""
    levels = [0, 31, 32, 127, 128, 223, 224, 255]
    each = [(r, g, b) for r in levels for g in levels for b in (0, 31, 32, 255)]
    stack = np.empty((len(each), 224, 224, 3), np.uint8)
    stack[:] = np.array(each, np.uint8)[:, None, None, :]
    session = OnnxSession(built.path / "image.onnx")
    found = np.concatenate([session.run(stack[i : i + 8]) for i in range(0, len(stack), 8)])
    assert found.argmax(axis=1).tolist() == [(r // 32 * 8 + g // 32) * 8 + b // 32 for r, g, b in each]
    assert (found.max(axis=1) == 1).all()
    assert (found.sum(axis=1) == 1).all()


def test_the_place_of_a_colour_and_the_batch_do_not_matter(built: folder.ModelFolder) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    mixed = np.random.default_rng(1).permutation(pixels.reshape(-1, 3)).reshape(pixels.shape)
    alone = vectors(built, [encode(pixels, "PNG")])
    together = vectors(built, [encode(mixed, "PNG"), noise(7), encode(pixels, "PNG")])
    assert (together[0] == alone[0]).all()
    assert (together[2] == alone[0]).all()
