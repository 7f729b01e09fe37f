"""The wall of a study's pictures and the page of an item: order, filters, search, selection, keyboard, frame times."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_plus

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.clients.web import looked_at
from tests.clients.web.accessibility import faults
from tests.clients.web.conftest import KEY
from tests.clients.web.looked_at import active, names, tiles, wall
from tests.e2e.harness import Server


@pytest.fixture(scope="module")
def client(workbench: Server) -> Iterator[httpx.Client]:
    with workbench.client(headers={"authorization": f"Bearer {KEY}"}) as made:
        yield made


@pytest.fixture(scope="module")
def table(client):
    """The table of the study `look`, which has vectors."""
    made = looked_at.make(client, "look")
    looked_at.embed(client, "look")
    yield made
    client.delete("/v1/studies/look")


def test_order_filters_and_captions_stand_in_the_address(open_page, table):
    page = open_page("/#/s/look/look")
    wall(page, 40)
    assert names(page) == table["ids"]
    page.get_by_label("Sort by").select_option("score")
    page.get_by_role("button", name="Largest first").click()
    order = np.argsort(table["score"])[::-1]
    expect(tiles(page).first).to_have_attribute("title", table["ids"][order[0]])
    assert names(page) == [table["ids"][i] for i in order]
    page.locator("summary", has_text="label").click()
    page.get_by_role("button", name=re.compile("^circle")).click()
    circles = [i for i in order if table["label"][i] == "circle"]
    wall(page, len(circles))
    page.locator("summary", has_text="score").click()
    page.get_by_label("score, at least").fill("0.5")
    page.keyboard.press("Enter")
    high = [i for i in circles if table["score"][i] >= 0.5]
    wall(page, len(high))
    assert unquote_plus(page.url).endswith("?filter=label=circle&filter=score>=0.5&sort=score&descending=1")
    page.locator("summary", has_text="Captions").click()
    page.get_by_role("checkbox", name="score").check()
    page.get_by_role("checkbox", name="time").check()
    tile = tiles(page).first
    expect(tile).to_contain_text(f"{table['time'][high[0]]:,}")  # whole numbers are not rounded
    assert float(tile.locator(".tile-line").first.inner_text()) == pytest.approx(table["score"][high[0]])
    page.reload()
    wall(page, len(high))
    assert names(page) == [table["ids"][i] for i in high]
    page.get_by_role("button", name="Remove: score ≥ 0.5").click()
    wall(page, len(circles))
    page.go_back()
    wall(page, len(high))
    page.get_by_role("button", name="Remove: label: circle").click()
    page.locator("summary", has_text="label").click()
    page.get_by_role("button", name=re.compile("^no value")).click()
    wall(page, sum(table["score"][i] >= 0.5 and table["label"][i] is None for i in range(40)))
    page.get_by_label("Search by").select_option("search")
    page.get_by_role("searchbox", name="Search").fill("nowhere")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Clear filters").click()
    wall(page, 40)


def test_a_bin_of_the_histogram_filters(open_page, table):
    page = open_page("/#/s/look/look")
    page.locator("summary", has_text="score").click()
    page.get_by_role("img", name="Histogram of score").locator(".bin").first.click()
    low, high = sorted(float(each) for each in re.findall(r"score[<>]=?([\d.]+)", unquote_plus(page.url)))
    wall(page, sum(low <= each < high for each in table["score"]))


def test_a_dialog_has_the_focus_before_the_next_key_is_handled(open_page, table):
    page = open_page("/#/s/look/look")
    wall(page, 40).focus()
    page.keyboard.press("Space")
    focused = """async (button) => {
        button.click();
        for (let turn = 0; turn < 8; turn++) await null; // no other event is handled between these turns
        return document.activeElement.tagName;
    }"""
    assert page.get_by_role("button", name="Save as a column …").evaluate(focused) == "INPUT"


def test_by_keyboard_alone_items_are_selected_saved_and_opened(open_page, client, table):
    page = open_page("/#/s/look/look")
    wall(page, 40).focus()
    page.keyboard.press("End")
    assert active(page) == table["ids"][39]
    page.keyboard.press("Home")
    for key in ("ArrowRight", "ArrowDown", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    assert active(page) == table["ids"][2]
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("Picked")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved as the column selection:Picked")).to_be_visible()
    saved = client.get("/v1/studies/look/items", params={"filter": "selection:Picked=yes"}).json()
    assert [each["id"] for each in saved["data"]] == table["ids"][2:5]
    page.get_by_role("button", name="Only these").press("Enter")
    wall(page, 3).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=table["ids"][3])).to_be_visible()
    expect(page.get_by_text("2 of 3")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name=table["ids"][4])).to_be_visible()
    expect(page.get_by_role("link", name="Next item")).to_have_count(0)
    page.keyboard.press("Escape")
    wall(page, 3).focus()
    page.keyboard.press("Escape")
    expect(page.get_by_text("3 selected")).to_have_count(0)
    page.locator("summary", has_text="selection:Picked").click()
    page.get_by_role("button", name="Delete the column").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("summary", has_text="selection:Picked")).to_have_count(0)
    assert "selection:Picked" not in client.get("/v1/studies/look").json()["columns"]


def test_by_mouse_a_band_a_tick_and_shift_select(open_page, table):
    page = open_page("/#/s/look/look")
    wall(page, 40)
    found = tiles(page)
    columns = sum(found.nth(i).bounding_box()["y"] == found.first.bounding_box()["y"] for i in range(12))
    first, last = found.first.bounding_box(), found.nth(columns + 1).bounding_box()
    page.mouse.move(first["x"] + 50, first["y"] + 50)
    page.mouse.down()
    page.mouse.move(last["x"] + 30, last["y"] + 30, steps=5)
    page.mouse.up()
    expect(page.get_by_text("4 selected")).to_be_visible()
    found.nth(columns + 3).click(modifiers=["Shift"])
    found.nth(0).click()  # while some are selected, a click selects
    chosen = page.locator('[role=option][aria-selected="true"]')
    picked = [each.get_attribute("title") for each in chosen.all()]
    assert table["ids"][columns + 3] in picked
    assert table["ids"][0] not in picked
    page.get_by_role("button", name="Clear").click()
    found.nth(1).click()
    expect(page.get_by_role("heading", name=table["ids"][1])).to_be_visible()
    page.get_by_role("link", name="Back to the wall").click()
    wall(page, 40)
    assert active(page) == table["ids"][1]


def assert_begins(page: Page, order: list[str]) -> None:
    """The tiles that exist are the first of an order of similarity."""
    expect(tiles(page).first).to_have_attribute("title", order[0])
    expect(tiles(page).first).to_contain_text("cosine")
    shown = names(page)
    assert len(shown) > 20
    assert shown == order[: len(shown)]


def test_search_by_words_a_picture_and_an_item(open_page, client, table, tmp_path: Path):
    def found(query):
        answer = client.post("/v1/studies/look/search", json={"query": query, "k": 100}).json()
        return [each["id"] for each in answer["data"]], answer["data"][0]["cosine"]

    page = open_page("/#/s/look/look")
    page.get_by_role("searchbox", name="Search").fill("a red circle")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Similar to “a red circle”")).to_be_visible()
    order, cosine = found({"text": "a red circle"})
    expect(tiles(page).first).to_have_attribute("title", order[0])
    wall(page, 40)
    assert_begins(page, order)
    expect(tiles(page).first).to_contain_text(f"cosine {cosine:.3f}")
    wall(page).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("l")
    wall(page, 39)
    key = table["keys"][table["ids"].index(order[1])]
    assert_begins(page, found({"key": key})[0])
    picture = tmp_path / "blue.png"
    Image.new("RGB", (64, 64), (0, 0, 220)).save(picture)
    order, _ = found({"image": base64.b64encode(picture.read_bytes()).decode()})
    page.locator(".look-search input[type=file]").set_input_files(picture)
    expect(page.get_by_text("Similar to blue.png")).to_be_visible()
    wall(page, 40)
    assert_begins(page, order)
    page.get_by_role("button", name="Remove: Similar to blue.png").click()
    expect(tiles(page).first).to_have_attribute("title", table["ids"][0])
    dropped = page.evaluate_handle(
        """bytes => {const held = new DataTransfer();
        held.items.add(new File([Uint8Array.from(bytes)], "held.png", {type: "image/png"})); return held}""",
        list(picture.read_bytes()),
    )
    for event in ("dragover", "drop"):
        page.dispatch_event("body", event, {"dataTransfer": dropped})
    expect(page.get_by_text("Similar to held.png")).to_be_visible()
    wall(page, 40)
    assert_begins(page, order)
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("Drop it once more")


def test_embeddings_are_computed_from_the_page(open_page, client):
    looked_at.make(client, "plain")
    page = open_page("/#/s/plain/look")
    wall(page, 40)
    expect(page.get_by_role("button", name="By a picture …")).to_have_count(0)
    page.get_by_role("button", name="Compute embeddings").click()
    expect(page.get_by_role("button", name="By a picture …")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Compute embeddings, to search")).to_have_count(0)
    assert client.get("/v1/studies/plain/embeddings").json()["data"][0]["items"] == 40
    client.delete("/v1/studies/plain")


def test_an_item_has_its_columns_codes_and_similar_ones(open_page, client, table):
    book = {"variables": [{"name": "shape", "kind": "binary"}]}
    assert client.put("/v1/studies/look/codebook", json=book).is_success
    ids = table["ids"][1:2]
    asked = {"name": "first", "coders": ["anna"], "items": [{"id": id} for id in ids]}
    made = client.post("/v1/studies/look/assignments", json=asked)
    assert made.is_success, made.text
    token = {"authorization": f"Bearer {made.json()['tokens'][0]['token']}"}
    unit = client.get("/v1/coding/next", headers=token).json()["data"][0]["key"]
    client.put(f"/v1/coding/units/{unit}/codes", headers=token, json={"codes": {"shape": {"value": "yes"}}})
    page = open_page(f"/#/s/look/item/{table['keys'][1]}?sort=id&descending=1")
    expect(page.get_by_role("heading", name=ids[0])).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^score"))).to_contain_text(f"{table['score'][1]:.5g}")
    expect(page.get_by_role("row", name=re.compile("^shape"))).to_contain_text("anna")
    place = sorted(table["ids"], reverse=True).index(ids[0])
    expect(page.get_by_text(f"{place + 1} of 40")).to_be_visible()
    expect(page.locator(".item-similar li")).to_have_count(12)
    page.get_by_role("row", name=re.compile("^label")).get_by_role("link").click()
    wall(page, sum(each == table["label"][1] for each in table["label"]))
    client.delete("/v1/studies/look/assignments/first")


def test_pictures_are_blurred_until_they_are_wanted(open_page, table):
    page = open_page("/#/s/look/look")
    wall(page, 40)
    expect(page.locator(".tile canvas").first).to_have_attribute("width", "64")
    points = "canvas => canvas.getContext('2d').getImageData(0, 0, 64, 48).data.reduce((sum, each) => sum + each, 0)"
    assert page.locator(".tile canvas").first.evaluate(points) > 0
    assert page.locator(".tile img").count() == 0
    page.get_by_label("Blur", exact=True).select_option("none")
    expect(page.locator(".tile canvas")).to_have_count(0)
    loaded = "() => document.querySelector('.tile img')?.naturalWidth === 256"
    page.wait_for_function(loaded)
    tiles(page).first.click()
    expect(page.locator(".item-picture img:not(.blurred)")).to_be_visible()
    page.get_by_label("Blur", exact=True).select_option("picture")
    expect(page.locator(".item-picture img.blurred")).to_be_visible()


def test_texts_are_tiles_too(open_page, client):
    rows = np.random.default_rng(1).standard_normal((3, 8)).astype(np.float32)
    card = {"model": "m", "fingerprint": "f", "dimension": 8}
    assert client.put("/v1/collections/posts", json=card).is_success
    vectors = {"modality": "text", **card, "data": base64.b64encode(rows.tobytes()).decode()}
    sent = {"vectors": [vectors], "ids": ["a", "b", "c"], "texts": ["a protest <b>in</b> the rain", "a cat", "a dog"]}
    assert client.post("/v1/collections/posts/items", json=sent).is_success
    assert client.post("/v1/studies", json={"name": "posts", "collection": "posts"}).status_code == 201
    page = open_page("/#/s/posts/look")
    wall(page, 3)
    expect(tiles(page).first).to_contain_text("a protest <b>in</b> the rain")
    tiles(page).first.click()
    expect(page.locator(".item-text")).to_have_text("a protest <b>in</b> the rain")
    client.delete("/v1/studies/posts")
    client.delete("/v1/collections/posts")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_wall_and_an_item_have_no_faults_of_accessibility(open_page, table, scheme):
    page = open_page("/#/s/look/look?filter=score>=0.1&show=label")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    wall(page).focus()
    page.keyboard.press("Space")
    for name in ("score", "label"):
        page.locator(".filter summary", has_text=name).click()
    assert faults(page) == []
    page.get_by_role("button", name="Save as a column …").click()
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 420, "height": 800})
    wall(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    assert faults(page) == []
    page.goto(page.url.split("#")[0] + f"#/s/look/item/{table['keys'][0]}")
    expect(page.locator(".item-similar li")).to_have_count(12)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    assert faults(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})
    assert faults(page) == []
