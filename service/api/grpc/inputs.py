"""Items, vectors and options of gRPC messages, as the schemas have them."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from daguerre_proto.v1 import classifiers_pb2 as pb
from daguerre_proto.v1 import common_pb2, video_pb2
from service.api.grpc import messages
from service.api.inputs import VIDEO, of_file
from service.api.vectors import of_bytes
from service.errors import Unprocessable
from service.pipelines.frames import VideoInput
from service.pipelines.items import Item, VectorInput
from service.schemas import common, embeddings
from service.schemas.items import VectorList
from service.schemas.validation import validated
from service.schemas.video import Sampling
from service.stores.files import FileStore

LONGEST_ID = 1024  # characters, as over HTTP


def items_without_video(given: Sequence[pb.Post]) -> list[Item] | None:
    """Items where a video is none. Raises Unprocessable."""
    return _items(given, videos=False)


def items_of_posts(
    given: Sequence[pb.Post], general: Sampling, store: FileStore, owner: str | None
) -> list[Item] | None:
    """Items, videos among them. Raises Unprocessable, NotFound."""
    items = _items(given, videos=True)
    for i, item in enumerate(given):
        if items and item.HasField("video"):
            items[i] = Item(video=clip(item.video, general, store, owner, i), id=items[i].id)
    return items


def _items(given: Sequence[pb.Post], *, videos: bool) -> list[Item] | None:
    """Items; videos, where they are taken, are for the caller to fill in."""
    found = []
    for i, item in enumerate(given):
        if item.HasField("video"):
            if not videos:
                raise Unprocessable(VIDEO.format(i), code="unsupported_modality", param=f"input[{i}]")
            if item.HasField("text") or item.HasField("image"):
                raise Unprocessable(f"input[{i}]: a video is an item by itself", param=f"input[{i}]")
        elif not (item.HasField("text") or item.HasField("image")):
            raise Unprocessable(f"input[{i}]: has neither text nor image; send one, or both", param=f"input[{i}]")
        if len(item.id) > LONGEST_ID:
            raise Unprocessable(
                f"input[{i}].id: has {len(item.id)} characters, at most {LONGEST_ID}", param=f"input[{i}].id"
            )
        found.append(
            Item(
                text=item.text if item.HasField("text") else None,
                image=item.image if item.HasField("image") else None,
                id=item.id if item.HasField("id") else None,
            )
        )
    return found or None


def vectors_of(given: Sequence[pb.Vectors], store: FileStore, owner: str | None) -> list[VectorInput] | None:
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
        receipt = messages.receipt_fields(sent.receipt) if sent.HasField("receipt") else None
        if sent.HasField("file"):
            if sent.data:
                raise Unprocessable(f"vectors: of {each.modality}s, send either data or a file", param="vectors")
            found.append(of_file({**each.model_dump(), "file": sent.file, "receipt": receipt}, store, owner))
            continue
        found.append(
            VectorInput(
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
            found[name] = messages.on_error(value)
        elif name == "decode":
            found[name] = messages.decode(value)
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


def sampling(given: video_pb2.Sampling, *, of: int | None = None) -> Sampling:
    """The request's, or that of item `of`. Raises Unprocessable, in the words of HTTP."""
    fields = fields_of(given)
    if of is None:
        return validated(common.ModelOptions, {"sampling": fields}).sampling or Sampling()
    items = [*[""] * of, {"video": "", "sampling": fields}]
    return validated(embeddings.EmbeddingsRequest, {"input": items}).input[of].sampling or Sampling()


def clip(given: video_pb2.Video, general: Sampling, store: FileStore, owner: str | None, place: int) -> VideoInput:
    """Raises Unprocessable, NotFound."""
    param = f"input[{place}]"
    chosen = sampling(given.sampling, of=place) if given.HasField("sampling") else general
    kind = given.WhichOneof("source")
    if kind is None:
        raise Unprocessable(f"{param}: a video has either data or a file", param=param)
    return VideoInput(given.data if kind == "data" else store.video(given.file, owner).path, chosen)


def items_of(
    given: Sequence[common_pb2.Item], options: common_pb2.ModelOptions, store: FileStore, owner: str | None
) -> list[Item]:
    """The items of a request, videos among them. Raises Unprocessable, NotFound."""
    items = messages.inputs(given)
    general = sampling(options.sampling) if options.HasField("sampling") else Sampling()
    for i, item in enumerate(given):
        if item.WhichOneof("content") == "video":
            items[i] = Item(video=clip(item.video, general, store, owner, i), id=items[i].id)
    return items
