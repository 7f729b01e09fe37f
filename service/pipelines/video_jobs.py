"""Jobs for videos, whose answer is that of the same request with mode `sync`."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, TypeAdapter

from service.errors import NotFound, Unprocessable, quoted
from service.inference.engine import Engine
from service.inference.matching import encoder
from service.jobs import Job, Jobs
from service.jobs.entry import Report
from service.pipelines import answers
from service.pipelines.embeddings import check_dimensions, embed
from service.pipelines.frames import VideoInput
from service.pipelines.items import Item, check_count
from service.pipelines.predict import predict
from service.pipelines.prompts import ZeroShotQuery, prepare_prompts
from service.pipelines.video import ProgressMonitor, decoded
from service.pipelines.zero_shot import zero_shot
from service.schemas.classifiers import PredictRequest
from service.schemas.embeddings import EmbeddingsOptions
from service.schemas.video import Sampling
from service.schemas.zero_shot import ZeroShotOptions
from service.stores.classifiers import Classifiers

KIND, TASK, ANSWER = "video", "task.json", "answer.json"
Operation = Literal["embeddings", "zero_shot", "predict"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """Task of a job whose folder holds the videos clip-0, clip-1, …"""

    operation: Operation
    options: dict[str, Any]
    classifier: str | None
    ids: tuple[str | None, ...]
    samplings: tuple[Sampling, ...]


async def submit(
    engine: Engine,
    classifiers: Classifiers,
    jobs: Jobs,
    operation: Operation,
    options: BaseModel,
    items: Sequence[Item],
    *,
    classifier: str | None = None,
    owner: str | None,
) -> Job:
    """Check the request, store the videos, and queue the job.

    Raises
    ------
    Unprocessable : an item is not a video; invalid options.
    NotFound, TooLarge, Overloaded.
    """
    check_count(engine, items)
    for i, item in enumerate(items):
        if item.video is None:
            raise Unprocessable(
                f"input[{i}]: is no video, and a job is for videos; send the others with mode sync", param=f"input[{i}]"
            )
    await _check(engine, classifiers, options, classifier)
    clips = [item.video for item in items if item.video is not None]
    limits = engine.settings.video_limits
    task = Task(
        operation=operation,
        options=options.model_dump(exclude={"input", "vectors", "sampling", "mode"}),
        classifier=classifier,
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

    return await jobs.submit(KIND, {"operation": operation, "n": len(items)}, owner=owner, fill=fill)


async def _check(engine: Engine, classifiers: Classifiers, options: BaseModel, classifier: str | None) -> None:
    """Raise the errors of the request that do not depend on its items."""
    if isinstance(options, EmbeddingsOptions):
        check_dimensions(engine.model(options.model).spec, options.dimensions)
    elif isinstance(options, ZeroShotOptions):
        prepare_prompts(engine, engine.model(options.model), ZeroShotQuery.of(options))
    elif classifier is not None:
        stored = await engine.in_thread(lambda: classifiers.open(classifier))
        for block in stored.head.blocks if stored.head else ():
            encoder(engine, block)


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
    answer = await _answer(engine, classifiers, task, items, monitor)
    tell(0.99, "writing the answer")
    frames = sum(len(entry["video"]["frames"]) for entry in answer["data"] if "video" in entry)

    def write() -> None:
        part = results / f"{ANSWER}.part"
        part.write_bytes(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY))
        part.replace(results / ANSWER)

    await engine.in_thread(write)
    return {"operation": task.operation, "n": len(items), "frames": frames}


async def _answer(
    engine: Engine, classifiers: Classifiers, task: Task, items: Sequence[Item], monitor: ProgressMonitor
) -> dict[str, Any]:
    if task.operation == "predict":
        said = PredictRequest.model_validate(task.options)
        stored = await engine.in_thread(lambda: classifiers.open(task.classifier or ""))
        told = await predict(
            engine, classifiers, stored, items=items, vectors=None, on_error=said.on_error, monitor=monitor
        )
        return answers.predictions(stored, task.ids, told)
    if task.operation == "embeddings":
        options = EmbeddingsOptions.model_validate(task.options)
        model, decode = engine.model(options.model), options.decode or engine.settings.decode
        encoded = await embed(
            engine,
            model,
            items,
            dimensions=options.dimensions,
            decode=decode,
            on_error=options.on_error,
            monitor=monitor,
        )
        return answers.embeddings(model, decode, options, task.ids, encoded)
    labels = ZeroShotOptions.model_validate(task.options)
    model, decode = engine.model(labels.model), labels.decode or engine.settings.decode
    found = await zero_shot(
        engine, model, items, ZeroShotQuery.of(labels), decode=decode, on_error=labels.on_error, monitor=monitor
    )
    return answers.zero_shot(model, decode, labels, task.ids, found)


async def answer(jobs: Jobs, id: str, *, owner: str | None) -> tuple[Operation, bytes]:
    """The answer of a job, as JSON. Raises NotFound, Conflict."""
    result, folder = await jobs.result(id, owner=owner)
    path = folder / ANSWER
    if "operation" not in result or not path.exists():
        raise NotFound(
            f"job: {quoted(id)} has no answer of this kind; see its result", code="unknown_answer", param="id"
        )
    return result["operation"], path.read_bytes()
