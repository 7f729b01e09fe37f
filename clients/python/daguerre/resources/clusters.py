"""Methods of the client for clusters."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from daguerre.dispatch.vectors import EmbeddingsLike, split_usable, vector_blocks, with_uploads
from daguerre.handles.clustering import AsyncClusters
from daguerre.inputs.alignment import Code, aligned_with, item_ids, per_item, relative_ids, string_list
from daguerre.inputs.items import Images, Texts
from daguerre.resources.embeddings import EmbeddingMethods
from daguerre.storage.parquet import printable
from daguerre.transport.operations import CLUSTER, CLUSTERING
from daguerre.types.common import Decode
from daguerre.types.jobs import Job

Method = Literal["iterative-kmeans", "kmeans", "hdbscan", "agglomerative"]


class ClusterMethods(EmbeddingMethods):
    """Clusters."""

    async def cluster(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        embeddings: EmbeddingsLike | None = None,
        ids: Sequence[str] | None = None,
        method: Method = "iterative-kmeans",
        metric: Literal["cosine", "euclidean"] | None = None,
        normalize: bool | None = None,
        threshold: float | None = None,
        step: int | None = None,
        sample_size: int | None = None,
        window: int | None = None,
        stop_size: int | None = None,
        fit: Literal["silhouette", "inertia"] | None = None,
        min_improvement: float | None = None,
        k_rule: Literal["stop", "best"] | None = None,
        k_min: int | None = None,
        k_max: int | None = None,
        restarts: int | None = None,
        cohesion: Literal["cluster", "image"] | None = None,
        min_cluster_size: int | None = None,
        patience: int | None = None,
        k: int | None = None,
        min_samples: int | None = None,
        linkage: Literal["average", "complete", "single", "ward"] | None = None,
        distance: float | None = None,
        seed: int = 0,
        weights: Sequence[float] | None = None,
        known: Sequence[Code] | Mapping[str, Code] | None = None,
        vocabulary: Sequence[str] | None = None,
        projection: Literal["none", "pca", "umap"] = "pca",
        resamples: int = 0,
        model: str | None = None,
        decode: Decode | None = None,
        progress: bool | None = None,
        wait: bool = True,
    ) -> AsyncClusters | Job:
        """Group images, texts, or both joined, by their embeddings.

        Parameters
        ----------
        images, texts, model, decode : as for `embed`; with both, one text for each image.
        embeddings : in place of items, of `embed`: a second clustering is then a matter of seconds. Of both
            modalities, {"image": …, "text": …}.
        ids : names for the items. Left out, the result has their paths, and the server, which keeps the clustering as
            long as its job, those below their common folder.
        method : iterative-kmeans takes cohesive clusters, and clusters what is left again, until nothing coheres;
            kmeans; hdbscan; agglomerative.
        metric, normalize : of silhouettes; vectors to unit length.
        threshold : mean silhouette that a cohesive cluster exceeds. See `.thresholds` for what it does.
        step, sample_size, window, fit, min_improvement, k_rule, k_min, k_max, restarts : of the search for K.
        stop_size, patience, cohesion, min_cluster_size : when iterative-kmeans takes a cluster, and when it ends.
        k : clusters, of kmeans (left out: searched for) and agglomerative; distance : in place of it.
        min_samples : of hdbscan; linkage : of agglomerative. None of all these is the server's default.
        seed : same seed, same clusters.
        weights : for each item, above 0.
        known : labels that are known, a list or a mapping by path, name or file name: ARI, NMI and purity.
        vocabulary : two or more names that clusters may get, by zero-shot.
        projection : of the 2-D map; umap where the server has it.
        resamples : reruns on 80 % of the items, for stability.
        wait : for the clusters; otherwise the job is returned, and `clustering(job.id)` has them when it has ended.

        Returns
        -------
        Clusters : `.labels` (n,), -1 for none; `.clusters`, `.to_pandas()`, `.report("clusters.html")`, `.errors`.
        Failed items have label -1. Or Job where it is not waited for.

        Raises
        ------
        JobFailedError, DaguerreError : any of the tree in daguerre.errors.
        ValueError, TypeError : for input that cannot be told apart.

        Examples
        --------
        >>> C = client.cluster(images="photos/", vocabulary=["a street protest", "a press conference"])
        >>> C.clusters[0].names, C.exemplars(0)
        """
        names_of_clusters = None if vocabulary is None else string_list(vocabulary, "vocabulary")
        blocks = await self._embedded(images, texts, embeddings, model, decode, progress)
        first = next(iter(blocks.values()))
        files = list(first.ids)
        every = item_ids(ids, files)
        names = every if ids is not None else relative_ids(files)
        good, errors = split_usable(blocks, every)
        labels = None if known is None else aligned_with(known, files, names, "known")
        heavy = None if weights is None else per_item("weights", weights, len(every))
        fields: dict[str, Any] = {
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
            "cohesion": cohesion,
            "min_cluster_size": min_cluster_size,
            "patience": patience,
            "k": k,
            "min_samples": min_samples,
            "linkage": linkage,
            "distance": distance,
            "seed": seed,
            "weights": None if heavy is None else [float(heavy[i]) for i in good.tolist()],
            "known": None if labels is None else [_label(labels[i]) for i in good.tolist()],
            "vocabulary": names_of_clusters,
            "projection": projection,
            "resamples": resamples,
            "ids": [printable(names[i]) for i in good.tolist()],
        }
        begun = await with_uploads(
            self.transport,
            vector_blocks(blocks, good),
            lambda sent: self.transport.call(CLUSTER, fields, vectors=sent),
            retry_for=self.limits.retry_for,
        )
        if not wait:
            return begun
        ended = await self.wait(begun.id, progress=progress, what="cluster")
        return AsyncClusters.of(
            await self._clustering(ended.id),
            ids=every,
            files=files,
            sent=good,
            errors=errors,
            modality="+".join(blocks),
            client=self,
        )

    async def clustering(self, id: str) -> AsyncClusters:
        """A clustering that was made before, by its id: `.ids` are those that the server knows. Raises NotFoundError.

        Examples
        --------
        >>> client.clustering(C.id).report("clusters.html", images="photos/")
        """
        return AsyncClusters.of(await self._clustering(id), client=self)

    async def _clustering(self, id: str) -> Mapping[str, Any]:
        return await self.ask(CLUSTERING, {"id": id})


def _label(value: Code) -> Code:
    """As text: over gRPC numbers are floats, and a column of integers with gaps is one in pandas."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value)
