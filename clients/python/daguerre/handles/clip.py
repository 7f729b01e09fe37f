"""A video on the server as an object: label, embed and predict its frames."""

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from daguerre.blocking import AsyncClosing, Closing, Runner, blocking
from daguerre.dispatch.collect import expect
from daguerre.errors import DaguerreError
from daguerre.handles.classifier import AsyncClassifier, Classifier
from daguerre.results import video_answers
from daguerre.results.video import ClipEmbeddings, ClipPredictions, ClipScores
from daguerre.session import Session, warn_of_remarks
from daguerre.transport.operations import (
    CANCEL_JOB,
    DELETE_FILE,
    EMBED_VIDEO,
    PREDICT_VIDEO,
    TIMELINE,
    VIDEO_ANSWER,
    ZERO_SHOT_VIDEO,
    Operation,
)
from daguerre.types.common import Content, Decode
from daguerre.types.embeddings import EmbedOptions
from daguerre.types.jobs import Job
from daguerre.types.predictions import PredictOptions
from daguerre.types.video import Asked, ClipAnswer
from daguerre.types.zero_shot import ZeroShotOptions

PATIENCE = 5.0  # seconds for the last requests about a job or file that is no longer needed


class AsyncClip(AsyncClosing):
    """A video on the server, for asynchronous code. `Clip` has the same methods for all other code.

    Each method is a job on the server, which survives restarts. Cancelling a method (Ctrl-C) cancels its job. Only the
    file is kept between methods: each method samples the frames again. `close`, leaving `with` and closing the client
    delete the file.

    Attributes
    ----------
    name : name of the video and prefix of its frames' ids, as in "clip.mp4@12.480". It stays on this machine.
    facts : duration (seconds), width, height, frame_rate, variable_rate, rotation, interlaced, codec, container.
    sampling : the choice of frames, as fields of the request.
    """

    def __init__(self, session: Session, file: Mapping[str, Any], name: str, sampling: Mapping[str, Any]) -> None:
        self._session = session
        self._file: str | None = file["id"]
        self.name = name
        self.title = name  # of progress bars
        self.facts: Mapping[str, Any] = file["video"]
        self.sampling = sampling

    async def zero_shot(
        self,
        labels: Sequence[str],
        *,
        templates: Sequence[str] | None = None,
        multi_label: bool = False,
        negatives: Sequence[str] | None = None,
        none_of_these: str | None = None,
        none_min_cosine: float | None = None,
        model: str | None = None,
        decode: Decode | None = None,
        progress: bool | None = None,
    ) -> ClipScores:
        """Score each frame, and the video, for labels of your choice.

        Parameters
        ----------
        labels, templates, multi_label, negatives, none_of_these, none_min_cosine : as for `Client.zero_shot`.
        model, decode, progress : as for `Client.embed`.

        Returns
        -------
        ClipScores : `.timestamps` (n,), `.scores` (n, labels), `.pooled` (labels,), `.to_pandas()`, `.timeline(path)`.

        Raises
        ------
        ItemFailedError : the video cannot be used.
        JobFailedError, DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> with client.video("news.mp4", every="2s") as clip:
        ...     clip.zero_shot(["a street", "a studio"]).timeline("news.html")
        """
        asked = ZeroShotOptions(
            labels=labels,
            model=model or self._session.default_model,
            decode=decode,
            templates=templates,
            multi_label=multi_label,
            negatives=negatives,
            none_of_these=none_of_these,
            none_min_cosine=none_min_cosine,
        )
        answer = await self._ask(ZERO_SHOT_VIDEO, asked, progress, "zero-shot")
        made = video_answers.scores(answer, self.name, asked, self._timeline())
        warn_of_remarks(self.name, made.remarks)
        return made

    async def embed(
        self,
        *,
        model: str | None = None,
        decode: Decode | None = None,
        dimensions: int | None = None,
        fingerprint: str | None = None,
        progress: bool | None = None,
    ) -> ClipEmbeddings:
        """Embed each frame, and the video, as unit vectors.

        Parameters
        ----------
        model, decode, dimensions, fingerprint, progress : as for `Client.embed`.

        Returns
        -------
        ClipEmbeddings : `.vectors` (n, d), `.vector` (d,), `.embeddings` for `Client.cluster` and other methods.

        Raises
        ------
        ItemFailedError : the video cannot be used.
        JobFailedError, DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> X = client.video("news.mp4", frames=50).embed()
        >>> client.cluster(embeddings=X.embeddings, method="kmeans", k=5)
        """
        asked = EmbedOptions(model=model or self._session.default_model, decode=decode, dimensions=dimensions)
        made = video_answers.embeddings(await self._ask(EMBED_VIDEO, asked, progress, "embed"), self.name)
        expect(fingerprint, made.receipt)
        warn_of_remarks(self.name, made.remarks)
        return made

    async def predict(
        self, classifier: "str | AsyncClassifier | Classifier", *, progress: bool | None = None
    ) -> ClipPredictions:
        """Predict each frame, and the video, with a trained classifier.

        Parameters
        ----------
        classifier : a classifier of images: "protest", "protest@3", or a result of `Client.classifier`.
        progress : as for `Client.embed`.

        Returns
        -------
        ClipPredictions : `.probabilities` (n, labels), or `.values` (n,); `.pooled`, `.to_pandas()`, `.timeline(path)`.

        Raises
        ------
        ItemFailedError : the video cannot be used.
        JobFailedError, DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> client.video("news.mp4", shots=True, pooling="max").predict("protest").pooled
        """
        asked = PredictOptions(classifier=classifier if isinstance(classifier, str) else classifier.id)
        answer = await self._ask(PREDICT_VIDEO, asked, progress, "predict")
        made = video_answers.predictions(answer, self.name, self._timeline())
        warn_of_remarks(self.name, made.remarks)
        return made

    async def close(self) -> None:
        """Delete the file on the server. If that fails, the server deletes it later."""
        file, self._file = self._file, None
        self._session.clips.discard(self)
        if file is not None:
            with suppress(DaguerreError, asyncio.TimeoutError):
                await asyncio.wait_for(self._session.transport.call(DELETE_FILE, {"id": file}), PATIENCE)

    @property
    def closed(self) -> bool:
        """Whether the file is deleted."""
        return self._file is None

    async def _ask(self, operation: Operation[Job], asked: Asked, progress: bool | None, what: str) -> ClipAnswer:
        """Run a job and return its answer. An error or a cancellation cancels the job."""
        if self._file is None:
            raise ValueError(f"{self.name} is closed, and its file is deleted; call client.video again")
        session = self._session
        item = {"video": {"file": self._file}, "sampling": self.sampling}
        begun = asyncio.ensure_future(session.ask(operation, {**asked.fields(), "input": [item]}))
        try:
            job = await asyncio.shield(begun)
            ended = await session.wait(job.id, progress=progress, what=f"{what} {self.title}")
            return await session.ask(VIDEO_ANSWER, {"id": ended.id})
        except BaseException:
            await self._stop(begun)
            raise

    def _timeline(self) -> Callable[[Content], str]:
        """Asks the server for a timeline, for results, whose methods are not asynchronous."""
        return functools.partial(self._session.ask_blocking, asyncio.get_running_loop(), TIMELINE)

    async def _stop(self, begun: "asyncio.Future[Job]") -> None:
        """Cancel a job whose answer is no longer needed. A job that has ended is not changed."""
        with suppress(DaguerreError, asyncio.TimeoutError, asyncio.CancelledError):
            job = await asyncio.wait_for(begun, PATIENCE)  # a request under way may still start the job
            await asyncio.wait_for(self._session.transport.call(CANCEL_JOB, {"id": job.id}), PATIENCE)

    def __repr__(self) -> str:
        facts = self.facts
        size = f"{facts['width']} × {facts['height']}"
        return f"<{type(self).__name__} {self.name}: {facts['duration']:.1f} s, {size}, {facts['codec']}>"


class Clip(Closing):
    __doc__ = (AsyncClip.__doc__ or "").replace(
        "for asynchronous code. `Clip` has the same methods for all other code.",
        "in a notebook or a script. `AsyncClip` has the same methods for asynchronous code.",
    )

    def __init__(self, runner: Runner, asynchronous: AsyncClip) -> None:
        self._runner = runner
        self.asynchronous = asynchronous
        self.name = asynchronous.name
        self.facts = asynchronous.facts
        self.sampling = asynchronous.sampling

    zero_shot = blocking(AsyncClip.zero_shot)
    embed = blocking(AsyncClip.embed)
    predict = blocking(AsyncClip.predict)

    @property
    def closed(self) -> bool:
        """Whether the file is deleted."""
        return self.asynchronous.closed

    def close(self) -> None:
        """Delete the file on the server. If that fails, the server deletes it later."""
        if not self.closed:
            self._runner.run(self.asynchronous.close())

    def __repr__(self) -> str:
        return repr(self.asynchronous).replace("<Async", "<")
