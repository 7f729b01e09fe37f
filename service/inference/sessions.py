"""Loaded sessions and processors, and batch sizes."""

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
    """One graph, loaded: for several batches at once, and for one that has the machine to itself."""

    shared: Session
    solo: Session

    def run(self, stack: Row, alone: bool) -> Float:
        return (self.solo if alone else self.shared).run(stack)


Loaded = Mapping[tuple[str, Modality], Sessions]


def open_sessions(
    folders: Sequence[ModelFolder], settings: Settings, device: str, modalities: Sequence[Modality] = MODALITIES
) -> Loaded:
    """Load the graphs of `modalities` on `device`, which holds `folders` and no other."""
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
        given = {"home": settings.home, "backend": settings.backend, "device": device, **onnx}
        shared = open_session(folder, modality, threads=settings.threads, **given)
        return Sessions(shared, open_session(folder, modality, threads=CORES, **given) if twice else shared)

    return {
        (folder.spec.name, modality): load(folder, modality)
        for folder in folders
        for modality in modalities
        if modality in folder.spec.modalities
    }


def open_processors(folders: Sequence[ModelFolder]) -> Mapping[tuple[str, Modality], Processor]:
    found: dict[tuple[str, Modality], Processor | None] = {}
    for folder in folders:
        found[folder.spec.name, "image"] = processors.image_processor(folder)
        found[folder.spec.name, "text"] = processors.text_processor(folder)
    return {key: processor for key, processor in found.items() if processor}


def max_batch(settings: Settings, device: str, folders: Sequence[ModelFolder]) -> Callable[[Key], int]:
    """The largest batch of a key: what the settings say, or what the model is best with on `device`."""
    own = {folder.spec.name: folder.spec.cpu_batch if device == "cpu" else 32 for folder in folders}
    images = {name: settings.max_batch_images or best for name, best in own.items()}
    return lambda key: images[key.model] if key.modality == "image" else settings.max_batch_texts


BUNDLES = 3  # that travel to BentoML's batching at once: it computes one while others are under way


def bundle(key: Key) -> int:
    """Rows that travel together to where BentoML forms the batches."""
    return 8 if key.modality == "image" else 32
