"""What a request of HTTP gives: items in its JSON or beside it, vectors in it, beside it, or sent ahead as a file."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import Unprocessable
from service.files import FileStore
from service.pipelines.classify import GivenVectors, Post
from service.schema_items import Post as PostSchema
from service.schema_items import Vectors
from service.vectors import of_base64
from service.wire import Files


def posts_of(said: Sequence[PostSchema] | None, files: Files) -> Sequence[Post] | None:
    """Items of the JSON, or of the form's parts. Raises Unprocessable where there are both."""
    if said is not None and files.inputs:
        raise Unprocessable("input: is in the request and beside it; send the items once", param="input")
    if said is not None:
        return [Post(text=item.text, image=item.image, id=item.id) for item in said]
    return [Post(text=item.text, image=item.image, id=item.id) for item in files.inputs] or None


def vectors_of(
    said: Sequence[Vectors] | None, files: Files, store: FileStore, owner: str | None
) -> Sequence[GivenVectors] | None:
    """Decodes, and reads files: for a thread. Raises Unprocessable, NotFound."""
    if said is None:
        if files.named:
            name = next(iter(files.named))
            raise Unprocessable(f"{name}: say in request.vectors what they are of", param="vectors")
        return None
    return [block(each, files.named.get(f"{each.modality}_vectors"), store, owner) for each in said]


def block(said: Vectors, part: bytes | None, store: FileStore, owner: str | None) -> GivenVectors:
    """Vectors of one modality."""
    if (part is not None) + (said.data is not None) + (said.file is not None) != 1:
        raise Unprocessable(
            f"vectors: of {said.modality}s, send either data, a file, or the part {said.modality}_vectors of a form",
            param="vectors",
        )
    if said.file is not None:
        return of_file(said.model_dump(), store, owner)
    rows = of_base64(said.data, said.dimension) if said.data is not None else _npy(part or b"", said)
    return _given(said.model_dump(), rows)


def of_file(said: Mapping[str, Any], store: FileStore, owner: str | None) -> GivenVectors:
    """Vectors that were sent ahead, which stay on disk."""
    found = store.get(said["file"], owner)
    if found.shape[1] != said["dimension"]:
        raise Unprocessable(
            f"vectors: {found.id} holds {found.shape[0]:,} rows of {found.shape[1]} numbers, dimension says "
            f"{said['dimension']}",
            param="vectors",
        )
    return _given(said, found.rows())


def _given(said: Mapping[str, Any], rows: NDArray[np.floating]) -> GivenVectors:
    return GivenVectors(
        modality=said["modality"],
        model=said["model"],
        fingerprint=said["fingerprint"],
        rows=rows,
        receipt=said["receipt"],
    )


def _npy(part: bytes, said: Vectors) -> NDArray[np.float32]:
    name = f"{said.modality}_vectors"
    try:
        rows = np.lib.format.read_array(io.BytesIO(part), allow_pickle=False)
    except (ValueError, EOFError, OSError) as exc:
        raise Unprocessable(f"{name}: is no .npy file of numbers; write it with numpy.save", param=name) from exc
    if rows.ndim != 2 or rows.dtype.kind != "f" or rows.shape[1] != said.dimension:
        raise Unprocessable(
            f"{name}: an array of {rows.dtype} {rows.shape}, expected floats (items, {said.dimension})", param=name
        )
    return rows.astype(np.float32, copy=False)
