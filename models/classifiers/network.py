"""A fine-tuned network, run from its folder by ONNX Runtime without torch.

The folder holds `network.onnx`, whose input `pixels` is (n, size, size, 3) uint8 and whose output `raw` is logits
(n, k), and `manifest.json`, which describes them and has the hash of the graph. There is one logit for a binary or
continuous task, else one for each label. With temperature T (Guo et al., "On Calibration of Modern Neural Networks",
ICML 2017)

    binary       P(positive) = sigmoid(raw / T)
    categorical  P = softmax(raw / T)
    continuous   value = raw, or with bounds low + (high - low) sigmoid(raw)
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from models.classifiers.head import Float, Task, predicted_classes
from models.disk import sha256
from models.errors import ModelUnavailable
from models.images.preprocess import Preprocess
from models.sessions.onnx import OnnxSession

FORMAT = 1
GRAPH, MANIFEST = "network.onnx", "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The meaning of a network's logits."""

    task: Task
    labels: tuple[str, ...] = ()  # (negative, positive), or the classes in the order of the logits
    temperature: float = 1.0
    threshold: float = 0.5  # binary: probability from which on an image is positive
    bounds: tuple[float, float] | None = None
    half_widths: Mapping[str, float | None]  # continuous: level → half width of the interval; None: too few images

    def probabilities(self, logits: NDArray[Any]) -> Float:
        """Logits (n, k) → probabilities (n, labels); each row sums to 1."""
        scaled = logits.astype(np.float64) / self.temperature
        if self.task == "binary":
            scaled = np.concatenate([np.zeros_like(scaled), scaled], 1)  # softmax of (0, x) is sigmoid
        shifted = np.exp(scaled - scaled.max(1, keepdims=True))
        return np.asarray(shifted / shifted.sum(1, keepdims=True))

    def values(self, logits: NDArray[Any]) -> Float:
        """Logits (n, 1) of a continuous target → values (n,), in their bounds."""
        raw = logits[:, 0].astype(np.float64)
        if self.bounds is None:
            return raw
        low, high = self.bounds
        return np.asarray(low + (high - low) * 0.5 * (1 + np.tanh(raw / 2)))  # the sigmoid, without overflow

    def interval(self, values: Float, *, level: str = "0.95") -> tuple[Float, Float]:
        """Prediction interval of values (n,), clipped to the bounds; infinite where there were too few images.

        Split conformal: Lei et al., "Distribution-free predictive inference for regression", JASA 2018.
        """
        width = self.half_widths[level]
        half = np.inf if width is None else width
        low, high = self.bounds or (-np.inf, np.inf)
        return np.maximum(values - half, low), np.minimum(values + half, high)


_reading_adapter = TypeAdapter(Reading)
_preprocess_adapter = TypeAdapter(Preprocess)


class Network:
    """The network of one folder on one device.

    Parameters
    ----------
    folder : a folder written by `python -m models finetune`.
    device : "cpu" or "cuda:N"; a device that is not available is an error.
    threads : threads of ONNX Runtime on the CPU; 0 lets it choose.

    Raises
    ------
    ModelUnavailable : no manifest, another format, a file that is missing or changed.
    """

    def __init__(self, folder: Path, *, device: str = "cpu", threads: int = 0) -> None:
        self.manifest, self.reading, self.preprocess = _open(folder)
        self.fingerprint: str = self.manifest["fingerprint"]
        self._session = OnnxSession(folder / GRAPH, device=device, threads=threads)

    def predict(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Pixels (n, size, size, 3), as `load_pixels` with `preprocess` makes them → logits (n, k). Thread-safe."""
        side = self.preprocess.size
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (side, side, 3):
            raise ModelUnavailable(
                f"pixels: got {pixels.dtype} {pixels.shape}; the network takes uint8 (n, {side}, {side}, 3)"
            )
        return self._session.run(pixels)

    def probabilities(self, pixels: NDArray[np.uint8]) -> Float:
        """Pixels → calibrated probabilities (n, c), columns in the order of `reading.labels`."""
        return self.reading.probabilities(self.predict(pixels))

    def values(self, pixels: NDArray[np.uint8], *, level: str = "0.95") -> tuple[Float, Float, Float]:
        """Pixels → values and their prediction interval, lower and upper end: (n,) each."""
        values = self.reading.values(self.predict(pixels))
        return values, *self.reading.interval(values, level=level)

    def labels_of(self, probabilities: Float) -> list[str]:
        """The predicted label of each row of probabilities (n, labels)."""
        chosen = predicted_classes(probabilities, self.reading.task, self.reading.threshold)
        return [self.reading.labels[i] for i in chosen]


def manifest_of(reading: Reading, preprocess: Preprocess, folder: Path, **facts: Any) -> dict[str, Any]:
    """The manifest of a folder: its format, reading, preprocessing, and the hashes of all its files."""
    return {
        "format": FORMAT,
        "kind": "network",
        "reading": _reading_adapter.dump_python(reading, mode="json"),
        "preprocess": _preprocess_adapter.dump_python(preprocess, mode="json"),
        "files": {path.name: sha256(path) for path in sorted(folder.iterdir())},
        **facts,
    }


def _open(folder: Path) -> tuple[dict[str, Any], Reading, Preprocess]:
    again = "fine-tune it again, or restore it"
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT or manifest["kind"] != "network":
            raise ModelUnavailable(
                f"classifier {folder.name}: has kind {manifest['kind']} and format {manifest['format']}, this version"
                f" reads kind network and format {FORMAT}; {again}"
            )
        reading = _reading_adapter.validate_python(manifest["reading"])
        preprocess = _preprocess_adapter.validate_python(manifest["preprocess"])
        files = manifest["files"]
        for name in {GRAPH, *files}:
            if not (folder / name).is_file() or sha256(folder / name) != files[name]:
                raise ModelUnavailable(f"classifier {folder.name}: {name} is missing or damaged; {again}")
        return manifest, reading, preprocess
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as exc:
        raise ModelUnavailable(f"classifier {folder.name}: no readable {MANIFEST}; {again}") from exc
