"""A model's graph in torch, with the weights of the folder that it was imported from."""

from pathlib import Path
from typing import Any, Literal

from torch import nn

from models.catalog.spec import Modality, ModelSpec
from models.errors import ModelUnavailable
from models.sessions.torch import HALVES, Half, TorchSession, halve_products
from models.sources import describe, networks
from models.sources.export import ImageGraph

HalfMode = Literal["products", "all"]


def session(
    spec: ModelSpec,
    modality: Modality,
    source: Path,
    *,
    device: str,
    threads: int,
    compiled: bool = False,
    cuda_graphs: bool = True,
    half: HalfMode = "products",
    attention: networks.Attention | None = None,
) -> TorchSession:
    """Open the graph of `modality` with the weights in the folder `source`.

    Parameters
    ----------
    half : parts of a model in fp16 or bf16 that are in half precision: products, or all but the input and the vector.
    attention : kernels of the attention. None: "sdpa", which is fused, on a GPU, and "eager" on a CPU.

    Raises
    ------
    ModelUnavailable : the folder does not exist, or its weights have changed since the import.
    """
    if not source.is_dir():
        raise ModelUnavailable(
            f"backend: torch reads the weights of {spec.name!r} in the folder that it was imported from, which no "
            "longer exists; import it again, or set DAGUERRE_BACKEND=onnx"
        )
    described = describe.read_source(source)
    if dict(describe.weights_of(source)) != dict(spec.source.weights):
        raise ModelUnavailable(
            f"backend: the folder that {spec.name!r} was imported from has changed since; import it again under "
            "another name"
        )
    loaded = networks.load(described, attention=attention or ("eager" if device == "cpu" else "sdpa"))
    options: dict[str, Any] = {
        "precision": spec.precision,
        "device": device,
        "threads": threads,
        "compiled": compiled,
        "cuda_graphs": cuda_graphs,
        "autocast": half == "products",
    }
    if modality == "text":
        assert loaded.text is not None
        return TorchSession(_halved(loaded.text, spec, half), **options)
    assert spec.image is not None
    assert loaded.image is not None
    networks.fix_positions(loaded, spec.image.preprocess.size)
    return TorchSession(ImageGraph(_halved(loaded.image, spec, half), spec.image), **options)


def _halved(network: nn.Module, spec: ModelSpec, half: HalfMode) -> nn.Module:
    dtype = HALVES.get(spec.precision)
    if dtype is None:
        return network
    if half == "all":
        return Half(network, dtype)
    halve_products(network, dtype)
    return network
