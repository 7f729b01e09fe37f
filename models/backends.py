"""Choice of the backend that runs a model's graph: ONNX Runtime, or torch with the weights of its source folder."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.analysers.folder import AnalyserFolder
from models.analysers.spec import Arrays
from models.catalog.folder import ModelFolder, source_path
from models.catalog.rows import CATALOG
from models.catalog.spec import Modality
from models.errors import ModelUnavailable
from models.images.gpu_jpeg import JpegDecoder
from models.sessions.exact import require_exact_products
from models.sessions.onnx import OnnxSession

Backend = Literal["onnx", "torch"]


class Session(Protocol):
    """The step of an encoder that runs on the device."""

    provider: str

    def run(self, stack: NDArray[Any]) -> NDArray[np.float32]:
        """Compute raw vectors (n, d) float32 from n collated rows. Thread-safe."""


def open_session(
    folder: ModelFolder,
    modality: Modality,
    *,
    home: Path,
    backend: Backend = "onnx",
    device: str = "cpu",
    threads: int = 0,
    torch: Mapping[str, Any] | None = None,
    **onnx: Any,
) -> Session:
    """Open the graph of `modality`.

    Parameters
    ----------
    torch : further arguments of `torch_graphs.session`.
    onnx : further arguments of OnnxSession.

    Raises
    ------
    ModelUnavailable : the backend does not support the device or the precision, or the source folder for torch is gone.
    """
    spec = folder.spec
    if backend == "torch" and spec.name not in CATALOG:
        try:
            load = import_module("models.sources.torch_graphs").session
        except ModuleNotFoundError as exc:
            raise ModelUnavailable(f"backend: torch needs {exc.name}: pip install 'daguerre-service[export]'") from exc
        session: Session = load(
            spec,
            modality,
            source_path(spec.name, home),
            device=device,
            threads=threads,
            **(torch or {}),
        )
        return session
    if spec.precision == "bf16":
        raise ModelUnavailable(f"model {spec.name!r} is in bf16, which only torch runs: set DAGUERRE_BACKEND=torch")
    if spec.precision == "int8":
        if device != "cpu":
            raise ModelUnavailable(f"model {spec.name!r} is in int8, which is for CPUs; use fp16 on {device}")
        require_exact_products()
    return OnnxSession(folder.path / f"{modality}.onnx", device=device, threads=threads, **onnx)


def open_jpegs(device: str) -> JpegDecoder:
    """Open the decoder of JPEGs on the GPU `device`, and try it.

    Raises
    ------
    ModelUnavailable : torch or torchvision is not installed, or its decoder does not work there.
    """
    try:
        load = import_module("models.sessions.gpu_jpeg").open_decoder
    except ModuleNotFoundError as exc:
        raise ModelUnavailable(f"decode: gpu needs {exc.name}: pip install 'daguerre-service[export]'") from exc
    decoder: JpegDecoder = load(device)
    return decoder


class ChatSession(Protocol):
    """The network of a vision-language model."""

    def compute(self, part: str, stacks: Arrays) -> Arrays:
        """The outputs (n, …) of a part for the stacked inputs of n rows. Thread-safe."""


def open_chat(folder: AnalyserFolder, *, home: Path, device: str, threads: int) -> ChatSession:
    """Open the network of a vision-language model, with the weights of the folder that it was imported from.

    Raises
    ------
    ModelUnavailable : torch or transformers is not installed, the folder has changed, or lacks memory.
    """
    try:
        load = import_module("models.sources.chat_session").ChatSession
    except ModuleNotFoundError as exc:
        raise ModelUnavailable(
            f"model {folder.spec.name!r} needs {exc.name}: pip install 'daguerre-service[chat]'"
        ) from exc
    session: ChatSession = load(folder.spec, source_path(folder.spec.name, home), device=device, threads=threads)
    return session
