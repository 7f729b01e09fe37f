"""gRPC methods of clusterings and duplicates."""

import json
from collections.abc import Iterator

import orjson
from google.protobuf.message import Message

from daguerre_proto.v1 import classifiers_pb2, clusters_pb2, corpus_pb2
from service.api.grpc import inputs
from service.api.grpc.inputs import items_without_video, read, vectors_or_collection
from service.api.grpc.messages import filled, job
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import clusters, duplicates
from service.pipelines import jobs as jobs_pipeline
from service.schemas import clusters as schema
from service.schemas.duplicates import DuplicatesRequest
from service.schemas.items import Post
from service.schemas.video import Sampling

_APART = ("labels", "silhouettes", "silhouettes_final", "ids", "coordinates")  # separate fields of Clustering


class ClusterMethods:
    """Methods for clusterings and duplicates."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "Cluster", "cluster", clusters_pb2.ClusterRequest, self._cluster
        yield "GetClustering", "cluster", clusters_pb2.GetClusteringRequest, self._get_clustering
        yield "ClusterPage", "cluster", clusters_pb2.ClusterPageRequest, self._page
        yield "FindDuplicates", "duplicates", corpus_pb2.DuplicatesRequest, self._duplicates
        yield "GetDuplicates", "duplicates", corpus_pb2.GetDuplicatesRequest, self._get_duplicates

    async def _cluster(self, request: clusters_pb2.ClusterRequest, owner: str | None) -> Message:
        checked = await read(self._context, schema.ClusterRequest, request)
        checked, vectors = await vectors_or_collection(self._context, checked, request.vectors, owner, faces=True)
        begun = await clusters.submit(
            self._context.engine(),
            self._context.jobs,
            checked,
            items=inputs.items(request.input, Post, checked.sampling or Sampling(), self._context.files, owner) or None,
            vectors=vectors,
            owner=owner,
        )
        if request.as_job:
            return clusters_pb2.ClusterResponse(job=job(jobs_pipeline.job_record(begun)))
        await jobs_pipeline.wait_for_result(self._context.jobs, begun, owner=owner)
        return clusters_pb2.ClusterResponse(clustering=await self._clustering(begun.id, owner))

    async def _get_clustering(self, request: clusters_pb2.GetClusteringRequest, owner: str | None) -> Message:
        return await self._clustering(request.id, owner)

    async def _clustering(self, id: str, owner: str | None) -> clusters_pb2.Clustering:
        raw = await clusters.read_answer(self._context.jobs, id, owner=owner)

        def made() -> clusters_pb2.Clustering:
            answer = orjson.loads(raw)
            rest = {name: value for name, value in answer.items() if name not in _APART}
            return clusters_pb2.Clustering(
                id=id, ids=answer["ids"], answer_json=orjson.dumps(rest).decode(), **clusters.arrays(answer)
            )

        return await self._context.engine().compute(lambda check: made())

    async def _page(self, request: clusters_pb2.ClusterPageRequest, owner: str | None) -> Message:
        checked = await read(self._context, schema.ClusterPageRequest, request, without=("id",))
        items = items_without_video(request.input)
        html = await clusters.page(
            self._context.engine(), self._context.jobs, request.id, items=items, mode=checked.pictures, owner=owner
        )
        return classifiers_pb2.ReportPageResponse(html=html)

    async def _duplicates(self, request: corpus_pb2.DuplicatesRequest, owner: str | None) -> Message:
        checked = await read(self._context, DuplicatesRequest, request)
        checked, vectors = await vectors_or_collection(self._context, checked, request.vectors, owner, faces=True)
        begun = await duplicates.submit(
            self._context.engine(),
            self._context.jobs,
            checked,
            items=items_without_video(request.input) or None,
            vectors=vectors,
            owner=owner,
        )
        if request.as_job:
            return corpus_pb2.DuplicatesResponse(job=job(jobs_pipeline.job_record(begun)))
        await jobs_pipeline.wait_for_result(self._context.jobs, begun, owner=owner)
        return corpus_pb2.DuplicatesResponse(duplicates=await self._found_duplicates(begun.id, owner))

    async def _get_duplicates(self, request: corpus_pb2.GetDuplicatesRequest, owner: str | None) -> Message:
        return await self._found_duplicates(request.id, owner)

    async def _found_duplicates(self, id: str, owner: str | None) -> corpus_pb2.Duplicates:
        raw = await duplicates.read_answer(self._context.jobs, id, owner=owner)

        def made() -> corpus_pb2.Duplicates:
            answer = orjson.loads(raw)
            found = filled(corpus_pb2.Duplicates, answer)
            if answer["receipt"] is not None:
                found.receipt_json = json.dumps(answer["receipt"], ensure_ascii=False)
            return found

        return await self._context.engine().compute(lambda check: made())
