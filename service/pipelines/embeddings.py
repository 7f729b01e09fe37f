"""Embeddings: unit vectors of items."""

from collections.abc import Sequence
from dataclasses import replace

from models.catalog.spec import ModelSpec
from models.images.decoding import DecodeMode
from models.vectors import l2
from service.errors import Unprocessable
from service.inference.engine import Engine, Model
from service.pipelines.encode import Encoded, encode
from service.pipelines.items import Item
from service.pipelines.video import ProgressMonitor
from service.schemas.common import OnError


async def embed(
    engine: Engine,
    model: Model,
    items: Sequence[Item],
    *,
    dimensions: int | None = None,
    decode: DecodeMode,
    on_error: OnError,
    monitor: ProgressMonitor | None = None,
) -> Encoded:
    """Embed `items`; `monitor` receives the progress of videos.

    Raises the errors of `encode`, and Unprocessable for a dimension that the model does not have.
    """
    spec = model.spec
    check_dimensions(spec, dimensions)
    encoded = await encode(
        engine, model, items, operation="embeddings", decode=decode, on_error=on_error, monitor=monitor
    )
    if dimensions in (None, spec.dimension):
        return encoded
    vectors = l2(encoded.vectors[:, :dimensions])
    videos = {i: replace(video, rows=l2(video.rows[:, :dimensions])) for i, video in encoded.videos.items()}
    for i, video in videos.items():
        vectors[i] = video.vector()[0]
    return replace(encoded, vectors=vectors, videos=videos)


def check_dimensions(spec: ModelSpec, dimensions: int | None) -> None:
    """Raise Unprocessable for a dimension that the model does not have."""
    if dimensions not in (None, spec.dimension, *spec.matryoshka):
        raise Unprocessable(
            f"dimensions: {dimensions} was asked for, model {spec.name!r} has {spec.dimension}; leave it out",
            param="dimensions",
        )
