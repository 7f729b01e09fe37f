"""Regressions in which the outcome or covariates are predicted, corrected by a coded sample.

A regression on predictions alone is biased even if the predictions are accurate. The regression of the coded items is
not, but uses few items. Each coefficient of the latter is corrected by λ times the difference of two naive regressions,
that of all items and that of the coded items, both on predictions: it is unbiased in large samples for any predictions
and any regression, and λ minimises its variance (predict-then-debias: Kluger, Lu, Zrnic, Wang & Bates 2025,
arXiv:2501.18577; the idea of Chen & Chen 2000, JRSS B 62:449). The coded items have the weights of their inclusion
probabilities. Standard errors are those of a jackknife over units (items, or clusters of items).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.correction.means import satterthwaite, t_quantile
from models.errors import EstimateError, listed

Float = NDArray[np.float64]
Int = NDArray[np.intp]
Family = Literal["linear", "logistic"]
STEPS = 50  # of Newton's method
LARGEST = 30.0  # a linear predictor of a logistic regression beyond which its items are separated
AT_ONCE = 2**22  # numbers of the matrices of left-out units, of one step


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of a regression.

    Attributes
    ----------
    x : (n, k) covariates, with the constant.
    y : (n,) outcome.
    weight : (n,) positive.
    unit : (n,) indices from 0: items of one unit are not independent.
    """

    x: Float
    y: Float
    weight: Float
    unit: Int


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """A coefficient: estimate, standard error and interval of each of three regressions.

    Attributes
    ----------
    corrected, coded, naive : value, standard error, lower and upper limit; of codes and predictions, of the coded items
        alone, and of the predictions alone.
    slope : λ.
    worth : number of coded items that would give codes alone the same standard error.
    """

    name: str
    corrected: tuple[float, float, float, float]
    coded: tuple[float, float, float, float]
    naive: tuple[float, float, float, float]
    slope: float
    worth: float


def corrected_regression(
    names: Sequence[str],
    coded: Rows,
    coded_predicted: Rows,
    predicted: Rows,
    *,
    family: Family,
    confidence: float = 0.95,
    slope: float | None = None,
) -> list[Coefficient]:
    """Estimate each coefficient of a regression.

    Parameters
    ----------
    names : of the k columns.
    coded, coded_predicted : the coded items, with codes, and with predictions in place of them; weights and units are
        equal.
    predicted : all items, coded ones too, with predictions.
    slope : λ of every coefficient, where it is not to be fitted.

    Raises
    ------
    EstimateError : columns that are linear combinations of others, items that covariates separate, too few units.
    """
    true = _Fit(coded, family, names, "the coded items")
    of_coded = _Fit(coded_predicted, family, names, "the predictions of the coded items", start=true.beta)
    everything = _Fit(predicted, family, names, "the predictions", start=of_coded.beta)
    n, units = len(coded.y), len(true.changes)
    root = ((units - 1) / units) ** 0.5
    found = []
    for j, name in enumerate(names):
        plain = _limits(float(true.beta[j]), true.changes[:, j], 0.0, confidence)
        naive = _limits(float(everything.beta[j]), everything.changes[:, j], 0.0, confidence)
        best, used = plain, 0.0
        if slope is None:
            fitted, without = _slopes(true.changes[:, j], of_coded.changes[:, j])
        else:
            fitted, without = slope, np.full(units, slope)
        if fitted > 0:
            shift = float(everything.beta[j] - of_coded.beta[j])
            changes = true.changes[:, j] - without * of_coded.changes[:, j] + (without - fitted) * shift * root
            around = fitted * fitted * naive[1] * naive[1]
            combined = _limits(float(true.beta[j]) + fitted * shift, changes, around, confidence)
            if slope is not None or combined[3] - combined[2] < plain[3] - plain[2]:
                best, used = combined, fitted
        ratio = plain[1] / best[1] if best[1] > 0 else 1.0
        worth = n * ratio * ratio
        found.append(Coefficient(name=name, corrected=best, coded=plain, naive=naive, slope=used, worth=worth))
    return found


def design(columns: Mapping[str, Float | Sequence[str]], most: int = 200) -> tuple[list[str], Float]:
    """The matrix of a regression: a constant, numbers as they are, and indicators of all categories but the first.

    Parameters
    ----------
    columns : (n,) numbers, or texts of categories (in alphabetical order).
    most : largest number of columns.

    Returns
    -------
    Names (k,) and matrix (n, k).
    """
    names, made = ["(constant)"], []
    for name, column in columns.items():
        values = np.asarray(column)
        if values.dtype.kind in "fiub":
            names.append(name)
            made.append(values.astype(np.float64))
            continue
        levels, index = np.unique(values, return_inverse=True)
        if len(names) + len(levels) - 1 > most:
            raise EstimateError(
                f"covariates: {name} has {len(levels):,} categories, and the regression at most {most} columns; "
                "combine categories, or give numbers"
            )
        for i, level in enumerate(levels[1:].tolist(), 1):
            names.append(f"{name}={level}")
            made.append((index == i).astype(np.float64))
    n = len(made[0]) if made else 0
    return names, np.column_stack([np.ones(n), *made])


class _Fit:
    """A weighted regression, and the changes of its coefficients when each unit is left out, times √((u - 1) / u)."""

    beta: Float  # (k,)
    changes: Float  # (units, k)

    def __init__(self, rows: Rows, family: Family, names: Sequence[str], what: str, start: Float | None = None) -> None:
        n_units = int(rows.unit.max()) + 1
        k = rows.x.shape[1]
        if n_units <= k:
            raise EstimateError(
                f"codes: {n_units} coded items (or groups) are too few for a regression with {k} coefficients; code "
                "more, or leave covariates out",
                code="too_few_codes",
            )
        weight = rows.weight / rows.weight.sum()
        spread = np.sqrt(weight @ np.square(rows.x))
        scale = np.where(spread > 0, spread, 1.0)
        x = rows.x / scale
        self._refuse_combinations(x * np.sqrt(weight)[:, None], names, what)
        if family == "linear":
            working = weight
            beta = np.linalg.solve((x.T * weight) @ x, x.T @ (weight * rows.y))
            residual = rows.y - x @ beta
        else:
            beta = np.zeros(k) if start is None else start * scale
            beta, working = _newton(x, rows.y, weight, beta, what)
            residual = rows.y - _logistic(x @ beta)
        self.beta = beta / scale
        self.changes = _left_out(x, working, weight * residual, rows.unit, n_units) / scale
        self.changes *= np.sqrt((n_units - 1) / n_units)

    @staticmethod
    def _refuse_combinations(x: Float, names: Sequence[str], what: str) -> None:
        """Raise EstimateError where a column is a linear combination of the columns before it."""
        r = np.abs(np.diag(np.linalg.qr(x, mode="r")))
        if len(r) < x.shape[1] or r.min() < 1e-9:
            bad = [name for name, size in zip(names, r, strict=False) if size < 1e-9] or list(names)
            raise EstimateError(
                f"covariates: among {what}, {listed(bad)} is a linear combination of the other columns (or constant); "
                "leave it out, combine categories, or code more items"
            )


def _newton(x: Float, y: Float, weight: Float, beta: Float, what: str) -> tuple[Float, Float]:
    """Coefficients of a logistic regression, and the weights of its information matrix."""
    if not np.isfinite(_loss(x, y, weight, beta)):
        beta = np.zeros_like(beta)
    for _ in range(STEPS):
        p = _logistic(x @ beta)
        working = weight * p * (1 - p)
        information = (x.T * working) @ x
        try:
            step = np.linalg.solve(information, x.T @ (weight * (y - p)))
        except np.linalg.LinAlgError:
            break
        size, loss = 1.0, _loss(x, y, weight, beta)
        while _loss(x, y, weight, beta + size * step) > loss + 1e-15 and size > 1e-6:
            size /= 2
        beta = beta + size * step
        if np.abs(x @ step).max() < 1e-9:
            p = _logistic(x @ beta)
            return beta, weight * p * (1 - p)
        if np.abs(x @ beta).max() > LARGEST:
            break
    raise EstimateError(
        f"regression: {what} are separated by the covariates (some combination of them predicts the outcome without "
        "error), so that the coefficients have no finite estimate; code more items, combine categories, or use the "
        "linear model (family: linear); shares and differences need no regression",
        code="separated",
    )


def _left_out(x: Float, working: Float, scores: Float, unit: Int, n_units: int) -> Float:
    """Changes of the coefficients when each unit is left out (units, k): exact if linear, else one step of Newton's."""
    k = x.shape[1]
    information = (x.T * working) @ x
    score = np.zeros((n_units, k))
    np.add.at(score, unit, x * scores[:, None])
    order = np.argsort(unit, kind="stable")
    starts = np.searchsorted(unit[order], np.arange(n_units + 1))
    changes = np.empty((n_units, k))
    if n_units == len(unit):  # each unit is a row: the formula of a rank-one change
        z = np.linalg.solve(information, x.T).T  # (n, k)
        leverage = np.minimum(working * np.einsum("ij,ij->i", x, z), 1 - 1e-9)
        changes[unit] = -z * (scores / (1 - leverage))[:, None]
        return changes
    step = max(1, AT_ONCE // (k * k))
    root = x * np.sqrt(working)[:, None]
    for first in range(0, n_units, step):
        last = min(first + step, n_units)
        matrices = np.empty((last - first, k, k))
        for u in range(first, last):
            own = root[order[starts[u] : starts[u + 1]]]
            matrices[u - first] = information - own.T @ own
        try:
            changes[first:last] = -np.linalg.solve(matrices, score[first:last, :, None])[..., 0]
        except np.linalg.LinAlgError as exc:
            raise EstimateError(
                "regression: without one of the groups a coefficient can't be estimated, so that it has no standard "
                "error; leave out a covariate that varies in one group only"
            ) from exc
    return changes


def _slopes(true: Float, predicted: Float) -> tuple[float, Float]:
    """λ of a coefficient from its jackknife changes (units,), and that without each unit."""
    cross, square = true * predicted, predicted**2
    total, squares = float(cross.sum()), float(square.sum())
    if squares <= 0 or total <= 0:
        return 0.0, np.zeros(len(true))
    without = np.divide(
        np.maximum(total - cross, 0),
        squares - square,
        out=np.zeros(len(true)),
        where=squares - square > 1e-12 * squares,
    )
    return total / squares, without


def _limits(value: float, changes: Float, around: float, confidence: float) -> tuple[float, float, float, float]:
    parts = changes**2
    se = float(parts.sum() + around) ** 0.5
    half = t_quantile(satterthwaite(parts, around), confidence) * se
    return value, se, value - half, value + half


def _logistic(z: Float) -> Float:
    p: Float = 0.5 * (1 + np.tanh(z / 2))
    return p


def _loss(x: Float, y: Float, weight: Float, beta: Float) -> float:
    z = x @ beta
    return float(weight @ (np.logaddexp(0, z) - y * z))
