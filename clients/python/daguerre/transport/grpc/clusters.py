"""Clusters and duplicates over gRPC."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from daguerre.transport.grpc.connection import GrpcConnection
from daguerre.transport.grpc.errors import encodable, expect_answer
from daguerre.transport.grpc.messages import (
    SKIP,
    code_message,
    field_or_none,
    job_of,
    vectors_message,
)
from daguerre.types.arrays import single
from daguerre.types.embeddings import VectorBlock
from daguerre.types.jobs import Job
from daguerre_proto.v1 import classifiers_pb2
from daguerre_proto.v1 import clusters_pb2 as clusters_pb
from daguerre_proto.v1 import corpus_pb2 as pb


class ClusterCalls(GrpcConnection):
    """Clusters and duplicates."""

    async def cluster(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job:
        with encodable():
            rest = {name: value for name, value in fields.items() if name not in ("known", "on_error")}
            blocks = [vectors_message(each) for each in vectors]
            request = clusters_pb.ClusterRequest(**rest, on_error=SKIP, vectors=blocks, as_job=True)
            if "known" in fields:
                known = [code_message(each) for each in fields["known"]]
                request.known.CopyFrom(clusters_pb.KnownLabels(values=known))
        said, _ = await self._call("Cluster", request, clusters_pb.ClusterResponse)
        return job_of(said.job)

    async def clustering(self, id: str) -> Mapping[str, Any]:
        with encodable():
            request = clusters_pb.GetClusteringRequest(id=id)
        said, _ = await self._call("GetClustering", request, clusters_pb.Clustering)
        with expect_answer(self._url):
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
        with encodable():
            posts = [classifiers_pb2.Post(id=name, image=image) for name, image in pictures.items()]
            request = clusters_pb.ClusterPageRequest(id=id, pictures=mode, input=posts)
        said, _ = await self._call("ClusterPage", request, classifiers_pb2.ReportPageResponse)
        return str(said.html)

    async def duplicates(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job:
        with encodable():
            rest = {name: value for name, value in fields.items() if name != "on_error"}
            blocks = [vectors_message(each) for each in vectors]
            request = pb.DuplicatesRequest(**rest, on_error=SKIP, vectors=blocks, as_job=True)
        said, _ = await self._call("FindDuplicates", request, pb.DuplicatesResponse)
        return job_of(said.job)

    async def found_duplicates(self, id: str) -> Mapping[str, Any]:
        with encodable():
            request = pb.GetDuplicatesRequest(id=id)
        said, _ = await self._call("GetDuplicates", request, pb.Duplicates)
        with expect_answer(self._url):
            return {
                **{name: getattr(said, name) for name in ("id", "kind", "linkage", "n", "extra")},
                "object": "duplicates",
                "ids": list(said.ids),
                "threshold": field_or_none(said, "threshold"),
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
                        "id": field_or_none(each, "id"),
                        "error": {"code": each.error.code, "message": each.error.message},
                    }
                    for each in said.unusable
                ],
                "model": field_or_none(said, "model"),
                "receipt": json.loads(said.receipt_json) if said.HasField("receipt_json") else None,
            }
