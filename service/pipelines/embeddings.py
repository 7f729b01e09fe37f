"""Embeddings: unit vectors of items."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.catalog.spec import ModelSpec
from models.images.decoding import DecodeMode
from models.vectors import l2
from service.errors import Unprocessable
from service.inference.engine import Engine, Model
from service.pipelines import answers
from service.pipelines.encode import Encoded, encode, with_cached
from service.pipelines.items import Item
from service.pipelines.operation import Answer, Call, Operation
from service.pipelines.video import ProgressMonitor
from service.schemas.common import OnError
from service.schemas.embeddings import EmbeddingsOptions


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


def to_json(call: Call[EmbeddingsOptions], model: Model, decode: DecodeMode, encoded: Encoded) -> Answer:
    """The answer of /v1/embeddings; vectors are arrays, or bytes where base64 was requested."""
    packed = call.options.encoding_format == "base64"

    def vectors(rows: NDArray[np.float32]) -> list[Answer]:
        little = rows.astype("<f4", copy=False)
        return [{"embedding": row.tobytes() if packed else row} for row in little]

    videos = {
        i: answers.video_block(
            video, vectors(video.rows), None if video.shots is None else vectors(video.vectors_of_shots())
        )
        for i, video in encoded.videos.items()
    }
    entries = answers.entries(
        call.ids(len(encoded.vectors)), encoded.failures, vectors(encoded.vectors), videos, call.items
    )
    return {
        "object": "list",
        "data": [entry if "error" in entry else {"object": "embedding", **entry} for entry in entries],
        "model": model.spec.name,
        "usage": {"prompt_tokens": encoded.tokens, "total_tokens": encoded.tokens},
        "truncated": encoded.truncated,
        "unknown": encoded.unknown,
        "first_of_many": encoded.first_of_many,
        "receipt": with_cached(model.receipts[decode], encoded.cached),
    }


def dimension(call: Call[EmbeddingsOptions]) -> int:
    """The dimension of the vectors that a call returns."""
    return call.options.dimensions or call.engine.model(call.options.model).spec.dimension


def _check(call: Call[EmbeddingsOptions]) -> None:
    check_dimensions(call.engine.model(call.options.model).spec, call.options.dimensions)


async def _run(call: Call[EmbeddingsOptions]) -> Answer:
    engine, options = call.engine, call.options
    model, decode = engine.model(options.model), options.decode or engine.settings.decode
    encoded = await embed(
        engine,
        model,
        call.items or (),
        dimensions=options.dimensions,
        decode=decode,
        on_error=options.on_error,
        monitor=call.monitor,
    )
    return to_json(call, model, decode, encoded)


OPERATION = Operation(name="embeddings", options=EmbeddingsOptions, check=_check, run=_run)
