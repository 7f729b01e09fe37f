"""Results of codebook labels: entries, receipts, costs, and the cards of labellers."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import PIL

from models.errors import quoted
from models.images.sent import RECIPE as PICTURES
from service import __version__
from service.errors import ItemFailure
from service.inference.labellers import Labeller
from service.inference.labelling import Labellers
from service.metrics import ITEMS, ITEMS_FAILED
from service.pipelines.jobs import time_of
from service.pipelines.label_items import Contents
from service.pipelines.label_prompts import BEFORE_ITEM, CANNOT_TELL, ExampleContent, Order, fixed_order
from service.schemas import labels as schema
from service.schemas.labels import LabelMethod, LabelPrompt, VariableLabel
from service.stores.label_answers import Record

TEXT_TOKENS = 3.0  # characters of a token, rounded up for English; other languages have fewer
NUMBER = 1234.5678  # a number of usual length
MESSAGE_TOKENS = 50  # beside the texts: roles, and the schema's frame
RULE = (
    "an estimate, since only the endpoint knows its tokenizer: a token for each {characters:g} characters of prompt "
    "and schema, {message} for each request, and one for each {pixels:g} pixels of a picture (pixels_per_token of the "
    "labeller); an answer has the longest category of each variable and no thoughts, or max_tokens where a "
    "variable is a text. At most, each item is asked about answer_tries times ({tries}) and each answer has max_tokens "
    "({longest}); requests that an endpoint charges for without answering them come on top"
)


@dataclass(frozen=True)
class Method:
    """A validated method: labeller, prompt and fingerprint."""

    options: LabelMethod
    labeller: Labeller
    examples: Sequence[ExampleContent]
    prompt: LabelPrompt
    fingerprint: str


@dataclass(frozen=True)
class Outcome:
    """All answers about one content, and its labels or the error."""

    records: Sequence[Record]
    order: Order
    labels: Mapping[str, VariableLabel] | None = None
    error: tuple[str, str] | None = None
    problems: Sequence[str | None] = ()


def failures_of(
    contents: Contents, outcomes: Mapping[str, Outcome], ids: Sequence[str | None]
) -> dict[int, ItemFailure]:
    """The items without labels, by index: unusable ones, and those without a usable answer."""
    failures = dict(contents.failures)
    for i, key in enumerate(contents.keys):
        error = None if key is None else outcomes[key].error
        if error is not None:
            failures[i] = ItemFailure(i, ids[i], *error)
    return dict(sorted(failures.items()))


def answer_of(
    method: Method,
    contents: Contents,
    outcomes: Mapping[str, Outcome],
    ids: Sequence[str | None],
    reused: int,
    job: str | None = None,
) -> dict[str, Any]:
    """The answer as JSON types."""
    failures = failures_of(contents, outcomes, ids)
    first: dict[str, int] = {}
    data: list[schema.LabelledEntry | schema.UnlabelledEntry] = []
    for i, key in enumerate(contents.keys):
        outcome = None if key is None else outcomes[key]
        raw = [] if outcome is None else _raw_answers(outcome)
        if i in failures or outcome is None or outcome.labels is None:
            failure = failures[i]
            error = {"code": failure.code, "message": failure.message}
            data.append(schema.UnlabelledEntry(index=i, id=ids[i], error=error, answers=raw))
            ITEMS_FAILED.labels(failure.code).inc()
            continue
        place = first.setdefault(str(key), i)
        data.append(
            schema.LabelledEntry(
                index=i,
                id=ids[i],
                labels=dict(outcome.labels),
                variables=[each.name for each in outcome.order.variables],
                categories={
                    name: [each for each in names if each != CANNOT_TELL]
                    for name, names in outcome.order.choices.items()
                    if names
                },
                answers=raw,
                same_as=None if place == i else place,
            )
        )
    ITEMS.labels("labels", "image" if any(each.jpeg for each in contents.by_key.values()) else "text").inc(
        len(data) - len(failures)
    )
    records = [record for outcome in outcomes.values() for record in outcome.records]
    return schema.LabelsAnswer(
        id=job,
        data=data,
        codebook=method.options.codebook.model_dump(),
        prompt=method.prompt,
        receipt=receipt_of(method, records),
        usage=_usage(method.labeller, records, reused),
        remarks=_remarks(method, data, records),
    ).model_dump()


def _raw_answers(outcome: Outcome) -> list[schema.RawAnswer]:
    return [
        schema.RawAnswer(
            **{name: record[name] for name in schema.RawAnswer.model_fields if name in record and name != "date"},
            date=time_of(record["date"]) or "",
            problem=problem,
        )
        for record, problem in zip(outcome.records, (*outcome.problems, *[None] * len(outcome.records)), strict=False)
    ]


def receipt_of(method: Method, records: Sequence[Record]) -> schema.LabelReceipt:
    """The receipt of the labels that `records` are the answers of."""
    options, labeller = method.options, method.labeller
    dates = sorted(record["date"] for record in records if record["date"])
    return schema.LabelReceipt(
        labeller=labeller.name,
        kind=labeller.kind,
        host=labeller.host,
        model=labeller.model,
        models=sorted({record["model"] for record in records if record["model"]}),
        system_fingerprints=sorted({r["system_fingerprint"] for r in records if r["system_fingerprint"]}),
        fingerprint=method.fingerprint,
        prompt_sha256=method.prompt.sha256,
        structured=labeller.structured,
        category_order=options.category_order,
        variable_order=options.variable_order,
        seed=options.seed,
        seed_sent=labeller.send_seed,
        temperature=options.temperature if labeller.send_temperature else None,
        max_tokens=options.max_tokens,
        pictures=pictures_sent(labeller),
        first=time_of(dates[0]) if dates else None,
        last=time_of(dates[-1]) if dates else None,
        made_with={"daguerre": __version__, "pillow": PIL.__version__},
    )


def _usage(labeller: Labeller, records: Sequence[Record], reused: int) -> schema.LabelUsage:
    def total(name: str) -> int | None:
        told = [record[name] for record in records]
        return None if not told or any(each is None for each in told) else sum(told)

    prompt, completion = total("prompt_tokens"), total("completion_tokens")
    price = None if prompt is None or completion is None else price_of(labeller, prompt, completion)
    return schema.LabelUsage(
        answers=len(records),
        reused=reused,
        prompt_tokens=prompt,
        completion_tokens=completion,
        price=price,
        currency=None if labeller.input_price is None else labeller.currency,
    )


def price_of(labeller: Labeller, prompt_tokens: int, completion_tokens: int) -> float | None:
    """The price of tokens by the owner's prices per million; None without prices."""
    if labeller.input_price is None or labeller.output_price is None:
        return None
    return (prompt_tokens * labeller.input_price + completion_tokens * labeller.output_price) / 1e6


def pictures_sent(labeller: Labeller) -> schema.PicturesSent:
    return schema.PicturesSent(max_side=labeller.max_side, jpeg_quality=labeller.jpeg_quality, recipe=PICTURES)


def _remarks(method: Method, data: Sequence[Any], records: Sequence[Record]) -> list[str]:
    remarks = [
        "labels of a model are measurements with errors: validate them against human codes of a random sample, and "
        "correct estimates by these"
    ]
    models = {record["model"] for record in records if record["model"]}
    if len(models) > 1:
        remarks.append(f"the endpoint told {len(models)} models, {quoted(', '.join(sorted(models)))}: compare them")
    fingerprints = {record["system_fingerprint"] for record in records if record["system_fingerprint"]}
    if len(fingerprints) > 1:
        remarks.append(f"the endpoint's configuration changed: it told {len(fingerprints)} system fingerprints")
    good = [entry for entry in data if isinstance(entry, schema.LabelledEntry)]
    if method.labeller.logprobs and good:
        without = sum(
            1
            for entry in good
            for name, label in entry.labels.items()
            if name in entry.categories and label.probabilities is None and not isinstance(label.value, list)
        )
        if without:
            remarks.append(
                f"{without:,} labels have no probabilities, since the endpoint's log-probabilities do not tell"
            )
    return remarks


def plan_cost(method: Method, contents: Contents) -> schema.LabelCost:
    """The cost of labelling the items, without their being sent."""
    labeller, options = method.labeller, method.options
    n = len(contents.by_key)
    pixels = sum(each.pixels for each in method.examples)
    characters = len(method.prompt.system) + len(BEFORE_ITEM)
    characters += sum(len(each.sentence) + len(each.text or "") for each in method.examples)
    if labeller.structured == "json_schema":
        characters += len(json.dumps(method.prompt.answer_schema))
    own_pixels = sum(content.pixels for content in contents.by_key.values())
    texts = sum(len(content.text or "") for content in contents.by_key.values())
    prompt = n * (characters / TEXT_TOKENS + MESSAGE_TOKENS + pixels / labeller.pixels_per_token)
    prompt += texts / TEXT_TOKENS + own_pixels / labeller.pixels_per_token
    tries = labeller.answer_tries
    completion = n * min(options.max_tokens, _answer_tokens(fixed_order(options), options.max_tokens))
    most_prompt, most_completion = math.ceil(prompt) * tries, n * tries * options.max_tokens
    return schema.LabelCost(
        requests=n,
        most_requests=n * tries,
        identical=sum(key is not None for key in contents.keys) - n,
        unusable=len(contents.failures),
        pixels=own_pixels + n * pixels,
        prompt_tokens=math.ceil(prompt),
        completion_tokens=completion,
        most_prompt_tokens=most_prompt,
        most_completion_tokens=most_completion,
        rule=RULE.format(
            characters=TEXT_TOKENS,
            message=MESSAGE_TOKENS,
            pixels=labeller.pixels_per_token,
            tries=tries,
            longest=options.max_tokens,
        ),
        price=price_of(labeller, math.ceil(prompt), completion),
        most_price=price_of(labeller, most_prompt, most_completion),
        currency=None if labeller.input_price is None else labeller.currency,
    )


def _answer_tokens(order: Order, most: int) -> int:
    """Estimated tokens of an answer with the longest choices; `most` where a variable is a text."""
    longest: dict[str, Any] = {}
    for variable in order.variables:
        names = order.choices[variable.name]
        if variable.kind == "text":
            return most
        longest[variable.name] = NUMBER if not names else list(names) if variable.multiple else max(names, key=len)
    return math.ceil(len(json.dumps(longest, ensure_ascii=False)) / TEXT_TOKENS)


def cards(labellers: Labellers) -> schema.LabellerList:
    """The labellers of this server, the default first."""
    return schema.LabellerList(data=[_card(each, i == 0) for i, each in enumerate(labellers.all.values())])


def _card(labeller: Labeller, default: bool) -> schema.LabellerCard:
    side, quality = labeller.max_side, labeller.jpeg_quality
    return schema.LabellerCard(
        name=labeller.name,
        kind=labeller.kind,
        default=default,
        host=labeller.host,
        model=labeller.model,
        sent=f"The prompt, texts, and pictures as JPEGs of at most {side} pixels on the longer side (quality "
        f"{quality}, without metadata) go to {labeller.host}. Ids, names of files and keys of callers do not.",
        kept="Here: of a request nothing after its answer; of a job its items until it ends, and its answers until it "
        "expires; of a run its answers, until it is deleted or expires. There: "
        + (labeller.kept_there or f"not known to this server; it is the owner of {labeller.host} who says it."),
        structured=labeller.structured,
        logprobs=labeller.logprobs,
        example_pictures=labeller.example_pictures,
        pictures=pictures_sent(labeller),
        concurrency=labeller.concurrency,
        requests_per_minute=labeller.requests_per_minute,
        input_price=labeller.input_price,
        output_price=labeller.output_price,
        currency=None if labeller.input_price is None else labeller.currency,
    )
