"""Golden requests and answers that the clients of all languages share: tests/golden/clients.json.

A case has the arguments of a call, the path and the fields that every client sends, the server's answer, and values
of the result. Clients may send more: ids, and defaults, and ask for `others` first. Fields are those of the JSON, of a
form, or of the query.
"""

import json
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.clients.stubs import Asked, Reply

FILE = Path(__file__).parents[1] / "golden" / "clients.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))


def path_of(asked: Asked) -> str:
    """The path of a request without its query."""
    return urlsplit(asked.path).path


def answer(asked: Asked, before: int) -> Reply:
    """The golden answer of a path; an error for all else."""
    for case in CASES:
        answers = {case["path"]: case["answer"], **case.get("others", {})}
        if path_of(asked) in answers:
            return Reply(200, answers[path_of(asked)])
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


def parsed(asked: Asked) -> Any:
    """The fields of a request. Files of a form are left out."""
    if not asked.body:
        return dict(parse_qsl(urlsplit(asked.path).query))
    if not asked.body.startswith(b"--"):
        return json.loads(asked.body)
    kind = next(value for name, value in asked.headers.items() if name.lower() == "content-type")
    fields: dict[str, Any] = {}
    for part in message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + asked.body).get_payload():
        name = part.get_param("name", header="content-disposition")
        if name != "input":
            fields[name] = _value(part.get_payload(decode=True).decode())
    return {**fields, **fields.pop("request", {})}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
