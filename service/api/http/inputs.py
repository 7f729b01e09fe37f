"""Items and vectors of HTTP requests: in the JSON, in form parts, or in uploaded files."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from models.stopping import Check
from service.api.inputs import of_file, of_folder, refuse_videos, vector_input
from service.api.vectors import of_base64
from service.context import Context
from service.errors import Unprocessable
from service.pipelines.face_blocks import check_face_vectors
from service.pipelines.frames import VideoInput
from service.pipelines.items import Item, VectorInput
from service.pipelines.references import names_collection, representations_of, resolved
from service.schemas.items import Post, Vectors
from service.schemas.representations import Representation, RepresentationsRequest
from service.schemas.video import Sampling
from service.stores.files import FileStore
from service.stores.npy import InvalidArray, read_array

R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class FormParts:
    """Files and texts of a form: items in their order, and parts with their own names."""

    inputs: tuple[Item, ...] = ()
    named: Mapping[str, bytes] = field(default_factory=dict)


class Sampled(Protocol):
    """A request with an optional `sampling` of video frames."""

    @property
    def sampling(self) -> Sampling | None: ...


async def items_of(
    posts: Sequence[Post] | None,
    files: FormParts,
    options: Sampled | None,
    store: FileStore,
    owner: str | None,
) -> Sequence[Item] | None:
    """Items of the JSON or of the form's parts, videos with their sampling.

    Raises Unprocessable if there are both, NotFound for an unknown file.
    """
    if posts is not None and files.inputs:
        raise Unprocessable(
            "input: is in the request and in other parts of the form; send the items once", param="input"
        )
    general = (options.sampling if options else None) or Sampling()
    if posts is None:
        return [_sampled(item, general) for item in files.inputs] or None
    if not any(item.video is not None for item in posts):
        return [_still(item) for item in posts]
    return await asyncio.to_thread(lambda: [_item(item, general, store, owner) for item in posts])


def _sampled(item: Item, sampling: Sampling) -> Item:
    return item if item.video is None else replace(item, video=replace(item.video, sampling=sampling))


def _still(item: Post) -> Item:
    """An item that is no video."""
    return Item(text=item.text, image=item.image, id=item.id, crop=None if item.crop is None else item.crop.of_models())


def _item(item: Post, general: Sampling, store: FileStore, owner: str | None) -> Item:
    if item.video is None:
        return _still(item)
    source = item.video if isinstance(item.video, str) else store.video(item.video.file, owner).path
    return Item(video=VideoInput(source, item.sampling or general), id=item.id)


async def items_without_video(
    posts: Sequence[Post] | None, files: FormParts, store: FileStore, owner: str | None
) -> Sequence[Item] | None:
    """Items of a request that takes no videos. Raises Unprocessable."""
    items = await items_of(posts, files, None, store, owner)
    refuse_videos(items)
    return items


def vectors_of(
    blocks: Sequence[Vectors] | None,
    files: FormParts,
    store: FileStore,
    owner: str | None,
    check: Check = lambda: None,
) -> Sequence[VectorInput] | None:
    """Decode vectors and read files; call it in a thread. Raises Unprocessable, NotFound."""
    if blocks is None:
        if files.named:
            name = next(iter(files.named))
            raise Unprocessable(f"{name}: has no entry in request.vectors; add one", param="vectors")
        return None
    return [block(each, files.named.get(f"{each.modality}_vectors"), store, owner, check) for each in blocks]


async def read_vectors(
    context: Context, blocks: Sequence[Vectors] | None, files: FormParts, owner: str | None, *, faces: bool = False
) -> Sequence[VectorInput] | None:
    """`vectors_of`, in a thread if there are any; `faces`: whether those of faces are taken."""
    if blocks is None:
        return vectors_of(blocks, files, context.files, owner)
    found = await context.parsing.compute(lambda check: vectors_of(blocks, files, context.files, owner, check))
    check_face_vectors(context.settings, context.engine(), found, taken=faces)
    return found


async def vectors_or_collection(
    context: Context, request: R, files: FormParts, owner: str | None, *, faces: bool = False
) -> tuple[R, Sequence[VectorInput] | None]:
    """The vectors of a request, or those of the items of its collection, whose ids and texts it then has.

    `faces`: whether vectors of faces are taken. Raises Unprocessable, NotFound, Forbidden.
    """
    if names_collection(request) and not files.named:
        return await context.parsing.compute(lambda check: resolved(request, context.collections, owner, check))
    return request, await read_vectors(context, getattr(request, "vectors", None), files, owner, faces=faces)


async def read_representations(
    context: Context, request: RepresentationsRequest, files: FormParts, owner: str | None
) -> tuple[RepresentationsRequest, Sequence[VectorInput]]:
    """Vectors of several representations, in a thread; those of collections are described in the request.

    Raises Unprocessable, NotFound.
    """
    blocks = request.vectors
    parts = [f"vectors[{i}]" for i in range(len(blocks))]
    for name in files.named:
        if name not in parts:
            raise Unprocessable(
                f"{name}: has no entry in request.vectors, which has {len(blocks)}; add one, or leave the part out",
                param="vectors",
            )

    def read(check: Check) -> tuple[RepresentationsRequest, Sequence[VectorInput]]:
        pairs = zip(blocks, parts, strict=True)
        return representations_of(
            request,
            context.collections,
            owner,
            check,
            [
                None
                if each.collection is not None and part not in files.named
                else block(each, files.named.get(part), context.files, owner, check, name=part)
                for each, part in pairs
            ],
        )

    found = await context.parsing.compute(read)
    check_face_vectors(context.settings, context.engine(), found[1], taken=False)
    return found


def block(
    header: Vectors, part: bytes | None, store: FileStore, owner: str | None, check: Check, *, name: str | None = None
) -> VectorInput:
    """Vectors of one modality, or of one representation; `name` is that of the part of a form."""
    at = "vectors" if name is None else name
    name = name or f"{header.modality}_vectors"
    stored = isinstance(header, Representation) and header.collection is not None
    if sum(each is not None for each in (part, header.data, header.file, header.folder)) + stored != 1:
        what = header.name if isinstance(header, Representation) else f"{header.modality} vectors"
        raise Unprocessable(f"{at}: send {what} as data, a file, a folder, or the part {name} of a form", param=at)
    if header.folder is not None:
        return of_folder(header.model_dump(), store, owner, check)
    if header.file is not None:
        return of_file(header.model_dump(), store, owner)
    rows = (
        of_base64(header.data, header.dimension)
        if header.data is not None
        else _npy(part or b"", header.dimension, name)
    )
    return vector_input(header.model_dump(), rows)


def _npy(part: bytes, dimension: int, name: str) -> NDArray[np.float32]:
    try:
        rows = read_array(part)
    except InvalidArray as exc:
        raise Unprocessable(f"{name}: is no .npy file of numbers; write it with numpy.save", param=name) from exc
    if rows.ndim != 2 or rows.dtype.kind != "f" or rows.shape[1] != dimension:
        raise Unprocessable(
            f"{name}: an array of {str(rows.dtype)[:60]} {str(rows.shape)[:60]}, expected floats (items, {dimension})",
            param=name,
        )
    return rows.astype(np.float32, copy=False)
