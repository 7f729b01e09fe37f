"""Answers over HTTP held against the server's own OpenAPI document.

Every client of tests/e2e/harness.py calls `check` for each answer that it receives, so that no test has to ask for it.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
import orjson

Json = Mapping[str, Any]
CHECKED = ("/v1/", "/openapi.json")


class Contract:
    """An OpenAPI document, as validators of its answers.

    Objects may have no field that the document does not declare: an undeclared field is as wrong as a missing one.
    """

    def __init__(self, document: Json) -> None:
        self._document = document
        self._paths = [
            (re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path))), path, operations)
            for path, operations in document["paths"].items()
        ]
        self._components = closed(document["components"])
        self._validators: dict[str, jsonschema_rs.Validator] = {}

    def check(self, method: str, path: str, status: int, kind: str, body: bytes) -> None:
        """Raise AssertionError where an answer is not one that the document declares."""
        if not path.startswith("/v1/"):
            return
        operation = self._operation(method, path)
        if operation is None:
            assert status in (401, 403, 404, 405), f"{method} {path}: {status}, and no such path is declared"
            return self._validate("#/components/schemas/ErrorAnswer", body, f"{method} {path} {status}")
        declared = operation["responses"].get(str(status))
        if declared is None and status in (400, 401, 403, 404, 405, 413, 415, 422, 429, 499, 503, 504):
            declared = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}}
        assert declared is not None, f"{method} {path}: the status {status} is not declared"
        content = declared.get("content", {})
        if status == 304 and not content and not body:
            return None
        assert kind in content, f"{method} {path} {status}: {kind!r} is not among the declared {sorted(content)}"
        schema = content[kind].get("schema", {})
        if kind == "application/json" and schema:
            self._validate(schema, body, f"{method} {path} {status}")
        return None

    def _operation(self, method: str, path: str) -> Json | None:
        for pattern, _, operations in sorted(self._paths, key=lambda each: each[1].count("{")):
            if pattern.fullmatch(path) and method.lower() in operations:
                return operations[method.lower()]  # type: ignore[no-any-return]
        return None

    def _validate(self, schema: str | Json, body: bytes, of: str) -> None:
        where = {"$ref": schema} if isinstance(schema, str) else closed(schema)
        key = orjson.dumps(where).decode()
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.validator_for({**where, "components": self._components})
        errors = [
            f"{'/'.join(map(str, e.instance_path))}: {e.message}"[:400]
            for e in self._validators[key].iter_errors(orjson.loads(body))
        ]
        assert not errors, f"{of}: the answer does not obey /openapi.json:\n" + "\n".join(errors[:10])


def closed(schema: Any) -> Any:
    """A schema in which objects with declared properties may have no others."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    made = {name: closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), Mapping) and schema.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


@cache
def contract(url: str) -> Contract:
    """The document of the server at `url`, which needs no key."""
    answer = httpx.get(f"{url}/openapi.json", timeout=60, trust_env=False, verify=False)
    assert answer.status_code == 200, answer.text
    return Contract(answer.json())


def check(response: httpx.Response) -> None:
    """An httpx event hook: the answer obeys the document of the server that gave it."""
    response.read()
    _check(response)


async def check_async(response: httpx.Response) -> None:
    await response.aread()
    _check(response)


def _check(response: httpx.Response) -> None:
    url = response.request.url
    kind = response.headers.get("content-type", "").partition(";")[0]
    base = f"{url.scheme}://{url.netloc.decode()}"
    contract(base).check(response.request.method, url.path, response.status_code, kind, response.content)
