"""A fine-tuned network's folder: whole or refused, and what its logits mean. Oracle: scipy's softmax and expit."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import expit, softmax

from models.classifiers.network import FORMAT, GRAPH, MANIFEST, Network, Reading, manifest_of
from models.errors import ModelUnavailable
from models.images.preprocess import Preprocess

ROOT = Path(__file__).parents[3]
WEIGHTS = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]) / 255
READING = Reading(task="categorical", labels=("red", "green"), temperature=2.0, half_widths={})


def graph(path, size=4):
    """The mean of each channel, by the weights: a graph that no torch made."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    made = helper.make_graph(
        [
            helper.make_node("Cast", ["pixels"], ["x"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("MatMul", ["mean", "w"], ["raw"]),
        ],
        "means",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", size, size, 3])],
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(WEIGHTS.astype(np.float32), "w")],
    )
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "made"
    path.mkdir()
    graph(path / GRAPH)
    manifest = manifest_of(READING, Preprocess(size=4, resize="squash"), path, fingerprint="f" * 32)
    (path / MANIFEST).write_text(json.dumps(manifest))
    return path


def test_logits_probabilities_and_labels_of_pixels(folder):
    network = Network(folder)
    pixels = np.zeros((3, 4, 4, 3), np.uint8)
    pixels[0, ..., 0], pixels[1, ..., 1], pixels[2] = 255, 255, 100
    logits = pixels.mean((1, 2)) @ WEIGHTS
    np.testing.assert_allclose(network.predict(pixels), logits, atol=1e-6)
    np.testing.assert_allclose(network.probabilities(pixels), softmax(logits / 2, axis=1), atol=1e-6)
    assert network.labels_of(network.probabilities(pixels))[:2] == ["red", "green"]
    assert network.preprocess == Preprocess(size=4, resize="squash")
    assert network.fingerprint == "f" * 32


@pytest.mark.parametrize("shape", [(1, 5, 4, 3), (4, 4, 3), (1, 4, 4, 4)])
def test_pixels_of_another_shape_or_type_are_refused(folder, shape):
    network = Network(folder)
    with pytest.raises(ModelUnavailable, match=r"takes uint8 \(n, 4, 4, 3\)"):
        network.predict(np.zeros(shape, np.uint8))
    with pytest.raises(ModelUnavailable, match="got float32"):
        network.predict(np.zeros((1, 4, 4, 3), np.float32))


def test_it_is_served_without_torch(folder):
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from pathlib import Path; import numpy as np\n"
        "from models.classifiers.network import Network\n"
        "print(Network(Path(sys.argv[1])).probabilities(np.zeros((2, 4, 4, 3), np.uint8)).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout) == [[0.5, 0.5]] * 2


def test_one_flipped_bit_is_found(folder):
    data = bytearray((folder / GRAPH).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / GRAPH).write_bytes(bytes(data))
    with pytest.raises(ModelUnavailable, match=r"network\.onnx is missing or damaged"):
        Network(folder)


def test_a_manifest_cut_anywhere_is_refused(folder):
    text = (folder / MANIFEST).read_text()
    for length in range(0, len(text), 53):
        (folder / MANIFEST).write_text(text[:length])
        with pytest.raises(ModelUnavailable, match=r"classifier made: no readable manifest\.json"):
            Network(folder)


@pytest.mark.parametrize(
    "change",
    [{"format": FORMAT + 1}, {"kind": "head"}, {"files": {}}, {"reading": {}}, {"preprocess": {}}, {"files": ["x"]}],
)
def test_another_format_kind_or_content_is_refused(folder, change):
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, **change}))
    with pytest.raises(ModelUnavailable, match=r"classifier made: .*fine-tune it again, or restore it"):
        Network(folder)


def test_an_absent_folder_is_refused(tmp_path):
    with pytest.raises(ModelUnavailable, match="classifier nowhere"):
        Network(tmp_path / "nowhere")


# what logits mean

LOGITS = arrays.arrays(np.float32, st.tuples(st.integers(1, 5), st.just(3)), elements=st.floats(-1e4, 1e4, width=32))


@given(LOGITS, st.sampled_from([0.05, 1.0, 20.0]))
def test_probabilities_are_those_of_scipy(logits, temperature):
    three = replace(READING, labels=("a", "b", "c"), temperature=temperature)
    np.testing.assert_allclose(three.probabilities(logits), softmax(logits.astype(float) / temperature, 1), atol=1e-12)
    two = replace(READING, task="binary", temperature=temperature)
    chance = expit(logits[:, :1].astype(float) / temperature)
    np.testing.assert_allclose(two.probabilities(logits[:, :1]), np.hstack([1 - chance, chance]), atol=1e-12)


@given(LOGITS)
def test_bounded_values_stay_in_their_bounds_with_their_interval(logits):
    reading = Reading(task="continuous", bounds=(-1.0, 3.0), half_widths={"0.9": 0.5, "0.95": None})
    values = reading.values(logits[:, :1])
    np.testing.assert_allclose(values, -1 + 4 * expit(logits[:, 0].astype(float)), atol=1e-12)
    for level in ("0.9", "0.95"):
        low, high = reading.interval(values, level=level)
        assert (low >= -1).all()
        assert (high <= 3).all()
        assert (low <= values).all()
        assert (values <= high).all()
    assert set(reading.interval(values)[0]) == {-1.0}  # unknown: all that can be


def test_an_unbounded_value_is_the_logit_and_an_unknown_interval_is_infinite():
    reading = Reading(task="continuous", half_widths={"0.95": None, "0.9": 1.0})
    values = reading.values(np.array([[7.5]]))
    assert values.tolist() == [7.5]
    assert [end.tolist() for end in reading.interval(values)] == [[-np.inf], [np.inf]]
    assert [end.tolist() for end in reading.interval(values, level="0.9")] == [[6.5], [8.5]]


def test_the_threshold_decides_a_binary_label(folder):
    network = Network(folder)
    network.reading = replace(READING, task="binary", threshold=0.7)
    assert network.labels_of(np.array([[0.4, 0.6], [0.3, 0.7], [0.1, 0.9]])) == ["red", "green", "green"]
