"""Items and vectors of requests, for both transports."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from models.stopping import Check
from service.errors import Unprocessable
from service.pipelines.items import Item, VectorInput
from service.schemas.common import Receipt
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


def of_folder(header: Mapping[str, Any], store: FileStore, owner: str | None, check: Check) -> VectorInput:
    """Vectors of a folder on the server; call it in a thread. Raises Unprocessable, TooLarge."""
    file = store.of_folder(header["folder"], owner, check)
    assert file.vectors is not None
    assert file.shape is not None
    stated = file.vectors["receipt"]
    own = {
        "modality": file.vectors["modality"] or header["modality"],
        "model": stated["model"],
        "fingerprint": stated["fingerprint"],
        "dimension": file.shape[1],
    }
    for name in ("model", "fingerprint", "dimension"):
        value = own[name]
        if header[name] and header[name] != value:
            raise Unprocessable(
                f"vectors: {name} is {header[name]!r:.100}, and the folder has {value!r:.100}; leave it out",
                param="vectors",
            )
    try:
        receipt = Receipt.model_validate(stated).model_dump()
    except ValidationError:  # of another program
        receipt = None
    return replace(vector_input({**own, "receipt": receipt}, file.rows()), ids=file.ids())


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
