"""A video on the server as an object: label, embed, predict, analyse and caption its frames."""

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from daguerre.blocking import AsyncClosing, Closing, Runner, blocking, blocking_result
from daguerre.dispatch.collect import expect
from daguerre.errors import DaguerreError, ItemError, ItemFailedError, RemarkWarning
from daguerre.handles.classifier import AsyncClassifier, Classifier
from daguerre.handles.labels import AsyncLabels, BlockingLabels
from daguerre.handles.pages import held
from daguerre.handles.reported import AsyncAnalyses, AsyncCaptions, BlockingAnalyses, BlockingCaptions, waiting
from daguerre.results import video_answers
from daguerre.results.analyses import Analyses
from daguerre.results.base import Errors
from daguerre.results.captions import Captions
from daguerre.results.video import ClipEmbeddings, ClipPredictions, ClipScores
from daguerre.session import Session, warn_of_remarks
from daguerre.transport.operations import (
    ANALYSE_VIDEO,
    CANCEL_JOB,
    CAPTION_VIDEO,
    DELETE_FILE,
    EMBED_VIDEO,
    PREDICT_VIDEO,
    TIMELINE,
    VIDEO_ANALYSES,
    VIDEO_ANSWER,
    VIDEO_CAPTIONS,
    ZERO_SHOT_VIDEO,
    Operation,
)
from daguerre.types.analyses import AnalyseOptions, Analysers, requested
from daguerre.types.captions import CaptionOptions
from daguerre.types.common import Content, Decode
from daguerre.types.embeddings import EmbedOptions
from daguerre.types.jobs import Job
from daguerre.types.predictions import PredictOptions
from daguerre.types.video import Asked
from daguerre.types.zero_shot import ZeroShotOptions

T = TypeVar("T")

LARGEST_FRAME = 512  # pixels of the longer side of a frame that is labelled
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
        labels: Sequence[str] | None = None,
        *,
        preset: str | None = None,
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
        labels, preset, templates, multi_label, negatives, none_of_these, none_min_cosine : as for `Client.zero_shot`.
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
            preset=preset,
            model=model or self._session.default_model,
            decode=decode,
            templates=templates,
            multi_label=multi_label,
            negatives=negatives,
            none_of_these=none_of_these,
            none_min_cosine=none_min_cosine,
        )
        answer = await self._ask(ZERO_SHOT_VIDEO, asked, progress, "zero-shot", VIDEO_ANSWER)
        made = video_answers.scores(answer, self.name, asked, self._timeline())
        warn_of_remarks(self.name, made.remarks)
        if made.notice:
            self._session.warn(RemarkWarning(made.notice))
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
        answer = await self._ask(EMBED_VIDEO, asked, progress, "embed", VIDEO_ANSWER)
        made = video_answers.embeddings(answer, self.name)
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
        answer = await self._ask(PREDICT_VIDEO, asked, progress, "predict", VIDEO_ANSWER)
        made = video_answers.predictions(answer, self.name, self._timeline())
        warn_of_remarks(self.name, made.remarks)
        return made

    async def analyse(self, analysers: Analysers, *, progress: bool | None = None) -> AsyncAnalyses:
        """Find text, objects, classes and features in each frame.

        Parameters
        ----------
        analysers, progress : as for `Client.analyse`.

        Returns
        -------
        Analyses : of one item, the video: `.counts(over="time")`, `.counts(over="video")`, `.lines()`, `.frames`.

        Raises
        ------
        ItemFailedError : the video cannot be used.
        JobFailedError, DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> with client.video("news.mp4", every="1s", find_shots=True) as clip:
        ...     clip.analyse({"objects": {"labels": ["person"]}}).counts(over="shot")
        """
        asked = AnalyseOptions(analysers=requested(analysers))
        answer = await self._ask(ANALYSE_VIDEO, asked, progress, "analyse", VIDEO_ANALYSES)
        for failure in answer.failures.values():
            raise ItemFailedError(ItemError(0, self.name, failure.code, failure.message), request_id=answer.request_id)
        made = Analyses(
            ids=[self.name],
            errors=Errors(),
            entries=[video_answers.analysed(answer)],
            receipts=answer.receipts,
            options=answer.options,
        )
        warn_of_remarks(self.name, made.video_remarks())
        return held(AsyncAnalyses, made, self._session)

    async def caption(
        self,
        *,
        prompt: str | None = None,
        max_tokens: int | None = None,
        model: str | None = None,
        progress: bool | None = None,
    ) -> AsyncCaptions:
        """Write a caption of each frame.

        Parameters
        ----------
        prompt, max_tokens, model : as for `Client.caption`.
        progress : as for `Client.embed`.

        Returns
        -------
        Captions : of one item, the video: `.to_pandas()` with a row for each frame, `.captions[0]` with each text once.

        Raises
        ------
        ItemFailedError : the video cannot be used.
        JobFailedError, DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> with client.video("news.mp4", every="2s") as clip:
        ...     clip.caption().to_pandas()
        """
        asked = CaptionOptions(prompt=prompt, max_tokens=max_tokens, model=model)
        answer = await self._ask(CAPTION_VIDEO, asked, progress, "caption", VIDEO_CAPTIONS)
        for failure in answer.failures.values():
            raise ItemFailedError(ItemError(0, self.name, failure.code, failure.message), request_id=answer.request_id)
        made = Captions(
            ids=[self.name],
            errors=Errors(),
            entries=[video_answers.analysed(answer)],
            receipts=answer.receipts,
            options=answer.options,
        )
        warn_of_remarks(self.name, made.video_remarks())
        return held(AsyncCaptions, made, self._session)

    async def label(self, /, *, codebook: Any, progress: bool | None = None, **method: Any) -> AsyncLabels:
        """Label each frame by a codebook. The frames are sent to the labeller's host; see `Client.labellers`.

        The frames come back from the server as JPEGs of at most 512 pixels, and are labelled as pictures are.

        Parameters
        ----------
        codebook, method, progress : as for `Client.label`: labeller, template, category_order and so on.

        Returns
        -------
        CodebookLabels : with an entry for each frame, whose id has its time: "clip.mp4@12.480". Near-duplicates that
        `drop_within` has dropped are not among them.

        Raises
        ------
        ItemFailedError : the video cannot be used.
        JobFailedError, DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> with client.video("news.mp4", every="10s") as clip:
        ...     L = clip.label(codebook="codebook.yaml")
        >>> L.frames()[0]
        """
        asked = EmbedOptions(model=self._session.default_model)
        sampling = {**self.sampling, "thumbnail": LARGEST_FRAME}
        answer = await self._ask(EMBED_VIDEO, asked, progress, "frames", VIDEO_ANSWER, sampling)
        found = video_answers.embeddings(answer, self.name)
        warn_of_remarks(self.name, found.remarks)
        frames = {id: jpeg for id, jpeg in zip(found.ids, found.thumbnails, strict=True) if jpeg is not None}
        client: Any = self._session  # the methods of the client are in a layer above
        made: AsyncLabels = await client.label(frames, codebook=codebook, progress=progress, **method)
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

    async def _ask(
        self,
        operation: Operation[Job],
        asked: Asked,
        progress: bool | None,
        what: str,
        read: Operation[T],
        sampling: Mapping[str, Any] | None = None,
    ) -> T:
        """Run a job and return its answer. An error or a cancellation cancels the job."""
        if self._file is None:
            raise ValueError(f"{self.name} is closed, and its file is deleted; call client.video again")
        session = self._session
        item = {"video": {"file": self._file}, "sampling": sampling or self.sampling}
        begun = asyncio.ensure_future(session.ask(operation, {**asked.fields(), "input": [item]}))
        try:
            job = await asyncio.shield(begun)
            ended = await session.wait(job.id, progress=progress, what=f"{what} {self.title}")
            return await session.ask(read, {"id": ended.id})
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
    label = blocking_result(AsyncClip.label, waiting(BlockingLabels))
    analyse = blocking_result(AsyncClip.analyse, waiting(BlockingAnalyses))
    caption = blocking_result(AsyncClip.caption, waiting(BlockingCaptions))

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
