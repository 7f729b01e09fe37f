"""Items and vectors of requests, for both transports."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import Unprocessable
from service.pipelines.items import Item, VectorInput
from service.stores.files import FileStore

VIDEO = (
    "input[{}]: is a video, and here only images and texts are taken; embed its frames first (POST /v1/embeddings) and "
    "send the vectors, or send frames as images"
)


def refuse_videos(items: Sequence[Item] | None) -> None:
    """Raise Unprocessable for a video in a request that takes only texts and images."""
    for i, item in enumerate(items or ()):
        if item.video is not None:
            raise Unprocessable(
                VIDEO.format(i),
                code="unsupported_modality",
                param=f"input[{i}]",
            )


def of_file(header: Mapping[str, Any], store: FileStore, owner: str | None) -> VectorInput:
    """Vectors of an uploaded file, which stay on disk."""
    found = store.array(header["file"], owner)
    assert found.shape is not None
    if found.shape[1] != header["dimension"]:
        raise Unprocessable(
            f"vectors: {found.id} holds {found.shape[0]:,} rows of {found.shape[1]} numbers, dimension says "
            f"{header['dimension']}",
            param="vectors",
        )
    return vector_input(header, found.rows())


def vector_input(header: Mapping[str, Any], rows: NDArray[np.floating]) -> VectorInput:
    return VectorInput(
        modality=header["modality"],
        model=header["model"],
        fingerprint=header["fingerprint"],
        rows=rows,
        receipt=header["receipt"],
    )
