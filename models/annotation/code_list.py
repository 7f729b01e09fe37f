"""Codes of several coders as three arrays, without the missing ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.errors import AgreementError, quoted

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Float = NDArray[np.float64]


@dataclass(frozen=True)
class CodeList:
    """Codes as numbers without missing ones: crowds of coders share few items, so that a table would be mostly empty.

    Attributes
    ----------
    item, coder : (codes,) indices.
    code : (codes,)
    items : number of items.
    """

    item: NDArray[np.intp]
    coder: NDArray[np.intp]
    code: Float
    items: int
    coders: tuple[str, ...]

    @classmethod
    def of(cls, coder: Sequence[str], item: Sequence[str], numbers: Sequence[float]) -> "CodeList":
        """The codes of a long table, NaN for none; coders without a code are left out.

        Raises AgreementError for two codes of one coder for one item.
        """
        coding = {who for who, value in zip(coder, numbers, strict=True) if value == value}
        coders, items = [who for who in dict.fromkeys(coder) if who in coding], list(dict.fromkeys(item))
        columns, rows = {c: i for i, c in enumerate(coders)}, {c: i for i, c in enumerate(items)}
        codes: dict[tuple[int, int], float] = {}
        for who, what, value in zip(coder, item, numbers, strict=True):
            if value != value:  # NaN
                continue
            place = rows[what], columns[who]
            if place in codes:
                raise AgreementError(
                    f"codes: coder {quoted(who)} has two codes for item {quoted(what)}; keep one of the two rows"
                )
            codes[place] = value
        places = np.array(list(codes), np.intp).reshape(-1, 2)
        return cls(places[:, 0], places[:, 1], np.array(list(codes.values()), np.float64), len(items), tuple(coders))

    def only(self, items: NDArray[np.bool_]) -> "CodeList":
        """The codes of some items, which are numbered anew."""
        some = items[self.item]
        number = np.cumsum(items) - 1
        return replace(
            self, item=number[self.item[some]], coder=self.coder[some], code=self.code[some], items=int(items.sum())
        )

    def counts(self) -> "tuple[csr_array, Float]":
        """The number of times each item has each value, (items, values), sparse; and the values."""
        return sparse_counts(self.item, self.code, self.items)

    def dense(self) -> Float:
        """A table (items, coders), NaN for missing."""
        table = np.full((self.items, len(self.coders)), np.nan)
        table[self.item, self.coder] = self.code
        return table


def sparse_counts(
    items: NDArray[np.intp], codes: Float, n: int, values: Float | None = None
) -> "tuple[csr_array, Float]":
    """Number of times each item has each value, (n, values), sparse; and the values.

    `items` and `codes`, (codes,) each: the index of its item, and the code.
    """
    from scipy.sparse import csr_array  # here, because the service starts without scipy

    if values is None:
        values = np.unique(codes)
    where = (items, np.searchsorted(values, codes))
    return csr_array((np.ones(len(codes)), where), shape=(n, len(values))), values
