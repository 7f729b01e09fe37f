"""Ridge and logistic regression, the same models as scikit-learn's, solved quickly and exactly for embeddings.

Embeddings have a large common mean and a steep spectrum, which makes gradient methods slow: on 10,000 × 512 synthetic
vectors scikit-learn's lbfgs stops, at its default tolerance, with probabilities off by up to 0.3, on 439 real ones by
0.02. Here the vectors are centred and rotated to their principal axes once, which leaves the L2 penalty unchanged.
Ridge is then a division, and L-BFGS (Liu & Nocedal 1989, Math. Program. 45:503) works on axes scaled by the curvature
expected along each. The optimum is unique, so it is that of scikit-learn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Float

SEARCH, FINAL = 1e-4, 1e-9  # largest gradient, scaled: the loss is off by about its square times the number of axes
ITERATIONS = 2000
NEGLIGIBLE = 1e-12  # share of the squared length: an axis with less variance is below the precision of float32
MEMORY = 20  # steps kept by L-BFGS


@dataclass(frozen=True, kw_only=True)
class Axes:
    """Weighted vectors in their principal axes, computed once for all strengths.

    Attributes
    ----------
    centre, basis : (d,) and (d, r); the coordinates of a vector x are (x - centre) @ basis.
    rotated : (n, r) coordinates, float32 where they serve only to choose a strength.
    variances : (r,) weighted variance along each axis.
    shares : (n,) the weights, scaled to sum 1.
    total : sum of the weights.
    """

    centre: Float
    basis: Float
    rotated: NDArray[np.floating]
    variances: Float
    shares: Float
    total: float


@dataclass(frozen=True, kw_only=True)
class LinearModel:
    """Coefficients (k, d) and intercepts (k,), and whether the optimum was reached."""

    coef: Float
    intercept: Float
    converged: bool = True


def principal_axes(x: NDArray[np.floating], weights: Float, *, exact: bool = True) -> Axes:
    """Rotate `x` (n, d) with positive weights (n,); `exact=False` gives float32, enough to choose a strength."""
    from scipy.linalg import svd

    total = float(weights.sum())
    shares = weights / total
    wide = x.astype(np.float64)
    centre = shares @ wide
    wide -= centre
    scaled = wide * np.sqrt(shares)[:, None]
    if len(x) < x.shape[1]:
        _, lengths, basis = svd(scaled, full_matrices=False, check_finite=False)
        variances, basis = lengths**2, basis.T
    else:
        variances, basis = np.linalg.eigh(scaled.T @ scaled)
    kept = variances > NEGLIGIBLE * float(variances.sum() + centre @ centre)
    basis = np.ascontiguousarray(basis[:, kept])
    rotated = wide @ basis if exact else (wide @ basis).astype(np.float32)
    return Axes(centre=centre, basis=basis, rotated=rotated, variances=variances[kept], shares=shares, total=total)


def ridge(a: Axes, y: Float, strength: float) -> LinearModel:
    """Fit scikit-learn's Ridge(alpha=1 / strength) with sample weights."""
    mean = float(a.shares @ y)
    # alpha is divided by the total, so that a small one does not vanish beside a sum over many items
    along = (a.rotated.T @ (a.shares * (y - mean))) / (a.variances + 1 / (strength * a.total))
    coef = a.basis @ along
    return LinearModel(coef=coef[None], intercept=np.array([mean - coef @ a.centre]))


def logistic(
    a: Axes, y: NDArray[np.intp], k: int, strength: float, *, start: LinearModel | None = None, tolerance: float = FINAL
) -> LinearModel:
    """Fit scikit-learn's LogisticRegression(C=strength) with sample weights; all `k` >= 2 classes occur in `y`.

    Two classes have one column, the log odds of the second; more classes have k columns, for a softmax.
    """
    from scipy.optimize import minimize

    columns = 1 if k == 2 else k
    truth = y[:, None] == (np.array([1]) if k == 2 else np.arange(k))
    penalty = 1 / (strength * a.total)
    r = len(a.variances)
    initial = np.zeros((r + 1, columns))
    if start is not None:
        initial[:r] = (start.coef @ a.basis).T
        initial[r] = start.intercept + start.coef @ a.centre
    dtype = a.rotated.dtype
    p, _ = _predicted(a.rotated @ initial[:r].astype(dtype) + initial[r])
    curvature = float((a.shares @ (p * (1 - p))).mean())
    scale = np.sqrt(np.append(curvature * a.variances + penalty, curvature + NEGLIGIBLE))[:, None]

    def loss(point: Float) -> tuple[float, Float]:
        weights = point.reshape(r + 1, columns) / scale
        z = a.rotated @ weights[:r].astype(dtype) + weights[r]
        p, normal = _predicted(z)
        value = float(a.shares @ (normal - (z * truth).sum(axis=1))) + penalty / 2 * float((weights[:r] ** 2).sum())
        residual = (p - truth) * a.shares[:, None]
        gradient = np.concatenate(
            [a.rotated.T @ residual.astype(dtype) + penalty * weights[:r], residual.sum(axis=0)[None]]
        )
        return value, (gradient / scale).ravel()

    optimum = minimize(
        loss,
        (initial * scale).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": ITERATIONS, "maxfun": 2 * ITERATIONS, "gtol": tolerance, "ftol": 0, "maxcor": MEMORY},
    )
    weights = optimum.x.reshape(r + 1, columns) / scale
    coef = (a.basis @ weights[:r]).T
    return LinearModel(
        coef=coef,
        intercept=weights[r] - coef @ a.centre,
        # a line search may stop slightly above the tolerance, where nothing lower can be represented
        converged=bool(np.abs(optimum.jac).max() <= max(10 * tolerance, 1e-7)),
    )


def _predicted(z: Float) -> tuple[Float, Float]:
    """Probabilities (n, k), and the log normaliser of each row (n,)."""
    if z.shape[1] == 1:
        normal = np.logaddexp(0, z)
        return np.exp(z - normal), normal[:, 0]
    top = z.max(axis=1, keepdims=True)
    e = np.exp(z - top)
    total = e.sum(axis=1, keepdims=True)
    return e / total, (np.log(total) + top)[:, 0]
