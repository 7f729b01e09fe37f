"""Plain words for the user about what was found in their data: data, not Python warnings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """One remark in a report."""

    code: str
    message: str
