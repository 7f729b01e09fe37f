"""The map of a study: points in a frame without an origin, colours, a lasso that becomes a selection, the keyboard."""

import re
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from playwright.sync_api import Frame, Page, expect

from tests.clients.web import looked_at
from tests.clients.web.accessibility import faults
from tests.clients.web.conftest import KEY
from tests.clients.web.looked_at import names, wall
from tests.e2e.harness import Server


@pytest.fixture(scope="module")
def client(workbench: Server) -> Iterator[httpx.Client]:
    with workbench.client(headers={"authorization": f"Bearer {KEY}"}) as made:
        yield made


@pytest.fixture(scope="module")
def table(client):
    """The table of the study `mapped`."""
    made = looked_at.make(client, "mapped")
    yield made
    client.delete("/v1/studies/mapped")


def drawn(page: Page, n: int, *, seconds: float = 30):
    """The map, once its points are drawn."""
    plot = page.get_by_role("application", name=f"Map of {n} points")
    expect(plot).to_have_attribute("data-drawn", re.compile("[1-9]"), timeout=1000 * seconds)
    return plot


def viewer(page: Page) -> Frame:
    """The frame of the map."""
    (frame,) = [each for each in page.frames if each.url.endswith("viewer.html")]
    return frame


def test_the_frame_of_the_map_has_no_origin_and_reaches_nothing(open_page, client, table):
    page = open_page("/#/s/mapped/map")
    drawn(page, 40)
    frame = viewer(page)
    assert frame.evaluate("self.origin") == "null"
    assert frame.evaluate("() => { try { return document.cookie } catch { return 'refused' } }") == "refused"
    headers = client.get("/web/app/map/viewer.html").headers
    assert "connect-src" not in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "sandbox allow-scripts" in headers["content-security-policy"]
    assert "unsafe-eval" not in client.get("/").headers["content-security-policy"]
    assert "unsafe-eval" not in client.get("/web/app/map/viewer.js").headers["content-security-policy"]


def test_a_lasso_becomes_a_selection_that_the_wall_shows(open_page, client, table):
    page = open_page("/#/s/mapped/map")
    box = drawn(page, 40).bounding_box()
    x, y = np.array(table["x"]), np.array(table["y"])
    # as the page scales them: in a square of the height of the map, half of which has the length 1
    half = max(np.ptp(x), np.ptp(y)) / 1.9
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    at = (np.stack([x - (x.min() + x.max()) / 2, -(y - (y.min() + y.max()) / 2)], 1) / half) * box[
        "height"
    ] / 2 + middle
    chosen = x > np.sort(x)[28]
    edge = (at[chosen, 0].min() + at[~chosen, 0].max()) / 2
    page.get_by_role("button", name="Lasso").click()
    corners = [(edge, box["y"] + 20), (box["x"] + box["width"] - 20, box["y"] + 20)]
    corners += [(corner[0], box["y"] + box["height"] - 20) for corner in reversed(corners)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in [*corners[1:], (edge, box["y"] + 60)]:
        page.mouse.move(*corner, steps=12)
        viewer(page).evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.mouse.up()
    expect(page.get_by_text(f"{chosen.sum()} selected")).to_be_visible()
    page.get_by_role("link", name="Show on the wall").click()
    wall(page, int(chosen.sum()))
    assert names(page) == [id for id, there in zip(table["ids"], chosen, strict=True) if there]
    page.get_by_role("button", name="Save as a column …").click()
    page.get_by_label("Name of the selection").fill("right")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved as the column selection:right")).to_be_visible()
    saved = client.get("/v1/studies/mapped/table", params={"filter": "selection:right=yes", "ids": True}).json()
    assert saved["ids"] == names(page)


def test_by_keyboard_the_focus_goes_from_point_to_point(open_page, table):
    page = open_page("/#/s/mapped/map?colour=score")
    drawn(page, 40).focus()
    said = page.locator("[aria-live=polite].hidden-text")
    x = dict(zip(table["ids"], table["x"], strict=True))
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("score")
    passed = [said.inner_text().split(". ")[0]]
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        expect(said).not_to_contain_text(passed[-1])
        passed.append(said.inner_text().split(". ")[0])
    assert sorted(passed, key=x.__getitem__) == passed
    expect(page.locator(".map-preview canvas")).to_have_attribute("width", "64")
    with page.expect_event("framedetached"):  # the page is made anew
        page.get_by_label("Blur", exact=True).select_option("none")
    drawn(page, 40).focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".map-preview img")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_text("1 selected")).to_be_visible()
    name = page.locator(".map-preview .tile-line").first.inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def test_the_pointer_shows_a_picture_and_colours_have_a_legend(open_page, table):
    page = open_page("/#/s/mapped/map")
    box = drawn(page, 40).bounding_box()
    legend = page.get_by_role("group", name="Colours")
    for value in "012":
        expect(legend.get_by_role("button", name=f"{value} {table['cluster'].count(value)}")).to_be_visible()
    page.get_by_label("Colour", exact=True).select_option("label")
    expect(legend.get_by_role("button", name=re.compile("^no value"))).to_contain_text(str(table["label"].count(None)))
    page.get_by_label("Colour", exact=True).select_option("score")
    expect(legend).to_contain_text(f"{min(table['score']):.5g}")
    drawn(page, 40)
    x, y = np.array(table["x"]), np.array(table["y"])
    half = max(np.ptp(x), np.ptp(y)) / 1.9
    right = int(np.argmax(x))
    left = box["x"] + box["width"] / 2 + (x[right] - (x.min() + x.max()) / 2) / half * box["height"] / 2
    top = box["y"] + box["height"] / 2 - (y[right] - (y.min() + y.max()) / 2) / half * box["height"] / 2
    page.mouse.move(left - 40, top)
    page.mouse.move(left, top, steps=8)
    expect(page.locator(".map-preview")).to_contain_text(table["ids"][right])


@pytest.mark.thorough
def test_a_map_is_computed_from_the_page(open_page, client):
    client.post("/v1/studies", json={"name": "unmapped", "folder": "photos"})
    looked_at.embed(client, "unmapped")
    page = open_page("/#/s/unmapped/map")
    page.get_by_role("button", name="Compute a map").click()
    drawn(page, 40, seconds=180)
    expect(page.get_by_label("Colour", exact=True)).to_have_value("cluster")
    client.delete("/v1/studies/unmapped")


def test_without_webgl_the_wall_is_named_instead(open_page, context, table):
    context.add_init_script(
        """const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
          return kind.startsWith("webgl") ? null : get.call(this, kind, ...rest);
        };"""
    )
    page = open_page("/#/s/mapped/map")
    expect(page.get_by_role("alert")).to_contain_text("no WebGL")
    page.get_by_role("link", name="The wall, sorted by cluster").click()
    wall(page, 40)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_has_no_faults_of_accessibility(open_page, table, scheme):
    page = open_page("/#/s/mapped/map?colour=label&filter=score>=0.01")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    n = sum(each >= 0.01 for each in table["score"])
    drawn(page, n).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.locator(".map-preview")).to_be_visible()
    assert faults(page) == []
    page.set_viewport_size({"width": 420, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    assert faults(page) == []
