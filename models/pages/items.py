"""Pictures and texts of items on a page: what a page shows is noted, so that a caller sends that and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models.errors import PageError
from models.images.thumbnail import is_blurred
from models.pages.document import picture
from models.pages.html import Child, Html, e, path_text, shortened, user_text

Mode = Literal["thumbnails", "blurred", "none"]
PICTURES = 600  # of a page, so that it can still be sent by mail
SIDES = {200: 200, 400: 160}  # pictures of a page, at most → pixels of their longer side; 120 for more pictures
TEXT = 280  # characters of a text
CAPTION = 60  # characters of an id below a picture
MODES = {
    "thumbnails": None,
    "blurred": (
        "Pictures are blurred: each was averaged to 8 cells along its longer side before it was put on this page. "
        "Colours and composition remain, so that a person who has the originals can recognise them. Ids are shown."
    ),
    "none": "This page was made without pictures: it shows the ids of items.",
}
STYLE = """
.tiles { list-style: none; margin: .5rem 0; padding: 0; display: grid; gap: .6rem .7rem;
  grid-template-columns: repeat(auto-fill, minmax(7.2rem, 1fr)); align-items: start; }
.tiles li { break-inside: avoid; line-height: 1.25; min-width: 0; }
.tiles img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; object-position: center; }
.tiles small { display: block; font-size: .74rem; margin-top: .15rem; }
.tiles small b { color: var(--ink); }
.tiles q { display: block; quotes: none; font-size: .84rem; border-left: 3px solid var(--rule); padding-left: .5rem; }
.tiles.texts { grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); align-items: start; }
.tiles.bare { grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .3rem .9rem; align-items: start; }
.tiles .kept { outline: 2px solid var(--line); outline-offset: 3px; }
td img, th img { display: block; max-width: 6rem; max-height: 6rem; }
@media (max-width: 30rem) { .tiles { grid-template-columns: repeat(auto-fill, minmax(6.4rem, 1fr)); }
  .tiles.texts, .tiles.bare { grid-template-columns: 1fr; } }
@media print { .tiles { grid-template-columns: repeat(6, minmax(0, 1fr)); } }
"""


@dataclass(frozen=True, kw_only=True)
class Items:
    """Pictures, texts and captions of items by their ids, and the ids that a page has asked for.

    Attributes
    ----------
    thumbnails : JPEGs; in mode "blurred" only those that were made with `thumbnail(blurred=True)`.
    captions : a line below an item, such as its size.
    remarks : sentences of the caller, which the page lists among its own.
    shown : ids for which the page asked, in its order; at most `PICTURES`.
    """

    mode: Mode = "thumbnails"
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    shown: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_mode(self.mode, self.thumbnails)

    @property
    def layout(self) -> str:
        """Class of a list of items: pictures, texts, or ids alone."""
        if self.mode != "none" and self.thumbnails:
            return ""
        return ".texts" if self.texts else ".bare"

    def content(self, id: str, alt: str | None = None) -> Html | None:
        """The picture and the text of an item; None where neither is there. Notes that the page shows the item."""
        small = self.picture(id, alt)
        if id not in self.shown:
            return None
        text = self.texts.get(id)
        parts: list[Child] = [] if small is None else [small]
        if text is not None:
            parts.append(e("q", user_text(text, TEXT)))
        return Html("".join(map(str, parts))) if parts else None

    def picture(self, id: str, alt: str | None = None) -> Html | None:
        """The picture of an item alone; None where it is not there. Notes that the page shows the item."""
        if id not in self.shown and len(self.shown) >= PICTURES:
            return None
        self.shown[id] = None
        jpeg = None if self.mode == "none" else self.thumbnails.get(id)
        return None if jpeg is None else picture(jpeg, id if alt is None else alt, decoding="async")

    def tile(self, id: str, *lines: Child, kept: bool = False) -> Html:
        """An entry of `tiles`: the item, its id, its caption, and `lines` below."""
        below: list[Child] = [self.content(id), e("small", path_text(id, CAPTION))]
        if id in self.captions:
            below.append(e("small", user_text(self.captions[id], CAPTION)))
        below += [e("small", line) for line in lines if line]
        return e("li.kept" if kept else "li", below, at={"title": shortened(id, 300)})

    def tiles(self, tiles: Iterable[Child]) -> Html:
        """A list of items."""
        return e(f"ul.tiles{self.layout}", tiles)

    def note(self) -> Html | None:
        """The sentence that says how pictures are shown, where they are not shown as they are."""
        text = MODES[self.mode]
        if self.layout and self.mode != "none" and not self.texts:
            send = ["To see the items, send their images (images=, ", e("code", "--root"), ") or their texts (texts=)."]
            return e("p", MODES["none"], " ", send)
        return e("p", text) if text else None

    def limit_note(self) -> Html | None:
        """The sentence that says that there are more items than pictures. To be asked for at the end of a page."""
        if len(self.shown) < PICTURES:
            return None
        return e("p.soft", f"At most {PICTURES} items are shown with their pictures or texts on this page.")


def require_mode(mode: Mode, thumbnails: Mapping[Any, bytes]) -> None:
    """Raise ValueError for an unknown mode, and for a clear thumbnail where the mode is "blurred"."""
    if mode not in MODES:
        raise ValueError(f'mode: got {mode!r}; must be "thumbnails", "blurred" or "none"')
    if mode == "blurred" and (clear := [id for id, jpeg in thumbnails.items() if not is_blurred(jpeg)]):
        raise ValueError(f"thumbnails: the one of {clear[0]!r} is not blurred; make it with thumbnail(blurred=True)")


def thumbnail_side(pictures: int) -> int:
    """The longer side of a thumbnail in pixels, for a page with so many of them."""
    return next((side for most, side in SIDES.items() if pictures <= most), 120)


def item_name(entry: Mapping[str, Any]) -> str:
    """Name of an item of an answer, under which its picture or text is sent: its id, or else its index."""
    return entry["id"] if entry["id"] is not None else str(entry["index"])


def expect(condition: bool, message: str) -> None:
    """Raise PageError with the way out unless the condition holds."""
    if not condition:
        raise PageError(f"answer.{message}; send the answer unchanged")
