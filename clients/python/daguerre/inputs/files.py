"""Files on disk: one walk for the images and videos of folders, globs, and the account of what a walk leaves out."""

import os
import stat
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from daguerre.errors import RemarkWarning
from daguerre.inputs.kinds import HEAD, Kind, is_raw, kind_of, named_kind
from daguerre.inputs.source import CommonParent, Named, Unreadable, split_glob
from daguerre.types.common import Payload

SYSTEM = frozenset(
    [
        *("@eadir", "@tmp", "@recycle", "@recently-snapshot", "@sharebin", "#recycle", "#snapshot", "~snapshot"),
        *("$recycle.bin", "recycler", "system volume information", "lost+found", "__macosx", "network trash folder"),
        *("temporary items", "thevolumesettingsfolder", "__pycache__"),
    ]
)  # folders of storage devices, of systems and archives, in lower case; those that begin with a full stop are hidden
BOOKKEEPING = frozenset([".ds_store", ".localized", "thumbs.db", "ehthumbs.db", "desktop.ini"])  # files of a system
SHOWN = 5  # kinds of files in a text


def require_folder(path: str | os.PathLike[str], name: str = "path") -> None:
    """Raise FileNotFoundError if a file is to be written into a folder that is not there."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{name}: there is no folder {os.path.dirname(os.fspath(path))!r}; create it first")
    if os.path.isdir(path):
        raise IsADirectoryError(f"{name}: {os.fspath(path)!r} is a folder; name a file in it")


class LeftOut:
    """The account of the files and folders that a walk has left out, by reason, each with its first path."""

    def __init__(self) -> None:
        self._reasons: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, reason: str, path: str) -> None:
        self._reasons[reason] += 1
        self._first.setdefault(reason, path)

    def update(self, other: "LeftOut") -> None:
        """Add another account."""
        self._reasons.update(other._reasons)
        self._first = other._first | self._first

    def __bool__(self) -> bool:
        return bool(self._reasons)

    @property
    def total(self) -> int:
        """Number of files and folders."""
        return sum(self._reasons.values())

    @property
    def is_content(self) -> bool:
        """Whether more was left out than the bookkeeping files that an operating system puts into every folder."""
        return any(reason != _SYSTEM_FILE for reason in self._reasons)

    def __str__(self) -> str:
        kinds = self._reasons.most_common()
        parts = [f"{reason}: {count:,}, the first {self._first[reason]!r}" for reason, count in kinds[:SHOWN]]
        rest = sum(count for _, count in kinds[SHOWN:])
        return "; ".join([*parts, *([f"others: {rest:,}"] if rest else [])])

    @property
    def remark(self) -> str | None:
        """The account as a sentence; None where nothing but bookkeeping files was left out."""
        return f"{self.total:,} files or folders were left out ({self})" if self.is_content else None

    def warn(self) -> None:
        """Warn of what was left out, in the thread of the caller."""
        if remark := self.remark:
            warnings.warn(remark, RemarkWarning, stacklevel=3)


_SYSTEM_FILE = "files of the operating system"


class FileSource(Named):
    """A file."""

    path: str

    def __init__(self, path: str | os.PathLike[str], id: str | None = None, parent: CommonParent | None = None) -> None:
        super().__init__(id, os.fspath(path), parent)

    @property
    def size_hint(self) -> int | None:
        try:
            return os.stat(self.path).st_size
        except (OSError, ValueError):
            return 0  # reading it will say what is wrong

    def read(self) -> Payload:
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):  # a pipe would be waited for, perhaps for ever
                raise Unreadable("unreadable_file", "cannot be read: it is no regular file")
            with open(self.path, "rb") as file:
                return Payload(image=file.read())
        except OSError as exc:
            raise Unreadable("unreadable_file", f"cannot be read: {exc.strerror or exc}; check the path") from exc
        except ValueError as exc:
            raise Unreadable("unreadable_file", f"cannot be read: {exc}; check the path") from exc


def walk(folder: str, kind: Kind = "image", left_out: LeftOut | None = None) -> Iterator[str]:
    """Paths of the images or videos in `folder` and below, sorted, one folder's names in memory at a time.

    A file belongs to a kind by the ending of its name, or else by its first bytes. Hidden files and the folders of
    systems are left out.

    Parameters
    ----------
    left_out : counts what is left out.

    Raises
    ------
    OSError : `folder` itself cannot be read.
    """
    account = LeftOut() if left_out is None else left_out
    seen: set[tuple[int, int] | str] = set()
    roots = [os.path.realpath(folder)]  # a folder in one of these is walked by itself, whatever links lead to it

    def inside(place: str) -> Iterator[str]:
        status = os.stat(place)
        # a file system without numbers of its own has 0 for every folder
        key = (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(place)
        if key in seen:
            account.add("links to folders that are walked already", place)
            return  # it may lead back to a folder that we are in
        seen.add(key)
        with os.scandir(place) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
        for entry in entries:
            if reason := _hidden(entry.name):
                account.add(reason, entry.path)
            elif _is_folder(entry):
                if entry.is_symlink():
                    target = os.path.realpath(entry.path)
                    if any(_is_walked(target, root) for root in roots):
                        account.add("links to folders that are walked already", entry.path)
                        continue
                    roots.append(target)
                try:
                    yield from inside(entry.path)
                except OSError as exc:
                    account.add(f"folders that cannot be read: {exc.strerror or exc}", entry.path)
            elif reason := _unsuitable(entry.path, kind):
                account.add(reason, entry.path)
            else:
                yield entry.path

    return inside(folder)


def _is_walked(folder: str, root: str) -> bool:
    """Whether a walk of `root` comes to `folder` without a link."""
    if folder != root and not folder.startswith(root.rstrip(os.sep) + os.sep):
        return False
    below = os.path.relpath(folder, root)
    return below == os.curdir or not any(map(_hidden, below.split(os.sep)))


def class_folders(folder: str, left_out: LeftOut) -> list[str]:
    """Names of the folders in `folder` that may be classes, sorted; hidden ones and those of systems are none."""
    names = []
    with os.scandir(folder) as listed:
        for entry in sorted(listed, key=lambda entry: entry.name):
            if reason := _hidden(entry.name):
                left_out.add(reason, entry.path)
            elif _is_folder(entry):
                names.append(entry.name)
            else:
                left_out.add("files beside the folders of classes", entry.path)
    return names


def _hidden(name: str) -> str | None:
    """The reason why an entry of a folder is left out whatever it holds; None where it is not."""
    lower = name.lower()
    if lower in BOOKKEEPING or lower.startswith("._"):
        return _SYSTEM_FILE
    if name.startswith("."):
        return "hidden files and folders"
    return "folders of the system" if lower in SYSTEM or lower.startswith(".trash") else None


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself


def _unsuitable(path: str, kind: Kind) -> str | None:
    """The reason why a file is not of the kind; None where it is."""
    if is_raw(path):
        return "files of a camera's sensor"
    if named_kind(path) == kind:
        return None
    ending = os.path.splitext(path)[1].lower()
    called = f"{ending} files" if 1 < len(ending) <= 10 and ending.isprintable() else "files without an ending"
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return "entries that are no regular files"
        found = kind_of(_head(path))
    except OSError as exc:
        return f"files that cannot be read: {exc.strerror or exc}"
    return None if found == kind else f"{called} that are no {kind}s"


def file_kind(path: str) -> Kind | None:
    """The kind of a regular file, by its name or by its first bytes; None where it is neither image nor video."""
    try:
        return named_kind(path) or (kind_of(_head(path)) if stat.S_ISREG(os.stat(path).st_mode) else None)
    except OSError:
        return None


def _head(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return os.read(descriptor, HEAD)
    finally:
        os.close(descriptor)


def matching(pattern: str, kind: Kind = "image", left_out: LeftOut | None = None) -> list[str]:
    """Images or videos that match a glob, sorted; ** goes into all folders but hidden and linked ones.

    A file belongs to a kind as in `walk`. Raises FileNotFoundError where there is none.
    """
    account = LeftOut() if left_out is None else left_out
    base, parts = split_glob(pattern)
    rest = [part if part == "**" else part.replace("**", "*") for part in parts]
    if rest[-1] == "**":
        rest.append("*")  # without it, Path.glob gives folders only
    asked = any(part.startswith(".") for part in rest)  # for what is hidden
    found, folders = [], []
    for path in sorted(map(str, base.glob("/".join(rest)))):
        below = Path(path).relative_to(base).parts
        hidden = None if asked else next(filter(None, map(_hidden, below)), None)
        if hidden or not os.path.isdir(path):
            reason = hidden or _unsuitable(path, kind)
            if reason:
                account.add(reason, path)
            else:
                found.append(path)
        else:
            folders.append(path)
    if not found and not account and folders:
        raise FileNotFoundError(
            f"only folders match {pattern!r}, the first is {folders[0]!r}; give a folder, or a glob that ends in /*"
        )
    if not found and account:
        raise FileNotFoundError(f"no {kind} matches {pattern!r}: {account}; give another glob, or name the file itself")
    if not found:
        raise FileNotFoundError(f"no file matches {pattern!r}; is the folder right, and the extension?")
    return found


def is_below(folder: str, name: str) -> bool:
    """Whether a name, relative to the folder or absolute, is one of a file below it."""
    top = os.path.abspath(folder)
    return "\0" not in name and os.path.commonpath([top, os.path.abspath(os.path.join(top, name))]) == top
