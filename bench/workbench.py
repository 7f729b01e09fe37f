"""A whole study in the browser, without a line of code: `python -m bench.workbench [--n 1000] [--pictures docs/img]`.

A real server with a folder of parts of the example photos, and Chromium by Playwright, which presses the buttons and
keys of the pages: a study is made, embedded, labelled, clustered and searched; a sample is drawn by the labels, coded by
two people, adjudicated by a third; a classifier is trained on the codes, the corpus predicted and its share estimated.
Printed are the seconds of each step and the load of the machine. The coders err by chance, with a seed.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.clients.web.conftest import KEY, OPTIONS
from tests.e2e import harness
from tests.e2e.harness import Server

PHOTOS = Path(__file__).parents[1] / "examples" / "photos"
SUBJECTS = {"cat": 0.3, "coffee": 0.4, "rocket": 0.3}  # shares in the corpus
ERRS = 0.1  # probability of a coder's wrong code


def write_corpus(folder: Path, n: int, *, seed: int = 0) -> None:
    """Write `n` JPEGs, random parts of the example photos, turned and lit in random ways; names tell nothing."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    photos = {name: Image.open(PHOTOS / f"{name}.jpg").convert("RGB") for name in SUBJECTS}
    subjects = rng.choice(list(SUBJECTS), n, p=list(SUBJECTS.values()))
    for i, subject in enumerate(subjects):
        photo = photos[str(subject)]
        side = int(min(photo.size) * rng.uniform(0.6, 1))
        x, y = (int(rng.integers(0, extent - side + 1)) for extent in photo.size)
        part = photo.crop((x, y, x + side, y + side)).resize((320, 320))
        if rng.random() < 0.5:
            part = ImageOps.mirror(part)
        part = ImageEnhance.Brightness(part).enhance(rng.uniform(0.7, 1.3))
        part = part.rotate(rng.uniform(-12, 12), resample=Image.Resampling.BILINEAR)
        part.save(folder / f"photo-{i:04}.jpg", quality=int(rng.integers(60, 95)), comment=str(subject))


def truth(folder: Path) -> dict[str, str]:
    """The subject of each picture, which is in the comment of its file."""
    return {path.name: Image.open(path).info["comment"].decode() for path in sorted(folder.glob("*.jpg"))}


@dataclass
class Walk:
    """A walk through the pages: seconds of each step, and where pictures of the pages are written, if anywhere."""

    pictures: Path | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure a step."""
        begun = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begun

    def show(self, page: Page, name: str) -> None:
        """Write a picture of a page."""
        if self.pictures is not None:
            page.wait_for_timeout(600)
            page.screenshot(path=self.pictures / f"workbench-{name}.png")
