"""Intraclass correlations of codes that are quantities, of one coder's codes, with intervals by the F distribution."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.intervals import Figure

Float = NDArray[np.float64]
TAIL = 0.975


@dataclass(frozen=True, kw_only=True)
class Icc:
    """Intraclass correlations of a single code, items and coders both random (two-way).

    Attributes
    ----------
    items : number of items that all coders have coded, on which the figures rest.
    agreement : ICC(A,1) of McGraw & Wong (1996), ICC(2,1) of Shrout & Fleiss (1979): a coder whose codes are all higher
        lowers it.
    consistency : ICC(C,1), or ICC(3,1): differences between the coders' means do not count.
    """

    items: int
    agreement: Figure
    consistency: Figure


def icc(table: Float) -> Icc:
    """Intraclass correlations of a table (items, coders), NaN for missing; items with a missing code are left out.

    Values are NaN for fewer than two complete items and where codes do not vary; bounds are NaN where coders agree
    exactly, of which the F distribution says nothing. The intervals assume normally distributed effects.

    Source: McGraw & Wong, "Forming inferences about some intraclass correlation coefficients", Psychological Methods
    1996, 1:30, tables 4 and 7; Shrout & Fleiss, Psychological Bulletin 1979, 86:420.
    """
    from scipy.special import fdtri  # here, because the service starts without scipy

    complete = table[~np.isnan(table).any(axis=1)]
    n, k = complete.shape
    nothing = Figure(value=np.nan, low=np.nan, high=np.nan)
    if n < 2 or k < 2:
        return Icc(items=n, agreement=nothing, consistency=nothing)
    scale = float(np.ptp(complete)) or 1.0
    centred = (complete - complete.mean()) / scale
    rows, columns = centred.mean(axis=1), centred.mean(axis=0)
    between = k * float(rows @ rows) / (n - 1)
    coders = n * float(columns @ columns) / (k - 1)
    residual = centred - rows[:, None] - columns[None]
    freedom = (n - 1) * (k - 1)
    error = float(np.square(residual).sum()) / freedom
    coders, error, between = (0.0 if each < 1e-24 else each for each in (coders, error, between))
    same = between + (k - 1) * error
    absolute = same + k * (coders - error) / n
    if same == 0 or absolute <= 0:
        return Icc(items=n, agreement=nothing, consistency=nothing)
    consistent, agreed = (between - error) / same, (between - error) / absolute
    if error == 0:
        exact = Figure(value=consistent, low=np.nan, high=np.nan)
        if coders == 0:
            return Icc(items=n, agreement=exact, consistency=exact)
        consistency = exact
    else:
        f = between / error
        low, high = f / fdtri(n - 1, freedom, TAIL), f * fdtri(freedom, n - 1, TAIL)
        consistency = Figure(value=consistent, low=(low - 1) / (low + k - 1), high=(high - 1) / (high + k - 1))
    a = k * agreed / (n * (1 - agreed))
    b = 1 + k * agreed * (n - 1) / (n * (1 - agreed))
    degrees = (a * coders + b * error) ** 2 / ((a * coders) ** 2 / (k - 1) + (b * error) ** 2 / freedom)
    below, above = fdtri(n - 1, degrees, TAIL), fdtri(degrees, n - 1, TAIL)
    rest = k * coders + (k * n - k - n) * error
    agreement = Figure(
        value=agreed,
        low=float(n * (between - below * error) / (below * rest + n * between)),
        high=float(n * (above * between - error) / (rest + n * above * between)),
    )
    return Icc(items=n, agreement=agreement, consistency=consistency)
