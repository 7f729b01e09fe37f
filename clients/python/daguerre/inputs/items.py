"""Images and texts of users as items to send, each read when it is sent."""

import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, Protocol, TypeAlias

from daguerre.inputs.alignment import id_texts
from daguerre.inputs.arrays import as_array, is_torch, split
from daguerre.inputs.columns import column, is_path, plain, repeated_labels
from daguerre.inputs.crops import CroppedImage, CroppedImages, CroppedSource, crop_each, crop_rows, is_crop_table
from daguerre.inputs.files import FileSource, LeftOut, matching, walk
from daguerre.inputs.memory import TextSource, Unusable, array_sources, encoded_image, in_memory, is_one
from daguerre.inputs.source import GLOB, CommonParent, Named, Source
from daguerre.types.common import Payload

ImageLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Any  # PIL images, arrays
Images: TypeAlias = ImageLike | Iterable[ImageLike] | Mapping[Any, ImageLike]


class WithTexts(Protocol):
    """A result that has a text for each item, such as captions."""

    def item_texts(self) -> Mapping[str, str | None]:
        """The texts by the ids of their items; None for an item without one."""
        ...


Texts: TypeAlias = str | Iterable[str] | Mapping[Any, str] | WithTexts
_URL = re.compile(r"[a-z][a-z0-9+.-]+:/|data:[a-z/;,]", re.IGNORECASE)  # of more than the letter of a drive


class Sources(Iterator[Source]):
    """Items that are found lazily, with the account of the files that are left out of folders and globs.

    The ids of files are known at the end, when all sources are: see daguerre.inputs.source.

    Parameters
    ----------
    ids_of : other sources, as many, whose ids these items have.
    """

    def __init__(
        self,
        sources: Iterator[Source],
        left_out: LeftOut,
        remark: str | None = None,
        *,
        parent: CommonParent | None = None,
        ids_of: "Sources | None" = None,
    ) -> None:
        self._sources = sources
        self.left_out = left_out
        self.remark = remark
        self._parent = parent or CommonParent()
        self._ids_of = ids_of
        self._keeps_names = True
        self._names: list[tuple[str | None, str | None]] = []  # the own id and the path of each item so far

    def __next__(self) -> Source:
        source = next(self._sources)
        if self._ids_of is None and self._keeps_names:
            self._names.append((source.own_id, source.path))
        return source

    def forget_names(self) -> None:
        """Keep no ids and paths, for callers that take them from each source."""
        self._keeps_names = False

    def ids(self) -> list[str]:
        """The ids of the items so far, (n,)."""
        if self._ids_of is not None:
            return self._ids_of.ids()
        ids = [self._parent.id_of(path or "") if own is None else own for own, path in self._names]
        files: dict[str, str] = {}
        for id, (own, path) in zip(ids, self._names, strict=True):
            if own is None and "\\" in id and files.setdefault(id, path or "") != path:
                raise ValueError(
                    f"the files {files[id]!r} and {path!r} have the same id {id!r}: bytes that are not UTF-8 and ends "
                    "of lines are written with a backslash in ids; rename one of the files"
                )
        return ids

    def files(self) -> list[str]:
        """The paths of the items so far, (n,); for an item in memory, its id."""
        if self._ids_of is not None:
            return self._ids_of.files()
        return [path or own or "" for own, path in self._names]

    def close(self) -> None:
        """End the generator, in the thread that ran it."""
        if (close := getattr(self._sources, "close", None)) is not None:
            close()


def image_sources(given: Images, ids: Sequence[str] | None = None, *, settled: bool = False) -> Sources:
    """Images as sources, found lazily.

    Parameters
    ----------
    given : a folder (searched with its subfolders, sorted), a path, a glob such as "photos/**/*.jpg", bytes, an open
        binary file, a PIL image, an array (h, w), (h, w, 3) or (h, w, 4), an array of n of these, or any iterable, a
        mapping {id: image} or a column of a table of all that.
    ids : in place of those of daguerre.inputs.source for files; others are numbered.
    settled : whether the ids have to be known from the beginning; `given` is then iterated twice.

    Raises
    ------
    FileNotFoundError : for a path that is the only thing given and not there, a glob or a folder without an image.
    TypeError : for what can be no image.
    ValueError : where `ids` is shorter or longer than the items, an array may be read in two ways, or for a URL.
    """
    if isinstance(given, CroppedImages):
        return _cropped_sources(given.images, ids, given.crops)
    left_out = LeftOut()
    items, keys = _image_column(given)
    parent = CommonParent()
    if settled:
        for item in [items] if is_path(items) else map(plain, items):
            item = item.image if isinstance(item, CroppedImage) else item
            if is_path(item):
                parent.add(os.fsdecode(item))
    found = _with_ids(_images(items, left_out, parent), _one_of(ids, keys))
    return Sources(found, left_out, parent=parent)


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
    given = own_texts(given)
    if isinstance(given, str):
        return [given], None
    if isinstance(given, bytes | bytearray | memoryview):
        raise TypeError("texts: got bytes; decode them first, for example given.decode('utf-8')")
    if isinstance(given, os.PathLike):
        raise TypeError(f"texts: got the path {os.fspath(given)!r}; read the file first: texts are str")
    return column(given, "texts", by_index=True)


def own_texts(given: Any) -> Any:
    """The texts by id of a result that has some, such as captions; anything else as it is."""
    return given.item_texts() if callable(getattr(given, "item_texts", None)) else given


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

    return Sources(pairs(), first.left_out, ids_of=first)


def count_items(given: Any) -> int | None:
    """Number of images, if it is known without consuming them; a folder is walked."""
    if isinstance(given, CroppedImages):
        return len(given)
    if is_path(given):
        return _count_path(os.fsdecode(given))
    if isinstance(given, CroppedImage):
        return count_items(given.image)
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
        return sum(1 for _ in _of_path(path, LeftOut(), CommonParent(), alone=True))
    except (OSError, ValueError):
        return 1  # an error


def _image_column(given: Images) -> tuple[Any, list[str] | None]:
    """One image, or images one by one with their ids. Raises TypeError."""
    if is_path(given) or is_one(given) or as_array(given) is not None:
        return given, None
    if isinstance(given, CroppedImage):
        return [given], None
    if not isinstance(given, Iterable) and not hasattr(given, "column_names"):
        raise TypeError(
            f"images: got {type(given).__name__}; give paths, folders, globs, bytes, open files, PIL images, uint8 "
            "arrays, or an iterable of these"
        )
    return column(given, "images", by_index=False)


def _images(given: Any, left_out: LeftOut, parent: CommonParent) -> Iterator[Source]:
    if is_path(given):
        yield from _of_path(os.fsdecode(given), left_out, parent, alone=True)
        return
    if is_one(given):
        yield in_memory(given, 0, parent)
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
        crop = item.crop if isinstance(item, CroppedImage) else None
        for source in _of_item(item if crop is None else plain(item.image), i, left_out, parent):
            yield source if crop is None else CroppedSource(source, crop)


def _of_item(item: Any, i: int, left_out: LeftOut, parent: CommonParent) -> Iterator[Source]:
    if is_path(item):
        yield from _of_path(os.fsdecode(item), left_out, parent, alone=False)
    else:
        yield in_memory(item, i, parent)


def _of_path(path: str, left_out: LeftOut, parent: CommonParent, *, alone: bool) -> Iterator[Source]:
    """The files of a path. One of several that cannot be used is an item with an error; one alone is an error."""
    parent.add(path)
    try:
        for file in _files(path, left_out):
            yield FileSource(file, parent=parent)
    except (FileNotFoundError, ValueError, PermissionError) as exc:
        if alone:
            raise
        code = "url_not_fetched" if isinstance(exc, ValueError) else "unreadable_file"
        url = path if isinstance(exc, ValueError) else None
        yield Unusable(code, str(exc).removeprefix("images: "), url, path, parent)


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


class _Renamed(Named):
    def __init__(self, source: Source, id: str) -> None:
        super().__init__(id, source.path)
        self._source = source

    @property
    def size_hint(self) -> int | None:
        return self._source.size_hint

    def read(self) -> Payload:
        return self._source.read()


class _Pair(Named):
    def __init__(self, image: Source, text: Source) -> None:
        super().__init__(image.id, image.path)
        self._image = image
        self._text = text

    @property
    def size_hint(self) -> int | None:
        image, text = self._image.size_hint, self._text.size_hint
        return None if image is None or text is None else image + text

    def read(self) -> Payload:
        return replace(self._image.read(), text=self._text.read().text)


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


def _cropped_sources(images: Images, ids: Sequence[str] | None, crops: Any) -> Sources:
    """Images with a crop each, None for whole images; or with a table of crops, one item for each of its rows.

    A row names its image by its id or path. Its own id is that of the image, a number sign, and its number: see
    daguerre.inputs.crops.crop_rows.
    """
    given = image_sources(images, ids)
    if not is_crop_table(crops):
        return Sources(iter(crop_each(given, crops)), given.left_out, ids_of=given)
    every = list(given)
    made, remark = crop_rows(every, given.ids(), given.files(), crops)
    return Sources(iter(made), given.left_out, remark)


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
    return text_sources(texts, ids), lambda: count_texts(own_texts(texts))
