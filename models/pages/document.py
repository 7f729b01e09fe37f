"""The parts of a page: the HTML document, its sections, embedded pictures, and options as text."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from models.pages.html import Child, Html, e, facts, join, user_text
from models.pages.style import STYLE

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # the page runs nothing and loads nothing


LISTED = 3  # sections from which on a page has a list of contents
_SECTION = re.compile(r'<section id="([^"]*)"><h2>(.*?)</h2>', re.DOTALL)


def document(title: str, body: Child, *, style: str = "") -> str:
    """A complete, self-contained page: no scripts, no requests.

    The list of contents is made of the sections of `body` and stands after its element `header`, which is its first.
    """
    head = [
        e("meta", at={"charset": "utf-8"}),
        e("meta", at={"http-equiv": "Content-Security-Policy", "content": POLICY}),
        e("meta", at={"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        e("meta", at={"name": "referrer", "content": "no-referrer"}),
        e("title", title),
        e("style", Html(STYLE + style)),
    ]
    return "<!doctype html>\n" + e("html", e("head", head), e("body", _main(join(body))), at={"lang": "en"}) + "\n"


def _main(body: Html) -> Html:
    """The header, the list of contents and the sections, whose ids become unique."""
    entries: dict[str, str] = {}

    def listed(match: re.Match[str]) -> str:
        names = (match[1] if i == 1 else f"{match[1]}-{i}" for i in count(1))
        id = next(name for name in names if name not in entries)
        entries[id] = match[2]
        return f'<section id="{id}"><h2>{match[2]}</h2>'

    text = _SECTION.sub(listed, body)
    if len(entries) < LISTED:
        return e("main", Html(text))
    links = [e("li", e("a", Html(title), at={"href": f"#{id}"})) for id, title in entries.items()]
    contents = e("nav.contents", e("h2", "Contents"), e("ol", links), at={"aria-label": "Contents"})
    header, end, rest = text.partition("</header>") if text.startswith("<header") else ("", "", text)
    return e("main.listed", Html(header + end), contents, e("div.body", Html(rest)))


def section(title: str, *parts: Child) -> Html:
    """A section that the list of contents names."""
    return e("section", e("h2", title), parts, at={"id": section_id(title)})


def section_id(title: str) -> str:
    """The id of the section of this title, for links to it."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"


def caveats(remarks: Iterable[str], most: int = 1000) -> Html | None:
    """The limits of a result, as a highlighted list; None without any."""
    items = [e("li", user_text(remark, most)) for remark in remarks]
    return e("div.notes", e("h2", "Caveats"), e("ul", items)) if items else None


def methods_section(paragraph: str) -> Html:
    """A paragraph about methods and results that can be copied into a paper."""
    return section("Text for a methods section", e("blockquote", e("p", paragraph)))


def parameters_section(params: Mapping[str, Any]) -> Html:
    """The parameters of a request that were given, or have a value where they are left out."""
    given = ((str(name), user_text(option_text(value), 300)) for name, value in params.items() if value is not None)
    return section("Parameters", facts(given))


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
