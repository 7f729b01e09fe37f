"""Search over HTTP."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from daguerre.transport.http.body import expect_answer
from daguerre.transport.http.connection import HttpConnection, block_fields
from daguerre.types.arrays import single
from daguerre.types.embeddings import VectorBlock


class SearchCalls(HttpConnection):
    """Search."""

    async def search(self, fields: Mapping[str, Any], corpus: VectorBlock, queries: VectorBlock) -> Mapping[str, Any]:
        data = b64encode(queries.rows.astype("<f4", copy=False).tobytes()).decode()
        asked = {**fields, "queries": {**block_fields(queries), "data": data}}
        said, _ = await self._with_vectors("/v1/search", asked, [corpus])
        with expect_answer(self._url):
            for entry in said["data"]:
                for each, cosine in zip(
                    entry["neighbours"], single(e["cosine"] for e in entry["neighbours"]), strict=True
                ):
                    each["cosine"] = cosine
        return said
