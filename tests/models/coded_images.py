"""Small coded images whose classes a network can learn in seconds: seeded, written as PNG."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = ("bars", "checks", "dots")


def pattern(kind: str, seed: int, side: int = 32) -> NDArray[np.uint8]:
    """One image of a class, (side, side, 3): its pattern in random colours, with noise."""
    random = np.random.default_rng([CLASSES.index(kind), seed])
    y, x = np.mgrid[0:side, 0:side] + random.integers(0, 8, (2, 1, 1))
    masks = {"bars": y // 4 % 2, "checks": (x // 4 + y // 4) % 2, "dots": (x % 8 < 3) & (y % 8 < 3)}
    back, front = random.integers(0, 100, 3), random.integers(150, 256, 3)
    picture = np.where(masks[kind][..., None] > 0, front, back) + random.normal(0, 10, (side, side, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


def save(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def folder(root: Path, *, train: int = 10, test: int = 4, classes: tuple[str, ...] = CLASSES) -> Path:
    """`root` with train/CLASS/… and test/CLASS/…"""
    for kind in classes:
        for i in range(train + test):
            split = "train" if i < train else "test"
            save(root / split / kind / f"{i:03}.png", pattern(kind, i))
    return root


def table(path: Path, rows: list[dict[str, object]]) -> Path:
    """A CSV whose columns are the keys of its first row."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
