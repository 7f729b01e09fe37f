"""Projection of vectors to two dimensions for plots: principal components, or UMAP where it is installed."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.clustering.blocks import Data, Rows, View
from models.errors import ClusteringError

Projection = Literal["none", "pca", "umap"]
FITTED_ON = 20_000  # random rows: more do not change the plot visibly


@dataclass(frozen=True, kw_only=True)
class Map:
    """Coordinates; `explained` is the share of the variance of each principal component, None for UMAP."""

    coordinates: NDArray[np.float32]  # (n, 2)
    explained: tuple[float, ...] | None


def check_installed(by: Projection) -> None:
    """Check that the package of a projection is installed. Raises ClusteringError: not_installed."""
    if by == "umap" and find_spec("umap") is None:
        raise ClusteringError(
            "projection: umap needs the package umap-learn on the server; install daguerre-service[umap], or use pca",
            "not_installed",
        )


def project(x: Data, *, by: Literal["pca", "umap"], seed: int) -> Map:
    """Project `x`, (n, d) float32, to (n, 2). Raises ClusteringError: not_installed."""
    check_installed(by)
    x, n = View.of(x), len(x)
    if n < 3:
        return Map(coordinates=np.zeros((n, 2), np.float32), explained=None)
    if by == "umap":
        return Map(coordinates=_umap(x.array(), seed), explained=None)
    from sklearn.decomposition import PCA  # here, because importing scikit-learn doubles the start of the service

    rng = np.random.default_rng(seed)
    some = x.array() if n <= FITTED_ON else x[np.sort(rng.choice(n, FITTED_ON, replace=False))]
    axes = min(2, x.shape[1])
    model = PCA(axes, svd_solver="randomized" if min(some.shape) > 100 else "full", random_state=seed)
    with np.errstate(invalid="ignore"):  # identical rows have no variance: 0 / 0
        model.fit(some)
    coordinates = np.zeros((n, 2), np.float32)
    for places, part in x.blocks(_projected, model.mean_, model.components_):
        coordinates[places, :axes] = part
    shares = np.nan_to_num(model.explained_variance_ratio_)
    return Map(coordinates=coordinates, explained=tuple(map(float, shares)))


def _projected(x: Rows, mean: NDArray[np.float32], axes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((x - mean) @ axes.T)


def _umap(x: Rows, seed: int) -> NDArray[np.float32]:
    from umap import UMAP

    model = UMAP(n_components=2, metric="cosine", random_state=seed, n_jobs=1, n_neighbors=min(15, len(x) - 1))
    return np.asarray(model.fit_transform(x), np.float32)
