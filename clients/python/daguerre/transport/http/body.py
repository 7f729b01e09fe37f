"""Bodies of HTTP requests: JSON and forms."""

import io
import json
import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from daguerre.transport.base import Request
from daguerre.types.common import Float, Payload

JSON = "application/json"


def request_body(request: Request, fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """The body of a request and its content type, with those fields that its path does not have."""
    items, vectors = request.items, request.vectors
    if vectors:
        fields = {**fields, "vectors": [block.fields() for block in vectors]}
        arrays = {block.part: block.array for block in vectors if block.array is not None}
        return form({"request": json_text(fields)}, (), arrays)
    if items is None:
        return json_text(fields).encode(), JSON
    if any(item.image is not None for item in items) and not any(item.is_pair or item.crop for item in items):
        return form(fields if request.operation.form else {"request": json_text(fields)}, items)
    return json_text({**fields, "input": [_item(item) for item in items]}).encode(), JSON


def json_text(value: Any) -> str:
    """JSON, with bytes in base64."""
    return json.dumps(value, default=_base64)


def form(
    fields: Mapping[str, Any], items: Sequence[Payload], arrays: Mapping[str, Float] | None = None
) -> tuple[bytes, str]:
    """A multipart body in one piece. Files are named by their number: paths stay on this machine."""
    boundary = b"daguerre-" + os.urandom(16).hex().encode()  # 128 random bits are in no file
    parts: list[bytes | memoryview] = []

    def add(name: str, content: bytes | memoryview, filename: str | None = None) -> None:
        parts.append(b'--%s\r\nContent-Disposition: form-data; name="%s"' % (boundary, name.encode()))
        if filename is not None:
            parts.append(b'; filename="%s"\r\nContent-Type: application/octet-stream' % filename.encode())
        parts.extend([b"\r\n\r\n", content, b"\r\n"])

    for name, value in fields.items():
        for entry in value if isinstance(value, list) else [value]:
            add(name, (entry if isinstance(entry, str) else json_text(entry)).encode())
    for i, item in enumerate(items):
        if item.image is not None:
            add("input", item.image, str(i))
        else:
            add("input", (item.text or "").encode())
    for name, array in (arrays or {}).items():
        file = io.BytesIO()
        np.save(file, array, allow_pickle=False)
        add(name, file.getbuffer(), f"{name}.npy")
    parts.append(b"--%s--\r\n" % boundary)
    return b"".join(parts), f"multipart/form-data; boundary={boundary.decode()}"


def _item(item: Payload) -> dict[str, Any]:
    fields = {"text": item.text, "image": item.image, "crop": None if item.crop is None else asdict(item.crop)}
    return {name: value for name, value in fields.items() if value is not None}


def _base64(value: Any) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} cannot be sent")
