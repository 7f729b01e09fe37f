"""The content of found duplicates, with the numbers of both transports in single precision."""

from typing import Any

from daguerre.types.arrays import single
from daguerre.types.common import Content


def read_duplicates(content: Content, request_id: str | None = None) -> dict[str, Any]:
    """The content of found duplicates. Raises KeyError, TypeError for an answer of another shape."""
    groups = [{**group, "similarity": single(group["similarity"])} for group in content["groups"]]
    return {**content, "groups": groups}
