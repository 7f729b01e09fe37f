"""The client for asynchronous code; client.py runs it for all other code."""

import asyncio
import os
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING

from daguerre.clips import AsyncClip
from daguerre.core import Limits, Part, retried, stream
from daguerre.errors import DaguerreWarning, NotFoundError
from daguerre.gathered import Gathered, OnError
from daguerre.inputs.items import Images, Texts, images_or_texts
from daguerre.inputs.source import Source
from daguerre.progress import Progress
from daguerre.results.embeddings import Embeddings
from daguerre.results.zero_shot import ZeroShot
from daguerre.transports import connect
from daguerre.types.common import A, Decode, Payload
from daguerre.types.embeddings import EmbedAnswer, EmbedOptions
from daguerre.types.models import ModelCard, Ping
from daguerre.types.zero_shot import ZeroShotAnswer, ZeroShotOptions
from daguerre.watching import Watching

if TYPE_CHECKING:
    from daguerre.results.corpus import CorpusSummary

KEPT: ContextVar[list[str] | None] = ContextVar("daguerre_warnings", default=None)  # for the thread that called


class AsyncClient(Watching):
    """A Daguerre service, for asynchronous code. `Client` has the same methods for all other code.

    Parameters
    ----------
    url : "http://…", "https://…", "grpc://host:3001" or "grpcs://…"; left out, $DAGUERRE_URL, else this machine's.
    api_key : left out, $DAGUERRE_API_KEY.
    model : the model to ask for; left out, the server's default.
    timeout : seconds that one request may take.
    retry_for : seconds that a failing request is tried again: connection errors, 429, 502 to 504.
    chunk_items, chunk_bytes : of one request, at most.
    in_flight : requests at once.
    progress : a progress bar; None: in a terminal or a notebook.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        model: str | None = None,
        timeout: float = 300.0,
        retry_for: float = 60.0,
        chunk_items: int = 32,
        chunk_bytes: int = 16 * 2**20,
        in_flight: int = 4,
        progress: bool | None = None,
    ) -> None:
        self.limits = Limits(items=chunk_items, bytes=chunk_bytes, in_flight=in_flight, retry_for=retry_for)
        self.default_model = model
        self.progress = progress
        self.clips: set[AsyncClip] = set()
        self.url, self.transport = connect(url, api_key, timeout=timeout, in_flight=in_flight)
        self._executor = ThreadPoolExecutor(2 * in_flight, thread_name_prefix="daguerre")

    async def embed(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        ids: Sequence[str] | None = None,
        model: str | None = None,
        decode: Decode | None = None,
        dimensions: int | None = None,
        fingerprint: str | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Embeddings:
        """Unit vectors of images or of texts.

        Parameters
        ----------
        images : a folder (with its subfolders), a path, a glob such as "photos/**/*.jpg", bytes, an open file, a PIL
            image, a uint8 array, or any iterable of these.
        texts : a text, or any iterable of texts. Either images or texts.
        ids : in place of paths and numbers, one for each item.
        model : in place of the client's.
        decode : "exact", or "scaled": large JPEGs faster, with a fingerprint of its own; None: the server's setting.
        dimensions : for Matryoshka models.
        fingerprint : the one that is expected, for example that of vectors made earlier.
        on_error : "collect": failed items are in `.errors`, their rows are NaN. "raise": the first one ends the run.
        progress : a progress bar, in place of the client's setting.

        Returns
        -------
        Embeddings : `.vectors` (n, d) float32, `.ids`, `.errors`, `.receipt`.

        Raises
        ------
        DaguerreError : any of the tree in daguerre.errors.
        FileNotFoundError, TypeError, ValueError : for input that is not there, or cannot be an image or a text.

        Examples
        --------
        >>> client = Client()
        >>> X = client.embed(images="photos/")
        >>> X.vectors.shape
        (3, 1280)
        """
        items, total = images_or_texts(images, texts, ids)
        options = EmbedOptions(model=model or self.default_model, decode=decode, dimensions=dimensions)

        async def ask(items: Sequence[Payload]) -> EmbedAnswer:
            return await self.transport.embed(items, options)

        gathered = await self.gather(items, total, ask, on_error, progress, "embed", fingerprint)
        answers = gathered.answers
        if not answers:
            card = await self.card(options.model)
            width, receipt = dimensions or card.dimension, card.receipt(decode)
        else:
            width, receipt = max(a.vectors.shape[1] for _, a in answers), answers[0][1].receipt
            if not width:
                width = dimensions or (await self.card(options.model)).dimension
        vectors = gathered.spread(lambda answer: answer.vectors, width)
        return Embeddings(
            ids=gathered.ids,
            errors=gathered.errors,
            receipt=receipt,
            truncated=gathered.truncated,
            vectors=vectors,
            tokens=sum(answer.tokens for _, answer in answers),
            modality="image" if texts is None else "text",
        )

    async def zero_shot(
        self,
        images: Images | None = None,
        texts: Texts | None = None,
        *,
        labels: Sequence[str],
        templates: Sequence[str] | None = None,
        multi_label: bool = False,
        negatives: Sequence[str] | None = None,
        none_of_these: str | None = None,
        none_min_cosine: float | None = None,
        ids: Sequence[str] | None = None,
        model: str | None = None,
        decode: Decode | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> ZeroShot:
        """Scores of images or texts for labels that you make up.

        Parameters
        ----------
        labels : two or more different ones, or one with multi_label.
        templates : prompt templates, each with one {} for the label; None: the model's own.
        multi_label : score each label by itself, on softmax-trained models against `negatives`.
        none_of_these : a text that competes with the labels; where it wins, the item's best label is None.
        none_min_cosine : where no label's cosine reaches it, the best label is None. Either this or none_of_these.
        images, texts, ids, model, decode, on_error, progress : as for `embed`.

        Returns
        -------
        ZeroShot : `.scores` (n, k) float32, `.best`, `.top(k)`, `.to_pandas()`, `.errors`, `.receipt`.

        Raises
        ------
        DaguerreError : any of the tree in daguerre.errors.

        Examples
        --------
        >>> client = Client()
        >>> P = client.zero_shot(images="photos/", labels=["a cat", "a cup of coffee", "a rocket launch"])
        >>> P.best
        ['a cat', 'a cup of coffee', 'a rocket launch']
        """
        options = ZeroShotOptions(
            labels=labels,
            model=model or self.default_model,
            decode=decode,
            templates=templates,
            multi_label=multi_label,
            negatives=negatives,
            none_of_these=none_of_these,
            none_min_cosine=none_min_cosine,
        )
        items, total = images_or_texts(images, texts, ids)

        async def ask(items: Sequence[Payload]) -> ZeroShotAnswer:
            return await self.transport.zero_shot(items, options)

        gathered = await self.gather(items, total, ask, on_error, progress, "zero-shot", None)
        if gathered.answers:
            said = gathered.answers[0][1]
            receipt, scale, used, negative = said.receipt, said.logit_scale, said.templates, said.negatives
        else:
            card = await self.card(options.model)
            receipt, scale, used, negative = card.receipt(decode), float("nan"), card.templates or [], None
        best: list[str | None] = [None] * len(gathered.ids)
        for places, answer in gathered.answers:
            for place, label in zip(places, answer.best, strict=True):
                best[place] = label
        k = len(options.labels)
        none = None
        if none_of_these is not None:
            none = gathered.spread(lambda a: a.none_scores[:, None], 1)[:, 0]  # type: ignore[index]
        return ZeroShot(
            ids=gathered.ids,
            errors=gathered.errors,
            receipt=receipt,
            truncated=gathered.truncated,
            labels=list(options.labels),
            scores=gathered.spread(lambda a: a.scores, k),
            cosines=gathered.spread(lambda a: a.cosines, k),
            best=best,
            none_scores=none,
            templates=list(used),
            negatives=None if negative is None else list(negative),
            logit_scale=scale,
        )

    async def embed_corpus(
        self,
        source: Images,
        out: "str | os.PathLike[str]",
        *,
        model: str | None = None,
        decode: Decode | None = None,
        retry_errors: bool = False,
        retry_for: float = 3600.0,
        progress: bool | None = None,
    ) -> "CorpusSummary":
        """Embed a folder of any size into a Parquet file; killed and called again, it goes on where it was.

        Parameters
        ----------
        source : a folder (ids are paths relative to it), a glob, or an iterable of paths.
        out : the file: id, sha256, vector, model, fingerprint, error. Parts lie in `<out>.parts` until it is complete.
        retry_errors : try items again that the server could not use.
        retry_for : seconds that a failing request is tried again: an hour, so that a night's run survives a restart.
        model, decode, progress : as for `embed`.

        Returns
        -------
        CorpusSummary : how many were embedded now, were there already, failed.

        Raises
        ------
        FingerprintMismatchError : what is there was made by another model, or with other settings. Nothing is changed.

        Examples
        --------
        >>> client = Client()
        >>> client.embed_corpus("photos/", "photos.parquet").embedded
        3
        """
        from daguerre.corpus import embed_corpus

        return await embed_corpus(
            self,
            source,
            out,
            model=model,
            decode=decode,
            retry_errors=retry_errors,
            retry_for=retry_for,
            progress=progress,
        )

    async def models(self) -> list[ModelCard]:
        """The models that can be asked for, the server's default first.

        Examples
        --------
        >>> client = Client()
        >>> client.models()[0].id
        'embedded'
        """
        return list(await retried(self.transport.models, retry_for=self.limits.retry_for))

    async def ping(self) -> Ping:
        """The server's version, whether its models are loaded, and the seconds there and back. Asked once.

        Examples
        --------
        >>> client = Client()
        >>> client.ping().ready
        True
        """
        return await self.transport.ping()

    async def close(self) -> None:
        """Close connections and threads; files of clips that are still open are deleted."""
        await asyncio.gather(*(clip.close() for clip in list(self.clips)))
        self._executor.shutdown(wait=False, cancel_futures=True)
        await self.transport.close()

    def stream(
        self,
        given: Iterator[Source],
        ask: Callable[[Sequence[Payload]], Awaitable[A]],
        *,
        limits: Limits | None = None,
        fingerprint: str | None = None,
    ) -> AsyncIterator[Part[A]]:
        """The parts of a run, in order, for those who build on this: see daguerre.core.stream."""
        return stream(given, ask, limits or self.limits, executor=self._executor, fingerprint=fingerprint)

    async def gather(
        self,
        given: Iterator[Source],
        total: Callable[[], int | None],
        ask: Callable[[Sequence[Payload]], Awaitable[A]],
        on_error: OnError,
        progress: bool | None,
        what: str,
        fingerprint: str | None,
    ) -> "Gathered[A]":
        if on_error not in ("collect", "raise"):
            raise ValueError(f'on_error: got {on_error!r}, there are "collect" and "raise"')
        gathered: Gathered[A] = Gathered()
        shown = Progress.wanted(self.progress if progress is None else progress)
        number = await asyncio.get_running_loop().run_in_executor(self._executor, total) if shown else None
        parts = self.stream(given, ask)
        with Progress(shown, total=number, what=what) as bar:
            try:
                async for part in parts:
                    gathered.add(part, on_error, fingerprint)
                    bar.add(len(part.sources), failed=len(part.failures))
            finally:
                await parts.aclose()  # type: ignore[attr-defined]
        if gathered.errors:
            _warn(f"{len(gathered.errors):,} of {len(gathered.ids):,} items could not be used; see .errors")
        return gathered

    async def card(self, model: str | None = None) -> ModelCard:
        """The model called `model`; the client's, or else the server's default, for None. Raises NotFoundError."""
        model = model or self.default_model
        cards = await self.models()
        for card in cards:
            if model in (None, card.id):
                return card
        raise NotFoundError(
            f"model: there is no {model!r} here; there are: {', '.join(card.id for card in cards)}",
            code="unknown_model",
            status=404,
            param="model",
        )

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"


def _warn(text: str) -> None:
    """Warn at the line that called embed or zero_shot, be it in this thread or in that of a Client."""
    kept = KEPT.get()
    if kept is None:
        warnings.warn(text, DaguerreWarning, stacklevel=4)
    else:
        kept.append(text)
