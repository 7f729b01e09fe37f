"""Signing in, and the list of studies: made from dropped pictures, a folder, and deleted."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.clients.web import pictures
from tests.clients.web.accessibility import faults
from tests.clients.web.conftest import KEY


def test_the_key_is_exchanged_for_a_cookie_that_scripts_cannot_read(open_page, context):
    page = open_page(key=None)
    page.get_by_label("API key").fill("another-key")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not known to the server")
    page.get_by_label("API key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Studies")).to_be_visible()
    (cookie,) = context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["name"]) == (True, "Strict", "daguerre_session")
    assert KEY not in cookie["value"]
    assert page.evaluate("document.cookie + JSON.stringify({...localStorage, ...sessionStorage})") == "{}"
    page.reload()
    expect(page.get_by_role("heading", name="Studies")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert context.cookies() == []


def test_a_study_of_sent_pictures_is_made_and_deleted(open_page, owner, tmp_path: Path):
    names = pictures.write(tmp_path, 35)
    (tmp_path / "notes.jpg").write_text("no picture")
    page = open_page()
    page.get_by_role("button", name="New study").click()
    page.get_by_label("Name", exact=True).fill("sent")
    page.get_by_label("Title").fill("Circles & <squares>")
    page.locator("input[type=file]").set_input_files([tmp_path / name for name in [*names, "notes.jpg"]])
    page.get_by_role("button", name="Make the study").click()
    expect(page.get_by_role("alert")).to_contain_text("notes.jpg")
    items = owner.get("/v1/studies/sent/items").json()
    assert sorted(item["id"] for item in items["data"]) == sorted(names)
    page.get_by_role("button", name="Open the study").click()
    expect(page).to_have_url(re.compile("#/s/sent/look$"))
    expect(page.get_by_role("heading", name="Circles & <squares>")).to_be_visible()
    page.get_by_role("link", name="Daguerre").click()
    page.get_by_role("button", name="Delete the study: sent").click()
    remove = page.get_by_role("dialog").get_by_role("button", name="Delete")
    expect(remove).to_be_disabled()
    page.get_by_label("Type sent to confirm").fill("sent")
    remove.click()
    expect(page.get_by_role("status")).to_contain_text("sent is deleted: 35 items, 35 pictures, 0 codes.")
    assert owner.get("/v1/studies/sent").status_code == 404


def test_a_study_of_a_folder_of_the_server(open_page, owner):
    page = open_page()
    page.get_by_role("button", name="New study").click()
    page.get_by_label("Name", exact=True).fill("of-a-folder")
    page.get_by_label("A folder on the server").check()
    page.get_by_label("Folder", exact=True).fill("nowhere")
    page.get_by_role("button", name="Make the study").click()
    expect(page.get_by_role("alert")).to_contain_text("nowhere")
    page.get_by_label("Folder", exact=True).fill("photos")
    page.get_by_role("button", name="Make the study").click()
    expect(page).to_have_url(re.compile("#/s/of-a-folder/look$"))
    assert owner.get("/v1/studies/of-a-folder").json()["items"] == 40
    owner.delete("/v1/studies/of-a-folder")


def test_the_navigation_can_be_skipped_by_keyboard(open_page, owner):
    owner.post("/v1/studies", json={"name": "skipped", "folder": "photos"})
    page = open_page("/#/s/skipped/look")
    expect(page.locator("#content")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    assert page.url.endswith("#/s/skipped/look")
    owner.delete("/v1/studies/skipped")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_of_studies_has_no_faults_of_accessibility(open_page, owner, scheme):
    owner.post("/v1/studies", json={"name": "listed", "title": "A study"})
    page = open_page()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    expect(page.get_by_role("heading", name="A study")).to_be_visible()
    assert faults(page) == []
    page.set_viewport_size({"width": 420, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    page.get_by_role("button", name="New study").click()
    assert faults(page) == []
    owner.delete("/v1/studies/listed")
