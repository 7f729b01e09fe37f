"""Codes per minute that the page of a coder allows: `python -m bench.coding [--items 100] [--look 0.5] [--plain]`.

A real server with photos of 1600 x 1200 pixels, and Chromium by Playwright, which looks at each picture for half a
second once it is on the screen, and presses `1`: each key saves a code, whose answer comes when it is on disk, and
shows the next picture. Printed are codes per minute, the time from the key to the next picture painted, the part of it
that the request takes, and the load of the machine before and after. With `--look 0` keys follow each other as fast as
the page allows, so that pictures cannot be fetched ahead. `--plain` shows them without blur.
"""

import argparse
import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from bench.jpegs import jpegs
from tests.clients.web.conftest import KEY, OPTIONS
from tests.e2e import harness

MEASURED = """() => ({
    keys: performance.getEntriesByName("key to picture").map(each => each.duration),
    puts: performance.getEntriesByType("resource").filter(each => each.name.endsWith("/codes"))
        .map(each => each.duration)
})"""
SHOWN = "n => performance.getEntriesByName('key to picture').length >= n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--look", type=float, default=0.5, help="seconds between a picture and the next key")
    parser.add_argument("--plain", action="store_true", help="without blur")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "data" / "photos", options.items + 1)
        settings = {
            **{"DAGUERRE_API_KEYS": KEY, "DAGUERRE_DATA": str(folder / "data"), "DAGUERRE_GRPC_PORT": "0"},
            **{"BENTOML_HOME": str(folder / "bentoml"), "DAGUERRE_HOME": str(folder / "home")},
        }
        (folder / "home").mkdir()
        (folder / "home" / "models").symlink_to((harness.EXPORTED / "models").resolve())
        with harness.running(folder, settings=settings) as server:
            token = _assign(server.client(headers={"authorization": f"Bearer {KEY}"}))
            load = os.getloadavg()[0]
            found, seconds = _code(f"{server.url}/code#{token}", options.items, look=options.look, plain=options.plain)
    keys, puts = found["keys"], found["puts"]
    print(f"{len(keys)} items in {seconds:.1f} s: {60 * len(keys) / seconds:.0f} codes a minute")
    print(f"key to picture: {_figures(keys)}")
    print(f"of that PUT:    {_figures(puts)}")
    print(f"load {load:.1f} before, {os.getloadavg()[0]:.1f} after, on {os.cpu_count()} cores")


def _write(folder: Path, n: int) -> None:
    folder.mkdir(parents=True)
    photos = [Image.open(io.BytesIO(each)).resize((1600, 1200)) for each in jpegs(8)]
    for i in range(n):
        photos[i % len(photos)].save(folder / f"{i:03}.jpg", quality=88 - i // len(photos) % 20)


def _assign(owner: httpx.Client) -> str:
    """A study of the photos with one question and one coder, whose token is returned."""
    with owner:
        owner.post("/v1/studies", json={"name": "bench", "folder": "photos"}).raise_for_status()
        book = {"variables": [{"name": "protest", "kind": "binary"}]}
        owner.put("/v1/studies/bench/codebook", json=book).raise_for_status()
        ids = [item["id"] for item in owner.get("/v1/studies/bench/items", params={"limit": 1000}).json()["data"]]
        body = {"name": "first", "items": [{"id": id} for id in ids], "coders": ["anna"]}
        made = owner.post("/v1/studies/bench/assignments", json=body).raise_for_status()
        return str(made.json()["tokens"][0]["token"])


def _code(link: str, n: int, *, look: float, plain: bool) -> tuple[dict[str, list[float]], float]:
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("this needs chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        page: Page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(link)
        page.evaluate("performance.setResourceTimingBufferSize(5000)")
        page.locator(".frame img").wait_for()
        time.sleep(2)  # the first pictures are there
        if plain:
            page.keyboard.press("b")
        begun = time.perf_counter()
        for i in range(n):
            time.sleep(look)
            page.keyboard.press("1")
            page.wait_for_function(SHOWN, arg=i + 1, polling="raf")
        seconds = time.perf_counter() - begun
        found: dict[str, list[float]] = page.evaluate(MEASURED)
        browser.close()
    return found, seconds


def _figures(values: Sequence[float]) -> str:
    cuts = statistics.quantiles(values, n=20)
    return f"p50 {statistics.median(values):.0f} ms, p95 {cuts[18]:.0f} ms, most {max(values):.0f} ms"


if __name__ == "__main__":
    main()
