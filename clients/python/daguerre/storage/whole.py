"""Files that appear whole or not at all: a run that fails or is interrupted leaves an earlier file as it was."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(out: str | os.PathLike[str]) -> Iterator[str]:
    """Yield the path of a new file beside `out`, which takes the place of `out` at the end.

    If the block raises, it is removed. A device or a pipe, such as /dev/stdout, is written as it is.
    """
    target = Path(out)
    if target.exists() and not target.is_file():
        yield os.fspath(out)
        return
    target = target.resolve()  # so that a link stays one
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.tmp{target.suffix}")
    try:
        yield str(temporary)
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
