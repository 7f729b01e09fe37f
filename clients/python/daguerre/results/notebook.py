"""Results in notebooks: their line, small pictures and the beginning of their table, as HTML without scripts."""

import base64
import html
import io
import itertools
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from daguerre.inputs.kinds import HEAD, kind_of

PICTURES, ROWS, COLUMNS = 12, 8, 12  # that a notebook shows of a result
LOOKED_AT = 10 * PICTURES  # items among which files are looked for
SIDE = 160  # pixels of the longer side of a picture
LARGEST = 50_000_000  # pixels of a picture that is decoded for a thumbnail
CELLS = 8  # along the longer side of a picture that is blurred as a whole
PART = "daguerre"  # the attribute of a table that says which part of a result it is of
VARIABLE = "DAGUERRE_PICTURES"  # blurred, blurred_whole, thumbnails or none
Gallery = Iterable[tuple[str, str]]  # path of a picture on this machine, and the line below it
ROW = "display:flex;flex-wrap:wrap;gap:8px;margin:6px 0"
FIGURE = f"margin:0;width:{SIDE}px;font-size:11px;overflow-wrap:anywhere"


class Shown:
    """Base of results that a notebook shows as HTML. Whatever users or servers have written in it is escaped."""

    def _gallery(self) -> Gallery:
        """The pictures that stand for the result; files alone, which lie on this machine."""
        return ()

    def _table(self) -> Any:
        """The table that is shown, as a DataFrame; None for none."""
        return self.to_pandas()  # type: ignore[attr-defined]

    def _thumbnails(self, files: Sequence[str], mode: str) -> Mapping[str, bytes]:
        """A JPEG for each picture that can be read. Without a server that finds faces, whole pictures are blurred."""
        return {file: small for file in files if (small := thumbnail(file, whole=mode != "thumbnails")) is not None}

    def _repr_html_(self) -> str:
        """The result as Jupyter shows it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parts = [
                f'<pre style="white-space:pre-wrap">{html.escape(repr(self))}</pre>',
                self._figures(),
                table_html(self),
            ]
        return f'<div class="daguerre">{"".join(parts)}</div>'

    def _pictures(self) -> list[tuple[bytes, str]]:
        """The first pictures of the result as JPEGs, each with the line below it."""
        mode = os.environ.get(VARIABLE) or "blurred"
        candidates = itertools.islice(self._gallery(), LOOKED_AT) if mode != "none" else ()
        chosen = [(file, line) for file, line in candidates if os.path.isfile(file)][:PICTURES]
        small = self._thumbnails(list(dict.fromkeys(file for file, _ in chosen)), mode) if chosen else {}
        return [(small[file], line) for file, line in chosen if file in small]

    def _figures(self) -> str:
        try:
            pictures = self._pictures()
        except Exception as exc:  # the rest is shown where the server is away
            return f"<p>no pictures: {html.escape(str(exc) or type(exc).__name__)}</p>"
        figures = [picture_html(jpeg, line) for jpeg, line in pictures]
        return f'<div style="{ROW}">{"".join(figures)}</div>' if figures else ""


def picture_html(jpeg: bytes, line: str) -> str:
    """A picture with a line below it."""
    source = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
    below = f"<figcaption>{html.escape(line)}</figcaption>"
    return f'<figure style="{FIGURE}"><img src="{source}" alt="" style="max-width:100%">{below}</figure>'


def table_html(result: Shown) -> str:
    """The first rows and columns of a result's table; nothing without pandas."""
    try:
        table = result._table()
    except ModuleNotFoundError:
        return ""
    if table is None:
        return ""
    shown = table.iloc[:ROWS, :COLUMNS]
    left = [
        f"{number - limit:,} more {what}"
        for number, limit, what in ((len(table), ROWS, "rows"), (table.shape[1], COLUMNS, "columns"))
        if number > limit
    ]
    left = [each for each in (table.attrs.get(PART), *left) if each]
    rest = f"<p>{', '.join(left)}: .to_pandas()</p>" if left else ""
    return f"{shown.to_html(border=0, escape=True, max_rows=None, max_cols=None)}{rest}"


def thumbnail(file: str, *, whole: bool) -> bytes | None:
    """A small JPEG of a file, averaged to a few cells if `whole`; None where it cannot be read, or without Pillow."""
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError:
        return None
    try:
        with open(file, "rb") as content:
            if kind_of(content.read(HEAD)) != "image":  # Pillow runs Ghostscript for a file of PostScript
                return None
        with Image.open(file) as opened:
            opened.draft("RGB", (2 * SIDE, 2 * SIDE))
            if opened.width * opened.height > LARGEST:
                return None
            upright = ImageOps.exif_transpose(opened).convert("RGBA")
            upright.thumbnail((SIDE, SIDE))
            image = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("RGB")
    except Exception:  # whatever a hostile file makes Pillow raise
        return None
    if whole:
        shown = image.size
        image.thumbnail((CELLS, CELLS), Image.Resampling.BOX)
        image = image.resize(shown, Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
