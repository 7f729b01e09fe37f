"""Methods of the client for grids of clusterings."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from daguerre.dispatch.vectors import EVERY, EmbeddingsLike, sent_names, split_usable, vector_blocks, with_uploads
from daguerre.inputs.alignment import Code, ItemIndex, item_ids, missing_texts
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import Images, Texts
from daguerre.inputs.names import printable
from daguerre.resources.clusters import Method, known_label
from daguerre.resources.embeddings import EmbeddingMethods
from daguerre.resources.representations import Grid, combinations
from daguerre.results.base import Errors
from daguerre.results.cluster_grid import ClusterGrid
from daguerre.transport.operations import CLUSTER_GRID, CLUSTER_GRID_PAGE, COMPUTE_CLUSTER_GRID
from daguerre.types.common import Decode
from daguerre.types.jobs import Job

T = TypeVar("T")
Several: TypeAlias = T | Sequence[T] | None


class ClusterGridMethods(EmbeddingMethods):
    """Grids of clusterings."""

    async def cluster_grid(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        embeddings: EmbeddingsLike | None = None,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        method: Several[Method] = None,
        metric: Several[str] = None,
        normalize: Several[bool] = None,
        threshold: Several[float] = None,
        step: Several[int] = None,
        sample_size: Several[int] = None,
        window: Several[int] = None,
        stop_size: Several[int] = None,
        fit: Several[str] = None,
        min_improvement: Several[float] = None,
        k_rule: Several[str] = None,
        k_min: Several[int] = None,
        k_max: Several[int] = None,
        restarts: Several[int] = None,
        start: Several[str] = None,
        cohesion: Several[str] = None,
        min_cluster_size: Several[int] = None,
        patience: Several[int] = None,
        k: Several[int] = None,
        min_samples: Several[int] = None,
        linkage: Several[str] = None,
        distance: Several[float] = None,
        seed: Several[int] = None,
        grid: Grid | None = None,
        known: Sequence[Code] | Mapping[str, Code] | None = None,
        missing: Sequence[str] | None = None,
        resamples: int | None = None,
        model: str | None = None,
        decode: Decode | None = None,
        progress: bool | None = None,
        wait: bool = True,
    ) -> ClusterGrid | Job:
        """Cluster the same items with all combinations of several values of the parameters.

        Parameters
        ----------
        images, texts, embeddings, crops, ids, model, decode, progress : as for `cluster`.
        method, …, seed : parameters of `cluster`, each a value or a list of values. With k and without a method, the
            method is kmeans.
        grid : in place of these parameters, a mapping or a list of mappings from parameters to values, for combinations
            that differ in more than values: [{"method": "kmeans", "k": [10, 20]}, {"method": "hdbscan"}].
        known, missing : known labels, as for `cluster`, for the adjusted Rand index.
        resamples : number of reruns of each clustering on 80 % of the items, for stability; None: 3.
        wait : whether to wait for the grid; otherwise the job is returned, and `computed_cluster_grid(job.id)` has it
            later.

        Returns
        -------
        ClusterGrid : `.rows`, `.to_pandas()`, `.report("grid.html")`. Job if `wait` is False.

        Raises
        ------
        JobFailedError, DaguerreError : any subclass in daguerre.errors.
        ValueError : no combination, or parameters beside `grid`.

        Examples
        --------
        >>> client.cluster_grid(embeddings=X, method="kmeans", k=[10, 20, 40], seed=[0, 1]).to_pandas()
        """
        images = with_crops(images, crops)
        parameters: dict[str, Any] = {
            "method": method,
            "metric": metric,
            "normalize": normalize,
            "threshold": threshold,
            "step": step,
            "sample_size": sample_size,
            "window": window,
            "stop_size": stop_size,
            "fit": fit,
            "min_improvement": min_improvement,
            "k_rule": k_rule,
            "k_min": k_min,
            "k_max": k_max,
            "restarts": restarts,
            "start": start,
            "cohesion": cohesion,
            "min_cluster_size": min_cluster_size,
            "patience": patience,
            "k": k,
            "min_samples": min_samples,
            "linkage": linkage,
            "distance": distance,
            "seed": seed,
        }
        tried = _combinations({name: value for name, value in parameters.items() if value is not None}, grid)
        blocks = await self._embedded(images, texts, embeddings, model, decode, progress, taken=EVERY)
        first = next(iter(blocks.values()))
        every = item_ids(ids, first.ids)
        names = sent_names(first, every, ids)
        good, failed = split_usable(blocks, every)
        index = ItemIndex(first.files, names, images if images is not None else texts)
        labels = None if known is None else index.column("known", known)
        for remark in index.remarks:
            self.warn(remark)
        fields: dict[str, Any] = {
            "grid": tried,
            "known": None if labels is None else [known_label(labels[i]) for i in good.tolist()],
            "missing": missing_texts(missing),
            "resamples": resamples,
            "ids": [printable(names[i]) for i in good.tolist()],
        }
        begun = await with_uploads(
            self.transport,
            vector_blocks(blocks, good),
            lambda sent: self.transport.call(COMPUTE_CLUSTER_GRID, fields, vectors=sent),
            retry_for=self.limits.retry_for,
        )
        if not wait:
            return begun
        ended = await self.wait(begun.id, progress=progress, what="cluster")
        return await self._grid(ended.id, Errors(failed))

    async def computed_cluster_grid(self, id: str) -> ClusterGrid:
        """Get an earlier grid of clusterings by the id of its job. Raises NotFoundError."""
        return await self._grid(id, Errors())

    async def _grid(self, id: str, errors: Errors) -> ClusterGrid:
        answer = await self.ask(CLUSTER_GRID, {"id": id})
        return ClusterGrid.of(answer, await self.ask(CLUSTER_GRID_PAGE, {"id": id}), errors)


def _combinations(parameters: Mapping[str, Any], grid: Grid | None) -> list[dict[str, Any]]:
    """The combinations to be tried. Raises ValueError."""
    if grid is None:
        if not parameters:
            raise ValueError("cluster_grid: got no parameters; give lists of values, such as k=[10, 20, 40]")
        with_method = {"method": "kmeans", **parameters} if "k" in parameters else parameters
        return combinations(with_method)
    if parameters:
        raise ValueError(f"grid: got {', '.join(parameters)} too; put all parameters into the grid, or none")
    return combinations(grid)
