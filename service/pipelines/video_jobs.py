"""Jobs for videos, whose answer is that of the same request with mode `sync`."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from models.errors import quoted
from service.errors import NotFound, Unprocessable
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.jobs.entry import Report
from service.pipelines import answers
from service.pipelines.frames import VideoInput
from service.pipelines.items import Item, check_count
from service.pipelines.operation import Call, Operation
from service.pipelines.operations import OPERATIONS
from service.pipelines.video import ProgressMonitor, decoded
from service.schemas.video import Sampling
from service.stores.classifiers import Classifiers

KIND, TASK, ANSWER = "video", "task.json", "answer.json"


@dataclass(frozen=True, kw_only=True)
class Task:
    """Task of a job whose folder holds the videos clip-0, clip-1, …"""

    operation: str
    options: dict[str, Any]
    classifier: str | None
    ids: tuple[str | None, ...]
    samplings: tuple[Sampling, ...]


async def submit(jobs: Jobs, operation: Operation[Any], call: Call[Any], *, owner: str | None) -> Job:
    """Check the request, store the videos, and queue the job.

    Raises
    ------
    Unprocessable : an item is not a video; invalid options.
    NotFound, TooLarge, Overloaded.
    """
    if call.vectors is not None:
        raise Unprocessable(
            "mode: a job is for videos; send vectors with mode sync, and large ones as a file of POST /v1/files",
            param="mode",
        )
    engine, items = call.engine, call.items or ()
    check_count(engine, items)
    for i, item in enumerate(items):
        if item.video is None:
            raise Unprocessable(
                f"input[{i}]: is no video, and a job is for videos; send the others with mode sync", param=f"input[{i}]"
            )
    operation.check(call)
    clips = [item.video for item in items if item.video is not None]
    limits = engine.settings.video_limits
    task = Task(
        operation=operation.name,
        options=call.options.model_dump(include=set(operation.options.model_fields)),
        classifier=None if call.stored is None else call.stored.label,
        ids=tuple(item.id for item in items),
        samplings=tuple(clip.sampling for clip in clips),
    )

    def fill(folder: Path) -> None:
        (folder / TASK).write_bytes(TypeAdapter(Task).dump_json(task))
        for i, clip in enumerate(clips):
            path = folder / f"clip-{i}"
            if isinstance(clip.source, Path):
                _link(clip.source, path)
            else:
                path.write_bytes(clip.source if isinstance(clip.source, bytes) else decoded(clip.source, limits))

    return await jobs.submit(KIND, {"operation": operation.name, "n": len(items)}, owner=owner, fill=fill)


def _link(source: Path, path: Path) -> None:
    """Link or copy a video, so that it stays if its file is deleted."""
    try:
        os.link(source, path)
    except FileNotFoundError as exc:
        raise NotFound("file: it was deleted meanwhile; send it again", code="unknown_file", param="file") from exc
    except OSError:  # on another file system
        shutil.copyfile(source, path)


async def run(
    engine: Engine, classifiers: Classifiers, job: Job, folder: Path, results: Path, tell: Report
) -> Mapping[str, Any]:
    """Run a job. Raises the errors of the same request with mode `sync`."""
    raw = await engine.in_thread((folder / TASK).read_bytes)
    task = TypeAdapter(Task).validate_json(raw)
    items = [
        Item(video=VideoInput(folder / f"clip-{i}", sampling), id=id)
        for i, (id, sampling) in enumerate(zip(task.ids, task.samplings, strict=True))
    ]
    monitor = ProgressMonitor(of=len(items), report=lambda progress: tell(0.99 * progress, "looking at the frames"))
    label = task.classifier
    operation = OPERATIONS[task.operation]
    call = Call(
        engine=engine,
        classifiers=classifiers,
        options=operation.options.model_validate(task.options),
        items=items,
        stored=None if label is None else await engine.in_thread(lambda: classifiers.open(label)),
        monitor=monitor,
    )
    answer = await operation.run(call)
    tell(0.99, "writing the answer")
    frames = sum(len(entry["video"]["frames"]) for entry in answer["data"] if "video" in entry)

    def write() -> None:
        part = results / f"{ANSWER}.part"
        part.write_bytes(answers.to_json(answer))
        part.replace(results / ANSWER)

    await engine.compute(lambda check: write())
    return {"operation": task.operation, "n": len(items), "frames": frames}


async def answer(jobs: Jobs, id: str, *, owner: str | None) -> tuple[str, bytes]:
    """The name of a job's operation, and its answer as JSON. Raises NotFound, Conflict."""
    result, raw = await jobs.read(id, ANSWER, owner=owner)
    if "operation" not in result or raw is None:
        raise NotFound(
            f"job: {quoted(id)} has no answer of this kind; see its result", code="unknown_answer", param="id"
        )
    return result["operation"], raw
