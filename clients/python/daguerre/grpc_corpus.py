"""The part of the gRPC transport that clusters, looks for duplicates, draws, compares, searches and sends files."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from daguerre.grpc_classifiers import PAGE, Trained, code_message, job_of, vectors_message
from daguerre.grpc_errors import sayable, understood
from daguerre.grpc_messages import facts
from daguerre.inputs.pieces import Sendable, pieces
from daguerre.types.arrays import single
from daguerre.types.common import NO_MODEL, Failure, Payload
from daguerre.types.embeddings import VectorBlock
from daguerre.types.images import ImageDescription, ImagesAnswer
from daguerre.types.jobs import Job
from daguerre_proto.v1 import classifiers_pb2, common_pb2
from daguerre_proto.v1 import clusters_pb2 as clusters_pb
from daguerre_proto.v1 import corpus_pb2 as pb

SKIP = common_pb2.ON_ERROR_SKIP


class Explored(Trained):
    """A corpus, on what the transport has."""

    async def cluster(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job:
        with sayable():
            rest = {name: value for name, value in fields.items() if name not in ("known", "on_error")}
            blocks = [vectors_message(each) for each in vectors]
            request = clusters_pb.ClusterRequest(**rest, on_error=SKIP, vectors=blocks, as_job=True)
            if "known" in fields:
                known = [code_message(each) for each in fields["known"]]
                request.known.CopyFrom(clusters_pb.KnownLabels(values=known))
        said, _ = await self._call("Cluster", request, clusters_pb.ClusterResponse)
        return job_of(said.job)

    async def clustering(self, id: str) -> Mapping[str, Any]:
        with sayable():
            request = clusters_pb.GetClusteringRequest(id=id)
        said, _ = await self._call("GetClustering", request, clusters_pb.Clustering)
        with understood(self._url):
            places = single(said.coordinates)
            return {
                **json.loads(said.answer_json),
                "ids": list(said.ids),
                "labels": list(said.labels),
                "silhouettes": single(said.silhouettes),
                "silhouettes_final": single(said.silhouettes_final),
                "coordinates": [list(each) for each in zip(places[::2], places[1::2], strict=True)] or None,
            }

    async def cluster_page(self, id: str, mode: str, pictures: Mapping[str, bytes]) -> str:
        with sayable():
            posts = [classifiers_pb2.Post(id=name, image=image) for name, image in pictures.items()]
            request = clusters_pb.ClusterPageRequest(id=id, pictures=mode, input=posts)
        said, _ = await self._call("ClusterPage", request, classifiers_pb2.ReportPageResponse)
        return str(said.html)

    async def duplicates(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job:
        with sayable():
            rest = {name: value for name, value in fields.items() if name != "on_error"}
            blocks = [vectors_message(each) for each in vectors]
            request = pb.DuplicatesRequest(**rest, on_error=SKIP, vectors=blocks, as_job=True)
        said, _ = await self._call("FindDuplicates", request, pb.DuplicatesResponse)
        return job_of(said.job)

    async def found_duplicates(self, id: str) -> Mapping[str, Any]:
        with sayable():
            request = pb.GetDuplicatesRequest(id=id)
        said, _ = await self._call("GetDuplicates", request, pb.Duplicates)
        with understood(self._url):
            return {
                **{name: getattr(said, name) for name in ("id", "kind", "linkage", "n", "extra")},
                "object": "duplicates",
                "ids": list(said.ids),
                "threshold": _set(said, "threshold"),
                "groups": [
                    {
                        "representative": group.representative,
                        "members": list(group.members),
                        "similarity": single(group.similarity),
                    }
                    for group in said.groups
                ],
                "unusable": [
                    {
                        "index": each.index,
                        "id": _set(each, "id"),
                        "error": {"code": each.error.code, "message": each.error.message},
                    }
                    for each in said.unusable
                ],
                "model": _set(said, "model"),
                "receipt": json.loads(said.receipt_json) if said.HasField("receipt_json") else None,
            }

    async def describe_images(self, items: Sequence[Payload], thumbnail: int | None, blurred: bool) -> ImagesAnswer:
        with sayable():
            posts = [classifiers_pb2.Post(text=item.text, image=item.image) for item in items]
            request = pb.DescribeImagesRequest(input=posts, thumbnail=thumbnail, blurred=blurred, on_error=SKIP)
        said, request_id = await self._call("DescribeImages", request, pb.DescribeImagesResponse)
        with understood(self._url):
            if len(said.data) != len(items):
                raise ValueError(f"{len(said.data)} results for {len(items)} items")
        return ImagesAnswer(
            images=[None if entry.HasField("error") else _image(entry) for entry in said.data],
            receipt=NO_MODEL,
            failures={
                i: Failure(entry.error.code, entry.error.message)
                for i, entry in enumerate(said.data)
                if entry.HasField("error")
            },
            truncated=[],
            request_id=request_id,
        )

    async def sample(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        with sayable():
            request = pb.SampleRequest(**fields)
        said, _ = await self._call("DrawSample", request, pb.Sample)
        return {
            **{name: getattr(said, name) for name in ("design", "n", "fit_for_inference", "seed")},
            "indexes": list(said.indexes),
            "ids": list(said.ids) or None,
            "inclusion_prob": list(said.inclusion_prob) or None,
            "strata": [_stratum(each) for each in said.strata],
            "remarks": list(said.remarks),
        }

    async def pairs(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        request = _with_labels(pb.PairsRequest, fields)
        said, _ = await self._call("DrawPairs", request, pb.PairsResponse)
        plain, optional = ("a", "b", "stratum", "inclusion_prob"), ("a_id", "b_id", "cluster")
        pairs = [
            {name: getattr(each, name) for name in plain} | {name: _set(each, name) for name in optional}
            for each in said.pairs
        ]
        strata = [_stratum(each) for each in said.strata]
        return {"pairs": pairs, "n": said.n, "strata": strata, "remarks": list(said.remarks), "seed": said.seed}

    async def agreement(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        with sayable():
            rest = {name: value for name, value in fields.items() if name != "code"}
            request = pb.AgreementRequest(**rest, code=[code_message(each) for each in fields["code"]])
        said, _ = await self._call("MeasureAgreement", request, pb.AgreementResponse)
        return {
            "coders": list(said.coders),
            "items": said.items,
            "level": said.level,
            "percent": _coefficient(said.percent),
            "kappa": _coefficient(said.kappa) if said.HasField("kappa") else None,
            "alpha": _coefficient(said.alpha),
        }

    async def compare(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        request = _with_labels(pb.ComparisonRequest, fields)
        said, _ = await self._call("CompareClusterings", request, pb.ComparisonResponse)
        with understood(self._url):
            found: Mapping[str, Any] = json.loads(said.answer_json)
        return found

    async def search(self, fields: Mapping[str, Any], corpus: VectorBlock, queries: VectorBlock) -> Mapping[str, Any]:
        with sayable():
            request = pb.SearchRequest(**fields, corpus=vectors_message(corpus), queries=vectors_message(queries))
        said, _ = await self._call("Search", request, pb.SearchResponse)
        with understood(self._url):
            return {
                "data": [_found(each) for each in said.data],
                "model": said.model,
                "receipt": json.loads(said.receipt_json),
            }

    async def upload(self, given: Sendable, name: str) -> Mapping[str, Any]:
        async def messages() -> AsyncIterator[bytes]:
            with sayable():
                yield pb.UploadFileRequest(name=name).SerializeToString()
            async for piece in pieces(given):
                yield pb.UploadFileRequest(data=piece).SerializeToString()

        return _file((await self._call("UploadFile", messages(), pb.File))[0])

    async def files(self) -> Sequence[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursor = None
        while True:
            request = pb.ListFilesRequest(limit=PAGE, cursor=cursor)
            said, _ = await self._call("ListFiles", request, pb.ListFilesResponse)
            found += [_file(each) for each in said.data]
            if not said.HasField("next_cursor"):
                return found
            cursor = said.next_cursor

    async def delete_file(self, id: str) -> Mapping[str, Any]:
        with sayable():
            request = pb.DeleteFileRequest(id=id)
        return _file((await self._call("DeleteFile", request, pb.File))[0])


def _set(said: Message, name: str) -> Any:
    return getattr(said, name) if said.HasField(name) else None


def _with_labels(kind: type[Any], fields: Mapping[str, Any]) -> Any:
    """A request with clusterings, which are lists in a map."""
    with sayable():
        request = kind(**{name: value for name, value in fields.items() if name != "clusterings"})
        for name, labels in fields["clusterings"].items():
            request.clusterings[name].values.extend(labels)
    return request


def _image(entry: pb.ImageDescription) -> ImageDescription:
    return ImageDescription(
        sha256=entry.sha256,
        phash=_set(entry, "phash"),
        width=entry.width,
        height=entry.height,
        thumbnail=_set(entry, "thumbnail"),
    )


def _stratum(said: pb.Stratum) -> dict[str, Any]:
    return {name: getattr(said, name) for name in ("stratum", "population", "drawn", "probability")}


def _coefficient(said: pb.Coefficient) -> dict[str, Any]:
    return {name: _set(said, name) for name in ("value", "low", "high")}


def _found(said: pb.Found) -> dict[str, Any]:
    cosines = single(each.cosine for each in said.neighbours)
    near = [
        {"index": each.index, "id": _set(each, "id"), "cosine": cosine}
        for each, cosine in zip(said.neighbours, cosines, strict=True)
    ]
    found: dict[str, Any] = {"index": said.index, "neighbours": near}
    return {**found, "id": said.id} if said.HasField("id") else found


def _file(said: pb.File) -> dict[str, Any]:
    names = ("id", "name", "bytes", "dtype", "created", "expires")
    made = {**{name: getattr(said, name) for name in names}, "object": "file", "shape": list(said.shape)}
    if said.HasField("video"):
        return {**made, "shape": None, "dtype": None, "video": facts(said.video)}
    return {**made, "video": None}
