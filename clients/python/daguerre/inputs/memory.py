"""Items in memory: bytes, open files, pictures, arrays and texts."""

import contextlib
import io
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from daguerre.inputs.arrays import as_array, is_torch, split, to_uint8
from daguerre.inputs.columns import is_missing
from daguerre.inputs.files import FileSource
from daguerre.inputs.kinds import HEAD, kind_of
from daguerre.inputs.source import CommonParent, Named, Source, Unreadable
from daguerre.types.common import Payload

if TYPE_CHECKING:
    from PIL import Image

_AS_PNG = {"I": "I;16", "La": "LA", "PA": "RGBA", "RGBa": "RGBA"}  # others become RGB, as in the server
PILLOW = "arrays are sent as PNG, which needs Pillow; pip install 'daguerre[images]'"


class _Bytes(Named):
    """Bytes of a file."""

    def __init__(
        self,
        data: bytes | bytearray | memoryview,
        id: str | None,
        path: str | None = None,
        parent: CommonParent | None = None,
    ) -> None:
        super().__init__(id, path, parent)
        self._data = data

    @property
    def size_hint(self) -> int:
        return self._data.nbytes if isinstance(self._data, memoryview) else len(self._data)

    def read(self) -> Payload:
        return Payload(image=bytes(self._data))


class _Picture(Named):
    """Pixels: a copy, since the next item of a generator may be made in the same buffer."""

    def __init__(self, picture: "Image.Image", id: str) -> None:
        super().__init__(id)
        self._picture = picture

    @property
    def size_hint(self) -> int:
        width, height = self._picture.size
        return int(width * height * len(self._picture.getbands()))  # a PNG has hardly more

    def read(self) -> Payload:
        return Payload(image=_png(self._picture))


class Unusable(Named):
    """An item that cannot be read, or has been sent and released."""

    size_hint = 0

    def __init__(
        self, code: str, message: str, id: str | None, path: str | None = None, parent: CommonParent | None = None
    ) -> None:
        super().__init__(id, path, parent)
        self._why = code, message

    def read(self) -> Payload:
        raise Unreadable(*self._why)


class TextSource(Named):
    def __init__(self, text: object, id: str) -> None:
        super().__init__(id)
        self._text = text

    @property
    def size_hint(self) -> int | None:
        return 4 * len(self._text) if isinstance(self._text, str) else 0

    def read(self) -> Payload:
        if is_missing(self._text):
            raise Unreadable(
                "not_a_text",
                f"is {self._text!r}, a missing value; leave the item out, or fill it in (pandas reads the text NA so, "
                "unless read_csv has keep_default_na=False)",
            )
        if not isinstance(self._text, str):
            kind = type(self._text).__name__
            raise Unreadable("not_a_text", f"is {self._text!r:.60}, a {kind}; a text is a str, leave missing ones out")
        try:
            self._text.encode()
        except UnicodeEncodeError as exc:
            raise Unreadable(
                "not_a_text",
                f"is not Unicode: character {exc.start} is half of a surrogate pair, as of an emoji that was cut; "
                "remove it, for example with text.encode('utf-8', 'ignore').decode()",
            ) from exc
        return Payload(text=self._text)


def is_one(given: Any) -> bool:
    """Whether it is one image in memory that is no array: bytes, an open file, a picture."""
    return isinstance(given, bytes | bytearray | memoryview) or hasattr(given, "read") or is_pillow(given)


def in_memory(item: Any, index: int, parent: CommonParent) -> Source:
    """One item of a list, which is no path. An open file has an id as its path has."""
    id = str(index)
    if is_missing(item):
        return Unusable("not_an_image", f"is {item!r}, a missing value; leave the item out, or fill it in", id)
    if isinstance(item, bytes | bytearray | memoryview):
        return _Bytes(bytes(item), id)
    if is_pillow(item):
        return _pillow(item, id)
    if (array := as_array(item)) is not None:
        try:
            return _encoded(array, id) or array_sources(array, [id], one=True, torch=is_torch(item))[0]
        except ValueError as exc:
            return Unusable("not_an_image", f"is {exc}", id)
    if isinstance(item, Mapping) and "bytes" in item:  # as data sets of Hugging Face have pictures in Parquet
        return _of_struct(item, index)
    if hasattr(item, "read"):
        return _read_open(item, id, parent)
    raise TypeError(
        f"images: item {index} is a {type(item).__name__}; an image is a path, bytes, an open binary file, a PIL image "
        "or a uint8 array"
    )


def _of_struct(item: Mapping[str, Any], index: int) -> Source:
    """A picture as a struct of its bytes and the name of its file."""
    path = item.get("path")
    id = path if isinstance(path, str) and path else str(index)
    if isinstance(item["bytes"], bytes | bytearray | memoryview):
        return _Bytes(bytes(item["bytes"]), id)
    if item["bytes"] is None and isinstance(path, str) and path:
        return FileSource(path, path)
    return Unusable("not_an_image", "has neither bytes nor a path; leave the item out, or fill it in", id)


def array_sources(array: NDArray[Any], ids: Sequence[str] | None, *, one: bool, torch: bool) -> list[Source]:
    """The images of an array, copied; their range of numbers is decided for all of them together.

    Raises ValueError for an array that is no image, or may be read in two ways.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError(PILLOW) from exc
    images = split(array, one=one, channels_first=torch)
    whole = to_uint8(array) if images else array
    images = split(whole, one=one, channels_first=torch)
    ids = [str(i) for i in range(len(images))] if ids is None else ids
    return [_Picture(Image.fromarray(np.ascontiguousarray(image)), id) for image, id in zip(images, ids, strict=True)]


def _encoded(array: NDArray[Any], id: str) -> Source | None:
    """The bytes of an image file that are in an array, as np.fromfile and cv2.imencode give them; None otherwise."""
    if array.dtype == np.uint8 and array.ndim == 1 and kind_of(array[:HEAD].tobytes()) is not None:
        return _Bytes(array.tobytes(), id)
    return None


def encoded_image(given: Any) -> Source | None:
    """The bytes of one image file in an array; None for all else."""
    array = as_array(given)
    return None if array is None else _encoded(array, "0")


def is_pillow(item: Any) -> bool:
    return any(kind.__module__ == "PIL.Image" for kind in type(item).__mro__)


def _read_open(file: Any, id: str, parent: CommonParent) -> Source:
    """An open file, read at once: who gave it may close it before the next one."""
    name = getattr(file, "name", None)
    path = name if isinstance(name, str) and os.path.isfile(name) else None  # others are names inside of an archive
    if path is not None:
        parent.add(path)
    own = None if path is not None else name if isinstance(name, str) else id
    try:
        data = file.read()
    except (OSError, ValueError) as exc:
        return Unusable("unreadable_file", f"cannot be read: {exc}; is it still open?", own, path, parent)
    if not isinstance(data, bytes):
        message = f'gives {type(data).__name__}, not bytes; open it with mode "rb"'
        return Unusable("unreadable_file", message, own, path, parent)
    if not data:
        return Unusable("unreadable_file", _why_nothing(file), own, path, parent)
    return _Bytes(data, own, path, parent)


def _why_nothing(file: Any) -> str:
    """The reason why an open file has nothing to read."""
    try:
        place = file.tell()
    except (AttributeError, OSError, ValueError):
        place = 0
    if place:
        return f"is at its end, at byte {place:,}: it was read already; call seek(0) first"
    return "is an open file with nothing to read, empty or read already; open it again"


def _pillow(item: Any, id: str) -> Source:
    """A PIL image, copied, and turned upright as its EXIF orientation says: files are turned by the server."""
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError(PILLOW) from exc
    if item.mode in ("F", "I"):
        return Unusable(
            "not_an_image",
            f"a PIL image of mode {item.mode!r}, whose numbers no PNG holds; bring it to 0..255 and convert('L')",
            id,
        )
    try:
        picture: Image.Image = item.copy()  # which loads it too: its file may be closed before the next one
    except (OSError, SyntaxError, ValueError) as exc:  # SyntaxError: Pillow's for a broken PNG
        return Unusable("unreadable_file", f"cannot be decoded here: {exc}; send the file itself", id)
    if 0 in picture.size:
        return Unusable("not_an_image", f"a PIL image of {picture.width} × {picture.height} pixels; leave it out", id)
    with contextlib.suppress(Exception):  # any, from damaged EXIF data, which the server ignores in a file as well
        picture = ImageOps.exif_transpose(picture) or picture
    return _Picture(picture, id)


def _png(picture: "Image.Image") -> bytes:
    """Pixels as a PNG, none of them changed."""
    if picture.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        if picture.mode.startswith("I;16"):
            picture = picture.convert("I")
        picture = picture.convert(_AS_PNG.get(picture.mode, "RGB"))
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()
