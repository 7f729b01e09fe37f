"""Captions of pictures and of frames of videos: a row for each, and texts for all that takes texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from daguerre.errors import ItemError
from daguerre.results.analyses import MORE, Analyses, entry_remarks
from daguerre.results.base import failure_note, import_pandas, item_remarks
from daguerre.results.frames import frame_id, frame_place, frames_of, parts_of
from daguerre.types.captions import KIND, TOKENS
from daguerre.types.common import Content

if TYPE_CHECKING:
    import pandas as pd

CAPTION = ("caption", "score", "ended", "tokens")
PLACE = ("video", "time", "frame")  # more columns where there are videos
NOTICE = "notice"  # in `attrs` of tables


@dataclass(frozen=True, eq=False, repr=False)
class Captions(Analyses):
    """Captions of pictures, or of the frames of videos, taken wherever texts are: `client.embed(texts=captions)`.

    A caption is a guess of the network, and not all of it is in the picture. Attributes as of Analyses.
    """

    @classmethod
    def of(cls, found: Analyses) -> "Captions":
        """The captions among analyses. Raises ValueError where there are none."""
        if KIND not in found.kinds and any(entry is not None for entry in found.entries):
            raise ValueError(
                f"these are findings of {', '.join(found.kinds) or 'no analyser'}, and no captions; caption the "
                "pictures first: client.caption"
            )
        return cls(**{each.name: getattr(found, each.name) for each in fields(Analyses)})

    @property
    def receipt(self) -> Mapping[str, Any]:
        """Analyser, revision, fingerprint and notice, with the prompt and the most tokens; {} where all failed."""
        made = self.receipts.get(KIND)
        return {} if made is None else {**made, **self.options.get(KIND, {})}

    @property
    def prompt(self) -> str:
        """The prompt that was applied, "" for none."""
        return str(self.options.get(KIND, {}).get("prompt") or "")

    @property
    def notice(self) -> str | None:
        """The analyser's notice for users."""
        return self.receipt.get("notice")

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row for each picture, or for each frame of a video, those that failed included.

        Columns id, of a frame such as "clip.mp4@12.480"; caption, "" where the network wrote none; score, the mean
        probability of its tokens; ended, False where it was cut; tokens; of videos video, time (seconds) and frame;
        remark; error. `.attrs["notice"]` has the analyser's notice.
        """
        pandas = import_pandas()
        rows = self.rows()
        names = ["id", *CAPTION, *(PLACE if self.has_videos else ()), "remark", "error"]
        table: pd.DataFrame = pandas.DataFrame(rows, columns=names)
        table = table.astype({"score": "float64", "ended": "boolean", "tokens": "Int64"})
        if self.has_videos:
            table = table.astype({"frame": "Int64"})
        table.attrs[NOTICE] = self.notice
        return table

    def rows(self) -> list[dict[str, Any]]:
        """The rows of `to_pandas`."""
        marks = item_remarks(self)
        made = []
        for id, entry, code, mark in zip(self.ids, self.entries, self.codes, marks, strict=True):
            for row in caption_rows(id, entry):
                remark = "; ".join(each for each in (mark, row["remark"]) if each) or None
                made.append({**row, "remark": remark, "error": code})
        return made

    def item_texts(self) -> dict[str, str | None]:
        """The captions by the id of the picture or frame, None without one: for methods that take texts."""
        return {row["id"]: row["caption"] or None for row in self.rows()}

    def crops(self, label: str | None = None, *, analyser: str | None = None) -> "pd.DataFrame":
        """Raise ValueError: captions are of whole pictures."""
        raise ValueError("crops: captions are of whole pictures, and have no boxes; client.detect gives boxes")

    def __repr__(self) -> str:
        rows = self.rows()
        written = sum(bool(row["caption"]) for row in rows)
        what = "pictures" if not self.has_videos else f"items with {sum(map(_frames, self.entries)):,} frames of videos"
        return f"<Captions: {written:,} captions of {len(self):,} {what}{failure_note(self.errors)}>"


def _frames(entry: Content | None) -> int:
    return 0 if entry is None else len(frames_of(entry))


def caption_rows(id: str, entry: Content | None) -> Iterator[dict[str, Any]]:
    """A row for a picture, for one that failed, or for each frame of a video."""
    if entry is None:
        yield {"id": id, **dict.fromkeys(CAPTION), "remark": None}
    elif not entry.get("video"):
        yield {"id": id, **_caption(entry), "remark": _remark(entry)}
    else:
        for frame in frames_of(entry):
            place = frame_place(id, frame)
            yield {
                "id": frame_id(id, frame),
                **_caption(frame),
                **{name: place[name] for name in PLACE},
                "remark": _remark(frame),
            }


def stored_rows(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a line of a journal for the file of captions, with the size of the picture and its error."""
    entry = row["entry"]
    size = {f"image_{name}": None if entry is None else entry[name] for name in ("width", "height")}
    errors = {name: row[name] for name in ("error_code", "error_message")}
    return [{**made, **size, **errors} for made in caption_rows(row["id"], entry)]


def stored_caption(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """A finding, as a row of a table of findings, from a row of the file of captions; None where there is none."""
    if not row["caption"]:
        return None
    empty = dict.fromkeys(("label", "x", "y", "width", "height"))
    return {**empty, "id": row["id"], "analyser": KIND, "text": row["caption"], "score": row["score"]}


def _caption(part: Content) -> dict[str, Any]:
    result = part["results"][KIND]
    first = result["findings"][0] if result["findings"] else {}
    tokens = result["values"].get(TOKENS)
    return {
        "caption": first.get("text") or "",
        "score": first.get("score"),
        "ended": not result["truncated"],
        "tokens": None if tokens is None else int(tokens),
    }


def _remark(part: Content) -> str | None:
    """The remarks of the analyser, without its name; that a caption was cut is in `ended`, and in a remark of its."""
    remarks = [each.removeprefix(f"{KIND}: ") for each in entry_remarks(part)]
    return "; ".join(each for each in remarks if each != MORE) or None


def caption_summary(captions: Sequence[Content | None], errors: Sequence[ItemError]) -> dict[str, Any]:
    """Numbers of pictures, videos, frames, captions, those that were cut, and failures."""
    videos = [entry for entry in captions if entry is not None and entry.get("video")]
    parts = [_caption(part) for entry in captions for part in parts_of(entry)]
    counted = {
        "pictures": len(captions) - len(videos),
        "failed": len(errors),
        "captions": sum(bool(each["caption"]) for each in parts),
        "cut": sum(not each["ended"] for each in parts),
    }
    return {**counted, **({"videos": len(videos), "frames": sum(map(_frames, videos))} if videos else {})}
