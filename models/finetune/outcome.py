"""The outcome of a fine-tuning run: predictions for a report, and the course of training, to and from JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from models.classifiers.network import Reading
from models.classifiers.records import Dropped, Epoch, Note

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Predictions of images that the weights were not fitted to, with their codes.

    The validation images chose the epoch to stop at, the temperature and the interval; the test images chose nothing.
    """

    names: tuple[str, ...]
    targets: Float  # (n,): indices of labels, or numbers
    weights: Float  # (n,)
    groups: tuple[str | None, ...]
    logits: Float  # (n, k)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A completed run. `fingerprint` and `start` are those of the manifest."""

    reading: Reading
    fingerprint: str
    start: Mapping[str, str]  # name, fingerprint, licence
    options: Mapping[str, Any]
    counts: Mapping[str, Mapping[str, int]]  # split → class → images; "" stands for all of a continuous target
    curve: tuple[Epoch, ...]
    best: int  # index into the curve of the epoch whose weights are kept
    validation: Predictions
    test: Predictions
    parity: float  # largest difference of ONNX Runtime's logits from torch's, on `parity_images` images
    parity_images: int
    device: str
    precision: str
    dropped: tuple[Dropped, ...]
    notes: tuple[Note, ...]
    versions: Mapping[str, str]
    seconds: float  # training time, over all attempts

    def probabilities(self, predictions: Predictions) -> Float:
        """Calibrated probabilities (n, labels)."""
        return self.reading.probabilities(predictions.logits)

    def values(self, predictions: Predictions) -> Float:
        """Values (n,) of a continuous target."""
        return self.reading.values(predictions.logits)

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=_plain, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Outcome":
        """The outcome that `to_json` wrote. Raises ValueError for anything else."""
        fields = json.loads(text)
        for part in ("validation", "test"):
            rows = fields[part]
            outputs = len(fields["reading"]["labels"]) if fields["reading"]["task"] == "categorical" else 1
            rows["logits"] = np.array(rows["logits"], np.float64).reshape(-1, outputs)
            rows |= {name: np.array(rows[name], np.float64) for name in ("targets", "weights")}
            fields[part] = Predictions(
                **{**rows, "names": tuple(rows["names"]), "groups": tuple(rows["groups"])},
            )
        for name, kind in (("curve", Epoch), ("dropped", Dropped), ("notes", Note)):
            fields[name] = tuple(kind(**row) for row in fields[name])
        return cls(**{**fields, "reading": TypeAdapter(Reading).validate_python(fields["reading"])})


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")
