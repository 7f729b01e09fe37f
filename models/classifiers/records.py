"""Records that classifiers' reports consist of: notes, dropped items, epochs, learning curves."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.intervals import Figure


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


@dataclass(frozen=True, kw_only=True)
class LearningPoint:
    """The figures of one number of coded items.

    Attributes
    ----------
    n : number of coded items: heads are trained on the part of them that a fold leaves.
    score : accuracy, or R² of a continuous target, of all items out of fold, with its interval.
    width : label → width of the 95 % interval of its corrected share, from its lower to its upper limit; of the
        corrected mean under "".
    """

    n: int
    score: Figure
    width: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The spread of one quantity among the coded items, from which the number for a precision is computed.

    Attributes
    ----------
    share : the share of the label by the codes, or the mean.
    variance : variance of the error of one prediction.
    design : design effect of the weights: the variance of the corrected share is variance · design / number of items.
    coded_variance : variance of the code times its own design effect, for the share of the codes without predictions.
    freedom : degrees of freedom of the variance for each coded item.
    """

    share: float
    variance: float
    coded_variance: float
    freedom: float
    design: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Learning:
    """A learning curve, and the spreads by label ("" for a continuous target).

    Attributes
    ----------
    score : name of the score: "accuracy" or "r2".
    n : number of coded items of the classifier.
    seed : seed of the subsamples.
    """

    score: str
    points: tuple[LearningPoint, ...]
    spreads: Mapping[str, Spread]
    n: int
    seed: int
