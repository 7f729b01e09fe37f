"""Builders of ordinary, odd and hostile images, as bytes. Seeded: the same bytes in every run."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PHOTOS = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "motorcycle_left",
    "retina",
)  # skimage.data, in its wheel


def photo(name: str = "chelsea") -> NDArray[np.uint8]:
    """A real photo: (height, width, 3) uint8."""
    import skimage

    path = f"{skimage.__path__[0]}/data/{name}.{'jpg' if name in ('rocket', 'retina') else 'png'}"
    return np.array(Image.open(path).convert("RGB"))


def scene(width: int = 64, height: int = 48, seed: int = 0) -> NDArray[np.uint8]:
    """A smooth, asymmetric picture with a little noise: (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    ramps = np.stack([255 * x / width, 255 * y / height, 127 + 120 * np.sin(x / 5 + y / 9)], axis=-1)
    return np.clip(ramps + rng.normal(0, 6, ramps.shape), 0, 255).astype(np.uint8)


def encode(image: Image.Image | NDArray[Any], kind: str, **options: Any) -> bytes:
    """The image as bytes of a Pillow format name."""
    out = io.BytesIO()
    image = image.copy() if isinstance(image, Image.Image) else Image.fromarray(image)  # save() leaves traces
    if "append_images" in options:
        options["append_images"] = [frame.copy() for frame in options["append_images"]]
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg_with_orientation(pixels: NDArray[np.uint8], orientation: int, kind: str = "JPEG") -> bytes:
    """Pixels stored as given, to be turned by the viewer."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a camera's maker"
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    return encode(pixels, kind, exif=exif, **options)


def corrupt_exif(data: bytes) -> bytes:
    """A JPEG with an EXIF segment of garbage before its other segments."""
    garbage = b"Exif\0\0II*\0\x08\0\0\0\x05\0" + bytes(range(256))
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(garbage) + 2) + garbage + data[2:]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *, depth: int = 8, color: int = 2, rows: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG from its parts. rows: filter byte and samples of each row, uncompressed."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png_bomb(side: int = 50_000) -> bytes:
    """A few dozen bytes whose header claims side x side pixels."""
    return png(side, side)


def png_text_bomb() -> bytes:
    """A small PNG with 200 MB of compressed text."""
    text = b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9)
    return png(1, 1, rows=b"\0\1\2\3", extra=png_chunk(b"zTXt", text))


def png_grey16(values: NDArray[np.uint16], transparent: int | None = None) -> bytes:
    """(height, width) uint16 as a 16-bit grey PNG."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    extra = png_chunk(b"tRNS", struct.pack(">H", transparent)) if transparent is not None else b""
    return png(values.shape[1], values.shape[0], depth=16, color=0, rows=rows, extra=extra)


def tiff(
    pixels: NDArray[Any],
    *,
    bits: int,
    photometric: int = 1,
    sample_format: int = 1,
    order: str = "<",
    tags: dict[int, int] | None = None,
) -> bytes:
    """(height, width) samples as an uncompressed one-strip grey TIFF, with tags of one's own."""
    height, width = pixels.shape[:2] if pixels.ndim > 1 else (1, 1)  # packed samples: sizes by tags
    body = pixels.tobytes()
    entries = {
        256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: height,
        279: len(body), 339: sample_format, **(tags or {}),
    }  # fmt: skip
    ifd = struct.pack(order + "H", len(entries))
    for tag, value in sorted(entries.items()):
        ifd += struct.pack(order + "HHII", tag, 4, 1, value)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", 8 + len(body)) + body + ifd + bytes(4)


def jpeg_with_scans(count: int) -> bytes:
    """A progressive JPEG whose first scan's header is repeated, with no data behind it."""
    data = encode(scene(), "JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    header = data[start : start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")]
    return data[:start] + header * count + data[start:]


def jpeg_with_segments(count: int) -> bytes:
    """A JPEG with that many tiny EXIF segments, which a naive reader joins one by one."""
    data = encode(scene(), "JPEG")
    return data[:2] + b"\xff\xe1\x00\x09Exif\0\0x" * count + data[2:]


def gif_with_comments(count: int) -> bytes:
    data = encode(Image.fromarray(scene()).convert("P"), "GIF")
    start = data.index(b"\x2c", 13 + 3 * 256)
    return data[:start] + b"\x21\xfe\x01x\x00" * count + data[start:]


def ordinary() -> dict[str, bytes]:
    """One small file of each format and variant that is read."""
    rgb = Image.fromarray(scene())
    frames = [Image.fromarray(scene(seed=seed)[:, :, ::-1].copy()) for seed in (1, 2)]
    alpha = rgb.convert("RGBA")
    alpha.putalpha(Image.fromarray(scene(seed=3)[:, :, 0]))
    samples = {
        "jpeg": encode(rgb, "JPEG", quality=90),
        "jpeg-progressive": encode(rgb, "JPEG", progressive=True),
        "jpeg-grey": encode(rgb.convert("L"), "JPEG"),
        "jpeg-cmyk": encode(rgb.convert("CMYK"), "JPEG"),
        "mpo": encode(rgb, "MPO", save_all=True, append_images=frames),
        "png": encode(rgb, "PNG"),
        "png-palette": encode(rgb.quantize(256), "PNG"),
        "png-rgba": encode(alpha, "PNG"),
        "png-la": encode(alpha.convert("LA"), "PNG"),
        "png-1": encode(rgb.convert("1"), "PNG"),
        "png-16": png_grey16(scene()[:, :, 0].astype(np.uint16) * 257),
        "apng": encode(rgb, "PNG", save_all=True, append_images=frames),
        "gif": encode(rgb.quantize(256), "GIF"),
        "gif-animated": encode(rgb.quantize(256), "GIF", save_all=True, append_images=frames),
        "bmp": encode(rgb, "BMP"),
        "bmp-palette": encode(rgb.quantize(256), "BMP"),
        "webp": encode(rgb, "WEBP"),
        "webp-lossless": encode(alpha, "WEBP", lossless=True),
        "webp-animated": encode(rgb, "WEBP", save_all=True, append_images=frames, lossless=True),
        "tiff": encode(rgb, "TIFF"),
        "tiff-lzw": encode(rgb, "TIFF", compression="tiff_lzw"),
        "tiff-jpeg": encode(rgb, "TIFF", compression="jpeg"),
        "tiff-deflate": encode(rgb, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-cmyk": encode(rgb.convert("CMYK"), "TIFF"),
        "tiff-lab": encode(rgb.convert("LAB"), "TIFF"),
        "tiff-pages": encode(rgb, "TIFF", save_all=True, append_images=frames),
    }
    if ".jp2" in Image.registered_extensions():
        samples["jpeg2000"] = encode(rgb, "JPEG2000")
    if ".avif" in Image.registered_extensions():
        samples["avif"] = encode(rgb, "AVIF")
    return samples
