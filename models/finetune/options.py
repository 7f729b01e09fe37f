"""What can be chosen when a network is fine-tuned."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from models.errors import TrainingError

Task = Literal["binary", "categorical", "continuous"]
Unfreeze = Literal["none", "last", "all"]
Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is changed at random in each training image, anew each epoch; 0 and False change nothing.

    The head alone learns from unchanged images: their features are computed once.
    """

    flip: bool = True  # left and right change places, half of the time; not for text in images, or road signs
    crop: float = 0.2  # at most this part of the side is cut away, and the aspect changed by as much
    colour: float = 0.1  # brightness, contrast and saturation change by at most this factor

    def __post_init__(self) -> None:
        for name, value in (("crop", self.crop), ("colour", self.colour)):
            if not 0 <= value < 1:
                raise TrainingError(f"{name}: got {value}, must be from 0 (off) to below 1")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a network is fine-tuned. The stages: the head; then the last blocks; then, if asked for, all of them.

    Each stage begins with the best weights so far, and ends after `epochs`, or when its lowest loss on the validation
    images is `patience` epochs old: it may well be above that of the stage before for a while.
    """

    task: Task
    positive: str | None = None  # binary: the class whose probability is given; by default the second in the alphabet
    bounds: tuple[float, float] | None = None  # continuous: predictions stay inside
    unfreeze: Unfreeze = "last"
    last_blocks: int = 3  # of the network, counted from its end
    head_epochs: int = 40
    epochs: int = 15  # of each stage after the head's
    patience: int = 5
    batch: int = 32
    head_rate: float = 1e-3  # learning rate of the head while it learns alone
    rate: float = 3e-4  # learning rate of the head and of the uppermost block after that
    rate_decay: float = 0.8  # each block's learning rate is so many times that of the block above it
    weight_decay: float = 0.01
    class_weight: Literal["balanced"] | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    validation: float = 0.2  # part of the training images set aside to stop by, unless the items name their own
    precision: Precision | None = None  # None: fp32 on a CPU; on a GPU bf16 where it has that, else fp16
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (("task", Task), ("unfreeze", Unfreeze)):
            if getattr(self, name) not in get_args(choices):
                raise TrainingError(f"{name}: {getattr(self, name)!r} is none of {', '.join(get_args(choices))}")
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
            raise TrainingError(f"class_weight: {self.class_weight!r} is neither 'balanced' nor None")
        if self.precision not in (None, *get_args(Precision)):
            raise TrainingError(f"precision: {self.precision!r} is none of {', '.join(get_args(Precision))}")
        if self.seed < 0:
            raise TrainingError(f"seed: got {self.seed}, must be at least 0")
        self._check_task()

    def _check_task(self) -> None:
        if self.task != "binary" and self.positive is not None:
            raise TrainingError(f"positive: got {self.positive!r}, but the task is {self.task}; it goes with binary")
        if self.task == "continuous" and self.class_weight:
            raise TrainingError("class_weight: a continuous target has no classes; give each item a weight")
        if self.bounds is not None:
            if self.task != "continuous":
                raise TrainingError(f"bounds: the task is {self.task}; they go with continuous")
            low, high = self.bounds
            if not (float("-inf") < low < high < float("inf")):
                raise TrainingError(f"bounds: got {low} and {high}, need two numbers, the lower one first")

    @property
    def stages(self) -> tuple[Literal["head", "last", "all"], ...]:
        """What is trained, in turn."""
        after: dict[str, tuple[Literal["last", "all"], ...]] = {"none": (), "last": ("last",), "all": ("last", "all")}
        return ("head", *after[self.unfreeze])
