"""The pictures of a study on another machine, found by their names, or else by their hashes."""

import hashlib
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any


class Pictures:
    """Pictures in a folder; None: there are none.

    Raises NotADirectoryError for what is no folder.
    """

    def __init__(self, folder: "str | os.PathLike[str] | None") -> None:
        self._folder = None if folder is None else os.fspath(folder)
        self._hashes: dict[str, str] = {}
        if self._folder is not None and not os.path.isdir(self._folder):
            raise NotADirectoryError(f"images: {self._folder} is no folder; give the folder of the pictures")

    def find(self, item: Mapping[str, Any]) -> str:
        """The path of a picture: the file of its name, or another one with the same bytes.

        Raises LookupError with a sentence where it is not there, or is another picture.
        """
        name, wanted = str(item["file"]), item["sha256"]
        if self._folder is None:
            raise LookupError(f"{name}: the picture is not here; give its folder as images")
        if wanted is None:  # it could not be read in the study either
            return os.path.join(self._folder, "a file that cannot be read", name.replace(os.sep, "-"))
        path = os.path.join(self._folder, *name.split("/"))
        inside = not os.path.isabs(name) and ".." not in name.split("/")
        there = inside and os.path.isfile(path)
        if there and self._hash(path) == wanted:
            return path
        if (other := self._by_hash.get(str(wanted))) is not None:
            return other
        if there:
            raise LookupError(
                f"{name}: another picture has this name (SHA-256 {self._hash(path)[:12]}…, not {wanted:.12}…)"
            )
        raise LookupError(f"{name}: the picture is missing")

    def _hash(self, path: str) -> str:
        if path not in self._hashes:
            total = hashlib.sha256()
            with open(path, "rb") as file:
                while piece := file.read(2**20):
                    total.update(piece)
            self._hashes[path] = total.hexdigest()
        return self._hashes[path]

    @cached_property
    def _by_hash(self) -> dict[str, str]:
        """The paths of all files in the folder by their hashes."""
        assert self._folder is not None
        found: dict[str, str] = {}
        for place, folders, names in os.walk(self._folder):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(place, name)
                if os.path.isfile(path):
                    found.setdefault(self._hash(path), path)
        return found
