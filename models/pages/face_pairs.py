"""Two faces beside each other on a page, in one box, and the pictures on which faces are."""

import re

from models.pages.html import Child, Html, e, path_text
from models.pages.items import CAPTION, Items

OF_PICTURE = re.compile(r"(.+)#[0-9]+", re.DOTALL)
PAIRS = """
.pairs { list-style: none; margin: .5rem 0; padding: 0; display: grid; gap: .7rem;
  grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
.pairs > li { break-inside: avoid; line-height: 1.25; min-width: 0; border: 1px solid var(--rule); padding: .5rem; }
.pairs .two { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; }
.pairs .two > div { min-width: 0; }
.pairs img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; }
.pairs small { display: block; font-size: .74rem; margin-top: .15rem; }
@media print { .pairs { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
"""


def pair_box(items: Items, one: tuple[str, Child], other: tuple[str, Child], *lines: Child) -> Html:
    """An entry of `e("ul.pairs", …)`: two faces, each with a line of its own, and `lines` about both below."""
    two = [
        e("div", items.content(id), e("small", path_text(id, CAPTION)), e("small", line) if line else None)
        for id, line in (one, other)
    ]
    return e("li", e("div.two", two), [e("small", line) for line in lines if line])


def picture_of(id: str) -> str | None:
    """The id of the picture of a face, as `photo.jpg` of `photo.jpg#0`; None for an id of another form."""
    found = OF_PICTURE.fullmatch(id)
    return None if found is None else found[1]


def on_one_picture(some: list[str], others: list[str]) -> int:
    """Number of pictures with a face of both."""
    pictures = [{picture_of(id) for id in ids} - {None} for ids in (some, others)]
    return len(pictures[0] & pictures[1])
