"""Duplicates before and after pictures are compared block by block: recall of copies, and false merges.

    python -m bench.duplicates              # a few minutes on two cores
    python -m bench.duplicates --speed      # all near pairs of 100,000 x 512, beside numpy's whole products

Before: perceptual hashes within 8 bits, or cosines from 0.95. After: the same hashes, or cosines from the threshold
that is learned from the corpus, and the pictures of each group compared by their miniatures. A copy is found if it is
in the group of its original. A false merge is a pair of different pictures in one group, of which one could go.
"""

import argparse
import io
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import photos, stamps
from bench.copies import COPIES, TEMPLATES, one_word
from bench.embedder import Embedder
from models.images.decoding import on_background
from models.images.miniature import miniature
from models.images.perceptual import perceptual_hash
from models.similarity.duplicates import near, semantic
from models.similarity.groups import Duplicates
from service.settings import Settings

BEFORE = 0.95
SHEETS, STAMPS = 6, 50  # pictures of each layout; stamps
SCREENS = ("posts", "dark posts", "short posts", "slides", "chats", "tables")


def plain(image: Image.Image) -> Image.Image:
    return on_background(image) if image.mode == "RGBA" else image.convert("RGB")


def material(rng: Random) -> dict[str, list[Image.Image]]:
    """Pictures by kind, all different."""
    found = {name: [plain(draw(rng)) for _ in range(SHEETS)] for name, draw in TEMPLATES.items()}
    found["posts, one word"] = [image for _ in range(SHEETS) for image in one_word(rng)]
    chosen = rng.sample(sorted(stamps.fetch().rglob("*.png")), STAMPS)
    found["stamps"] = [plain(Image.open(path).convert("RGBA")) for path in chosen]
    found["photos"] = [Image.open(io.BytesIO(photos.read(name))).convert("RGB") for name in photos.PHOTOS]
    return found


class Corpus:
    """Hashes, miniatures and vectors of pictures."""

    def __init__(self, images: Sequence[Image.Image], embedder: Embedder) -> None:
        self.hashes = [perceptual_hash(image) for image in images]
        self.small = np.stack([np.frombuffer(miniature(image), np.uint8) for image in images])
        blobs = []
        for image in images:
            stream = io.BytesIO()
            image.save(stream, "PNG", compress_level=1)
            blobs.append(stream.getvalue())
        self.vectors = embedder.images(blobs)

    def __add__(self, other: "Corpus") -> "Corpus":
        both = object.__new__(Corpus)
        both.hashes = self.hashes + other.hashes
        both.small = np.concatenate([self.small, other.small])
        both.vectors = np.concatenate([self.vectors, other.vectors])
        return both

    def results(self) -> dict[str, Duplicates]:
        return {
            "near, before": near(self.hashes),
            "near, after": near(self.hashes, miniatures=self.small),
            "semantic, before": semantic(self.vectors, threshold=BEFORE),
            "semantic, after": semantic(self.vectors, miniatures=self.small),
        }


def group_of(found: Duplicates) -> NDArray[np.int64]:
    labels = np.arange(found.n)
    for group in found.groups:
        labels[list(group.members)] = group.members[0]
    return labels


def report(embedder: Embedder, seed: int) -> None:
    rng = Random(seed)
    kinds = material(rng)
    images = [image for each in kinds.values() for image in each]
    names = np.array([name for name, each in kinds.items() for _ in each])
    originals = Corpus(images, embedder)
    before_after = originals.results()
    columns = list(before_after)
    print("False merges: pairs of different pictures in one group\n")
    print(f"| | pairs | {' | '.join(columns)} |\n| --- |{' --- |' * (len(columns) + 1)}")
    for name in kinds:
        own = names == name
        size = int(own.sum())
        cells = []
        for found in before_after.values():
            labels = group_of(found)[own]
            cells.append(int((labels[:, None] == labels).sum() - size) // 2)
        print(f"| {name} | {size * (size - 1) // 2} | {' | '.join(map(str, cells))} |")
    print(f"\nthreshold learned: {before_after['semantic, after'].threshold:.3f}")
    sets: Mapping[str, Sequence[str]] = {
        "screenshots": SCREENS, "memes": ("memes", "memes, one line"), "logos": ("white logos",),
        "stamps": ("stamps",), "photos": ("photos",),
    }  # fmt: skip
    print("\nRecall of copies, in percent: screenshots / memes / logos / stamps / photos\n")
    print(f"| | {' | '.join(columns)} | threshold |\n| --- |{' --- |' * (len(columns) + 1)}")
    for name, copy in COPIES.items():
        both = originals + Corpus([copy(image, rng) for image in images], embedder)
        results = both.results()
        cells = []
        for found in results.values():
            labels = group_of(found)
            hit = labels[: len(images)] == labels[len(images) :]
            cells.append(" / ".join(f"{hit[np.isin(names, of)].mean():.0%}".rstrip("%") for of in sets.values()))
        print(f"| {name} | {' | '.join(cells)} | {results['semantic, after'].threshold:.3f} |", flush=True)


def speed(n: int, d: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((n, d)).astype(np.float32)
    rows[n // 2 : n // 2 + n // 10] = rows[: n // 10] + 0.1 * rng.standard_normal((n // 10, d)).astype(np.float32)
    rows += 1.0  # a common direction, as in CLIP's space
    start = time.perf_counter()
    found = semantic(rows)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = 0
    for at in range(0, n, 2048):
        products = unit[at : at + 2048] @ unit[at:].T
        pairs += int((products >= np.float32(found.threshold)).sum())
    theirs = time.perf_counter() - start
    print(f"{n:,} x {d}: {ours:.1f} s, {len(found.groups):,} groups; numpy's products alone {theirs:.1f} s")
    print(f"{pairs:,} hits, ratio {ours / theirs:.2f}, load {os.getloadavg()[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--home", type=Path, default=Settings().home)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.speed:
        speed(options.n, 512)
    else:
        report(Embedder("embedded", options.home), options.seed)


if __name__ == "__main__":
    main()
