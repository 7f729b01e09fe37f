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
    labelled_by: Content  # the receipt, as the server gives it
    remarks: Sequence[str] = ()

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "LabelsAnswer":
        return cls(
            entries=content["data"],
            codebook=content["codebook"],
            prompt=content["prompt"],
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
    host, model : where items are sent, and the model that is asked for there.
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
    prompt : `system`, `before_item`, `examples`, `answer_schema` and `sha256`.
    cost : numbers of `requests`, `pixels`, `prompt_tokens` (estimated by `rule`) and the `price`; None without items.
    """

    labeller: str
    fingerprint: str
    prompt: Mapping[str, Any]
    cost: Mapping[str, Any] | None

    def __str__(self) -> str:
        if self.cost is None:
            return f"{self.labeller}: {self.fingerprint}"
        cost = self.cost
        price = "" if cost["price"] is None else f", at most {cost['price']:.2f} {cost['currency']}"
        return (
            f"{self.labeller}: {cost['requests']:,} requests ({cost['identical']:,} items are identical to others, "
            f"{cost['unusable']:,} unusable), {cost['pixels']:,} pixels, about {cost['prompt_tokens']:,} prompt tokens "
            f"and at most {cost['completion_tokens']:,} answer tokens{price}"
        )


def read_cards(content: Content, request_id: str | None) -> list[LabellerCard]:
    """The cards of a list of labellers."""
    return [record(LabellerCard, each) for each in content["data"]]


def read_plan(content: Content, request_id: str | None) -> LabelPlan:
    """A plan from its content."""
    return record(LabelPlan, content)
