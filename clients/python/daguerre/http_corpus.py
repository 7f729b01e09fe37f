"""The part of the HTTP transport that clusters, looks for duplicates, draws, compares, searches and sends files."""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from daguerre.http_body import entries, failures_of, form
from daguerre.http_classifiers import JSON, Trained, block_said
from daguerre.inputs.pieces import Sendable, pieces, size_of
from daguerre.types.arrays import single
from daguerre.types.common import NO_MODEL, Payload
from daguerre.types.embeddings import VectorBlock
from daguerre.types.images import ImageDescription, ImagesAnswer
from daguerre.types.jobs import Job, job


class Explored(Trained):
    """A corpus, on what the transport has."""

    async def cluster(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job:
        said, _ = await self._with_vectors("/v1/clusters", {**fields, "mode": "job"}, vectors)
        with self._understood():
            return job(said)

    async def clustering(self, id: str) -> Mapping[str, Any]:
        said, _ = await self._ask("GET", _clustering(id))
        with self._understood():
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
            said = await self._said("/v1/duplicates", {**fields, "mode": "job"})
        with self._understood():
            return job(said)

    async def found_duplicates(self, id: str) -> Mapping[str, Any]:
        said, _ = await self._ask("GET", f"/v1/duplicates/{quote(id, safe='')}")
        with self._understood():
            for group in said["groups"]:
                group["similarity"] = single(group["similarity"])
        return said

    async def describe_images(self, items: Sequence[Payload], thumbnail: int | None, blurred: bool) -> ImagesAnswer:
        fields = {"thumbnail": thumbnail, "blurred": blurred, "on_error": "skip"}
        content, kind = await asyncio.to_thread(lambda: form({"request": json.dumps(fields)}, items))
        said, request_id = await self._ask("POST", "/v1/images", content=content, headers={"content-type": kind})
        with self._understood():
            data = entries(said, items)
            return ImagesAnswer(
                images=[None if entry.get("error") else _image(entry) for entry in data],
                receipt=NO_MODEL,
                failures=failures_of(data),
                truncated=[],
                request_id=request_id,
            )

    async def sample(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._said("/v1/samples", fields)

    async def pairs(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._said("/v1/pairs", fields)

    async def agreement(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._said("/v1/agreement", fields)

    async def compare(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._said("/v1/comparisons", fields)

    async def search(self, fields: Mapping[str, Any], corpus: VectorBlock, queries: VectorBlock) -> Mapping[str, Any]:
        data = b64encode(queries.rows.astype("<f4", copy=False).tobytes()).decode()
        asked = {**fields, "queries": {**block_said(queries), "data": data}}
        said, _ = await self._with_vectors("/v1/search", asked, [corpus])
        with self._understood():
            for entry in said["data"]:
                for each, cosine in zip(
                    entry["neighbours"], single(e["cosine"] for e in entry["neighbours"]), strict=True
                ):
                    each["cosine"] = cosine
        return said

    async def upload(self, given: Sendable, name: str) -> Mapping[str, Any]:
        headers = {"content-type": "application/octet-stream", "content-length": str(size_of(given))}
        said, _ = await self._ask("POST", "/v1/files", params={"name": name}, content=pieces(given), headers=headers)
        return said

    async def files(self) -> Sequence[Mapping[str, Any]]:
        return await self._every("/v1/files")

    async def delete_file(self, id: str) -> Mapping[str, Any]:
        return (await self._ask("DELETE", f"/v1/files/{quote(id, safe='')}"))[0]

    async def _said(self, path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        body = await asyncio.to_thread(lambda: json.dumps(fields).encode())
        return (await self._ask("POST", path, content=body, headers=JSON))[0]


def _clustering(id: str) -> str:
    return f"/v1/clusters/{quote(id, safe='')}"


def _image(entry: Mapping[str, Any]) -> ImageDescription:
    small = entry.get("thumbnail")
    return ImageDescription(
        sha256=entry["sha256"],
        phash=entry.get("phash"),
        width=entry["width"],
        height=entry["height"],
        thumbnail=None if small is None else b64decode(small),
    )
