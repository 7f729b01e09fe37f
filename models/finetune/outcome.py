"""What a fine-tuning run leaves: arrays for a report, and how it went, as one object that is also JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from models.classifiers.epoch import Epoch
from models.classifiers.folders import Dropped
from models.classifiers.network import Reading
from models.classifiers.notes import Note

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Images that the weights were not fitted to, with their codes: all that metrics need.

    Of the validation images the epoch to stop at, the temperature and the interval were chosen; of the test images
    nothing was.
    """

    names: tuple[str, ...]
    targets: Float  # (n,): index into the labels, or the number
    weights: Float  # (n,)
    groups: tuple[str | None, ...]
    logits: Float  # (n, k)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run that has ended. `fingerprint` and `start` are those of the manifest."""

    reading: Reading
    fingerprint: str
    start: Mapping[str, str]  # name, fingerprint, licence
    options: Mapping[str, Any]
    counts: Mapping[str, Mapping[str, int]]  # split → class → images; "" stands for all of a continuous target
    curve: tuple[Epoch, ...]
    best: int  # index into the curve: the epoch whose weights are served
    validation: Predictions
    test: Predictions
    parity: float  # largest difference of ONNX Runtime's logits from torch's, on `parity_images` images
    parity_images: int
    device: str
    precision: str
    dropped: tuple[Dropped, ...]
    notes: tuple[Note, ...]
    versions: Mapping[str, str]
    seconds: float  # of all attempts, if it was interrupted

    def probabilities(self, predictions: Predictions) -> Float:
        """(n, c), calibrated."""
        return self.reading.probabilities(predictions.logits)

    def values(self, predictions: Predictions) -> Float:
        """(n,), of a continuous target."""
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
