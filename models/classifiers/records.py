"""Records that classifiers' reports consist of: notes, dropped items, epochs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A remark on the data or the result, in a report."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One epoch of a network's learning curve."""

    stage: str  # "head", "last" or "all"
    epoch: int  # within the stage, from 1
    rate: float  # learning rate of the head at the epoch's end
    train_loss: float  # mean over the epoch, on augmented images
    validation_loss: float
    score: float  # on the validation images, weighted: accuracy, or R² of a continuous target
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """An item that was left out, and the reason."""

    name: str
    code: str
    reason: str
