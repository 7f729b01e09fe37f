"""Reading of labelled images: a folder of classes, or a table of paths and targets.

    data/train/class01/…        data/labels.csv: path,target[,split][,weight][,group]
    data/validation/class01/…   (optional)
    data/test/class01/…         (optional)

Images are recognised by their first bytes, not decoded. Files and rows that are left out are listed with the reason.
"""

import csv
import math
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from models.classifiers.records import Dropped, Note
from models.codes import read_codes, similar_remark
from models.disk import sha256
from models.errors import ItemError, TrainingError
from models.images.formats import pillow_name, sniff

Split = Literal["train", "validation", "test"]
SPLITS = get_args(Split)
COLUMNS = ("path", "target", "split", "weight", "group")
_SYSTEM = frozenset(  # files and folders of systems, archives and storage devices, in lower case
    [
        *("@eadir", "@tmp", "@recycle", "@recently-snapshot", "@sharebin", "#recycle", "#snapshot", "~snapshot"),
        *("$recycle.bin", "recycler", "system volume information", "lost+found", "__macosx", "network trash folder"),
        *("temporary items", "thevolumesettingsfolder", "__pycache__"),
        *("thumbs.db", "ehthumbs.db", "desktop.ini"),
    ]
)
_HEAD = 4096  # bytes read to recognise a format
_SHOWN = 3  # names in a message


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """One image with its code."""

    path: Path
    name: str  # the path as in the folder or table, for messages
    target: str  # the class, or a number that is not parsed yet
    split: Split = "train"
    weight: float = 1.0
    group: str | None = None
    sha256: str = ""  # of the file


@dataclass(frozen=True, kw_only=True)
class Collection:
    """Items in order (of a folder by split, class and path, of a table by row), and those that were left out."""

    items: tuple[LabelledImage, ...]
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[Note, ...] = ()


def read_collection(source: Path, *, anywhere: bool = False) -> Collection:
    """Read a folder of classes, or a table of paths and targets (.csv or .tsv, UTF-8).

    Parameters
    ----------
    source : the folder that holds `train/`, or the table; its paths are relative to the table's folder.
    anywhere : follow links and paths that lead out of the folder. Leave it False for uploaded data.

    Raises
    ------
    TrainingError : no such folder or table, no training images, an invalid column or number, a class without training
        images.
    """
    if source.is_dir():
        return read_folder(source, anywhere=anywhere)
    if source.is_file():
        return read_table(source, anywhere=anywhere)
    raise TrainingError(f"{source.name}: no such folder or table; give a folder that holds train/, or a .csv file")


def read_folder(root: Path, *, anywhere: bool = False) -> Collection:
    """Read `root/train/CLASS/…`, `validation/…` and `test/…`; a class may have folders of its own.

    Hidden files and folders, and those that operating systems add, are ignored. Errors are those of `read_collection`.
    """
    if not (root / "train").is_dir():
        raise TrainingError(f"{root.name}: there is no folder train/ in it; put each class's images in train/CLASS/")
    items, dropped = [], []
    for split in cast("tuple[Split, ...]", SPLITS):
        for path in _files(root / split):
            name = path.relative_to(root).as_posix()
            parts = path.relative_to(root / split).parts
            if len(parts) == 1:
                dropped.append(Dropped(name=name, code="no_class", reason="it is not in the folder of a class"))
                continue
            digest = _digest(path, root, name, anywhere=anywhere)
            if isinstance(digest, Dropped):
                dropped.append(digest)
            else:
                items.append(LabelledImage(path=path, name=name, target=parts[0], split=split, sha256=digest))
    empty = sorted(
        f"{split}/{folder.name}"
        for split in SPLITS
        if (root / split).is_dir()
        for folder in (root / split).iterdir()
        if folder.is_dir() and not _hidden(folder.name)
        if not any(item.split == split and item.target == folder.name for item in items)
    )
    notes = []
    if empty:
        notes.append(Note("empty_class", f"no image was found in {_some(empty)}"))
    unknown = sorted(p.name for p in root.iterdir() if p.is_dir() and p.name not in SPLITS and not _hidden(p.name))
    if unknown:
        notes.append(
            Note("unused_folder", f"ignored folders, since only {', '.join(SPLITS)} are read: {_some(unknown)}")
        )
    check_classes(items)
    return _collection(root.name, items, dropped, notes)


def read_table(table: Path, *, anywhere: bool = False) -> Collection:
    """Read a table with a header: path, target, and optionally split, weight and group.

    A row without a target is left out; other columns are ignored with a note. Without a column `split` all rows are for
    training. Errors are those of `read_collection`.
    """
    items, dropped = [], []
    lines: dict[Path, int] = {}
    header, rows = _rows(table)
    codes = read_codes([row["target"] for _, row in rows])
    for (line, row), target in zip(rows, codes.names, strict=True):
        name = row["path"].strip()
        where = f"{table.name}, line {line}"
        if not name:
            raise TrainingError(f"{where}: the path is empty; each row must name a file")
        if target is None:
            dropped.append(Dropped(name=name, code="no_target", reason=f"line {line} has no target"))
            continue
        path = _named(table.parent, name)
        if path in lines:
            raise TrainingError(
                f"{where}: {name!r} is also on line {lines[path]}; each image needs one row: aggregate the codes of"
                " several coders first"
            )
        lines[path] = line
        digest = _digest(path, table.parent, name, anywhere=anywhere)
        if isinstance(digest, Dropped):
            dropped.append(digest)
            continue
        items.append(
            LabelledImage(
                path=path,
                name=name,
                target=target,
                split=_split(row.get("split", ""), where),
                weight=_weight(row.get("weight", ""), where),
                group=row.get("group", "").strip() or None,
                sha256=digest,
            )
        )
    ignored = sorted(set(header) - set(COLUMNS))
    notes = [Note("unused_columns", f"ignored columns: {_some(ignored)}")] if ignored else []
    if codes.taken:
        texts = ", ".join(f"{count:,} {text!r}" for text, count in codes.taken.items())
        notes.append(Note("missing_codes", f"{sum(codes.taken.values()):,} targets count as missing: {texts}"))
    return _collection(table.name, items, dropped, notes)


def _collection(source: str, items: list[LabelledImage], dropped: list[Dropped], notes: list[Note]) -> Collection:
    if not any(item.split == "train" for item in items):
        why = f" ({len(dropped)} files were left out, the first: {dropped[0].reason})" if dropped else ""
        raise TrainingError(f"{source}: no training image was found{why}; give readable images with split train")
    notes += [Note("similar_codes", remark) for remark in similar_remark((item.target for item in items), "classes")]
    return Collection(items=tuple(items), dropped=tuple(dropped), notes=(*notes, *_duplicates(items)))


def check_classes(items: Iterable[LabelledImage]) -> None:
    """Raise TrainingError for a class without training images, which could never be predicted."""
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        classes[item.split].add(item.target)
    for split in ("validation", "test"):
        if untrained := sorted(classes[split] - classes["train"]):
            raise TrainingError(
                f"{split}: {_some(untrained)} not among the training images; add images of it to train, or remove it"
                f" from {split}"
            )


def _duplicates(items: list[LabelledImage]) -> Iterator[Note]:
    """Notes on identical files in different splits or with different targets, and on groups in different splits."""
    same: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for item in items:
        same[item.sha256].append(item)
    copies = [group for group in same.values() if len(group) > 1]
    leaks = [group for group in copies if len({item.split for item in group}) > 1]
    if leaks:
        pairs = [" = ".join(item.name for item in group[:2]) for group in leaks]
        yield Note(
            "leakage",
            f"{len(leaks)} identical images are in more than one of {', '.join(SPLITS)}, so the figures are too good:"
            f" {_some(pairs)}; keep each in one",
        )
    contradictory = [group for group in copies if len({item.target for item in group}) > 1]
    if contradictory:
        pairs = [" = ".join(f"{item.name} ({item.target})" for item in group[:2]) for group in contradictory]
        yield Note("contradiction", f"{len(contradictory)} images have more than one target: {_some(pairs)}")
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.group is not None:
            groups[item.group].add(item.split)
    if straddling := sorted(group for group, splits in groups.items() if len(splits) > 1):
        yield Note(
            "groups_straddle",
            f"{len(straddling)} groups have images in more than one of {', '.join(SPLITS)}, so the figures are too"
            f" good: {_some(straddling)}",
        )


def _files(folder: Path) -> Iterator[Path]:
    """Files below `folder` in the order of their names; links to folders are not followed."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _hidden(name))
        yield from (Path(parent) / name for name in sorted(names) if not _hidden(name))


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM


def _named(folder: Path, name: str) -> Path:
    """The file that a table names: with backslashes, or in the other form of accents, too."""
    slashed = name.replace("\\", "/")
    forms = (name, slashed, *(unicodedata.normalize(form, slashed) for form in ("NFC", "NFD")))
    return next((folder / form for form in forms if "\0" not in form and (folder / form).exists()), folder / name)


def _digest(path: Path, root: Path, name: str, *, anywhere: bool) -> str | Dropped:
    """The sha256 of an image file, or the reason why it is left out."""
    try:
        if not anywhere and not path.resolve().is_relative_to(root.resolve()):
            return Dropped(name=name, code="outside", reason="it leads out of the folder")
        if not path.is_file():
            return Dropped(name=name, code="missing", reason="there is no such file")
        with path.open("rb") as file:
            pillow_name(sniff(file.read(_HEAD)))
        return sha256(path)
    except ItemError as exc:
        return Dropped(name=name, code=exc.code, reason=exc.message)
    except OSError as exc:
        return Dropped(name=name, code="unreadable", reason=f"it cannot be read: {exc.strerror}")
    except ValueError:  # a zero byte in the path
        return Dropped(name=name, code="unreadable", reason="its path is not valid")


def _rows(table: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Column names in lower case, and the rows with their line numbers."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as exc:
        raise TrainingError(f"{table.name}: byte {exc.start} is not UTF-8; save the table as UTF-8") from exc
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    header = [name.strip().lower() for name in next(reader, [])]
    for column in ("path", "target"):
        if header.count(column) != 1:
            raise TrainingError(
                f"{table.name}: {header.count(column)} columns named {column!r} in the header {first.strip()!r}; give"
                f" one, and optionally {', '.join(COLUMNS[2:])}"
            )
    rows = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise TrainingError(
                    f"{table.name}, line {reader.line_num}: {len(row)} cells, the header has {len(header)}; quote"
                    f" cells that contain {delimiter!r}"
                )
            rows.append((reader.line_num, dict(zip(header, row, strict=True))))
    except csv.Error as exc:
        raise TrainingError(f"{table.name}, line {reader.line_num}: {exc}; save the table again as CSV") from exc
    return header, rows


def _split(cell: str, where: str) -> Split:
    value = cell.strip().lower() or "train"
    value = {"val": "validation", "valid": "validation", "dev": "validation"}.get(value, value)
    if value not in SPLITS:
        raise TrainingError(f"{where}: split {cell.strip()!r} must be one of {', '.join(SPLITS)}")
    return cast("Split", value)


def _weight(cell: str, where: str) -> float:
    if not cell.strip():
        return 1.0
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise TrainingError(f"{where}: weight {cell.strip()!r} is not a number above 0; correct it, or remove the row")
    return value


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name) for name in names[:_SHOWN]) + more
