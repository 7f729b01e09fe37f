"""The parts of an entry process, which takes requests: engine, HTTP app, gRPC server and the lane of its jobs.

service/app.py imports this module where such a process starts. BentoML's supervisor and the runners import service/app
as well, and need none of the routes, methods and schemas here, which take half of the time of such a start.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from service import __version__
from service.api import stopping
from service.api.grpc.server import GrpcServer
from service.api.http.app import create
from service.context import Context
from service.inference import tracing
from service.inference.engine import Engine
from service.inference.placement import Placement
from service.inference.sessions import Served
from service.jobs import Job
from service.jobs.entry import EntryLane, Report
from service.jobs.kinds import LABEL_LANE
from service.jobs.supervisor import Supervisor
from service.pipelines import label_jobs, study_labels, study_vectors, video_jobs
from service.settings import Settings
from service.stores.home import tighten
from service.stores.vectors import VectorStore

logger = logging.getLogger("daguerre.start")


class Entry:
    """One entry process. `start` and `stop` are called in its event loop."""

    def __init__(self, settings: Settings, placement: Placement, located: Callable[[], Served] | None = None) -> None:
        self.engine = Engine(settings, placement, located)
        self.context = Context.of(settings, lambda: self.engine)
        self.api = create(self.context)
        self._settings = settings
        self._grpc: GrpcServer | None = None

    async def start(self) -> None:
        """Start loading the models. /livez answers at once, /readyz when they are loaded."""
        context, settings = self.context, self._settings
        self._traces = tracing.start(settings.traces, __version__)
        if failed := await asyncio.to_thread(tighten, settings.home):
            logger.warning("others may read %s, and this user may not change that", ", ".join(map(str, failed[:5])))
        await asyncio.to_thread(context.jobs.table.open)
        await asyncio.to_thread(context.label_runs.sweep)
        await asyncio.to_thread(context.files.sweep)  # files that a killed process has left
        await asyncio.to_thread(context.classifiers.store.clean)
        await asyncio.to_thread(context.collections.sweep)
        await asyncio.to_thread(context.studies.sweep)
        try:
            self.engine.vectors = await asyncio.to_thread(VectorStore.of, settings)
        except OSError as exc:
            logger.warning("vectors are not cached: %s", exc)
        self._supervisor = Supervisor(settings, context.jobs.table)
        await self._supervisor.start()
        self._lane = EntryLane(
            context.jobs.table,
            self._run,
            ready=lambda: self.engine.ready,
        )
        await self._lane.start()
        self._labels = EntryLane(context.jobs.table, self._run_labels, ready=lambda: self.engine.ready, lane=LABEL_LANE)
        await self._labels.start()
        if settings.grpc_address:
            self._grpc = GrpcServer(context)
            await self._grpc.start()
            stopping.when_stopping(self._grpc.begin_stop)
        self._starting = asyncio.ensure_future(self.engine.start())
        self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _run(self, job: Job, folder: Path, results: Path, report: Report) -> Mapping[str, Any]:
        """Run a job of the lane of the encoders."""
        if job.kind == study_vectors.KIND:
            return await study_vectors.run(self.engine, self.context.studies, job, report)
        return await video_jobs.run(self.engine, self.context.classifiers, job, folder, results, report)

    async def _run_labels(self, job: Job, folder: Path, results: Path, report: Report) -> Mapping[str, Any]:
        """Run a job of the lane of the labellers."""
        if job.kind == study_labels.KIND:
            context = self.context
            return await study_labels.run(self.engine, context.labellers, context.studies, job, folder, results, report)
        return await label_jobs.run(self.engine, self.context.labellers, job, folder, results, report)

    async def stop(self) -> None:
        """Stop; running jobs are queued again for the next start."""
        self._starting.cancel()
        await self._lane.stop()
        await self._labels.stop()
        await self.context.labellers.close()
        await self._supervisor.stop()
        await asyncio.to_thread(self.context.jobs.table.close)
        await asyncio.to_thread(self.context.studies.close)
        if self._grpc:
            await self._grpc.stop()
        self.context.parsing.close()
        if self.engine.vectors is not None:
            await asyncio.to_thread(self.engine.vectors.close)
        if self._traces is not None:
            await asyncio.to_thread(self._traces.shutdown)
        await asyncio.to_thread(self.engine.close)  # threads of the engine may wait for this event loop
