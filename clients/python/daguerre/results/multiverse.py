"""Result of a multiverse: the estimates of every configuration, and their spread."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from daguerre.results.base import import_pandas
from daguerre.results.plots import IntervalPlot, Row

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["estimates", "spread", "choices"]
KINDS = ("estimates", "spread", "choices")
ENDS = ("value", "se", "low", "high")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MultiverseEstimates(IntervalPlot):
    """The estimate of one quantity by every configuration of model, template, wording and threshold.

    Attributes
    ----------
    n, n_coded : numbers of items, and of coded ones; None without codes.
    confidence : level of the intervals.
    factors : by name of a choice, its values.
    classical : estimate by the codes alone (value, se, low, high); None without codes.
    average : estimates by the mean of the predictions of all configurations, as one column, which leaves nothing to
        choose: `uncorrected`, `corrected` (value, se, low, high; None without codes), `slope`, `worth`.
    summary : `uncorrected` and `corrected` spread (lowest, quartiles, median, highest, sd); `covering`: the number of
        corrected intervals that hold the estimate by the codes alone; `within`: the number of uncorrected estimates
        inside the interval of the codes alone; `signs`: of a difference, trend or coefficient, the number of
        configurations by sign and by side of zero, and of those that differ from the codes alone.
    remarks : assumptions and limits.
    answer : the complete answer of the server.

    Notes
    -----
    All configurations are reported. One that is chosen afterwards by its result has no valid interval; the corrected
    estimate of each is valid on its own, if the coded items are a probability sample.
    """

    n: int
    n_coded: int | None
    confidence: float
    remarks: list[str]
    answer: Mapping[str, Any]

    @classmethod
    def fields_of(cls, answer: Mapping[str, Any], remarks: Sequence[str]) -> dict[str, Any]:
        """The attributes from the server's answer; `remarks` are those of this side."""
        names = ("n", "n_coded", "confidence")
        return {
            **{name: answer[name] for name in names},
            "remarks": [*remarks, *answer["remarks"]],
            "answer": answer,
        }

    @property
    def factors(self) -> dict[str, list[str]]:
        return {each["name"]: [one["value"] for one in each["values"]] for each in self.answer["factors"]}

    @property
    def classical(self) -> Mapping[str, float] | None:
        found: Mapping[str, float] | None = self.answer["classical"]
        return found

    @property
    def average(self) -> Mapping[str, Any]:
        return {name: value for name, value in self.answer["average"].items() if name != "choices"}

    @property
    def summary(self) -> dict[str, Any]:
        names = ("uncorrected", "corrected", "covering", "within", "signs")
        return {"configurations": len(self), **{name: self.answer[name] for name in names}}

    def __len__(self) -> int:
        return len(self.answer["configurations"])

    def to_pandas(self, of: Kind = "estimates") -> "pd.DataFrame":
        """A tidy table.

        Parameters
        ----------
        of : "estimates": a row for each configuration and kind of estimate (uncorrected, corrected, classical: by the
            codes alone) with the choices, value, standard error, interval, λ (slope) and worth; "spread": a row for the
            uncorrected and one for the corrected estimates; "choices": a row for each value of each choice, with the
            mean estimates of its configurations and the share of the variance that the choice explains.
        """
        rows = self.rows(of)
        table: pd.DataFrame = import_pandas().DataFrame(rows, columns=list(rows[0]) if rows else None)
        return table

    def rows(self, of: str = "estimates") -> list[dict[str, Any]]:
        """The rows of `to_pandas`."""
        made = {"estimates": _estimates, "spread": _spread, "choices": _choices}
        if of not in made:
            raise ValueError(f"of: got {of!r}, there are {', '.join(KINDS)}")
        return list(made[of](self.answer))

    def __repr__(self) -> str:
        return "\n".join([f"<{type(self).__name__}: {self._head()}", *(f"  {line}" for line in self.lines())]) + ">"

    def _head(self) -> str:
        codes = "no codes" if self.n_coded is None else f"{self.n_coded:,} of them coded"
        return f"{len(self):,} configurations, {self.n:,} items, {codes}"

    def _intervals(self) -> tuple[Sequence[Row], str]:
        kind = "uncorrected" if self.answer["classical"] is None else "corrected"
        rows = [row for row in self.rows() if row["kind"] == kind and row["value"] is not None]
        rows.sort(key=lambda row: row["value"])
        names = [", ".join(str(row[name]) for name in self.factors) for row in rows]
        ends = [(name, row["value"], row["low"], row["high"]) for name, row in zip(names, rows, strict=True)]
        return ends, f"{kind} estimate, {100 * self.confidence:g} % intervals"

    def lines(self) -> list[str]:
        """The quantity that is estimated, the spread of its estimates, and the choices that they depend on."""
        answer, of = self.answer, self.answer["estimand"]
        what = f"share of {of['label']!r}" if of["label"] else "share" if of["share"] else "mean"
        kinds = {
            "level": what,
            "difference": f"{what}: {of['by']} {of['a']} minus {of['b']}",
            "trend": f"{what}: change per unit of time",
            "coefficient": f"coefficient of {of['term']}",
        }
        lines = [kinds[of["kind"]]]
        for kind in ("uncorrected", "corrected"):
            if (spread := answer[kind]) is not None:
                lines.append(
                    f"{kind}: {spread['lowest']:.4g} to {spread['highest']:.4g}, median {spread['median']:.4g}, "
                    f"standard deviation {spread['sd'] if spread['sd'] > 1e-12 else 0:.2g}"
                )
        if (alone := answer["classical"]) is not None:
            mean = self.average["corrected"]
            lines.append(
                f"mean of all predictions, corrected: {mean['value']:.4g} [{mean['low']:.4g}, {mean['high']:.4g}]"
            )
            lines.append(f"codes alone: {alone['value']:.4g} [{alone['low']:.4g}, {alone['high']:.4g}]")
            lines.append(
                f"{answer['covering']:,} of {len(self):,} corrected intervals hold the estimate by the codes alone; "
                f"{answer['within']:,} uncorrected estimates are inside its interval"
            )
        if (signs := answer["signs"]) is not None:
            lines.append(f"uncorrected: {signs['positive']:,} above zero, {signs['negative']:,} below")
            if signs["codes"] is not None:
                lines.append(
                    f"sign other than by the codes alone: {signs['other_sign']:,} uncorrected, "
                    f"{signs['other_sign_corrected']:,} corrected; interval on another side of zero: "
                    f"{signs['other_side']:,}"
                )
        for each in answer["factors"]:
            if len(each["values"]) > 1 and each["explained"] is not None:
                lines.append(f"{each['name']}: {100 * each['explained']:.0f} % of the variance of the uncorrected")
        return lines


def _estimates(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for number, each in enumerate(answer["configurations"], 1):
        kinds: dict[str, Mapping[str, Any]] = {"uncorrected": {"value": each["uncorrected"]}}
        if answer["classical"] is not None:
            kinds |= {"corrected": each["corrected"], "classical": answer["classical"]}
        for kind, ends in kinds.items():
            yield {
                "configuration": number,
                **each["choices"],
                "kind": kind,
                **{name: ends.get(name) for name in ENDS},
                "slope": each["slope"] if kind == "corrected" else None,
                "worth": each["worth"] if kind == "corrected" else None,
            }


def _spread(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in ("uncorrected", "corrected"):
        if answer[kind] is not None:
            yield {"kind": kind, **answer[kind]}


def _choices(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for factor in answer["factors"]:
        for one in factor["values"]:
            yield {
                "choice": factor["name"],
                **one,
                "explained": factor["explained"],
                "explained_corrected": factor["explained_corrected"],
            }
