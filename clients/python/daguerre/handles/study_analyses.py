"""Analyses of a study on the server: labels, clusters, duplicates, training, predictions, estimates, the archive."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from daguerre.blocking import blocking, blocking_handle, blocking_result
from daguerre.handles.classifier import AsyncClassifier, Classifier
from daguerre.handles.clustering import AsyncClusters, Clusters
from daguerre.handles.corrected import AsyncCorrected, Corrected
from daguerre.handles.reported import AsyncDuplicates, BlockingDuplicates, waiting
from daguerre.handles.study_labels import AsyncStudyLabels
from daguerre.results.corrected import CorrectedEstimates
from daguerre.results.study_analyses import StudyColumns
from daguerre.transport.operations import (
    EXPORT_STUDY,
    STUDY_CLUSTERS,
    STUDY_DUPLICATES,
    STUDY_ESTIMATES,
    STUDY_PREDICT,
    STUDY_PREVIEW,
    STUDY_RUNS,
    STUDY_TRAIN,
    STUDY_ZERO_SHOT,
)
from daguerre.types.common import Content
from daguerre.types.jobs import Job

Predictions = str | Sequence[str] | Mapping[str, str | Mapping[str, str]]


class AsyncStudyAnalyses(AsyncStudyLabels):
    """Methods of a study that read its vectors, columns and codes on the server, and write columns."""

    async def zero_shot(
        self,
        labels: Sequence[str] | None = None,
        *,
        preset: str | None = None,
        templates: Sequence[str] | None = None,
        multi_label: bool = False,
        negatives: Sequence[str] | None = None,
        none_of_these: str | None = None,
        none_min_cosine: float | None = None,
        model: str | None = None,
        prefix: str = "label",
        each_label: bool = True,
    ) -> StudyColumns:
        """Label all items that have a vector, into the columns label, score and "score:LABEL".

        Parameters
        ----------
        labels, preset, templates, multi_label, negatives, none_of_these, none_min_cosine : as for `Client.zero_shot`.
        model : model whose vectors are read; None: the only one.
        prefix : name of the column of labels; with another one P, the scores are in "P:score" and "P:score:LABEL".
        each_label : whether the scores of each label have a column too.

        Examples
        --------
        >>> study.zero_shot(["a street protest", "a press conference"]).counts
        """
        fields = _labels(labels, preset, templates, multi_label, negatives, none_of_these, none_min_cosine)
        fields |= {"model": model, "prefix": prefix, "each_label": each_label}
        answer = await self._ask(STUDY_ZERO_SHOT, fields)
        self._remark(answer["remarks"])
        return StudyColumns.of(answer)

    async def preview(
        self,
        variants: Sequence[Mapping[str, Any]],
        *,
        keys: Sequence[str] | None = None,
        size: int = 12,
        seed: int = 0,
    ) -> Content:
        """Score a few items under several variants side by side; nothing is kept.

        Parameters
        ----------
        variants : up to six mappings with labels, templates, model and the other options of `zero_shot`.
        keys : keys of up to 24 items, as `.items()` has them; None: `size` of them drawn by the seed.

        Returns
        -------
        dict : items, and for each variant the labels, the model, and the label and scores of each item.

        Examples
        --------
        >>> study.preview([{"labels": ["a cat", "a cup"]}, {"labels": ["a cat", "a cup"], "templates": ["{}"]}])
        """
        fields = {"variants": [dict(each) for each in variants], "keys": None if keys is None else list(keys)}
        return dict(await self._ask(STUDY_PREVIEW, {**fields, "size": size, "seed": seed}))

    async def cluster(
        self,
        /,
        *,
        method: Literal["iterative-kmeans", "kmeans", "hdbscan", "agglomerative"] = "iterative-kmeans",
        k: int | None = None,
        vocabulary: Sequence[str] | None = None,
        known: str | None = None,
        projection: Literal["none", "pca", "umap"] = "pca",
        seed: int = 0,
        model: str | None = None,
        prefix: str = "cluster",
        wait: bool = True,
        progress: bool | None = None,
        **options: Any,
    ) -> AsyncClusters | Job:
        """Cluster all items that have a vector, into the columns cluster, silhouette, x, y and, with names, name.

        Parameters
        ----------
        method, k, vocabulary, projection, seed, options : as for `Client.cluster`; any further one of its options.
        known : column of known labels, for ARI, NMI and purity.
        model : model whose vectors are read; None: the only one.
        prefix : name of the column of clusters; with another one P, the others are "P:silhouette", "P:x" and so on.
        wait : whether to wait for the clusters; otherwise the job is returned.

        Returns
        -------
        Clusters : as of `Client.cluster`, with `.report("clusters.html")`. Job if `wait` is False.

        Examples
        --------
        >>> study.cluster(method="kmeans", k=8).clusters[0].size
        """
        fields = {
            **{name: value for name, value in options.items() if value is not None},
            **{"method": method, "k": k, "known": known, "projection": projection, "seed": seed, "model": model},
            **{"vocabulary": None if vocabulary is None else list(vocabulary), "prefix": prefix},
        }
        begun: Job = await self._ask(STUDY_CLUSTERS, fields)
        if not wait:
            return begun
        await self._session.wait(begun.id, progress=progress, what="cluster")
        found: AsyncClusters = await self._client.clustering(begun.id)
        return found

    async def duplicates(
        self,
        kind: Literal["exact", "near", "semantic"] = "near",
        *,
        threshold: float | None = None,
        bits: int = 8,
        linkage: Literal["single", "star"] = "single",
        method: Literal["auto", "exact", "approximate"] = "auto",
        compare_pictures: bool = True,
        model: str | None = None,
        prefix: str = "duplicate",
        wait: bool = True,
        progress: bool | None = None,
    ) -> AsyncDuplicates | Job:
        """Find duplicates among all items, into the columns duplicate (a group) and duplicate_kept (yes or no).

        Parameters
        ----------
        kind, threshold, bits, linkage, method : as for `Client.duplicates`; "semantic" compares the vectors.
        compare_pictures : whether the pictures of groups of kind semantic are compared block by block.
        model : model whose vectors are compared; None: the only one.
        prefix : name of the column of groups; with another one P, the other is "P:kept".
        wait : whether to wait for the groups; otherwise the job is returned.

        Examples
        --------
        >>> study.duplicates("near").extra
        >>> study.items(["duplicate_kept=yes"])
        """
        fields = {
            **{"kind": kind, "threshold": threshold, "bits": bits, "linkage": linkage, "method": method},
            **{"compare_pictures": compare_pictures, "model": model, "prefix": prefix},
        }
        begun: Job = await self._ask(STUDY_DUPLICATES, fields)
        if not wait:
            return begun
        await self._session.wait(begun.id, progress=progress, what="duplicates")
        found: AsyncDuplicates = await self._client.found_duplicates(begun.id)
        return found

    async def train(
        self,
        /,
        name: str,
        variable: str | None = None,
        *,
        category: str | None = None,
        assignment: str | None = None,
        majority: bool = False,
        features: Sequence[str] | None = None,
        groups: str | None = None,
        zero_shot: Mapping[str, Any] | None = None,
        model: str | None = None,
        seed: int = 0,
        wait: bool = True,
        progress: bool | None = None,
        **options: Any,
    ) -> AsyncClassifier | Job:
        """Train a classifier from the final codes of a variable; codes and vectors are joined on the server.

        Parameters
        ----------
        name : name of the classifier.
        variable, category, assignment, majority : as for `codes` in the layout final.
        features : columns of numbers that the classifier takes beside the vectors.
        groups : column of the author or source: a group is never divided by a split.
        zero_shot : prompts, as for `Client.train_classifier`: zero-shot scores calibrated by few codes.
        options : strengths, rare, folds, inner_folds, repeats, balanced, calibrate, resamples.
        wait : whether to wait for the classifier; otherwise the job is returned.

        Returns
        -------
        Classifier : with `.report`. Job if `wait` is False.

        Examples
        --------
        >>> print(study.train("protest", "protest").report)
        """
        fields = {
            **_coded(variable, category, assignment, majority),
            **{key: value for key, value in options.items() if value is not None},
            **{"features": None if features is None else list(features), "groups": groups, "model": model},
            **{"zero_shot": None if zero_shot is None else dict(zero_shot), "seed": seed},
        }
        begun = await self._session.ask(STUDY_TRAIN, {**fields, "study": self.name, "name": name})
        if not wait:
            return begun
        ended = await self._session.wait(begun.id, progress=progress, what="train")
        assert ended.result is not None
        self._remark(ended.result["remarks"])
        found: AsyncClassifier = await self._client.classifier(ended.result["classifier"])
        return found

    async def predict(self, classifier: str, *, prefix: str | None = None) -> StudyColumns:
        """Predict all items that have a vector, into the columns P, "P:score" and, of several labels, "P:p:LABEL".

        Parameters
        ----------
        classifier : name, or "name@3".
        prefix : the P; None: the classifier's name.

        Examples
        --------
        >>> study.predict("protest").counts
        """
        answer = await self._ask(STUDY_PREDICT, {"classifier": classifier, "prefix": prefix})
        return StudyColumns.of(answer)

    async def estimate(
        self,
        variable: str | None = None,
        *,
        classifier: str | None = None,
        predictions: Predictions | None = None,
        category: str | None = None,
        assignment: str | None = None,
        majority: bool = False,
        by: Sequence[str] | str = (),
        group: str | None = None,
        time: str | None = None,
        covariates: Sequence[str] | str = (),
        outcome: str | None = None,
        role: Literal["outcome", "covariate"] = "outcome",
        family: Literal["linear", "logistic"] | None = None,
        positive: Any = None,
        rename: Mapping[str, str] | None = None,
        width: float | None = None,
        confidence: float = 0.95,
        seed: int = 0,
    ) -> AsyncCorrected:
        """Estimate shares, means or a regression in the corpus, from its predictions and its codes.

        Parameters
        ----------
        variable, category, assignment, majority : as for `codes` in the layout final.
        classifier : classifier that predicts the corpus; or else
        predictions : columns of predictions: one, several, or a mapping of names to columns, or to {label: column of
            its scores}.
        by, group, time, covariates, outcome, role, family, positive, rename, width, confidence : as for
            `Client.estimate`, with columns of the study.

        Returns
        -------
        Corrected : `.value`, `.to_pandas()`, `.report("page.html")`.

        Raises
        ------
        DaguerreError : also for an assignment whose items were not drawn with known probabilities.

        Examples
        --------
        >>> study.estimate("protest", classifier="protest", by="year").to_pandas()
        """
        fields = {
            **_coded(variable, category, assignment, majority),
            **{"classifier": classifier, "predictions": None if predictions is None else _sets(predictions)},
            **{"by": _names(by), "group": group, "time": time, "covariates": _names(covariates), "outcome": outcome},
            **{"role": role, "family": family, "positive": positive, "width": width, "confidence": confidence},
            **{"rename": None if rename is None else dict(rename), "seed": seed},
        }
        answer = await self._ask(STUDY_ESTIMATES, fields)
        self._remark(answer["remarks"])
        return AsyncCorrected(**CorrectedEstimates.fields_of(answer, []), client=self._session)

    async def runs(self) -> list[Content]:
        """List what was done with the study, the newest first: operation, options, columns, result, receipt."""
        return list((await self._ask(STUDY_RUNS))["data"])

    async def export(self, path: "str | os.PathLike[str]") -> Path:
        """Write codes, codebook, designs, columns and how they were made into a .zip; returns its path.

        Pictures, vectors and tokens are not in it.

        Examples
        --------
        >>> study.export("protest.zip")
        """
        out = Path(path)
        if out.suffix.lower() != ".zip":
            raise ValueError(f"path: got {os.fspath(path)!r}; name a .zip file")
        await asyncio.to_thread(out.write_bytes, await self._ask(EXPORT_STUDY))
        return out

    @property
    def _client(self) -> Any:
        """The client, whose methods are in a layer above this one."""
        return self._session


def _labels(
    labels: Sequence[str] | None,
    preset: str | None,
    templates: Sequence[str] | None,
    multi_label: bool,
    negatives: Sequence[str] | None,
    none_of_these: str | None,
    none_min_cosine: float | None,
) -> dict[str, Any]:
    none = {"text": none_of_these, "min_cosine": none_min_cosine}
    given = {key: value for key, value in none.items() if value is not None}
    return {
        "labels": None if labels is None else list(labels),
        "preset": preset,
        "templates": None if templates is None else list(templates),
        "multi_label": multi_label,
        "negatives": None if negatives is None else list(negatives),
        "none_of_these": given or None,
    }


def _coded(variable: str | None, category: str | None, assignment: str | None, majority: bool) -> dict[str, Any]:
    return {"variable": variable, "category": category, "assignment": assignment, "majority": majority}


def _names(given: Sequence[str] | str) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _sets(given: Predictions) -> list[dict[str, Any]]:
    """Sets of predictions as the server takes them."""
    if isinstance(given, str):
        return [{"column": given}]
    if isinstance(given, Mapping):
        return [
            {"name": name, "column": each} if isinstance(each, str) else {"name": name, "scores": dict(each)}
            for name, each in given.items()
        ]
    return [{"column": each} for each in given]


class StudyAnalyses:
    """The blocking twins of the methods."""

    zero_shot = blocking(AsyncStudyAnalyses.zero_shot)
    preview = blocking(AsyncStudyAnalyses.preview)
    label_plan = blocking(AsyncStudyAnalyses.label_plan)
    label = blocking(AsyncStudyAnalyses.label)
    cluster = blocking_handle(AsyncStudyAnalyses.cluster, Clusters.waiting)
    duplicates = blocking_handle(AsyncStudyAnalyses.duplicates, waiting(BlockingDuplicates))
    train = blocking_handle(AsyncStudyAnalyses.train, Classifier)
    predict = blocking(AsyncStudyAnalyses.predict)
    estimate = blocking_result(AsyncStudyAnalyses.estimate, waiting(Corrected))
    runs = blocking(AsyncStudyAnalyses.runs)
    export = blocking(AsyncStudyAnalyses.export)
