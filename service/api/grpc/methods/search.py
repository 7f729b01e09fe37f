"""gRPC methods of similarity search."""

import json
from collections.abc import Iterator

from google.protobuf.message import Message

from daguerre_proto.v1 import corpus_pb2
from service.api.grpc.inputs import fields_of, items_without_video, read_vectors, vectors_or_collection
from service.api.grpc.methods.base import Method
from service.context import Context
from service.errors import Unprocessable
from service.pipelines.search import NO_CORPUS, search
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
        corpus = [request.corpus] if request.HasField("corpus") else []
        sent = [request.queries] if request.HasField("queries") else []
        queries = await read_vectors(self._context, sent, owner, faces=True, param="queries")
        checked = validated(SearchRequest, fields_of(request, without=("corpus", "queries")))
        checked, given = await vectors_or_collection(self._context, checked, corpus, owner, faces=True)
        if not given:
            raise Unprocessable(NO_CORPUS, param="vectors")
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
