"""gRPC methods of similarity search."""

import json
from collections.abc import Iterator

from google.protobuf.message import Message

from daguerre_proto.v1 import corpus_pb2
from service.api.grpc.inputs import fields_of, items_without_video, vectors_of
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines.search import search
from service.schemas.search import SearchRequest
from service.schemas.validation import validated


class SearchMethods:
    """Methods for similarity search."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "Search", "search", corpus_pb2.SearchRequest, self._search

    async def _search(self, request: corpus_pb2.SearchRequest, owner: str | None) -> Message:
        given = vectors_of([request.corpus], self._context.files, owner)
        queries = vectors_of([request.queries], self._context.files, owner) if request.HasField("queries") else None
        assert given
        block = {name: getattr(given[0], name) for name in ("modality", "model", "fingerprint")}
        fields = fields_of(request, without=("corpus", "queries"))
        checked = validated(SearchRequest, {**fields, "vectors": [{**block, "dimension": given[0].rows.shape[1]}]})
        items = items_without_video(request.input) or None
        found = await search(
            self._context.engine(), checked, corpus=given[0], items=items, queries=queries[0] if queries else None
        )
        return await self._context.engine().compute(
            lambda check: corpus_pb2.SearchResponse(
                data=found.to_json(checked.ids, items or ()),
                model=found.model,
                receipt_json=json.dumps(dict(found.receipt), ensure_ascii=False),
            )
        )
