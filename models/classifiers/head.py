"""The linear head of a classifier, as plain arrays. train.py makes it, store.py keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.catalog.spec import VectorModality
from models.classifiers.features import Feature, standardised
from models.errors import TrainingError

Float = NDArray[np.float64]
Task = Literal["binary", "categorical", "continuous"]


@dataclass(frozen=True, kw_only=True)
class Block:
    """The part of a head's input that comes from one modality.

    Attributes
    ----------
    fingerprint : identifies the encoder; vectors of another encoder are rejected.
    """

    modality: VectorModality
    model: str
    fingerprint: str
    dimension: int


@dataclass(frozen=True, kw_only=True)
class Head:
    """Weights and calibration of a linear classifier or regression on unit vectors.

    The input is the late concatenation of each block's unit vectors, (n, d), and the standardised features, (n, m); an
    item that lacks a block has zeros there, which add nothing to a linear decision.

    Attributes
    ----------
    labels : in the order of the probabilities; (negative, positive) for a binary task, none for a continuous one.
    coef, intercept : (k, d + m) and (k,); k is the number of labels for a categorical task, else 1.
    slope, offset : calibration of the decision, slope · z + offset: Platt scaling for a binary task, temperature
        scaling for a categorical one; 1 and 0 without calibration.
    threshold : probability from which on the positive class is predicted.
    bounds : range of a continuous target. Predictions are clipped to it, which never raises the squared error.
    spread : half the width of the 95 % prediction interval of a continuous task, before clipping: the quantile of
        out-of-fold residuals (split conformal prediction, Lei et al. 2018, JASA 113). Infinite below 19 items.
    partial : items may lack a block.
    folds : the heads of the cross-validation, each trained without one fold; `crossed` needs them.
    features : numbers of each item beside its vectors.
    """

    task: Task
    blocks: tuple[Block, ...]
    labels: tuple[str, ...]
    coef: Float
    intercept: Float
    slope: float = 1.0
    offset: float = 0.0
    threshold: float = 0.5
    bounds: tuple[float, float] | None = None
    spread: float = float("nan")
    partial: bool = True
    folds: tuple["Head", ...] = ()
    features: tuple[Feature, ...] = ()

    @property
    def dimension(self) -> int:
        """Number of columns of the input."""
        return sum(block.dimension for block in self.blocks) + len(self.features)

    def inputs(self, vectors: Sequence[NDArray[np.floating] | None], features: Float, n: int) -> NDArray[np.float32]:
        """The input (n, d + m) of vectors by block, as `concatenate_blocks` takes them, and values of features (n, m).

        A feature that is missing (NaN) counts as its mean: the caller refuses such items.
        """
        x = concatenate_blocks(vectors, self.blocks, n)
        if not self.features:
            return x
        return np.concatenate([x, np.nan_to_num(standardised(features, self.features))], axis=1)

    def decision(self, x: NDArray[np.floating]) -> Float:
        """Uncalibrated decisions (n, k). Raises TrainingError for vectors of another shape."""
        if x.ndim != 2 or x.shape[1] != self.dimension:
            raise TrainingError(
                f"vectors: got an array of shape {x.shape}, this head takes (n, {self.dimension}); embed with "
                f"{' and '.join(block.model for block in self.blocks)}"
            )
        return np.asarray(x @ self.coef.T + self.intercept, np.float64)

    def probabilities(self, x: NDArray[np.floating]) -> Float:
        """Calibrated probabilities (n, labels)."""
        return calibrated_probabilities(self.decision(x), self.slope, self.offset)

    def values(self, x: NDArray[np.floating]) -> tuple[Float, Float, Float]:
        """Values of a continuous task, and both ends of their 95 % prediction intervals: (n,) each."""
        value = self.decision(x)[:, 0]
        return self._within(value), self._within(value - self.spread), self._within(value + self.spread)

    def crossed(self, x: NDArray[np.floating]) -> Float:
        """Mean predictions of the heads of all folds, (n, labels) probabilities or (n, 1) values, for `estimate`.

        The out-of-fold predictions of coded items come from these heads, so their errors estimate those of this mean;
        the head itself was trained on every coded item (Zrnic & Candès 2024, PNAS 121(15)).
        """
        if not self.folds:
            raise TrainingError("estimate: this classifier was stored without the heads of its folds; train it again")
        predictions = [
            head.values(x)[0][:, None] if self.task == "continuous" else head.probabilities(x) for head in self.folds
        ]
        return np.asarray(np.mean(predictions, axis=0), np.float64)

    def choose(self, probabilities: Float) -> list[str]:
        """The predicted label of each row of probabilities (n, labels)."""
        return [self.labels[i] for i in predicted_classes(probabilities, self.task, self.threshold)]

    def _within(self, value: Float) -> Float:
        return value if self.bounds is None else np.clip(value, *self.bounds)


def predicted_classes(probabilities: Float, task: Task, threshold: float) -> NDArray[np.intp]:
    """Index (n,) of the most probable label; for a binary task 1 from the threshold on, else 0."""
    if task == "binary":
        return (probabilities[:, 1] >= threshold).astype(np.intp)
    return np.asarray(probabilities.argmax(axis=1), np.intp)


def calibrated_probabilities(decision: Float, slope: float, offset: float) -> Float:
    """Probabilities (n, labels) from decisions (n, k): the sigmoid of one column, the softmax of several."""
    z = slope * decision + offset
    if z.shape[1] == 1:
        positive = np.exp(-np.logaddexp(0, -z))
        return np.concatenate([1 - positive, positive], axis=1)
    return np.asarray(np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True)))


def concatenate_blocks(
    vectors: Sequence[NDArray[np.floating] | None], blocks: Sequence[Block], n: int
) -> NDArray[np.float32]:
    """Late concatenation of unit vectors (n, d_i), with zeros for missing blocks (None) and items (a row of NaN).

    Raises TrainingError for shapes that do not match, numbers that are not finite, and vectors of length 0.
    """
    parts = []
    for block_vectors, block in zip(vectors, blocks, strict=True):
        if block_vectors is None:
            parts.append(np.zeros((n, block.dimension), np.float32))
            continue
        if block_vectors.shape != (n, block.dimension):
            raise TrainingError(
                f"{block.modality} vectors: got {block_vectors.shape}, expected ({n}, {block.dimension}), a row of "
                f"{block.model} for each item",
            )
        missing = np.isnan(block_vectors).all(axis=1)
        rows = np.where(missing[:, None], 0, block_vectors).astype(np.float64)
        if not np.isfinite(rows).all():
            row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            raise TrainingError(f"{block.modality} vectors: row {row} has numbers that are not finite; leave it out")
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        if (length[~missing] == 0).any():
            row = int(np.flatnonzero((length[:, 0] == 0) & ~missing)[0])
            raise TrainingError(f"{block.modality} vectors: row {row} is all zeros, it has no direction; leave it out")
        parts.append((rows / np.where(length == 0, 1, length)).astype(np.float32))
    return np.concatenate(parts, axis=1)
