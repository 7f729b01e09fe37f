"""Labels are tried as they are typed, and all items are labelled, clustered and searched for duplicates."""

import re

import pytest
from playwright.sync_api import expect

from tests.clients.web.accessibility import faults
from tests.clients.web.analysed import embed


@pytest.fixture
def study(owner):
    owner.delete("/v1/studies/tried")
    owner.post("/v1/studies", json={"name": "tried", "folder": "photos"})
    yield "/v1/studies/tried"
    owner.delete("/v1/studies/tried")


def test_labels_are_scored_as_they_are_typed_before_anything_is_embedded(open_page, owner, study):
    page = open_page("/#/s/tried/try")
    expect(page.get_by_text("Type two labels or more.")).to_be_visible()
    page.get_by_role("textbox", name="Labels").fill("a circle")
    page.get_by_role("textbox", name="Labels").press_sequentially(", a square")
    table = page.get_by_role("table", name="Scores by picture and variant")
    expect(table.get_by_role("row")).to_have_count(7)
    variant = {"labels": ["a circle", "a square"]}
    asked = {"variants": [variant], "size": 6, "seed": 0}
    scores = owner.post(f"{study}/zero-shot/preview", json=asked).json()
    first = scores["variants"][0]["data"][0]
    cells = table.get_by_role("row").nth(1).locator(".bars li")
    expect(cells.first).to_contain_text(first["label"])
    expect(cells.first.locator(".value")).to_have_text(f"{max(first['scores']):.2g}")
    page.get_by_role("button", name="Add a variant").click()
    second = page.get_by_role("group", name="Variant 2")
    second.get_by_text("Templates and options").click()
    second.get_by_label("Template", exact=True).select_option("label")
    expect(table.get_by_role("columnheader")).to_have_count(3)
    expect(table.get_by_role("columnheader").nth(2)).to_contain_text("{}")
    before = table.get_by_role("rowheader").all_inner_texts()
    page.get_by_role("button", name="Other pictures").click()
    expect(table.get_by_role("rowheader").first).not_to_have_text(before[0])
    page.get_by_role("button", name="Remove variant 1").click()
    expect(table.get_by_role("columnheader")).to_have_count(2)
    expect(page.get_by_role("button", name="Label 40 items")).to_be_disabled()
    assert owner.get(f"{study}/runs").json()["data"] == []  # nothing is kept


def test_all_items_are_labelled_clustered_and_searched_for_duplicates(open_page, owner, study):
    embed(owner, "tried")
    page = open_page("/#/s/tried/try")
    page.get_by_role("textbox", name="Labels").fill("a red picture\na blue picture")
    page.get_by_role("button", name="Label 40 items").click()
    labels = page.get_by_role("region", name="Label all")
    expect(labels.get_by_role("status")).to_contain_text("40 items have a value in the column “label”")
    (run,) = owner.get(f"{study}/runs").json()["data"]
    for label, n in run["result"]["counts"].items():
        assert owner.get(f"{study}/items", params={"filter": f"label={label}"}).json()["total"] == n
        expect(labels.get_by_role("listitem").filter(has_text=label)).to_contain_text(str(n))
    clusters = page.get_by_role("region", name="Clusters")
    clusters.get_by_label("Method").select_option("kmeans")
    clusters.get_by_label("Clusters").fill("2")
    clusters.get_by_role("button", name="Cluster").click()
    expect(clusters.get_by_role("status").last).to_contain_text("2 clusters", timeout=240_000)
    report = clusters.get_by_role("link", name="Open the report").get_attribute("href")
    assert owner.get(f"/{report}").status_code == 200
    duplicates = page.get_by_role("region", name="Duplicates")
    duplicates.get_by_role("button", name="Find duplicates").click()
    expect(duplicates.get_by_role("status").last).to_contain_text("could go.", timeout=240_000)
    assert {"label", "cluster", "duplicate_kept"} <= owner.get(study).json()["columns"].keys()
    labels.get_by_role("link", name="a red picture").click()
    expect(page).to_have_url(re.compile(re.escape("#/s/tried/look?filter=label%3Da+red+picture") + "$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_faults_of_accessibility(open_page, study, scheme):
    page = open_page("/#/s/tried/try")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.get_by_role("textbox", name="Labels").fill("a circle\na square")
    page.get_by_text("Templates and options").click()
    expect(page.get_by_role("table", name="Scores by picture and variant")).to_be_visible()
    assert faults(page) == []
    page.set_viewport_size({"width": 420, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    assert faults(page) == []
