"""Questions to a model of this server: one variable at a time, with all answers whose likelihood is computed."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import Unprocessable
from service.pipelines.label_prompts import CANNOT_TELL, Order, value_schema
from service.schemas.codebooks import YES_NO, Variable
from service.schemas.labels import LabelQuestion

ANSWER = (
    "You are asked about one variable at a time. Answer with the value of that variable alone, written exactly as in "
    "the question."
)
EXACTLY = "Answer with one of these categories and nothing else:"
APPLIES = "Does this category apply to the item?"
NO_DECISION = "Is it so that the item does not allow a decision about this variable?"
YES_OR_NO = "Answer with yes or no and nothing else."
LONGEST = 1000  # characters of a text
LARGEST = 1e12  # number that is written; grammars of more digits are refused or empty
NARROWEST = 1e-4  # range of numbers
DIGITS = 6  # after the point


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes
    ----------
    category : the one that is asked about, where several may be chosen; CANNOT_TELL: whether no decision is possible.
    answers : the answers whose likelihood is computed; none for numbers and texts, which are written.
    schema : JSON schema of what is written.
    """

    variable: Variable
    text: str
    answers: tuple[str, ...] = ()
    category: str | None = None
    schema: Mapping[str, Any] | None = None

    def described(self) -> LabelQuestion:
        return LabelQuestion(
            variable=self.variable.name, category=self.category, text=self.text, answers=list(self.answers)
        )


def check_numbers(variables: Sequence[Variable]) -> None:
    """Raise Unprocessable for bounds between which numbers cannot be written by a schema."""
    for variable in variables:
        if variable.kind != "continuous":
            continue
        low, high = float(variable.low or 0.0), float(variable.high or 0.0)
        if max(abs(low), abs(high)) > LARGEST or high - low < NARROWEST:
            raise Unprocessable(
                f"codebook: {variable.name!r} has numbers from {low:g} to {high:g}, and a model of this server writes "
                f"those from {-LARGEST:g} to {LARGEST:g}, in a range of {NARROWEST:g} at least; give other units",
                param="codebook",
            )


def questions_of(order: Order) -> list[Question]:
    """The questions about one item, in the order of its variables and categories."""
    return [question for variable in order.variables for question in _about(variable, order)]


def _about(variable: Variable, order: Order) -> list[Question]:
    head = f"{variable.name}: {' '.join(variable.question.split())}".rstrip(" ")
    names = order.choices[variable.name]
    if variable.multiple:
        more = (CANNOT_TELL,) if variable.cannot_tell else ()
        return [Question(variable, _yes_no(head, name), YES_NO, name) for name in (*names, *more)]
    if names:
        listed = "\n".join(f"- {name}" for name in names)
        return [Question(variable, f"{head}\n{EXACTLY}\n{listed}", names)]
    null = ", or with null if the item does not allow a decision" if variable.cannot_tell else ""
    if variable.kind == "continuous":
        form = f"a number from {variable.low:g} to {variable.high:g}, in steps of {step_of(variable):g}"
    else:
        form = "a short text in double quotation marks"
    rule = value_schema(variable, ())
    if variable.kind == "continuous":
        rule["multipleOf"] = step_of(variable)
    else:
        rule |= {"minLength": 1, "maxLength": LONGEST}
    return [Question(variable, f"{head}\nAnswer with {form}{null}, and nothing else.", schema=rule)]


def step_of(variable: Variable) -> float:
    """The step of written numbers: the variable's own if 0 and its bounds are on it, else a power of ten.

    One that a grammar refuses for its digits, such as 1 / 3 or 0.07, is not followed. The power of ten is the largest
    one of which the range has a hundred, from 0.000001 to 1. Without a step, decimals go on.
    """
    low, high, step = float(variable.low or 0.0), float(variable.high or 0.0), variable.step
    if step is not None and _is_short(step) and all(_is_on(bound, step) for bound in (low, high)):
        return step
    return float(10.0 ** min(0, max(-DIGITS, math.floor(math.log10((high - low) / 100)))))


def _is_short(step: float) -> bool:
    """Whether a step has few digits as llguidance counts them: multiplied by ten until it is whole, and not rounded."""
    for _ in range(DIGITS):
        if step.is_integer():
            return True
        step *= 10.0
    return step.is_integer()


def _is_on(bound: float, step: float) -> bool:
    return abs(bound / step - round(bound / step)) < 1e-6


def _yes_no(head: str, category: str) -> str:
    if category == CANNOT_TELL:
        return f"{head}\n{NO_DECISION}\n{YES_OR_NO}"
    return f"{head}\n{APPLIES} {json.dumps(category, ensure_ascii=False)}\n{YES_OR_NO}"
