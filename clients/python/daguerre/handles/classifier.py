"""A trained classifier as an object: predictions, report, estimates for a corpus."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from daguerre.blocking import Runner, blocking, blocking_handle, blocking_result
from daguerre.corpus.features import Columns, feature_columns
from daguerre.dispatch.collect import Collected, OnError
from daguerre.dispatch.vectors import EmbeddingsLike, embeddings_of, items_or_embeddings
from daguerre.errors import FingerprintMismatchError, ItemError, RemarkWarning
from daguerre.handles.estimates import AsyncEstimates, Estimates
from daguerre.handles.pictures import PageMode, ReportImages, require_mode, small_pictures
from daguerre.handles.reported import BlockingPredictions, waiting
from daguerre.inputs.alignment import ItemIndex, item_ids
from daguerre.inputs.crops import with_crops
from daguerre.inputs.files import require_folder
from daguerre.inputs.items import (
    Images,
    Texts,
    count_items,
    image_sources,
    images_or_texts,
    paired_sources,
    text_sources,
)
from daguerre.replication.operations import CLASSIFIER_METHODS
from daguerre.replication.recording import recorded
from daguerre.results.base import Errors
from daguerre.results.embeddings import Embeddings
from daguerre.results.predictions import Predictions
from daguerre.results.report import Report
from daguerre.session import Session
from daguerre.storage.page_tables import require_tables, write_page
from daguerre.transport.operations import CLASSIFIER_PAGE, DELETE_CLASSIFIER, ESTIMATE, EXPORT_CLASSIFIER, PREDICT
from daguerre.types.common import Payload, listed
from daguerre.types.embeddings import VectorBlock
from daguerre.types.predictions import PredictAnswer, PredictOptions

Embed = Callable[[Any, Any, bool | None], Awaitable[Mapping[str, Embeddings]]]  # of images and texts


class AsyncClassifier:
    """A trained classifier, for asynchronous code. `Classifier` has the same methods for all other code.

    Attributes
    ----------
    id : name and version, as in "protest@3"; cite this.
    task : binary, categorical or continuous.
    features : names of the numbers that predictions need beside the items.
    labels : in the order of the probabilities; of a binary task (negative, positive).
    report : figures, notes and details of the training; print it.
    errors : items that could not be embedded for the training; none of a classifier that was trained before.
    """

    def __init__(
        self,
        session: Session,
        card: Mapping[str, Any],
        files: Mapping[str, str] | None = None,
        errors: Sequence[ItemError] = (),
        embed: Embed | None = None,
    ) -> None:
        self._session = session
        self._embed = embed
        self.errors = Errors(errors)
        self._files = dict(files or {})  # paths on this machine by the ids of the report
        self.card = card
        self.id: str = card["id"]
        self.name: str = card["name"]
        self.version: int = card["version"]
        self.task: str = card["task"]
        self.labels: list[str] = list(card["labels"])
        self.modalities: list[str] = [each["modality"] for each in card["encoders"]] or ["image"]
        self.features: list[str] = list(card.get("features") or ())
        self.report = Report(card["report"], card["worst"], title=self.id)

    async def predict(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        embeddings: EmbeddingsLike | None = None,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        features: Any = None,
        crossed: bool = False,
        coverage: float | None = None,
        each_class: bool = False,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Predictions:
        """Predict images, texts, or both together if the classifier takes both.

        Parameters
        ----------
        images, texts, crops, ids, on_error, progress : as for `Client.embed`.
        embeddings : a result of `Client.embed`, or the path of its .parquet or .npz file, in place of items; for both
            modalities, {"image": …, "text": …}.
        features : numbers of each item, for a classifier that was trained with features; given as they were then, in
            tables with perhaps other columns.
        crossed : add the cross-fitted predictions that `estimate` uses.
        coverage : for example 0.9: add the set of labels that each item may have, which has its code with about this
            probability (see docs/classifiers.md); of numbers, the coverage of `low` and `high`, 0.95 if None.
        each_class : let the coverage hold for the items of each class, so that sets miss rare classes no more often.

        Returns
        -------
        Predictions : `.predicted`, `.probabilities` (n, labels), or `.values` (n,), `.low` and `.high`; `.to_pandas()`.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> clf = client.classifier("protest")
        >>> clf.predict(images="photos/").to_pandas()
        """
        images = with_crops(images, crops)
        options = PredictOptions(classifier=self.id, crossed=crossed, coverage=coverage, each_class=each_class)
        results = await self._collect(images, texts, embeddings, ids, features, options, on_error, progress)
        for remark in dict.fromkeys(remark for _, answer in results.answers for remark in answer.remarks):
            self._session.warn(RemarkWarning(remark))
        return _predictions(self, results)

    async def estimate(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        embeddings: EmbeddingsLike | None = None,
        crops: Any = None,
        features: Any = None,
        confidence: float = 0.95,
        progress: bool | None = None,
    ) -> AsyncEstimates:
        """Estimate the share of each label in a corpus, or the mean, corrected for the classifier's errors.

        The coded items have to be a random sample of the corpus (or one whose inclusion probabilities were given).
        Give the whole corpus, with the coded items; images, texts and crops are as for `Client.embed`, features as for
        `predict`. Predictions are kept in memory, vectors only where there are features.

        Returns
        -------
        Estimates : a dict of label → Estimate(value, low, high, naive, classical); that of a continuous task is "mean".
        `.to_pandas()`, `.report("estimate.html")`; its docstring says what naive and classical are.

        Examples
        --------
        >>> clf.estimate(embeddings=client.embed(images="corpus/"))["protest"]
        """
        images = with_crops(images, crops)
        options = PredictOptions(classifier=self.id, crossed=True)
        results = await self._collect(images, texts, embeddings, None, features, options, "collect", progress)
        rows = np.concatenate([answer.crossed for _, answer in results.answers] or [np.zeros((0, 1))])
        rows = rows[~np.isnan(rows).any(axis=1)]
        if len(rows) < 2:
            raise ValueError(f"estimate: {len(rows)} items could be predicted; give the whole corpus")
        corpus = {"n": len(rows), "mean": rows.mean(axis=0).tolist(), "variance": rows.var(axis=0, ddof=1).tolist()}
        answer = await self._session.ask(ESTIMATE, {"classifier": self.id, "corpus": corpus, "confidence": confidence})
        for remark in answer.get("remarks", ()):
            self._session.warn(RemarkWarning(remark))
        return AsyncEstimates(answer, self._session)

    async def onnx(self, path: "str | os.PathLike[str] | None" = None) -> bytes:
        """Export the classifier as an ONNX graph, and write it to `path` if one is given."""
        if path is not None:
            require_folder(path)
        graph = await self._session.ask(EXPORT_CLASSIFIER, {"name": self.id})
        if path is not None:
            Path(path).write_bytes(graph)
        return graph

    async def save_report(
        self,
        path: "str | os.PathLike[str]",
        *,
        images: ReportImages | None = None,
        pictures: PageMode = "blurred",
        tables: "str | os.PathLike[str] | None" = None,
    ) -> None:
        """Write the report as one HTML page.

        Parameters
        ----------
        images : the images, to show the most confident errors: a folder that the report's ids are relative to, a
            mapping from ids to paths or bytes, or a list with one for each item. None: the files that the classifier
            was trained with. The page has thumbnails; the server keeps no image.
        pictures : "blurred", the faces that the server's detector finds, or the whole picture where it has no detector;
            "blurred_whole", the whole picture; "thumbnails", as they are; or "none".
        tables : a folder, into which each table of the page goes as CSV and LaTeX, and each figure as SVG.
        """
        require_mode(pictures)
        require_folder(path)
        require_tables(tables)
        worst = [each["id"] for each in self.report.worst]
        files = self._files or {id: id for id in [*self.report.ids, *worst]}
        small = {}
        if pictures != "none":
            small = await small_pictures(
                self._session,
                worst,
                list(files),
                list(files.values()),
                images,
                mode=pictures,
                required=images is not None,
            )
        items = [{"id": id, "image": image} for id, image in small.items()]
        fields = {"name": self.id, "input": items, "pictures": pictures}
        write_page(path, await self._session.ask(CLASSIFIER_PAGE, fields), tables)

    async def delete(self) -> list[str]:
        """Delete this version. Its number is not used again."""
        return await self._session.transport.call(DELETE_CLASSIFIER, {"name": self.id})

    async def _collect(
        self,
        images: Images | None,
        texts: Texts | None,
        embeddings: EmbeddingsLike | None,
        ids: Sequence[str] | None,
        features: Any,
        options: PredictOptions,
        on_error: OnError,
        progress: bool | None,
    ) -> Collected[PredictAnswer]:
        if (features is not None) != bool(self.features):
            raise ValueError(
                f"features: {self.id} was trained with {listed(self.features) or 'none'}; "
                + ("leave them out" if features is not None else "give those of each item")
            )
        items_or_embeddings(images, texts, embeddings)
        source = images if images is not None else texts
        if embeddings is None and self.features and self._embed is not None:
            self._check_modalities(images, texts)
            embeddings = await self._embed(images, texts, progress)
        if embeddings is not None:
            return await self._of_embeddings(embeddings, options, ids, features, source, on_error, progress)

        async def ask(items: Sequence[Payload]) -> PredictAnswer:
            return await self._session.transport.call(PREDICT, options.fields(), items=items)

        self._check_modalities(images, texts)
        if images is not None and texts is not None:
            items = paired_sources(image_sources(images, ids), text_sources(texts))
            total: Callable[[], int | None] = lambda: count_items(images)  # noqa: E731
        else:
            items, total = images_or_texts(images, texts, ids)
        return await self._session.gather(items, total, ask, on_error, progress, "predict", None)

    async def _of_embeddings(
        self,
        embeddings: EmbeddingsLike,
        options: PredictOptions,
        ids: Sequence[str] | None,
        features: Any,
        source: Any,
        on_error: OnError,
        progress: bool | None,
    ) -> Collected[PredictAnswer]:
        blocks = await embeddings_of(embeddings, self.modalities)
        lacking = [each for each in self.modalities if each not in blocks]
        if lacking and not self.card["partial"]:
            raise ValueError(
                f'embeddings: {self.id} takes {" and ".join(self.modalities)}; give {{"image": …, "text": …}}'
            )
        for block in self.card["encoders"]:
            given = blocks.get(block["modality"])
            if given is not None and given.fingerprint != block["fingerprint"]:
                raise FingerprintMismatchError(
                    f"{self.id} takes {block['modality']} vectors of {block['model']} ({block['fingerprint']}), these "
                    f"are of {given.model} ({given.fingerprint}); embed with that model",
                    code="fingerprint_mismatch",
                )
        first = next(iter(blocks.values()))

        every = first.ids if ids is None else item_ids(ids, first.ids)
        columns: Columns = []
        if features is not None:
            index = ItemIndex(first.files, every, source)
            columns, remarks = feature_columns(features, index, len(every), self.features)
            for remark in [*remarks, *index.remarks]:
                self._session.warn(RemarkWarning(remark))

        async def ask(vectors: Sequence[VectorBlock], places: range) -> PredictAnswer:
            fields = {**options.fields()}
            if columns:
                part = slice(places.start, places.stop)
                fields["features"] = [{**each, "values": each["values"][part]} for each in columns]
            answer = await self._session.ask(PREDICT, fields, vectors=vectors)
            return replace(answer, receipt=first.receipt)

        return await self._session.gather_vectors(blocks, every, ask, on_error, progress, "predict")

    def _check_modalities(self, images: Any, texts: Any) -> None:
        """Raise ValueError for items of a modality that the classifier does not take."""
        if self.card["made_with"].get("text_from_image") and texts is not None:
            raise ValueError(f"texts: {self.id} reads the texts in the images; give images alone")
        for modality, given in (("image", images), ("text", texts)):
            if given is not None and modality not in self.modalities:
                raise ValueError(
                    f"{modality}s: {self.id} is a classifier of {' and '.join(self.modalities)}s; give those, or "
                    "choose another classifier"
                )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}: {self.task}, {listed(self.labels) or 'a number'}>"


recorded(AsyncClassifier, CLASSIFIER_METHODS)


def _predictions(clf: AsyncClassifier, results: Collected[PredictAnswer]) -> Predictions:
    n = len(results.ids)
    predicted: list[str | None] = [None] * n
    probabilities = np.full((n, len(clf.labels)), np.nan)
    values = np.full((n, 3), np.nan)
    width = max((answer.crossed.shape[1] for _, answer in results.answers), default=0)
    crossed = np.full((n, width), np.nan)
    sets: list[list[str] | None] = [None] * n
    for places, answer in results.answers:
        for place, chosen in zip(places, answer.sets, strict=True):
            sets[place] = None if chosen is None else list(chosen)
        for place, label in zip(places, answer.best, strict=True):
            predicted[place] = label
        probabilities[places], values[places] = answer.probabilities, answer.values
        if answer.crossed.shape[1]:
            crossed[places] = answer.crossed
    receipt = results.answers[0][1].receipt if results.answers else None
    coverage = results.answers[0][1].coverage if results.answers else None
    return Predictions(
        ids=results.ids,
        files=results.files,
        errors=results.errors,
        **results.marks,
        receipt=receipt,
        classifier=clf.id,
        task=clf.task,
        labels=clf.labels,
        predicted=predicted,
        probabilities=probabilities,
        values=values[:, 0],
        low=values[:, 1],
        high=values[:, 2],
        crossed=crossed if width else None,
        coverage=coverage,
        sets=sets if coverage is not None and clf.labels else None,
    )


class Classifier:
    __doc__ = (AsyncClassifier.__doc__ or "").replace(
        "for asynchronous code. `Classifier` has the same methods for all other code.",
        "in a notebook or a script. `AsyncClassifier` has the same methods for asynchronous code.",
    )

    def __init__(self, runner: Runner, asynchronous: AsyncClassifier) -> None:
        self._runner = runner
        self.asynchronous = asynchronous
        self.card = asynchronous.card
        self.id = asynchronous.id
        self.name = asynchronous.name
        self.version = asynchronous.version
        self.task = asynchronous.task
        self.labels = asynchronous.labels
        self.modalities = asynchronous.modalities
        self.features = asynchronous.features
        self.report = asynchronous.report
        self.errors = asynchronous.errors

    predict = blocking_result(AsyncClassifier.predict, waiting(BlockingPredictions))
    estimate = blocking_handle(AsyncClassifier.estimate, Estimates)
    onnx = blocking(AsyncClassifier.onnx)
    save_report = blocking(AsyncClassifier.save_report)
    delete = blocking(AsyncClassifier.delete)

    def __repr__(self) -> str:
        return repr(self.asynchronous).replace("<Async", "<")
