"""Columns of predictions that may be labels, scores or numbers: which of these they are."""

from collections.abc import Sequence
from typing import Any

from models.codes import is_missing

UNDECIDED = "undecided"  # a predicted label that says that there is no prediction; it is an error in all shares


def are_numbers(values: Sequence[Any] | None) -> bool:
    """Whether there are values, and all are numbers or texts of numbers."""
    there = [value for value in values or () if not is_missing(value)]
    return bool(there) and all(_number(value) is not None for value in there)


def have_fractions(values: Sequence[Any] | None) -> bool:
    return any(not float(value).is_integer() for value in values or () if not is_missing(value))


def are_shares(values: Sequence[Any] | None) -> bool:
    numbers = [_number(value) for value in values or () if not is_missing(value)]
    return bool(numbers) and all(number is not None and 0 <= number <= 1 for number in numbers)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
