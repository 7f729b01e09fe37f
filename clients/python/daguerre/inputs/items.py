"""Images and texts of users as items to send, each read when it is sent."""

import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, TypeAlias

from daguerre.inputs.alignment import id_texts
from daguerre.inputs.arrays import as_array, is_torch, split
from daguerre.inputs.columns import column, is_path, plain, repeated_labels
from daguerre.inputs.files import GLOB, FileSource, LeftOut, matching, walk
from daguerre.inputs.memory import TextSource, Unusable, array_sources, encoded_image, in_memory, is_one
from daguerre.inputs.source import Source
from daguerre.types.common import Payload

ImageLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Any  # PIL images, arrays
Images: TypeAlias = ImageLike | Iterable[ImageLike] | Mapping[Any, ImageLike]
Texts: TypeAlias = str | Iterable[str] | Mapping[Any, str]
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/|data:[a-z/;,]", re.IGNORECASE)  # of more than the letter of a drive


class Sources(Iterator[Source]):
    """Items that are found lazily, with the account of the files that are left out of folders and globs."""

    def __init__(self, sources: Iterator[Source], left_out: LeftOut, remark: str | None = None) -> None:
        self._sources = sources
        self.left_out = left_out
        self.remark = remark

    def __next__(self) -> Source:
        return next(self._sources)

    def close(self) -> None:
        """End the generator, in the thread that ran it."""
        if (close := getattr(self._sources, "close", None)) is not None:
            close()


def image_sources(given: Images, ids: Sequence[str] | None = None) -> Sources:
    """Images as sources, found lazily.

    Parameters
    ----------
    given : a folder (searched with its subfolders, sorted), a path, a glob such as "photos/**/*.jpg", bytes, an open
        binary file, a PIL image, an array (h, w), (h, w, 3) or (h, w, 4), an array of n of these, or any iterable, a
        mapping {id: image} or a column of a table of all that.
    ids : in place of the paths, which are the ids of files; others are numbered.

    Raises
    ------
    FileNotFoundError : for a path that is the only thing given and not there, a glob or a folder without an image.
    TypeError : for what can be no image.
    ValueError : where `ids` is shorter or longer than the items, an array may be read in two ways, or for a URL.
    """
    left_out = LeftOut()
    items, keys = _image_column(given)
    return Sources(_with_ids(_images(items, left_out), _one_of(ids, keys)), left_out)


def text_sources(given: Texts, ids: Sequence[str] | None = None) -> Sources:
    """Texts as sources: a str is one text. Their ids are their places, "0", "1", …, unless they have others.

    The keys of a mapping and the index of a Series are such others.
    """
    items, keys = text_column(given)
    texts = (TextSource(plain(text), str(i)) for i, text in enumerate(items))
    remark = repeated_labels(given, "texts") if ids is None else None
    return Sources(_with_ids(texts, _one_of(ids, keys)), LeftOut(), remark)


def text_column(given: Texts) -> tuple[Iterable[Any], list[str] | None]:
    """Texts one by one, and their ids where they have some. Raises TypeError."""
    if isinstance(given, str):
        return [given], None
    if isinstance(given, bytes | bytearray | memoryview):
        raise TypeError("texts: got bytes; decode them first, for example given.decode('utf-8')")
    if isinstance(given, os.PathLike):
        raise TypeError(f"texts: got the path {os.fspath(given)!r}; read the file first: texts are str")
    return column(given, "texts", by_index=True)


def _one_of(ids: Sequence[str] | None, keys: list[str] | None) -> Sequence[str] | None:
    return keys if ids is None else ids


def paired_sources(first: Sources, second: Sources) -> Sources:
    """Images and texts of the same items, one by one; the ids are those of the images."""

    def pairs() -> Iterator[Source]:
        end = object()
        while True:
            image, text = next(first, end), next(second, end)
            if image is end and text is end:
                return
            if image is end or text is end:
                raise ValueError(
                    f"images and texts: there are more {'texts' if image is end else 'images'}; give as many"
                )
            yield _Pair(image, text)  # type: ignore[arg-type]

    return Sources(pairs(), first.left_out)


def count_items(given: Any) -> int | None:
    """Number of images, if it is known without consuming them; a folder is walked."""
    if is_path(given):
        return _count_path(os.fsdecode(given))
    if is_one(given) or encoded_image(given) is not None:
        return 1
    if (array := as_array(given)) is not None:
        try:
            return len(split(array, one=False, channels_first=is_torch(given)))
        except ValueError:
            return None  # which is raised where they are read
    if isinstance(given, Mapping):
        given = list(given.values())
    if isinstance(given, list | tuple):
        return sum(_count_path(os.fsdecode(item)) if is_path(item) else 1 for item in given)
    return count_texts(given)


def count_texts(given: Any) -> int | None:
    """Number of texts, if it is known without consuming them."""
    if isinstance(given, str):
        return 1
    return len(given) if hasattr(given, "__len__") and hasattr(given, "__iter__") else None


def _count_path(path: str) -> int:
    try:
        return sum(1 for _ in _of_path(path, LeftOut(), alone=True))
    except (OSError, ValueError):
        return 1  # an error


def _image_column(given: Images) -> tuple[Any, list[str] | None]:
    """One image, or images one by one with their ids. Raises TypeError."""
    if is_path(given) or is_one(given) or as_array(given) is not None:
        return given, None
    if not isinstance(given, Iterable) and not hasattr(given, "column_names"):
        raise TypeError(
            f"images: got {type(given).__name__}; give paths, folders, globs, bytes, open files, PIL images, uint8 "
            "arrays, or an iterable of these"
        )
    return column(given, "images", by_index=False)


def _images(given: Any, left_out: LeftOut) -> Iterator[Source]:
    if is_path(given):
        yield from _of_path(os.fsdecode(given), left_out, alone=True)
        return
    if is_one(given):
        yield in_memory(given, 0)
        return
    if (encoded := encoded_image(given)) is not None:
        yield encoded
        return
    if (array := as_array(given)) is not None and array.ndim > 1:
        try:
            yield from array_sources(array, None, one=False, torch=is_torch(given))
        except ValueError as exc:
            raise ValueError(f"images: got {exc}") from exc
        return
    for i, item in enumerate(given):
        item = plain(item)
        if is_path(item):
            yield from _of_path(os.fsdecode(item), left_out, alone=False)
        else:
            yield in_memory(item, i)


def _of_path(path: str, left_out: LeftOut, *, alone: bool) -> Iterator[Source]:
    """The files of a path. One of several that cannot be used is an item with an error; one alone is an error."""
    try:
        yield from map(FileSource, _files(path, left_out))
    except (FileNotFoundError, ValueError, PermissionError) as exc:
        if alone:
            raise
        code = "url_not_fetched" if isinstance(exc, ValueError) else "unreadable_file"
        yield Unusable(code, str(exc).removeprefix("images: "), path)


def _files(path: str, left_out: LeftOut) -> Iterator[str]:
    bare = path.rstrip("/" + os.sep) or path  # "photos/" is the folder "photos"; the root of the disk stays
    if os.path.isdir(path):
        account = LeftOut()
        found = walk(bare, left_out=account)
        first = next(found, None)
        if first is None:
            what = f"only {account}" if account else "nothing"
            raise FileNotFoundError(f"images: no image is in {path!r}, {what}; give a folder that has images")
        yield from itertools.chain([first], found)
        left_out.update(account)
    elif os.path.exists(bare):
        yield bare
    elif _URL.match(path):
        raise ValueError(
            f"images: {path[:60]!r} is a URL, and none is fetched; download it, and give the file or its bytes"
        )
    elif GLOB & set(path):
        yield from matching(path, left_out=left_out)
    else:
        home = "~ is not replaced, see os.path.expanduser" if path.startswith("~") else "give one that is there"
        raise FileNotFoundError(f"images: there is no {path!r} (No such file or directory); {home}")


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
    names = id_texts(ids, "ids")
    n = 0
    for n, source in enumerate(sources, 1):
        if n > len(names):
            raise ValueError(f"ids: {len(names)} for more items than that; give one for each")
        yield _Renamed(source, names[n - 1])
    if n < len(names):
        raise ValueError(f"ids: {len(names)} for {n} items; give one for each")


def images_or_texts(
    images: Images | None, texts: Texts | None, ids: Sequence[str] | None
) -> tuple[Sources, Callable[[], int | None]]:
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
    return text_sources(texts, ids), lambda: count_texts(texts)
