"""gRPC methods of comparisons of representations."""

from collections.abc import Iterator, Sequence

from google.protobuf.message import Message

from daguerre_proto.v1 import classifiers_pb2, representations_pb2
from models.stopping import Check
from service.api.grpc.inputs import fields_of, vector_of
from service.api.grpc.messages import job
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import jobs as jobs_pipeline
from service.pipelines import representations
from service.pipelines.items import VectorInput
from service.pipelines.references import representations_of
from service.schemas.representations import RepresentationsRequest
from service.schemas.validation import validated_in_pieces


class RepresentationMethods:
    """Methods for comparisons of representations."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield (
            "CompareRepresentations",
            "representations",
            representations_pb2.CompareRepresentationsRequest,
            self._compare,
        )
        yield (
            "GetRepresentations",
            "representations",
            representations_pb2.GetRepresentationsRequest,
            self._get,
        )
        yield "RepresentationsPage", "representations", representations_pb2.RepresentationsPageRequest, self._page

    async def _compare(self, request: representations_pb2.CompareRepresentationsRequest, owner: str | None) -> Message:
        def read(check: Check) -> tuple[RepresentationsRequest, Sequence[VectorInput]]:
            fields = fields_of(request)
            headers = [fields_of(each, without=("data", "file", "receipt")) for each in request.vectors]
            checked = validated_in_pieces(RepresentationsRequest, {**fields, "vectors": headers})
            store = self._context.files
            pairs = zip(checked.vectors, request.vectors, strict=True)
            given = [
                None
                if header.collection is not None and not (sent.data or sent.HasField("file"))
                else vector_of(header, sent, store, owner, name=header.name)
                for header, sent in pairs
            ]
            return representations_of(checked, self._context.collections, owner, check, given)

        checked, vectors = await self._context.parsing.compute(read)
        begun = await representations.submit(self._context.jobs, checked, vectors, owner=owner)
        if request.as_job:
            return representations_pb2.CompareRepresentationsResponse(job=job(jobs_pipeline.job_record(begun)))
        await jobs_pipeline.wait_for_result(self._context.jobs, begun, owner=owner)
        return representations_pb2.CompareRepresentationsResponse(comparison=await self._comparison(begun.id, owner))

    async def _get(self, request: representations_pb2.GetRepresentationsRequest, owner: str | None) -> Message:
        return await self._comparison(request.id, owner)

    async def _comparison(self, id: str, owner: str | None) -> representations_pb2.RepresentationComparison:
        raw = await representations.read_answer(self._context.jobs, id, owner=owner)
        return representations_pb2.RepresentationComparison(id=id, answer_json=raw.decode())

    async def _page(self, request: representations_pb2.RepresentationsPageRequest, owner: str | None) -> Message:
        html = await representations.page(self._context.engine(), self._context.jobs, request.id, owner=owner)
        return classifiers_pb2.ReportPageResponse(html=html)
