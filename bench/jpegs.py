"""The fixed set of JPEGs: 32 crops and flips of scikit-image's photos, 640 x 480, about 100 kB each."""

import io
import random
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageOps

COUNT = 32
SIDES = (640, 480)
BYTES = 102_000  # aimed at, by the JPEG's quality
SEED = 0
SOURCES = (  # those that come with scikit-image's wheel
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "hubble_deep_field.jpg",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
)


def jpegs(count: int = COUNT) -> Sequence[bytes]:
    """`count` distinct JPEG files, the same ones every time for one version of Pillow and scikit-image."""
    rng = random.Random(SEED)
    folder = _folder()
    images = [Image.open(folder / name).convert("RGB") for name in SOURCES]
    return [_jpeg(_variant(images[i % len(images)], rng)) for i in range(count)]


def _folder() -> Path:
    found = find_spec("skimage")  # without importing it
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the photos come from scikit-image: pip install -e '.[bench]'")
    return Path(found.submodule_search_locations[0]) / "data"


def _variant(image: Image.Image, rng: random.Random) -> Image.Image:
    """A random crop of at least 60 % of the sides, perhaps mirrored, 640 x 480."""
    share = rng.uniform(0.6, 1.0)
    width, height = int(image.width * share), int(image.height * share)
    left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    fitted = ImageOps.fit(image.crop((left, top, left + width, top + height)), SIDES, Image.Resampling.LANCZOS)
    return ImageOps.mirror(fitted) if rng.random() < 0.5 else fitted


def _jpeg(image: Image.Image) -> bytes:
    """The file nearest to BYTES. 4:2:0 chroma, as cameras and platforms save."""
    low, high = 40, 100
    tried = {}
    while low <= high:
        quality = (low + high) // 2
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
        tried[quality] = buffer.getvalue()
        low, high = (quality + 1, high) if buffer.tell() < BYTES else (low, quality - 1)
    return min(tried.values(), key=lambda data: abs(len(data) - BYTES))


if __name__ == "__main__":
    sizes = sorted(map(len, jpegs()))
    print(f"{len(sizes)} JPEGs of {SIDES[0]} x {SIDES[1]}: mean {sum(sizes) / len(sizes) / 1000:.1f} kB", end=", ")
    print(f"smallest {sizes[0] / 1000:.1f} kB, largest {sizes[-1] / 1000:.1f} kB")
