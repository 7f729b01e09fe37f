"""A labeller applies the codebook to a study: plan, confirmation, job, columns, and the corrected share."""

import os
import re

import pytest
from playwright.sync_api import expect

from tests.clients.web.accessibility import faults
from tests.clients.web.analysed import code


@pytest.fixture
def study(owner):
    owner.delete("/v1/studies/asked")
    owner.post("/v1/studies", json={"name": "asked", "folder": "photos"})
    yield "/v1/studies/asked"
    owner.delete("/v1/studies/asked")


def test_nothing_is_sent_before_the_plan_is_confirmed_and_labels_become_columns(open_page, owner, study, endpoint):
    code(owner, "asked", size=20)
    endpoint.asked.clear()
    page = open_page("/#/s/asked/try")
    card = page.get_by_role("region", name="Label by the codebook")
    expect(card).to_contain_text("go to 127.0.0.1")
    card.get_by_role("button", name="Show the plan").click()
    expect(card).to_contain_text("40 requests")
    start = card.get_by_role("button", name="Label 40 items")
    expect(start).to_be_disabled()
    assert not endpoint.asked
    card.get_by_text("The exact prompt").click()
    expect(card.get_by_text("You code items for a scientific study")).to_be_visible()
    assert faults(page) == []
    shot(page, "plan")
    card.get_by_label(re.compile("Send 40 items to 127.0.0.1")).check()
    start.click()
    expect(card.get_by_text("40 items have labels by qwen")).to_be_visible(timeout=60_000)
    assert len(endpoint.asked) == 40
    runs = owner.get(f"{study}/runs").json()["data"]
    (run,) = [each for each in runs if each["operation"] == "labels"]
    expect(card.get_by_role("listitem").filter(has_text="yes")).to_contain_text(str(run["result"]["counts"]["yes"]))
    assert faults(page) == []
    shot(page, "done")
    page.set_viewport_size({"width": 420, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    shot(page, "phone")
    card.get_by_role("link", name="Correct their shares by the codes of people").click()
    results = page.get_by_role("region", name="Share in the corpus").or_(page.get_by_role("main"))
    results.get_by_label("Predictions").select_option("column qwen:circle")
    results.get_by_role("button", name=re.compile("^Estimate")).click()
    expect(results.get_by_text(re.compile("40 items"))).to_be_visible(timeout=30_000)
    estimate = owner.post(f"{study}/estimates", json={"predictions": [{"column": "qwen:circle"}]})
    assert estimate.status_code == 200, estimate.text
    assert estimate.json()["n"] == 40


def shot(page, name):
    """A picture of the page for people, where DAGUERRE_SHOTS names a folder."""
    if folder := os.environ.get("DAGUERRE_SHOTS"):
        page.screenshot(path=f"{folder}/label-{name}.png", full_page=True)
