"""gRPC methods of grids of clusterings."""

from collections.abc import Iterator

from google.protobuf.message import Message

from daguerre_proto.v1 import classifiers_pb2, representations_pb2
from service.api.grpc import inputs
from service.api.grpc.inputs import read, vectors_or_collection
from service.api.grpc.messages import job
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import cluster_grids
from service.pipelines import jobs as jobs_pipeline
from service.schemas.cluster_grids import ClusterGridRequest
from service.schemas.items import Post
from service.schemas.video import Sampling


class ClusterGridMethods:
    """Methods for grids of clusterings."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "ClusterGrid", "cluster_grid", representations_pb2.ClusterGridRequest, self._cluster
        yield "GetClusterGrid", "cluster_grid", representations_pb2.GetClusterGridRequest, self._get
        yield "ClusterGridPage", "cluster_grid", representations_pb2.ClusterGridPageRequest, self._page

    async def _cluster(self, request: representations_pb2.ClusterGridRequest, owner: str | None) -> Message:
        checked = await read(self._context, ClusterGridRequest, request)
        sampling = checked.sampling or Sampling()
        checked, vectors = await vectors_or_collection(self._context, checked, request.vectors, owner, faces=True)
        begun = await cluster_grids.submit(
            self._context.engine(),
            self._context.jobs,
            checked,
            items=inputs.items(request.input, Post, sampling, self._context.files, owner) or None,
            vectors=vectors,
            owner=owner,
        )
        if request.as_job:
            return representations_pb2.ClusterGridResponse(job=job(jobs_pipeline.job_record(begun)))
        await jobs_pipeline.wait_for_result(self._context.jobs, begun, owner=owner)
        return representations_pb2.ClusterGridResponse(grid=await self._grid(begun.id, owner))

    async def _get(self, request: representations_pb2.GetClusterGridRequest, owner: str | None) -> Message:
        return await self._grid(request.id, owner)

    async def _grid(self, id: str, owner: str | None) -> representations_pb2.ClusterGridTable:
        raw = await cluster_grids.read_answer(self._context.jobs, id, owner=owner)
        return representations_pb2.ClusterGridTable(id=id, answer_json=raw.decode())

    async def _page(self, request: representations_pb2.ClusterGridPageRequest, owner: str | None) -> Message:
        html = await cluster_grids.page(self._context.engine(), self._context.jobs, request.id, owner=owner)
        return classifiers_pb2.ReportPageResponse(html=html)
