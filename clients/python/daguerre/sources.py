"""What users have (folders, paths, bytes, pictures, arrays, texts) as items to send, read when their turn comes."""

import io
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias

from daguerre.types.common import Payload

if TYPE_CHECKING:
    from PIL import Image


EXTENSIONS = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif"]
)  # what counts as an image in a folder or a glob; a file that is named is sent whatever it is called
ImageLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Any  # PIL images, arrays
Images: TypeAlias = ImageLike | Iterable[ImageLike]
Texts: TypeAlias = str | Iterable[str]
GLOB = frozenset("*?[")


class Unreadable(Exception):
    """An item that never leaves this machine."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Source(Protocol):
    """One item, not read yet."""

    @property
    def id(self) -> str: ...

    @property
    def size_hint(self) -> int | None:
        """Bytes that it will take on the wire; None where that is not known before it is read."""

    def read(self) -> Payload:
        """The item. Called once, in a thread. Raises Unreadable."""


class FileSource:
    """A file."""

    def __init__(self, path: str | os.PathLike[str], id: str | None = None) -> None:
        self.path = os.fspath(path)
        self.id = self.path if id is None else id

    @property
    def size_hint(self) -> int | None:
        try:
            return os.stat(self.path).st_size
        except OSError:
            return 0  # reading it will say what is wrong

    def read(self) -> Payload:
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):  # a pipe would be waited for, perhaps for ever
                raise Unreadable("unreadable_file", "cannot be read: it is no regular file")
            with open(self.path, "rb") as file:
                return Payload(image=file.read())
        except OSError as exc:
            raise Unreadable("unreadable_file", f"cannot be read: {exc.strerror or exc}; check the path") from exc


class _Bytes:
    """A file's bytes."""

    def __init__(self, data: bytes | bytearray | memoryview, id: str) -> None:
        self._data = data
        self.id = id

    @property
    def size_hint(self) -> int:
        return self._data.nbytes if isinstance(self._data, memoryview) else len(self._data)

    def read(self) -> Payload:
        return Payload(image=bytes(self._data))


class _Picture:
    """Pixels: a copy, since the next item of a generator may be made in the same buffer."""

    def __init__(self, picture: "Image.Image", id: str) -> None:
        self._picture = picture
        self.id = id

    @property
    def size_hint(self) -> int:
        width, height = self._picture.size
        return int(width * height * len(self._picture.getbands()))  # a PNG has hardly more

    def read(self) -> Payload:
        return Payload(image=_png(self._picture))


class _Unusable:
    """An item whose turn has come and gone."""

    size_hint = 0

    def __init__(self, code: str, message: str, id: str) -> None:
        self._why = code, message
        self.id = id

    def read(self) -> Payload:
        raise Unreadable(*self._why)


class _Text:
    def __init__(self, text: object, id: str) -> None:
        self._text = text
        self.id = id

    @property
    def size_hint(self) -> int | None:
        return 4 * len(self._text) if isinstance(self._text, str) else 0

    def read(self) -> Payload:
        if not isinstance(self._text, str):
            kind = type(self._text).__name__
            raise Unreadable("not_a_text", f"is {self._text!r:.60}, a {kind}; a text is a str, leave missing ones out")
        try:
            self._text.encode()
        except UnicodeEncodeError as exc:
            raise Unreadable("not_a_text", f"is not Unicode: {exc.reason} at character {exc.start}") from exc
        return Payload(text=self._text)


def images(given: Images, ids: Sequence[str] | None = None) -> Iterator[Source]:
    """Images as sources, found lazily.

    Parameters
    ----------
    given : a folder (searched with its subfolders, sorted), a path, a glob such as "photos/**/*.jpg", bytes, an open
        binary file, a PIL image, a uint8 array (h, w), (h, w, 3) or (h, w, 4), an array of n of these, or any iterable
        of all that.
    ids : in place of the paths, which are the ids of files; others are numbered.

    Raises
    ------
    FileNotFoundError : for a path that is the only thing given and not there, a glob that finds nothing.
    TypeError : for what can be no image.
    ValueError : where `ids` is shorter or longer than the items.
    """
    return _with_ids(_images(given), ids)


def texts(given: Texts, ids: Sequence[str] | None = None) -> Iterator[Source]:
    """Texts as sources: a str is one text. Their ids are their places, "0", "1", …, unless given."""
    if isinstance(given, str):
        given = [given]
    if isinstance(given, bytes):
        raise TypeError("texts: got bytes; decode them first, for example given.decode('utf-8')")
    return _with_ids((_Text(text, str(i)) for i, text in enumerate(given)), ids)


def paired(first: Iterator[Source], second: Iterator[Source]) -> Iterator[Source]:
    """Images and texts of the same items, one by one; the ids are those of the images."""
    end = object()
    while True:
        image, text = next(first, end), next(second, end)
        if image is end and text is end:
            return
        if image is end or text is end:
            raise ValueError(f"images and texts: there are more {'texts' if image is end else 'images'}; give as many")
        yield _Pair(image, text)  # type: ignore[arg-type]


def count(given: Any) -> int | None:
    """How many items there are, where that can be told without taking them; a folder is walked."""
    if isinstance(given, str | os.PathLike):
        path = os.fspath(given)
        if os.path.isdir(path) or (isinstance(path, str) and not os.path.exists(path) and GLOB & set(path)):
            return sum(1 for _ in _of_path(path, alone=False))
        return 1
    if isinstance(given, bytes | bytearray | memoryview) or hasattr(given, "read"):
        return 1
    if _is_array(given):
        return len(given) if given.ndim == 4 or (given.ndim == 3 and given.shape[2] not in (3, 4)) else 1
    if isinstance(given, list | tuple):
        return sum(n for item in given if (n := _count_one(item)) is not None)
    if hasattr(given, "__len__") and hasattr(given, "__iter__"):
        return len(given)
    return 1 if _is_pillow(given) else None


def _count_one(item: Any) -> int | None:
    if isinstance(item, str | os.PathLike) and (os.path.isdir(item) or GLOB & set(os.fspath(item))):
        return count(item)
    return 1


def walk(folder: str, extensions: frozenset[str] = EXTENSIONS) -> Iterator[str]:
    """Paths of the files in `folder` and below, sorted, one folder's names in memory at a time."""
    seen: set[tuple[int, int]] = set()

    def inside(place: str) -> Iterator[str]:
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            return  # a link back to a folder that we are in, or have been in
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(place) as found:
            entries = sorted((e for e in found if not e.name.startswith(".")), key=lambda e: e.name)
        for entry in entries:
            if entry.is_dir():
                yield from inside(entry.path)
            elif os.path.splitext(entry.name)[1].lower() in extensions:
                yield entry.path

    return inside(folder)


def matching(pattern: str) -> list[str]:
    """Files that match a glob, sorted; ** goes into all folders but hidden and linked ones, which may lead back."""
    parts = Path(pattern).parts
    first = next(i for i, part in enumerate(parts) if GLOB & set(part))
    base, rest = Path(*parts[:first]), [part if part == "**" else part.replace("**", "*") for part in parts[first:]]
    if rest[-1] == "**":
        rest.append("*")  # without it, Path.glob gives folders only
    hidden = any(part.startswith(".") for part in rest)
    found = base.glob("/".join(rest))
    return sorted(
        str(path)
        for path in found
        if not path.is_dir() and (hidden or not any(part.startswith(".") for part in path.relative_to(base).parts))
    )


def _images(given: Images) -> Iterator[Source]:
    if isinstance(given, str | os.PathLike):
        yield from _of_path(os.fspath(given), alone=True)
        return
    if is_one(given):
        yield _one(given, 0)
        return
    if not isinstance(given, Iterable):
        raise TypeError(
            f"images: got {type(given).__name__}; give paths, folders, globs, bytes, open files, PIL images, uint8 "
            "arrays, or an iterable of these"
        )
    for i, item in enumerate(given):
        if isinstance(item, str | os.PathLike):
            yield from _of_path(os.fspath(item), alone=False)
        else:
            yield _one(item, i)


def _of_path(path: str, *, alone: bool) -> Iterator[Source]:
    if os.path.isdir(path):
        yield from map(FileSource, walk(path))
    elif GLOB & set(path) and not os.path.exists(path):
        found = 0
        for name in matching(path):
            found += 1
            yield FileSource(name)
        if not found and alone:
            raise FileNotFoundError(f"images: no file matches {path!r}; is the folder right, and the extension?")
        if not found:
            yield FileSource(path)  # which is not there, and becomes this item's error
    elif alone and not os.path.exists(path):
        raise FileNotFoundError(f"images: there is no {path!r}; give a folder, a file or a glob that is there")
    else:
        yield FileSource(path)


def is_one(given: Any) -> bool:
    """Whether it is one image in memory: bytes, an open file, a picture, an array."""
    if _is_array(given):
        return bool(given.ndim == 2 or (given.ndim == 3 and given.shape[2] in (3, 4)))
    return isinstance(given, bytes | bytearray | memoryview) or hasattr(given, "read") or _is_pillow(given)


def _one(item: Any, index: int) -> Source:
    id = str(index)
    if isinstance(item, bytes | bytearray | memoryview):
        return _Bytes(bytes(item), id)
    if _is_array(item) or _is_pillow(item):
        return _pixels(item, id)
    if hasattr(item, "read"):
        name = getattr(item, "name", None)
        return _read_open(item, name if isinstance(name, str) else id)
    raise TypeError(
        f"images: item {index} is a {type(item).__name__}; an image is a path, bytes, an open binary file, a PIL image "
        "or a uint8 array"
    )


def _is_array(item: Any) -> bool:
    return type(item).__module__.partition(".")[0] == "numpy" and hasattr(item, "ndim") and item.ndim > 0


def _is_pillow(item: Any) -> bool:
    return any(kind.__module__ == "PIL.Image" for kind in type(item).__mro__)


def _read_open(file: Any, id: str) -> Source:
    """An open file, read at once: who gave it may close it before the next one."""
    try:
        data = file.read()
    except (OSError, ValueError) as exc:
        return _Unusable("unreadable_file", f"cannot be read: {exc}; is it still open?", id)
    if not isinstance(data, bytes):
        return _Unusable("unreadable_file", 'gives str, not bytes; open it with mode "rb"', id)
    return _Bytes(data, id)


def _pixels(item: Any, id: str) -> Source:
    """A PIL image or an array, copied."""
    try:
        from PIL import Image
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError("arrays are sent as PNG, which needs Pillow; pip install 'daguerre[images]'") from exc
    if _is_array(item):
        if str(item.dtype) != "uint8" or not is_one(item):
            rule = "images are uint8, (h, w), (h, w, 3) or (h, w, 4)"
            way = "for floats in 0..1, (255 * x).round().astype('uint8')"
            return _Unusable("not_an_image", f"an array of {item.dtype} {item.shape}; {rule}: {way}", id)
        return _Picture(Image.fromarray(item.copy()), id)
    if item.mode in ("F", "I"):
        return _Unusable(
            "not_an_image",
            f"a PIL image of mode {item.mode!r}, whose numbers no PNG holds; bring it to 0..255 and convert('L')",
            id,
        )
    try:
        return _Picture(item.copy(), id)  # which loads it too: its file may be closed before the next one
    except (OSError, SyntaxError, ValueError) as exc:  # SyntaxError: Pillow's for a broken PNG
        return _Unusable("unreadable_file", f"cannot be decoded here: {exc}; send the file itself", id)


def _png(picture: "Image.Image") -> bytes:
    """Pixels as a PNG, none of them changed."""
    if picture.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        picture = picture.convert("RGB")  # CMYK, YCbCr, LAB: which the server would do as well
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


class _Renamed:
    def __init__(self, source: Source, id: str) -> None:
        self._source = source
        self.id = id

    @property
    def size_hint(self) -> int | None:
        return self._source.size_hint

    def read(self) -> Payload:
        return self._source.read()


class _Pair:
    def __init__(self, image: Source, text: Source) -> None:
        self._image = image
        self._text = text
        self.id = image.id

    @property
    def size_hint(self) -> int | None:
        image, text = self._image.size_hint, self._text.size_hint
        return None if image is None or text is None else image + text

    def read(self) -> Payload:
        return Payload(image=self._image.read().image, text=self._text.read().text)


def _with_ids(sources: Iterator[Source], ids: Sequence[str] | None) -> Iterator[Source]:
    if ids is None:
        yield from sources
        return
    names = [str(name) for name in ids]
    n = 0
    for n, source in enumerate(sources, 1):
        if n > len(names):
            raise ValueError(f"ids: {len(names)} for more items than that; give one for each")
        yield _Renamed(source, names[n - 1])
    if n < len(names):
        raise ValueError(f"ids: {len(names)} for {n} items; give one for each")


def relative(folder: str) -> Iterator[FileSource]:
    """The images of a folder, with ids relative to it in POSIX form, so that the folder can move."""
    for path in walk(folder):
        yield FileSource(path, Path(path).relative_to(folder).as_posix())
