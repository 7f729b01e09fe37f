"""What is computed about a corpus at once: draws, agreement, comparisons. For a thread, all of them."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from models.agreement import Coefficient, agreement
from service import schema_corpus as schema
from service.errors import TooLarge

MOST_CODES = 1_000_000


def measured(said: schema.AgreementRequest) -> schema.AgreementAnswer:
    """How far coders agree. Raises AgreementError, TooLarge."""
    if len(said.code) > MOST_CODES:
        raise TooLarge(
            f"code: {len(said.code):,} codes, at most {MOST_CODES:,}; send a part of them", code="too_many_items"
        )
    found = agreement(said.coder, said.item, said.code, level=said.level, resamples=said.resamples, seed=said.seed)
    return schema.AgreementAnswer(
        coders=list(found.coders),
        items=found.items,
        level=found.level,
        percent=_coefficient(found.percent),
        kappa=None if found.kappa is None else _coefficient(found.kappa),
        alpha=_coefficient(found.alpha),
    )


def _coefficient(of: Coefficient) -> schema.Coefficient:
    return schema.Coefficient(**{name: number(value) for name, value in asdict(of).items()})


def number(value: float) -> float | None:
    """Neither wire knows NaN."""
    return float(value) if math.isfinite(value) else None


def plain(value: Any) -> Any:
    """A result as JSON has it: tuples and arrays are lists, NaN is None."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return number(value) if isinstance(value, float) else value


def drawn(said: schema.SampleRequest) -> schema.SampleAnswer:
    raise NotImplementedError


def paired(said: schema.PairsRequest) -> schema.PairsAnswer:
    raise NotImplementedError


def compared(said: schema.ComparisonRequest) -> schema.ComparisonAnswer:
    raise NotImplementedError
