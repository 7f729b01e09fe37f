"""Faults of accessibility that axe-core finds in a page."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults(page: Page) -> list[str]:
    """A line for each fault, with the elements that have it; none for a page as it should be."""
    spec = find_spec("axe_playwright_python")
    assert spec
    assert spec.origin
    page.evaluate((Path(spec.origin).parent / "axe.min.js").read_text())
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES)
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes']]}"
        for each in found["violations"]
    ]
