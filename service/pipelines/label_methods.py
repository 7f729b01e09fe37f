"""Methods of codebook labels: all choices that labels depend on, and the way in which a labeller answers.

The kinds of labellers differ in their way alone: label_remote.py asks a chat endpoint, label_likelihoods.py computes
with a model of this server. What is asked (label_prompts.py, label_items.py), what is kept (label_asking.py) and the
results (label_results.py) are the same for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from service.inference.labellers import Labeller
from service.pipelines.label_items import Contents, ItemContent
from service.pipelines.label_prompts import ExampleContent, Order
from service.schemas.labels import LabelCost, LabelMethod, LabelPrompt, VariableLabel
from service.stores.label_answers import Record


class Way(Protocol):
    """The way in which a labeller of one kind answers."""

    @property
    def prompt(self) -> LabelPrompt:
        """The prompt in the order of the codebook."""

    @property
    def answer_tries(self) -> int:
        """Answers about an item until one is usable."""

    def parts(self) -> Mapping[str, Any]:
        """The parts of the fingerprint, as JSON types, that the labeller determines."""

    def require_queue(self) -> None:
        """Raise Overloaded where this server has no room for more rows, before a request that somebody waits for."""

    async def ask(self, order: Order, content: ItemContent, number: int, owner: str | None) -> Record:
        """The next answer about an item, of which there were `number` before. Raises NoAnswer."""

    def read(self, record: Record, order: Order) -> Mapping[str, VariableLabel]:
        """The labels of an answer, by variable. Raises AnswerProblem."""

    def cost(self, contents: Contents) -> LabelCost:
        """The cost of labelling the items, without their being labelled."""

    def price(self, prompt_tokens: int | None, completion_tokens: int | None) -> tuple[float | None, str | None]:
        """The price of tokens, None where it is not known, and its currency, None without prices."""

    def rows(self, records: Sequence[Record]) -> int | None:
        """Rows that a model of this server has computed for answers; None of an endpoint."""

    def receipt(self) -> Mapping[str, Any]:
        """The fields of a receipt that depend on the kind."""

    def remarks(self, unclear: int) -> Sequence[str]:
        """Remarks on labels, of which `unclear` have no probabilities."""


@dataclass(frozen=True)
class Method:
    """A validated method: labeller, prompt and fingerprint."""

    options: LabelMethod
    labeller: Labeller
    examples: Sequence[ExampleContent]
    way: Way
    fingerprint: str

    @property
    def prompt(self) -> LabelPrompt:
        return self.way.prompt


@dataclass(frozen=True)
class Outcome:
    """All answers about one content, and its labels or the error."""

    records: Sequence[Record]
    order: Order
    labels: Mapping[str, VariableLabel] | None = None
    error: tuple[str, str] | None = None
    problems: Sequence[str | None] = ()
