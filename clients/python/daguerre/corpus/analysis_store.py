"""The Parquet files of analyses of a folder, and the journal of a run that is not finished."""

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from daguerre.errors import FingerprintMismatchError
from daguerre.inputs.files import require_folder
from daguerre.results.analyses import (
    FACE_KINDS,
    FINDING,
    MORE,
    POINTS,
    entry_remarks,
    finding_rows,
    frame_rows,
    value_row,
)
from daguerre.results.captions import stored_caption
from daguerre.results.face_attributes import COUNT, ITEM, TEXTS, face_id, stored_attributes
from daguerre.results.face_attributes import KIND as FACE_ATTRIBUTES
from daguerre.results.face_vectors import KIND as FACE_VECTORS
from daguerre.results.face_vectors import receipt_of_analyser, stacked, vector_column
from daguerre.results.frames import FRAME, frames_of
from daguerre.storage.parquet import arrow, receipt_metadata
from daguerre.storage.whole import whole_file
from daguerre.types.analyses import KINDS
from daguerre.types.common import Content

KEY = b"daguerre_analysers"  # of the files' metadata
RECEIPTS = b"daguerre_receipts"  # the receipts by kind, with notices
SAMPLING = "sampling"  # beside the kinds of analysers there: how frames of videos were chosen
VECTOR = "vector"  # column of faces
VIDEO, STILL = "video_json", "thumbnail"  # columns: properties and shots of a video, and the picture of a frame
CROP = ("crop_x", "crop_y", "crop_width", "crop_height", "crop_margin")
PICTURE = ("id", "sha256", "image_width", "image_height", "size", "mtime_ns", "remark", "error_code", "error_message")
TYPES = {
    **dict.fromkeys(("id", "analyser", "label", "text", "sha256", "video", VIDEO, ITEM), "string"),
    **dict.fromkeys(("remark", "error_code", "error_message"), "string"),
    **dict.fromkeys(("score", "x", "y", "width", "height", "time"), "float64"),
    **dict.fromkeys(("finding", "frame", "shot", "times", "size", "mtime_ns"), "int64"),
    **dict.fromkeys(("image_width", "image_height"), "int64"),
    **dict.fromkeys(CROP, "float64"),
    **dict.fromkeys(TEXTS, "string"),
    COUNT: "int64",
    STILL: "binary",
    **{"caption": "string", "ended": "bool_", "tokens": "int64"},
}


class Done(NamedTuple):
    """The file of a picture that is done, as it was: its size, time and SHA-256, of a crop with the crop."""

    size: int
    mtime_ns: int
    sha256: str | None


class AnalysisStore:
    """The files of a run, and its journal, which has what is not in them yet.

    NAME.parquet has findings, NAME.pictures.parquet pictures and videos, NAME.frames.parquet the frames of videos.
    """

    columns: ClassVar[tuple[str, ...]] = FINDING  # the first ones of NAME.parquet

    def __init__(self, out: Path, *, name: str = "out") -> None:
        if out.suffix.lower() != ".parquet":
            raise ValueError(
                f"{name}: {str(out)!r} is no .parquet file, which can be continued; name it {out.stem}.parquet"
            )
        require_folder(out, name)
        self.out = out
        self.pictures = out.with_suffix(".pictures.parquet")
        self.frames = out.with_suffix(".frames.parquet")
        self.journal = out.with_suffix(".journal.jsonl")
        self._file: Any = None

    def open(self, made_by: str, retry_errors: bool) -> dict[str, Done]:
        """The pictures that are done, by id. Raises FingerprintMismatchError."""
        done: dict[str, Done] = {}
        if self.pictures.exists():
            table = arrow().parquet.read_table(self.pictures)
            self._require((table.schema.metadata or {}).get(KEY, b"").decode(), made_by, self.pictures)
            for row in table.select(["id", "size", "mtime_ns", "sha256", "error_code"]).to_pylist():
                self._note(done, row, retry_errors)
        if self.journal.exists():
            lines = self._lines()
            self._require(next(lines, made_by), made_by, self.journal)
            for line in lines:
                self._note(done, json.loads(line), retry_errors)
        fresh = not self.journal.exists()
        self._file = self.journal.open("a", encoding="utf-8")
        if fresh:
            self._write([made_by])
        return done

    def read(self) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Content]]:
        """The analysers with options, the rows of pictures, and their entries by id. Raises ValueError."""
        if not (self.out.exists() and self.pictures.exists()):
            raise ValueError(
                f"path: {str(self.out)!r} and {self.pictures.name} are not both there; analyse_corpus writes them"
            )
        pictures, findings = (arrow().parquet.read_table(each) for each in (self.pictures, self.out))
        made_by = (pictures.schema.metadata or {}).get(KEY)
        if made_by is None or not {"analyser", "caption"} & set(findings.column_names):
            raise ValueError(f"path: {str(self.out)!r} is no file of findings; analyse_corpus writes them")
        made = json.loads(made_by)
        kinds = {kind: made[kind] for kind in sorted(made, key=_order) if kind != SAMPLING}
        frames = arrow().parquet.read_table(self.frames).to_pylist() if self.frames.exists() else []
        rows = findings.to_pylist()
        if "caption" in findings.column_names:
            rows = [found for row in rows if (found := stored_caption(row)) is not None]
        return kinds, pictures.to_pylist(), _entries(list(kinds), pictures.to_pylist(), frames, rows)

    def known(self) -> dict[str, str]:
        """The entries of pictures that are done as JSON, by the SHA-256 of the content."""
        found: dict[str, str] = {}
        if self.pictures.exists() and self.out.exists():
            _, pictures, entries = self.read()
            for row in pictures:
                if row["sha256"] is not None and row["id"] in entries:
                    found[row["sha256"]] = json.dumps(entries[row["id"]])
        if self.journal.exists():
            lines = self._lines()
            next(lines, None)
            for line in lines:
                row = json.loads(line)
                if row["sha256"] is not None and row["entry"] is not None:
                    found[row["sha256"]] = json.dumps(row["entry"])
        return found

    def main_rows(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a line of the journal in NAME.parquet."""
        return finding_rows(row["id"], row["entry"])

    @staticmethod
    def _note(done: dict[str, Done], row: Mapping[str, Any], retry_errors: bool) -> None:
        failed = row["error_code"] is not None
        if row["size"] is None or (failed and retry_errors):
            done.pop(row["id"], None)
        else:
            done[row["id"]] = Done(row["size"], row["mtime_ns"], row["sha256"])

    @staticmethod
    def _require(found: str, made_by: str, path: Path) -> None:
        if found != made_by:
            raise FingerprintMismatchError(
                f"{path} has findings of other analysers or options ({found}), and this run would have {made_by}; the "
                "two must not be mixed: name another file, or take the options of the first run",
                code="fingerprint_mismatch",
            )

    def _lines(self) -> Iterator[str]:
        """The whole lines of the journal; a killed run may leave a part of one, which is cut off."""
        data = self.journal.read_bytes()
        end = data.rfind(b"\n") + 1
        if end != len(data):
            with self.journal.open("r+b") as file:
                file.truncate(end)
        yield from data[:end].decode().splitlines()

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._write([json.dumps(row) for row in rows])

    def _write(self, lines: Sequence[str]) -> None:
        self._file.write("".join(f"{line}\n" for line in lines))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def finish(self, made_by: str, renamed: Mapping[str, str], receipts: Mapping[str, Content]) -> tuple[int, int, int]:
        """Write the files from the earlier ones and the journal: numbers of pictures, findings and frames."""
        pa = arrow()
        made = json.loads(made_by)
        lines = self._lines()
        next(lines, None)
        new: dict[str, dict[str, Any]] = {}
        for line in lines:
            row = json.loads(line)
            row["id"] = renamed.get(row["id"], row["id"])
            new[row["id"]] = row
        tables: list[tuple[Path, list[dict[str, Any]], tuple[str, ...]]] = [
            (self.out, [each for row in new.values() for each in self.main_rows(row)], self.columns),
            (self.frames, [each for row in new.values() for each in _frames(row)], ("id", *FRAME)),
            (self.pictures, [picture_row(row) for row in new.values()], PICTURE),
        ]
        for path, rows, first in tables:
            if path.exists():
                earlier = pa.parquet.read_table(path).to_pylist()
                rows[:0] = [_with_item(row) for row in earlier if (row.get("video") or row["id"]) not in new]
            if path == self.frames and not rows and not path.exists():
                continue
            names = list(dict.fromkeys([*first, *(name for row in rows for name in row)]))
            columns = {
                name: vector_column(stacked([row.get(name) for row in rows]))
                if name == VECTOR
                else pa.array([row.get(name) for row in rows], type=getattr(pa, TYPES.get(name, "float64"))())
                for name in names
            }
            metadata = {KEY: made_by.encode(), RECEIPTS: json.dumps(dict(receipts), sort_keys=True).encode()}
            if VECTOR in columns:
                metadata |= receipt_metadata(receipt_of_analyser(receipts.get(FACE_VECTORS) or made[FACE_VECTORS]))
            table = pa.table(columns).replace_schema_metadata(metadata)
            with whole_file(path) as temporary:
                pa.parquet.write_table(table, temporary)
        self.journal.unlink(missing_ok=True)
        findings, frames, pictures = (len(rows) for _, rows, _ in tables)
        return pictures, findings, frames


def _with_item(row: dict[str, Any]) -> dict[str, Any]:
    """A row of an earlier file, whose faces may lack their ids."""
    return {**row, ITEM: face_id(row["id"], row["finding"])} if row.get("analyser") in FACE_KINDS else row


def _order(kind: str) -> int:
    """The place of an analyser in answers."""
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def _entries(
    kinds: Sequence[str], pictures: Sequence[Content], frames: Sequence[Content], findings: Sequence[Content]
) -> dict[str, Content]:
    """The entries of pictures and videos by id, as an answer has them, from the rows of the files."""
    entries: dict[str, Any] = {}
    parts: dict[str, Any] = {}  # with findings: pictures, and frames
    for row in pictures:
        if row["error_code"] is None:
            size = {name: row[f"image_{name}"] for name in ("width", "height")}
            entries[row["id"]] = parts[row["id"]] = {**size, "results": _results(row, kinds)}
            if row.get("crop_x") is not None:
                entries[row["id"]]["crop"] = {name.removeprefix("crop_"): row[name] for name in CROP}
            if row.get(VIDEO) is not None:
                entries[row["id"]]["video"] = {**json.loads(row[VIDEO]), "frames": []}
    for row in frames:
        frame = {"index": row["frame"], "timestamp": row["time"], "shot": row["shot"], "times": row["times"]}
        frame |= {"dropped": 0, "results": _results(row, kinds)}
        if row.get(STILL) is not None:
            frame["thumbnail"] = base64.b64encode(row[STILL]).decode()
        parts[row["id"]] = frame
        entries[row["video"]]["video"]["frames"].append(frame)
    for row in findings:
        parts[row["id"]]["results"][row["analyser"]]["findings"].append(stored_finding(row))
    return entries


def _results(row: Mapping[str, Any], kinds: Sequence[str]) -> dict[str, Any]:
    """The results of a picture or a frame from its row, without findings.

    A number is that of the analyser whose kind begins its name, such as `text_share`; the others are features.
    """
    results: dict[str, Any] = {
        kind: {"findings": [], "values": {}, "truncated": False, "remarks": []} for kind in kinds
    }
    for name, value in row.items():
        if name not in TYPES and value is not None:
            kind = next((kind for kind in kinds if _is_of(name, kind)), "visual")
            if kind in results:
                results[kind]["values"][name] = value
    _, *parts = re.split(rf"(?:^|; )({'|'.join(kinds)}): ", row["remark"] or "")
    for kind, remark in zip(parts[::2], parts[1::2], strict=True):
        if remark == MORE:
            results[kind]["truncated"] = True
        else:
            results[kind]["remarks"].append(remark)
    return results


def _is_of(value: str, kind: str) -> bool:
    """Whether a number is that of an analyser by its name; those of detection and vectors of faces begin with faces."""
    own = "faces" if kind in FACE_KINDS and kind != FACE_ATTRIBUTES else kind
    return value == own or value.startswith(f"{own}_")


def stored_finding(row: Mapping[str, Any]) -> dict[str, Any]:
    """A finding from its row in the table of findings, which has no corners of lines."""
    box = None if row["x"] is None else {name: row[name] for name in ("x", "y", "width", "height")}
    made = {**{name: row[name] for name in ("label", "score", "text")}, "box": box}
    if row.get(VECTOR) is not None:
        made[VECTOR] = row[VECTOR]
    if row.get("share") is not None:
        made["share"] = row["share"]
        made["points"] = {name: [row[f"{name}_x"], row[f"{name}_y"]] for name in POINTS}
    if row.get(COUNT) is not None:
        made["attributes"] = stored_attributes(row)
    return made


def picture_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a picture or a video in the table of pictures."""
    entry = row["entry"]
    made = {
        **{name: row[name] for name in ("id", "sha256", "size", "mtime_ns", "error_code", "error_message")},
        **{f"image_{name}": None if entry is None else entry[name] for name in ("width", "height")},
        "remark": None if entry is None else "; ".join(entry_remarks(entry)) or None,
        **value_row(entry),
    }
    if entry is not None and entry.get("crop"):
        made |= {f"crop_{name}": value for name, value in entry["crop"].items()}
    if entry is not None and entry.get("video"):
        made[VIDEO] = json.dumps({name: value for name, value in entry["video"].items() if name != "frames"})
    return made


def _frames(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of the frames of a video."""
    for made, frame in zip(frame_rows(row["id"], row["entry"]), frames_of(row["entry"]), strict=True):
        still = frame.get("thumbnail")
        yield {**made, **({STILL: base64.b64decode(still)} if still else {})}
