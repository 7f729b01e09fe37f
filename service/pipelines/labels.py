"""Codebook labels: a labeller is asked about each different item, and every answer is kept and read strictly."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from service.errors import Conflict
from service.inference.engine import Engine
from service.inference.fair_threads import one_request
from service.inference.labellers import LocalLabeller
from service.inference.labelling import Labellers
from service.pipelines.items import Item, check_count, raise_if_failed
from service.pipelines.label_asking import ask_all
from service.pipelines.label_items import pictures_sent, read_contents, read_examples
from service.pipelines.label_likelihoods import LocalWay
from service.pipelines.label_methods import Method, Way
from service.pipelines.label_prompts import check_method
from service.pipelines.label_remote import RemoteWay
from service.pipelines.label_results import answer_of, failures_of
from service.schemas import labels as schema
from service.schemas.labels import LabelMethod
from service.stores.label_answers import AnswerJournal


async def prepare(engine: Engine, labellers: Labellers, options: LabelMethod) -> Method:
    """Check a method and make its prompt. Raises Forbidden, NotFound, Unprocessable."""
    labeller = labellers.find(options.labeller)
    check_method(options)
    examples = await read_examples(engine, labeller, options)
    way: Way
    if isinstance(labeller, LocalLabeller):
        way = await LocalWay.of(engine, labellers.turns(labeller), labeller, options, examples)
    else:
        way = RemoteWay(options, labeller, examples, labellers.endpoint(labeller))
    parts = {
        "prompt": way.prompt.sha256,
        "template": options.template,
        "codebook": options.codebook.model_dump(),
        "orders": [options.category_order, options.variable_order],
        "pictures": pictures_sent(labeller).model_dump(),
        **way.parts(),
    }
    fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    return Method(options, labeller, examples, way, fingerprint)


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
    one_request()
    method = await prepare(engine, labellers, request)
    check_count(engine, items)
    method.way.require_queue()
    contents = await read_contents(engine, method.labeller, items)
    raise_if_failed(contents.failures, request.on_error, len(items))
    outcomes, reused = await ask_all(method, contents.by_key, journal, owner=owner)
    failures = failures_of(contents, outcomes, [item.id for item in items])
    raise_if_failed(failures, request.on_error, len(items))
    ids = [item.id for item in items]
    return await engine.compute(lambda check: answer_of(method, contents, outcomes, ids, reused, check=check))


async def plan(
    engine: Engine, labellers: Labellers, request: schema.LabelPlanRequest, items: Sequence[Item] | None
) -> schema.LabelPlan:
    """The prompt and the cost of a request, of which nothing is sent. Raises the errors of `prepare`."""
    method = await prepare(engine, labellers, request)
    cost = None
    if items is not None:
        check_count(engine, items)
        contents = await read_contents(engine, method.labeller, items)
        cost = await engine.in_thread(lambda: method.way.cost(contents))
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
