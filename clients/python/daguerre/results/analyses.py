"""Findings in pictures and videos: a row for each finding, and a row for each picture, video or frame."""

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from daguerre.errors import ItemError, RemarkWarning
from daguerre.results.base import ItemResults, failure_note, import_pandas, item_remarks
from daguerre.results.face_attributes import (
    ATTRIBUTES,
    ITEM,
    attribute_columns,
    attribute_row,
    column_of_faces,
    face_id,
    face_row,
    guessed_columns,
)
from daguerre.results.face_attributes import KIND as ATTRIBUTE_KIND
from daguerre.results.frames import (
    FRAME,
    Over,
    always,
    counts_over,
    frame_id,
    frame_place,
    frames_of,
    labels_in,
    most_at_once,
    parts_of,
)
from daguerre.results.text_lines import GAP, OVERLAP, SIMILARITY, text_lines
from daguerre.types.common import Content

if TYPE_CHECKING:
    import pandas as pd

BOX = ("x", "y", "width", "height")
FINDING = ("id", "finding", "analyser", "label", "score", "text", *BOX, "image_width", "image_height")
PLACE = ("video", "time", "frame")  # more columns of findings where there are videos
POINTS = ("right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner")
FACE = ("share", *(f"{point}_{axis}" for point in POINTS for axis in "xy"))  # more columns where faces were looked for
FACE_KINDS = ("faces", "face_vectors", "face_attributes")  # the analysers whose findings are faces
COUNTED = ("objects", *FACE_KINDS)  # the analysers whose findings are counted and cut out

MORE = "more was found than is given"  # the remark on a result that was cut


@dataclass(frozen=True, eq=False, repr=False)
class Analyses(ItemResults):
    """Findings in pictures and videos. Scores are not calibrated: validate what you count against human codes.

    Attributes
    ----------
    entries : the answer for each picture or video, as JSON; None for those in `.errors`.
    receipts : revision and fingerprint by kind of analyser; store them with the results.
    options : the options that were applied, by kind of analyser.
    first_of_many : indices of images that hold several pictures, of which the first was read.
    """

    ROWS = ("entries",)

    entries: list[Content | None] = field(kw_only=True)
    receipts: Mapping[str, Content] = field(kw_only=True, default_factory=dict)
    options: Mapping[str, Content] = field(kw_only=True, default_factory=dict)
    first_of_many: list[int] = field(kw_only=True, default_factory=list)

    @property
    def kinds(self) -> list[str]:
        """The analysers that were applied."""
        return list(self.receipts)

    @property
    def _items(self) -> Iterator[tuple[str, Content | None]]:
        return zip(self.ids, self.entries, strict=True)

    @property
    def _counted(self) -> str:
        """The analyser whose findings are counted where none is named."""
        return next((kind for kind in COUNTED if kind in self.kinds), COUNTED[0])

    @property
    def has_videos(self) -> bool:
        """Whether some of the items are videos."""
        return any(entry is not None and entry.get("video") for entry in self.entries)

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row for each finding.

        Columns id; finding, its number in the picture, from 0; analyser, label, score, text; x, y, width, height of its
        box in pixels of the whole upright picture, also where the item is a crop of it; image_width, image_height. Of a
        video, `id` is that of the frame, such as "clip.mp4@12.480", and there are video, time (seconds) and frame. With
        `faces` there are share, the share of the picture that the box covers, and x and y of five points, such as
        right_eye_x. With `face_attributes` there are also apparent_age (years, the mean over eighteen crops) and its
        lowest and highest; perceived_gender, perceived_woman (a score from 0 to 1) with its range; expression, and
        expression_votes, the number of crops by expression, as JSON. They are missing for small faces. The last
        column of all three is `item`, the id of the face, such as "photo.jpg#0", which `client.validate` goes by.
        """
        rows = self.rows()
        columns = finding_columns(self.kinds, videos=self.has_videos, options=self.options)
        table: pd.DataFrame = import_pandas().DataFrame(rows, columns=columns)
        return table.astype({"frame": "Int64"}) if self.has_videos else table

    def rows(self) -> list[dict[str, Any]]:
        """The rows of `to_pandas`."""
        return [row for id, entry in self._items for row in finding_rows(id, entry)]

    def __getitem__(self, key: Any) -> Any:
        """The guesses of an attribute, `A["perceived_gender"]`; or the result for some of the items, as of `embed`."""
        if isinstance(key, str) and key in ATTRIBUTES and ATTRIBUTE_KIND in self.kinds and key not in self.ids:
            return self.guesses(key)
        return super().__getitem__(key)

    def guesses(self, attribute: str) -> "pd.Series[Any]":
        """A column of attributes, such as "apparent_age", as a Series by the ids of faces, without those that lack it.

        Raises
        ------
        ValueError : attributes were not guessed, or not this one.

        Examples
        --------
        >>> client.validate(A.guesses("perceived_gender"), "coded.csv", by="age_group")
        """
        return column_of_faces(self.to_pandas(), attribute)

    @property
    def guessed(self) -> list[str]:
        """The columns of attributes of faces that can be compared with codes; empty where none were guessed."""
        return guessed_columns(self.kinds, self.options)

    @property
    def values(self) -> "pd.DataFrame":
        """Table with a row for each picture or video: index id, its numbers, `remark`, `error` (a code).

        The numbers are those of the analysers: `text_share` and `text_lines`, the numbers of `objects` and `faces`,
        the features of `visual`, the score `sensitive`. Those of a video are means over its frames.
        """
        pandas = import_pandas()
        rows = [value_row(entry) for entry in self.entries]
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns: dict[str, Any] = {name: [row.get(name) for row in rows] for name in names}
        columns |= {"remark": self._remarks(), "error": self.codes}
        table: pd.DataFrame = pandas.DataFrame(columns, index=pandas.Index(self.ids, name="id"))
        return table

    @property
    def frames(self) -> "pd.DataFrame":
        """Table with a row for each analysed frame of the videos: index id, such as "clip.mp4@12.480".

        Columns video, time (seconds), frame, shot, times (the number of sampling times at which it is on the screen),
        its numbers as in `values`, `remark`.
        """
        pandas = import_pandas()
        rows = [row for id, entry in self._items for row in frame_rows(id, entry)]
        names = list(dict.fromkeys([*FRAME, *(name for row in rows for name in row if name not in ("id", "remark"))]))
        table: pd.DataFrame = pandas.DataFrame(
            rows, columns=[*names, "remark"], index=pandas.Index([row["id"] for row in rows], name="id")
        )
        return table.astype({"shot": "Int64"})

    def counts(self, analyser: str | None = None, *, over: Over = "item") -> "pd.DataFrame":
        """Numbers of findings of each label.

        Parameters
        ----------
        analyser : whose findings are counted; None: objects, or where these were not looked for, faces.
        over : "item": a row for each picture, index id, and a column for each label; of a video, the greatest number in
            one frame. A picture that could not be analysed has missing values, and one without findings has zeros. For
            videos: "time", a row for each sampled frame; "second", a row for each second, with the mean of its frames,
            missing where it has none; "shot" and "video", a row for each label in each of them, with the number of
            frames that have it, the seconds on the screen, the greatest number at once, and its first and last time.

        Raises
        ------
        ValueError : none of the items is a video, or shots were not detected.

        Examples
        --------
        >>> A = client.analyse(videos="news.mp4", analysers=["objects"], find_shots=True)
        >>> A.counts(over="time")
        """
        analyser = analyser or self._counted
        if over != "item":
            return counts_over(self.ids, self.entries, over, analyser)
        pandas = import_pandas()
        found = [
            None
            if entry is None
            else most_at_once(frames_of(entry), analyser)
            if entry.get("video")
            else labels_in(entry, analyser)
            for entry in self.entries
        ]
        labels = sorted({label for each in found for label in each or ()} | always(analyser))
        columns = {
            label: pandas.array([None if each is None else each[label] for each in found], dtype="Int64")
            for label in labels
        }
        table: pd.DataFrame = pandas.DataFrame(columns, index=pandas.Index(self.ids, name="id"))
        return table

    def lines(self, *, similarity: float = SIMILARITY, overlap: float = OVERLAP, gap: int = GAP) -> "pd.DataFrame":
        """Table of the lines of text; a line that stays on the screen of a video is one line.

        A line continues one of an earlier frame whose text is similar and whose box overlaps with its own. Columns id,
        line, text, score and box of the frame with the highest score; and of videos first, last (seconds), frames,
        seconds on the screen.

        Parameters
        ----------
        similarity : smallest similarity of the texts, 0 to 1: 2 m / n, with m characters in common and n in both.
        overlap : smallest share of the smaller box that the other covers, 0 to 1.
        gap : number of sampled frames for which a line may be missing.

        Examples
        --------
        >>> client.read_text(videos="news.mp4", every="0.5s").lines()
        """
        return text_lines(self.ids, self.entries, similarity=similarity, overlap=overlap, gap=gap)

    @property
    def texts(self) -> list[str | None]:
        """The lines that were read in each picture, in reading order, joined by line breaks; None for failed ones.

        Of a video, each line that `lines` gives once.

        They can be embedded: `client.embed(texts=dict(zip(A.ids, A.texts)))`.
        """
        return [None if entry is None else "\n".join(_texts(id, entry, "text")) for id, entry in self._items]

    @property
    def captions(self) -> list[str | None]:
        """The caption of each picture, "" where the network wrote none; None for failed ones.

        Of a video, each caption of its frames once.
        """
        return [None if entry is None else "\n".join(_texts(id, entry, "captions")) for id, entry in self._items]

    def crops(self, label: str | None = None, *, analyser: str | None = None) -> "pd.DataFrame":
        """Table of boxes: id, finding, item, x, y, width, height, label, score; of one label, or of all.

        They are those of `analyser`; None: of objects, or where these were not looked for, of faces.

        `client.embed("photos/", crops=A.crops("person"))` embeds each of them as an item of its own, whose id is in the
        column `item`: "photo.jpg#3" is finding 3 of photo.jpg, so that tables of the items join this one and
        `to_pandas()`. Findings in frames of videos are left out, since frames are no files.

        Raises
        ------
        ValueError : all of the items are videos.
        """
        table, analyser = self.to_pandas(), analyser or self._counted
        chosen = table[(table.analyser == analyser) & table.x.notna()]
        if label is not None:
            chosen = chosen[chosen.label == label]
        if self.has_videos:
            in_frames = chosen.video.notna()
            remark = (
                f"{int(in_frames.sum()):,} findings are in frames of videos, which are no files that a crop can be cut "
                "out of: save frames as images, and analyse these"
            )
            if all(entry is None or entry.get("video") for entry in self.entries):
                raise ValueError(f"crops: {remark}")
            if in_frames.any():
                warnings.warn(RemarkWarning(f"crops: {remark}"), stacklevel=2)
            chosen = chosen[~in_frames]
        boxes: pd.DataFrame = chosen[["id", "finding", *BOX, "label", "score"]].reset_index(drop=True)
        boxes.insert(2, "item", boxes.id + "#" + boxes.finding.astype(str))
        return boxes

    def video_remarks(self) -> list[str]:
        """Limits of the results of videos, as phrases about the video, each once."""
        every = [remark for entry in self.entries if entry is not None for remark in report_remarks(entry)]
        return list(dict.fromkeys(every))

    def _remarks(self) -> list[str | None]:
        """The remarks of the analysers on each picture, and those on its file."""
        own = item_remarks(self)
        found = [[] if entry is None else entry_remarks(entry) for entry in self.entries]
        return ["; ".join([*([mark] if mark else []), *more]) or None for mark, more in zip(own, found, strict=True)]

    def __repr__(self) -> str:
        found = sum(
            len(result["findings"])
            for entry in self.entries
            for part in parts_of(entry)
            for _, result in results_of(part)
        )
        what = "pictures"
        if self.has_videos:
            frames = sum(len(frames_of(entry)) for entry in self.entries)
            what = f"items with {frames:,} frames of videos"
        return (
            f"<Analyses: {len(self):,} {what}, {found:,} findings of {', '.join(self.kinds) or 'no analyser'}"
            f"{failure_note(self.errors)}>"
        )


def results_of(entry: Content | None) -> Iterator[tuple[str, Content]]:
    """The results of a picture, a video or a frame by analyser."""
    for kind, result in (entry or {}).get("results", {}).items():
        if result is not None:
            yield kind, result


def finding_rows(id: str, entry: Content | None) -> list[dict[str, Any]]:
    """A row for each finding of a picture, or of each frame of a video."""
    if entry is None:
        return []
    size = {f"image_{name}": entry[name] for name in ("width", "height")}
    if entry.get("video"):
        return [
            {**row, **{name: frame_place(id, frame)[name] for name in PLACE}}
            for frame in frames_of(entry)
            for row in _finding_rows(frame_id(id, frame), frame, size)
        ]
    return _finding_rows(id, entry, size)


def _finding_rows(id: str, part: Content, size: Mapping[str, Any]) -> list[dict[str, Any]]:
    every = [(kind, found) for kind, result in results_of(part) for found in result["findings"]]
    return [
        {
            **{"id": id, "finding": number, "analyser": kind},
            **{name: found.get(name) for name in ("label", "score", "text")},
            **{name: (found.get("box") or {}).get(name) for name in BOX},
            **size,
            **face_row(found),
            **attribute_row(found),
            **({ITEM: face_id(id, number)} if kind in FACE_KINDS else {}),
        }
        for number, (kind, found) in enumerate(every)
    ]


def finding_columns(kinds: Sequence[str], *, videos: bool, options: Mapping[str, Content]) -> list[str]:
    """The columns of a table of findings of these analysers."""
    faces = set(FACE_KINDS) & set(kinds)
    attributes = attribute_columns(kinds, options)
    return [*FINDING, *(FACE if faces else ()), *attributes, *(PLACE if videos else ()), *((ITEM,) if faces else ())]


def frame_rows(id: str, entry: Content | None) -> list[dict[str, Any]]:
    """A row for each frame of a video, with its numbers; none for a picture."""
    return [
        {
            **{"id": frame_id(id, frame), **frame_place(id, frame)},
            **value_row(frame),
            "remark": "; ".join(entry_remarks(frame)) or None,
        }
        for frame in frames_of(entry)
    ]


def value_row(entry: Content | None) -> dict[str, float]:
    """The numbers of a picture, a video or a frame."""
    return {name: value for _, result in results_of(entry) for name, value in result["values"].items()}


def report_remarks(entry: Content) -> Sequence[str]:
    """The limits of the result of a video, such as that it ends early; none for a picture."""
    found: Sequence[str] = ((entry.get("video") or {}).get("report") or {}).get("remarks") or ()
    return found


def entry_remarks(entry: Content) -> list[str]:
    """The remarks of the analysers on a picture, and those on a video."""
    return [f"video: {remark}" for remark in report_remarks(entry)] + [
        f"{kind}: {remark}"
        for kind, result in results_of(entry)
        for remark in [*result["remarks"], *([MORE] if result["truncated"] else [])]
    ]


def _texts(id: str, entry: Content, analyser: str) -> list[str]:
    if not entry.get("video"):
        return _found_texts(entry, analyser)
    if analyser == "text":
        return list(text_lines([id], [entry]).text)
    return list(dict.fromkeys(text for frame in frames_of(entry) for text in _found_texts(frame, analyser)))


def _found_texts(entry: Content, analyser: str) -> list[str]:
    texts = [each.get("text") for kind, result in results_of(entry) if kind == analyser for each in result["findings"]]
    return [text for text in texts if text]


def summary(entries: Sequence[Content | None], errors: Sequence[ItemError]) -> dict[str, Any]:
    """Numbers of pictures, videos, frames, findings and failures, for people and programs."""
    found: Counter[str] = Counter()
    frames = [len(frames_of(entry)) for entry in entries if entry is not None and entry.get("video")]
    for entry in entries:
        for part in parts_of(entry):
            for kind, result in results_of(part):
                found[kind] += len(result["findings"])
    counted = {"pictures": len(entries) - len(frames), "failed": len(errors), "findings": dict(found)}
    return {**counted, **({"videos": len(frames), "frames": sum(frames)} if frames else {})}
