"""Jobs of codebook labels, in a lane of their own: they wait for an endpoint or the batches of a model."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from models.errors import quoted
from models.stopping import Check
from service.errors import ItemFailure, NotFound
from service.inference.engine import Engine
from service.inference.fair_threads import one_caller, one_request
from service.inference.labelling import Labellers
from service.jobs import Job, Jobs
from service.jobs.entry import Report
from service.jobs.folders import PAID
from service.pipelines import answers
from service.pipelines.items import Item, check_count, raise_if_failed
from service.pipelines.label_asking import ask_all
from service.pipelines.label_items import Contents, ItemContent, read_contents
from service.pipelines.label_results import answer_of
from service.pipelines.labels import prepare, require_same
from service.schemas.labels import LabelMethod, LabelsRequest
from service.stores.label_answers import AnswerJournal

KIND, TASK, ANSWER, JOURNAL = "labels", "task.json", "answer.json", PAID
KINDS = (KIND, "study_labels")  # whose results are labels
MOST_FAILED = 100  # newest jobs of a caller, among which those that have failed lend their answers


async def submit(
    engine: Engine,
    labellers: Labellers,
    jobs: Jobs,
    request: LabelsRequest,
    items: Sequence[Item],
    *,
    owner: str | None,
) -> Job:
    """Check the request, store its items as they are sent, and queue the job. Raises the errors of `labels.label`."""
    method = await prepare(engine, labellers, request)
    check_count(engine, items)
    contents = await read_contents(engine, method.labeller, items)
    raise_if_failed(contents.failures, request.on_error, len(items))
    options = request.model_dump(include=set(LabelMethod.model_fields), exclude_unset=True)
    task = {
        "options": {**options, "labeller": method.labeller.name},
        "fingerprint": method.fingerprint,
        "ids": [item.id for item in items],
        "keys": contents.keys,
        "failures": [[i, each.id, each.code, each.message] for i, each in contents.failures.items()],
        "contents": {key: [each.text, each.pixels, each.picture is not None] for key, each in contents.by_key.items()},
    }

    def fill(folder: Path) -> None:
        if paid := paid_answers(jobs, owner, method.fingerprint):
            (folder / JOURNAL).write_bytes(paid)
        (folder / TASK).write_text(json.dumps(task), encoding="utf-8")
        for key, each in contents.by_key.items():
            if each.picture is not None:
                (folder / f"{key}.jpg").write_bytes(each.picture)

    return await jobs.submit(KIND, {"n": len(items), "labeller": method.labeller.name}, owner=owner, fill=fill)


def paid_answers(jobs: Jobs, owner: str | None, fingerprint: str) -> bytes:
    """Lines of the journals of failed jobs of this caller by the same method, each once, the oldest first."""
    begin = json.dumps({"key": f"{fingerprint}:"})[:-2].encode()
    lines: dict[bytes, None] = {}
    for job in reversed(jobs.table.newest(owner, MOST_FAILED, None)):
        if job.kind in KINDS and job.state == "failed" and job.owner == owner:
            with suppress(FileNotFoundError):  # it had asked nothing yet, or is deleted meanwhile
                read = (jobs.table.folder(job.id) / JOURNAL).read_bytes().splitlines(keepends=True)
                lines |= dict.fromkeys(line for line in read if line.startswith(begin) and line.endswith(b"\n"))
    return b"".join(lines)


async def run(
    engine: Engine, labellers: Labellers, job: Job, folder: Path, results: Path, tell: Report
) -> Mapping[str, Any]:
    """Run a job, or go on with it: what was answered before is not asked again."""
    one_caller(job.owner)
    one_request()
    task, contents = await asyncio.to_thread(_read, folder)
    method = await prepare(engine, labellers, LabelMethod.model_validate(task["options"]))
    require_same(method, task["fingerprint"])
    n = max(len(contents.by_key), 1)
    stage = method.labeller.stage
    tell(0.0, stage)
    outcomes, reused = await ask_all(
        method,
        contents.by_key,
        AnswerJournal(folder / JOURNAL),
        owner=job.owner,
        report=lambda done: tell(0.99 * done / n, stage),
    )

    def write(check: Check) -> dict[str, Any]:
        answer = answer_of(method, contents, outcomes, task["ids"], reused, job=job.id, check=check)
        part = results / f"{ANSWER}.part"
        part.write_bytes(answers.to_json(answer))
        part.replace(results / ANSWER)
        failed = sum("error" in entry for entry in answer["data"])
        return {"labeller": method.labeller.name, "n": len(answer["data"]), "failed": failed}

    return await engine.compute(write)


def _read(folder: Path) -> tuple[dict[str, Any], Contents]:
    task = orjson.loads((folder / TASK).read_bytes())
    by_key = {
        key: ItemContent(text, (folder / f"{key}.jpg").read_bytes() if has_picture else None, pixels)
        for key, (text, pixels, has_picture) in task["contents"].items()
    }
    failures = {i: ItemFailure(i, id, code, message) for i, id, code, message in task["failures"]}
    return task, Contents(task["keys"], by_key, failures)


async def read_answer(jobs: Jobs, id: str, *, owner: str | None) -> bytes:
    """The labels of an earlier job, as JSON. Raises NotFound, Conflict."""
    job = await jobs.get(id, owner=owner)
    _, raw = await jobs.read(id, ANSWER, owner=owner)
    if job.kind not in KINDS or raw is None:
        raise NotFound(f"labels: {quoted(id)} is no job of labels; see its result", code="unknown_labels", param="id")
    return raw
