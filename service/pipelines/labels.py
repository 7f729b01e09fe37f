"""Codebook labels: ask a labeller about each different item, keep every answer, and read it strictly."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from service.errors import Conflict
from service.inference.endpoints import EndpointError, Reply
from service.inference.engine import Engine
from service.inference.labelling import Labellers
from service.pipelines.concurrency import gather_cancelling
from service.pipelines.items import Item, check_count, raise_if_failed
from service.pipelines.label_answers import AnswerProblem, labels_of
from service.pipelines.label_items import ItemContent, read_contents, read_examples
from service.pipelines.label_prompts import (
    BEFORE_ITEM,
    Order,
    answer_schema,
    check_method,
    order_for,
    prompt_of,
    system_text,
)
from service.pipelines.label_results import Method, Outcome, answer_of, failures_of, pictures_sent, plan_cost
from service.schemas import labels as schema
from service.schemas.labels import LabelMethod
from service.stores.label_answers import AnswerJournal, Record

MOST_FAILED = 3  # items in a row that an endpoint has not answered in all tries, after which the others are not asked
LARGEST_SEED = 2**31


async def prepare(engine: Engine, labellers: Labellers, options: LabelMethod) -> Method:
    """Check a method and make its prompt. Raises Forbidden, NotFound, Unprocessable."""
    labeller = labellers.find(options.labeller)
    check_method(options)
    examples = await read_examples(engine, labeller, options)
    prompt = prompt_of(options, examples)
    parts = {
        "kind": labeller.kind,
        "host": labeller.host,
        "model": labeller.model,
        "prompt": prompt.sha256,
        "template": options.template,
        "codebook": options.codebook.model_dump(),
        "orders": [options.category_order, options.variable_order],
        "seed": options.seed
        if labeller.send_seed or "permuted" in (options.category_order, options.variable_order)
        else 0,
        "temperature": options.temperature if labeller.send_temperature else None,
        "max_tokens": options.max_tokens,
        "structured": labeller.structured,
        "logprobs": labeller.top_logprobs if labeller.logprobs else None,
        "pictures": pictures_sent(labeller).model_dump(),
    }
    fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    return Method(options, labeller, examples, prompt, fingerprint)


async def label(
    engine: Engine,
    labellers: Labellers,
    request: schema.LabelsRequest,
    items: Sequence[Item],
    journal: AnswerJournal,
    *,
    owner: str | None,
) -> dict[str, Any]:
    """The answer to a request. Raises ItemsFailed under on_error "fail", and the errors of `prepare`."""
    method = await prepare(engine, labellers, request)
    check_count(engine, items)
    contents = await read_contents(engine, method.labeller, items)
    raise_if_failed(contents.failures, request.on_error, len(items))
    outcomes, reused = await ask_all(labellers, method, contents.by_key, journal, owner=owner)
    failures = failures_of(contents, outcomes, [item.id for item in items])
    raise_if_failed(failures, request.on_error, len(items))
    return await engine.compute(lambda check: answer_of(method, contents, outcomes, [i.id for i in items], reused))


async def ask_all(
    labellers: Labellers,
    method: Method,
    contents: Mapping[str, ItemContent],
    journal: AnswerJournal,
    *,
    owner: str | None,
    report: Callable[[int], None] = lambda done: None,
) -> tuple[dict[str, Outcome], int]:
    """The outcomes by key of the content, and the number of answers that were in the journal before."""
    outcomes: dict[str, Outcome] = {}
    window = asyncio.Semaphore(method.labeller.concurrency)
    before = 0
    stopped: list[EndpointError] = []  # the error for which no other item is asked about
    silent = 0
    await asyncio.to_thread(journal.begin)

    async def one(key: str, content: ItemContent) -> None:
        nonlocal before, silent
        name = f"{method.fingerprint}:{key}"
        async with window:
            known = await asyncio.to_thread(journal.answers, name)
            before += len(known)
            try:
                outcome = await journal.shared(
                    name, lambda: _ask(labellers, method, name, key, content, journal, owner, stopped)
                )
            except EndpointError as exc:
                silent += exc.again
                if exc.everywhere or silent >= MOST_FAILED:
                    stopped.append(exc)
                records = await asyncio.to_thread(journal.answers, name)
                outcome = Outcome(records, order_for(method.options, key), error=(exc.code, exc.message))
            else:
                silent = 0
        outcomes[key] = outcome
        report(len(outcomes))

    await gather_cancelling([one(key, content) for key, content in contents.items()])
    return outcomes, before


async def _ask(
    labellers: Labellers,
    method: Method,
    name: str,
    key: str,
    content: ItemContent,
    journal: AnswerJournal,
    owner: str | None,
    stopped: Sequence[EndpointError],
) -> Outcome:
    """The outcome for one content: answers are asked for until one is usable. Raises EndpointError."""
    order = order_for(method.options, key)
    endpoint = labellers.endpoint(method.labeller)
    records = list(await asyncio.to_thread(journal.answers, name))
    while True:
        outcome = read_outcome(records, order)
        if outcome is not None and (outcome.labels is not None or _is_last(records, outcome, method)):
            return outcome
        if stopped:
            raise stopped[0]
        seed = (method.options.seed + len(records)) % LARGEST_SEED
        try:
            reply = await endpoint.ask(request_body(method, order, content, seed), caller=owner)
            record: dict[str, Any] = {**asdict(reply), "seed": seed}
        except EndpointError as exc:
            if exc.code != "invalid_answer":
                raise
            record = {**asdict(Reply(text=None)), "seed": seed, "error": [exc.code, exc.message]}
        await asyncio.to_thread(journal.add, name, record)
        records.append(record)


def read_outcome(records: Sequence[Record], order: Order) -> Outcome | None:
    """The outcome by the answers so far; None without any."""
    problems: list[str | None] = []
    error = None
    for record in records:
        try:
            labels = labels_of(record, order)
        except AnswerProblem as exc:
            problems.append(exc.code)
            error = (exc.code, exc.message)
        else:
            return Outcome(records, order, labels, problems=(*problems, None))
    return None if error is None else Outcome(records, order, error=error, problems=tuple(problems))


def _is_last(records: Sequence[Record], outcome: Outcome, method: Method) -> bool:
    """Whether no other answer is asked for: there were as many as permitted, or another would be cut off as well."""
    return len(records) >= method.labeller.answer_tries or outcome.problems[-1] == "truncated_answer"


def request_body(method: Method, order: Order, content: ItemContent, seed: int) -> dict[str, Any]:
    """The body of one chat completion."""
    labeller, options = method.labeller, method.options
    parts: list[dict[str, Any]] = []
    for each in method.examples:
        parts += [_text(f"{each.sentence}:"), *_content(each.text, each.jpeg)]
    parts += [_text(BEFORE_ITEM), *_content(content.text, content.jpeg)]
    user: Any = parts
    if all(part["type"] == "text" for part in parts):  # models of texts alone take a plain text
        user = "\n\n".join(part["text"] for part in parts)
    body: dict[str, Any] = {
        "model": labeller.model,
        "messages": [{"role": "system", "content": system_text(options, order)}, {"role": "user", "content": user}],
        labeller.length_field: options.max_tokens,
        "stream": False,
    }
    if labeller.send_temperature:
        body["temperature"] = options.temperature
    if labeller.send_seed:
        body["seed"] = seed
    if labeller.logprobs:
        body |= {"logprobs": True, "top_logprobs": labeller.top_logprobs}
    if labeller.structured == "json_schema":
        form = {"name": "codes", "strict": True, "schema": answer_schema(order)}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    elif labeller.structured == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def _content(text: str | None, jpeg: bytes | None) -> list[dict[str, Any]]:
    parts = [] if text is None else [_text(text)]
    if jpeg is not None:
        url = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


async def plan(
    engine: Engine, labellers: Labellers, request: schema.LabelPlanRequest, items: Sequence[Item] | None
) -> schema.LabelPlan:
    """The prompt and the cost of a request, of which nothing is sent. Raises the errors of `prepare`."""
    method = await prepare(engine, labellers, request)
    cost = None
    if items is not None:
        check_count(engine, items)
        cost = plan_cost(method, await read_contents(engine, method.labeller, items))
    return schema.LabelPlan(
        labeller=method.labeller.name, fingerprint=method.fingerprint, prompt=method.prompt, cost=cost
    )


def require_same(method: Method, fingerprint: str) -> None:
    """Raise Conflict where a job goes on with a labeller whose settings have changed since it was submitted."""
    if method.fingerprint != fingerprint:
        raise Conflict(
            f"labeller: the settings of {method.labeller.name} have changed since this job was submitted, and labels "
            "of two methods must not be mixed; submit it again",
            code="labeller_changed",
            param="labeller",
        )
