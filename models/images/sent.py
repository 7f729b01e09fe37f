"""Pictures as they are sent to the endpoints of labellers: upright, small, as JPEGs without metadata."""

import io

from PIL import Image

RECIPE = "1: upright RGB on white, Lanczos, JPEG 4:2:0"


def sent_picture(image: Image.Image, *, max_side: int, quality: int) -> tuple[bytes, int]:
    """A JPEG with at most `max_side` pixels on its longer side, never enlarged; and its number of pixels.

    `image` is upright RGB, as `open_rgb` gives it.
    """
    scale = min(1.0, max_side / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    small = image if scale == 1.0 else image.resize((width, height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=quality, subsampling="4:2:0")
    return out.getvalue(), width * height
