"""Scores of items for labels."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from daguerre.results.base import OWN, ModelResults, failure_note, import_pandas
from daguerre.types.common import Float

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class ZeroShot(ModelResults):
    """Scores for labels. Not calibrated: validate them against human codes before you count with them.

    Attributes
    ----------
    labels : yours, in your order; or those of the preset.
    scores : (n, k) float32, a row for each item that was given; rows of failed items are NaN.
    cosines : (n, k) float32, raw.
    best : the best label of each item; None where none fits, or the item failed.
    none_scores : (n,) of `none_of_these`, or None.
    unknown : indices of texts of which the model knows no token: their vectors say nothing about them.
    videos : indices of videos, each with one result, pooled over its frames.
    first_of_many : indices of images that hold several pictures, of which the first was read.
    templates, negatives, logit_scale : what made the scores of the cosines.
    preset, prompts, notice : name of the preset, the texts that stood for its labels in the templates, and how to
        validate its scores; None without a preset.
    """

    ROWS = ("scores", "cosines", "best", "none_scores")

    labels: list[str] = field(kw_only=True)
    scores: Float = field(kw_only=True)
    cosines: Float = field(kw_only=True)
    best: list[str | None] = field(kw_only=True)
    none_scores: Float | None = field(kw_only=True)
    templates: list[str] = field(kw_only=True)
    negatives: list[str] | None = field(kw_only=True)
    logit_scale: float = field(kw_only=True)
    preset: str | None = field(kw_only=True, default=None)
    prompts: list[str] | None = field(kw_only=True, default=None)
    notice: str | None = field(kw_only=True, default=None)
    calibrated: bool = field(kw_only=True, default=False)

    def top(self, k: int = 1) -> list[list[tuple[str, float]]]:
        """The k best labels of each item with their scores, the highest first; none for items without a result."""
        if k < 1:
            raise ValueError(f"k: got {k}, it must be at least 1")
        order = np.argsort(-self.cosines, axis=1, kind="stable")[:, :k]  # scores may be rounded to the same number
        good = self.ok
        return [
            [(self.labels[j], float(self.scores[i, j])) for j in order[i]] if good[i] else [] for i in range(len(self))
        ]

    def to_pandas(self) -> "pd.DataFrame":
        """Table by item: index id, the best `label`, a column with the score of each label, `remark`, `error` (a code).

        The remark is "unknown", "truncated", "video", "first_of_many", several of them, or None. A label of yours that
        is called "label", "remark" or "error" gets its column as "label: …".
        """
        pandas = import_pandas()
        columns: dict[str, Any] = {"label": self.best}
        for j, label in enumerate(self.labels):
            columns[f"label: {label}" if label in OWN else label] = self.scores[:, j]
        columns["remark"] = self.remarks
        columns["error"] = self.codes
        table: pd.DataFrame = pandas.DataFrame(columns, index=pandas.Index(self.ids, name="id"))
        return table

    def _line(self, i: int) -> str:
        best = self.best[i]
        return "none of these" if best is None else f"{best} {self.scores[i, self.labels.index(best)]:.2f}"

    def __repr__(self) -> str:
        n, k = self.scores.shape
        return f"<ZeroShot: {n:,} items × {k} labels, {self.model} {self.fingerprint[:12]}{failure_note(self.errors)}>"
