"""Photos that scikit-image carries, with the label that its documentation gives them, and large JPEGs made of them."""

import io
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

PHOTOS = {  # file -> label, and the label with its article
    "astronaut.png": ("astronaut", "an astronaut"),
    "brick.png": ("brick wall", "a brick wall"),
    "camera.png": ("photographer", "a photographer"),
    "chelsea.png": ("cat", "a cat"),
    "clock_motion.png": ("clock", "a clock"),
    "coffee.png": ("cup of coffee", "a cup of coffee"),
    "coins.png": ("coins", "coins"),
    "grass.png": ("grass", "grass"),
    "gravel.png": ("gravel", "gravel"),
    "horse.png": ("horse", "a horse"),
    "hubble_deep_field.jpg": ("galaxies", "galaxies"),
    "ihc.png": ("colon tissue under a microscope", "colon tissue under a microscope"),
    "moon.png": ("surface of the moon", "the surface of the moon"),
    "motorcycle_left.png": ("motorcycle", "a motorcycle"),
    "page.png": ("page of text", "a page of text"),
    "retina.jpg": ("retina", "a retina"),
    "rocket.jpg": ("rocket", "a rocket"),
}
LARGE = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
)


def read(name: str) -> bytes:
    return (Path(skimage.__file__).parent / "data" / name).read_bytes()


def large_jpeg(name: str, side: int, *, grain: float) -> bytes:
    """The photo with a long side of `side` pixels, quality 90; `grain` is the σ of Gaussian noise, in grey levels."""
    with Image.open(io.BytesIO(read(name))) as photo:
        scale = side / max(photo.size)
        size = (round(photo.width * scale), round(photo.height * scale))
        pixels = np.asarray(photo.convert("RGB").resize(size, Image.Resampling.BICUBIC)).astype(np.float32)
    if grain:
        pixels += grain * np.random.default_rng(0).standard_normal(pixels.shape, np.float32)
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
