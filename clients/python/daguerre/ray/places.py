"""Folders and files wherever pyarrow reads them: this machine, S3, Google Cloud Storage, Azure, HDFS."""

import os
import posixpath
from functools import lru_cache
from typing import Any

from daguerre.storage.parquet import arrow

STORES = "file://, s3://, gs://, abfs:// or hdfs://"


def has_scheme(path: str) -> bool:
    """Whether a path begins with the scheme of a store, such as s3://."""
    return "://" in path


def place(path: str, filesystem: Any = None) -> tuple[Any, str]:
    """The file system of pyarrow that has a path, and the path in it.

    Parameters
    ----------
    filesystem : a file system of pyarrow that has it, for example with credentials; None: by the scheme.

    Raises
    ------
    ValueError : for a scheme that pyarrow does not read.
    """
    if filesystem is not None:
        return filesystem, path.partition("://")[2] if has_scheme(path) else path
    if not has_scheme(path):
        return _local(), os.path.abspath(path)
    if path.startswith("file://"):
        return _local(), path.removeprefix("file://")
    scheme, _, rest = path.partition("://")
    host, _, below = rest.partition("/")
    store, start = _store(scheme, host)
    return store, posixpath.join(start, below) if below else start


@lru_cache(64)
def _store(scheme: str, host: str) -> tuple[Any, str]:
    pa = arrow()
    import pyarrow.fs

    try:
        store, start = pyarrow.fs.FileSystem.from_uri(f"{scheme}://{host}")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as exc:
        raise ValueError(
            f"path: {scheme}://{host}/ is in no store that pyarrow reads ({exc}); begin paths with {STORES}, or give "
            "those of a file system that is mounted on every node"
        ) from exc
    return store, start


@lru_cache(1)
def _local() -> Any:
    arrow()
    import pyarrow.fs

    return pyarrow.fs.LocalFileSystem()


def is_local(filesystem: Any) -> bool:
    """Whether files are on this machine, or mounted here."""
    return str(filesystem.type_name) == "local"


def kind_of_place(filesystem: Any, path: str) -> str:
    """One of "file", "folder", "nothing". Raises OSError where that cannot be asked."""
    from pyarrow.fs import FileType

    kinds = {FileType.File: "file", FileType.Directory: "folder"}
    return kinds.get(filesystem.get_file_info(path).type, "nothing")
