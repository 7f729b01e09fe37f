"""Agreement of coders: coefficients, categories, pairs of coders, and the items to be adjudicated."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daguerre.inputs.files import require_folder
from daguerre.results.annotation import figure
from daguerre.results.base import import_pandas
from daguerre.results.notebook import Shown
from daguerre.results.report import Figure
from daguerre.storage.csv import write_table
from daguerre.storage.tables import refuse_filled

if TYPE_CHECKING:
    import pandas as pd


WEIGHTED = ("kappa_linear", "kappa_quadratic")
GWET = ("ac1", "ac2_linear", "ac2_quadratic")


@dataclass(frozen=True, kw_only=True)
class CategoryAgreement:
    """A category, and the coders' agreement on it.

    Attributes
    ----------
    codes : number of its codes by all coders.
    items : number of items with two or more codes, of which one at least is this category.
    agreement : specific agreement: probability that another coder gives the category to an item to which a coder has
        given it; of two categories, positive and negative agreement.
    """

    category: str
    codes: int
    items: int
    agreement: Figure | None


@dataclass(frozen=True, kw_only=True)
class CoderPair(Shown):
    """Two coders on the items that both have coded.

    Attributes
    ----------
    table : by the first coder's code, by the second coder's, the number of items; empty for more than 50 categories.
    """

    a: str
    b: str
    items: int
    percent: Figure | None
    kappa: Figure | None
    table: Mapping[str, Mapping[str, int]]
    kappa_linear: Figure | None = None
    kappa_quadratic: Figure | None = None
    ac1: Figure | None = None

    def to_pandas(self) -> "pd.DataFrame":
        """Confusion table: a row for each code of the first coder, a column for each of the second."""
        table: pd.DataFrame = import_pandas().DataFrame.from_dict(self.table, orient="index")
        return table.rename_axis(index=self.a, columns=self.b)


@dataclass(frozen=True, kw_only=True)
class Icc:
    """Intraclass correlations of a single code, of the items that all coders have coded; items and coders are random.

    Attributes
    ----------
    items : number of these items.
    agreement : ICC(A,1), which is ICC(2,1) of Shrout & Fleiss; consistency : ICC(C,1), which is ICC(3,1).
    """

    items: int
    agreement: Figure | None
    consistency: Figure | None


@dataclass(frozen=True, kw_only=True)
class DifferingItem:
    """An item on which coders differ, with the code of each coder who has coded it."""

    item: str
    codes: Mapping[str, str]


@dataclass(frozen=True, repr=False, kw_only=True)
class Agreement(Shown):
    """Agreement of coders, with 95 % intervals.

    Attributes
    ----------
    items : with two or more codes; only they say something.
    percent : share of pairs of codes of one item that are equal.
    kappa : Cohen's, of two coders; alpha : Krippendorff's.
    kappa_linear, kappa_quadratic : weighted kappa of two coders, under level ordinal or interval.
    ac1, ac2_linear, ac2_quadratic : Gwet's, for at most 50 different codes; AC2 under level ordinal or interval.
    icc : intraclass correlations under level interval.
    most_common, most_common_share : the most frequent code and its share; from 0.9 on alpha and kappa say little.
    missing : number of rows without a code.
    remarks : coders without codes, texts that count as missing, codes that are written alike, ids that may have lost
        zeros.
    categories : in order, each with its own agreement; empty for more than 50. n_categories : their number.
    by_coder : by coder, by category, the number of codes; codes_by_coder : the number of all codes of each.
    pairs : pairs of coders, each with kappa and a confusion table; the 45 with the most items in common.
    differ : items on which coders differ, 100,000 at most. n_differ : their number.
    answer : the complete answer of the server.
    """

    coders: tuple[str, ...]
    items: int
    level: str
    percent: Figure
    kappa: Figure | None
    alpha: Figure
    missing: int = 0
    remarks: list[str] = field(default_factory=list)
    categories: tuple[CategoryAgreement, ...] = ()
    n_categories: int = 0
    by_coder: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    pairs: tuple[CoderPair, ...] = ()
    differ: tuple[DifferingItem, ...] = ()
    n_differ: int = 0
    answer: Mapping[str, Any] = field(default_factory=dict)
    kappa_linear: Figure | None = None
    kappa_quadratic: Figure | None = None
    ac1: Figure | None = None
    ac2_linear: Figure | None = None
    ac2_quadratic: Figure | None = None
    icc: Icc | None = None
    most_common: str | None = None
    most_common_share: float | None = None
    codes_by_coder: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, answer: Mapping[str, Any], remarks: Sequence[str] = ()) -> "Agreement":
        """Build the result from the server's answer, and remarks on the table."""
        percent, kappa, alpha = (figure(answer[name]) for name in ("percent", "kappa", "alpha"))
        assert percent
        assert alpha
        names = [each["category"] for each in answer.get("categories", ())]
        return cls(
            coders=tuple(answer["coders"]),
            items=answer["items"],
            level=answer["level"],
            percent=percent,
            kappa=kappa,
            alpha=alpha,
            missing=answer.get("missing", 0),
            remarks=[*remarks, *answer.get("remarks", ())],
            categories=tuple(
                CategoryAgreement(**{**each, "agreement": figure(each["agreement"])})
                for each in answer.get("categories", ())
            ),
            n_categories=answer.get("n_categories", 0),
            by_coder={
                each["coder"]: dict(zip(names, each["counts"], strict=False)) for each in answer.get("by_coder", ())
            },
            pairs=tuple(
                CoderPair(
                    **{name: each[name] for name in ("a", "b", "items")},
                    percent=figure(each["percent"]),
                    kappa=figure(each["kappa"]),
                    kappa_linear=figure(each.get("kappa_linear")),
                    kappa_quadratic=figure(each.get("kappa_quadratic")),
                    ac1=figure(each.get("ac1")),
                    table={row["category"]: dict(zip(names, row["counts"], strict=True)) for row in each["table"]},
                )
                for each in answer.get("pairs", ())
            ),
            differ=tuple(
                DifferingItem(item=each["item"], codes=dict(zip(each["coders"], each["codes"], strict=True)))
                for each in answer.get("differ", ())
            ),
            n_differ=answer.get("n_differ", 0),
            answer=answer,
            **{name: figure(answer.get(name)) for name in (*WEIGHTED, *GWET)},
            icc=_icc(answer.get("icc")),
            most_common=answer.get("most_common"),
            most_common_share=answer.get("most_common_share"),
            codes_by_coder={each["coder"]: each["codes"] for each in answer.get("by_coder", ())},
        )

    @property
    def coefficients(self) -> dict[str, Figure]:
        """The coefficients by name that the level of measurement and the number of coders have."""
        named = {name: getattr(self, name) for name in ("percent", "kappa", *WEIGHTED, "alpha", *GWET)}
        if self.icc is not None:
            named |= {"icc agreement": self.icc.agreement, "icc consistency": self.icc.consistency}
        return {name.replace("_", " "): value for name, value in named.items() if value is not None}

    def pair(self, a: str, b: str) -> CoderPair:
        """The pair of two coders. Raises ValueError where they have no item in common."""
        for each in self.pairs:
            if {each.a, each.b} == {a, b}:
                return each
        raise ValueError(f"{a} and {b} have no item in common, or are not among the {len(self.pairs)} pairs listed")

    def to_pandas(self) -> "pd.DataFrame":
        """Table of the categories: index category, columns codes, items, agreement, low, high, codes of each coder."""
        rows = [
            {
                **{"codes": each.codes, "items": each.items},
                "agreement": getattr(each.agreement, "value", None),
                **{end: getattr(each.agreement, end, None) for end in ("low", "high")},
                **{f"codes of {coder}": counts.get(each.category, 0) for coder, counts in self.by_coder.items()},
            }
            for each in self.categories
        ]
        pandas = import_pandas()
        index = pandas.Index([each.category for each in self.categories], name="category")
        table: pd.DataFrame = pandas.DataFrame(rows, index=index)
        return table

    def save_differ(self, path: "str | os.PathLike[str]") -> None:
        """Write the items on which coders differ as .csv: id, each coder's code, and an empty column adjudicator.

        `train_classifier(…, adjudicator=path)` reads the file once the column is filled in. Raises ValueError for a
        file in which it, or the codes of a coder, are filled in already.
        """
        if path != "-":
            require_folder(path)
        refuse_filled(path, self.coders, instead="adjudicator")
        rows = ([each.item, *(each.codes.get(coder, "") for coder in self.coders), ""] for each in self.differ)
        write_table(["id", *self.coders, "adjudicator"], rows, os.fspath(path))

    def __repr__(self) -> str:
        absent = f", {self.missing:,} codes missing" if self.missing else ""
        differ = f"; coders differ on {self.n_differ:,}" if self.answer else ""
        who = f"{len(self.coders)} coders, {self.items:,} items, {self.level}{absent}"
        figures = ", ".join(f"{name} {value}" for name, value in self.coefficients.items())
        return f"<Agreement: {who}; {figures}{differ}>"


def _icc(answer: Mapping[str, Any] | None) -> Icc | None:
    if answer is None:
        return None
    return Icc(items=answer["items"], agreement=figure(answer["agreement"]), consistency=figure(answer["consistency"]))
