"""Paths as tables write them, and the files that they name: with other slashes, other forms of é, fewer folders."""

import os
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property


def plain_path(path: str) -> str:
    """A path in one form: composed characters (NFC), forward slashes, no "." and no double slashes."""
    text = (path if path.isascii() else unicodedata.normalize("NFC", path)).replace("\\", "/")
    return posixpath.normpath(text) if text else text


def printable(id: str) -> str:
    r"""An id as valid Unicode: bytes of a file name in another encoding become \udce9 and the like."""
    return id if id.isascii() else id.encode("utf-8", "backslashreplace").decode()


def one_line(path: str) -> str:
    r"""The id of a file as `printable`, with \n and \r in place of ends of lines: lists have an id in each line."""
    text = printable(path)
    return text if text.isprintable() else text.replace("\n", r"\n").replace("\r", r"\r")


def existing_path(path: str) -> str:
    """The file on disk that a path of a table names: with backslashes, or in the other form of accents, too."""
    if os.path.exists(path):
        return path
    slashed = path.replace("\\", "/")
    forms = [slashed, *(unicodedata.normalize(form, slashed) for form in ("NFC", "NFD"))]
    return next((form for form in forms if os.path.exists(form)), path)


def without_zeros(id: str) -> str:
    """An id of digits as a program writes it that takes it for a number: 7 for 007."""
    return id.lstrip("0") or "0" if id.isascii() and id.isdigit() else id


class PathNames:
    """Items by their paths, names, and the ends of their paths.

    Parameters
    ----------
    paths, names : (n,); a name is the item's id, such as a path below the folder that was given.
    """

    def __init__(self, paths: Sequence[str], names: Sequence[str]) -> None:
        self._paths = paths
        self._names = names
        self._numbered = list(paths) == list(map(str, range(len(paths))))
        self._before: str | None = None  # the folder that names are below, where their files are not known
        self._exact: dict[str, list[int]] = defaultdict(list)
        for i, (path, name) in enumerate(zip(paths, names, strict=True)):
            self._exact[name].append(i)
            if not self._numbered and path != name:
                self._exact[path].append(i)

    @cached_property
    def _whole(self) -> dict[str, list[int]]:
        """Items by name and path, in one form."""
        whole: dict[str, list[int]] = defaultdict(list)
        for text, places in self._exact.items():
            whole[plain_path(text)] += places
        if not self._numbered:
            for i, path in enumerate(self._paths):
                whole[plain_path(os.path.abspath(path))].append(i)
        return whole

    @cached_property
    def _by_file(self) -> dict[str, list[tuple[str, int]]]:
        """Paths with a slash before them, and their items, by file name."""
        by_file: dict[str, list[tuple[str, int]]] = defaultdict(list)
        if not self._numbered:
            for i, path in enumerate(self._paths):
                whole = plain_path(os.path.abspath(path))
                by_file[whole.rpartition("/")[2]].append((f"/{whole}", i))
        return by_file

    def find(self, key: str) -> list[int]:
        """The items that a key names: by path or name, else by the end of the path. Raises ValueError for two files.

        Names of files that are not known, as in a file of vectors, are also the ends of a path below one folder.
        """
        if places := self._exact.get(key):
            return sorted(set(places))
        plain = plain_path(key)
        for text in (plain, plain_path(os.path.abspath(plain)) if plain and not self._numbered else plain):
            if places := self._whole.get(text):
                return sorted(set(places))
        if not plain:
            return []
        hits = [(path, i) for path, i in self._by_file.get(plain.rpartition("/")[2], ()) if path.endswith(f"/{plain}")]
        files = dict(hits)
        if len(files) > 1:
            first, second, *_ = (self._paths[i] for i in files.values())
            more = f" and {len(files) - 2} more" if len(files) > 2 else ""
            raise ValueError(
                f"{key!r} names {len(files)} files, {first!r} and {second!r}{more}; give paths that tell them apart"
            )
        return [i for _, i in hits] or self._below(plain)

    def _below(self, path: str) -> list[int]:
        """The items whose name is the end of a path, whose beginning is the same for every path."""
        parts = path.split("/")
        for start in range(1, len(parts)):
            places = self._whole.get("/".join(parts[start:]), [])
            if places and not self._numbered and all(self._paths[i] == self._names[i] for i in places):
                before = "/".join(parts[:start])
                self._before = before if self._before is None else self._before
                return sorted(set(places)) if before == self._before else []
        return []

    def hint(self, key: str) -> str:
        """The way out where a key names no item."""
        file = plain_path(key).rpartition("/")[2]
        stem = posixpath.splitext(file)[0]
        for name in (*self._by_file, *self._exact):
            other = posixpath.splitext(name)[0]
            if file == other:
                return f"there is {name!r}: give file names with their endings"
            if stem != other and without_zeros(stem) == without_zeros(other):
                return (
                    f"there is {name!r}, a different id: if they are one, zeros at the front were lost; read the "
                    "column of ids as text, as with pandas.read_csv(…, dtype=str)"
                )
        return "give paths, or file names"
