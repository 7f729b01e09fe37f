"""Position bias of answered questions. All functions are CPU-bound; call them in a thread."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from models.annotation.positions import FEW, Kind, PositionBias, Question, clear, position_bias, sentence
from models.codes import read_ids
from models.stopping import Check, unchecked
from service.errors import TooLarge, Unprocessable
from service.pipelines.annotation import MOST_CODES, plain
from service.schemas import positions as schema
from service.schemas.codebooks import Codebook

UNTOLD = f"fewer than {FEW} questions tell little about position bias: ask about more items"
SEED = 0  # of the draws for a remark


def measure(request: schema.PositionBiasRequest, check: Check = unchecked) -> schema.PositionBiasAnswer:
    """Measure the position bias of each variable. Raises AgreementError, IdError, TooLarge, Unprocessable."""
    cells = sum(len(each.item) * len(each.categories) for each in request.variables)
    if cells > 10 * MOST_CODES:
        raise TooLarge(
            f"variables: {cells:,} places of categories, at most {10 * MOST_CODES:,}; send fewer items, a random part",
            code="too_many_items",
        )
    names = [each.name for each in request.variables]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Unprocessable(f"variables: {twice!r} is there twice; give each its own name", param="variables")
    results = []
    for i, each in enumerate(request.variables):
        numbers: dict[Any, int] = {}
        items = [numbers.setdefault(id, len(numbers)) for id in read_ids(each.item, f"variables[{i}].item")]
        rows = zip(items, each.order, each.chosen, strict=True)
        results.append(
            position_bias(
                each.name,
                each.categories,
                [Question(item=item, order=order, chosen=chosen) for item, order, chosen in rows],
                kind=each.kind,
                confidence=request.confidence,
                seed=request.seed,
                check=check,
            )
        )
    return schema.PositionBiasAnswer.model_validate(
        {**plain(answer_of(results)), "confidence": request.confidence, "remarks": list(_remarks(results))}
    )


def answer_of(results: Sequence[PositionBias]) -> dict[str, Any]:
    """The variables of an answer, as JSON types but for undefined numbers."""
    told = clear(results)
    return {"data": [{**asdict(each), "clear": flag} for each, flag in zip(results, told, strict=True)]}


def _remarks(results: Sequence[PositionBias]) -> Iterator[str]:
    for each, flag in zip(results, clear(results), strict=True):
        if flag:
            yield sentence(each)
        if each.consistency is not None and each.consistency.items < each.items:
            yield (
                f"{each.variable}: {each.consistency.items:,} of {each.items:,} items were asked about more than once, "
                "and the consistency of answers is of these"
            )
    if any(each.questions < FEW for each in results):
        yield UNTOLD


def questions_of(codebook: Codebook, entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Kind, Any, Any]]:
    """Name, kind, categories and questions of each variable of labelled entries, as JSON types; identical items once.

    Only variables with two categories or more, and answers that are one of them or several.
    """
    for variable in codebook.variables:
        names = list(variable.choices())
        if len(names) < 2:
            continue
        number = {name: i for i, name in enumerate(names)}
        questions = []
        for entry in entries:
            label = (entry.get("labels") or {}).get(variable.name)
            asked = (entry.get("categories") or {}).get(variable.name)
            if label is None or asked is None or label["value"] is None or entry.get("same_as") is not None:
                continue
            values = label["value"] if isinstance(label["value"], list) else [label["value"]]
            if values and set(values) <= set(number) and sorted(asked) == sorted(names):
                order = [number[name] for name in asked]
                questions.append(Question(item=entry["index"], order=order, chosen=[number[value] for value in values]))
        if questions:
            yield variable.name, "ordinal" if variable.kind == "ordinal" else "nominal", names, questions


def remarks_of(codebook: Codebook, entries: Sequence[Mapping[str, Any]], check: Check = unchecked) -> list[str]:
    """Sentences on the clear position biases of labels whose categories were permuted."""
    results = [
        position_bias(name, names, questions, kind=kind, seed=SEED, check=check)
        for name, kind, names, questions in questions_of(codebook, entries)
        if len(questions) >= FEW
    ]
    return [sentence(each) for each, flag in zip(results, clear(results), strict=True) if flag]
