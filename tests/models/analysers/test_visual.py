"""Visual features. Oracles: scikit-image, the formulas of the papers on pictures of known content."""

import colorsys
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from skimage import color, data, feature, measure

from models.analysers import edges, visual
from models.analysers.spec import run

NAMES = (
    *("brightness", "contrast", "brightness_range", "saturation", "colourfulness", "hue_count", "warm_share"),
    *("cool_share", "entropy", "edge_density", "sharpness", "blur", "symmetry", "dark_share", "bright_share"),
    "straight_lines",
)
LARGEST = {"contrast": 0.5, "colourfulness": 187.0, "hue_count": 20.0, "entropy": 8.0, "sharpness": 16.0}
PHOTOS = ("astronaut", "coffee", "chelsea", "camera", "text")


def photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)()).convert("RGB")


def plain(*rgb: int, size: tuple[int, int] = (60, 40)) -> dict[str, float]:
    return dict(visual.features(Image.new("RGB", size, rgb)))


def refuse(part, inputs):
    raise AssertionError("there is no graph")


@pytest.mark.parametrize("name", PHOTOS)
def test_values_equal_those_of_scikit_image(name: str):
    values = visual.features(photo(name))
    small = visual.scaled(photo(name))
    pixels, levels = np.asarray(small), np.asarray(small.convert("L"))
    assert max(small.size) == min(512, max(photo(name).size))
    assert values["blur"] == pytest.approx(measure.blur_effect(pixels, channel_axis=-1), abs=1e-7)
    assert values["entropy"] == pytest.approx(measure.shannon_entropy(levels), abs=1e-12)
    assert values["saturation"] == pytest.approx(color.rgb2hsv(pixels)[..., 1].mean(), abs=1e-12)
    expected = feature.canny(levels / 255.0, mode="nearest")
    assert (edges.canny(levels / 255.0).mask == expected).all()
    assert values["edge_density"] == expected.mean()


@pytest.mark.parametrize("name", PHOTOS[:2])  # a few saturations of 0.2 are rounded in another way
def test_hues_are_those_of_scikit_image(name: str):
    pixels = np.asarray(visual.scaled(photo(name)))
    hue, saturation, value = np.moveaxis(color.rgb2hsv(pixels), 2, 0)
    coloured = (saturation >= 0.2) & (value >= 0.15)
    degrees = np.round(360 * hue, 9)
    values = visual.features(photo(name))
    assert values["warm_share"] == pytest.approx((coloured & ((degrees >= 315) | (degrees < 75))).mean(), abs=5e-4)
    assert values["cool_share"] == pytest.approx((coloured & (degrees >= 135) & (degrees < 285)).mean(), abs=5e-4)


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(3))))
def test_any_picture_has_all_values_within_their_ranges(pixels):
    image = Image.fromarray(pixels)
    values = visual.features(image)
    assert set(values) == set(NAMES)
    for name, value in values.items():
        assert type(value) is float
        assert 0 <= value <= LARGEST.get(name, 1.0) + 1e-12, name
    assert values == visual.features(image)


@settings(max_examples=100, deadline=None)
@given(arrays.arrays(np.float64, st.tuples(st.integers(3, 20), st.integers(3, 20)), elements=st.integers(0, 4)))
def test_edges_of_any_picture_are_those_of_scikit_image(grey):
    assert (edges.canny(grey / 4).mask == feature.canny(grey / 4, mode="nearest")).all()


def test_plain_colours():
    red, sea = plain(200, 0, 0), plain(0, 100, 200)
    assert red["brightness"] == pytest.approx(round(0.299 * 200) / 255)
    assert (red["saturation"], red["hue_count"], red["warm_share"], red["cool_share"]) == (1, 1, 1, 0)
    assert (sea["warm_share"], sea["cool_share"]) == (0, 1)
    assert red["colourfulness"] == pytest.approx(0.3 * math.hypot(200, 100))  # rg = 200, yb = 100, no spread
    for flat in (red, sea):
        for name in ("contrast", "brightness_range", "entropy", "edge_density", "sharpness", "straight_lines"):
            assert flat[name] == 0
        assert flat["symmetry"] == flat["blur"] == 1
    assert plain(4, 4, 4)["dark_share"] == plain(251, 251, 251)["bright_share"] == 1
    assert plain(5, 5, 5)["dark_share"] == plain(250, 250, 250)["bright_share"] == 0


def test_all_hues():
    wheel = np.array([[colorsys.hsv_to_rgb((i + 0.5) / 20, 1, 0.9) for i in range(20)]])
    values = visual.features(Image.fromarray((255 * wheel).round().astype(np.uint8)))
    assert values["hue_count"] == 20
    assert values["warm_share"] == pytest.approx(7 / 20, abs=0.051)
    assert values["cool_share"] == pytest.approx(8 / 20, abs=0.051)


def test_halves_of_black_and_white():
    pixels = np.zeros((80, 120, 3), np.uint8)
    pixels[:, 60:] = 255
    values = visual.features(Image.fromarray(pixels))
    assert values["brightness"] == values["contrast"] == values["dark_share"] == values["bright_share"] == 0.5
    assert (values["brightness_range"], values["entropy"], values["symmetry"]) == (1, 1, 0)
    assert values["straight_lines"] == 1
    assert visual.features(Image.fromarray(pixels.transpose(1, 0, 2)))["symmetry"] == 1


def test_lines_are_straight_and_circles_are_not():
    y, x = np.mgrid[:400, :400]
    disc = np.hypot(x - 200, y - 200) < 60
    for angle in np.radians([0, 13, 45, 70, 90, 160]):
        across = (x - 200) * np.sin(angle) + (y - 200) * np.cos(angle)
        assert lines(across > 0) > 0.95
        assert lines(np.abs(across) < 6) > 0.95
        assert lines((across > 0) ^ disc) < 0.95
    assert lines(np.hypot(x - 200, y - 200) < 60) < 0.05
    noise = np.random.default_rng(0).random((400, 400))
    assert lines(noise > 0.5) < 0.02


def lines(mask) -> float:
    return edges.straight_share(edges.canny(mask.astype(float)))


def test_a_blurred_picture_is_less_sharp():
    sharp = photo("coffee")
    blurred = Image.fromarray(np.asarray(sharp)).resize((60, 40), Image.Resampling.BILINEAR).resize(sharp.size)
    first, second = visual.features(sharp), visual.features(blurred)
    assert first["blur"] + 0.2 < second["blur"]
    assert first["sharpness"] > 5 * second["sharpness"]
    assert first["edge_density"] > second["edge_density"]


def test_the_analyser_needs_no_graph(tmp_path):
    visual.Visual.make(visual.SPEC, tmp_path)
    assert not list(tmp_path.iterdir())
    analyser = visual.Visual(visual.SPEC, tmp_path)
    made = run(analyser, photo("coffee"), visual.Visual.choices(), refuse)
    assert (made.values, made.findings, made.truncated, made.remarks) == (
        visual.features(photo("coffee")),
        (),
        False,
        (),
    )
    small = run(analyser, Image.new("RGB", (15, 400)), visual.Visual.choices(), refuse)
    assert "15 x 400 pixels" in small.remarks[0]
    assert len(visual.SPEC.fingerprint()) == 32


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (65_535, 1), (1, 5000), (3, 3)])
def test_odd_sizes(size):
    values = visual.features(Image.new("RGB", size, (9, 9, 9)))
    assert set(values) == set(NAMES)
    assert all(math.isfinite(value) for value in values.values())
