"""Records that classifiers' reports consist of: notes, dropped items, epochs, learning curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.classifiers.head import Float
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


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """The prompts of the classes of a zero-shot classifier.

    Attributes
    ----------
    labels, texts : (k,) the classes as the codes have them, and the text of each in the templates.
    directions : (k, d) unit vectors of the prompts times the logit scale of the encoder.
    """

    labels: tuple[str, ...]
    texts: tuple[str, ...]
    templates: tuple[str, ...]
    directions: Float
    logit_scale: float
    model: str


@dataclass(frozen=True, kw_only=True)
class Sureness:
    """The confidence of predictions, and the share of them that is correct.

    Attributes
    ----------
    confidence : weighted mean probability of the predicted label.
    accuracy : share of items that are predicted correctly.
    error : expected calibration error: mean distance of confidence and accuracy in 10 bins of about equal numbers.
    """

    confidence: float
    accuracy: float
    error: float


@dataclass(frozen=True, kw_only=True)
class ZeroShot:
    """The prompts of a calibrated zero-shot classifier, and its calibration.

    Attributes
    ----------
    model, logit_scale : the encoder, and the factor of its cosines.
    prompts : label → text in the templates.
    temperature : logits of the cosines are divided by it.
    biases : label → number that is added to the divided logit.
    fold_temperatures : temperature of each fold of the cross-validation.
    calibrated, uncalibrated : the confidence out of fold, and that of the zero-shot scores as they are.
    """

    model: str
    logit_scale: float
    prompts: Mapping[str, str]
    templates: Sequence[str]
    temperature: float
    biases: Mapping[str, float]
    fold_temperatures: Sequence[float]
    calibrated: Sureness
    uncalibrated: Sureness


@dataclass(frozen=True, kw_only=True)
class SetFigures:
    """The coverage of prediction sets, or of prediction intervals of numbers, on coded items.

    Attributes
    ----------
    coverage : the coverage that was asked for.
    each_class : whether it was asked for in each class.
    items : "out_of_fold": sets by heads of the other folds, calibrated within these. "held_out": test items.
    n : number of items.
    covered : the share of items whose set has their code.
    size : mean number of labels in a set, or mean width of the intervals that are finite.
    empty, single : shares of the sets with no label and with one; None for numbers.
    unlimited : the share of the sets that have all labels, or of intervals without a limit.
    classes : label → the share of its items whose set has it; empty for numbers.
    """

    coverage: float
    each_class: bool
    items: str
    n: int
    covered: Figure
    size: float | None
    empty: float | None
    single: float | None
    unlimited: float
    classes: Mapping[str, Figure]
