"""A model's graph in torch, with the weights of the folder that it was imported from."""

from pathlib import Path

from models.catalog.spec import Modality, ModelSpec
from models.errors import ModelUnavailable
from models.sessions.torch import TorchSession
from models.sources import describe, networks
from models.sources.export import ImageGraph


def session(
    spec: ModelSpec, modality: Modality, source: Path, *, device: str, threads: int, compiled: bool
) -> TorchSession:
    """Open the graph of `modality` with the weights in the folder `source`.

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
    loaded = networks.load(described)
    if modality == "text":
        assert loaded.text is not None
        return TorchSession(loaded.text, precision=spec.precision, device=device, threads=threads, compiled=compiled)
    assert spec.image is not None
    assert loaded.image is not None
    networks.fix_positions(loaded, spec.image.preprocess.size)
    graph = ImageGraph(loaded.image, spec.image)
    return TorchSession(graph, precision=spec.precision, device=device, threads=threads, compiled=compiled)
