"""Helpers of HTTP routes: waiting while the caller is connected, responses, parameters of lists."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request, Response
from pydantic import BaseModel

from models.pages.document import POLICY
from service.context import Context
from service.errors import CallerGone, TimedOut
from service.jobs import Job
from service.pipelines import answers, video_jobs
from service.pipelines import jobs as pipeline
from service.pipelines.operation import Call, Operation
from service.schemas.common import Mode

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=1000, description="Maximum number of entries.")]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the previous page.")]


async def while_connected(request: Request, timeout: float, work: Coroutine[Any, Any, T]) -> T:
    """Run `work` until it is done, times out, or the caller disconnects."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    task, watch = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({task, watch}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if watch.done():
            raise CallerGone("the caller went away")
        raise TimedOut.after(timeout)
    finally:
        for pending in (task, watch):
            if not pending.done():
                pending.cancel()


def shallow(answer: BaseModel) -> dict[str, Any]:
    """The fields of an answer, of which those that are plain JSON already, a report perhaps, are not copied."""

    def dumped(value: Any) -> Any:
        if isinstance(value, BaseModel):
            return value.model_dump()
        return (
            list(map(dumped, value)) if isinstance(value, list) and value and isinstance(value[0], BaseModel) else value
        )

    return {name: dumped(value) for name, value in answer}


async def computed(context: Context, make: Callable[[], Mapping[str, Any]]) -> Response:
    """A JSON response for an answer that may be large, which is made by `make` among the analyses."""
    body = await context.engine().compute(lambda check: answers.to_json(make()))
    return Response(body, media_type="application/json")


def json_response(content: dict[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(answers.to_json(content), media_type="application/json", status_code=status, headers=headers)


def page_response(html: str) -> Response:
    """An HTML response whose policy forbids scripts and external resources, whatever the labels contain."""
    return Response(html, media_type="text/html", headers={"content-security-policy": POLICY})


def job_response(job: Job) -> Response:
    """The response for a submitted job."""
    return json_response(pipeline.job_record(job).model_dump(), status=202)


async def answered(
    request: Request, context: Context, job: Job, mode: Mode, read: Callable[[], Awaitable[bytes]]
) -> Response:
    """Respond with the job immediately, or with its result when it is done."""
    if mode == "job":
        return job_response(job)
    ended = pipeline.wait_for_result(context.jobs, job, owner=request.state.owner)
    await while_connected(request, context.settings.request_timeout, ended)
    return Response(await read(), media_type="application/json")


async def operation_response(
    request: Request, context: Context, operation: Operation[Any], call: Call[Any]
) -> Response:
    """Respond with the answer of a call, or with its job in mode `job`."""
    if call.options.mode == "job":
        return job_response(await video_jobs.submit(context.jobs, operation, call, owner=request.state.owner))

    async def work() -> Response:
        answer = await operation.run(call)
        return json_response(answer) if answers.is_small(answer) else await computed(context, lambda: answer)

    return await while_connected(request, context.settings.request_timeout, work())
