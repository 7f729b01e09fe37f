"""Codebook labels: the answer of a request, the cards of labellers, and plans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daguerre.types.common import NO_MODEL, Answer, Content, Receipt, failures, record


@dataclass(frozen=True, kw_only=True)
class LabelsAnswer(Answer):
    ROWS = ("entries",)

    entries: Sequence[Content]  # those of failed items have an error, and the unusable answers
    codebook: Content
    prompt: Content
    usage: Content
    labelled_by: Content  # the receipt, as the server gives it
    remarks: Sequence[str] = ()

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "LabelsAnswer":
        return cls(
            entries=content["data"],
            codebook=content["codebook"],
            prompt=content["prompt"],
            usage=content["usage"],
            labelled_by=content["receipt"],
            remarks=content["remarks"],
            receipt=Receipt(
                **{
                    **NO_MODEL.__dict__,
                    "model": content["receipt"]["model"],
                    "fingerprint": content["receipt"]["fingerprint"],
                }
            ),
            failures=failures(content),
            truncated=[],
            request_id=request_id,
        )


@dataclass(frozen=True, kw_only=True)
class LabellerCard:
    """A labeller of the server, which its owner has set up.

    Attributes
    ----------
    kind : "remote": items are sent to another server; "local": a model of this server labels them.
    host, model : where items are sent, and the model that is asked for there; of a local one, None and the analyser.
    sent, kept : accounts of what is sent, and of what is kept, for people.
    input_price, output_price : of a million tokens; None where the owner gave none.
    """

    name: str
    kind: str
    default: bool
    host: str | None
    model: str
    sent: str = field(repr=False)
    kept: str = field(repr=False)
    structured: str
    logprobs: bool
    example_pictures: bool
    concurrency: int
    requests_per_minute: float | None
    input_price: float | None = None
    output_price: float | None = None
    currency: str | None = None


@dataclass(frozen=True, kw_only=True)
class LabelPlan:
    """Prompt and cost of labels, of which nothing was sent to the labeller.

    Attributes
    ----------
    prompt : `system`, `before_item`, `examples`, `questions` (of a local labeller), `answer_schema` and `sha256`.
    cost : of a local labeller, numbers of `rows`, `pixels` and tokens; of a remote one,
        numbers of `requests`, `pixels`, `prompt_tokens` and `completion_tokens` (estimated by `rule`) and the
        `price`, if every first answer is usable; `most_requests`, `most_prompt_tokens`, `most_completion_tokens` and
        `most_price`, if none is. None without items.
    """

    labeller: str
    fingerprint: str
    prompt: Mapping[str, Any]
    cost: Mapping[str, Any] | None

    def __str__(self) -> str:
        if self.cost is None:
            return f"{self.labeller}: {self.fingerprint}"
        cost = self.cost
        if cost.get("rows") is not None:
            return (
                f"{self.labeller}: {cost['requests']:,} items ({cost['identical']:,} more are identical to others, "
                f"{cost['unusable']:,} unusable) in {cost['rows']:,} rows with {cost['pixels']:,} pixels, about "
                f"{cost['prompt_tokens']:,} prompt tokens and {cost['completion_tokens']:,} answer tokens; nothing "
                "leaves the server"
            )
        return (
            f"{self.labeller}: {cost['requests']:,} requests ({cost['identical']:,} items are identical to others, "
            f"{cost['unusable']:,} unusable) with {cost['pixels']:,} pixels, if every first answer is usable: about "
            f"{cost['prompt_tokens']:,} prompt tokens and {cost['completion_tokens']:,} answer tokens"
            f"{price_note(cost['price'], cost['currency'])}. If none is: {cost['most_requests']:,} requests, about "
            f"{cost['most_prompt_tokens']:,} prompt tokens and at most {cost['most_completion_tokens']:,} answer tokens"
            f"{price_note(cost['most_price'], cost['currency'])}"
        )


def price_note(price: float | None, currency: str | None) -> str:
    """The price at the end of a sentence: to the cent, below that to two digits; empty without a price."""
    if price is None:
        return ""
    return f", {f'{price:.2f}' if price >= 0.01 else f'{price:.2g}'} {currency}"


def total_usage(answers: Sequence[Content]) -> Content:
    """The usage of several answers together; numbers that one of them lacks are None."""

    def total(name: str) -> Any:
        found = [each[name] for each in answers]
        return None if not found or any(each is None for each in found) else sum(found)

    names = ["answers", "reused", "prompt_tokens", "completion_tokens", "price"]
    names += ["rows"] if answers and answers[0].get("rows") is not None else []
    return {**{name: total(name) for name in names}, "currency": answers[0]["currency"] if answers else None}


def usage_note(usage: Mapping[str, Any]) -> str:
    """The tokens and the price of a run, in words."""
    if usage.get("rows") is not None:
        return (
            f"{usage['answers']:,} items in {usage['rows']:,} rows with {usage['prompt_tokens'] or 0:,} prompt tokens, "
            "by a model of the server itself"
        )
    if usage.get("prompt_tokens") is None or usage.get("completion_tokens") is None:
        return "the endpoint did not tell the tokens"
    return (
        f"{usage['answers']:,} answers, {usage['prompt_tokens']:,} prompt tokens and {usage['completion_tokens']:,} "
        f"answer tokens as the endpoint told them{price_note(usage['price'], usage['currency'])}"
    )


def read_cards(content: Content, request_id: str | None) -> list[LabellerCard]:
    """The cards of a list of labellers."""
    return [record(LabellerCard, each) for each in content["data"]]


def read_plan(content: Content, request_id: str | None) -> LabelPlan:
    """A plan from its content."""
    return record(LabelPlan, content)
