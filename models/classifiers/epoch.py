"""One line of a fine-tuned network's learning curve."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One line of the learning curve."""

    stage: str  # "head", "last" or "all"
    epoch: int  # within the stage, from 1
    rate: float  # learning rate of the head at the epoch's end
    train_loss: float  # mean over the epoch, of the images as they were changed
    validation_loss: float
    score: float  # on the validation images, weighted: accuracy, or R² of a continuous target
    seconds: float
