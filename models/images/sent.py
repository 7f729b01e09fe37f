"""Pictures as labellers get them: upright and small, as files without metadata."""

import io

from PIL import Image

RECIPE = "1: upright RGB on white, Lanczos, JPEG 4:2:0"
LOSSLESS = "1: upright RGB on white, Lanczos"
FAST = 1  # level of compression of PNG


def sent_picture(image: Image.Image, *, max_side: int, quality: int | None) -> tuple[bytes, int]:
    """A file with at most `max_side` pixels on its longer side, never enlarged; and its number of pixels.

    Parameters
    ----------
    image : upright RGB, as `open_rgb` gives it.
    quality : of the JPEG; None: a PNG, without loss.
    """
    scale = min(1.0, max_side / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    small = image if scale == 1.0 else image.resize((width, height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    if quality is None:
        Image.frombytes("RGB", small.size, small.tobytes()).save(out, "PNG", compress_level=FAST)
    else:
        small.save(out, "JPEG", quality=quality, subsampling="4:2:0")
    return out.getvalue(), width * height
