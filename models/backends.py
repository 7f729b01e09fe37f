"""A model's graph, opened by the backend that is asked for: ONNX Runtime, or torch where its weights still lie."""

from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.catalog.folder import ModelFolder, source_path
from models.catalog.rows import EMBEDDED
from models.catalog.spec import Modality
from models.errors import ModelUnavailable
from models.sessions.exact import require_exact_products
from models.sessions.onnx import OnnxSession

Backend = Literal["onnx", "torch"]


class Session(Protocol):
    """The device's step of an encoder."""

    provider: str

    def run(self, stack: NDArray[Any]) -> NDArray[np.float32]:
        """Raw vectors (n, d) float32 of n collated rows. Thread-safe."""


def open_session(
    folder: ModelFolder,
    modality: Modality,
    *,
    home: Path,
    backend: Backend = "onnx",
    compiled: bool | None = None,
    device: str = "cpu",
    threads: int = 0,
    **onnx: Any,
) -> Session:
    """Open the graph of `modality`; further arguments are OnnxSession's.

    `compiled` is whether torch compiles it; on a GPU, unless told otherwise.

    Raises
    ------
    ModelUnavailable : a device or a precision that the backend cannot have; torch without the model's source.
    """
    spec = folder.spec
    if backend == "torch" and spec.name != EMBEDDED.name:
        try:
            load = import_module("models.sources.torch_graphs").session
        except ModuleNotFoundError as exc:
            raise ModelUnavailable(f"backend: torch needs {exc.name}: pip install 'daguerre-service[export]'") from exc
        made: Session = load(
            spec,
            modality,
            source_path(spec.name, home),
            device=device,
            threads=threads,
            compiled=device != "cpu" if compiled is None else compiled,
        )
        return made
    if spec.precision == "bf16":
        raise ModelUnavailable(f"model {spec.name!r} is in bf16, which torch alone runs: set DAGUERRE_BACKEND=torch")
    if spec.precision == "int8":
        if device != "cpu":
            raise ModelUnavailable(f"model {spec.name!r} is in int8, which is for CPUs; use fp16 on {device}")
        require_exact_products()
    return OnnxSession(folder.path / f"{modality}.onnx", device=device, threads=threads, **onnx)
