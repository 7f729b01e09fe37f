"""The wall of a study's pictures with very many of them: scrolling, frame times, the size of the scripts."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, Request, expect

from tests.clients.web import looked_at
from tests.clients.web.looked_at import active, tiles, wall
from tests.e2e.harness import Server


@pytest.fixture
def table(owner: httpx.Client) -> Iterator[dict[str, list]]:
    """The table of the study `look`, which has vectors."""
    made = looked_at.make(owner, "look")
    looked_at.embed(owner, "look")
    yield made
    owner.delete("/v1/studies/look")


def test_a_height_beyond_that_of_browsers_is_scrolled_in_small_steps_and_jumps(open_page):
    page = open_page()
    steps = page.evaluate("""async () => {
        const { Space, TALLEST } = await import("./web/app/look/space.js");
        const space = new Space();
        space.resize(40_000_000, 800);
        const height = space.height;
        let at = space.place(0);
        space.settled(at);
        at += 120;
        space.scrolled(at);
        const small = space.top;
        at = height - 800;
        space.scrolled(at);
        const end = [space.top, space.lowest];
        at = height / 2;
        space.scrolled(at);
        const middle = space.top / space.lowest;
        const tile = space.top - space.shift - at; // what is at the upper edge is drawn there
        at = space.place(12_345_678);
        space.settled(Math.round(at));
        const placed = [space.top, space.top - space.shift - Math.round(at)];
        let early = space.place(500);
        space.settled(early);
        const stuck = space.scrolled(0); // the element is at its end, and the content is not
        return { height, tallest: TALLEST, small, end, middle, tile, placed, stuck, top: space.top };
    }""")
    assert steps["height"] == steps["tallest"]
    assert steps["small"] == 120
    assert steps["end"][0] == steps["end"][1]
    assert steps["middle"] == pytest.approx(0.5, abs=0.001)
    assert steps["tile"] == pytest.approx(0, abs=1e-6)
    assert steps["placed"] == [12_345_678, pytest.approx(0, abs=1e-6)]
    assert steps["stuck"]
    assert steps["top"] > 0


FRAMES = """() => {
  window.frames_ = [];
  window.watched = true;
  let before = performance.now();
  const frame = () => {
    const now = performance.now();
    window.frames_.push(now - before);
    before = now;
    if (window.watched) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""


def watched(page: Page, name: str) -> float:
    """Print how long frames took since FRAMES; the median in ms."""
    taken = page.evaluate("() => { window.watched = false; return window.frames_.slice(1); }")
    median, p95, worst = np.quantile(taken, [0.5, 0.95, 1])
    print(f"{name}: {len(taken)} frames, median {median:.1f} ms, p95 {p95:.1f} ms, worst {worst:.1f} ms")
    return float(median)


@pytest.mark.thorough
def test_ten_thousand_pictures_are_scrolled(open_page, owner: httpx.Client, workbench: Server):
    data = workbench.log.parent / "data"
    sources = sorted((data / "photos").iterdir())
    (data / "many").mkdir()
    for i in range(10_000):
        (data / "many" / f"{i:05}.jpg").hardlink_to(sources[i % len(sources)])
    assert owner.post("/v1/studies", json={"name": "many", "folder": "many"}).json()["items"] == 10_000
    asked: list[str] = []
    page = open_page("/#/s/many/look")
    page.on("request", lambda request: asked.append(request.url) if "/picture" in request.url else None)
    found = wall(page, 10_000)
    found.focus()
    page.evaluate(FRAMES)
    for _ in range(60):
        page.keyboard.press("PageDown")
    medians = [watched(page, "keyboard, a page at once")]
    page.evaluate(FRAMES)
    for _ in range(60):
        page.keyboard.press("ArrowDown")
    medians.append(watched(page, "keyboard, a row at once"))
    box = found.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.evaluate(FRAMES)
    for _ in range(100):
        page.mouse.wheel(0, 120)
    medians.append(watched(page, "wheel"))
    assert tiles(page).count() < 150
    page.keyboard.press("End")
    assert active(page) == "09999.jpg"
    expect(page.locator(".tile canvas").last).to_have_attribute("width", "64")
    print(f"{len(asked)} pictures of 10,000 were asked for")
    assert len(asked) < 5000
    assert max(medians) < 100  # ms; what is smooth is printed, since others may use the machine
    owner.delete("/v1/studies/many")


def test_the_scripts_of_all_pages_without_the_viewer_of_the_map_have_300_kilobytes(open_page, table):
    whole: dict[str, int] = {}
    sent: dict[str, int] = {}

    def count(request: Request) -> None:
        if request.resource_type == "script" and not request.frame.url.endswith("viewer.html"):
            whole[request.url] = len(request.response().body())
            sent[request.url] = request.sizes()["responseBodySize"]

    page = open_page("/livez")
    page.on("requestfinished", count)
    page.goto(page.url.replace("/livez", "/"))
    rows = page.evaluate("async () => (await import('./web/app/pages.js')).PAGES.map(page => page.name)")
    for name in rows:
        page.evaluate(
            "async name => (await import('./web/app/pages.js')).PAGES.find(row => row.name === name).load()", name
        )
        page.goto(page.url.split("#")[0] + f"#/s/look/{name}/{table['keys'][0] if name == 'item' else ''}")
        page.wait_for_load_state("networkidle")
    print(f"{len(sent)} scripts of {sum(whole.values()):,} bytes, {sum(sent.values()):,} of which are sent")
    assert {"look", "item", "map"} <= set(rows)
    assert sum(sent.values()) <= 300_000
