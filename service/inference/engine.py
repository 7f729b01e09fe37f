"""The engine that pipelines use: models by name, their processors, and batchers that run them.

It does not depend on where encoders run, which service/inference/placement.py decides.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar, cast, get_args

import numpy as np
import onnxruntime
import PIL
from numpy.typing import NDArray

from models.analysers.folder import AnalyserFolder
from models.analysers.spec import Analyser, AnalyserSpec, Kind
from models.analysers.table import code_of
from models.analysers.vision_language import DECODER
from models.catalog.folder import GRAPHS, ModelFolder
from models.catalog.rows import CATALOG
from models.catalog.spec import Modality, ModelSpec
from models.encoders import processors
from models.encoders.processors import ImageProcessor, TextProcessor
from models.errors import ItemError, quoted
from models.images.decoding import DecodeMode, ImageLimits, LargeImage, RequestDecode
from models.images.gpu_jpeg import JpegDecoder
from models.stopping import Check
from service import __version__
from service.errors import NotFound, Unavailable, Unprocessable
from service.inference import switches
from service.inference.analyses import Analyses
from service.inference.batching import Key, QueueSlots
from service.inference.devices import gpu_jpegs
from service.inference.fair_threads import FairThreads, FairTurns
from service.inference.label_cache import LabelCache
from service.inference.placement import Placement, locate_all
from service.inference.sessions import Served
from service.settings import CORES, Settings

logger = logging.getLogger("daguerre.engine")
ANALYSES = max(1, CORES // 2)  # long computations at once; the encoders have the other cores
T = TypeVar("T")
REPEATS = 48  # images by which it is tried whether vectors depend on their batch
SMALL_IMAGE = 2**25  # bytes of memory while an image is decoded that are not counted


@dataclass(frozen=True)
class Model:
    """A model that the server runs."""

    spec: ModelSpec
    folder: ModelFolder
    images: ImageProcessor | None
    texts: TextProcessor | None
    provider: str
    receipts: Mapping[DecodeMode, Mapping[str, Any]]  # how its vectors are computed


@dataclass(frozen=True, kw_only=True)
class CachedImage:
    """An image that was encoded before: its raw vector, (d_raw,) float32, or the error that it was refused with."""

    row: NDArray[np.float32] | None = None
    first_of_many: bool = False
    error: ItemError | None = None


class VectorCache(Protocol):
    """Images that were encoded before."""

    def key(self, image: bytes, made: Mapping[str, object]) -> bytes:
        """The key of an image; `made` is everything else that determines its vector."""

    def get(self, keys: Sequence[bytes]) -> Mapping[bytes, CachedImage]:
        """The images that are kept, by key."""

    def put(self, images: Mapping[bytes, CachedImage]) -> None:
        """Keep images."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class AnalyserModel:
    """An analyser that the server runs."""

    spec: AnalyserSpec
    code: Analyser
    receipt: Mapping[str, Any]  # how its results are computed


def analyser_receipt(folder: AnalyserFolder, provider: str) -> Mapping[str, Any]:
    """The receipt of an analyser: everything that its results depend on, and versions."""
    spec, versions = folder.spec, {"onnxruntime": onnxruntime.__version__}
    if spec.settings.get("decoder") == DECODER:
        provider = "torch:cpu" if "CPU" in provider or provider == "torch:cpu" else "torch:cuda"
        versions = {name: version(name) for name in ("torch", "transformers") if find_spec(name)}
    return {
        "analyser": spec.name,
        "kind": spec.kind,
        "revision": spec.source.revision,
        "fingerprint": spec.fingerprint(),
        "precision": spec.precision,
        "provider": provider if spec.parts else "none",
        "demonstration": spec.demonstration,
        "notice": spec.notice,
        "made_with": {"daguerre": __version__, **versions, "pillow": PIL.__version__},
    }


def _receipt(folder: ModelFolder, provider: str, decode: DecodeMode, made_with: Mapping[str, str]) -> Mapping[str, Any]:
    spec = folder.spec
    return {
        "model": spec.name,
        "revision": spec.source.revision,
        "fingerprint": spec.fingerprint(decode),
        "precision": spec.precision,
        "provider": provider,
        "decode": decode,
        "demonstration": spec.demonstration,
        "notice": spec.notice,
        "made_with": {
            "daguerre": __version__,
            "onnxruntime": onnxruntime.__version__,
            "pillow": PIL.__version__,
            **made_with,
            **{f"export_{name}": version for name, version in folder.made_with.items()},
        },
    }


class Engine:
    """Loaded models.

    `start` returns when every model has been loaded and run once; `ready` is False until then. `located` returns the
    folders to serve, where they are looked for elsewhere.
    """

    def __init__(self, settings: Settings, placement: Placement, located: Callable[[], Served] | None = None) -> None:
        self.settings = settings
        self.labels = LabelCache(settings.label_cache)
        self.vectors: VectorCache | None = None
        self._repeatable: set[str] = set()
        self._placement = placement
        self._located = located or (lambda: locate_all(settings))
        self._models: Mapping[str, Model] = {}
        self._analysers: Sequence[AnalyserModel] = ()
        self._jpegs: JpegDecoder | None = None
        self._threads = FairThreads(settings.decode_threads, name="decode", memory=settings.max_decoded_bytes)
        self._pictures = FairTurns(2 * CORES + 2, memory=settings.max_decoded_bytes)
        self._video_threads = ThreadPoolExecutor(settings.videos, thread_name_prefix="video")
        self.viewing = asyncio.Semaphore(settings.videos)
        self._computations = Analyses(ANALYSES)
        self._failed = False
        self.ready = False

    async def start(self) -> None:
        """Find the models, export them if necessary, load them by the placement, and warm up."""
        try:
            served = await self.in_thread(self._located)
            self._jpegs = await self.in_thread(lambda: gpu_jpegs(self.settings))
            await self._placement.start(served)
            self._models = await self.in_thread(lambda: {f.spec.name: self._open(f) for f in served.models})
            self._analysers = await self.in_thread(lambda: [self._opened(f) for f in served.analysers])
            await self._warm_up()
        except Exception:
            self._failed = True
            logger.exception("the models could not be started")
            raise
        self.ready = True
        logger.info("ready: %s", ", ".join(self._models))

    def close(self) -> None:
        """Refuse further work and release the threads."""
        self.ready = False
        self._placement.close()
        self._threads.close()
        self._video_threads.shutdown(wait=False, cancel_futures=True)
        self._computations.close()

    @property
    def models(self) -> Mapping[str, Model]:
        """The models by name; the first is the default."""
        self._require_ready()
        return self._models

    def model(self, name: str | None) -> Model:
        """The model called `name`; the default model for None."""
        models = self.models
        if name is None:
            return next(iter(models.values()))
        if name not in models:
            served = ",".join([*models, name])
            way = f"; start the server with DAGUERRE_MODELS={served} to have it" if name in CATALOG else ""
            raise NotFound(
                f"model: there is no {quoted(name)} here; there are: {', '.join(models)}{way}",
                code="unknown_model",
                param="model",
            )
        return models[name]

    def analyser(self, kind: Kind, name: str | None) -> AnalyserModel:
        """The analyser of `kind` called `name`; the first of its kind for None. Raises Forbidden where it is off."""
        self._require_ready()
        switches.require(self.settings, [kind])
        of_kind = {each.spec.name: each for each in self._analysers if each.spec.kind == kind}
        if name is None and of_kind:
            return next(iter(of_kind.values()))
        if name is None or name not in of_kind:
            asked = f"there is no {quoted(name)} among" if name else "there is none among"
            first = "" if of_kind else "; where none is built in, a model is imported first (python -m models import)"
            raise NotFound(
                f"analysers.{kind}: {asked} the analysers of this server ({', '.join(of_kind) or 'none of this kind'});"
                " GET /v1/analysers lists them, and DAGUERRE_ANALYSERS names those that the server starts with"
                f"{first}",
                code="unknown_model",
                param=f"analysers.{kind}.model",
            )
        return of_kind[name]

    @property
    def analysers(self) -> Sequence[AnalyserModel]:
        """The analysers that the server was started with."""
        self._require_ready()
        return self._analysers

    def batcher(self, modality: Modality) -> QueueSlots:
        """The batcher that runs rows of `modality`."""
        return QueueSlots(self._placement.batcher(modality), modality)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run `work` in a decoding thread, which the requests use in turn."""
        return await self._threads.run(work)

    async def decode(self, work: Callable[[ImageLimits], T]) -> T:
        """Run `work`, which decodes one image within the limits that it is given, in a decoding thread.

        The memory of an image that needs much is reserved first, by the size in its header.
        """
        limits = self.settings.image_limits
        try:
            return await self.in_thread(lambda: work(replace(limits, max_memory=SMALL_IMAGE)))
        except LargeImage as exc:
            memory = exc.memory
        return await self._threads.run(lambda: work(limits), memory=memory)

    @asynccontextmanager
    async def picture(self, work: Callable[[ImageLimits], T]) -> AsyncIterator[T]:
        """Decode one image as `decode` does, and hold one of the places for decoded pictures while it is used."""
        try:
            async with self._pictures.turn():
                decoded = await self.in_thread(
                    lambda: work(replace(self.settings.image_limits, max_memory=SMALL_IMAGE))
                )
                yield decoded
            return
        except LargeImage as exc:
            memory = exc.memory
        async with self._pictures.turn(memory):
            yield await self._threads.run(lambda: work(self.settings.image_limits), memory=memory)

    async def in_video_thread(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread for videos, so that images and texts need not wait for it."""
        return await asyncio.get_running_loop().run_in_executor(self._video_threads, work)

    async def compute(self, work: Callable[[Check], T]) -> T:
        """Run `work`, a computation without a model that may be long and calls its argument between its steps.

        There it waits while computations of other callers have their turns, and ends if its caller has left.
        """
        return await self._computations.compute(work)

    def _require_ready(self) -> None:
        if not self.ready:
            raise Unavailable(
                "the models could not be started; the server's log says why"  # not the answer: it may name paths
                if self._failed
                else "the models are being loaded",
                retry_after=None if self._failed else 5,
            )

    def _opened(self, folder: AnalyserFolder) -> AnalyserModel:
        receipt = analyser_receipt(folder, self._placement.provider)
        return AnalyserModel(folder.spec, code_of(folder.spec)(folder.spec, folder.path), receipt)

    def _open(self, folder: ModelFolder) -> Model:
        if folder.graphs < GRAPHS and folder.spec.text and folder.spec.text.pooling == "mean":
            logger.warning(
                "%s: vectors of texts depend on their batch in the last bits; import or export it again",
                folder.spec.name,
            )
        return Model(
            folder.spec,
            folder,
            processors.image_processor(folder, self._jpegs),
            processors.text_processor(folder),
            self._placement.provider,
            self._receipts(folder),
        )

    def _receipts(self, folder: ModelFolder) -> Mapping[DecodeMode, Mapping[str, Any]]:
        """A receipt for each decode mode of this server: "gpu" is one only where the settings ask for it."""
        modes: dict[DecodeMode, Mapping[str, str]] = {mode: {} for mode in get_args(RequestDecode)}
        if self._jpegs:
            modes["gpu"] = self._jpegs.made_with
        return {decode: _receipt(folder, self._placement.provider, decode, modes[decode]) for decode in modes}

    async def _warm_up(self) -> None:
        """Run one row, then more rows than there are lanes, of every shape, so that memory is allocated in advance."""
        for model in self._models.values():
            spec = model.spec
            rows: list[tuple[Key, np.ndarray[Any, Any], int]] = []
            if spec.image:
                side = spec.image.preprocess.size
                image = np.zeros((side, side, 3), np.uint8)
                rows.append((Key(spec.name, "image", side), image, self.settings.lanes + 1))
            if model.texts:
                for text in ("warm", "warm " * 100):
                    ids = model.texts.preprocess([text])[0].ids
                    rows.append((Key(spec.name, "text", model.texts.shape_bucket(ids)), ids, self.settings.lanes + 1))
            for key, row, most in rows:
                for n in (1, most):
                    with self.batcher(cast(Modality, key.part)).admit(n) as caller:
                        await asyncio.gather(*(caller.submit(key, row) for _ in range(n)))
            if self.vectors is not None and spec.image and await self._is_repeatable(spec):
                self._repeatable.add(spec.name)

    async def _is_repeatable(self, spec: ModelSpec) -> bool:
        """Whether images of noise have the same vectors, bit for bit, alone and in batches with others."""
        assert spec.image is not None
        side = spec.image.preprocess.size
        images = np.random.default_rng(0).integers(0, 256, (REPEATS, side, side, 3), np.uint8)
        key = Key(spec.name, "image", side)
        with self.batcher("image").admit(REPEATS) as caller:
            together = await asyncio.gather(*(caller.submit(key, image) for image in images))
        alone = []
        for image in images[:: REPEATS // 6]:
            with self.batcher("image").admit(1) as caller:
                alone.append(await caller.submit(key, image))
        same = all(np.array_equal(a, b) for a, b in zip(alone, together[:: REPEATS // 6], strict=True))
        if not same:
            logger.warning("%s: vectors depend on their batch in the last bits, and are not cached", spec.name)
        return same

    def cache_of(self, model: Model) -> VectorCache | None:
        """The cache of vectors, where those of this model's images do not depend on what else is in their batch."""
        return self.vectors if model.spec.name in self._repeatable else None


def require(processor: T | None, modality: str, spec: ModelSpec) -> T:
    """The processor. Raises Unprocessable if the model does not accept the modality."""
    if processor is None:
        raise Unprocessable(
            f"model {spec.name!r} takes no {modality}s, only {' and '.join(spec.modalities)}s; choose another model",
            code="unsupported_modality",
            param="input",
        )
    return processor
