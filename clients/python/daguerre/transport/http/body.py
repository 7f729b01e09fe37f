"""Bodies of HTTP requests, and entries of answers."""

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from daguerre.errors import IncompatibleServerError
from daguerre.types.common import Failure, Float, Payload
from daguerre.types.zero_shot import ZeroShotOptions


@contextmanager
def expect_answer(url: str) -> Iterator[None]:
    """Raise IncompatibleServerError, not KeyError, where an answer has another shape than ours."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as exc:
        raise IncompatibleServerError(
            f"{url} answered with something else than this SDK expects ({type(exc).__name__}: {exc}); "
            "is it a Daguerre server of a version that belongs to this SDK?",
            code="not_daguerre",
        ) from exc


def form(
    fields: Mapping[str, Any], items: Sequence[Payload], arrays: Mapping[str, Float] | None = None
) -> tuple[bytes, str]:
    """A multipart body in one piece. Files are called by their number: paths stay on this machine."""
    boundary = b"daguerre-" + os.urandom(16).hex().encode()  # 128 random bits are in no file
    parts: list[bytes | memoryview] = []
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            text = one if isinstance(one, str) else json.dumps(one)
            parts += [b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n' % (boundary, name.encode())]
            parts += [text.encode(), b"\r\n"]
    for i, item in enumerate(items):
        head = b'--%s\r\nContent-Disposition: form-data; name="input"' % boundary
        if item.image is not None:
            parts += [head, b'; filename="%d"\r\nContent-Type: application/octet-stream\r\n\r\n' % i, item.image]
        else:
            parts += [head, b"\r\n\r\n", (item.text or "").encode()]
        parts += [b"\r\n"]
    for name, array in (arrays or {}).items():
        head = b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s.npy"' % (
            boundary,
            *2 * [name.encode()],
        )
        held = io.BytesIO()
        np.save(held, array, allow_pickle=False)
        parts += [head, b"\r\nContent-Type: application/octet-stream\r\n\r\n", held.getbuffer(), b"\r\n"]
    parts += [b"--%s--\r\n" % boundary]
    return b"".join(parts), f"multipart/form-data; boundary={boundary.decode()}"


def entries(said: Mapping[str, Any], items: Sequence[Payload]) -> Sequence[Mapping[str, Any]]:
    data: Sequence[Mapping[str, Any]] = said["data"]
    if len(data) != len(items):
        raise ValueError(f"{len(data)} results for {len(items)} items")
    return data


def failures_of(data: Sequence[Mapping[str, Any]]) -> dict[int, Failure]:
    found = ((i, entry.get("error")) for i, entry in enumerate(data))
    return {i: Failure(error["code"], error["message"]) for i, error in found if error}


def model_fields(model: str | None, decode: str | None, **options: Any) -> dict[str, Any]:
    """What a model is asked with, beside items; what is None is left out."""
    given = {"on_error": "skip", "model": model, "decode": decode, **options}
    return {name: value for name, value in given.items() if value is not None}


def zero_shot_fields(options: ZeroShotOptions) -> dict[str, Any]:
    """The same of a zero-shot question."""
    return model_fields(
        options.model,
        options.decode,
        labels=list(options.labels),
        templates=None if options.templates is None else list(options.templates),
        multi_label=options.multi_label,
        negatives=None if options.negatives is None else list(options.negatives),
        none_of_these=_none_of_these(options),
    )


def _none_of_these(options: ZeroShotOptions) -> dict[str, Any] | None:
    if options.none_of_these is not None:
        return {"text": options.none_of_these}
    return None if options.none_min_cosine is None else {"min_cosine": options.none_min_cosine}
