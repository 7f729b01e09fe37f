"""The client, asynchronous and synchronous: the second runs the first in a thread of its own."""

import asyncio
import functools
import os
import threading
import warnings
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, TypeVar

import numpy as np

from daguerre import sources
from daguerre.core import A, Limits, Part, retried, stream
from daguerre.errors import DaguerreWarning, FingerprintMismatchError, ItemError, ItemFailedError
from daguerre.progress import Progress
from daguerre.results import Embeddings, Errors, ZeroShot
from daguerre.sources import Images, Source, Texts
from daguerre.wire import (
    Decode,
    EmbedAnswer,
    EmbedOptions,
    Float,
    ModelCard,
    Payload,
    Ping,
    Receipt,
    Transport,
    ZeroShotAnswer,
    ZeroShotOptions,
)

if TYPE_CHECKING:
    from daguerre.corpus import CorpusSummary

P = ParamSpec("P")
T = TypeVar("T")
_KEPT: ContextVar[list[str] | None] = ContextVar("daguerre_warnings", default=None)  # for the thread that called
OnError = Literal["collect", "raise"]
URL = "http://127.0.0.1:3000"


class AsyncClient:
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
        self.url = url or os.environ.get("DAGUERRE_URL") or URL
        self.limits = Limits(items=chunk_items, bytes=chunk_bytes, in_flight=in_flight, retry_for=retry_for)
        self.default_model = model
        self.progress = progress
        if not timeout > 0:
            raise ValueError(f"timeout: got {timeout}, it must be more than 0 seconds")
        key = (
            api_key or os.environ.get("DAGUERRE_API_KEY") or ""
        ).strip()  # a file's last line break is not part of it
        if not (key.isascii() and key.isprintable()):
            raise ValueError("api_key: has characters that no header may have; is it the key, the whole key?")
        self.transport = _transport(self.url, key or None, timeout, in_flight)
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
        given, total = _given(images, texts, ids)
        options = EmbedOptions(model=model or self.default_model, decode=decode, dimensions=dimensions)

        async def ask(items: Sequence[Payload]) -> EmbedAnswer:
            return await self.transport.embed(items, options)

        gathered = await self._gather(given, total, ask, on_error, progress, "embed", fingerprint)
        answers = gathered.answers
        if not answers:
            card = await self.card(options.model)
            width, receipt = dimensions or card.dimension, self.receipt_of(card, decode)
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
        if isinstance(labels, str):
            raise TypeError(f"labels: got a str, {labels!r:.60}; give a list of labels")
        if none_of_these is not None and none_min_cosine is not None:
            raise ValueError("none_of_these and none_min_cosine are two ways to say it; give one of them")
        given, total = _given(images, texts, ids)
        options = ZeroShotOptions(
            labels=list(labels),
            model=model or self.default_model,
            decode=decode,
            templates=templates,
            multi_label=multi_label,
            negatives=negatives,
            none_of_these=none_of_these,
            none_min_cosine=none_min_cosine,
        )

        async def ask(items: Sequence[Payload]) -> ZeroShotAnswer:
            return await self.transport.zero_shot(items, options)

        gathered = await self._gather(given, total, ask, on_error, progress, "zero-shot", None)
        if gathered.answers:
            said = gathered.answers[0][1]
            receipt, scale, used, negative = said.receipt, said.logit_scale, said.templates, said.negatives
        else:
            card = await self.card(options.model)
            receipt, scale, used, negative = self.receipt_of(card, decode), float("nan"), card.templates or [], None
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
        """Close connections and threads."""
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

    async def _gather(
        self,
        given: Iterator[Source],
        total: Callable[[], int | None],
        ask: Callable[[Sequence[Payload]], Awaitable[A]],
        on_error: OnError,
        progress: bool | None,
        what: str,
        fingerprint: str | None,
    ) -> "_Gathered[A]":
        if on_error not in ("collect", "raise"):
            raise ValueError(f'on_error: got {on_error!r}, there are "collect" and "raise"')
        gathered: _Gathered[A] = _Gathered()
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
        from daguerre.errors import NotFoundError

        raise NotFoundError(
            f"model: there is no {model!r} here; there are: {', '.join(card.id for card in cards)}",
            code="unknown_model",
            status=404,
            param="model",
        )

    @staticmethod
    def receipt_of(card: ModelCard, decode: Decode | None) -> Receipt:
        """What the receipt of an answer would say, where nothing was asked."""
        return Receipt(
            model=card.id,
            revision=card.revision,
            fingerprint=card.fingerprint_of(decode),
            precision=card.precision,
            provider=card.provider,
            decode=decode or card.decode,
            demonstration=card.demonstration,
            notice=card.notice,
        )

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"


class _Gathered(Generic[A]):
    """The parts of a run, put together."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.truncated: list[int] = []
        self.answers: list[tuple[list[int], A]] = []
        self._errors: list[ItemError] = []

    @property
    def errors(self) -> Errors:
        return Errors(self._errors)

    def add(self, part: Part[A], on_error: OnError, fingerprint: str | None) -> None:
        self.ids += [source.id for source in part.sources]
        for i, failure in sorted(part.failures.items()):
            failed = ItemError(part.start + i, part.sources[i].id, failure.code, failure.message)
            if on_error == "raise":
                raise ItemFailedError(failed, request_id=part.answer.request_id if part.answer else None)
            self._errors.append(failed)
        if part.answer is None:
            return
        expect(fingerprint, part.answer.receipt)
        self.truncated += [part.start + part.rows[i] for i in part.answer.truncated]
        self.answers.append(([part.start + row for row in part.rows], part.answer))

    def spread(self, pick: Callable[[A], Float], width: int) -> Float:
        """Rows of all answers in their places, (n, width); NaN where there is none."""
        every = np.full((len(self.ids), width), np.nan, np.float32)
        for places, answer in self.answers:
            if (rows := pick(answer)).shape[1]:  # otherwise all of them have failed
                every[places] = rows
        return every


def expect(fingerprint: str | None, receipt: Receipt) -> None:
    """Raise FingerprintMismatchError where another fingerprint than the receipt's was expected."""
    if fingerprint not in (None, receipt.fingerprint):
        raise FingerprintMismatchError(
            f"fingerprint: {fingerprint} was expected, the server's {receipt.model} has {receipt.fingerprint} "
            f"(decode {receipt.decode}); ask for the model and the decode setting that made the others",
            code="fingerprint_mismatch",
        )


def _warn(text: str) -> None:
    """Warn at the line that called embed or zero_shot, be it in this thread or in that of a Client."""
    kept = _KEPT.get()
    if kept is None:
        warnings.warn(text, DaguerreWarning, stacklevel=4)
    else:
        kept.append(text)


def _given(
    images: Images | None, texts: Texts | None, ids: Sequence[str] | None
) -> tuple[Iterator[Source], Callable[[], int | None]]:
    if (images is None) == (texts is None):
        raise ValueError(
            f"give images or texts, {'both at once cannot be told apart' if texts is not None else 'one of them'}; "
            "for both, call it twice"
        )
    if isinstance(ids, str):
        raise TypeError(f"ids: got a str, {ids!r:.60}; give a list, one for each item")
    if images is not None:
        return sources.images(images, ids), lambda: sources.count(images)
    assert texts is not None
    return sources.texts(texts, ids), lambda: sources.count([texts] if isinstance(texts, str) else texts)


def _transport(url: str, api_key: str | None, timeout: float, in_flight: int) -> Transport:
    scheme, found, _ = url.partition("://")
    if found and scheme in ("http", "https"):
        from daguerre.http_transport import HttpTransport

        return HttpTransport(url, api_key=api_key, timeout=timeout, concurrency=in_flight)
    if found and scheme in ("grpc", "grpcs"):
        from daguerre.grpc_transport import GrpcTransport

        return GrpcTransport(url, api_key=api_key, timeout=timeout)
    raise ValueError(f"url: {url!r} has no scheme that is known; begin it with http://, https://, grpc:// or grpcs://")


def _synchronous(
    method: "Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]",
) -> "Callable[Concatenate[Client, P], T]":
    """A method of AsyncClient as one that waits: the same signature, the same docstring."""

    @functools.wraps(method)
    def call(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(method(self.asynchronous, *args, **kwargs))

    return call


def _made(init: "Callable[Concatenate[AsyncClient, P], None]") -> "Callable[Concatenate[Client, P], None]":
    @functools.wraps(init)
    def call(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> None:
        self.asynchronous = AsyncClient.__new__(AsyncClient)
        init(self.asynchronous, *args, **kwargs)
        self._begin()

    return call


class Client:
    __doc__ = (AsyncClient.__doc__ or "").replace(
        "for asynchronous code. `Client` has the same methods for all other code.",
        "in a notebook or a script. `AsyncClient` has the same methods for asynchronous code.",
    )

    asynchronous: AsyncClient

    __init__ = _made(AsyncClient.__init__)
    embed = _synchronous(AsyncClient.embed)
    zero_shot = _synchronous(AsyncClient.zero_shot)
    embed_corpus = _synchronous(AsyncClient.embed_corpus)
    models = _synchronous(AsyncClient.models)
    ping = _synchronous(AsyncClient.ping)

    def _begin(self) -> None:
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_live, args=(self._loop, self.asynchronous), name="daguerre", daemon=True)
        thread.start()
        self._finalizer = weakref.finalize(self, _end, self._loop, self.asynchronous, thread, self._process)

    def close(self) -> None:
        """Close connections and threads. A client that is forgotten closes itself."""
        self._finalizer()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._process != os.getpid() or self._loop.is_closed():
            work.close()
            raise RuntimeError(
                "this client is closed; make another one"
                if self._process == os.getpid()
                else "this client was made before a fork; make one in each process"
            )
        begun: list[asyncio.Task[Any]] = []

        said: list[str] = []

        async def watched() -> T:
            task = asyncio.current_task()
            assert task
            begun.append(task)
            _KEPT.set(said)
            return await work

        future = asyncio.run_coroutine_threadsafe(watched(), self._loop)
        try:
            result = future.result()
        except CancelledError:
            raise RuntimeError("this client was closed while it worked; make another one") from None
        except BaseException:
            if not future.done():  # Ctrl-C: what is under way ends first, a second Ctrl-C does not wait for it
                for task in begun:
                    self._loop.call_soon_threadsafe(task.cancel)
                if begun:
                    wait([future])
                else:  # not even begun: there is nothing to wait for
                    future.cancel()
            raise
        for text in said:
            warnings.warn(text, DaguerreWarning, stacklevel=3)
        return result

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.asynchronous.url!r})"


def _end(loop: asyncio.AbstractEventLoop, client: AsyncClient, thread: threading.Thread, process: int) -> None:
    """Close `client` in its loop, and the loop; not in a fork, which has neither its thread nor its sockets."""
    if process != os.getpid() or loop.is_closed():
        return
    loop.call_soon_threadsafe(loop.stop)
    if threading.current_thread() is not thread:  # where the garbage collector may come by as well
        thread.join(2)


def _live(loop: asyncio.AbstractEventLoop, client: AsyncClient) -> None:
    """A client's thread. What is still under way when its loop is stopped is cancelled, so that nobody waits for it."""
    loop.run_forever()
    loop.run_until_complete(_last(client))
    loop.close()


async def _last(client: AsyncClient) -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await client.close()
    await asyncio.get_running_loop().shutdown_asyncgens()
