"""A head's ONNX graph gives what the head gives, in ONNX Runtime and by hand."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.classifiers.head import Block, Head
from models.classifiers.onnx_head import head_graph

BLOCKS = (
    Block(modality="image", model="embedded", fingerprint="f", dimension=5),
    Block(modality="text", model="embedded", fingerprint="f", dimension=3),
)


def session(head: Head):
    import onnxruntime  # after `models`, which switches its telemetry off

    return onnxruntime.InferenceSession(head_graph(head), providers=["CPUExecutionProvider"])


def head(task: str, seed: int, bounds=None) -> Head:
    rng = np.random.default_rng(seed)
    labels = {"binary": ("no", "yes"), "categorical": ("a", "b", "ü"), "continuous": ()}[task]
    k = len(labels) if task == "categorical" else 1
    calibration = {} if task == "continuous" else {"slope": 1.7, "offset": 0.3 if task == "binary" else 0.0}
    return Head(task=task, blocks=BLOCKS, labels=labels, coef=rng.normal(0, 3, (k, 8)), intercept=rng.normal(0, 1, k),
                bounds=bounds, **calibration)  # fmt: skip


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), task=st.sampled_from(["binary", "categorical", "continuous", "bounded"]))
def test_it_gives_what_the_head_gives(seed, task):
    made = head("continuous", seed, (-0.5, 0.5)) if task == "bounded" else head(task, seed)
    running = session(made)
    rng = np.random.default_rng(seed)
    for n in (1, 7):
        x = rng.normal(size=(n, 8)).astype(np.float32)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        (found,) = running.run(None, {"vectors": x})
        expected = made.values(x)[0] if made.task == "continuous" else made.probabilities(x)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 2e-6 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("task", ["binary", "categorical", "continuous"])
def test_it_says_what_it_is(task):
    running = session(head(task, 0))
    said = running.get_modelmeta().custom_metadata_map
    assert said["task"] == task
    assert json.loads(said["labels"]) == list(head(task, 0).labels)
    assert [block["modality"] for block in json.loads(said["blocks"])] == ["image", "text"]
    assert running.get_inputs()[0].shape == ["n", 8]
