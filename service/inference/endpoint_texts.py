"""Texts of endpoints as they may be kept: characters only."""

import re
from typing import Any

HALF = re.compile("[\ud800-\udfff]")  # half of a surrogate pair, which JSON can write and Unicode has not
BROKEN = "the answer has half of a surrogate pair, which is no character"


def has_half(value: Any) -> bool:
    """Whether some text of a JSON value has half of a surrogate pair."""
    if isinstance(value, str):
        return HALF.search(value) is not None
    if isinstance(value, dict):
        return any(has_half(name) or has_half(each) for name, each in value.items())
    return isinstance(value, list | tuple) and any(map(has_half, value))


def whole(value: Any) -> Any:
    """A JSON value with U+FFFD for each half of a surrogate pair, so that it can be written as UTF-8."""
    if isinstance(value, str):
        return HALF.sub("\ufffd", value)
    if isinstance(value, dict):
        return {whole(name): whole(each) for name, each in value.items()}
    return [whole(each) for each in value] if isinstance(value, list | tuple) else value
