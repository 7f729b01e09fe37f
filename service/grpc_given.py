"""What a message of gRPC gives: items, vectors, and options as the schemas have them; and answers as messages."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message

from daguerre_proto.v1 import classifiers_pb2 as pb
from service import grpc_wire
from service.errors import Unprocessable
from service.given import VIDEO, of_file
from service.pipelines.items import GivenVectors, Post
from service.schemas.items import VectorList
from service.schemas.validation import validated
from service.stores.files import FileStore
from service.vectors import of_bytes

M = TypeVar("M", bound=Message)
LONGEST_ID = 1024  # characters, as over HTTP


def posts_of(given: Sequence[pb.Post], *, videos: bool = False) -> list[Post] | None:
    """Items; videos are for the caller to fill in, where they are taken. Raises Unprocessable."""
    found = []
    for i, post in enumerate(given):
        if post.HasField("video"):
            if not videos:
                raise Unprocessable(VIDEO.format(i), code="unsupported_modality", param=f"input[{i}]")
            if post.HasField("text") or post.HasField("image"):
                raise Unprocessable(f"input[{i}]: a video is an item by itself", param=f"input[{i}]")
        elif not (post.HasField("text") or post.HasField("image")):
            raise Unprocessable(f"input[{i}]: has neither text nor image; send one, or both", param=f"input[{i}]")
        if len(post.id) > LONGEST_ID:
            raise Unprocessable(
                f"input[{i}].id: has {len(post.id)} characters, at most {LONGEST_ID}", param=f"input[{i}].id"
            )
        found.append(
            Post(
                text=post.text if post.HasField("text") else None,
                image=post.image if post.HasField("image") else None,
                id=post.id if post.HasField("id") else None,
            )
        )
    return found or None


def vectors_of(given: Sequence[pb.Vectors], store: FileStore, owner: str | None) -> list[GivenVectors] | None:
    """Raises Unprocessable, NotFound."""
    if not given:
        return None
    said = [
        {"modality": v.modality, "model": v.model, "fingerprint": v.fingerprint, "dimension": v.dimension}
        for v in given
    ]
    checked = validated(VectorList, {"vectors": said}).vectors
    found = []
    for each, sent in zip(checked, given, strict=True):
        receipt = grpc_wire.receipt_fields(sent.receipt) if sent.HasField("receipt") else None
        if sent.HasField("file"):
            if sent.data:
                raise Unprocessable(f"vectors: of {each.modality}s, send either data or a file", param="vectors")
            found.append(of_file({**each.model_dump(), "file": sent.file, "receipt": receipt}, store, owner))
            continue
        found.append(
            GivenVectors(
                modality=each.modality,
                model=each.model,
                fingerprint=each.fingerprint,
                rows=of_bytes(sent.data, each.dimension),
                receipt=receipt,
            )
        )
    return found


def fields_of(message: Message, *, without: Sequence[str] = ()) -> dict[str, Any]:
    """What is set in a message, as JSON would have it; items and vectors are taken apart elsewhere."""
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        name = field.name
        if name in ("input", "vectors", *without):
            continue
        if name == "on_error":
            found[name] = grpc_wire.on_error(value)
        elif name == "decode":
            found[name] = grpc_wire.decode(value)
        elif name == "as_job":
            found["mode"] = "job" if value else "sync"
        elif isinstance(value, Mapping):
            found[name] = {key: _plain(each) for key, each in value.items()}
        elif hasattr(value, "extend"):
            found[name] = [_plain(each) for each in value]
        else:
            found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, pb.Code):
        kind = value.WhichOneof("value")
        return None if kind is None else getattr(value, kind)
    if not isinstance(value, Message):
        return value
    if [field.name for field in value.DESCRIPTOR.fields] == ["values"]:  # a list inside of a map
        return [_plain(each) for each in value.values]  # type: ignore[attr-defined]
    return fields_of(value)


def filled(kind: type[M], answer: Mapping[str, Any]) -> M:
    """An answer as a message: what it has no field for stays out, None is unset."""
    names = {field.name for field in kind.DESCRIPTOR.fields}
    return kind(**{name: value for name, value in answer.items() if name in names and value is not None})
