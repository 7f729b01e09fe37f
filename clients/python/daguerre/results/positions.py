"""Position bias of codebook labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daguerre.results.base import import_pandas
from daguerre.results.notebook import Shown

if TYPE_CHECKING:
    import pandas as pd

PERCENT = 100.0


@dataclass(frozen=True, repr=False, kw_only=True)
class PositionBias(Shown):
    """Whether categories are chosen more often where they stand in the question.

    Attributes
    ----------
    variables : of each variable, as the server's answer has it: `places` (share and expected share of each),
        `categories` (shares in an early and in a late place), `difference`, `p`, `clear` and `consistency`.
    """

    variables: Sequence[Mapping[str, Any]]
    confidence: float
    remarks: Sequence[str] = ()
    answer: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "PositionBias":
        return cls(variables=answer["data"], confidence=answer["confidence"], remarks=answer["remarks"], answer=answer)

    def __getitem__(self, variable: str) -> Mapping[str, Any]:
        """The figures of a variable. Raises KeyError."""
        return next((each for each in self.variables if each["variable"] == variable), None) or self._lacks(variable)

    def _lacks(self, variable: str) -> Mapping[str, Any]:
        names = ", ".join(each["variable"] for each in self.variables)
        raise KeyError(f"{variable!r} is none of the variables of which categories were chosen: {names}")

    @property
    def clear(self) -> list[str]:
        """The names of the variables with a clear bias."""
        return [each["variable"] for each in self.variables if each["clear"]]

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each variable and place: variable, place, chosen, share, low, high, expected, p, clear."""
        for each in self.variables:
            for place in each["places"]:
                share = place["share"]
                yield {
                    "variable": each["variable"],
                    "place": place["place"],
                    "chosen": place["chosen"],
                    "share": share["value"],
                    "low": share["low"],
                    "high": share["high"],
                    "expected": place["expected"],
                    "p": each["p"],
                    "clear": each["clear"],
                }

    def to_pandas(self) -> "pd.DataFrame":
        """A table with a row for each variable and place."""
        table: pd.DataFrame = import_pandas().DataFrame(list(self.rows()))
        return table

    def lines(self) -> Iterator[str]:
        """The figures as text."""
        for each in self.variables:
            asked = f"{each['questions']:,} answers about {each['items']:,} items"
            clear = ", a clear bias" if each["clear"] else ""
            yield f"{each['variable']}: {asked}, p = {each['p']:.2g}{clear}"
            for place in each["places"]:
                yield f"    place {place['place']}: {_share(place['share'])} chosen, {place['expected']:.1%} expected"
            gap = each["difference"]
            low, high = (PERCENT * gap[end] for end in ("low", "high"))
            early, late = ("first", "last") if each["kind"] == "nominal" else ("first half", "last half")
            yield f"    {early} minus {late}: {PERCENT * gap['value']:+.1f} points [{low:+.1f}, {high:+.1f}]"
            same = each["consistency"]
            if same is not None:
                yield f"    same answer about the same item: {_share(same['same'])} of pairs, {same['items']:,} items"
                for name, words in (("same_order", "in the same order"), ("other_order", "in another order")):
                    if same[name] is not None:
                        yield f"        {words}: {_share(same[name])}"

    def __str__(self) -> str:
        return "\n".join([*self.lines(), *self.remarks])

    def __repr__(self) -> str:
        return f"PositionBias({len(self.variables)} variables, clear: {', '.join(self.clear) or 'none'})"


def _share(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "–"
    return f"{figure['value']:.1%} [{figure['low']:.1%}, {figure['high']:.1%}]"
