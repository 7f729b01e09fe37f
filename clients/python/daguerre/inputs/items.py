"""Images and texts of users as items to send, each read when it is sent."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO, TypeAlias

from daguerre.inputs.files import GLOB, FileSource, matching, walk
from daguerre.inputs.memory import TextSource, in_memory, is_array, is_one, is_pillow
from daguerre.inputs.source import Source
from daguerre.types.common import Payload

ImageLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Any  # PIL images, arrays
Images: TypeAlias = ImageLike | Iterable[ImageLike]
Texts: TypeAlias = str | Iterable[str]


def image_sources(given: Images, ids: Sequence[str] | None = None) -> Iterator[Source]:
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


def text_sources(given: Texts, ids: Sequence[str] | None = None) -> Iterator[Source]:
    """Texts as sources: a str is one text. Their ids are their places, "0", "1", …, unless given."""
    if isinstance(given, str):
        given = [given]
    if isinstance(given, bytes):
        raise TypeError("texts: got bytes; decode them first, for example given.decode('utf-8')")
    return _with_ids((TextSource(text, str(i)) for i, text in enumerate(given)), ids)


def paired_sources(first: Iterator[Source], second: Iterator[Source]) -> Iterator[Source]:
    """Images and texts of the same items, one by one; the ids are those of the images."""
    end = object()
    while True:
        image, text = next(first, end), next(second, end)
        if image is end and text is end:
            return
        if image is end or text is end:
            raise ValueError(f"images and texts: there are more {'texts' if image is end else 'images'}; give as many")
        yield _Pair(image, text)  # type: ignore[arg-type]


def count_items(given: Any) -> int | None:
    """Number of items, if it is known without consuming them; a folder is walked."""
    if isinstance(given, str | os.PathLike):
        path = os.fspath(given)
        if os.path.isdir(path) or (isinstance(path, str) and not os.path.exists(path) and GLOB & set(path)):
            return sum(1 for _ in _of_path(path, alone=False))
        return 1
    if isinstance(given, bytes | bytearray | memoryview) or hasattr(given, "read"):
        return 1
    if is_array(given):
        return len(given) if given.ndim == 4 or (given.ndim == 3 and given.shape[2] not in (3, 4)) else 1
    if isinstance(given, list | tuple):
        return sum(n for item in given if (n := _count_one(item)) is not None)
    if hasattr(given, "__len__") and hasattr(given, "__iter__"):
        return len(given)
    return 1 if is_pillow(given) else None


def _count_one(item: Any) -> int | None:
    if isinstance(item, str | os.PathLike) and (os.path.isdir(item) or GLOB & set(os.fspath(item))):
        return count_items(item)
    return 1


def _images(given: Images) -> Iterator[Source]:
    if isinstance(given, str | os.PathLike):
        yield from _of_path(os.fspath(given), alone=True)
        return
    if is_one(given):
        yield in_memory(given, 0)
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
            yield in_memory(item, i)


def _of_path(path: str, *, alone: bool) -> Iterator[Source]:
    if os.path.isdir(path):
        yield from map(FileSource, walk(path))
    elif GLOB & set(path) and not os.path.exists(path):
        count = 0
        for name in matching(path):
            count += 1
            yield FileSource(name)
        if not count and alone:
            raise FileNotFoundError(f"images: no file matches {path!r}; is the folder right, and the extension?")
        if not count:
            yield FileSource(path)  # which is not there, and becomes this item's error
    elif alone and not os.path.exists(path):
        raise FileNotFoundError(f"images: there is no {path!r}; give a folder, a file or a glob that is there")
    else:
        yield FileSource(path)


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


def images_or_texts(
    images: Images | None, texts: Texts | None, ids: Sequence[str] | None
) -> tuple[Iterator[Source], Callable[[], int | None]]:
    """The one of the two that is given as sources, and a function that counts them. Raises ValueError, TypeError."""
    if (images is None) == (texts is None):
        raise ValueError(
            f"give images or texts, {'both at once cannot be told apart' if texts is not None else 'one of them'}; "
            "for both, call it twice"
        )
    if isinstance(ids, str):
        raise TypeError(f"ids: got a str, {ids!r:.60}; give a list, one for each item")
    if images is not None:
        return image_sources(images, ids), lambda: count_items(images)
    assert texts is not None
    return text_sources(texts, ids), lambda: count_items([texts] if isinstance(texts, str) else texts)
