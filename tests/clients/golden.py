"""Golden requests and answers that the clients of all languages share: tests/golden/clients.json.

A case has the arguments of a call, the path and the fields that every client sends, the server's answer, and values
of the result. Clients may send more: ids, and defaults.
"""

import json
from pathlib import Path
from typing import Any

from tests.clients.stubs import Asked, Reply

FILE = Path(__file__).parents[1] / "golden" / "clients.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))


def answer(asked: Asked, before: int) -> Reply:
    """The golden answer of a path; the card of no model for all else."""
    for case in CASES:
        if case["path"] == asked.path:
            return Reply(200, case["answer"])
    return Reply(404, {"error": {"code": "not_found", "message": f"{asked.path}: is none", "param": None, "items": []}})


def missing(expected: Any, sent: Any, at: str = "") -> list[str]:
    """Places at which a request lacks an expected value, or has another one; a single value is a list of one."""
    if isinstance(expected, list) and not isinstance(sent, list):
        sent = [sent]
    if isinstance(expected, dict):
        if not isinstance(sent, dict):
            return [f"{at}: {sent!r} is no object"]
        return [
            problem for name, value in expected.items() for problem in missing(value, sent.get(name), f"{at}.{name}")
        ]
    if isinstance(expected, list):
        if len(expected) != len(sent):
            return [f"{at}: has {len(sent)} values, {len(expected)} are expected"]
        pairs = enumerate(zip(expected, sent, strict=True))
        return [problem for i, (value, other) in pairs for problem in missing(value, other, f"{at}[{i}]")]
    if isinstance(expected, str) and isinstance(sent, dict):
        sent = sent.get("text")  # an item
    return [] if expected == sent else [f"{at}: {sent!r}, not {expected!r}"]


def parsed(body: bytes) -> Any:
    """The JSON of a request."""
    return json.loads(body)
