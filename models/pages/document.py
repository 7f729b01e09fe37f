"""The parts of a page: the HTML document, its sections, embedded pictures, and options as text."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from models.pages.html import Child, Html, e
from models.pages.style import STYLE

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # the page runs nothing and loads nothing


def document(title: str, body: Child, *, style: str = "") -> str:
    """A complete, self-contained page: no scripts, no requests."""
    head = [
        e("meta", at={"charset": "utf-8"}),
        e("meta", at={"http-equiv": "Content-Security-Policy", "content": POLICY}),
        e("meta", at={"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        e("meta", at={"name": "referrer", "content": "no-referrer"}),
        e("title", title),
        e("style", Html(STYLE + style)),
    ]
    return "<!doctype html>\n" + e("html", e("head", head), e("body", e("main", body)), at={"lang": "en"}) + "\n"


def section(title: str, *parts: Child) -> Html:
    return e("section", e("h2", title), parts)


def picture(jpeg: bytes, alt: str, **more: str) -> Html:
    """A JPEG embedded in the page as a data URL."""
    return e("img", at={"src": f"data:image/jpeg;base64,{b64encode(jpeg).decode()}", "alt": alt[:160], **more})


def option_text(value: Any) -> str:
    """The value of an option, a JSON value, as text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {option_text(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(option_text(inner) for inner in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
