"""Options and answer of a request to a trained classifier."""

from collections.abc import Sequence
from dataclasses import dataclass

from daguerre.types.common import Answer, Double


@dataclass(frozen=True, kw_only=True)
class PredictAnswer(Answer):
    """Of a task with labels `best` and `probabilities`; of a continuous one `values` with their interval."""

    classifier: str
    task: str
    labels: Sequence[str]
    best: Sequence[str | None]
    probabilities: Double  # (n, labels)
    values: Double  # (n, 3): value, low, high; NaN where the interval is not known
    crossed: Double  # (n, labels) or (n, 1); (n, 0) where it was not asked for


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    classifier: str
    crossed: bool = False
