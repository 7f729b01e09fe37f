"""From codes to a trained classifier, predictions, a corrected share and files, without a line of code."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.clients.web.accessibility import faults
from tests.clients.web.analysed import code, embed


@pytest.fixture
def study(owner):
    owner.delete("/v1/studies/resulted")
    code(owner, "resulted")
    embed(owner, "resulted")
    yield "/v1/studies/resulted"
    owner.delete("/v1/studies/resulted")
    owner.delete("/v1/classifiers/circle")


def saved(page: Page, link: Locator) -> bytes:
    """The content of a file that a link saves."""
    with page.expect_download() as download:
        link.click()
    return Path(download.value.path()).read_bytes()


def test_codes_become_a_classifier_predictions_a_corrected_share_and_files(open_page, owner, study):
    items = owner.get(f"{study}/items", params={"limit": 100}).json()["data"]
    halves = ["a" if i % 2 else "b" for i in range(len(items))]
    owner.put(f"{study}/columns", json={"ids": [item["id"] for item in items], "columns": {"half": halves}})
    page = open_page("/#/s/resulted/results")
    train = page.get_by_role("region", name="1. Train", exact=True)
    expect(train.get_by_label("Name of the classifier")).to_have_value("circle")
    page.keyboard.press("Tab")
    train.get_by_role("button", name="Train").focus()
    page.keyboard.press("Enter")
    expect(train.get_by_role("heading", name="Figures of circle@1")).to_be_visible(timeout=240_000)
    report = owner.get("/v1/classifiers/circle").json()["report"]["cross_validated"]["figures"]
    accuracy = train.get_by_role("row", name="Accuracy").first
    expect(accuracy).to_contain_text(f"{report['accuracy']['value']:.3g}")
    predict = page.get_by_role("region", name="2. Predict")
    predict.get_by_role("button", name="Predict 40 items").click()
    expect(predict.get_by_role("status")).to_contain_text("40 items have a value in the column “circle”")
    estimate = page.get_by_role("region", name="3. Estimate", exact=True)
    estimate.get_by_label("Separately by").select_option("half")
    estimate.get_by_role("button", name="Estimate").click()
    table = estimate.get_by_role("table", name="Estimates")
    expect(table.get_by_role("row")).to_have_count(4)
    asked = {"variable": "circle", "classifier": "circle", "by": ["half"]}
    mean = owner.post(f"{study}/estimates", json=asked).json()["estimates"][0]["mean"]
    row = table.get_by_role("row", name="yes").first
    for value in (mean["corrected"]["value"], mean["corrected"]["low"], mean["corrected"]["high"], mean["naive"]):
        expect(row).to_contain_text(f"{round(100 * value, 1):g}%")
    expect(estimate.get_by_role("img")).to_have_accessible_name(re.compile("^Corrected shares"))
    assert estimate.locator("svg circle").count() == 3

    files = page.get_by_role("region", name="Files")
    with zipfile.ZipFile(io.BytesIO(saved(page, files.get_by_role("link", name="Whole study")))) as archive:
        assert {"runs.json", "items.csv", "codes/first-circle-final.csv"} <= set(archive.namelist())
    final = saved(page, files.get_by_role("link", name="Final codes")).decode().splitlines()
    assert (final[0].split(",")[:2], len(final)) == (["id", "target"], 31)
    assert len(json.loads(saved(page, files.get_by_role("link", name="Label Studio")))) == 30
    book = json.loads(saved(page, files.get_by_role("button", name="Codebook")))
    assert owner.put(f"{study}/codebook", json=book).json()["version"] == 1


def test_a_study_without_codes_leads_to_coding(open_page, owner):
    owner.delete("/v1/studies/uncoded")
    owner.post("/v1/studies", json={"name": "uncoded", "folder": "photos"})
    page = open_page("/#/s/uncoded/results")
    expect(page.get_by_role("status")).to_contain_text("There are no codes yet")
    expect(page.get_by_role("link", name="Make a codebook")).to_have_attribute("href", "#/s/uncoded/code")
    owner.delete("/v1/studies/uncoded")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_faults_of_accessibility(open_page, owner, study, scheme):
    items = owner.get(f"{study}/items", params={"limit": 100}).json()["data"]
    guesses = ["yes" if item["id"].startswith("circle") else "no" for item in items]
    owner.put(f"{study}/columns", json={"ids": [item["id"] for item in items], "columns": {"guess": guesses}})
    page = open_page("/#/s/resulted/results")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.get_by_label("Predictions").select_option("column guess")
    page.get_by_role("button", name="Estimate").click()
    expect(page.get_by_role("table", name="Estimates")).to_be_visible()
    page.mouse.move(2, 2)
    assert faults(page) == []
    page.set_viewport_size({"width": 420, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
