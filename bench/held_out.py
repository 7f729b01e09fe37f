"""Pictures by which the limits of models/images/miniature.py were not chosen: false merges, and recall of watermarks.

`python -m bench.held_out` prints the pairs of different pictures that count as one content, and the share of copies
with a watermark in a corner that count as their original, if a group held both. Layouts are drawn in DejaVu fonts
(Debian's fonts-dejavu); pictures are those of Debian's gnome-backgrounds and openclipart-png, fetched into
`.cache/held-out`.
"""

import argparse
import subprocess
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from bench.copies import WORDS, watermarked, wrapped
from models.images.decoding import on_background
from models.images.miniature import miniature, same_content

CACHE = Path(__file__).parents[1] / ".cache" / "held-out"
PACKAGES = ("gnome-backgrounds", "openclipart-png")
SHEETS, PICTURES = 6, 14  # pictures of each layout, and of each folder
FOLDERS = ("animals", "food", "transportation/roadsigns", "signs_and_symbols/flags", "computer/icons/lemon-theme/apps")
Draw = Callable[[Random], Image.Image]
Copy = Callable[[Image.Image, Random], Image.Image]


def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(f"DejaVu{name}.ttf", size)


def words(rng: Random, count: int) -> str:
    return " ".join(rng.choices(WORDS, k=count)).capitalize()


def article(rng: Random) -> Image.Image:
    """A page of a newspaper: a title, a heading and two columns."""
    image = Image.new("RGB", (640, 820), "#fbfaf5")
    draw = ImageDraw.Draw(image)
    draw.text((320, 20), "The Morning Post", "black", font("Serif-Bold", 40), anchor="ma")
    draw.line((20, 80, 620, 80), fill="black", width=2)
    draw.text((20, 96), wrapped(draw, words(rng, 7), font("Serif", 30), 600), "black", font("Serif", 30))
    for left in (20, 330):
        draw.text((left, 190), wrapped(draw, words(rng, 90), font("Serif", 15), 285), "#222222", font("Serif", 15))
    return image


def receipt(rng: Random) -> Image.Image:
    """A till receipt: other goods and prices."""
    image = Image.new("RGB", (360, 620), "white")
    draw, face = ImageDraw.Draw(image), font("SansMono", 17)
    draw.text((180, 20), "GROCERY No. 7", "black", font("SansMono-Bold", 22), anchor="ma")
    for row in range(14):
        draw.text((20, 80 + 34 * row), f"{rng.choice(WORDS):<14}{rng.randint(50, 9999) / 100:>10.2f}", "black", face)
    return image


def notifications(rng: Random) -> Image.Image:
    """A locked screen with three messages."""
    shade = np.linspace((40, 60, 120), (160, 80, 110), 760)[:, None].repeat(400, 1)
    image = Image.fromarray(shade.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.text((200, 90), "12:30", "white", font("Sans", 76), anchor="ma")
    for top in (330, 450, 570):
        draw.rounded_rectangle((16, top, 384, top + 100), 18, fill="#e9e6f0")
        draw.text((32, top + 12), rng.choice(WORDS).capitalize(), "black", font("Sans-Bold", 18))
        draw.text((32, top + 42), wrapped(draw, words(rng, 7), font("Sans", 16), 330), "#333333", font("Sans", 16))
    return image


def numbered(rng: Random) -> Image.Image:
    """A slide of which only the number in the corner differs."""
    image = Image.new("RGB", (960, 540), "#10243e")
    draw = ImageDraw.Draw(image)
    draw.text((60, 60), "Results of the survey", "white", font("Sans-Bold", 44))
    draw.rectangle((60, 150, 560, 440), fill="#d9822b")
    draw.text((900, 500), f"{rng.randint(10, 99)} of 120", "white", font("Sans", 26), anchor="rs")
    return image


def dated(rng: Random, photo: Image.Image) -> Image.Image:
    """A still of a camera of which only the time in the corner differs."""
    image = photo.copy()
    text = f"2024-{rng.randint(1, 12):02}-{rng.randint(1, 28):02} {rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
    ImageDraw.Draw(image).text((628, 350), text, "white", font("SansMono-Bold", 26), anchor="rs")
    return image


def credited(rng: Random, photo: Image.Image) -> Image.Image:
    """A picture with another name in the corner, half transparent: signed by its maker."""
    layer = Image.new("RGBA", photo.size, (255, 255, 255, 0))
    ImageDraw.Draw(layer).text((12, 350), words(rng, 3), (255, 255, 255, 150), font("Serif", 26), anchor="ls")
    return Image.alpha_composite(photo.convert("RGBA"), layer).convert("RGB")


def subtitled(rng: Random, photo: Image.Image) -> Image.Image:
    """A still of a film with another subtitle."""
    image = photo.copy()
    ImageDraw.Draw(image).text(
        (320, 345), words(rng, 5), "#ffef90", font("Serif", 26), anchor="ms", stroke_width=1, stroke_fill="black"
    )
    return image


def broadcast(rng: Random, photo: Image.Image) -> Image.Image:
    """A picture with a bar of news, and the time in a corner."""
    image = photo.copy()
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 290, 640, 360), fill="#a00020")
    draw.text((20, 306), words(rng, 4), "white", font("Sans-Bold", 30))
    draw.text((624, 14), f"{rng.randint(10, 23)}:{rng.randint(10, 59)}", "white", font("Sans-Bold", 28), anchor="ra")
    return image


def mark(text: str, face: str, share: float, alpha: int, edge: int = 0) -> Copy:
    """A text in a random corner, `share` of the width high, light or dark."""

    def copy(image: Image.Image, rng: Random) -> Image.Image:
        layer = Image.new("RGBA", image.size, (255, 255, 255, 0))
        right, low, dark = rng.random() < 0.5, rng.random() < 0.5, rng.random() < 0.5
        at = image.width * (0.97 if right else 0.03), image.height * (0.97 if low else 0.03)
        ImageDraw.Draw(layer).text(
            at,
            text,
            (*([0] * 3 if dark else [255] * 3), alpha),
            font(face, max(8, round(image.width * share))),
            anchor=("r" if right else "l") + ("s" if low else "t"),
            stroke_width=edge,
            stroke_fill=(*([255] * 3 if dark else [0] * 3), alpha),
        )
        return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")

    return copy


MARKS: Mapping[str, Copy] = {
    "as in bench.duplicates": watermarked,
    "serif, edged": mark("Getty & Sons", "Serif-Bold", 0.045, 128, 1),
    "sans, no edge": mark("www.stock.example", "Sans", 0.04, 110),
    "small mono": mark("© 2024 archive", "SansMono", 0.03, 150, 1),
}


def fetch() -> Path:
    """The folder of both packages' pictures; downloaded and unpacked first unless it is there."""
    root = CACHE / "usr" / "share"
    if not root.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        for package in PACKAGES:
            subprocess.run(["apt-get", "download", package], cwd=CACHE, check=True, capture_output=True)
            (path,) = CACHE.glob(f"{package}_*.deb")
            subprocess.run(["dpkg", "-x", path.name, "."], cwd=CACHE, check=True)
    return root


def material(rng: Random) -> dict[str, list[Image.Image]]:
    """Pictures by kind, all different."""
    root = fetch()
    photos = [
        Image.open(path).convert("RGB").resize((640, 360))
        for path in sorted((root / "backgrounds").rglob("*"))
        if path.suffix in (".jpg", ".webp", ".png")
    ]
    plain: Mapping[str, Draw] = {"articles": article, "receipts": receipt, "notifications": notifications}
    found = {name: [draw(rng) for _ in range(SHEETS)] for name, draw in plain.items()}
    found["slides, page number"] = [numbered(Random(seed)) for seed in range(SHEETS)]
    over = {"time": dated, "name": credited, "subtitle": subtitled, "news bar": broadcast}
    for number, photo in enumerate(photos[:4]):
        for name, draw in over.items():
            found[f"backdrop {number}, {name}"] = [draw(rng, photo) for _ in range(SHEETS)]
    found["backdrops"] = photos
    for folder in FOLDERS:
        paths = sorted((root / "openclipart" / "png" / folder).rglob("*.png"))
        found[folder] = [
            on_background(Image.open(path).convert("RGBA")) for path in rng.sample(paths, min(PICTURES, len(paths)))
        ]
    return found


def small(images: Sequence[Image.Image]) -> list[NDArray[np.uint8]]:
    return [np.frombuffer(miniature(image), np.uint8) for image in images]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    rng = Random(parser.parse_args().seed)
    print(f"| | pairs | merged | {' | '.join(MARKS)} |\n| --- | --- | --- |{' --- |' * len(MARKS)}")
    for name, images in material(rng).items():
        first = small(images)
        pairs = [(a, b) for a, b in combinations(range(len(first)), 2) if (first[a] != first[b]).any()]
        merged = sum(same_content(first[a], first[b]) for a, b in pairs)
        shares = []
        for copy in MARKS.values():
            marked = small([copy(image, rng) for image in images])
            shares.append(np.mean([same_content(a, b) for a, b in zip(first, marked, strict=True)]))
        print(f"| {name} | {len(pairs)} | {merged} | {' | '.join(f'{share:.0%}' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main()
