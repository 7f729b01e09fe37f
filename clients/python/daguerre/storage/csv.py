"""Text files and stdout as UTF-8, for tables."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def opened(out: str) -> Iterator[TextIO]:
    """A file of UTF-8, in which a file name of another encoding has its bytes as \\udce9 and the like."""
    if out == "-":
        assert hasattr(sys.stdout, "reconfigure")
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
        yield sys.stdout
        return
    with open(out, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        yield file
