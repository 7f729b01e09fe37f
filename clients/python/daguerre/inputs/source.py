"""An item that is not read yet, and its id: for a file, its path below the folder that was given.

The rule for ids is here alone: an image's id is its path relative to the folder that was given. With several sources
(folders, files, globs) it is relative to their common parent; the id of a single file is its name. Ends of lines and
bytes that are not UTF-8 are written with a backslash (names.py), since lists have an id in each line.
"""

import os
from pathlib import Path
from typing import Protocol

from daguerre.inputs.names import one_line
from daguerre.types.common import Payload

GLOB = frozenset("*?[")


class Unreadable(Exception):
    """An item that never leaves this machine."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class CommonParent:
    """The folder that the ids of files are relative to: the common parent of the sources that were added."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._prefix = ""
        self._apart = False

    def add(self, source: str) -> None:
        """Add a folder, a file or a glob. One that does not exist changes nothing."""
        if self._apart or (folder := _folder_of(source)) is None:
            return
        if self._folder is not None:
            if folder == self._folder or folder.startswith(self._prefix):
                return
            try:
                folder = os.path.commonpath([self._folder, folder])
            except ValueError:  # on two drives
                self._apart, self._folder = True, None
                return
        self._folder = folder
        self._prefix = folder if folder.endswith(os.sep) else folder + os.sep

    def id_of(self, path: str) -> str:
        """The id of a file: its path below the common parent, with forward slashes; elsewhere, the path as given."""
        if self._folder is None:
            return one_line(path)
        whole = os.path.abspath(path)
        if whole == self._folder:
            return one_line(os.path.basename(whole) or whole)
        return one_line(whole[len(self._prefix) :].replace(os.sep, "/") if whole.startswith(self._prefix) else path)


def _folder_of(source: str) -> str | None:
    """The folder that a source is in, or that it is; None for one that does not exist."""
    bare = source.rstrip("/" + os.sep) or source
    if os.path.isdir(source):
        return os.path.abspath(source)
    if os.path.exists(bare):
        return os.path.dirname(os.path.abspath(bare))
    if GLOB & set(source):
        return os.path.abspath(split_glob(source)[0])
    return None


def split_glob(pattern: str) -> tuple[Path, list[str]]:
    """The folder before the first part with a wildcard, and the parts from there on."""
    parts = Path(pattern).parts
    first = next(i for i, part in enumerate(parts) if GLOB & set(part))
    return Path(*parts[:first]), list(parts[first:])


class Source(Protocol):
    """One item, not read yet."""

    @property
    def id(self) -> str:
        """Its id, as far as it is known: that of a file changes until all sources are known."""

    @property
    def own_id(self) -> str | None:
        """Its id where that is not its path."""

    @property
    def path(self) -> str | None:
        """Its file on this machine."""

    @property
    def size_hint(self) -> int | None:
        """Bytes that it will take on the wire; None where that is not known before it is read."""

    def read(self) -> Payload:
        """The item. Called once, in a thread. Raises Unreadable."""


class Named:
    """The id of an item: one of its own, or its path below the common parent of all sources."""

    def __init__(self, own_id: str | None, path: str | None = None, parent: CommonParent | None = None) -> None:
        self.own_id = own_id
        self.path = path
        self._parent = parent

    @property
    def id(self) -> str:
        if self.own_id is not None:
            return self.own_id
        assert self.path is not None
        return self.path if self._parent is None else self._parent.id_of(self.path)
