"""The health service of gRPC, grpc.health.v1."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from daguerre_proto.v1 import daguerre_pb2

Asked: TypeAlias = health_pb2.HealthCheckRequest
Told: TypeAlias = health_pb2.HealthCheckResponse
SERVICE = daguerre_pb2.DESCRIPTOR.services_by_name["Daguerre"].full_name
WATCH = 0.25  # seconds between readiness checks for a watcher


class Health(health_pb2_grpc.HealthServicer):
    """Servicer of grpc.health.v1 that evaluates readiness on every call."""

    def __init__(self, ready: Callable[[], bool], stopping: asyncio.Event) -> None:
        self._ready = ready
        self._stopping = stopping

    def _status(self, service: str) -> int:
        if service not in ("", SERVICE):
            return Told.SERVICE_UNKNOWN
        return Told.SERVING if self._ready() else Told.NOT_SERVING

    async def Check(self, request: Asked, context: "grpc.aio.ServicerContext[Asked, Told]") -> Told:
        status = self._status(request.service)
        if status == Told.SERVICE_UNKNOWN:
            await context.abort(
                grpc.StatusCode.NOT_FOUND, f"service: there is no {request.service[:60]!r} here, only {SERVICE!r}"
            )
        return Told(status=status)

    async def Watch(self, request: Asked, context: "grpc.aio.ServicerContext[Asked, Told]") -> None:
        last = None
        while True:
            status = self._status(request.service)
            if status != last:
                await context.write(Told(status=status))
                last = status
            if self._stopping.is_set():
                return  # otherwise watchers would keep the server from stopping
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), WATCH)
