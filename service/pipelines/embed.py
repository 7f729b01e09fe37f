"""Embeddings: unit vectors of items."""

from collections.abc import Sequence
from dataclasses import replace

from models.embedded.bridge import l2
from models.images import DecodeMode
from service.engine import Engine, Model
from service.errors import Unprocessable
from service.pipelines.encode import Encoded, Input, encode
from service.schema import OnError


async def embed(
    engine: Engine,
    model: Model,
    items: Sequence[Input],
    *,
    dimensions: int | None = None,
    decode: DecodeMode,
    on_error: OnError,
) -> Encoded:
    """Embed `items`. Raises what `encode` raises, and Unprocessable for a dimension that the model does not have."""
    spec = model.spec
    if dimensions not in (None, spec.dimension, *spec.matryoshka):
        raise Unprocessable(
            f"dimensions: {dimensions} was asked for, model {spec.name!r} has {spec.dimension}; leave it out",
            param="dimensions",
        )
    encoded = await encode(engine, model, items, operation="embeddings", decode=decode, on_error=on_error)
    if dimensions in (None, spec.dimension):
        return encoded
    return replace(encoded, vectors=l2(encoded.vectors[:, :dimensions]))
