"""Loading of sessions and processors, and maximum batch sizes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.backends import Session, open_session
from models.catalog.folder import ModelFolder
from models.catalog.spec import Modality
from models.encoders import processors
from models.encoders.processors import Processor
from service.inference.batching import Key, Row
from service.inference.devices import MODALITIES, memory_limits
from service.settings import CORES, Settings

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Sessions:
    """The sessions of one graph: `shared` for concurrent batches, `solo` for a single batch on all cores."""

    shared: Session
    solo: Session

    def run(self, stack: Row, alone: bool) -> Float:
        return (self.solo if alone else self.shared).run(stack)


Loaded = Mapping[tuple[str, Modality], Sessions]


def open_sessions(
    folders: Sequence[ModelFolder], settings: Settings, device: str, modalities: Sequence[Modality] = MODALITIES
) -> Loaded:
    """Load the graphs of `modalities` on `device`, to which exactly `folders` are assigned."""
    on_gpu = device != "cpu"
    twice = not on_gpu and settings.backend == "onnx" and settings.solo
    twice = twice and settings.lanes > 1 and settings.threads < CORES
    limits = memory_limits(settings, folders) if on_gpu else {}

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
        options = {"home": settings.home, "backend": settings.backend, "device": device, **onnx}
        shared = open_session(folder, modality, threads=settings.threads, **options)
        return Sessions(shared, open_session(folder, modality, threads=CORES, **options) if twice else shared)

    return {
        (folder.spec.name, modality): load(folder, modality)
        for folder in folders
        for modality in modalities
        if modality in folder.spec.modalities
    }


def open_processors(folders: Sequence[ModelFolder]) -> Mapping[tuple[str, Modality], Processor]:
    """The processors of the models, by name and modality."""
    by_key: dict[tuple[str, Modality], Processor | None] = {}
    for folder in folders:
        by_key[folder.spec.name, "image"] = processors.image_processor(folder)
        by_key[folder.spec.name, "text"] = processors.text_processor(folder)
    return {key: processor for key, processor in by_key.items() if processor}


BATCHED_TOKENS = 32  # of a text up to which a CPU is faster with a full batch; of 256 tokens one would take seconds


def max_batch(settings: Settings, device: str, folders: Sequence[ModelFolder]) -> Callable[[Key], int]:
    """The maximum batch size of a key, by the settings or else by the model and `device`."""
    own = {folder.spec.name: folder.spec.cpu_batch if device == "cpu" else 32 for folder in folders}
    images = {name: settings.max_batch_images or best for name, best in own.items()}

    def limit(key: Key) -> int:
        if key.modality == "image":
            return images[key.model]
        if device != "cpu":
            return settings.max_batch_texts
        return max(1, settings.max_batch_texts * min(BATCHED_TOKENS, key.bucket) // key.bucket)

    return limit


BUNDLES = 3  # sent to BentoML's batching at once, so that others are on their way while one is computed


def bundle(key: Key) -> int:
    """The number of rows that are sent together to BentoML's batching."""
    return 8 if key.modality == "image" else 32
