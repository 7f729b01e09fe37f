"""Encoding of items to unit vectors: decoding in threads, shared batches, errors per item."""

import asyncio
import base64
import binascii
import contextvars
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.encoders.processors import ImageProcessor, TextProcessor, Tokens
from models.errors import ImageTooLarge, ItemError, TextError
from models.images.crops import Crop
from models.images.decoding import DecodeMode, ImageLimits, RequestDecode
from models.images.further import is_first_of_many
from service.errors import ItemFailure, ItemsFailed, TooLarge, Unprocessable, item_failure
from service.inference import tracing
from service.inference.batching import Caller, Key, Row
from service.inference.engine import CachedImage, Engine, Model, require
from service.inference.fair_threads import one_request
from service.metrics import DECODE_SECONDS, ITEMS, ITEMS_FAILED
from service.pipelines.concurrency import gather_cancelling
from service.pipelines.frames import FrameResults
from service.pipelines.items import Item
from service.pipelines.video import ProgressMonitor, view
from service.schemas.common import OnError

Float = NDArray[np.float32]
TOKENISE_AT_ONCE = 256  # texts per thread task, short enough not to delay waiting images
TOKENISE_CHARS = 250_000  # characters per thread task, which take a quarter of a second


@dataclass(frozen=True)
class Encoded:
    """Vectors of the usable items, and the failures of the others.

    A video's row is the mean of its frames' vectors, as a unit vector; `videos` has the frames.
    """

    vectors: Float  # (n, d), a row per item; rows of failed items are NaN
    failures: dict[int, ItemFailure]
    tokens: int  # of all texts
    truncated: tuple[int, ...]  # indices of truncated texts
    unknown: tuple[int, ...]  # indices of texts of which the model knows no token
    first_of_many: tuple[int, ...]  # indices of images of whose pictures only the first was read
    videos: Mapping[int, FrameResults] = field(default_factory=dict)  # by index
    cached: int | None = None  # images that were in the cache; None without one


@dataclass
class _Work:
    """State of one request in progress."""

    engine: Engine
    model: Model
    items: Sequence[Item]
    decode: DecodeMode
    failures: dict[int, ItemFailure] = field(default_factory=dict)
    tokens: int = 0
    truncated: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    first_of_many: list[int] = field(default_factory=list)
    videos: dict[int, FrameResults] = field(default_factory=dict)
    monitor: ProgressMonitor | None = None
    cached: int | None = None

    def fail(self, index: int, exc: ItemError) -> None:
        self.failures[index] = item_failure(index, self.items[index].id, exc, self.items[index].crop)
        ITEMS_FAILED.labels(exc.code).inc()


async def encode(
    engine: Engine,
    model: Model,
    items: Sequence[Item],
    *,
    operation: str,
    decode: DecodeMode,
    on_error: OnError,
    monitor: ProgressMonitor | None = None,
) -> Encoded:
    """Encode `items`; `monitor` receives the progress of videos.

    Raises
    ------
    ItemsFailed : under on_error "fail", after all items were checked; names every unusable one.
    TooLarge, Unprocessable : no items, too many, or a modality that the model lacks.
    Overloaded : the queue is full.
    """
    limit = engine.settings.max_items
    if not items:
        raise Unprocessable("input: has no items; send at least one", param="input")
    if len(items) > limit:
        raise TooLarge(
            f"input: has {len(items)} items, the limit is {limit}; send several requests",
            code="too_many_items",
            param="input",
        )
    one_request()
    work = _Work(engine, model, items, decode, monitor=monitor)
    images = [i for i, item in enumerate(items) if item.image is not None]
    videos = [i for i, item in enumerate(items) if item.video is not None]
    texts = [i for i, item in enumerate(items) if item.image is None and item.video is None]
    vectors = np.full((len(items), model.spec.dimension), np.nan, np.float32)
    processor_images = require(model.images, "image", model.spec) if images or videos else None
    processor_texts = require(model.texts, "text", model.spec) if texts else None
    parts = []
    if processor_images and videos:
        parts.append(_videos(work, processor_images, videos, vectors))
    if processor_images and images:
        parts.append(_images(work, processor_images, images, vectors, on_error))
    if processor_texts:
        parts.append(_texts(work, processor_texts, texts, vectors, on_error))
    await gather_cancelling(parts)
    if work.failures and on_error == "fail":
        raise ItemsFailed([work.failures[i] for i in sorted(work.failures)], of=len(items))
    for modality, indices in (("image", images), ("text", texts), ("video", videos)):
        if indices:
            ITEMS.labels(operation, modality).inc(sum(i not in work.failures for i in indices))
    return Encoded(
        vectors,
        work.failures,
        work.tokens,
        tuple(sorted(work.truncated)),
        tuple(sorted(work.unknown)),
        tuple(sorted(work.first_of_many)),
        work.videos,
        work.cached,
    )


def with_cached(receipt: Mapping[str, Any], cached: int | None) -> Mapping[str, Any]:
    """The receipt of an answer, with the number of images that were in the cache."""
    return receipt if cached is None else {**receipt, "cached": cached}


async def _images(
    work: _Work, processor: ImageProcessor, indices: Sequence[int], vectors: Float, on_error: OnError
) -> None:
    engine, spec = work.engine, work.model.spec
    window = asyncio.Semaphore(engine.settings.window)
    raw: dict[int, Row] = {}
    known, parent = _Known(work, indices), tracing.current()
    await known.read()

    def pixels(image: bytes | str, crop: Crop | None, limits: ImageLimits) -> tuple[Row, bool]:
        started = time.perf_counter()
        data = image_bytes(image, limits.max_bytes)
        row = processor.preprocess(data, limits=limits, decode=work.decode, crop=crop)
        many = is_first_of_many(data)
        DECODE_SECONDS.labels("image").observe(seconds := time.perf_counter() - started)
        tracing.record("decode", seconds, parent, modality="image")
        return row, many

    async def one(index: int, caller: Caller) -> None:
        image, crop = work.items[index].image, work.items[index].crop
        assert image is not None
        async with window:
            try:
                row, many = await engine.decode(lambda limits: pixels(image, crop, limits))
            except ItemError as exc:
                work.fail(index, exc)
                known.add(index, CachedImage(error=exc))
                return
            if work.failures and on_error == "fail":
                return  # the request has failed: only find the remaining unusable items
            if many:
                work.first_of_many.append(index)
            raw[index] = await caller.submit(Key(spec.name, "image", processor.shape_bucket(row)), row)
            known.add(index, CachedImage(row=raw[index], first_of_many=many))

    for index, image in known.found.items():
        if image.error is not None:
            work.fail(index, image.error)
        elif image.row is not None:
            raw[index] = image.row
            if image.first_of_many:
                work.first_of_many.append(index)
    missing = [index for index in indices if index not in known.found]
    if missing:
        with engine.batcher("image").admit(len(missing)) as caller:
            await gather_cancelling([one(index, caller) for index in missing])
    known.write()
    if raw:
        vectors[list(raw)] = processor.postprocess(np.stack(list(raw.values())))


class _Known:
    """Images of a request that were encoded before, and those to keep."""

    def __init__(self, work: _Work, indices: Sequence[int]) -> None:
        self._work = work
        self._indices = indices
        self._cache = work.engine.cache_of(work.model)
        self._keys: dict[int, bytes] = {}
        self._new: dict[bytes, CachedImage] = {}
        self.found: dict[int, CachedImage] = {}

    async def read(self) -> None:
        """Look up the images."""
        if self._cache is None:
            return
        cache, engine, items = self._cache, self._work.engine, self._work.items
        limits = engine.settings.image_limits
        made = {"receipt": self._work.model.receipts[self._work.decode], "limits": repr(limits)}

        def look() -> None:
            for index in self._indices:
                with suppress(ItemError):  # it has no bytes, and fails where it is decoded
                    image = image_bytes(items[index].image or b"", limits.max_bytes)
                    self._keys[index] = cache.key(image, {**made, "crop": repr(items[index].crop)})
            known = cache.get(list(self._keys.values()))
            self.found = {index: known[key] for index, key in self._keys.items() if key in known}

        context = contextvars.copy_context()  # the thread must know whose images they are
        await engine.in_thread(lambda: context.run(look))
        self._work.cached = len(self.found)

    def add(self, index: int, image: CachedImage) -> None:
        """Keep an image that was encoded, or refused."""
        if index in self._keys:
            self._new[self._keys[index]] = image

    def write(self) -> None:
        """Give what is new to the cache."""
        if self._cache is not None and self._new:
            self._cache.put(self._new)


async def _videos(work: _Work, processor: ImageProcessor, indices: Sequence[int], vectors: Float) -> None:
    engine, name = work.engine, work.model.spec.name
    tower = work.model.spec.image
    assert tower is not None

    async def run(rows: Sequence[Row]) -> Float:
        with engine.batcher("image").admit(len(rows)) as caller:
            answers = [caller.submit(Key(name, "image", processor.shape_bucket(row)), row) for row in rows]
            raw = np.stack(await asyncio.gather(*answers))
        return processor.postprocess(raw)

    clips = {i: clip for i in indices if (clip := work.items[i].video) is not None}
    decode: RequestDecode = "exact" if work.decode == "gpu" else work.decode  # frames are no JPEGs
    found = await view(engine, clips, target=tower.preprocess, decode=decode, run=run, monitor=work.monitor)
    for i, video in found.items():
        if isinstance(video, FrameResults):
            work.videos[i] = video
            vectors[i] = video.vector()[0]
        else:
            work.fail(i, video)


async def _texts(
    work: _Work, processor: TextProcessor, indices: Sequence[int], vectors: Float, on_error: OnError
) -> None:
    good = []
    for index in indices:
        try:
            check_text(work.items[index].text or "", work.engine.settings.max_text_chars)
            good.append(index)
        except TextError as exc:
            work.fail(index, exc)
    if not good or (work.failures and on_error == "fail"):
        return
    texts = [work.items[i].text or "" for i in good]
    raw, tokens = await raw_texts(work.engine, work.model, processor, texts)
    work.tokens += sum(len(each.ids) for each in tokens)
    work.truncated += [i for i, each in zip(good, tokens, strict=True) if each.truncated]
    work.unknown += [i for i, each in zip(good, tokens, strict=True) if each.unknown]
    vectors[good] = await work.engine.in_thread(lambda: processor.postprocess(raw))


async def raw_texts(
    engine: Engine, model: Model, processor: TextProcessor, texts: Sequence[str]
) -> tuple[Float, list[Tokens]]:
    """Raw vectors of checked texts, (n, d_raw), and their tokens."""
    tokens: list[Tokens] = []
    answers = []
    with engine.batcher("text").admit(len(texts)) as caller:
        async for each in tokenised(engine, processor, texts):
            tokens.append(each)
            key = Key(model.spec.name, "text", processor.shape_bucket(each.ids))
            answers.append(caller.submit(key, each.ids))
        raw = np.stack(await asyncio.gather(*answers))
    return raw, tokens


async def tokenised(engine: Engine, processor: TextProcessor, texts: Sequence[str]) -> AsyncIterator[Tokens]:
    """The tokens of each text, made in threads, some texts at a time."""
    parent = tracing.current()
    for start, end in _parts(texts):
        part = texts[start:end]

        def tokenise(part: Sequence[str] = part) -> list[Tokens]:
            started = time.perf_counter()
            made = processor.preprocess(part)
            DECODE_SECONDS.labels("text").observe(seconds := time.perf_counter() - started)
            tracing.record("tokenise", seconds, parent, texts=len(part))
            return made

        for each in await engine.in_thread(tokenise):
            yield each


def _parts(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Ranges of texts that are tokenised at once."""
    start = chars = 0
    for i, text in enumerate(texts):
        if i > start and (i - start == TOKENISE_AT_ONCE or chars + len(text) > TOKENISE_CHARS):
            yield start, i
            start, chars = i, 0
        chars += len(text)
    if start < len(texts):
        yield start, len(texts)


def check_text(text: str, max_chars: int) -> None:
    """Raise TextError for a text that cannot be embedded."""
    if not text.strip():
        raise TextError("text is empty; leave the item out")
    if len(text) > max_chars:
        raise TextError(f"text has {len(text)} characters, the limit is {max_chars}; send a part of it")
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise TextError(
            f"text holds half of a surrogate pair at character {exc.start}, as of an emoji that was cut; send "
            "whole characters"
        ) from exc


class _NotBase64(ItemError):
    code = "invalid_base64"


class _Url(ItemError):
    code = "url_not_fetched"


def image_bytes(image: bytes | str, max_bytes: int) -> bytes:
    """The bytes of an image, decoded if it is base64 or a data URI."""
    if isinstance(image, bytes):
        return image
    scheme = image[:8].lower()
    if scheme.startswith("data:"):
        head, comma, image = image.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise _NotBase64("image is a data URI without ';base64,'; send data:image/jpeg;base64,<base64 of the file>")
    elif scheme.startswith(("http://", "https://", "file://", "ftp://", "s3://")):
        raise _Url("image is a URL, and this service fetches none; send the file's bytes, in base64 or as an upload")
    if len(image) > max_bytes * 4 // 3 + 4096:
        raise ImageTooLarge(
            f"image has about {len(image) * 3 // 4:,} bytes, the limit is {max_bytes:,}: send a smaller or stronger "
            "compressed version"
        )
    try:
        return binascii.a2b_base64(image.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        try:  # line breaks and missing padding are common and harmless
            bare = "".join(line.strip() for line in image.splitlines())
            return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
        except (binascii.Error, ValueError) as exc:
            raise _NotBase64(
                "image is not base64; send the base64 of the file's bytes, a data URI, or a multipart upload"
            ) from exc
