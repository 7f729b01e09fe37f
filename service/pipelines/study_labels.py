"""Codebook labels of a study: a plan, and a job in the lane of the labellers that writes columns with receipts."""

import asyncio
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from models.errors import ItemError, listed, quoted
from models.stopping import Check
from service.errors import Conflict, ItemFailure, NotFound, ServiceError, TooLarge, Unavailable, Unprocessable
from service.inference.engine import Engine
from service.inference.fair_threads import one_caller, one_request
from service.inference.labellers import LocalLabeller
from service.inference.labelling import Labellers
from service.jobs import Job, Jobs
from service.jobs.entry import Report
from service.pipelines import answers
from service.pipelines.codebooks import require_newest
from service.pipelines.items import Item
from service.pipelines.label_asking import MOST_FAILED, ask_all
from service.pipelines.label_items import Contents, read_contents
from service.pipelines.label_jobs import ANSWER, JOURNAL, paid_answers
from service.pipelines.label_methods import Method
from service.pipelines.label_results import answer_of
from service.pipelines.labels import prepare, require_same
from service.pipelines.positions import remarks_of
from service.pipelines.study_label_columns import check_columns, columns_for, number_of, write_variable
from service.schemas import study_labels as schema
from service.schemas.labels import LabelMethod
from service.stores.label_answers import AnswerJournal
from service.stores.studies import Studies, Study
from service.stores.study_items import (
    MOST_COLUMNS,
    StudyItem,
    items_by,
    places_that_fulfil,
)
from service.stores.study_pictures import original

KIND = "study_labels"
MOST_ITEMS = 50_000
LOOKED_AT = 24  # items of a plan
AT_ONCE = 64  # items whose pictures are in memory
SILENT = frozenset({"labeller_unreachable", "labeller_busy", "labeller_failed", "labeller_refused"})
SUMS = ("requests", "most_requests", "identical", "unusable", "pixels", "prompt_tokens", "completion_tokens",
        "most_prompt_tokens", "most_completion_tokens", "rows")  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """A checked method, and the ids of the items, in order."""

    method: Method
    ids: Sequence[str]


def method_of(study: Study, request: schema.StudyLabelMethod) -> LabelMethod:
    """The method with the study's codebook. Raises NotFound without one, Unprocessable for unknown variables."""
    with study.database.reading() as db:
        _, codebook = require_newest(db, study.name)
    known = {each.name: each for each in codebook.variables if not each.is_paired}
    names = list(known) if request.variables is None else request.variables
    if unknown := [name for name in names if name not in known]:
        raise Unprocessable(
            f"variables: {quoted(unknown[0])} is no variable of items of the codebook, which has {listed(known)}",
            param="variables",
        )
    if not names:
        raise Unprocessable("variables: the codebook has none of single items; add one", param="variables")
    chosen = [each for each in codebook.variables if each.name in names]
    own = ("labeller", "template", "category_order", "variable_order", "seed", "temperature", "max_tokens")
    fields = {name: getattr(request, name) for name in own}
    return LabelMethod(codebook=codebook.model_copy(update={"variables": chosen}), **fields)


def host_of(method: Method) -> str | None:
    """The host that items are sent to; None for a labeller that sends nothing."""
    host: str | None = getattr(method.labeller, "host", None)
    return host


async def _checked(engine: Engine, labellers: Labellers, study: Study, request: schema.StudyLabelMethod) -> _Asked:
    labellers.find(request.labeller)  # before the codebook is looked for
    method = await prepare(engine, labellers, await engine.in_thread(lambda: method_of(study, request)))
    ids = await engine.in_thread(lambda: _ids(study, request.filters))
    if not ids:
        raise Unprocessable("filters: no item fulfils them; leave them out, or add pictures", code="no_items")
    if len(ids) > MOST_ITEMS:
        raise TooLarge(
            f"study: {len(ids):,} items, at most {MOST_ITEMS:,} are labelled by one job; give filters",
            code="too_many_items",
        )
    return _Asked(method, ids)


def _ids(study: Study, filters: Sequence[str]) -> list[str]:
    kept = set(places_that_fulfil(study.database, list(filters))) if filters else None
    with study.database.reading() as db:
        rows = db.execute("SELECT place, id FROM items ORDER BY place").fetchall()
    return [row["id"] for row in rows if kept is None or row["place"] in kept]


async def plan(
    engine: Engine, labellers: Labellers, study: Study, request: schema.StudyLabelMethod
) -> schema.StudyLabelPlan:
    """The prompt and the estimated cost. Raises NotFound, Unprocessable, TooLarge, and the errors of labels."""
    asked = await _checked(engine, labellers, study, request)
    n = len(asked.ids)
    some = [asked.ids[i * n // min(n, LOOKED_AT)] for i in range(min(n, LOOKED_AT))]
    contents, _ = await _read(engine, asked.method, study, some)
    cost = await engine.in_thread(lambda: asked.method.way.cost(contents))
    scale = n / len(some)
    fields = cost.model_dump()
    fields |= {name: math.ceil(fields[name] * scale) for name in SUMS if fields.get(name) is not None}
    fields |= {name: None if fields[name] is None else fields[name] * scale for name in ("price", "most_price")}
    return schema.StudyLabelPlan.model_validate(
        {
            **{"labeller": asked.method.labeller.name, "host": host_of(asked.method), "items": n},
            **{"fingerprint": asked.method.fingerprint, "prompt": asked.method.prompt.model_dump()},
            "variables": [each.name for each in asked.method.options.codebook.variables],
            **{"looked_at": len(some), "cost": fields},
        }
    )


async def submit(
    engine: Engine,
    labellers: Labellers,
    jobs: Jobs,
    study: Study,
    request: schema.StudyLabelsRequest,
    *,
    owner: str | None,
) -> Job:
    """Queue the job. Raises the errors of `plan`, and Conflict for another fingerprint or columns of others."""
    asked = await _checked(engine, labellers, study, request)
    method = asked.method
    if method.fingerprint != request.fingerprint:
        raise Conflict(
            f"fingerprint: got {quoted(request.fingerprint)}, and these labels would have {method.fingerprint}: the "
            "labeller, the codebook or an option is not that of the plan; look at the plan again, and confirm it",
            code="plan_changed",
            param="fingerprint",
        )
    prefix = method.labeller.name if request.prefix is None else request.prefix
    await engine.in_thread(lambda: check_columns(study, columns_for(method.options.codebook, prefix)))
    params = {
        **{"study": study.id, "created": study.created, "name": study.name, "n": len(asked.ids)},
        **{"labeller": method.labeller.name, "fingerprint": method.fingerprint, "prefix": prefix},
        "filters": list(request.filters),
    }
    options = method.options.model_copy(update={"labeller": method.labeller.name}).model_dump()

    def fill(folder: Path) -> None:
        if paid := paid_answers(jobs, owner, method.fingerprint):
            (folder / JOURNAL).write_bytes(paid)
        (folder / "task.json").write_bytes(orjson.dumps({"options": options, "ids": list(asked.ids)}))

    return await jobs.submit(KIND, params, owner=owner, fill=fill, alone=("study", "prefix"))


async def _read(
    engine: Engine, method: Method, study: Study, ids: Sequence[str]
) -> tuple[Contents, dict[str, StudyItem]]:
    """The contents of items, and the items by id; those without a usable picture or text are failures."""

    def read() -> tuple[list[Item], dict[int, tuple[str, str]], dict[str, StudyItem]]:
        there = {item.id: item for item in items_by(study.database, "id", ids)}
        found: list[Item] = []
        failed: dict[int, tuple[str, str]] = {}
        for i, id in enumerate(ids):
            item = there.get(id)
            try:
                if item is None:
                    raise NotFound("the item was removed from the study meanwhile", code="picture_gone")
                if study.collection is None:
                    found.append(Item(image=original(study, item, engine.settings), id=id))
                elif item.text:
                    found.append(Item(text=item.text, id=id))
                else:
                    raise NotFound("the item has no picture and no text here", code="picture_gone")
            except (ItemError, ServiceError) as exc:
                failed[i] = exc.code, str(exc)
                found.append(Item(text=" ", id=id))
        return found, failed, there

    posts, failed, there = await engine.in_thread(read)
    contents = await read_contents(engine, method.labeller, posts)
    failures = dict(contents.failures) | {i: ItemFailure(i, ids[i], *each) for i, each in failed.items()}
    return Contents(contents.keys, contents.by_key, dict(sorted(failures.items()))), there


async def run(
    engine: Engine, labellers: Labellers, studies: Studies, job: Job, folder: Path, results: Path, tell: Report
) -> Mapping[str, Any]:
    """Run a job, or go on with it: nothing that was answered is asked again.

    Raises Conflict where the labeller's settings have changed, Unavailable where it does not answer.
    """
    one_caller(job.owner)
    one_request()
    study = await engine.in_thread(lambda: _study_of(studies, job))
    if study is None:
        raise asyncio.CancelledError
    task = await asyncio.to_thread(lambda: orjson.loads((folder / "task.json").read_bytes()))
    method = await prepare(engine, labellers, LabelMethod.model_validate(task["options"]))
    require_same(method, job.params["fingerprint"])
    ids: list[str] = task["ids"]
    n = len(ids)
    journal = AnswerJournal(folder / JOURNAL)
    stage = method.labeller.stage
    parts: list[dict[str, Any]] = []
    places: list[int | None] = []
    first: dict[str, int] = {}  # places of contents
    for start in range(0, n, AT_ONCE):
        some = ids[start : start + AT_ONCE]
        contents, there = await _read(engine, method, study, some)
        outcomes, reused = await ask_all(
            method,
            contents.by_key,
            journal,
            owner=job.owner,
            report=lambda done, start=start: tell(0.99 * min(start + done, n) / n, stage),  # type: ignore[misc]
        )
        part = await engine.in_thread(lambda: answer_of(method, contents, outcomes, some, reused, job=job.id))  # noqa: B023
        _require_answers(part["data"], method)
        for i, entry in enumerate(part["data"]):
            key = contents.keys[i]
            earlier = first.setdefault(str(key), start + i) if key is not None else start + i
            entry["index"] = start + i
            if "labels" in entry:
                entry["same_as"] = None if earlier == start + i else earlier
        parts.append(part)
        places += [there[id].place if id in there else None for id in some]
        tell(0.99 * min(start + len(some), n) / n, stage)
    return await engine.compute(lambda check: _written(studies, job, method, parts, places, results, check))


def _study_of(studies: Studies, job: Job) -> Study | None:
    """The study of a job; None where it was deleted, and perhaps made anew."""
    study = studies.by_id(job.params["study"])
    return study if study is not None and study.created == job.params["created"] else None


def _require_answers(data: Sequence[Mapping[str, Any]], method: Method) -> None:
    """Raise Unavailable where the labeller does not answer any more: what it has answered is kept."""
    silent = [entry["error"] for entry in data if "error" in entry and entry["error"]["code"] in SILENT]
    if isinstance(method.labeller, LocalLabeller) and len(silent) < MOST_FAILED and any("labels" in e for e in data):
        silent = [each for each in silent if each["code"] != "labeller_failed"]  # the model could not run these items
    if silent:
        raise Unavailable(
            f"{method.labeller.name}: {silent[-1]['message']}; the answers so far are kept for a while, and the same "
            "labelling, started again, asks for none of them",
            code=silent[-1]["code"],
        )


def _written(
    studies: Studies,
    job: Job,
    method: Method,
    parts: Sequence[Mapping[str, Any]],
    places: Sequence[int | None],
    results: Path,
    check: Check,
) -> dict[str, Any]:
    """Write the answer and the columns, and return the result of the job."""
    study = _study_of(studies, job)
    if study is None:
        raise NotFound("study: it was deleted meanwhile", code="unknown_study")
    data = [entry for part in parts for entry in part["data"]]
    codebook = method.options.codebook
    remarks = list(parts[0]["remarks"][:1])
    if method.options.category_order == "permuted":
        remarks += remarks_of(codebook, data, check)
    receipt, usage = _receipt(parts), _usage(parts)
    answer = {**parts[0], "data": data, "receipt": receipt, "usage": usage, "remarks": remarks}
    part = results / f"{ANSWER}.part"
    part.write_bytes(answers.to_json(answer))
    part.replace(results / ANSWER)
    errors = Counter(entry["error"]["code"] for entry in data if "error" in entry)
    rows = [i for i, place in enumerate(places) if place is not None]
    columns = columns_for(codebook, job.params["prefix"])
    if number_of(study, columns, scored=True) > MOST_COLUMNS:
        columns = [replace(each, further=()) for each in columns]
        remarks.append(
            f"with the probabilities of each category the study would have more than {MOST_COLUMNS} columns: they are "
            f"in the answer of the labels alone, GET /v1/labels/{job.id}"
        )
    figures = [write_variable(study, job, each, data, rows, places, receipt, remarks) for each in columns]
    return {
        **{"study": study.name, "labeller": method.labeller.name, "n": len(data), "failed": errors.total()},
        **{"errors": dict(errors), "variables": figures, "usage": usage, "receipt": receipt, "remarks": remarks},
        "labels": job.id,
    }


def _receipt(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The receipt of all parts: every model and fingerprint that was told, and the whole time."""
    every = [part["receipt"] for part in parts]
    told = {name: sorted({each for one in every for each in one[name]}) for name in ("models", "system_fingerprints")}
    begins, ends = ([one[name] for one in every if one[name]] for name in ("first", "last"))
    return {**every[0], **told, "first": min(begins, default=None), "last": max(ends, default=None)}


def _usage(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The usage of all parts; numbers that one of them lacks are null."""

    def total(name: str) -> Any:
        found = [part["usage"][name] for part in parts if part["usage"]["answers"]]
        return None if not found or any(each is None for each in found) else sum(found)

    names = ("prompt_tokens", "completion_tokens", "price", "rows")
    counts = {name: sum(part["usage"][name] for part in parts) for name in ("answers", "reused")}
    return {**counts, **{name: total(name) for name in names}, "currency": parts[0]["usage"]["currency"]}
