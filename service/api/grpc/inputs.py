"""Conversion of items, vectors and options from gRPC messages to the schemas."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from google.protobuf.message import Message
from pydantic import BaseModel

from daguerre_proto.v1 import classifiers_pb2 as pb
from daguerre_proto.v1 import common_pb2, representations_pb2
from models.stopping import Check
from service.api.grpc import messages
from service.api.grpc.wire import SMALL
from service.api.inputs import VIDEO, of_file, of_folder
from service.api.vectors import of_bytes
from service.context import Context
from service.errors import Unprocessable
from service.pipelines.collections import parsed_where
from service.pipelines.face_blocks import check_face_vectors
from service.pipelines.frames import VideoInput
from service.pipelines.items import Item, VectorInput
from service.pipelines.references import names_collection, resolved
from service.schemas.items import Post, VectorList, Vectors
from service.schemas.validation import validated, validated_in_pieces
from service.schemas.video import Sampling
from service.stores.files import FileStore

Options = TypeVar("Options", bound=BaseModel)
GrpcVectors = pb.Vectors | representations_pb2.Representation  # the second has a name too
GrpcItem = common_pb2.Item | pb.Post  # the same fields, numbers and types


def items(
    given: Sequence[GrpcItem], schema: type[Post], general: Sampling, store: FileStore, owner: str | None
) -> list[Item]:
    """The items of a request, including videos. Raises Unprocessable, NotFound."""
    return [_item(item, schema, general, store, owner, f"input[{i}]") for i, item in enumerate(given)]


def items_without_video(given: Sequence[GrpcItem], schema: type[Post] = Post) -> list[Item]:
    """The items of a request that takes no videos. Raises Unprocessable."""
    for i, item in enumerate(given):
        if item.HasField("video"):
            raise Unprocessable(VIDEO.format(i), code="unsupported_modality", param=f"input[{i}]")
    return [_content(item, schema, f"input[{i}]")[0] for i, item in enumerate(given)]


def _item(given: GrpcItem, schema: type[Post], general: Sampling, store: FileStore, owner: str | None, at: str) -> Item:
    item, sampling = _content(given, schema, at)
    if not given.HasField("video"):
        return item
    video = given.video
    kind = video.WhichOneof("source")
    if kind is None:
        raise Unprocessable(f"{at}: a video has either data or a file", param=at)
    source = video.data if kind == "data" else store.video(video.file, owner).path
    return Item(video=VideoInput(source, sampling or general), id=item.id)


def _content(given: GrpcItem, schema: type[Post], at: str) -> tuple[Item, Sampling | None]:
    """A validated item without its video, and the video's sampling. The bytes are not validated here."""
    has = {name: getattr(given, name) for name in ("id", "text", "image") if given.HasField(name)}
    fields = {**has, "image": ""} if "image" in has else dict(has)
    if given.HasField("video"):
        fields["video"] = ""
        if given.video.HasField("sampling"):
            fields["sampling"] = fields_of(given.video.sampling)
    if given.HasField("crop"):
        fields["crop"] = {field.name: getattr(given.crop, field.name) for field in given.crop.DESCRIPTOR.fields}
    checked = validated(schema, fields, at=at)
    return Item(**has, crop=None if checked.crop is None else checked.crop.of_models()), checked.sampling


async def read_vectors(
    context: Context,
    given: Sequence[pb.Vectors],
    owner: str | None,
    *,
    faces: bool = False,
    param: str = "vectors",
) -> list[VectorInput] | None:
    """`vectors_of`, in a thread if they are in a folder; `faces`: whether those of faces are taken."""
    if any(each.HasField("folder") for each in given):
        found = await context.parsing.compute(lambda check: vectors_of(given, context.files, owner, check))
    else:
        found = vectors_of(given, context.files, owner)
    check_face_vectors(context.settings, context.engine(), found, taken=faces, param=param)
    return found


def vectors_of(
    given: Sequence[pb.Vectors], store: FileStore, owner: str | None, check: Check = lambda: None
) -> list[VectorInput] | None:
    """The vectors of a request; None if it has none. Raises Unprocessable, NotFound."""
    if not given:
        return None
    blocks = [
        {"modality": v.modality, "folder": v.folder if v.HasField("folder") else None}
        | {name: getattr(v, name) for name in ("model", "fingerprint", "dimension") if getattr(v, name)}
        for v in given
    ]
    checked = validated(VectorList, {"vectors": blocks}).vectors
    pairs = zip(checked, given, strict=True)
    return [vector_of(each, sent, store, owner, name=f"{each.modality} vectors", check=check) for each, sent in pairs]


async def vectors_or_collection(
    context: Context, request: Options, given: Sequence[pb.Vectors], owner: str | None, *, faces: bool = False
) -> tuple[Options, Sequence[VectorInput] | None]:
    """The vectors of a request, or those of the items of its collection, whose ids and texts it then has.

    `faces`: whether vectors of faces are taken. Raises Unprocessable, NotFound, Forbidden.
    """
    vectors = await read_vectors(context, given, owner, faces=faces)
    if not names_collection(request, vectors):
        return request, vectors
    return await context.parsing.compute(lambda check: resolved(request, context.collections, owner, check))


def reference_fields(message: Any) -> dict[str, Any]:
    """The fields of a request that name items of a collection."""
    fields = {name: getattr(message, name) for name in ("collection", "where_json") if message.HasField(name)}
    if "where_json" in fields:
        fields["where"] = parsed_where(fields.pop("where_json"))
    return fields


def vector_of(
    header: Vectors,
    sent: GrpcVectors,
    store: FileStore,
    owner: str | None,
    *,
    name: str,
    check: Check = lambda: None,
) -> VectorInput:
    """The vectors of one validated `header`. Raises Unprocessable, NotFound."""
    receipt = messages.receipt_fields(sent.receipt) if sent.HasField("receipt") else None
    if sent.HasField("folder"):
        if sent.data or sent.HasField("file"):
            raise Unprocessable(f"vectors: send data, a file or a folder for {name}, one of them", param="vectors")
        return of_folder(header.model_dump(), store, owner, check)
    if sent.HasField("file"):
        if sent.data:
            raise Unprocessable(f"vectors: send either data or a file for {name}", param="vectors")
        return of_file({**header.model_dump(), "file": sent.file, "receipt": receipt}, store, owner)
    return VectorInput(
        modality=header.modality,
        model=header.model,
        fingerprint=header.fingerprint,
        rows=of_bytes(sent.data, header.dimension),
        receipt=receipt,
    )


async def read(context: Context, schema: type[Options], message: Message, *, without: Sequence[str] = ()) -> Options:
    """A request without its items and vectors; a large one is validated in a thread."""

    def fields() -> dict[str, Any]:
        found = fields_of(message, without=without)
        add_empty(found, schema, message)
        return found

    if message.ByteSize() <= SMALL:
        return validated(schema, fields())
    return await context.parsing.compute(lambda check: validated_in_pieces(schema, fields()))


def add_empty(fields: dict[str, Any], schema: type[BaseModel], message: Message) -> None:
    """Add empty lists where the schema requires lists: a message does not tell an empty list from none."""
    known = message.DESCRIPTOR.fields_by_name
    for name, rule in schema.model_fields.items():
        if name not in known:
            continue
        if isinstance(value := getattr(message, name), Message):
            inner = next((each for each in (rule.annotation, *get_args(rule.annotation)) if _is_schema(each)), None)
            if inner is not None and name in fields:
                add_empty(fields[name], inner, value)
        elif rule.is_required() and name not in fields and not isinstance(value, str | bytes | int | float):
            fields[name] = {} if isinstance(value, Mapping) else []


def _is_schema(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def fields_of(message: Message, *, without: Sequence[str] = ()) -> dict[str, Any]:
    """Fields set in a message, in their JSON form; items and vectors are converted elsewhere."""
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        name = field.name
        if name in ("input", "vectors", *without):
            continue
        if name == "on_error":
            found[name] = messages.on_error(value)
        elif name == "decode":
            found[name] = messages.decode(value)
        elif name == "where_json":
            found["where"] = parsed_where(value)
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
    if isinstance(value, common_pb2.Receipt):
        return messages.receipt_fields(value)
    if [field.name for field in value.DESCRIPTOR.fields] == ["values"]:  # a list inside a map
        return [_plain(each) for each in value.values]  # type: ignore[attr-defined]
    return fields_of(value)


def sampling(given: Message) -> Sampling:
    """The `sampling` of a request, or the default. Raises Unprocessable."""
    if not given.HasField("sampling"):
        return Sampling()
    return validated(Sampling, fields_of(given.sampling), at="sampling")  # type: ignore[attr-defined]
