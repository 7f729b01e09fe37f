"""Clusters and duplicates over HTTP."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from daguerre.transport.http.body import expect_answer
from daguerre.transport.http.connection import JSON, HttpConnection
from daguerre.types.arrays import single
from daguerre.types.embeddings import VectorBlock
from daguerre.types.jobs import Job, job


class ClusterCalls(HttpConnection):
    """Clusters and duplicates."""

    async def cluster(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job:
        said, _ = await self._with_vectors("/v1/clusters", {**fields, "mode": "job"}, vectors)
        with expect_answer(self._url):
            return job(said)

    async def clustering(self, id: str) -> Mapping[str, Any]:
        said, _ = await self._ask("GET", _clustering(id))
        with expect_answer(self._url):
            for name in ("silhouettes", "silhouettes_final"):
                said[name] = single(said[name])
            if said["coordinates"] is not None:
                said["coordinates"] = [single(each) for each in said["coordinates"]]
        return said

    async def cluster_page(self, id: str, mode: str, pictures: Mapping[str, bytes]) -> str:
        posts = [{"id": name, "image": b64encode(image).decode()} for name, image in pictures.items()]
        body = await asyncio.to_thread(lambda: json.dumps({"pictures": mode, "input": posts}).encode())
        return (await self._good("POST", f"{_clustering(id)}/report.html", content=body, headers=JSON)).text

    async def duplicates(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job:
        if vectors:
            said, _ = await self._with_vectors("/v1/duplicates", {**fields, "mode": "job"}, vectors)
        else:
            said = await self._post_json("/v1/duplicates", {**fields, "mode": "job"})
        with expect_answer(self._url):
            return job(said)

    async def found_duplicates(self, id: str) -> Mapping[str, Any]:
        said, _ = await self._ask("GET", f"/v1/duplicates/{quote(id, safe='')}")
        with expect_answer(self._url):
            for group in said["groups"]:
                group["similarity"] = single(group["similarity"])
        return said


def _clustering(id: str) -> str:
    return f"/v1/clusters/{quote(id, safe='')}"
