"""Votes of coders on pairs: yes, no, or none."""

from collections.abc import Sequence
from typing import Any

from daguerre.inputs.alignment import json_value

YES, NO = {"1", "1.0", "yes", "y", "true", "same"}, {"0", "0.0", "no", "n", "false", "different"}
NONE = {"", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none"}


def read_vote(given: Any) -> bool | None:
    """True or False, or None where there is no vote. Raises ValueError for everything else."""
    value = json_value(given)
    word = "" if value is None else str(value).strip().lower()
    if word not in YES | NO | NONE:
        raise ValueError(f"{given!r}: write 1 if the two belong together, 0 if not, nothing for no vote")
    return None if word in NONE else word in YES


def read_votes(given: Sequence[Any]) -> list[bool | None]:
    """The votes of a column `same`. Raises ValueError."""
    try:
        return [read_vote(each) for each in given]
    except ValueError as exc:
        raise ValueError(f"same: got {exc}") from exc
