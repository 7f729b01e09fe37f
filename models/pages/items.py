"""Pictures and texts of items on a page: what a page shows is noted, so that a caller sends that and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models.errors import PageError
from models.images.thumbnail import Blurred, blur_of
from models.pages.document import picture
from models.pages.html import Child, Html, e, path_text, shortened, user_text

Mode = Literal["blurred", "blurred_whole", "thumbnails", "none"]
PICTURES = 600  # of a page, so that it can still be sent by mail
SIDES = {200: 200, 400: 160}  # pictures of a page, at most → pixels of their longer side; 120 for more pictures
TEXT = 280  # characters of a text
CAPTION = 60  # characters of an id below a picture
WHOLE = (
    "Pictures are blurred: each was averaged to 8 cells along its longer side before it was put on this page. "
    "Colours and composition remain, so that a person who has the originals can recognise them. Ids are shown."
)
FACES = (
    "Faces are blurred where a detector found them. It misses some, such as small, covered and drawn ones, and people "
    "are also known by clothes, places and texts: look at each picture before you pass this page on. Ids are shown."
)
MODES = {
    "thumbnails": None,
    "blurred": WHOLE,
    "blurred_whole": WHOLE,
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
    thumbnails : JPEGs; in mode "blurred" only those of which `thumbnail` blurred the faces or all, in mode
        "blurred_whole" those of which it blurred all.
    captions : a line below an item, such as its size.
    remarks : sentences of the caller, which the page lists among its own.
    shown : ids for which the page asked, in its order; at most `PICTURES`.
    stills : small frames of videos by the base64 of the answer's, blurred as `thumbnails` are.
    wanted_stills : those that a blurred page has asked for, in base64.
    """

    mode: Mode = "thumbnails"
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    shown: dict[str, None] = field(default_factory=dict)
    stills: Mapping[str, bytes] = field(default_factory=dict)
    wanted_stills: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_mode(self.mode, {**self.thumbnails, **self.stills})

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

    def still(self, given: str) -> bytes | str | None:
        """A frame of a video as a JPEG or its base64, from that of the answer; None where the page has none.

        Notes that the page asks for it, where pictures are blurred.
        """
        if self.mode in ("blurred", "blurred_whole"):
            self.wanted_stills[given] = None
            return self.stills.get(given)
        return None if self.mode == "none" else given

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
        text = mode_note(self.mode, self.thumbnails.values())
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
    """Raise ValueError for an unknown mode, and for a clear thumbnail where the mode is a blurred one."""
    if mode not in MODES:
        raise ValueError(f"mode: got {mode!r}; must be {', '.join(MODES)}")
    allowed: Mapping[str, tuple[Blurred, ...]] = {"blurred": ("faces", "picture"), "blurred_whole": ("picture",)}
    if mode in allowed and (clear := [id for id, jpeg in thumbnails.items() if blur_of(jpeg) not in allowed[mode]]):
        raise ValueError(f"thumbnails: the one of {clear[0]!r} is not blurred; make it with thumbnail(blurred=True)")


def mode_note(mode: Mode, thumbnails: Iterable[bytes]) -> str | None:
    """The sentences that say how a page shows its pictures; None where it shows them as they are."""
    blurs = {blur_of(jpeg) for jpeg in thumbnails}
    if mode != "blurred" or "faces" not in blurs:
        return MODES[mode]
    return FACES if blurs == {"faces"} else f"{FACES} Pictures with more faces than the detector gives are blurred."


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
