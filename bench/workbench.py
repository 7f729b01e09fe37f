"""A whole study in the browser, without a line of code: `python -m bench.workbench [--n 1000] [--pictures docs/img]`.

A real server with a folder of parts of the example photos, and Chromium by Playwright, which presses the buttons and
keys of the pages: a study is made, embedded, labelled, clustered and searched; a sample is drawn by the labels, coded
by two people, adjudicated by a third; a classifier is trained on the codes, the corpus predicted, its share estimated.
Printed are the seconds of each step and the load of the machine. The coders err by chance, with a seed.
"""

import argparse
import hashlib
import io
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
SAVED = "before => document.querySelector('.finished') || document.querySelector('.done').innerText !== before"


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
    found = {}
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as picture:
            found[path.name] = picture.info["comment"].decode()
    return found


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
            shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            shot.quantize(256, dither=Image.Dither.NONE).save(self.pictures / f"workbench-{name}.png", optimize=True)


def walk(server: Server, browser: Browser, folder: Path, *, size: int, made: Walk) -> dict[str, float]:
    """Do a whole study of `folder`, and return the estimated share of cats beside the true one.

    Parameters
    ----------
    folder : the pictures, in the folder `photos` of the server's DAGUERRE_DATA.
    size : number of items that two people code.
    """
    rng = np.random.default_rng(1)
    subjects = truth(folder)
    n = len(subjects)
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(server.url)
    page.get_by_label("API key").fill(KEY)
    page.keyboard.press("Enter")
    with made.step("make the study"):
        page.get_by_role("button", name="New study").click()
        page.get_by_label("Name", exact=True).fill("cafe")
        page.get_by_label("Title").fill("Cats, coffee and rockets")
        page.get_by_label("A folder on the server").check()
        page.get_by_label("Folder", exact=True).fill("photos")
        page.get_by_role("button", name="Make the study").click()
        expect(page.locator(".tile").first).to_be_visible()
    page.get_by_label("Blur", exact=True).select_option("none")
    with made.step(f"embed {n:,} pictures"):
        page.get_by_role("button", name="Compute embeddings").click()
        expect(page.get_by_role("button", name="By a picture …")).to_be_visible(timeout=900_000)
    with made.step("search by words"):
        page.get_by_label("Search by").select_option("text")
        page.get_by_role("searchbox", name="Search").fill("a cup of coffee")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Similar to “a cup of coffee”")).to_be_visible()
        expect(page.locator(".tile").first).to_be_visible()
    made.show(page, "look")
    page.get_by_role("link", name="Try", exact=True).click()
    with made.step(f"label {n:,} pictures"):
        page.get_by_role("textbox", name="Labels").fill("a cat\na cup of coffee\na rocket")
        table = page.get_by_role("table", name="Scores by picture and variant")
        expect(table).to_be_visible()
        made.show(page, "try")
        page.get_by_role("button", name=f"Label {n:,} items").click()
        labels = page.get_by_role("region", name="Label all")
        expect(labels.get_by_role("status")).to_contain_text(f"{n:,} items have a value")
    with made.step("compute the map"):
        page.get_by_role("link", name="Map", exact=True).click()
        page.get_by_role("button", name="Compute a map").click()
        expect(page.get_by_role("application", name=f"Map of {n:,} points")).to_be_visible(timeout=600_000)
        page.get_by_label("Colour", exact=True).select_option("label")
    made.show(page, "map")
    with made.step("write the codebook"):
        page.get_by_role("link", name="Code", exact=True).click()
        page.get_by_label("Title of the codebook").fill("Cats")
        page.get_by_role("button", name="Add a variable").click()
        page.get_by_label("Name", exact=True).fill("cat")
        page.get_by_label("Question that coders read").fill("Is there a cat?")
        page.get_by_role("button", name="Save the codebook").click()
        expect(page.get_by_role("status").filter(has_text="is saved.")).to_be_visible()
    made.show(page, "codebook")
    with made.step(f"draw {size} items by label"):
        page.get_by_role("link", name="Assignments", exact=True).click()
        page.get_by_role("link", name="New assignment").click()
        page.get_by_label("Which items").select_option("stratified")
        page.get_by_label("Number of items").fill(str(size))
        page.get_by_label("Column of the strata").select_option("label")
        page.get_by_label("Coders", exact=True).fill("anna, ben")
        page.get_by_label("Adjudicators").fill("eve")
        page.get_by_role("button", name="Make the assignment").click()
        expect(page.get_by_role("heading", name="Links of the people")).to_be_visible()
        links = page.locator("code").all_inner_texts()
    page.get_by_role("link", name="To the assignment").click()
    subject_of = _subjects_by_hash(server, subjects)
    with made.step(f"code {size} items, two coders one after the other"):
        for link, name in zip(links[:2], ("coder", "second-coder"), strict=True):
            _code(browser, link, name, _in_order(server, link, subject_of), rng, made)
    with made.step("adjudicate"):
        _code(browser, links[2], "adjudicator", _in_order(server, links[2], subject_of), rng, made)
    page.reload()
    expect(page.get_by_role("row", name="anna")).to_contain_text(str(size))
    made.show(page, "progress")
    page.get_by_role("link", name="Results", exact=True).click()
    with made.step("train"):
        train = page.get_by_role("region", name="1. Train", exact=True)
        train.get_by_role("button", name="Train").click()
        expect(train.get_by_role("heading", name="Figures of cat@1")).to_be_visible(timeout=600_000)
    with made.step(f"predict {n:,} pictures"):
        predict = page.get_by_role("region", name="2. Predict")
        predict.get_by_role("button", name=f"Predict {n:,} items").click()
        expect(predict.get_by_role("status")).to_contain_text(f"{n:,} items have a value")
    with made.step("estimate the share"):
        estimate = page.get_by_role("region", name="3. Estimate", exact=True)
        estimate.get_by_role("button", name="Estimate").click()
        expect(estimate.get_by_role("table", name="Estimates")).to_be_visible()
    made.show(page, "results")
    with server.client(headers={"authorization": f"Bearer {KEY}"}) as owner:
        answer = owner.post("/v1/studies/cafe/estimates", json={"variable": "cat", "classifier": "cat"}).json()
    mean = answer["estimates"][0]["mean"]
    context.close()
    true = sum(each == "cat" for each in subjects.values()) / n
    return {
        "true": true,
        "naive": mean["naive"],
        **{name: mean["corrected"][name] for name in ("value", "low", "high")},
    }


def _subjects_by_hash(server: Server, subjects: dict[str, str]) -> dict[str, str]:
    """The subject of each picture by the SHA-256 of the form that coders get, which is all that they have of it."""
    with server.client(headers={"authorization": f"Bearer {KEY}"}, timeout=300) as owner:
        table = owner.get("/v1/studies/cafe/table", params={"ids": True}).json()
        found = {}
        for key, id in zip(table["keys"], table["ids"], strict=True):
            picture = owner.get(f"/v1/studies/cafe/items/{key}/picture", params={"size": "1024"}).content
            found[hashlib.sha256(picture).hexdigest()] = subjects[id]
        return found


def _in_order(server: Server, link: str, subjects: dict[str, str]) -> list[str]:
    """The subject of each item of a link, in the order of its person."""
    headers = {"authorization": f"Bearer {link.partition('#')[2]}"}
    with server.client(headers=headers, timeout=300) as coder:
        units = coder.get("/v1/coding/units", params={"limit": 1000}).json()["data"]
        pictures = [coder.get(f"/v1/coding/pictures/{unit['pictures'][0]}").content for unit in units]
    return [subjects[hashlib.sha256(each).hexdigest()] for each in pictures]


def _code(browser: Browser, link: str, name: str, subjects: list[str], rng: np.random.Generator, made: Walk) -> None:
    """Code all items of a link by keys; an adjudicator makes no mistakes."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(link)
    for i, subject in enumerate(subjects):
        page.locator(".stage[aria-busy=false]").wait_for()
        if i == 3 and name != "second-coder" and made.pictures is not None:
            page.keyboard.down("Space")
            made.show(page, name)
            page.keyboard.up("Space")
        before = page.locator(".done").inner_text()
        is_cat = subject == "cat"
        if name == "adjudicator":
            page.keyboard.press("2" if is_cat else "1")  # the codes given, in order: no, yes
            page.keyboard.press("Enter")
        else:
            page.keyboard.press("1" if is_cat == (rng.random() >= ERRS) else "2")
        page.wait_for_function(SAVED, arg=before)
    page.locator(".finished").wait_for()
    context.close()


def run(browser: Browser, n: int, size: int, pictures: Path | None = None) -> tuple[Walk, dict[str, float]]:
    """One walk through a server of its own with a corpus of `n` pictures, of which `size` are coded, and its result."""
    expect.set_options(timeout=30_000)
    made = Walk(pictures)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder / "data" / "photos", n)
        settings = {
            **{"DAGUERRE_API_KEYS": KEY, "DAGUERRE_DATA": str(folder / "data"), "DAGUERRE_GRPC_PORT": "0"},
            **{"BENTOML_HOME": str(folder / "bentoml"), "DAGUERRE_HOME": str(folder / "home")},
        }
        (folder / "home").mkdir()
        (folder / "home" / "models").symlink_to((harness.EXPORTED / "models").resolve())
        with harness.running(folder, settings=settings) as server:
            return made, walk(server, browser, folder / "data" / "photos", size=size, made=made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=1000, help="number of pictures")
    parser.add_argument("--size", type=int, default=100, help="number of items that are coded")
    parser.add_argument("--pictures", type=Path, help="folder in which pictures of the pages are written")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("this needs chromium")
    load = os.getloadavg()[0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        made, found = run(browser, options.n, options.size, options.pictures)
        browser.close()
    for name, seconds in made.seconds.items():
        print(f"{seconds:7.1f} s  {name}")
    print(f"{sum(made.seconds.values()):7.1f} s  in all; load {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    print(
        f"share of cats: {found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}] corrected, "
        f"{found['naive']:.3f} naive, {found['true']:.3f} true"
    )


if __name__ == "__main__":
    main()
