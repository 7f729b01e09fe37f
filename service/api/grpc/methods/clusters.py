"""The calls of gRPC about clusters and corpora: the same schemas and pipelines as over HTTP."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import orjson
from google.protobuf.message import Message
from pydantic import BaseModel

from daguerre_proto.v1 import classifiers_pb2, common_pb2
from daguerre_proto.v1 import clusters_pb2 as clusters_pb
from daguerre_proto.v1 import corpus_pb2 as pb
from service.api.grpc import inputs
from service.api.grpc.inputs import fields_of, items_without_video, vectors_of
from service.api.grpc.messages import filled, job, limit, parse
from service.errors import Unprocessable
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.pipelines import annotation as corpus
from service.pipelines import clusters, duplicates
from service.pipelines import jobs as jobs_pipeline
from service.pipelines.files import card
from service.pipelines.images import describe
from service.pipelines.search import search
from service.schemas import annotation, images
from service.schemas import clusters as schema_clusters
from service.schemas.duplicates import DuplicatesRequest
from service.schemas.search import SearchRequest
from service.schemas.validation import validated
from service.schemas.video import Sampling
from service.stores.files import FileStore
from service.tasks.duplicates import ANSWER as DUPLICATES

Call = Callable[[Any, str | None], Awaitable[Message]]
_APART = ("labels", "silhouettes", "silhouettes_final", "ids", "coordinates")  # fields of their own in a Clustering


class CorpusCalls:
    """What clusters and corpora answer with."""

    def __init__(self, engine: Callable[[], Engine], jobs: Jobs, store: FileStore) -> None:
        self._engine = engine
        self._jobs = jobs
        self._store = store

    def methods(self) -> Iterator[tuple[str, str, type[Any], Call]]:
        """Name, operation for the counters, the request's message, what answers."""
        yield "Cluster", "cluster", clusters_pb.ClusterRequest, self._cluster
        yield "GetClustering", "cluster", clusters_pb.GetClusteringRequest, self._get_clustering
        yield "ClusterPage", "cluster", clusters_pb.ClusterPageRequest, self._page
        yield "FindDuplicates", "duplicates", pb.DuplicatesRequest, self._duplicates
        yield "GetDuplicates", "duplicates", pb.GetDuplicatesRequest, self._get_duplicates
        yield "DescribeImages", "images", pb.DescribeImagesRequest, self._images
        yield (
            "DrawSample",
            "samples",
            pb.SampleRequest,
            partial(self._computed, annotation.SampleRequest, corpus.drawn, pb.Sample),
        )
        yield (
            "DrawPairs",
            "pairs",
            pb.PairsRequest,
            partial(self._computed, annotation.PairsRequest, corpus.paired, pb.PairsResponse),
        )
        yield (
            "MeasureAgreement",
            "agreement",
            pb.AgreementRequest,
            partial(self._computed, annotation.AgreementRequest, corpus.measured, pb.AgreementResponse),
        )
        yield "CompareClusterings", "comparisons", pb.ComparisonRequest, self._compare
        yield "Search", "search", pb.SearchRequest, self._search
        yield "ListFiles", "files", pb.ListFilesRequest, self._list_files
        yield "GetFile", "files", pb.GetFileRequest, self._get_file
        yield "DeleteFile", "files", pb.DeleteFileRequest, self._delete_file

    async def upload(self, requests: AsyncIterator[bytes], owner: str | None) -> Message:
        """A file, in pieces."""
        first = await anext(requests, None)
        if first is None:
            raise Unprocessable("the call has no message; send the file's bytes", code="invalid_file")
        begun = parse(pb.UploadFileRequest, first)

        async def chunks() -> AsyncIterator[bytes]:
            yield begun.data
            async for raw in requests:
                yield parse(pb.UploadFileRequest, raw).data

        return filled(pb.File, card(await self._store.receive(chunks(), name=begun.name, owner=owner)).model_dump())

    async def _cluster(self, request: clusters_pb.ClusterRequest, owner: str | None) -> Message:
        said = validated(schema_clusters.ClusterRequest, fields_of(request))
        begun = await clusters.begin(
            self._engine(),
            self._jobs,
            said,
            posts=inputs.items_of_posts(request.input, said.sampling or Sampling(), self._store, owner),
            vectors=vectors_of(request.vectors, self._store, owner),
            owner=owner,
        )
        if request.as_job:
            return clusters_pb.ClusterResponse(job=job(jobs_pipeline.said(begun)))
        await jobs_pipeline.awaited(self._jobs, begun, owner=owner)
        return clusters_pb.ClusterResponse(clustering=await self._clustering(begun.id, owner))

    async def _get_clustering(self, request: clusters_pb.GetClusteringRequest, owner: str | None) -> Message:
        return await self._clustering(request.id, owner)

    async def _clustering(self, id: str, owner: str | None) -> clusters_pb.Clustering:
        raw = await clusters.raw(self._jobs, id, owner=owner)

        def made() -> clusters_pb.Clustering:
            answer = orjson.loads(raw)
            rest = {name: value for name, value in answer.items() if name not in _APART}
            return clusters_pb.Clustering(
                id=id, ids=answer["ids"], answer_json=orjson.dumps(rest).decode(), **clusters.arrays(answer)
            )

        return await self._engine().in_thread(made)

    async def _page(self, request: clusters_pb.ClusterPageRequest, owner: str | None) -> Message:
        said = validated(schema_clusters.ClusterPageRequest, fields_of(request, without=("id",)))
        posts = items_without_video(request.input) or ()
        html = await clusters.page(self._engine(), self._jobs, request.id, posts=posts, mode=said.pictures, owner=owner)
        return classifiers_pb2.ReportPageResponse(html=html)

    async def _duplicates(self, request: pb.DuplicatesRequest, owner: str | None) -> Message:
        said = validated(DuplicatesRequest, fields_of(request))
        begun: Job = await duplicates.begin(
            self._engine(),
            self._jobs,
            said,
            posts=items_without_video(request.input),
            vectors=vectors_of(request.vectors, self._store, owner),
            owner=owner,
        )
        if request.as_job:
            return pb.DuplicatesResponse(job=job(jobs_pipeline.said(begun)))
        await jobs_pipeline.awaited(self._jobs, begun, owner=owner)
        return pb.DuplicatesResponse(duplicates=await self._found_duplicates(begun.id, owner))

    async def _get_duplicates(self, request: pb.GetDuplicatesRequest, owner: str | None) -> Message:
        return await self._found_duplicates(request.id, owner)

    async def _found_duplicates(self, id: str, owner: str | None) -> pb.Duplicates:
        raw = await clusters.raw(self._jobs, id, owner=owner, name=DUPLICATES, what="duplicates")
        answer = orjson.loads(raw)
        made = filled(pb.Duplicates, answer)
        if answer["receipt"] is not None:
            made.receipt_json = json.dumps(answer["receipt"], ensure_ascii=False)
        return made

    async def _images(self, request: pb.DescribeImagesRequest, owner: str | None) -> Message:
        said = validated(images.ImagesRequest, fields_of(request))
        posts = items_without_video(request.input) or ()
        found, failures = await describe(
            self._engine(), posts, side=said.thumbnail, blurred=said.blurred, on_error=said.on_error
        )
        response = pb.DescribeImagesResponse()
        for i, post in enumerate(posts):
            if i in failures:
                error = common_pb2.ItemError(code=failures[i].code, message=failures[i].message)
                response.data.add(index=i, id=post.id, error=error)
            else:
                response.data.add(index=i, id=post.id, **{**found[i].said(), "thumbnail": found[i].thumbnail})
        return response

    async def _computed(
        self,
        schema: type[BaseModel],
        compute: Callable[[Any], BaseModel],
        kind: type[Message],
        request: Message,
        owner: str | None,
    ) -> Message:
        said = validated(schema, fields_of(request))
        answer = await self._engine().in_thread(lambda: compute(said))
        return filled(kind, answer.model_dump())

    async def _compare(self, request: pb.ComparisonRequest, owner: str | None) -> Message:
        said = validated(annotation.ComparisonRequest, fields_of(request))
        answer = await self._engine().in_thread(lambda: corpus.compared(said))
        return pb.ComparisonResponse(answer_json=answer.model_dump_json())

    async def _search(self, request: pb.SearchRequest, owner: str | None) -> Message:
        given = vectors_of([request.corpus], self._store, owner)
        queries = vectors_of([request.queries], self._store, owner) if request.HasField("queries") else None
        assert given
        block = {name: getattr(given[0], name) for name in ("modality", "model", "fingerprint")}
        fields = fields_of(request, without=("corpus", "queries"))
        said = validated(SearchRequest, {**fields, "vectors": [{**block, "dimension": given[0].rows.shape[1]}]})
        posts = items_without_video(request.input)
        found = await search(
            self._engine(), said, corpus=given[0], posts=posts, queries=queries[0] if queries else None
        )
        return pb.SearchResponse(
            data=found.said(said.ids, [post.id for post in posts or ()]),
            model=found.model,
            receipt_json=json.dumps(dict(found.receipt), ensure_ascii=False),
        )

    async def _list_files(self, request: pb.ListFilesRequest, owner: str | None) -> Message:
        cursor = request.cursor if request.HasField("cursor") else None
        most = limit(request.limit)
        engine = self._engine()
        found, following = await engine.in_thread(lambda: self._store.list(owner, limit=most, cursor=cursor))
        return pb.ListFilesResponse(
            data=[filled(pb.File, card(each).model_dump()) for each in found], next_cursor=following
        )

    async def _get_file(self, request: pb.GetFileRequest, owner: str | None) -> Message:
        found = await self._engine().in_thread(lambda: self._store.get(request.id, owner))
        return filled(pb.File, card(found).model_dump())

    async def _delete_file(self, request: pb.DeleteFileRequest, owner: str | None) -> Message:
        found = await self._engine().in_thread(lambda: self._store.delete(request.id, owner))
        return filled(pb.File, card(found).model_dump())
