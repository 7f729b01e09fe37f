"""gRPC as a stranger speaks it: the generated stub, and what is in an error's trailer."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from numpy.typing import NDArray

from daguerre_proto.v1 import (
    clusters_pb2,
    collections_pb2,
    common_pb2,
    corpus_pb2,
    embeddings_pb2,
    face_comparison_pb2,
    zero_shot_pb2,
)
from daguerre_proto.v1.analyses_pb2 import AnalyseRequest, Analysers
from daguerre_proto.v1.captions_pb2 import CaptionRequest
from daguerre_proto.v1.classifiers_pb2 import Vectors
from daguerre_proto.v1.common_pb2 import Item, ModelOptions
from daguerre_proto.v1.daguerre_pb2_grpc import DaguerreStub
from daguerre_proto.v1.embeddings_pb2 import EmbedOptions, EmbedRequest
from daguerre_proto.v1.estimates_pb2 import EstimateCorpusRequest
from daguerre_proto.v1.evaluations_pb2 import EvaluationRequest
from daguerre_proto.v1.video_pb2 import Sampling, Video
from daguerre_proto.v1.zero_shot_pb2 import NoneOfThese, Texts, ZeroShotRequest
from tests.e2e.harness import Server

STUDIES = {
    "/v1/estimates": ("EstimateCorpus", EstimateCorpusRequest),
    "/v1/evaluations": ("EvaluateFindings", EvaluationRequest),
    "/v1/coder-groups": ("CompareCoderGroups", corpus_pb2.CoderGroupsRequest),
    "/v1/crowds": ("ReconcileCrowd", corpus_pb2.CrowdRequest),
    "/v1/scales": ("Scale", corpus_pb2.ScaleRequest),
    "/v1/comparison-pairs": ("DrawComparisonPairs", corpus_pb2.ComparisonPairsRequest),
    "/v1/faces/matches": ("MatchFaces", face_comparison_pb2.FaceMatchesRequest),
    "/v1/faces/persons": ("GroupPersons", face_comparison_pb2.PersonsRequest),
    "/v1/faces/verification": ("VerifyFaces", face_comparison_pb2.VerificationRequest),
}
COLLECTIONS = {
    "": ("PutCollection", collections_pb2.PutCollectionRequest),
    "items": ("PutCollectionItems", collections_pb2.PutCollectionItemsRequest),
    "search": ("SearchCollection", collections_pb2.SearchCollectionRequest),
    "duplicates": ("FindCollectionDuplicates", collections_pb2.CollectionDuplicatesRequest),
}
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 50),  # a server that starts is seen before its models are loaded
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 50),
]
ON_ERROR = {"fail": common_pb2.ON_ERROR_FAIL, "skip": common_pb2.ON_ERROR_SKIP}
DECODE = {"exact": common_pb2.DECODE_EXACT, "scaled": common_pb2.DECODE_SCALED}


class OfHttpOnly(Exception):
    """A request that gRPC cannot even say."""


@contextmanager
def channel(server: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.grpc_target, options=OPTIONS) as opened:
        yield opened


@contextmanager
def stub(server: Server) -> Iterator[DaguerreStub]:
    with channel(server) as opened:
        yield DaguerreStub(opened)


def items(given: Any) -> list[Item]:
    """The items of a JSON body."""
    if isinstance(given, str | dict):
        given = [given]
    if not isinstance(given, list):
        raise OfHttpOnly("input")
    return [_item(item) for item in given]


def _item(item: Any) -> Item:
    if isinstance(item, str):
        return Item(text=item)
    if isinstance(item, dict) and "video" in item:
        return _video(item)
    if not isinstance(item, dict) or not set(item) <= {"text", "image", "id", "crop"} or {"text", "image"} <= set(item):
        raise OfHttpOnly("item")
    fields = dict(item)
    if "image" in fields:
        try:
            fields["image"] = base64.b64decode(fields["image"], validate=True)
        except (binascii.Error, ValueError) as exc:
            raise OfHttpOnly("base64") from exc
    return Item(**fields)


def _video(item: Mapping[str, Any]) -> Item:
    video = Video()
    if isinstance(item["video"], dict):
        video.file = item["video"]["file"]
    else:
        try:
            video.data = base64.b64decode(item["video"], validate=True)
        except (binascii.Error, ValueError) as exc:
            raise OfHttpOnly("base64") from exc
    if "sampling" in item:
        video.sampling.CopyFrom(Sampling(**item["sampling"]))
    return Item(video=video, id=item.get("id"), crop=item.get("crop"))


def embed_request(body: Mapping[str, Any]) -> EmbedRequest:
    """A JSON body's twin."""
    rest = dict(body)
    given = items(rest.pop("input", None))
    options = EmbedOptions(model_options=_model_options(rest))
    if "dimensions" in rest:
        options.dimensions = rest.pop("dimensions")
    if rest.pop("encoding_format", "float") not in ("float", "base64") or rest:
        raise OfHttpOnly("option")
    return EmbedRequest(options=options, items=given)


def analyse_request(body: Mapping[str, Any]) -> AnalyseRequest:
    """A JSON body's twin."""
    try:
        analysers = ParseDict(body["analysers"], Analysers())
    except ParseError as exc:  # fields and types that the messages do not have
        raise OfHttpOnly("analysers") from exc
    return AnalyseRequest(input=items(body["input"]), analysers=analysers)


def caption_request(body: Mapping[str, Any]) -> CaptionRequest:
    """A JSON body's twin."""
    rest = {name: value for name, value in body.items() if name != "input"}
    try:
        message = ParseDict(rest, CaptionRequest())
    except ParseError as exc:  # fields and types that the message does not have
        raise OfHttpOnly("options") from exc
    message.input.extend(items(body["input"]))
    return message


def study_request(path: str, body: Mapping[str, Any]) -> Any:
    """The message of a request without items: the same names and values, codes as one of three kinds."""
    message = STUDIES[path][1]()
    try:
        return ParseDict(_coded(body, message.DESCRIPTOR), message)
    except ParseError as exc:  # fields and types that the messages do not have
        raise OfHttpOnly(path) from exc


def collection_request(path: str, body: Mapping[str, Any]) -> tuple[str, Any]:
    """The method and the message of a request to /v1/collections/…"""
    name, _, rest = path.removeprefix("/v1/collections/").partition("/")
    method, kind = COLLECTIONS[rest]
    fields: dict[str, Any] = {"name": name}
    for key, value in body.items():
        if key in ("where", "metadata"):
            fields[f"{key}_json"] = json.dumps(value)
        elif key == "on_error":
            fields[key] = f"ON_ERROR_{value.upper()}"
        elif key == "mode":
            fields["as_job"] = value == "job"
        else:
            fields[key] = value
    try:
        return method, ParseDict(fields, kind())
    except ParseError as exc:  # fields and types that the messages do not have
        raise OfHttpOnly(path) from exc


def _coded(value: Any, descriptor: Descriptor) -> Any:
    """A JSON value of a message in the JSON form of protobuf."""
    if descriptor.name == "Code":
        kind = "flag" if isinstance(value, bool) else "label" if isinstance(value, str) else "number"
        return {} if value is None else {kind: value}
    if not isinstance(value, Mapping):
        return value
    written = {}
    for name, each in value.items():
        field = descriptor.fields_by_name.get(name)
        inner = None if field is None else field.message_type
        if inner is not None and not inner.GetOptions().map_entry:
            each = [_coded(one, inner) for one in each] if isinstance(each, list) else _coded(each, inner)
        written[name] = each
    return written


def zero_shot_request(body: Mapping[str, Any]) -> ZeroShotRequest:
    rest = dict(body)
    given = rest.pop("input", None)
    request = ZeroShotRequest(model_options=_model_options(rest), items=[] if given is None else items(given))
    for block in rest.pop("vectors", ()):
        request.vectors.append(Vectors(**{**block, "data": base64.b64decode(block["data"])}))
    request.ids.extend(rest.pop("ids", ()))
    if "collection" in rest:
        request.collection = rest.pop("collection")
    if "where" in rest:
        request.where_json = json.dumps(rest.pop("where"))
    labels = rest.pop("labels", [])
    if not isinstance(labels, list):
        raise OfHttpOnly("labels")
    request.labels.extend(labels)
    if "preset" in rest:
        request.preset = rest.pop("preset")
    request.multi_label = rest.pop("multi_label", False)
    for name in ("templates", "negatives"):
        if name in rest:
            getattr(request, name).CopyFrom(Texts(values=rest.pop(name)))
    none = rest.pop("none_of_these", None)
    if none is not None:
        if not isinstance(none, dict) or not set(none) <= {"text", "min_cosine"}:
            raise OfHttpOnly("none_of_these")
        request.none_of_these.CopyFrom(NoneOfThese(**none))
    if rest:
        raise OfHttpOnly("option")
    return request


def cluster_request(body: Mapping[str, Any]) -> clusters_pb2.ClusterRequest:
    """A JSON body's twin, of vectors."""
    rest = dict(body)
    request = clusters_pb2.ClusterRequest()
    for block in rest.pop("vectors"):
        data = {"data": base64.b64decode(block["data"])} if "data" in block else {}
        request.vectors.append(Vectors(**{**block, **data}))
    return ParseDict(rest, request)


def _model_options(rest: dict[str, Any]) -> ModelOptions:
    options = ModelOptions()
    if "model" in rest:
        model = rest.pop("model")
        if not isinstance(model, str):
            raise OfHttpOnly("model")
        options.model = model
    for name, known in (("on_error", ON_ERROR), ("decode", DECODE)):
        if name in rest:
            value = rest.pop(name)
            if value not in known:
                raise OfHttpOnly(name)
            setattr(options, name, known[value])
    options.as_job = rest.pop("mode", "sync") == "job"
    return options


def error(exc: grpc.RpcError) -> dict[str, Any]:
    """What a failed call carries: the error shape of HTTP, the status, and how long to wait."""
    assert isinstance(exc, grpc.Call)
    trailer = dict(exc.trailing_metadata() or ())
    status = Status.FromString(trailer["grpc-status-details-bin"])
    said, retry = common_pb2.Error(), RetryInfo()
    assert status.details[0].Unpack(said)
    assert (status.code, status.message) == (exc.code().value[0], exc.details())
    assert said.message == exc.details()
    assert said.request_id == trailer["x-request-id"]
    assert "daguerre-version" in trailer
    after = [detail for detail in status.details if detail.Unpack(retry)]
    return {
        "status": said.http_status,
        "grpc": exc.code(),
        "code": said.code,
        "message": said.message,
        "param": said.param if said.HasField("param") else None,
        "items": [
            {"index": i.index, "id": i.id if i.HasField("id") else None, "code": i.code, "message": i.message}
            for i in said.items
        ],
        "omitted": said.items_omitted,
        "retry_after": retry.retry_delay.seconds if after else None,
        "request_id": said.request_id,
    }


def vectors(data: Sequence[embeddings_pb2.Embedding]) -> NDArray[np.float32]:
    return np.frombuffer(b"".join(entry.vector for entry in data), "<f4").reshape(len(data), -1)


def plain(message: Any) -> dict[str, Any]:
    """A message as JSON would have it, fields at their defaults too."""
    found: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return found


__all__ = [
    "STUDIES",
    "Item",
    "caption_request",
    "channel",
    "cluster_request",
    "collection_request",
    "embed_request",
    "error",
    "plain",
    "stub",
    "study_request",
    "vectors",
    "zero_shot_pb2",
    "zero_shot_request",
]
