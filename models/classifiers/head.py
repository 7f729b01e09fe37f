"""What predicts: a linear head on unit vectors, as plain arrays. Made by train.py, kept by store.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.catalog.spec import Modality
from models.errors import TrainingError

Float = NDArray[np.float64]
Task = Literal["binary", "categorical", "continuous"]


@dataclass(frozen=True, kw_only=True)
class Block:
    """One modality's part of a head's input.

    Attributes
    ----------
    fingerprint : of the encoder; a head is refused vectors of another one.
    """

    modality: Modality
    model: str
    fingerprint: str
    dimension: int


@dataclass(frozen=True, kw_only=True)
class Head:
    """Weights, calibration, and what they mean.

    The input is the late concatenation of each block's unit vectors, (n, d); an item that lacks a block has zeros
    there, which a linear head takes as "says nothing".

    Attributes
    ----------
    labels : in the order of the probabilities; (negative, positive) of a binary task, none of a continuous one.
    coef, intercept : (k, d) and (k,); k is 1 but for categorical tasks.
    slope, offset : calibration of the decision, slope · z + offset: Platt's two numbers of a binary task, one
        temperature of a categorical one. 1 and 0 where there is none.
    threshold : of the positive class's probability.
    bounds : that a continuous target cannot leave. Predictions are clipped, which never raises the squared error.
    spread : half the width of the 95 % prediction interval of a continuous task, before clipping: the quantile of
        out-of-fold residuals (split conformal prediction, Lei et al. 2018, JASA 113). Infinite below 19 items.
    partial : items may lack a block, as some of those that were learnt from did.
    folds : the heads of the cross-validation, each learnt without one fold; `crossed` needs them.
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

    @property
    def dimension(self) -> int:
        """Of the input."""
        return sum(block.dimension for block in self.blocks)

    def decision(self, x: NDArray[np.floating]) -> Float:
        """Uncalibrated, (n, k)."""
        if x.ndim != 2 or x.shape[1] != self.dimension:
            raise TrainingError(
                f"vectors: got an array of shape {x.shape}, this head takes (n, {self.dimension}); embed with "
                f"{' and '.join(block.model for block in self.blocks)}"
            )
        return np.asarray(x @ self.coef.T + self.intercept, np.float64)

    def probabilities(self, x: NDArray[np.floating]) -> Float:
        """Calibrated, (n, labels)."""
        return calibrated(self.decision(x), self.slope, self.offset)

    def values(self, x: NDArray[np.floating]) -> tuple[Float, Float, Float]:
        """Of a continuous task: the value and its 95 % prediction interval, each (n,)."""
        value = self.decision(x)[:, 0]
        return self._within(value), self._within(value - self.spread), self._within(value + self.spread)

    def crossed(self, x: NDArray[np.floating]) -> Float:
        """The mean prediction of `folds`, (n, labels), or (n, 1) values: what `estimate` corrects.

        Out-of-fold predictions of the coded items come from these heads, so that their errors are those of this mean;
        the head itself has seen every coded item (Zrnic & Candès 2024, PNAS 121(15)).
        """
        if not self.folds:
            raise TrainingError("estimate: this classifier was kept without the heads of its folds; train it anew")
        each = [
            head.values(x)[0][:, None] if self.task == "continuous" else head.probabilities(x) for head in self.folds
        ]
        return np.asarray(np.mean(each, axis=0), np.float64)

    def choose(self, probabilities: Float) -> list[str]:
        """The label of each row: the most probable one; of a binary task, by the threshold."""
        if self.task == "binary":
            return [self.labels[int(p >= self.threshold)] for p in probabilities[:, 1]]
        return [self.labels[i] for i in probabilities.argmax(axis=1)]

    def _within(self, value: Float) -> Float:
        return value if self.bounds is None else np.clip(value, *self.bounds)


def calibrated(decision: Float, slope: float, offset: float) -> Float:
    """Probabilities (n, c) of decisions (n, k): a sigmoid of one column, a softmax of several."""
    z = slope * decision + offset
    if z.shape[1] == 1:
        positive = np.exp(-np.logaddexp(0, -z))
        return np.concatenate([1 - positive, positive], axis=1)
    return np.asarray(np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True)))


def concatenated(
    vectors: Sequence[NDArray[np.floating] | None], blocks: Sequence[Block], n: int
) -> NDArray[np.float32]:
    """Late concatenation: unit vectors (n, d_i) side by side, zeros where an item (a row of NaN) or a block is missing.

    Raises TrainingError for shapes that do not fit, numbers that are not finite, and rows of length 0.
    """
    parts = []
    for given, block in zip(vectors, blocks, strict=True):
        if given is None:
            parts.append(np.zeros((n, block.dimension), np.float32))
            continue
        if given.shape != (n, block.dimension):
            raise TrainingError(
                f"{block.modality} vectors: got {given.shape}, expected ({n}, {block.dimension}), a row of "
                f"{block.model} for each item",
            )
        missing = np.isnan(given).all(axis=1)
        rows = np.where(missing[:, None], 0, given).astype(np.float64)
        if not np.isfinite(rows).all():
            where = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            raise TrainingError(f"{block.modality} vectors: row {where} has numbers that are not finite; leave it out")
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        if (length[~missing] == 0).any():
            where = int(np.flatnonzero((length[:, 0] == 0) & ~missing)[0])
            raise TrainingError(
                f"{block.modality} vectors: row {where} is all zeros, it has no direction; leave it out"
            )
        parts.append((rows / np.where(length == 0, 1, length)).astype(np.float32))
    return np.concatenate(parts, axis=1)
