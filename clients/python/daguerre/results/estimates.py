"""Estimates for a corpus, by label, or of a mean."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from daguerre.results.base import import_pandas
from daguerre.results.plots import IntervalPlot, Row
from daguerre.results.report import Estimate

if TYPE_CHECKING:
    import pandas as pd

MEAN = "mean"  # the key of a continuous task


class CorpusEstimates(IntervalPlot, dict[str, Estimate]):
    """Estimates of a corpus, by label; that of a continuous task under "mean".

    Attributes
    ----------
    classifier : name and version.
    confidence : level of the intervals.
    n_coded, n_corpus : numbers of coded items, and of items of the corpus.
    remarks : why the coded items may not represent the corpus.
    answer : the complete answer of the server.

    Notes
    -----
    Each `Estimate` has three answers to one question. `value`, `low`, `high`: the mean of all predictions plus the mean
    error of the predictions on the coded items; unbiased, whatever the quality of the classifier, if the coded items
    are a random sample of the corpus. `naive`: the mean of all predictions, as if they were right; its error does not
    become smaller with more items. `classical`: the coded items alone, as if there were no classifier; unbiased too,
    with a wider interval where the classifier is good.
    """

    def __init__(self, answer: Mapping[str, Any]) -> None:
        names = {each.name for each in fields(Estimate)}
        found = {
            key: Estimate(**{name: value for name, value in each.items() if name in names})
            for key, each in answer["estimates"].items()
        }
        if "" in found:  # as servers name it too, and older ones alone
            found = {MEAN: found[""]}
        super().__init__(found)
        self.answer = answer
        self.classifier: str = answer["classifier"]
        self.confidence: float = answer["confidence"]
        self.remarks: list[str] = list(answer.get("remarks") or ())
        first = next(iter(found.values()))
        self.n_coded, self.n_corpus = first.n_coded, first.n_corpus

    def __missing__(self, key: str) -> Estimate:
        if key == "" and self.continuous:
            return self[MEAN]
        raise KeyError(key)

    @property
    def continuous(self) -> bool:
        """Whether it is the estimate of a mean."""
        return "" in self.answer["estimates"]

    @property
    def value(self) -> float:
        """The corrected mean of a continuous task. Raises ValueError for shares of labels."""
        if not self.continuous:
            raise ValueError(
                f"value: there are shares of {len(self)} labels; ask for one, as in E[{next(iter(self))!r}]"
            )
        return self[MEAN].value

    def rows(self) -> list[dict[str, Any]]:
        """The rows of `to_pandas`."""
        name = "mean" if self.continuous else "share"
        return [
            {
                **{"class": label, name: each.value, "low": each.low, "high": each.high, "naive": each.naive},
                **dict(zip(("classical", "classical_low", "classical_high"), each.classical, strict=True)),
                **{"n_coded": each.n_coded, "n_corpus": each.n_corpus},
            }
            for label, each in self.items()
        ]

    def to_pandas(self) -> "pd.DataFrame":
        """A row per class: class, share (or mean), low, high, naive, classical with its interval, n_coded, n_corpus."""
        table: pd.DataFrame = import_pandas().DataFrame(self.rows())
        return table

    def _intervals(self) -> tuple[Sequence[Row], str]:
        rows = [(label, each.value, each.low, each.high) for label, each in self.items()]
        of = "mean" if self.continuous else "share"
        return rows, f"{of}, {100 * self.confidence:g} % intervals"

    def lines(self) -> list[str]:
        """A line for each estimate, and one that explains them."""
        return [*(_line(label, each) for label, each in self.items()), explanation(self.n_coded)]

    def __repr__(self) -> str:
        head = (
            f"<Estimates: {self.n_corpus:,} items by {self.classifier}, {self.n_coded:,} of them coded; "
            f"{100 * self.confidence:g} % intervals"
        )
        return "\n".join([head, *(f"  {_line(label, each)}" for label, each in self.items())]) + ">"


def explanation(n_coded: int) -> str:
    """The sentence that explains the three numbers of an estimate."""
    return (
        "corrected: the mean of all predictions plus their mean error on the coded items, valid if these are a random "
        "sample of the corpus. naive: the mean of all predictions, as if none were wrong. classical: the "
        f"{n_coded:,} coded items alone, without the classifier"
    )


def _line(label: str, each: Estimate) -> str:
    return (
        f"{label}: corrected {_interval((each.value, each.low, each.high))}, naive {each.naive:.4g}, "
        f"classical {_interval(each.classical)}"
    )


def _interval(numbers: Sequence[float]) -> str:
    value, low, high = numbers
    return f"{value:.4g} [{low:.4g}, {high:.4g}]"
