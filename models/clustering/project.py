"""Two coordinates for each vector, to plot them: principal components, or UMAP where it is installed."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.clustering.vectors import Rows, block_rows
from models.errors import ClusteringError

Projection = Literal["none", "pca", "umap"]
LEARNT_FROM = 20_000  # rows, drawn at random: more change nothing that an eye sees


@dataclass(frozen=True, kw_only=True)
class Map:
    """`explained`: shares of the variance, of principal components."""

    coordinates: NDArray[np.float32]  # (n, 2)
    explained: tuple[float, ...] | None


def check_installed(by: Projection) -> None:
    """Raises ClusteringError: not_installed."""
    if by == "umap" and find_spec("umap") is None:
        raise ClusteringError(
            "projection: umap needs the package umap-learn on the server; install daguerre-service[umap], or use pca",
            code="not_installed",
        )


def project(x: Rows, *, by: Literal["pca", "umap"], seed: int) -> Map:
    """Raises ClusteringError: not_installed."""
    check_installed(by)
    n = len(x)
    if n < 3:
        return Map(coordinates=np.zeros((n, 2), np.float32), explained=None)
    if by == "umap":
        return Map(coordinates=_umap(x, seed), explained=None)
    from sklearn.decomposition import PCA  # here, because importing scikit-learn doubles the start of the service

    rng = np.random.default_rng(seed)
    some = x if n <= LEARNT_FROM else x[np.sort(rng.choice(n, LEARNT_FROM, replace=False))]
    axes = min(2, x.shape[1])
    model = PCA(axes, svd_solver="randomized" if min(some.shape) > 100 else "full", random_state=seed)
    with np.errstate(invalid="ignore"):  # identical rows vary in nothing, 0 of 0
        model.fit(some)
    found = np.zeros((n, 2), np.float32)
    step = block_rows(x.shape[1])
    for start in range(0, n, step):
        found[start : start + step, :axes] = (x[start : start + step] - model.mean_) @ model.components_.T
    shares = np.nan_to_num(model.explained_variance_ratio_)
    return Map(coordinates=found, explained=tuple(map(float, shares)))


def _umap(x: Rows, seed: int) -> NDArray[np.float32]:
    from umap import UMAP

    model = UMAP(n_components=2, metric="cosine", random_state=seed, n_jobs=1, n_neighbors=min(15, len(x) - 1))
    return np.asarray(model.fit_transform(x), np.float32)
