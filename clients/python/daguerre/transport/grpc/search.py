"""Search over gRPC."""

import json
from collections.abc import Mapping
from typing import Any

from daguerre.transport.grpc.connection import GrpcConnection
from daguerre.transport.grpc.errors import encodable, expect_answer
from daguerre.transport.grpc.messages import (
    field_or_none,
    vectors_message,
)
from daguerre.types.arrays import single
from daguerre.types.embeddings import VectorBlock
from daguerre_proto.v1 import corpus_pb2 as pb


class SearchCalls(GrpcConnection):
    """Search."""

    async def search(self, fields: Mapping[str, Any], corpus: VectorBlock, queries: VectorBlock) -> Mapping[str, Any]:
        with encodable():
            request = pb.SearchRequest(**fields, corpus=vectors_message(corpus), queries=vectors_message(queries))
        said, _ = await self._call("Search", request, pb.SearchResponse)
        with expect_answer(self._url):
            return {
                "data": [_found(each) for each in said.data],
                "model": said.model,
                "receipt": json.loads(said.receipt_json),
            }


def _found(said: pb.Found) -> dict[str, Any]:
    cosines = single(each.cosine for each in said.neighbours)
    near = [
        {"index": each.index, "id": field_or_none(each, "id"), "cosine": cosine}
        for each, cosine in zip(said.neighbours, cosines, strict=True)
    ]
    found: dict[str, Any] = {"index": said.index, "neighbours": near}
    return {**found, "id": said.id} if said.HasField("id") else found
