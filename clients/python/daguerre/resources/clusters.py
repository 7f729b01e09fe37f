"""Methods of the client for clusters."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from daguerre.dispatch.vectors import (
    EVERY,
    EmbeddingsLike,
    folder_block,
    sent_names,
    split_usable,
    vector_blocks,
    with_uploads,
)
from daguerre.errors import RemarkWarning
from daguerre.handles.clustering import AsyncClusters
from daguerre.inputs.alignment import Code, ItemIndex, item_ids, missing_texts
from daguerre.inputs.columns import plain
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import Images, Texts, own_texts, text_column
from daguerre.inputs.names import printable
from daguerre.resources.embeddings import EmbeddingMethods
from daguerre.transport.operations import CLUSTER, CLUSTERING
from daguerre.types.common import Decode, text_list
from daguerre.types.jobs import Job

LONGEST = 20_000  # characters of a text that names are made from
MOST_WORDS = 20_000_000  # characters of all of them
Method = Literal["iterative-kmeans", "kmeans", "hdbscan", "agglomerative"]


class ClusterMethods(EmbeddingMethods):
    """Clusters."""

    async def cluster(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        embeddings: EmbeddingsLike | None = None,
        folder: str | None = None,
        crops: Any = None,
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
        k_rule: Literal["gaps", "best", "stop"] | None = None,
        k_min: int | None = None,
        k_max: int | None = None,
        restarts: int | None = None,
        start: Literal["all", "sample"] | None = None,
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
        missing: Sequence[str] | None = None,
        vocabulary: Sequence[str] | None = None,
        projection: Literal["none", "pca", "umap"] = "pca",
        resamples: int | None = None,
        name_texts: Texts | None = None,
        model: str | None = None,
        decode: Decode | None = None,
        progress: bool | None = None,
        wait: bool = True,
    ) -> AsyncClusters | Job:
        """Cluster images, texts, or both joined, by their embeddings.

        Parameters
        ----------
        images, texts, crops, model, decode : as for `embed`; with both, one text for each image.
        embeddings : a result of `embed`, or the path of its .parquet or .npz file, in place of items, so that a second
            clustering takes seconds. For both modalities, {"image": …, "text": …}.
        folder : folder of vectors on the server in place of items, such as "corpus/", below its DAGUERRE_DATA: nothing
            is sent. Items without a vector are left out.
        ids : names of the items, as for `embed`. The server keeps them with the clustering, as long as its job.
        method : iterative-kmeans keeps cohesive clusters and clusters the remaining items again, until no cluster is
            cohesive; kmeans; hdbscan; agglomerative.
        metric : distance for silhouettes and for agglomerative.
        normalize : scale vectors to unit length first.
        threshold : mean silhouette above which a cluster is cohesive. `.thresholds` shows the effect of other values.
        step, sample_size, window, fit, min_improvement, k_rule, k_min, k_max : parameters of the search for the number
            of clusters.
        restarts : number of k-means restarts, of which the best is kept; None: 10 for kmeans, 1 for iterative-kmeans.
        start : items on which k-means++ chooses the start, for kmeans and for k_rule "best" and "stop": all, or a
            sample of 20,000; None: all up to 1 GiB of vectors.
        stop_size, patience : conditions under which iterative-kmeans stops.
        cohesion : "cluster" keeps all items of a cohesive cluster, "image" those above the threshold.
        min_cluster_size : clusters smaller than this are dropped.
        k : number of clusters for kmeans (None: searched for) and agglomerative.
        distance : distance at which agglomerative stops merging, in place of k.
        min_samples : number of neighbours that make a point a core point in hdbscan.
        linkage : linkage for agglomerative. For all of these, None is the server's default.
        seed : seed of the random numbers; the same seed gives the same clusters.
        weights : a weight above 0 for each item.
        known : known labels, a list, a mapping by path, name or file name, or a Series by its index, for ARI, NMI and
            purity.
        missing : texts that are no known label; None: NA, N/A, NaN, NULL, None and the like. Empty: blank ones alone.
        vocabulary : two or more names that clusters may get, by zero-shot.
        projection : projection of the 2-D map; umap if the server has it.
        resamples : number of reruns on 80 % of the items, at most 20,000, to measure stability; None: 3.
        name_texts : a text for each item, from whose words names are suggested without a vocabulary: a list, a mapping
            {id: text}, or captions of the images; those of other items are left out. None: `texts`.
        wait : whether to wait for the clusters; otherwise the job is returned, and `clustering(job.id)` has them when
            it has ended.

        Returns
        -------
        Clusters : `.labels` (n,), -1 for none; `.clusters`, `.to_pandas()`, `.cut(5)`,
        `.report("clusters.html")`, `.errors`.
        Failed items have label -1. Job if `wait` is False.

        Raises
        ------
        JobFailedError, DaguerreError : any subclass in daguerre.errors.
        ValueError, TypeError : the input is ambiguous or contradictory.

        Examples
        --------
        >>> C = client.cluster(images="photos/", vocabulary=["a street protest", "a press conference"])
        >>> C.clusters[0].names, C.clusters[0].jaccard, C.exemplars(0)
        >>> C.cut(5)  # at most five clusters, by merging the nearest
        """
        options: dict[str, Any] = {
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
            "vocabulary": None if vocabulary is None else text_list(vocabulary, "vocabulary"),
            "projection": projection,
            "resamples": resamples,
        }
        if folder is not None:
            own = {"images": images, "texts": texts, "embeddings": embeddings, "ids": ids, "known": known}
            own |= {"weights": weights, "name_texts": name_texts, "crops": crops, "model": model, "decode": decode}
            if taken := [name for name, value in own.items() if value is not None]:
                raise ValueError(
                    f"{taken[0]}: is not for a folder on the server; leave it out, or read the folder here"
                )
            fields = {**options, "on_error": "skip"}
            begun = await self.transport.call(CLUSTER, fields, vectors=[folder_block(folder, "image")])
            return begun if not wait else await self._ended(begun.id, progress)
        images = with_crops(images, crops)
        if isinstance(texts, Iterator):
            texts = list(texts)  # read twice
        blocks = await self._embedded(images, texts, embeddings, model, decode, progress, taken=EVERY)
        first = next(iter(blocks.values()))
        every = item_ids(ids, first.ids)
        names = sent_names(first, every, ids)
        good, errors = split_usable(blocks, every)
        index = ItemIndex(first.files, names, images if images is not None else texts)
        labels = None if known is None else index.column("known", known)
        named = texts if name_texts is None else _by_item(name_texts, index)
        words = None if vocabulary is not None else self._words(named, len(every))
        heavy: Any = None if weights is None else index.column("weights", weights, whole=True)
        fields = {
            **options,
            "weights": None if heavy is None else [float(heavy[i]) for i in good.tolist()],
            "known": None if labels is None else [known_label(labels[i]) for i in good.tolist()],
            "missing": missing_texts(missing),
            "texts": None if words is None else [printable(words[i]) for i in good.tolist()],
            "ids": [printable(names[i]) for i in good.tolist()],
        }
        for remark in index.remarks:
            self.warn(remark)
        begun = await with_uploads(
            self.transport,
            vector_blocks(blocks, good),
            lambda sent: self.transport.call(CLUSTER, fields, vectors=sent),
            retry_for=self.limits.retry_for,
        )
        if not wait:
            return begun
        return await self._ended(
            begun.id,
            progress,
            ids=every,
            files=None if first.files is first.ids else first.files,
            sent=good,
            errors=errors,
            modality="+".join(blocks),
        )

    async def _ended(self, id: str, progress: bool | None, **items: Any) -> AsyncClusters:
        """The result of a job, when it has ended; `items` are those of this call."""
        await self.wait(id, progress=progress, what="cluster")
        return AsyncClusters.of(await self._clustering(id), client=self, **items)

    def _words(self, texts: Texts | None, n: int) -> list[str] | None:
        """The texts to suggest names from, one for each of `n` items; None where they are too long to be sent."""
        if texts is None:
            return None
        given = [plain(text) for text in text_column(texts)[0]]
        if len(given) != n:
            raise ValueError(f"name_texts: {len(given)} for {n} items; give one for each, None for none")
        words = ["" if text is None else text[:LONGEST] for text in given]
        if sum(map(len, words)) > MOST_WORDS:
            self.warn(
                RemarkWarning(
                    f"No names are suggested: the texts have more than {MOST_WORDS:,} characters. Give a "
                    "vocabulary, or shorter name_texts."
                )
            )
            return None
        return words

    async def clustering(self, id: str) -> AsyncClusters:
        """Get an earlier clustering by its id; `.ids` are those that the server has. Raises NotFoundError.

        Examples
        --------
        >>> client.clustering(C.id).report("clusters.html", images="photos/")
        """
        return AsyncClusters.of(await self._clustering(id), client=self)

    async def _clustering(self, id: str) -> Mapping[str, Any]:
        return await self.ask(CLUSTERING, {"id": id})


def _by_item(texts: Any, index: ItemIndex) -> Any:
    """Texts in the order of the items; those of a mapping and of captions go by id. Raises ValueError."""
    given = own_texts(texts)
    if not isinstance(given, Mapping):
        return given
    there = {id: text for id, text in given.items() if index.find(id)}
    if there and len(there) < len(given):
        index.remarks.append(
            f"name_texts: {len(given) - len(there):,} of {len(given):,} texts are of no item, and are left out"
        )
    return index.column("name_texts", there or given)


def known_label(value: Code) -> Code:
    """A label as text. Whole floats become integers: numbers are floats over gRPC and in pandas columns with gaps."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value)
