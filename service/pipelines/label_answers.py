"""Reading of a labeller's answers: strictly, so that no label is ever a guess."""

import json
import re
from collections.abc import Mapping
from typing import Any

from models.annotation.answer_probabilities import choice_probabilities
from models.errors import listed, quoted
from service.errors import Unprocessable
from service.inference.endpoint_texts import BROKEN, has_half
from service.pipelines.codebooks import fitted
from service.pipelines.label_prompts import CANNOT_TELL, Order
from service.schemas.codebooks import Variable
from service.schemas.labels import VariableLabel

FENCED = re.compile(r"\s*```(?:json)?[ \t]*\n(.*)\n```\s*", re.DOTALL)
THOUGHT = re.compile(
    r"\s*(?:<think>|(?![\s{`])).*?</think>", re.DOTALL
)  # some templates write the first mark themselves
SPACE = " \t\r\n"
_DECODER = json.JSONDecoder()


class AnswerProblem(Exception):
    """An answer without usable labels.

    Attributes
    ----------
    code : invalid_answer, unknown_category, refused or truncated_answer.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def labels_of(record: Mapping[str, Any], order: Order) -> dict[str, VariableLabel]:
    """The labels of an answer, by variable. Raises AnswerProblem."""
    if record.get("error"):
        raise AnswerProblem(*record["error"])
    if record["refusal"] or record["finish_reason"] == "content_filter":
        said = f": {quoted(record['refusal'])}" if record["refusal"] else " (a filter of content)"
        raise AnswerProblem("refused", f"the model refused to answer{said}")
    if record["finish_reason"] == "length":
        raise AnswerProblem(
            "truncated_answer", "the answer was cut off at the largest number of tokens; raise max_tokens"
        )
    text = record["text"]
    if not text or not text.strip():
        raise AnswerProblem("invalid_answer", "the answer is empty")
    offset = 0
    if thought := THOUGHT.match(text):
        offset, text = thought.end(), text[thought.end() :]
    if fenced := FENCED.fullmatch(text):
        offset, text = offset + fenced.start(1), fenced[1]
    values, places = _read_object(text)
    wanted = {each.name for each in order.variables}
    if missing := [each.name for each in order.variables if each.name not in values]:
        raise AnswerProblem("invalid_answer", f"the answer lacks {listed(missing)}: {quoted(text)}")
    if more := [name for name in values if name not in wanted]:
        raise AnswerProblem("invalid_answer", f"the answer has {listed(more)}, which is no variable: {quoted(text)}")
    labels = {}
    for variable in order.variables:
        label = label_of(variable, values[variable.name])
        begin = places[variable.name]
        if record.get("logprobs") and order.choices[variable.name] and not variable.multiple:
            found = _probabilities(record, offset + begin, order.choices[variable.name])
            if found is not None:
                label = label.model_copy(update={"probabilities": found[0], "covered": found[1]})
        labels[variable.name] = label
    return labels


def label_of(variable: Variable, value: Any) -> VariableLabel:
    """The label for a value of an answer. Raises AnswerProblem."""
    single = bool(variable.choices()) and not variable.multiple
    if (single and value == CANNOT_TELL) or (not single and value is None):
        if not variable.cannot_tell:
            raise AnswerProblem("unknown_category", f"{variable.name}: {CANNOT_TELL!r} is not allowed")
        return VariableLabel(value=None, cannot_tell=True)
    names = variable.choices()
    chosen = value if isinstance(value, list) else [value]
    if names and all(isinstance(each, str) for each in chosen) and any(each not in names for each in chosen):
        raise AnswerProblem(
            "unknown_category", f"{variable.name}: {quoted(value)} is no category; there are {listed(names, 20)}"
        )
    if single and not isinstance(value, str):
        raise AnswerProblem("invalid_answer", f"{variable.name}: {quoted(value)} is no text")
    if variable.multiple and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        raise AnswerProblem("invalid_answer", f"{variable.name}: {quoted(value)} is no list of categories")
    try:
        return VariableLabel(value=fitted(variable, value))
    except Unprocessable as exc:
        raise AnswerProblem("invalid_answer", exc.message.removeprefix("codes.")) from None


def _probabilities(
    record: Mapping[str, Any], begin: int, choices: tuple[str, ...]
) -> tuple[dict[str, float], float] | None:
    tokens = [(str(text), float(value), dict(top)) for text, value, top in record["logprobs"]]
    if "".join(text for text, _, _ in tokens) != record["text"]:
        return None  # bytes that are no characters, or tokens that are left out
    written = {json.dumps(name, ensure_ascii=False)[1:-1]: name for name in choices}
    found = choice_probabilities(tokens, begin + 1, list(written))
    return None if found is None else ({written[text]: share for text, share in found[0].items()}, found[1])


def _read_object(text: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The values of one JSON object, and the places where they begin. Raises AnswerProblem for anything else."""
    values: dict[str, Any] = {}
    places: dict[str, int] = {}

    def skip(at: int) -> int:
        while at < len(text) and text[at] in SPACE:
            at += 1
        return at

    def expect(at: int, wanted: str) -> str:
        if at >= len(text) or text[at] not in wanted:
            raise ValueError
        return text[at]

    try:
        at = skip(0)
        expect(at, "{")
        at = skip(at + 1)
        done = expect(at, '}"') == "}"
        while not done:
            expect(at, '"')
            name, at = _DECODER.raw_decode(text, at)
            at = skip(at)
            expect(at, ":")
            at = skip(at + 1)
            value, end = _DECODER.raw_decode(text, at)
            if name in values:
                raise ValueError
            values[name], places[name] = value, at
            at = skip(end)
            done = expect(at, ",}") == "}"
            at = at if done else skip(at + 1)
        if skip(at + 1) != len(text):
            raise ValueError
        if has_half(values):  # written as an escape, which the parser takes
            raise AnswerProblem("invalid_answer", f"{BROKEN}: {quoted(text)}")
    except (ValueError, RecursionError):
        raise AnswerProblem("invalid_answer", f"the answer is not one JSON object: {quoted(text)}") from None
    return values, places
