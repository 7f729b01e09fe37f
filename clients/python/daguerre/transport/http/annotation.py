"""Samples, pairs, agreement and comparison over HTTP."""

from collections.abc import Mapping
from typing import Any

from daguerre.transport.http.connection import HttpConnection


class AnnotationCalls(HttpConnection):
    """Annotation."""

    async def sample(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._post_json("/v1/samples", fields)

    async def pairs(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._post_json("/v1/pairs", fields)

    async def agreement(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._post_json("/v1/agreement", fields)

    async def compare(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._post_json("/v1/comparisons", fields)
