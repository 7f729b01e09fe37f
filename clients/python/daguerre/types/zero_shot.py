"""Options and answer of a zero-shot request."""

from collections.abc import Sequence
from dataclasses import dataclass

from daguerre.types.common import Answer, Decode, Float


@dataclass(frozen=True, kw_only=True)
class ZeroShotAnswer(Answer):
    labels: Sequence[str]
    best: Sequence[str | None]  # None: no label fits, or the item failed
    scores: Float  # (n, k); rows of failed items are NaN
    cosines: Float  # (n, k)
    none_scores: Float | None  # (n,)
    templates: Sequence[str]
    negatives: Sequence[str] | None
    logit_scale: float


@dataclass(frozen=True, kw_only=True)
class ZeroShotOptions:
    labels: Sequence[str]
    model: str | None = None
    decode: Decode | None = None
    templates: Sequence[str] | None = None
    multi_label: bool = False
    negatives: Sequence[str] | None = None
    none_of_these: str | None = None  # a contrast text
    none_min_cosine: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.labels, str):
            raise TypeError(f"labels: got a str, {self.labels!r:.60}; give a list of labels")
        if self.none_of_these is not None and self.none_min_cosine is not None:
            raise ValueError("none_of_these and none_min_cosine are two ways to say it; give one of them")
        object.__setattr__(self, "labels", list(self.labels))
