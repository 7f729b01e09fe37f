"""Safe decoding of image bytes to pixels, used wherever an image is decoded.

The bytes are not trusted. Their format is detected from the bytes, and only its decoder is used. The limits on
bytes, pixels and aspect ratio are checked before decoding. Every exception of a decoder becomes an `ImageError`.

| in the file | result |
| --- | --- |
| JPEG, MPO, PNG, APNG, GIF, BMP, WebP, TIFF, AVIF, JPEG 2000 | read; HEIC where the optional extra is installed |
| animation, several pages | the first frame |
| EXIF (or XMP) orientation | applied, all 8; if unreadable: upright (AVIF: refused, by libavif) |
| ICC profile | ignored, as the `transformers` processors do |
| grey, 1-bit, palette, YCbCr, LAB | converted to RGB |
| CMYK, YCCK | converted to RGB without a profile; in a JPEG taken as inverted, Adobe's convention |
| alpha, a transparent colour or palette entry | composited on white (`transformers` drops the alpha) |
| the same, where white leaves one colour only, as of a white logo | composited on black |
| alpha of a BMP that is 0 everywhere | left out: many programs write nothing there |
| a GIF's first frame that covers a part of the canvas | the rest is transparent |
| 16-bit grey (PNG, TIFF) | the high byte; 12-bit: the high 8 bits; white-is-zero TIFF is inverted |
| 16-bit RGB | the high byte; with a transparent colour (PNG): refused |
| signed, 32-bit or floating-point TIFF | refused: what is white in it is not in the file |
| TIFF that Pillow would misread (see `tiff.check`) | refused |
| JPEG without its end marker | read where every pixel is there |
| truncated | refused, unless every pixel of the first frame is there; a JPEG with the share that is there |

Pixels of ordinary RGB and grey files equal those of the `transformers` processors bit by bit (decode
"exact"). Nothing but pixels is returned: no EXIF, no place, no camera.
"""

import io
import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from models.errors import ImageError, ImageTooLarge, InvalidImage, UnsupportedImage
from models.images import jpeg, tiff
from models.images.crops import Crop
from models.images.formats import check_structure, pillow_name, sniff
from models.images.gpu_jpeg import JpegDecoder, is_ordinary
from models.images.perceptual import FLAT
from models.images.preprocess import Box, Preprocess, resize, resized_size

DecodeMode = Literal["exact", "scaled", "gpu"]
RequestDecode = Literal["exact", "scaled"]  # of a request: "gpu" is a setting of the server

_PILLOW_PIXELS = 2 * 89_478_485  # above this Pillow refuses on its own, whatever the limit here

_PNG_RGB16 = b"\x10\x02"  # depth and kind of colours, in the header

_TRANSPARENT, _OPAQUE, _ROTATED = 13, 8, 4  # bytes of memory for each pixel while an image is decoded, measured
_JPEG, _PROGRESSIVE = 5, 6
_OF_DECODER = {"webp": 12, "jpeg2000": 15, "avif": 5, "heic": 5}  # more, in the decoder itself

_DRAFT = 3  # at 2 the embedded model fell to a cosine of 0.9989 with "exact" on one 12-megapixel photo in nine

_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, kw_only=True)
class ImageLimits:
    max_bytes: int = 20 * 2**20
    max_pixels: int = 80_000_000  # 320 MB decoded
    max_aspect_ratio: float = 100.0
    max_memory: int | None = None  # bytes while it is decoded; an image that needs more raises LargeImage

    def __post_init__(self) -> None:
        if not 1 <= self.max_pixels <= _PILLOW_PIXELS:
            raise ValueError(f"max_pixels: got {self.max_pixels}, must be from 1 to {_PILLOW_PIXELS}")


class LargeImage(Exception):
    """An image that needs more memory than `ImageLimits.max_memory` while it is decoded: `memory` bytes, estimated."""

    def __init__(self, memory: int) -> None:
        super().__init__(f"the image needs about {memory:,} bytes of memory")
        self.memory = memory


def load_pixels(
    data: bytes,
    preprocess: Preprocess,
    *,
    limits: ImageLimits,
    decode: DecodeMode = "exact",
    crop: Crop | None = None,
    jpegs: JpegDecoder | None = None,
) -> NDArray[np.uint8]:
    """Decode and resize one image, or a crop of it, which is always decoded exactly.

    With decode "gpu", `jpegs` decodes upright JPEGs that are ordinary, and all else is decoded exactly.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
        RGB, C-contiguous, not normalised: the model's graph does that.

    Raises
    ------
    UnsupportedImage, ImageTooLarge, InvalidImage
        And nothing else, whatever the bytes.
    LargeImage
        Only where `limits.max_memory` is set.
    ModelUnavailable
        The GPU cannot decode at present.
    ValueError
        decode "gpu" without `jpegs`.
    """
    if decode == "gpu":
        if jpegs is None:
            raise ValueError('decode: "gpu" needs a decoder (give jpegs=, or use decode="exact")')
        if crop is None and (pixels := _by_gpu(data, preprocess, limits, jpegs)) is not None:
            return pixels
    image, box = _open(data, limits, preprocess if decode == "scaled" else None, crop)
    return resize(image, preprocess, box=box)


def _by_gpu(data: bytes, preprocess: Preprocess, limits: ImageLimits, jpegs: JpegDecoder) -> NDArray[np.uint8] | None:
    if len(data) > limits.max_bytes or sniff(data) != "jpeg" or preprocess.resample == "lanczos":  # torch has none
        return None
    check_structure(data, "jpeg")
    image = _header(data, "jpeg", pillow_name("jpeg"), limits)
    return jpegs(data, preprocess) if is_ordinary(data, image) and _orientation(image) == 1 else None


def open_rgb(
    data: bytes,
    *,
    limits: ImageLimits,
    decode: DecodeMode = "exact",
    target: Preprocess | None = None,
    crop: Crop | None = None,
) -> Image.Image:
    """Decode one image, or a crop of it: RGB, upright, without what its `info` held.

    With decode "scaled" and a target, a JPEG comes at the smallest of 1/1, 1/2, 1/4 and 1/8 of its size that
    is at least three times what the target resizes it to (sides rounded up); all else comes at its full size, and so
    does what a crop is cut out of.

    Raises as `load_pixels` does.
    """
    return _open(data, limits, target if decode == "scaled" else None, crop)[0]


class Placed(NamedTuple):
    """An image or a crop of it: RGB, with the size of the whole upright picture, and its place there.

    Attributes
    ----------
    corner : x and y of its upper left pixel; 0, 0 for a whole picture.
    """

    image: Image.Image
    size: tuple[int, int]
    corner: tuple[int, int]


def open_placed(data: bytes, *, limits: ImageLimits, crop: Crop | None = None) -> Placed:
    """Decode one image, or a crop of it, exactly, as `open_rgb` does. Raises as `load_pixels` does."""
    return placed(open_rgb(data, limits=limits), limits=limits, crop=crop)


def placed(image: Image.Image, *, limits: ImageLimits, crop: Crop | None = None) -> Placed:
    """A decoded image or a crop of it. Raises as `load_pixels` does."""
    if crop is None:
        return Placed(image, image.size, (0, 0))
    left, upper, *_ = crop.box(image.size)
    return Placed(_cut(image, crop, limits), image.size, (left, upper))


def _cut(image: Image.Image, crop: Crop, limits: ImageLimits) -> Image.Image:
    made = crop.cut(image)
    _check_ratio(made.size, limits, "crop")
    return made


def _open(
    data: bytes, limits: ImageLimits, target: Preprocess | None, crop: Crop | None
) -> tuple[Image.Image, Box | None]:
    """Decode, scaled where there is a target; the box is what the picture covers of a scaled image."""
    if crop is not None:
        image, _ = _open(data, limits, None, None)
        return _cut(image, crop, limits), None
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(
            f"image has {len(data):,} bytes, the limit is {limits.max_bytes:,}: send a smaller or stronger"
            " compressed version"
        )
    kind = sniff(data)
    name = pillow_name(kind)
    check_structure(data, kind)
    image = _header(data, kind, name, limits)
    full = image.width * image.height
    drafted = _draft(image, kind, target)
    memory = _memory(image, kind, full)
    if limits.max_memory is not None and memory > limits.max_memory:
        raise LargeImage(memory)
    try:
        try:
            image.load()
        except Exception:
            mended = jpeg.whole(data) if kind == "jpeg" else None
            if mended is None:
                raise
            image = _header(mended, kind, name, limits)
            drafted = _draft(image, kind, target)
            image.load()
        else:
            if kind == "jpeg" and jpeg.looks_cut(data, image):
                jpeg.whole(data)
        orientation = _orientation(image)
        rgb = _rgb(image)
        if orientation != 1:
            rgb = rgb.transpose(_ORIENTATIONS[orientation])
        rgb.info.clear()  # EXIF, XMP, comments
        return rgb, drafted and _turned(drafted[1], rgb.size, orientation)
    except ImageError:
        raise
    except Exception as exc:
        raise _failed(data, kind, opened=True) from exc


def _header(data: bytes, kind: str, name: str, limits: ImageLimits) -> Image.Image:
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=(name,))
    except Image.DecompressionBombError as exc:
        raise _too_many_pixels(f"more than {_PILLOW_PIXELS:,}", limits) from exc
    except Exception as exc:  # decoders raise anything, down to AssertionError and MemoryError
        raise _failed(data, kind, opened=False) from exc
    _check_size(image, limits)
    if kind == "png" and data[24:26] == _PNG_RGB16 and "transparency" in image.info:  # only high bytes are decoded
        raise UnsupportedImage(
            "image is a PNG of 16-bit colours of which one is transparent, which is not read here: save it with 8 bits"
        )
    return image


def _memory(image: Image.Image, kind: str, full: int) -> int:
    """An estimate, from the header, of the bytes that decoding takes; `full` is the number of pixels in the file."""
    pixels = image.width * image.height
    if kind == "jpeg":
        each = _JPEG if image.mode in ("RGB", "L") else _OPAQUE
        rotated = _orientation(image) != 1
    else:
        each = _TRANSPARENT if image.has_transparency_data or kind == "gif" else _OPAQUE
        rotated = "exif" in image.info or kind == "tiff"  # perhaps: a PNG would be decoded to read it
    each += _OF_DECODER.get(kind, 0) + rotated * _ROTATED
    return each * pixels + (_PROGRESSIVE * full if image.info.get("progressive") else 0)


def _draft(image: Image.Image, kind: str, target: Preprocess | None) -> tuple[str, Box] | None:
    if target is None or kind != "jpeg":
        return None
    # an EXIF rotation still to come does not matter: the target's size turns with the image
    width, height = resized_size(image.size, target)
    return image.draft(None, (_DRAFT * width, _DRAFT * height))


def _check_size(image: Image.Image, limits: ImageLimits) -> None:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise _too_many_pixels(f"{width:,} x {height:,} = {width * height:,}", limits)
    if isinstance(image, TiffImagePlugin.TiffImageFile):  # a tile may be declared larger than the image
        tile = [image.tag_v2.get(tag, 0) for tag in (TiffImagePlugin.TILEWIDTH, TiffImagePlugin.TILELENGTH)]
        if not all(isinstance(side, int) for side in tile):
            raise _corrupt("tiff")
        tiff.check(image)
        if math.prod(tile) > limits.max_pixels:
            raise _too_many_pixels(f"{math.prod(tile):,} in one tile,", limits)
    _check_ratio(image.size, limits, "image")


def _check_ratio(size: tuple[int, int], limits: ImageLimits, what: str) -> None:
    width, height = size
    ratio = max(width, height) / min(width, height)
    if ratio > limits.max_aspect_ratio:
        raise InvalidImage(
            f"{what} is {width:,} x {height:,} pixels, {ratio:,.0f} times as long as wide, the limit is"
            f" {limits.max_aspect_ratio:g}: {'crop it' if what == 'image' else 'take more of the picture'}"
        )


def _too_many_pixels(found: str, limits: ImageLimits) -> ImageTooLarge:
    return ImageTooLarge(f"image has {found} pixels, the limit is {limits.max_pixels:,}: scale it down")


def _failed(data: bytes, kind: str, *, opened: bool) -> ImageError:
    """The error for bytes that cannot be decoded: a variant that is not read, or damage."""
    if kind == "tiff":
        return tiff.variant(data, opened=opened) or _corrupt(kind)
    if kind == "jpeg" and (what := jpeg.variant(data)):
        return UnsupportedImage(f"image is a JPEG {what}, which is not read here: save it as PNG, or with 8 bits")
    return _corrupt(kind)


def _corrupt(kind: str) -> InvalidImage:
    return InvalidImage(
        f"image looks like {kind.upper()} but cannot be decoded (truncated, corrupt or of a rare variant):"
        " send it again or re-save it"
    )


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image  # convert() would copy
    if image.mode.startswith("I;16"):
        return _grey16(image).convert("RGB")
    if image.mode in ("I", "F"):
        number = "signed or 32-bit integers" if image.mode == "I" else "floating-point numbers"
        raise UnsupportedImage(f"image has {number} as pixels: save it with 8 or 16 bits a channel")
    if image.format == "GIF" and (box := getattr(image, "dispose_extent", None)) not in (None, (0, 0, *image.size)):
        canvas = Image.new("RGBA", image.size, (255, 255, 255, 0))
        canvas.paste(image.convert("RGBA").crop(box), box)
        return on_background(canvas)
    if not image.has_transparency_data:
        return image.convert("RGB")
    if image.format == "BMP" and image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB")
    if image.mode == "La":
        image = image.convert("LA")
    return on_background(image if image.mode == "RGBA" else image.convert("RGBA"))  # convert() would copy


def on_background(rgba: Image.Image) -> Image.Image:
    """Composite on white; on black where white would leave a picture of one colour, as of a white logo."""
    flat = _on(rgba, 255)
    if _is_flat(flat) and not _is_flat(rgba.getchannel("A")):
        return _on(rgba, 0)
    return flat


def _on(rgba: Image.Image, grey: int) -> Image.Image:
    background = Image.new("RGB", rgba.size, (grey,) * 3)
    background.paste(rgba, mask=rgba)
    return background


def _is_flat(image: Image.Image) -> bool:
    """Whether each channel has fewer than `FLAT` levels between its darkest and its brightest pixel."""
    extrema = image.getextrema()
    channels = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return all(high - low < FLAT for low, high in channels)


def _grey16(image: Image.Image) -> Image.Image:
    values = np.asarray(image)  # (height, width) uint16
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(TiffImagePlugin.BITSPERSAMPLE, (16,))[0]
    grey = (values >> (bits - 8)).astype(np.uint8)
    if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0:  # white is zero
        grey = 255 - grey
    if "transparency" in image.info:
        grey[values == image.info["transparency"]] = 255
    return Image.fromarray(grey)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(0x0112, 1)
        return value if value in _ORIENTATIONS else 1
    except Exception:  # corrupt metadata in a good image: upright, as the table at the top says
        return 1


def _turned(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """The box, which starts at (0, 0), after rotating its image by `orientation` to this size."""
    width, height = (box[3], box[2]) if orientation >= 5 else (box[2], box[3])
    left = size[0] - width if orientation in (2, 3, 6, 7) else 0
    top = size[1] - height if orientation in (3, 4, 7, 8) else 0
    return left, top, left + width, top + height
