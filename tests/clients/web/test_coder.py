"""The page of a coder: by keys alone, over a killed server, for all kinds of variables, pairs and adjudicators."""

import base64
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.clients.web import pictures
from tests.clients.web.accessibility import faults
from tests.clients.web.coding import BINARY, PATIENCE, assign, codes_of, done
from tests.clients.web.conftest import KEY
from tests.e2e import harness

ALL = {
    "title": "Protest",
    "instructions": "Look at the whole picture.",
    "variables": [
        {"name": "protest", "kind": "binary", "question": "Is this a protest?", "definition": "People in public.",
         "categories": [{"name": "yes", "examples": ["circle-0000.jpg"]}, {"name": "no"}]},
        {"name": "signs", "kind": "categorical", "multiple": True, "required": False,
         "categories": [{"name": "banner"}, {"name": "flag"}, {"name": "placard"}]},
        {"name": "place", "kind": "categorical", "categories": [{"name": f"place {i}"} for i in range(1, 13)]},
        {"name": "violence", "kind": "ordinal", "categories": [{"name": "none"}, {"name": "some"}, {"name": "much"}]},
        {"name": "crowd", "kind": "continuous", "low": 0, "high": 10, "step": 0.5},
        {"name": "remarks", "kind": "text"},
    ],
}  # fmt: skip


def open_link(context: BrowserContext, url: str, token: str) -> Page:
    """The page of a link, once its first picture is on the screen."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{url}/code#{token}")
    page.locator(".stage[aria-busy=false], .finished").first.wait_for()
    return page


def key_of(page: Page) -> str:
    """The address of the picture on the screen, which changes with the item."""
    return str(page.evaluate("document.querySelector('.frame img')?.src ?? ''"))


@pytest.mark.thorough
def test_two_coders_code_by_keyboard_and_a_kill_loses_nothing(context, browser, home, tmp_path: Path):
    pictures.write(tmp_path / "data" / "photos", 8)
    settings = {
        **{"DAGUERRE_API_KEYS": KEY, "DAGUERRE_DATA": str(tmp_path / "data"), "DAGUERRE_GRPC_PORT": "0"},
        "BENTOML_HOME": str(tmp_path / "bentoml"),
    }
    server = harness.launch(tmp_path, settings=settings).wait_ready()
    try:
        with server.client(headers={"authorization": f"Bearer {KEY}"}) as owner:
            tokens = assign(owner, "killed", sample={"design": "simple", "size": 8})
        anna, ben = (open_link(context, server.url, tokens[name]) for name in ("anna", "ben"))
        for i in range(3):
            for page, key in ((anna, "1"), (ben, "2" if i else "0")):  # at once: neither waits for the other
                page.keyboard.press(key)
            done(anna, i + 1, 8)
            done(ben, i + 1, 8)
        for process in server.processes():
            os.kill(process.pid, signal.SIGKILL)
        server.process.wait(10)
        shown = key_of(anna)
        anna.keyboard.press("2")
        told = anna.get_by_role("alert").filter(has_text="not saved yet")
        expect(told).to_be_visible()
        expect(anna.get_by_role("button", name="no", exact=True)).to_have_attribute("aria-pressed", "true")
        assert key_of(anna) == shown
        expect(anna.locator(".done")).to_contain_text("3 / 8")
        server = harness.launch(tmp_path, settings=settings, port=server.port).wait_ready()
        done(anna, 4, 8)  # tried again by itself
        expect(told).to_be_hidden()
        ben.close()
        other = browser.new_context()  # another browser, with the link alone
        ben = open_link(other, server.url, tokens["ben"])
        done(ben, 3, 8)
        for i in range(3, 8):
            ben.keyboard.press("1")
            if i < 7:
                done(ben, i + 1, 8)
        expect(ben.get_by_role("heading", name="All done")).to_be_visible()
        other.close()
        tag = anna.evaluate("location.hash")
        anna.close()
        anna = context.new_page()  # the same browser, without the token
        anna.goto(f"{server.url}/code{tag}")
        done(anna, 4, 8)
        anna.keyboard.press("1")
        done(anna, 5, 8)
        with server.client(headers={"authorization": f"Bearer {KEY}"}) as owner:
            codes = codes_of(owner, "killed")
            assert sorted(map(str, codes["anna"].values())) == ["no", *["yes"] * 4]
            assert sorted(map(str, codes["ben"].values())) == ["None", "no", "no", *["yes"] * 5]
    finally:
        server.stop()


def test_every_kind_of_variable_is_coded_by_keys(context, owner, workbench):
    tokens = assign(owner, "kinds", ALL, items=[{"id": "circle-0004.jpg"}, {"id": "square-0005.jpg"}])
    page = open_link(context, workbench.url, tokens["anna"])
    expect(page.get_by_text("Is this a protest?").first).to_be_visible()
    page.keyboard.press("1")  # protest: yes
    page.keyboard.press("3")  # signs: placard, which is not the last of them
    page.keyboard.press("1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Digit3")  # place 12
    page.keyboard.press("2")  # violence: some
    page.keyboard.press("ArrowRight")  # the slider, from the middle
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.type("a <b>fence</b>, u")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("unsure")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="place 12")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    done(page, 1, 2)
    page.keyboard.press("0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")  # place is missing
    expect(page.get_by_role("alert")).to_contain_text("needs an answer")
    for key in ("0", "3", "0"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="All done")).to_be_visible()
    codes = codes_of(owner, "kinds")["anna"]
    first = next(id for id in ("circle-0004.jpg", "square-0005.jpg") if codes[f"{id} protest"] == "yes")
    assert {name.split(" ", 1)[1]: value for name, value in codes.items() if name.startswith(first)} == {
        **{"protest": "yes", "signs": "banner; placard", "place": "place 12", "violence": "some", "crowd": 6.0},
        "remarks": "a <b>fence</b>, u",
    }
    assert "unsure" in owner.get("/v1/studies/kinds/codes").text
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Your codes")).to_be_visible()
    page.get_by_role("button", name="banner, placard").click()
    expect(page.get_by_role("button", name="placard")).to_have_attribute("aria-pressed", "true")
    owner.delete("/v1/studies/kinds")


def test_undo_going_back_and_passing_over(context, owner, workbench):
    tokens = assign(owner, "undone")
    page = open_link(context, workbench.url, tokens["anna"])
    first = page.locator(".frame img")
    expect(first).to_have_class("blurred")
    page.keyboard.down("v")
    expect(first).not_to_have_class("blurred")
    page.keyboard.up("v")
    expect(first).to_have_class("blurred")
    page.keyboard.press("b")
    expect(first).not_to_have_class("blurred")
    page.keyboard.press("1")
    done(page, 1, 6)
    page.keyboard.press("2")
    done(page, 2, 6)
    page.keyboard.press("u")  # what was saved last
    done(page, 1, 6)
    page.keyboard.press("u")
    done(page, 0, 6)
    page.keyboard.press("u")
    expect(page.get_by_role("alert")).to_contain_text("nothing to undo")
    passed = key_of(page)
    page.keyboard.press("ArrowRight")  # passed over
    page.wait_for_function("address => document.querySelector('.frame img')?.src !== address", arg=passed)
    done(page, 0, 6)
    for i in range(6):
        page.keyboard.press("1")  # it comes last
        done(page, i + 1, 6)
    expect(page.get_by_role("heading", name="All done")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="yes")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("as soon as the question is answered").uncheck()
    page.keyboard.press("2")
    page.keyboard.press("u")  # the change on the page
    expect(page.get_by_role("button", name="yes")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="All done")).to_be_visible()
    assert sorted(codes_of(owner, "undone")["anna"].values()) == ["no", *["yes"] * 5]
    owner.delete("/v1/studies/undone")


def test_answers_stay_on_the_page_while_the_network_is_gone(context, owner, workbench):
    tokens = assign(owner, "offline")
    page = open_link(context, workbench.url, tokens["anna"])
    context.set_offline(True)
    page.keyboard.press("2")
    expect(page.get_by_role("alert")).to_contain_text("not saved yet")
    expect(page.locator(".done")).to_contain_text("0 / 6")
    page.keyboard.press("1")  # answers can be changed meanwhile
    expect(page.get_by_role("button", name="yes")).to_have_attribute("aria-pressed", "true")
    assert "anna" not in codes_of(owner, "offline")
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name="Try now").click()
    expect(page.get_by_role("alert")).to_contain_text("not saved yet")
    context.set_offline(False)  # tried again by itself
    done(page, 1, 6)
    assert list(codes_of(owner, "offline")["anna"].values()) == ["yes"]
    owner.delete("/v1/studies/offline")


def test_pairs_are_shown_side_by_side(context, owner, workbench):
    book = {
        "variables": [{"name": "more crowded", "kind": "more", "ties": True}, {"name": "same place", "kind": "same"}]
    }
    ids = [f"circle-{i:04}.jpg" for i in range(0, 8, 2)]
    pairs = [{"a": ids[0], "b": ids[1]}, {"a": ids[2], "b": ids[3]}]
    tokens = assign(owner, "pairs", book, pairs=pairs, coders=["anna"])
    page = open_link(context, workbench.url, tokens["anna"])
    expect(page.locator(".frame img")).to_have_count(2)
    boxes = [page.locator(".stage figure").nth(i).bounding_box() for i in range(2)]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert faults(page) == []
    page.keyboard.press("3")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    done(page, 1, 2)
    page.keyboard.press("2")
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="All done")).to_be_visible()
    codes = sorted(map(str, codes_of(owner, "pairs")["anna"].values()))
    assert codes == ["None", "different", "equal", "second"]
    owner.delete("/v1/studies/pairs")


def test_an_adjudicator_decides_without_names(context, owner, workbench):
    ids = ["circle-0010.jpg", "square-0011.jpg", "circle-0012.jpg"]
    book = {"variables": [ALL["variables"][0], {**ALL["variables"][1], "required": True}]}
    tokens = assign(owner, "decided", book, items=[{"id": id} for id in ids], adjudicators=["eve"])
    answers = {"anna": ("yes", ["banner"]), "ben": ("no", ["flag", "banner"])}
    for name, (protest, signs) in answers.items():
        with workbench.client(headers={"authorization": f"Bearer {tokens[name]}"}) as coder:
            for unit in coder.get("/v1/coding/units").json()["data"]:
                codes = {"protest": {"value": protest}, "signs": {"value": signs}}
                assert coder.put(f"/v1/coding/units/{unit['key']}/codes", json={"codes": codes}).status_code == 200
    answered: list[str] = []
    context.on("response", lambda response: answered.append(response.text()) if "/v1/" in response.url and
               "pictures" not in response.url else None)  # fmt: skip
    page = open_link(context, workbench.url, tokens["eve"])
    expect(page.locator(".choice", has_text="given by 1 coder")).to_have_count(4)
    assert faults(page) == []
    page.keyboard.press("2")  # the second of the codes given: yes
    page.keyboard.press("1")  # signs: banner
    page.keyboard.press("Enter")
    done(page, 1, 3)
    page.keyboard.press("1")  # no
    page.keyboard.press("o")  # another answer than those given
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    done(page, 2, 3)
    page.keyboard.press("0")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing to decide")).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Your decisions")).to_be_visible()
    expect(page.locator(".unit")).to_have_count(3)
    page.locator(".unit", has_text="placard").click()
    expect(page.locator(".choice[aria-pressed=true]", has_text="no")).to_be_visible()
    decided = codes_of(owner, "decided")["eve"]
    assert sorted(map(str, decided.values())) == ["None", "banner", "banner; flag", "no", "placard", "yes"]
    assert not [text for text in answered if re.search(r"anna|ben\b|\.jpg", text)]
    owner.delete("/v1/studies/decided")


def test_the_page_of_a_coder_gets_nothing_of_others_and_its_cookie_opens_nothing_else(context, owner, workbench):
    tokens = assign(owner, "blind", {"variables": [ALL["variables"][0]]}, coders=["anna", "ben-with-a-name"])
    items = owner.get("/v1/studies/blind/items").json()["data"]
    columns = {"secret-score": [0.8125] * len(items)}
    owner.put("/v1/studies/blind/columns", json={"ids": [item["id"] for item in items], "columns": columns})
    with workbench.client(headers={"authorization": f"Bearer {tokens['ben-with-a-name']}"}) as ben:
        key = ben.get("/v1/coding/next").json()["data"][0]["key"]
        ben.put(f"/v1/coding/units/{key}/codes", json={"codes": {"protest": {"value": "no"}}})
    answers: list[str] = []
    context.on("response", lambda response: answers.append(f"{response.url} {response.text()}")
               if response.headers.get("content-type", "").startswith("application/json") else None)  # fmt: skip
    page = open_link(context, workbench.url, tokens["anna"])
    page.keyboard.press("d")
    expect(page.get_by_alt_text("Example: yes")).to_be_visible()
    page.keyboard.press("1")
    done(page, 1, 6)
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Your codes")).to_be_visible()
    assert len(answers) >= 4
    found = [each for each in answers if re.search(r"ben-with|secret|0\.8125|\.jpg|circle-|inclusion|stratum", each)]
    assert found == []
    (cookie,) = context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert tokens["anna"] not in page.url
    kept = page.evaluate("JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}, history.state])")
    assert tokens["anna"] not in kept
    page.go_back()  # the page before: the token is not in the history either
    assert tokens["anna"] not in page.url
    statuses = [
        context.request.get(f"{workbench.url}/v1/{path}", headers={"daguerre-coder": cookie["name"][-8:]}).status
        for path in ("studies", "studies/blind/codes", "studies/blind/items", "models", "coding")
    ]
    assert statuses == [401, 401, 401, 401, 200]
    owner.delete("/v1/studies/blind")


def test_what_was_begun_stays_until_the_session_is_ended(context, owner, workbench):
    tokens = assign(owner, "begun", {"variables": [ALL["variables"][0], ALL["variables"][3]]})
    page = open_link(context, workbench.url, tokens["anna"])
    page.keyboard.press("1")
    page.keyboard.press("n")
    page.keyboard.type("unsure")
    page.close()
    page = open_link(context, workbench.url, tokens["anna"])
    expect(page.get_by_role("alert")).to_contain_text("not saved yet")
    expect(page.get_by_role("button", name="yes")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#note")).to_have_value("unsure")
    picture = page.locator(".frame img")
    picture.dispatch_event("pointerdown", {"pointerType": "touch"})
    expect(picture).not_to_have_class("blurred")
    picture.dispatch_event("pointerup", {"pointerType": "touch"})
    expect(picture).to_have_class("blurred")
    page.get_by_role("button", name="End session").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("will be lost")
    dialog.get_by_role("button", name="End session").click()
    expect(page.get_by_role("heading", name="The session has ended")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    expect(page.get_by_role("heading", name="This link is not valid")).to_be_visible()
    page = open_link(context, workbench.url, tokens["anna"])  # which is valid still
    expect(page.get_by_role("button", name="yes")).to_have_attribute("aria-pressed", "false")
    owner.delete("/v1/studies/begun")


def test_links_that_are_wrong_or_were_taken_back(context, owner, workbench):
    page = context.new_page()
    page.goto(f"{workbench.url}/code")
    expect(page.get_by_text("Open the link")).to_be_visible()
    page.goto(f"{workbench.url}/code#daguerre-coder_00112233445566778899aabbccddeeff_wrong")
    expect(page.get_by_role("heading", name="This link is not valid")).to_be_visible()
    assert faults(page) == []
    tokens = assign(owner, "revoked")
    page = open_link(context, workbench.url, tokens["anna"])
    owner.delete("/v1/studies/revoked/assignments/first/coders/anna")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="This link is not valid")).to_be_visible()
    owner.delete("/v1/studies/revoked")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_coder_has_no_faults_of_accessibility(context, owner, workbench, scheme):
    tokens = assign(owner, "seen", ALL, items=[{"id": "circle-0004.jpg"}])
    page = open_link(context, workbench.url, tokens["anna"])
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.keyboard.press("1")
    page.keyboard.press("d")
    for width in (1280, 900, 420):
        page.set_viewport_size({"width": width, "height": 850})
        page.wait_for_timeout(100)
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".frame img").bounding_box()["height"] > 200
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Your codes")).to_be_visible()
    assert faults(page) == []
    owner.delete("/v1/studies/seen")


def test_texts_of_a_collection_are_coded(context, owner, workbench):
    of = {"model": "other-model", "fingerprint": "other", "dimension": 2}
    owner.put("/v1/collections/posts", json={**of, "fields": {}}).raise_for_status()
    data = base64.b64encode(np.eye(2, dtype=np.float32).tobytes()).decode()
    texts = ["a <b>protest</b>\nin the rain", "a cat on a sofa"]
    sent = {"vectors": [{**of, "modality": "text", "data": data}], "ids": ["a", "b"], "texts": texts}
    owner.post("/v1/collections/posts/items", json=sent).raise_for_status()
    owner.post("/v1/studies", json={"name": "posts", "collection": "posts"}).raise_for_status()
    owner.put("/v1/studies/posts/codebook", json=BINARY)
    body = {"name": "first", "items": [{"id": "a"}, {"id": "b"}], "coders": ["anna"]}
    token = owner.post("/v1/studies/posts/assignments", json=body).json()["tokens"][0]["token"]
    page = open_link(context, workbench.url, token)
    assert faults(page) == []
    for i in range(2):
        shown = page.locator(".stage .text").inner_text()
        assert shown in texts
        page.keyboard.press("1" if "protest" in shown else "2")
        done(page, i + 1, 2)
    expect(page.get_by_role("heading", name="All done")).to_be_visible()
    assert codes_of(owner, "posts")["anna"] == {"a protest": "yes", "b protest": "no"}
    owner.delete("/v1/studies/posts")
    owner.delete("/v1/collections/posts")
