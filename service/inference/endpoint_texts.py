"""Texts of endpoints as they may be kept: characters only, and never the key."""

import re
from functools import lru_cache
from typing import Any

HALF = re.compile("[\ud800-\udfff]")  # half of a surrogate pair, which JSON can write and Unicode has not
REMOVED = "[key]"
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


def without(key: str | None, text: str) -> str:
    """A text without the key, in whatever way JSON may write it, also in a text within a text."""
    return text if key is None else _written(key).sub(REMOVED, text)


def without_keys(key: str | None, value: Any) -> Any:
    """A JSON value without the key in any of its texts."""
    if isinstance(value, str):
        return without(key, value)
    if isinstance(value, dict):
        return {without(key, name): without_keys(key, each) for name, each in value.items()}
    return [without_keys(key, each) for each in value] if isinstance(value, list) else value


@lru_cache(maxsize=16)
def _written(key: str) -> re.Pattern[str]:
    """The key, each of whose characters may be an escape of JSON."""
    escaped = (rf"(?:\\{{0,8}}{re.escape(each)}|\\{{1,8}}u00(?i:{ord(each):02x}))" for each in key)
    return re.compile("".join(escaped))
