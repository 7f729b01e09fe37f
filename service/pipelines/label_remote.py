"""Codebook labels by a chat endpoint of another server: the request, the endpoint's answer, and its cost."""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from service.inference.endpoints import Endpoint, Reply
from service.inference.labellers import RemoteLabeller
from service.inference.no_answer import NoAnswer
from service.pipelines.label_answers import labels_of
from service.pipelines.label_items import Contents, ItemContent, pictures_sent
from service.pipelines.label_prompts import (
    BEFORE_ITEM,
    ExampleContent,
    Order,
    answer_schema,
    fixed_order,
    prompt_of,
    system_text,
)
from service.schemas import labels as schema
from service.schemas.labels import LabelMethod, LabelPrompt, VariableLabel
from service.stores.label_answers import Record

LARGEST_SEED = 2**31
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
class RemoteWay:
    """One request asks about all variables, and the answer is one JSON object."""

    options: LabelMethod
    labeller: RemoteLabeller
    examples: Sequence[ExampleContent]
    endpoint: Endpoint

    @cached_property
    def prompt(self) -> LabelPrompt:
        return prompt_of(self.options, self.examples)

    @property
    def answer_tries(self) -> int:
        return self.labeller.answer_tries

    def parts(self) -> Mapping[str, Any]:
        """See Way."""
        options, labeller = self.options, self.labeller
        is_seed_used = labeller.send_seed or "permuted" in (options.category_order, options.variable_order)
        return {
            "kind": labeller.kind,
            "host": labeller.host,
            "model": labeller.model,
            "seed": options.seed if is_seed_used else 0,
            "temperature": options.temperature if labeller.send_temperature else None,
            "max_tokens": options.max_tokens,
            "structured": labeller.structured,
            "logprobs": labeller.top_logprobs if labeller.logprobs else None,
        }

    def require_queue(self) -> None:
        """See Way. An endpoint has no rows here."""

    async def ask(self, order: Order, content: ItemContent, number: int, owner: str | None) -> Record:
        """See Way. Each further answer is asked for with another seed."""
        seed = (self.options.seed + number) % LARGEST_SEED
        try:
            reply = await self.endpoint.ask(request_body(self, order, content, seed), caller=owner)
            return {**asdict(reply), "seed": seed}
        except NoAnswer as exc:
            if exc.code != "invalid_answer":
                raise
            return {**asdict(Reply(text=None)), "seed": seed, "error": [exc.code, exc.message]}

    def read(self, record: Record, order: Order) -> Mapping[str, VariableLabel]:
        """See Way."""
        return labels_of(record, order)

    def cost(self, contents: Contents) -> schema.LabelCost:
        """See Way."""
        return plan_cost(self, contents)

    def price(self, prompt_tokens: int | None, completion_tokens: int | None) -> tuple[float | None, str | None]:
        """See Way."""
        currency = None if self.labeller.input_price is None else self.labeller.currency
        if prompt_tokens is None or completion_tokens is None:
            return None, currency
        return price_of(self.labeller, prompt_tokens, completion_tokens), currency

    def rows(self, records: Sequence[Record]) -> int | None:
        """See Way."""
        return None

    def receipt(self) -> Mapping[str, Any]:
        """See Way."""
        labeller = self.labeller
        return {
            "host": labeller.host,
            "structured": labeller.structured,
            "seed_sent": labeller.send_seed,
            "temperature": self.options.temperature if labeller.send_temperature else None,
            "max_tokens": self.options.max_tokens,
        }

    def remarks(self, unclear: int) -> Sequence[str]:
        """See Way."""
        if not self.labeller.logprobs or not unclear:
            return ()
        return (f"{unclear:,} labels have no probabilities, since the endpoint's log-probabilities do not tell",)


def request_body(way: "RemoteWay", order: Order, content: ItemContent, seed: int) -> dict[str, Any]:
    """The body of one chat completion."""
    labeller, options = way.labeller, way.options
    parts: list[dict[str, Any]] = []
    for each in way.examples:
        parts += [_text(f"{each.sentence}:"), *_content(each.text, each.picture)]
    parts += [_text(BEFORE_ITEM), *_content(content.text, content.picture)]
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


def plan_cost(way: "RemoteWay", contents: Contents) -> schema.LabelCost:
    """The cost of labelling the items, without their being sent."""
    labeller, options = way.labeller, way.options
    n = len(contents.by_key)
    pixels = sum(each.pixels for each in way.examples)
    characters = len(way.prompt.system) + len(BEFORE_ITEM)
    characters += sum(len(each.sentence) + len(each.text or "") for each in way.examples)
    if labeller.structured == "json_schema":
        characters += len(json.dumps(way.prompt.answer_schema))
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


def card(labeller: RemoteLabeller, default: bool) -> schema.LabellerCard:
    """The card of a labeller."""
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


def price_of(labeller: RemoteLabeller, prompt_tokens: int, completion_tokens: int) -> float | None:
    """The price of tokens by the owner's prices per million; None without prices."""
    if labeller.input_price is None or labeller.output_price is None:
        return None
    return (prompt_tokens * labeller.input_price + completion_tokens * labeller.output_price) / 1e6
