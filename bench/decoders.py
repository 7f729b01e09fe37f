"""Decoders and resizers of JPEGs beside Pillow's: how fast they are, and whether their pixels are the same.

python -m bench.decoders [--rounds 7] installs the candidates in an environment of their own below bench/results/raw
and prints three tables. Decoding, to an image of Pillow, which is what is resized then: bench.jpegs' 32 photos of 640 x
480, and four of 4000 x 3000; whether pixels are equal also for the same picture in other forms (sampling of colours,
progressive, grey). Resizing: from the pixels to 224 on the shorter side, bicubic with antialiasing, as CLIP needs it.
Calls alternate; medians of ratios of CPU seconds, those of a library's threads included, within a round. A minute.
"""

import argparse
import io
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Pixels = np.ndarray[Any, Any]
REQUIREMENTS = (
    *("simplejpeg==1.9.0", "pyvips==3.2.0", "pyvips-binary==8.18.7", "cffi<2", "opencv-python-headless==5.0.0.93"),
    *("kornia-rs==0.2.0", "numpy==2.4.6", "pillow==13.0.0"),
)
SHORTER = 224


def main() -> None:
    """Install, measure in the other environment, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--photos", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.photos is not None:
        measure([path.read_bytes() for path in sorted(given.photos.glob("*.jpg"))], given.rounds)
        return
    from bench.jpegs import jpegs
    from bench.throughput import RESULTS

    work = RESULTS / "raw" / "decoders"
    photos = work / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    for i, photo in enumerate(jpegs()):
        (photos / f"{i:02d}.jpg").write_bytes(photo)
    python = work / "env" / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(work / "env")], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    own = [str(python), "-m", "bench.decoders", "--photos", str(photos), "--rounds", str(given.rounds)]
    raise SystemExit(subprocess.run(own, cwd=Path(__file__).parents[1], check=False).returncode)


def measure(photos: Sequence[bytes], rounds: int) -> None:
    """Print both tables."""
    forms = other_forms(photos[0])
    print(f"load {os.getloadavg()[0]:.1f}; {rounds} rounds; milliseconds are Pillow's\n")
    decode = decoders()
    for items in (photos, larger(photos)):
        size = "{} x {}".format(*Image.open(io.BytesIO(items[0])).size)
        print(
            f"| decoder, {len(items)} of {size} | times as fast as Pillow | equal | largest difference | other forms |"
        )
        print("| --- | --- | --- | --- | --- |")
        for name, ratios in timed(decode, items, rounds).items():
            cells = compared([np.asarray(decode[name](each)) for each in items], [pixels_of(each) for each in items])
            others = [form for form, data in forms.items() if same(decode[name], data)]
            print(f"| {name} | {ratios} | {cells} | {', '.join(others)} |")
        print()
    wanted = [pixels_of(photo) for photo in photos]
    print("| resizer | times as fast as Pillow | photos equal | largest difference |\n| --- | --- | --- | --- |")
    resize = resizers()
    expected = [resize["Pillow"](pixels) for pixels in wanted]
    for name, ratios in timed(resize, wanted, rounds).items():
        print(f"| {name} | {ratios} | {compared([resize[name](pixels) for pixels in wanted], expected)} |")


def pixels_of(data: bytes) -> Pixels:
    """RGB pixels, (h, w, 3) uint8, by Pillow."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def decoders() -> Mapping[str, Callable[[bytes], Image.Image]]:
    """From the bytes of a JPEG to an image of Pillow, by the name of the library."""
    import cv2
    import kornia_rs
    import pyvips
    import simplejpeg

    cv2.setNumThreads(1)
    pyvips.cache_set_max(0)

    def by_pillow(data: bytes) -> Image.Image:
        image: Image.Image = Image.open(io.BytesIO(data))
        image.load()
        return image

    def by_vips(data: bytes) -> Pixels:
        image = pyvips.Image.jpegload_buffer(data)
        return (image if image.bands == 3 else image.colourspace("srgb")).numpy()

    arrays: Mapping[str, Callable[[bytes], Pixels]] = {
        f"simplejpeg {simplejpeg.__version__}": lambda data: simplejpeg.decode_jpeg(data, "RGB"),
        f"OpenCV {cv2.__version__}": lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB),
        f"libvips {version('pyvips-binary')}": by_vips,
        f"kornia-rs {version('kornia_rs')}": kornia_rs.io.decode_image_jpeg,
        "kornia-rs, libjpeg-turbo": lambda data: kornia_rs.io.decode_image_jpegturbo(data, "rgb"),
    }

    def imaged(decode: Callable[[bytes], Pixels]) -> Callable[[bytes], Image.Image]:
        return lambda data: Image.fromarray(decode(data))

    return {"Pillow": by_pillow} | {name: imaged(decode) for name, decode in arrays.items()}


def resizers() -> Mapping[str, Callable[[Pixels], Pixels]]:
    """From RGB pixels to those with 224 on the shorter side, by the name of the library."""
    import cv2
    import kornia_rs
    import pyvips

    def size_of(pixels: Pixels) -> tuple[int, int]:
        height, width = pixels.shape[:2]
        return (SHORTER, SHORTER * height // width) if width <= height else (SHORTER * width // height, SHORTER)

    def by_pillow(pixels: Pixels) -> Pixels:
        return np.asarray(Image.fromarray(pixels).resize(size_of(pixels), Image.Resampling.BICUBIC))

    def by_vips(pixels: Pixels) -> Pixels:
        (width, height), image = size_of(pixels), pyvips.Image.new_from_array(pixels)
        across, down = width / image.width, height / image.height
        return image.resize(across, vscale=down, kernel="cubic").numpy()

    def by_kornia(pixels: Pixels) -> Pixels:
        width, height = size_of(pixels)
        return np.asarray(kornia_rs.imgproc.resize(pixels, (height, width), "bicubic"))

    return {
        "Pillow": by_pillow,
        "OpenCV, bicubic (no antialiasing)": lambda p: cv2.resize(p, size_of(p), interpolation=cv2.INTER_CUBIC),
        "OpenCV, area": lambda p: cv2.resize(p, size_of(p), interpolation=cv2.INTER_AREA),
        "libvips, cubic": by_vips,
        "kornia-rs, bicubic": by_kornia,
    }


def other_forms(photo: bytes) -> Mapping[str, bytes]:
    """A photo as other kinds of JPEG."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    odd = image.crop((0, 0, 333, 221))

    def saved(image: Image.Image, **options: Any) -> bytes:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=90, **options)
        return file.getvalue()

    return {
        "4:4:4": saved(image, subsampling=0),
        "4:2:2": saved(image, subsampling=1),
        "4:2:0 of odd sides": saved(odd, subsampling=2),
        "progressive": saved(image, progressive=True),
        "grey": saved(image.convert("L")),
    }


def larger(photos: Sequence[bytes]) -> Sequence[bytes]:
    """Four of the photos with the sides of a camera's."""
    made = []
    for photo in photos[:4]:
        file = io.BytesIO()
        Image.open(io.BytesIO(photo)).resize((4000, 3000)).save(file, "JPEG", quality=85)
        made.append(file.getvalue())
    return made


def timed(functions: Mapping[str, Callable[[Any], Any]], items: Sequence[Any], rounds: int) -> Mapping[str, str]:
    """Pillow's CPU seconds over those of each function: the median and the range over rounds, as text."""
    took: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            began = time.process_time()
            for item in items:
                function(item)
            took[name].append((time.process_time() - began) / len(items))
    pillow = took["Pillow"]
    ratios = {name: [a / b for a, b in zip(pillow, each, strict=True)] for name, each in took.items()}
    told = {name: f"{statistics.median(each):.2f} [{min(each):.2f}, {max(each):.2f}]" for name, each in ratios.items()}
    return told | {"Pillow": f"1 ({1000 * statistics.median(pillow):.2f} ms)"}


def compared(found: Sequence[Pixels], wanted: Sequence[Pixels]) -> str:
    """Two cells: how many arrays are equal, and the largest difference of a value."""
    if any(a.shape != b.shape for a, b in zip(found, wanted, strict=True)):
        return f"0 of {len(wanted)} (another shape) | –"
    gaps = [int(np.abs(a.astype(int) - b.astype(int)).max()) for a, b in zip(found, wanted, strict=True)]
    return f"{sum(gap == 0 for gap in gaps)} of {len(gaps)} | {max(gaps)}"


def same(decode: Callable[[bytes], Image.Image], data: bytes) -> bool:
    """Whether a decoder gives Pillow's pixels; False where it refuses the file."""
    try:
        return np.array_equal(np.asarray(decode(data).convert("RGB")), pixels_of(data))
    except Exception:  # a library raises anything
        return False


if __name__ == "__main__":
    main()
