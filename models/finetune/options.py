"""Options of fine-tuning."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from models.classifiers.head import Task
from models.errors import TrainingError

Unfreeze = Literal["none", "last", "all"]
Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes to training images, drawn again in each epoch; 0 and False change nothing.

    The head alone is trained on unchanged images, whose features are computed once.
    """

    flip: bool = True  # mirror half of the images; not for text in images, or road signs
    crop: float = 0.2  # largest share of each side that is cut away
    colour: float = 0.1  # largest relative change of brightness, contrast and saturation

    def __post_init__(self) -> None:
        for name, value in (("crop", self.crop), ("colour", self.colour)):
            if not 0 <= value < 1:
                raise TrainingError(f"{name}: got {value}, must be from 0 (off) to below 1")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of training. Its stages train the head, then the last blocks, then (with unfreeze="all") all blocks.

    Each stage starts with the best weights so far, and ends after `epochs`, or when its lowest loss on the validation
    images is `patience` epochs old; that loss may be above the lowest loss of the stage before.
    """

    task: Task
    positive: str | None = None  # binary: the positive class; None: see models.codes.class_order
    bounds: tuple[float, float] | None = None  # continuous: range of predictions
    unfreeze: Unfreeze = "last"
    last_blocks: int = 3  # number of blocks at the end of the network
    head_epochs: int = 40
    epochs: int = 15  # epochs of each stage after the head's, at most
    patience: int = 5
    batch: int = 32
    head_rate: float = 1e-3  # learning rate of the head in the first stage
    rate: float = 3e-4  # learning rate of the head and of the last block after that
    rate_decay: float = 0.8  # learning rate of a block relative to that of the block above it
    weight_decay: float = 0.01
    class_weight: Literal["balanced"] | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    validation: float = 0.2  # share of the training images used for validation, unless items have that split
    precision: Precision | None = None  # None: fp32 on a CPU; on a GPU bf16 where supported, else fp16
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (("task", Task), ("unfreeze", Unfreeze)):
            if getattr(self, name) not in get_args(choices):
                raise TrainingError(
                    f"{name}: got {getattr(self, name)!r}, must be one of {', '.join(get_args(choices))}"
                )
        for name in ("last_blocks", "head_epochs", "epochs", "patience", "batch"):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name}: got {getattr(self, name)}, must be at least 1")
        for name in ("head_rate", "rate", "rate_decay"):
            if not 0 < getattr(self, name) <= 1:
                raise TrainingError(f"{name}: got {getattr(self, name)}, must be above 0 and at most 1")
        if not 0 <= self.weight_decay <= 1:
            raise TrainingError(f"weight_decay: got {self.weight_decay}, must be from 0 to 1")
        if not 0.05 <= self.validation <= 0.5:
            raise TrainingError(f"validation: got {self.validation}, must be from 0.05 to 0.5")
        if self.class_weight not in (None, "balanced"):
            raise TrainingError(f"class_weight: got {self.class_weight!r}, must be 'balanced' or None")
        if self.precision not in (None, *get_args(Precision)):
            raise TrainingError(f"precision: got {self.precision!r}, must be one of {', '.join(get_args(Precision))}")
        if self.seed < 0:
            raise TrainingError(f"seed: got {self.seed}, must be at least 0")
        self._check_task()

    def _check_task(self) -> None:
        if self.task != "binary" and self.positive is not None:
            raise TrainingError(f"positive: got {self.positive!r}, but applies only to task binary (got {self.task})")
        if self.task == "continuous" and self.class_weight:
            raise TrainingError("class_weight: a continuous target has no classes; give each item a weight")
        if self.bounds is not None:
            if self.task != "continuous":
                raise TrainingError(f"bounds: apply only to task continuous (got {self.task})")
            low, high = self.bounds
            if not (float("-inf") < low < high < float("inf")):
                raise TrainingError(f"bounds: got {low} and {high}, must be two numbers, the lower one first")

    @property
    def stages(self) -> tuple[Literal["head", "last", "all"], ...]:
        """The stages in order."""
        after: dict[str, tuple[Literal["last", "all"], ...]] = {"none": (), "last": ("last",), "all": ("last", "all")}
        return ("head", *after[self.unfreeze])
