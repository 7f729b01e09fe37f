"""Paths below DAGUERRE_DATA, the folder on the server that requests may name parts of."""

from pathlib import Path

from models.errors import quoted
from service.errors import Unprocessable


def inside(data: Path | None, relative: str, param: str, content: str = "images") -> Path:
    """The path `relative` below `data`, with links resolved. Raises Unprocessable if it is outside or missing."""
    if data is None:
        raise Unprocessable(
            f"{param}: this server has no folder of {content}; start it with DAGUERRE_DATA, the folder that contains "
            "them",
            code="no_data",
            param=param,
        )
    root = data.resolve()
    try:
        path = (root / relative).resolve()
        there = path.exists()
    except (OSError, ValueError, RuntimeError):  # a name too long, a null byte, a link to itself
        path, there = root.parent, False
    if not relative or not there or not path.is_relative_to(root):
        raise Unprocessable(
            f"{param}: there is no {quoted(relative)} in the server's folder of {content}; give a path relative to it",
            code="unknown_folder",
            param=param,
        )
    return path
