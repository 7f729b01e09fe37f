"""Result of estimates from any predictions and codes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from daguerre.results.base import import_pandas
from daguerre.results.plots import IntervalPlot, Row

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["estimates", "differences", "regression", "needed"]
KINDS = ("estimates", "differences", "regression", "needed")
ENDS = ("value", "se", "low", "high")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CorrectedEstimates(IntervalPlot):
    """Shares or means of a corpus, corrected by codes.

    Attributes
    ----------
    task : "binary", "categorical" or "continuous".
    labels : labels that are estimated; empty for numbers.
    n, n_coded : numbers of items, and of coded ones.
    confidence : level of the intervals.
    remarks : assumptions and limits.
    answer : the complete answer of the server.

    Notes
    -----
    Three numbers answer one question. `corrected`: by the codes and the predictions, valid for any predictions if the
    coded items are a probability sample. `classical`: by the codes alone. `naive`: by the predictions alone, biased by
    their errors.
    """

    task: str
    labels: list[str]
    n: int
    n_coded: int
    confidence: float
    remarks: list[str]
    answer: Mapping[str, Any]

    @classmethod
    def fields_of(cls, answer: Mapping[str, Any], remarks: Sequence[str]) -> dict[str, Any]:
        """The attributes from the server's answer; `remarks` are those of this side."""
        names = ("task", "labels", "n", "n_coded", "confidence")
        return {
            **{name: answer[name] for name in names},
            "remarks": [*remarks, *answer["remarks"]],
            "answer": answer,
        }

    def __getitem__(self, key: str) -> Mapping[str, Any]:
        """The estimate of a label, or by the predictions of a name, the first if there are several."""
        for each in self.answer["estimates"]:
            if key in (each["label"], each["predictions"]):
                found: Mapping[str, Any] = each["mean"]
                return found
        raise KeyError(key)

    @property
    def value(self) -> float:
        """The corrected estimate, if there is a single one. Raises ValueError."""
        if len(self.answer["estimates"]) != 1:
            raise ValueError(f"value: there are {len(self.answer['estimates'])} estimates; see to_pandas()")
        found: float = self.answer["estimates"][0]["mean"]["corrected"]["value"]
        return found

    def to_pandas(self, of: Kind = "estimates") -> "pd.DataFrame":
        """A table with a row for each estimate.

        Parameters
        ----------
        of : "estimates": of the corpus and its parts; "differences" of parts; "regression": coefficients, and the
            trend; "needed": widths of intervals by number of coded items.
        """
        rows = self.rows(of)
        table: pd.DataFrame = import_pandas().DataFrame(rows, columns=list(rows[0]) if rows else None)
        return table

    def rows(self, of: str = "estimates") -> list[dict[str, Any]]:
        """The rows of `to_pandas`."""
        made = {
            "estimates": _estimates,
            "differences": _differences,
            "regression": _coefficients,
            "needed": _needed,
        }
        if of not in made:
            raise ValueError(f"of: got {of!r}, there are {', '.join(KINDS)}")
        return [row for each in self.answer["estimates"] for row in made[of](each)]

    def __repr__(self) -> str:
        return "\n".join([f"<{type(self).__name__}: {self._head()}", *(f"  {line}" for line in self.lines())]) + ">"

    def _head(self) -> str:
        return f"{self.n:,} items, {self.n_coded:,} of them coded; {100 * self.confidence:g} % intervals"

    def _intervals(self) -> tuple[Sequence[Row], str]:
        rows = []
        for row in self.rows():
            parts = (row["predictions"], row["label"], f"{row['by']} {row['of']}" if row["by"] else None)
            rows.append((", ".join(str(each) for each in parts if each), row["value"], row["low"], row["high"]))
        return rows, f"corrected estimate, {100 * self.confidence:g} % intervals"

    def lines(self) -> list[str]:
        """A line for each estimate, difference and coefficient."""
        lines = []
        for row in self.rows():
            what = f"{row['by']} {row['of']}: " if row["by"] else ""
            name = f"{row['predictions']}, {row['label']}" if row["label"] else row["predictions"]
            if row["value"] is None:
                lines.append(f"{what}{name}: {row['n_coded']:,} coded items are too few; naive {row['naive']:.4g}")
                continue
            lines.append(
                f"{what}{name}: corrected {_interval(row, '')}, naive {row['naive']:.4g}, codes alone "
                f"{_interval(row, 'classical_')}"
            )
        for row in self.rows("differences"):
            name = f"{row['predictions']}, {row['label']}" if row["label"] else row["predictions"]
            lines.append(f"{row['by']} {row['a']} minus {row['b']}: {name}: corrected {_interval(row, '')}")
        for row in self.rows("regression"):
            lines.append(
                f"{row['model']} of {row['predictions']}: {row['name']}: corrected {_interval(row, '')}, naive "
                f"{row['naive']:.4g}, codes alone {_interval(row, 'coded_')}"
            )
        for each in self.answer["estimates"]:
            if (needed := each["needed"]) is not None:
                many = (
                    "more items than the corpus has" if needed["items"] is None else f"{needed['items']:,} coded items"
                )
                lines.append(f"{each['predictions']}: an interval of width {needed['width']:g} needs {many}")
        return lines


def _interval(row: Mapping[str, Any], prefix: str) -> str:
    value = row[f"{prefix}value"] if f"{prefix}value" in row else row[prefix.rstrip("_")]
    return f"{value:.4g} [{row[f'{prefix}low']:.4g}, {row[f'{prefix}high']:.4g}]"


def _ends(estimate: Mapping[str, Any] | None, prefix: str = "") -> dict[str, float | None]:
    return {f"{prefix}{name}": None if estimate is None else estimate[name] for name in ENDS}


def _estimates(each: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    whole = {"by": None, "value": None, **{name: each["mean"][name] for name in ("n", "n_coded", "naive")}}
    for part in ({**whole, "mean": each["mean"]}, *each["parts"]):
        mean = part["mean"]
        yield {
            **{"predictions": each["predictions"], "label": each["label"], "by": part["by"], "of": part["value"]},
            **{"n": part["n"], "n_coded": part["n_coded"]},
            **_ends(mean and mean["corrected"]),
            "naive": part["naive"],
            **_ends(mean and mean["classical"], "classical_"),
            "slope": mean and mean["slope"],
            "worth": mean and mean["worth"],
        }


def _differences(each: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for pair in each["differences"]:
        yield {
            **{"predictions": each["predictions"], "label": each["label"]},
            **{name: pair[name] for name in ("by", "a", "b")},
            **_ends(pair["corrected"]),
            "naive": pair["naive"],
            **_ends(pair["classical"], "classical_"),
        }


def _coefficients(each: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    models = [] if each["trend"] is None else [("trend", [each["trend"]])]
    if each["regression"] is not None:
        models.append((each["regression"]["family"], each["regression"]["coefficients"]))
    for model, coefficients in models:
        for coefficient in coefficients:
            yield {
                **{"predictions": each["predictions"], "label": each["label"], "model": model},
                "name": coefficient["name"],
                **_ends(coefficient["corrected"]),
                "naive": coefficient["naive"]["value"],
                **_ends(coefficient["naive"], "naive_"),
                **_ends(coefficient["coded"], "coded_"),
                **{"slope": coefficient["slope"], "worth": coefficient["worth"]},
            }


def _needed(each: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for point in (each["needed"] or {"curve": []})["curve"]:
        yield {"predictions": each["predictions"], "label": each["label"], **point}
