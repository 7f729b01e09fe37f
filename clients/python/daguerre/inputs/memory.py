"""Items in memory: bytes, open files, pictures, arrays and texts."""

import io
from typing import TYPE_CHECKING, Any

from daguerre.inputs.source import Source, Unreadable
from daguerre.types.common import Payload

if TYPE_CHECKING:
    from PIL import Image


class _Bytes:
    """Bytes of a file."""

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
    """An item that has been sent and released."""

    size_hint = 0

    def __init__(self, code: str, message: str, id: str) -> None:
        self._why = code, message
        self.id = id

    def read(self) -> Payload:
        raise Unreadable(*self._why)


class TextSource:
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


def is_one(given: Any) -> bool:
    """Whether it is one image in memory: bytes, an open file, a picture, an array."""
    if is_array(given):
        return bool(given.ndim == 2 or (given.ndim == 3 and given.shape[2] in (3, 4)))
    return isinstance(given, bytes | bytearray | memoryview) or hasattr(given, "read") or is_pillow(given)


def in_memory(item: Any, index: int) -> Source:
    id = str(index)
    if isinstance(item, bytes | bytearray | memoryview):
        return _Bytes(bytes(item), id)
    if is_array(item) or is_pillow(item):
        return _pixels(item, id)
    if hasattr(item, "read"):
        name = getattr(item, "name", None)
        return _read_open(item, name if isinstance(name, str) else id)
    raise TypeError(
        f"images: item {index} is a {type(item).__name__}; an image is a path, bytes, an open binary file, a PIL image "
        "or a uint8 array"
    )


def is_array(item: Any) -> bool:
    return type(item).__module__.partition(".")[0] == "numpy" and hasattr(item, "ndim") and item.ndim > 0


def is_pillow(item: Any) -> bool:
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
    if is_array(item):
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
