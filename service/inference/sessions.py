"""Loading of sessions and processors, and maximum batch sizes."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, cast

import numpy as np

from models.analysers.folder import AnalyserFolder
from models.analysers.spec import AnalyserSpec, Arrays
from models.analysers.vision_language import DECODER
from models.backends import Session, open_chat, open_session
from models.catalog.folder import ModelFolder
from models.catalog.spec import Modality
from models.encoders import processors
from models.encoders.processors import Processor
from models.sessions.onnx import OnnxSession
from service.inference.batching import Key, Row
from service.inference.devices import MODALITIES, memory_limits
from service.settings import CORES, Settings

T = TypeVar("T")
PACKED = ".packed"  # beside the folders of models, and none of them
Compute = Callable[[Arrays], Arrays]  # stacked inputs of a batch → stacked outputs
Graph = tuple[str, str]  # the name of a model or the owner of an analyser, and the part


class Sessions(Protocol):
    """The sessions of one graph."""

    def run(self, stacks: Arrays, alone: bool) -> Arrays:
        """Compute the outputs, (n, …) each, of stacked rows; `alone` if no other batch runs or waits."""


@dataclass(frozen=True)
class EncoderSessions:
    """The sessions of an encoder: `shared` for concurrent batches, `solo` for a single batch on all cores."""

    shared: Session
    solo: Session

    def run(self, stacks: Arrays, alone: bool) -> Arrays:
        return ((self.solo if alone else self.shared).run(*stacks),)


class Once(Generic[T]):
    """A function whose result is kept after its first call."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._made: list[T] = []
        self._lock = threading.Lock()

    def __call__(self) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._load())
            return self._made[0]


class AnalyserSessions:
    """The session of one part of an analyser, opened with its first batch: many servers never use it."""

    def __init__(self, load: Callable[[], Compute]) -> None:
        self._load = load
        self._compute: Compute | None = None
        self._lock = threading.Lock()

    def run(self, stacks: Arrays, alone: bool) -> Arrays:
        with self._lock:
            if self._compute is None:
                self._compute = self._load()
        return self._compute(stacks)


@dataclass(frozen=True)
class Served:
    """The folders of all models and analysers that a server was started with."""

    models: Sequence[ModelFolder]
    analysers: Sequence[AnalyserFolder] = ()

    def graphs(self, parts: Sequence[str] = MODALITIES) -> list[Graph]:
        """All graphs, in an order that is the same in every process. Analysers go with images."""
        encoders: list[Graph] = [(f.spec.name, m) for f in self.models for m in f.spec.modalities if m in parts]
        if "image" not in parts:
            return encoders
        return [*encoders, *((owner(f.spec), part) for f in self.analysers for part in f.spec.parts)]


def owner(spec: AnalyserSpec) -> str:
    """The name of an analyser in the keys of its rows."""
    return f"analyser {spec.name}"


def one_batch(served: Served) -> frozenset[str]:
    """The owners of analysers whose network runs one batch at a time: vision-language models, for seconds each."""
    return frozenset(owner(f.spec) for f in served.analysers if f.spec.settings.get("decoder") == DECODER)


def is_encoder(key: Key) -> bool:
    """Whether rows of `key` are a single array, and their answers are raw vectors."""
    return key.part in MODALITIES


def stacked(processors: Mapping[Graph, Processor], key: Key, rows: Sequence[Row]) -> Arrays:
    """The inputs of a graph for a batch of rows."""
    if is_encoder(key):
        return (processors[key.model, cast(Modality, key.part)].collate(rows, cast(int, key.bucket)),)
    return tuple(np.stack(arrays) for arrays in zip(*rows, strict=True))


def unstacked(key: Key, outputs: Arrays) -> Sequence[Row]:
    """The answer of each row of a batch."""
    return list(outputs[0]) if is_encoder(key) else list(zip(*outputs, strict=True))


def open_sessions(
    served: Served, settings: Settings, device: str, modalities: Sequence[Modality] = MODALITIES
) -> Mapping[Graph, Sessions]:
    """Load the graphs of `modalities` on `device`, to which exactly these models are assigned."""
    on_gpu = device != "cpu"
    twice = not on_gpu and settings.backend == "onnx" and settings.solo
    twice = twice and settings.lanes > 1 and settings.threads < CORES
    limits = memory_limits(settings, served.models) if on_gpu else {}

    def load(folder: ModelFolder, modality: Modality) -> Sessions:
        spec = folder.spec
        onnx: dict[str, Any] = {"spinning": settings.spinning}
        if on_gpu:
            limit = limits[spec.name, modality]
            onnx |= {
                "memory_limit": limit,
                "engine_cache": settings.home / "tensorrt",
                "half": spec.precision == "fp16",
            }
        elif settings.packed:
            onnx["packed"] = settings.home / "models" / PACKED
        options = {"home": settings.home, "backend": settings.backend, "device": device, **onnx}
        if settings.backend == "torch":
            options["torch"] = {
                "compiled": settings.torch_compile,
                "cuda_graphs": settings.cuda_graphs,
                "half": settings.torch_half,
            }
        shared = open_session(folder, modality, threads=settings.threads, **options)
        return EncoderSessions(shared, open_session(folder, modality, threads=CORES, **options) if twice else shared)

    def analyser(folder: AnalyserFolder) -> Callable[[str], Compute]:
        """Opens a part of an analyser. The parts of a vision-language model have one network."""
        if folder.spec.settings.get("decoder") == DECODER:
            chat = Once(lambda: open_chat(folder, home=settings.home, device=device, threads=settings.threads))
            return lambda part: partial(chat().compute, part)
        options: dict[str, Any] = {"device": device, "threads": settings.threads, "spinning": settings.spinning}
        return lambda part: OnnxSession(folder.path / f"{part}.onnx", **options).compute

    loaded: dict[Graph, Sessions] = {
        (folder.spec.name, modality): load(folder, modality)
        for folder in served.models
        for modality in modalities
        if modality in folder.spec.modalities
    }
    if "image" in modalities:
        for folder in served.analysers:
            opening = analyser(folder)
            for part in folder.spec.parts:
                loaded[owner(folder.spec), part] = AnalyserSessions(partial(opening, part))
    return loaded


def open_processors(folders: Sequence[ModelFolder]) -> Mapping[Graph, Processor]:
    """The processors of the models, by name and modality."""
    by_key: dict[Graph, Processor | None] = {}
    for folder in folders:
        by_key[folder.spec.name, "image"] = processors.image_processor(folder)
        by_key[folder.spec.name, "text"] = processors.text_processor(folder)
    return {key: processor for key, processor in by_key.items() if processor}


ON_GPU = 32  # images of a batch
BATCHED_TOKENS = 32  # of a text up to which a CPU is faster with a full batch; of 256 tokens one would take seconds


def max_batch(settings: Settings, device: str, served: Served) -> Callable[[Key], int]:
    """The maximum batch size of a key, by the settings or else by the model or analyser and `device`."""
    on_cpu = device == "cpu"
    images = {f.spec.name: settings.max_batch_images or (f.spec.cpu_batch if on_cpu else ON_GPU) for f in served.models}
    parts = {
        (owner(f.spec), name): settings.max_batch_images or (part.cpu_batch if on_cpu else ON_GPU)
        for f in served.analysers
        for name, part in f.spec.parts.items()
    }

    def limit(key: Key) -> int:
        if not is_encoder(key):
            return parts[key.model, key.part]
        if key.part == "image":
            return images[key.model]
        if not on_cpu:
            return settings.max_batch_texts
        tokens = cast(int, key.bucket)
        return max(1, settings.max_batch_texts * min(BATCHED_TOKENS, tokens) // tokens)

    return limit


BUNDLES = 3  # sent to BentoML's batching at once, so that others are on their way while one is computed


def bundle(key: Key) -> int:
    """The number of rows that are sent together to BentoML's batching."""
    return 8 if key.part == "image" else 32
