"""A clustering's content, with the numbers of both transports in single precision."""

from typing import Any

from daguerre.types.arrays import single
from daguerre.types.common import Content


def read_clustering(content: Content, request_id: str | None = None) -> dict[str, Any]:
    """The content of a clustering. Raises KeyError, TypeError for an answer of another shape."""
    read = {**content, **{name: single(content[name]) for name in ("silhouettes", "silhouettes_final")}}
    if content["coordinates"] is not None:
        flat = single(number for pair in content["coordinates"] for number in pair)
        read["coordinates"] = [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]
    return read
