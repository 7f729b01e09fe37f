"""A trained classifier as an object: predictions, report, estimates for a corpus."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from daguerre.blocking import Runner, blocking
from daguerre.dispatch.collect import OnError
from daguerre.dispatch.vectors import EmbeddingsLike, by_modality, vector_block
from daguerre.errors import FingerprintMismatchError, ItemError
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
from daguerre.results.base import Errors
from daguerre.results.predictions import Predictions
from daguerre.results.report import Estimate, Report
from daguerre.session import Session
from daguerre.transport.operations import CLASSIFIER_PAGE, DELETE_CLASSIFIER, ESTIMATE, EXPORT_CLASSIFIER, PREDICT
from daguerre.types.common import MARKS, Payload, listed
from daguerre.types.predictions import PredictAnswer, PredictOptions

ROWS = 4096  # vectors of one request


class AsyncClassifier:
    """A trained classifier, for asynchronous code. `Classifier` has the same methods for all other code.

    Attributes
    ----------
    id : name and version, as in "protest@3"; cite this.
    task : binary, categorical or continuous.
    labels : in the order of the probabilities; (negative, positive) for a binary task.
    report : figures, notes and details of the training; print it.
    """

    def __init__(self, session: Session, card: Mapping[str, Any], files: Mapping[str, str] | None = None) -> None:
        self._session = session
        self._files = dict(files or {})  # paths on this machine by the ids of the report
        self.card = card
        self.id: str = card["id"]
        self.name: str = card["name"]
        self.version: int = card["version"]
        self.task: str = card["task"]
        self.labels: list[str] = list(card["labels"])
        self.modalities: list[str] = [each["modality"] for each in card["encoders"]] or ["image"]
        self.report = Report(card["report"], card["worst"], title=self.id)

    async def predict(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        embeddings: EmbeddingsLike | None = None,
        ids: Sequence[str] | None = None,
        crossed: bool = False,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Predictions:
        """Predict images, texts, or both together if the classifier takes both.

        Parameters
        ----------
        images, texts, ids, on_error, progress : as for `Client.embed`.
        embeddings : results of `Client.embed`, in place of items; for both modalities, {"image": …, "text": …}.
        crossed : add the cross-fitted predictions that `estimate` uses.

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
        return _predictions(self, await self._collect(images, texts, embeddings, ids, crossed, on_error, progress))

    async def estimate(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        embeddings: EmbeddingsLike | None = None,
        confidence: float = 0.95,
        progress: bool | None = None,
    ) -> dict[str, Estimate]:
        """Estimate the share of each label in a corpus, or the mean, corrected for the classifier's errors.

        The coded items have to be a random sample of the corpus (or one whose inclusion probabilities were given).
        Give the whole corpus, with the coded items. Predictions are kept in memory, vectors are not.

        Returns
        -------
        dict : label → Estimate(value, low, high, …); the label of a continuous task is "".

        Examples
        --------
        >>> clf.estimate(embeddings=client.embed(images="corpus/"))["protest"]
        """
        results = await self._collect(images, texts, embeddings, None, True, "collect", progress)
        rows = np.concatenate([answer.crossed for _, answer in results.answers] or [np.zeros((0, 1))])
        rows = rows[~np.isnan(rows).any(axis=1)]
        if len(rows) < 2:
            raise ValueError(f"estimate: {len(rows)} items could be predicted; give the whole corpus")
        corpus = {"n": len(rows), "mean": rows.mean(axis=0).tolist(), "variance": rows.var(axis=0, ddof=1).tolist()}
        answer = await self._session.ask(ESTIMATE, {"classifier": self.id, "corpus": corpus, "confidence": confidence})
        return {name: Estimate(**each) for name, each in answer["estimates"].items()}

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
        images: "Mapping[str, str | os.PathLike[str]] | None" = None,
    ) -> None:
        """Write the report as one HTML page.

        Parameters
        ----------
        images : paths of images by the report's ids, to show the most confident errors. None: the files that the
            classifier was trained with. The page has thumbnails; the server keeps no image.
        """
        require_folder(path)
        known = {**self._files, **{id: os.fspath(file) for id, file in (images or {}).items()}}
        pictures: dict[str, bytes] = {}
        for each in self.report.worst:
            file = known.get(each["id"])
            if file is not None and os.path.isfile(file):
                pictures[each["id"]] = Path(file).read_bytes()
        items = [{"id": id, "image": image} for id, image in pictures.items()]
        text = await self._session.ask(CLASSIFIER_PAGE, {"name": self.id, "input": items})
        Path(path).write_text(text, encoding="utf-8")

    async def delete(self) -> list[str]:
        """Delete this version. Its number is not used again."""
        return await self._session.transport.call(DELETE_CLASSIFIER, {"name": self.id})

    async def _collect(
        self,
        images: Images | None,
        texts: Texts | None,
        embeddings: EmbeddingsLike | None,
        ids: Sequence[str] | None,
        crossed: bool,
        on_error: OnError,
        progress: bool | None,
    ) -> "_Results":
        options = PredictOptions(classifier=self.id, crossed=crossed)
        if embeddings is not None:
            if images is not None or texts is not None:
                raise ValueError("give items or their embeddings, not both")
            return await self._of_embeddings(embeddings, options)

        async def ask(items: Sequence[Payload]) -> PredictAnswer:
            return await self._session.transport.call(PREDICT, options.fields(), items=items)

        for modality, given in (("image", images), ("text", texts)):
            if given is not None and modality not in self.modalities:
                raise ValueError(
                    f"{modality}s: {self.id} is a classifier of {' and '.join(self.modalities)}s; give those, or "
                    "choose another classifier"
                )
        if images is not None and texts is not None:
            items = paired_sources(image_sources(images, ids), text_sources(texts))
            total: Callable[[], int | None] = lambda: count_items(images)  # noqa: E731
        else:
            items, total = images_or_texts(images, texts, ids)
        gathered = await self._session.gather(items, total, ask, on_error, progress, "predict", None)
        return _Results(
            ids=gathered.ids,
            errors=gathered.errors,
            marks=gathered.marks,
            answers=gathered.answers,
        )

    async def _of_embeddings(self, embeddings: EmbeddingsLike, options: PredictOptions) -> "_Results":
        blocks = by_modality(embeddings, self.modalities)
        for block in self.card["encoders"]:
            given = blocks.get(block["modality"])
            if given is not None and given.fingerprint != block["fingerprint"]:
                raise FingerprintMismatchError(
                    f"{self.id} takes {block['modality']} vectors of {block['model']} ({block['fingerprint']}), these "
                    f"are of {given.model} ({given.fingerprint}); embed with that model",
                    code="fingerprint_mismatch",
                )
        first = next(iter(blocks.values()))
        answers: list[tuple[list[int], PredictAnswer]] = []
        failed: list[ItemError] = []
        for start in range(0, len(first), ROWS):
            part = slice(start, start + ROWS)
            vectors = [vector_block(modality, made, part) for modality, made in blocks.items()]
            answer = await self._session.ask(PREDICT, options.fields(), vectors=vectors)
            answer = replace(answer, receipt=first.receipt)
            answers.append((list(range(start, start + len(answer.best))), answer))
            failed += [
                ItemError(start + i, first.ids[start + i], failure.code, failure.message)
                for i, failure in sorted(answer.failures.items())
            ]
        known = {each.index: each for each in first.errors}
        errors = Errors([known.get(each.index, each) for each in failed])
        return _Results(
            ids=list(first.ids),
            errors=errors,
            marks={name: list(getattr(first, name)) for name in MARKS},
            answers=answers,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}: {self.task}, {listed(self.labels) or 'a number'}>"


@dataclass(frozen=True, kw_only=True)
class _Results:
    ids: list[str]
    errors: Errors
    marks: Mapping[str, Any]
    answers: Sequence[tuple[list[int], PredictAnswer]]


def _predictions(clf: AsyncClassifier, results: _Results) -> Predictions:
    n = len(results.ids)
    predicted: list[str | None] = [None] * n
    probabilities = np.full((n, len(clf.labels)), np.nan)
    values = np.full((n, 3), np.nan)
    width = max((answer.crossed.shape[1] for _, answer in results.answers), default=0)
    crossed = np.full((n, width), np.nan)
    for places, answer in results.answers:
        for place, label in zip(places, answer.best, strict=True):
            predicted[place] = label
        probabilities[places], values[places] = answer.probabilities, answer.values
        if answer.crossed.shape[1]:
            crossed[places] = answer.crossed
    receipt = results.answers[0][1].receipt if results.answers else None
    return Predictions(
        ids=results.ids,
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
        self.report = asynchronous.report

    predict = blocking(AsyncClassifier.predict)
    estimate = blocking(AsyncClassifier.estimate)
    onnx = blocking(AsyncClassifier.onnx)
    save_report = blocking(AsyncClassifier.save_report)
    delete = blocking(AsyncClassifier.delete)

    def __repr__(self) -> str:
        return repr(self.asynchronous).replace("<Async", "<")
