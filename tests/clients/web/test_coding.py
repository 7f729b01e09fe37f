"""The owner's page "Code": a codebook, an assignment with its links, and what comes of the coding."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.clients.web.accessibility import faults
from tests.clients.web.coding import PATIENCE, assign, codes_of

CATEGORIES = {
    "variables": [
        {"name": "protest", "kind": "binary"},
        {
            "name": "signs",
            "kind": "categorical",
            "multiple": True,
            "categories": [{"name": "banner"}, {"name": "flag"}],
        },
    ]
}


def saved(page, button):
    """The content of the file that a button gives to be saved, and its name."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).click()
    return download.value.path().read_text(), download.value.suggested_filename


def test_a_codebook_is_written_saved_as_versions_and_exchanged(open_page, owner, tmp_path):
    owner.delete("/v1/studies/book")
    owner.post("/v1/studies", json={"name": "book", "folder": "photos"})
    page = open_page("/#/s/book/code")
    page.set_default_timeout(PATIENCE)
    page.get_by_label("Title of the codebook").fill("Protest")
    page.get_by_role("button", name="Add a variable").click()
    page.get_by_label("Name", exact=True).fill("violence")
    page.get_by_label("Kind").select_option("ordinal")
    page.get_by_label("Question that coders read").fill("How violent is <it>?")
    page.get_by_role("button", name="Save the codebook").click()  # the categories have no names yet
    expect(page.get_by_role("alert")).to_contain_text("categories")
    for i, name in enumerate(("none", "some")):
        page.get_by_label("Category", exact=True).nth(i).fill(name)
    page.get_by_role("button", name="Move down: none").click()
    page.get_by_role("button", name="Add an example: violence").click()
    page.get_by_label("Part of the item's id").fill("square-0003")
    page.get_by_role("button", name="square-0003.jpg").click()
    page.get_by_role("button", name="Add a variable").click()
    page.get_by_label("Name", exact=True).nth(1).fill("crowd")
    page.get_by_label("Kind").nth(1).select_option("continuous")
    page.get_by_label("Highest number").fill("10")
    page.get_by_role("button", name="Save the codebook").click()
    expect(page.get_by_role("status").filter(has_text="Version 1 is saved.")).to_be_visible()
    book = owner.get("/v1/studies/book/codebook").json()["codebook"]
    violence, crowd = book["variables"]
    assert [each["name"] for each in violence["categories"]] == ["some", "none"]
    assert (violence["question"], violence["examples"]) == ("How violent is <it>?", ["square-0003.jpg"])
    assert (crowd["kind"], crowd["low"], crowd["high"], crowd["required"]) == ("continuous", 0, 10, None)
    as_json, name = saved(page, "JSON")
    assert name == "book-codebook.json"
    as_yaml, _ = saved(page, "YAML")
    assert json.loads(as_json)["variables"][0]["categories"] == [{"name": "some"}, {"name": "none"}]
    assert "- name: some\n" in as_yaml
    changed = tmp_path / "changed.yaml"
    changed.write_text(as_yaml.replace("name: crowd", "name: 'crowd: yes'").replace("crowd: yes", "crowd size"))
    page.locator("input[type=file]").set_input_files(changed)
    expect(page.get_by_role("heading", name="crowd size")).to_be_visible()
    (tmp_path / "no.json").write_text("[1]")
    page.locator("input[type=file]").set_input_files(tmp_path / "no.json")
    expect(page.get_by_role("alert")).to_contain_text("no.json is no codebook")
    page.get_by_role("button", name="Save the codebook").click()
    expect(page.get_by_role("status").filter(has_text="is saved.")).to_be_visible()
    names = [each["name"] for each in owner.get("/v1/studies/book/codebook").json()["codebook"]["variables"]]
    assert names == ["violence", "crowd size"]
    owner.delete("/v1/studies/book")


def test_an_assignment_is_drawn_and_its_links_are_shown_once(open_page, owner, workbench, browser):
    owner.delete("/v1/studies/drawn")
    owner.post("/v1/studies", json={"name": "drawn", "folder": "photos"})
    owner.put("/v1/studies/drawn/codebook", json=CATEGORIES)
    ids = [item["id"] for item in owner.get("/v1/studies/drawn/items").json()["data"]]
    shape = [id.partition("-")[0] for id in ids]
    owner.put(
        "/v1/studies/drawn/columns",
        json={"ids": ids, "columns": {"shape": shape, "score": [i / 40 for i in range(40)]}},
    )
    page = open_page("/#/s/drawn/code")
    page.set_default_timeout(PATIENCE)
    page.get_by_role("link", name="New assignment").click()
    page.get_by_label("Which items").select_option("stratified")
    page.get_by_label("Number of items").fill("10")
    page.get_by_label("Column of the strata").select_option("shape")
    page.get_by_label("Items of each stratum").select_option("equal")
    page.get_by_label("Coders", exact=True).fill("anna, ben; cem")
    page.get_by_label("Adjudicators").fill("anna")
    page.get_by_label("Coders of each item").fill("2")
    page.get_by_role("button", name="Make the assignment").click()
    expect(page.get_by_role("alert")).to_contain_text("anna")  # twice
    page.get_by_label("Adjudicators").fill("eve")
    page.get_by_role("button", name="Make the assignment").click()
    expect(page.get_by_role("heading", name="Links of the people")).to_be_visible()
    links = page.locator("code").all_inner_texts()
    assert len(links) == 4
    as_csv, name = saved(page, "Save as CSV")
    assert name == "drawn-first-links.csv"
    assert as_csv.splitlines()[1] == f"anna,coder,{links[0]}"
    (card,) = owner.get("/v1/studies/drawn/assignments").json()["data"]
    assert (card["design"], card["units"], card["overlap"]) == ("stratified", 10, 2)
    page.get_by_role("link", name="To the assignment").click()
    expect(page.get_by_role("row", name="anna")).to_be_visible()
    assert not page.get_by_text("daguerre-coder_").count()
    other = browser.new_context()
    coder = other.new_page()
    coder.goto(links[0])
    expect(coder.locator(".stage[aria-busy=false]")).to_be_visible()
    page.get_by_role("button", name="New link: anna").click()
    page.get_by_role("dialog").get_by_role("button", name="New link").click()
    fresh = page.locator("code").inner_text()
    assert fresh not in links
    page.get_by_role("button", name="Take the link back: ben").click()
    page.get_by_role("dialog").get_by_role("button", name="Take the link back").click()
    expect(page.get_by_role("row", name="ben")).to_contain_text("no link")
    coder.keyboard.press("1")
    coder.keyboard.press("1")
    coder.keyboard.press("Enter")
    expect(coder.get_by_role("heading", name="This link is not valid")).to_be_visible()
    other.close()
    page.goto(f"{workbench.url}/#/s/drawn/code/new?filter=score%3E%3D0.9")
    page.get_by_label("Name of the assignment").fill("chosen")
    page.get_by_label("Coders", exact=True).fill("anna")
    page.get_by_label("Column", exact=True).select_option("shape")
    page.get_by_label("Value").select_option(shape[-1])
    page.get_by_role("button", name="Add the condition").click()
    page.get_by_role("button", name="Make the assignment").click()
    expect(page.get_by_role("heading", name="Links of the people")).to_be_visible()
    chosen = owner.get("/v1/studies/drawn/assignments").json()["data"][1]
    assert (chosen["name"], chosen["design"], chosen["units"], chosen["fit_for_inference"]) == (
        "chosen",
        "given",
        shape[-4:].count(shape[-1]),
        False,
    )
    owner.delete("/v1/studies/drawn")


def code(workbench, token: str, value: str, signs: list[str]) -> None:
    headers = {"authorization": f"Bearer {token}"}
    with workbench.client(headers=headers) as coder:
        for i, unit in enumerate(coder.get("/v1/coding/units").json()["data"]):
            codes = {"protest": {"value": value if int(unit["key"], 16) % 2 else "yes"}, "signs": {"value": signs}}
            coder.put(f"/v1/coding/units/{unit['key']}/codes", json={"codes": codes, "note": f"{i}"}).raise_for_status()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_progress_agreement_and_files_of_an_assignment(open_page, owner, workbench, scheme, tmp_path):
    tokens = assign(owner, "followed", CATEGORIES, sample={"design": "simple", "size": 8}, adjudicators=["eve"])
    page = open_page("/#/s/followed/code/assignment/first")
    page.set_default_timeout(PATIENCE)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    expect(page.get_by_text("0 of 8 are coded by all")).to_be_visible()
    code(workbench, tokens["anna"], "yes", ["banner"])
    code(workbench, tokens["ben"], "no", ["flag", "banner"])
    expect(page.get_by_text("8 of 8 are coded by all")).to_be_visible()  # without being asked
    expect(page.get_by_role("row", name=re.compile("^protest"))).to_contain_text("%")
    for category in ("banner", "flag"):
        expect(page.get_by_role("row", name=re.compile(f"^signs {category}"))).to_contain_text("%")
    differing = owner.get("/v1/studies/followed/assignments/first/disagreements").json()
    expect(page.locator(".differing > li")).to_have_count(min(12, differing["total"]))
    expect(page.locator(".differing img").first).to_have_class("blurred")
    agreed = owner.get("/v1/studies/followed/agreement", params={"variable": "protest"}).json()["percent"]["value"]
    expect(page.get_by_role("row", name=re.compile("^protest"))).to_contain_text(f"{int(100 * agreed + 0.5)}%")
    long, name = saved(page, "All codes (CSV)")
    assert name == "followed-first-long.csv"
    assert long == owner.get("/v1/studies/followed/codes", params={"format": "csv", "adjudicators": True}).text
    wide, _ = saved(page, "By coder (CSV)")
    assert wide.splitlines()[0] == "id,inclusion_prob,anna,ben"
    final, name = saved(page, "Final codes (CSV)")
    assert name == "followed-first-protest-final.csv"
    assert final.startswith("id,target,rule")
    tasks, _ = saved(page, "Label Studio (JSON)")
    (tmp_path / "tasks.json").write_text(tasks)
    before = codes_of(owner, "followed")
    page.locator("input[type=file]").set_input_files(tmp_path / "tasks.json")
    expect(page.get_by_text("0 codes were added, 32 were there already.")).to_be_visible()
    assert codes_of(owner, "followed") == before
    for width in (1280, 420):
        page.set_viewport_size({"width": width, "height": 850})
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    for part in ("codebook", "new", "assignments"):
        page.goto(f"{workbench.url}/#/s/followed/code/{part}")
        page.get_by_role("heading", level=1).wait_for()
        expect(page.locator(".card").first).to_be_visible()
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
    owner.delete("/v1/studies/followed")
