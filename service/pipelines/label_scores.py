"""Labels by the likelihoods of answers, and by numbers and texts that were written."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from models.annotation.answer_likelihoods import Score, Scored, chosen, covered, shares
from models.errors import quoted
from service.pipelines.label_answers import AnswerProblem, label_of
from service.pipelines.label_prompts import CANNOT_TELL, Order
from service.schemas.codebooks import Variable
from service.schemas.labels import VariableLabel


def _of(likelihoods: Sequence[Mapping[str, Any]], name: str, category: str | None) -> dict[str, Scored]:
    """The answers to one question, in the order in which it gave them."""
    return {
        each["answer"]: Scored(each["log_probability"], each["tokens"])
        for each in likelihoods
        if each["variable"] == name and each["category"] == category
    }


def label_by(
    variable: Variable,
    order: Order,
    likelihoods: Sequence[Mapping[str, Any]],
    written: Sequence[Any] | None,
    score: Score,
) -> VariableLabel:
    """The label of a variable. Raises AnswerProblem for a number or a text that does not fit."""
    names = order.choices[variable.name]
    if not names:
        return _written(variable, written)
    if variable.multiple:
        asked = {name: _of(likelihoods, variable.name, name) for name in variable.choices()}
        applies = {name: _yes(scored, score) for name, scored in asked.items()}
        unclear = _yes(_of(likelihoods, variable.name, CANNOT_TELL), score) if variable.cannot_tell else 0.0
        value = None if unclear > max(0.5, *applies.values()) else chosen(applies)
        return _with(label_of(variable, value), applies, min(covered(list(each.values())) for each in asked.values()))
    scored = _of(likelihoods, variable.name, None)
    probabilities = dict(zip(scored, shares(list(scored.values()), score), strict=True))
    best = max((*variable.choices(), CANNOT_TELL), key=lambda name: probabilities.get(name, -1.0))
    return _with(label_of(variable, best), probabilities, covered(list(scored.values())))


def _with(label: VariableLabel, probabilities: Mapping[str, float], share: float) -> VariableLabel:
    return label.model_copy(update={"probabilities": dict(probabilities), "covered": share})


def _yes(scored: Mapping[str, Scored], score: Score) -> float:
    return dict(zip(scored, shares(list(scored.values()), score), strict=True))["yes"]


def _written(variable: Variable, written: Sequence[Any] | None) -> VariableLabel:
    text, ended = written or ("", False)
    if not ended:
        raise AnswerProblem(
            "truncated_answer",
            f"{variable.name}: the answer was cut off at the largest number of tokens; raise max_tokens",
        )
    try:
        value = json.loads(text)
    except ValueError:
        raise AnswerProblem("invalid_answer", f"{variable.name}: {quoted(text)} is no JSON") from None
    return label_of(variable, value)


def document(order: Order, likelihoods: Sequence[Mapping[str, Any]], written: Mapping[str, Any], score: Score) -> str:
    """The values as the JSON object that a remote labeller would answer; those that do not fit as they were written."""
    values: dict[str, Any] = {}
    for variable in order.variables:
        try:
            label = label_by(variable, order, likelihoods, written.get(variable.name), score)
            single = bool(order.choices[variable.name]) and not variable.multiple
            values[variable.name] = CANNOT_TELL if label.cannot_tell and single else label.value
        except AnswerProblem:
            values[variable.name] = written[variable.name][0]
    return json.dumps(values, ensure_ascii=False)
