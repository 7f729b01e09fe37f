"""Predictions of a trained classifier for items."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daguerre.results.base import OWN, ItemResults, import_pandas, item_remarks
from daguerre.types.common import Double, Receipt

if TYPE_CHECKING:
    import pandas as pd


def origin_columns(classifier: str, fingerprint: str | None) -> dict[str, str | None]:
    """The columns of a table of predictions that name their origin."""
    return {"classifier": classifier, "fingerprint": fingerprint or None}


@dataclass(frozen=True, eq=False, kw_only=True)
class Predictions(ItemResults):
    """Predictions of a classifier.

    Attributes
    ----------
    ids : paths of files below the folder that was given; places of other items.
    predicted : (n,) labels; None of failed items and of a continuous task.
    probabilities : (n, labels) float64, calibrated; rows of failed items are NaN.
    values, low, high : (n,) of a continuous task, with the 95 % prediction interval; NaN where it is not known.
    crossed : (n, labels) or (n, 1), where it was asked for.
    coverage : the coverage of `sets`, or of the intervals of numbers, where one was asked for.
    sets : (n,) the prediction set of each item: the labels that it may have, so that sets miss the code of an item with
        a probability of at most about 1 - coverage. Several labels: the classifier cannot tell them apart. None, an
        empty set: the item is unlike the coded ones. None of failed items, and without a coverage or labels.
    classifier : "protest@3".
    unknown, truncated : indices of texts of which the model knows no token, and of those that were cut.
    videos : indices of videos, each with one prediction, pooled over its frames.
    first_of_many : indices of images that hold several pictures, of which the first was read.
    errors : a table of the items without a result.
    receipt : how the vectors were made; None where every item failed.
    """

    ROWS = ("predicted", "probabilities", "values", "low", "high", "crossed", "sets")

    truncated: list[int]
    receipt: Receipt | None
    classifier: str
    task: str
    labels: list[str]
    predicted: list[str | None]
    probabilities: Double
    values: Double
    low: Double
    high: Double
    crossed: Double | None
    coverage: float | None = None
    sets: list[list[str] | None] | None = None
    unknown: list[int] = field(default_factory=list)
    videos: list[int] = field(default_factory=list)
    first_of_many: list[int] = field(default_factory=list)

    @property
    def remarks(self) -> list[str | None]:
        """A remark on each item, for tables: "unknown", "truncated", "video", "first_of_many"; None for most."""
        return item_remarks(self)

    @property
    def origin(self) -> dict[str, str | None]:
        """The columns that name the classifier, with its version, and the fingerprint of the vectors."""
        return origin_columns(self.classifier, None if self.receipt is None else self.receipt.fingerprint)

    @property
    def set_columns(self) -> dict[str, list[Any]]:
        """The columns of a table with the labels of each set, between " | ", and their number; none without sets."""
        if self.sets is None:
            return {}
        return {
            "set": [None if each is None else " | ".join(each) for each in self.sets],
            "set_size": [None if each is None else len(each) for each in self.sets],
        }

    def to_pandas(self) -> "pd.DataFrame":
        """Table by item: index id; `label` and a column for each probability, or `value`, `low`, `high`; `error`.

        `classifier` ("protest@3") and `fingerprint` of the vectors are the same in every row, so that `validate` knows
        which items the classifier was trained on. With a coverage there are `set` (labels between " | ") and
        `set_size`. Before `error` is a column `remark`: "unknown", "truncated", "video", "first_of_many", several of
        them, or None. A label of yours that has the name of such a column gets its own as "label: …".
        """
        pandas = import_pandas()
        columns: dict[str, Any] = {}
        sets = self.set_columns
        if self.labels:
            columns["label"] = self.predicted
            for j, label in enumerate(self.labels):
                columns[f"label: {label}" if label in (*OWN, *sets) else label] = self.probabilities[:, j]
        else:
            columns |= {"value": self.values, "low": self.low, "high": self.high}
        columns |= sets
        columns |= {name: [value] * len(self) for name, value in self.origin.items()}
        columns["remark"] = self.remarks
        columns["error"] = self.codes
        table: pd.DataFrame = pandas.DataFrame(columns, index=pandas.Index(self.ids, name="id"))
        return table

    def _line(self, i: int) -> str:
        label = self.predicted[i]
        if label is None:
            return f"{self.values[i]:.3g}" if len(self.values) else ""
        return f"{label} {self.probabilities[i, self.labels.index(label)]:.2f}"

    def __repr__(self) -> str:
        failed = f", {len(self.errors)} without a result" if self.errors else ""
        return f"<Predictions: {len(self):,} items by {self.classifier}{failed}>"
