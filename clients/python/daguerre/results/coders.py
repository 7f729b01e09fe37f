"""Differences between groups of coders, and codes of a crowd reconciled."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from daguerre.inputs.files import require_folder
from daguerre.results.annotation import figure
from daguerre.results.base import import_pandas
from daguerre.results.notebook import Shown
from daguerre.results.report import Figure
from daguerre.storage.csv import write_table

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 12  # differences in the text of a result
ENDS = ("value", "low", "high")


@dataclass(frozen=True, kw_only=True)
class CoderGroup:
    """A group of coders, and the agreement within it; None where no item has two of its codes."""

    group: str
    coders: tuple[str, ...]
    codes: int
    items: int
    percent: Figure | None
    alpha: Figure | None


@dataclass(frozen=True, kw_only=True)
class GroupDifference:
    """A difference of two groups over the items that both have coded, a minus b.

    Attributes
    ----------
    category : whose share is compared; None for means of numbers.
    difference : for other coders of the same groups and these items; difference_of_items : and for other items.
    """

    a: str
    b: str
    category: str | None
    items: int
    value_a: float
    value_b: float
    difference: Figure
    difference_of_items: Figure


@dataclass(frozen=True, kw_only=True)
class GroupAgreement:
    """Agreement of a coder of one group with a coder of another: percent, and kappa (1 - observed / expected)."""

    a: str
    b: str
    items: int
    percent: Figure
    kappa: Figure


@dataclass(frozen=True, kw_only=True)
class ItemDifference:
    """An item on which two groups differ; `category` is the one with the largest difference of shares."""

    item: str
    a: str
    b: str
    category: str | None
    value_a: float
    value_b: float
    codes_a: int
    codes_b: int
    difference: Figure
    distance: float


@dataclass(frozen=True, repr=False, kw_only=True)
class GroupDifferences(Shown):
    """Differences in annotation between groups of coders, with 95 % intervals over coders.

    Attributes
    ----------
    groups, overall, between : the groups, their differences, and the agreement of each two.
    items : items on which groups differ, the largest distance first; of each two groups 1,000 at most.
    missing : number of rows without a code.
    answer : the complete answer of the server.
    """

    level: str
    groups: tuple[CoderGroup, ...]
    overall: tuple[GroupDifference, ...]
    between: tuple[GroupAgreement, ...]
    items: tuple[ItemDifference, ...]
    missing: int = 0
    remarks: list[str] = field(default_factory=list)
    answer: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, answer: Mapping[str, Any], remarks: Sequence[str] = ()) -> "GroupDifferences":
        """Build the result from the server's answer, and remarks on the table."""
        return cls(
            level=answer["level"],
            groups=tuple(
                CoderGroup(**{**_figures(each), "coders": tuple(each["coders"])}) for each in answer["groups"]
            ),
            overall=tuple(GroupDifference(**_figures(each)) for each in answer["overall"]),
            between=tuple(GroupAgreement(**_figures(each)) for each in answer["between"]),
            items=tuple(ItemDifference(**_figures(each)) for each in answer["items"]),
            missing=answer["missing"],
            remarks=[*remarks, *answer["remarks"]],
            answer=answer,
        )

    def to_pandas(self, of: Literal["overall", "items"] = "overall") -> "pd.DataFrame":
        """A table with a row for each difference: overall, by category, or of items, the most differing first."""
        if of not in ("overall", "items"):
            raise ValueError(f'of: got {of!r}; must be "overall" or "items"')
        rows = []
        for each in self.overall if of == "overall" else self.items:
            own = {**vars(each)}
            own["difference"], own["low"], own["high"] = (getattr(each.difference, end) for end in ENDS)
            if wider := own.pop("difference_of_items", None):
                own["low_of_items"], own["high_of_items"] = wider.low, wider.high
            rows.append(own)
        table: pd.DataFrame = import_pandas().DataFrame(rows)
        return table

    def save_items(self, path: "str | os.PathLike[str]") -> None:
        """Write the items on which groups differ as .csv, the largest distance first."""
        if path != "-":
            require_folder(path)
        columns = ["id", "a", "b", "category", "value_a", "value_b", "codes_a", "codes_b", "difference", "low", "high"]
        rows = (
            [
                *(each.item, each.a, each.b, each.category or "", each.value_a, each.value_b),
                *(each.codes_a, each.codes_b),
                *("" if (value := getattr(each.difference, end)) is None else value for end in ENDS),
                each.distance,
            ]
            for each in self.items
        )
        write_table([*columns, "distance"], rows, os.fspath(path))

    def lines(self) -> list[str]:
        """The groups, the differences and the agreement, a line for each."""
        lines = []
        for group in self.groups:
            own = "" if group.percent is None else f"; percent {group.percent}, alpha {group.alpha} among them"
            lines.append(
                f"{group.group}: {len(group.coders)} coders, {group.codes:,} codes of {group.items:,} items{own}"
            )
        for each in self.overall[:SHOWN]:
            what = "mean" if each.category is None else each.category
            lines.append(
                f"{what}: {each.a} {each.value_a:.3f}, {each.b} {each.value_b:.3f}, difference {each.difference}; "
                f"other items too {each.difference_of_items}"
            )
        if left := len(self.overall) - SHOWN:
            lines += [f"and {left} more differences"] if left > 0 else []
        lines += [
            f"{both.a} with {both.b}, {both.items:,} items: percent {both.percent}, kappa {both.kappa}"
            for both in self.between
        ]
        return lines

    def __repr__(self) -> str:
        head = f"<GroupDifferences: {len(self.groups)} groups, {self.level}, {len(self.items):,} differing items listed"
        return "\n".join([head, *(f"  {line}" for line in self.lines())]) + ">"


@dataclass(frozen=True, kw_only=True)
class CrowdCoder:
    """A coder: number of codes, and the probability that a code is the item's category."""

    coder: str
    codes: int
    accuracy: float
    confusion: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class CrowdItem:
    """An item; `majority` and `label` are None where several codes or categories are tied."""

    item: str
    codes: int
    majority: str | None
    majority_tied: tuple[str, ...]
    label: str | None
    tied: tuple[str, ...]
    probability: float
    probabilities: Mapping[str, float]


@dataclass(frozen=True, repr=False, kw_only=True)
class Crowd(Shown):
    """Codes of a crowd reconciled by the majority, and by the model of Dawid & Skene.

    Attributes
    ----------
    categories, shares, majority_shares : the categories, and their shares by the model and by the majority.
    coders : each with a confusion matrix: by category, by code, the probability.
    items : each with its majority, its label and the probabilities.
    n_ties, n_tied, n_differ : items without a majority, without a label, and with both, which differ.
    answer : the complete answer of the server.
    """

    categories: tuple[str, ...]
    shares: Mapping[str, float]
    majority_shares: Mapping[str, float]
    coders: tuple[CrowdCoder, ...]
    items: tuple[CrowdItem, ...]
    n_ties: int
    n_tied: int
    n_differ: int
    steps: int
    converged: bool
    log_likelihood: float
    missing: int
    remarks: list[str]
    answer: Mapping[str, Any]

    @classmethod
    def of(cls, answer: Mapping[str, Any], remarks: Sequence[str] = ()) -> "Crowd":
        """Build the result from the server's answer, and remarks on the table."""
        names = tuple(answer["categories"])
        plain = ("n_ties", "n_tied", "n_differ", "steps", "converged", "log_likelihood", "missing")
        return cls(
            **{name: answer[name] for name in plain},
            categories=names,
            shares=dict(zip(names, answer["shares"], strict=True)),
            majority_shares=dict(zip(names, answer["majority_shares"], strict=True)),
            coders=tuple(
                CrowdCoder(
                    **{name: each[name] for name in ("coder", "codes", "accuracy")},
                    confusion={
                        name: dict(zip(names, row, strict=True))
                        for name, row in zip(names, each["confusion"], strict=True)
                    },
                )
                for each in answer["coders"]
            ),
            items=tuple(
                CrowdItem(
                    **{name: each[name] for name in ("item", "codes", "majority", "label", "probability")},
                    majority_tied=tuple(each["majority_tied"]),
                    tied=tuple(each["tied"]),
                    probabilities=dict(zip(names, each["probabilities"], strict=True)),
                )
                for each in answer["items"]
            ),
            remarks=[*remarks, *answer["remarks"]],
            answer=answer,
        )

    def confusion(self, coder: str) -> "pd.DataFrame":
        """The confusion matrix of a coder: categories in rows, the probability of each code in columns.

        Raises ValueError for an unknown coder.
        """
        for each in self.coders:
            if each.coder == coder:
                table: pd.DataFrame = import_pandas().DataFrame.from_dict(each.confusion, orient="index")
                return table.rename_axis(index="category", columns=f"code of {coder}")
        raise ValueError(f"coder: got {coder!r}; the coders are {', '.join(each.coder for each in self.coders[:10])}")

    def rows(self) -> list[list[Any]]:
        """A row for each item: id, label, probability, majority, tied, codes, and each category's probability."""
        return [
            [
                *(each.item, each.label, each.probability, each.majority),
                *(" / ".join(each.tied or each.majority_tied), each.codes),
                *each.probabilities.values(),
            ]
            for each in self.items
        ]

    @property
    def columns(self) -> list[str]:
        """The names of the columns of `rows`."""
        own = ["id", "label", "probability", "majority", "tied", "n_codes"]
        return [*own, *(f"probability of {name}" for name in self.categories)]

    def to_pandas(self) -> "pd.DataFrame":
        """A table with a row for each item: label and majority, None where several are tied, and probabilities."""
        table: pd.DataFrame = import_pandas().DataFrame(self.rows(), columns=self.columns)
        return table

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write the rows as .csv; an empty label or majority is one that is tied."""
        if path != "-":
            require_folder(path)
        rows = (["" if cell is None else cell for cell in row] for row in self.rows())
        write_table(self.columns, rows, os.fspath(path))

    def lines(self) -> list[str]:
        """The shares of the categories and the accuracy of the coders, a line for each."""
        lines = [
            f"{name}: share {self.shares[name]:.3f} by the model, {self.majority_shares[name]:.3f} by the majority"
            for name in self.categories
        ]
        for each in self.coders[:20]:
            right = ", ".join(f"{name} {each.confusion[name][name]:.2f}" for name in self.categories[:10])
            lines.append(f"{each.coder}: {each.codes:,} codes, accuracy {each.accuracy:.3f} ({right})")
        lines += [f"and {len(self.coders) - 20:,} more coders"] if len(self.coders) > 20 else []
        return lines

    def __repr__(self) -> str:
        head = (
            f"<Crowd: {len(self.coders):,} coders, {len(self.items):,} items; {self.n_ties:,} without a majority, "
            f"{self.n_tied:,} without a label; label and majority differ on {self.n_differ:,}"
        )
        return "\n".join([head, *(f"  {line}" for line in self.lines())]) + ">"


def _figures(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an entry, coefficients as figures."""
    names = ("percent", "alpha", "kappa", "difference", "difference_of_items")
    return {name: figure(value) if name in names else value for name, value in fields.items()}
