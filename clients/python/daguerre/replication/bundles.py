"""Bundles: a study as a zip file, written with the same bytes for the same study, and read as if it were hostile."""

import json
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from daguerre.errors import DaguerreError
from daguerre.inputs.files import require_folder
from daguerre.replication.outcomes import csv_bytes, csv_rows, json_bytes
from daguerre.replication.steps import FOLDER, NAME, RECORD, StoredStep, folder_steps, parsed_record
from daguerre.replication.values import TEXT_COLUMNS, sha256
from daguerre.storage.whole import whole_file
from daguerre.version import __version__

KIND, VERSION = "daguerre-bundle", 1
MANIFEST, README, INPUTS = "manifest.json", "README.txt", "inputs.csv"
MEMBER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+ -]*(/[A-Za-z0-9_][A-Za-z0-9._+ -]*){0,4}")
RASTER = re.compile(rb"data:image/(?!svg)|<img\b|<image\b", re.IGNORECASE)
MOST_MEMBERS, LARGEST, LARGEST_RATIO, SPARE = 200_000, 16 * 2**30, 100, 32 * 2**20
PLAIN_COLUMNS = frozenset(  # of tables, which say no more of an item than its code and how it was drawn
    ("id", "item", "path", "code", "target", "label", "inclusion_prob", "stratum", "weight", "split", "kept")
)
WAY = "make it again with `daguerre bundle`"
ABOUT = """\
This is a replication bundle of Daguerre: the steps of a study on pictures, with their settings, seeds, codes and
results. It has no pictures: inputs.csv names them, with the SHA-256 of each file.{pages}

To replicate the study: get the pictures and put them into a folder; start a Daguerre server with the models that
manifest.json names; and run

    daguerre replicate THIS.zip --images FOLDER/

It runs every step again, from the pictures on, and prints for every figure whether it is bit-equal, equal within a
tolerance, or different. Files are found by their hash, whatever they are called. Without the pictures,

    daguerre replicate THIS.zip --from-tables

runs the steps that need no picture, from the stored vectors.

manifest.json       versions, models with their fingerprints, and the SHA-256 of each file
inputs.csv          the pictures: id, sha256, bytes, width, height
steps/0001-…/       a step: step.json (the method and its arguments), result/ (items.csv has a row for each item,
                    figures.csv all other figures, .npy files arrays of NumPy), and tables and texts that were given
tables/, pages/     tables, figures and pages of the study's folder
"""


@dataclass(frozen=True)
class BundleSummary:
    """The content of a bundle that was written.

    Attributes
    ----------
    out : path of the file.
    steps, inputs, files : numbers of steps, pictures, and files in the bundle.
    not_repeatable : by "number operation", why a step cannot be repeated.
    left_out : files of the folder that are not in the bundle, and why.
    columns : by "number operation: table", the columns that were given beside ids and codes, and are in the bundle.
    """

    out: str
    steps: int
    inputs: int
    files: int
    not_repeatable: Mapping[str, str]
    left_out: Mapping[str, str]
    columns: Mapping[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{self.out}: {self.steps:,} steps, {self.inputs:,} pictures by their hashes, {self.files:,} files"]
        lines += [f"  {name} cannot be repeated: {reason}" for name, reason in self.not_repeatable.items()]
        lines += [f"  {name} is left out: {reason}" for name, reason in self.left_out.items()]
        lines += [f"  {name} is included with {', '.join(columns)}" for name, columns in self.columns.items()]
        if self.columns:
            lines.append(
                "  where these must not be published, delete the step, and run it again with a table without them"
            )
        return "\n".join(lines)


def bundle(
    study: "str | os.PathLike[str]",
    out: "str | os.PathLike[str]",
    *,
    with_pages: bool = False,
    with_texts: bool = False,
) -> BundleSummary:
    """Make a replication bundle of a study: a zip file without pictures.

    Parameters
    ----------
    study : the folder in which a client with `study=` (or $DAGUERRE_STUDY) has recorded its calls.
    out : the .zip file. The same study gives the same bytes.
    with_pages : include pages that show pictures, blurred ones too. Pages without pictures are always included.
    with_texts : include the texts that were embedded or coded, which may be personal data. Without them, the steps that
        take texts cannot be repeated.

    Returns
    -------
    BundleSummary : numbers of steps and inputs, and what is left out.

    Raises
    ------
    ValueError : nothing was recorded in the folder.

    Examples
    --------
    >>> client = Client(study="study/")
    >>> X = client.embed(images="photos/")
    >>> daguerre.bundle("study/", "study.zip").steps
    1
    """
    folder = Path(study)
    require_folder(out)
    steps = list(folder_steps(folder))
    if not steps:
        raise ValueError(
            f"{os.fspath(study)}: no step is recorded there; run the study with DAGUERRE_STUDY={os.fspath(study)} in "
            "the environment (or Client(study=…), or daguerre --study), and bundle it then"
        )
    members: dict[str, bytes] = {}
    for step in steps:
        members |= _step_members(step, with_texts)
    inputs = _inputs(steps)
    members[INPUTS] = csv_bytes([["id", "sha256", "bytes", "width", "height"], *inputs])
    texts_kept_out = not with_texts and any(_has_texts(step) for step in steps)
    pages, left_out = _pages(folder, Path(out), with_pages, texts_kept_out)
    members |= pages
    members[README] = ABOUT.format(pages=" Pages with pictures are included." if with_pages else "").encode()
    members[MANIFEST] = json_bytes(_manifest(steps, members, with_pages, with_texts))
    with whole_file(out) as path:
        _write(path, members)
    return BundleSummary(
        out=os.fspath(out),
        steps=len(steps),
        inputs=len(inputs),
        files=len(members),
        not_repeatable={f"{s.number} {s.operation}": s.record["problem"] for s in steps if s.record.get("problem")},
        left_out=left_out,
        columns={
            f"{step.number} {step.operation}: {name}": columns
            for step in steps
            for name, columns in _further_columns(step, with_texts).items()
        },
    )


def _further_columns(step: StoredStep, with_texts: bool) -> dict[str, list[str]]:
    """By table, the columns in the bundle that may say more than which code an item has."""
    given = step.record["arguments"]
    tables = {str(each["name"]): csv_rows(step.read(each["file"]), each["file"])[0] for each in _values(given, "table")}
    tables |= {f"table {i + 1}": [name for name, _ in f["columns"]] for i, f in enumerate(_values(given, "frame"))}
    known = {*PLAIN_COLUMNS, *(() if with_texts else TEXT_COLUMNS)}
    further = {name: [each for each in header if each.casefold() not in known] for name, header in tables.items()}
    return {name: columns for name, columns in further.items() if columns}


def _values(value: Any, kind: str) -> Iterator[Mapping[str, Any]]:
    """The stored values of a kind in the arguments of a step."""
    if isinstance(value, Mapping):
        if value.get("$") == kind:
            yield value
        for each in value.values():
            yield from _values(each, kind)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each, kind)


def _step_members(step: StoredStep, with_texts: bool) -> dict[str, bytes]:
    at = f"{FOLDER}/{step.number:04}-{step.operation}"
    members: dict[str, bytes] = {}
    for name in step.record.get("files", ()):
        data = step.read(name)
        if not with_texts and name.startswith("texts-"):
            continue
        members[f"{at}/{name}"] = data if with_texts or not name.startswith("table-") else _without_texts(data)
    members |= {f"{at}/result/{name}": step.read(f"result/{name}") for name in step.record["result"]}
    record = {**step.record, "files": {n: sha256(d) for n in step.record["files"] if (d := members.get(f"{at}/{n}"))}}
    return members | {f"{at}/{RECORD}": json_bytes(record)}


def _without_texts(data: bytes) -> bytes:
    """A table whose columns of texts are empty, unless they alone name its items."""
    header, *rows = csv_rows(data, "table")
    names = [name.casefold() for name in header]
    if not {"id", "item", "path"} & set(names):
        return data
    blank = {i for i, name in enumerate(names) if name in TEXT_COLUMNS}
    return csv_bytes([header, *(["" if i in blank else cell for i, cell in enumerate(row)] for row in rows)])


def _has_texts(step: StoredStep) -> bool:
    """Whether texts were given to a step, be it in a table."""
    names = list(step.record["files"])
    tables = [step.read(name) for name in names if name.startswith("table-")]
    return any(name.startswith("texts-") for name in names) or any(_without_texts(data) != data for data in tables)


def items_of(value: Any) -> Iterator[Mapping[str, Any]]:
    """The pictures in the arguments of a step."""
    if isinstance(value, Mapping):
        if value.get("$") in ("images", "folder"):
            yield from value["items"]
        else:
            for each in value.values():
                yield from items_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from items_of(each)


def _inputs(steps: list[StoredStep]) -> list[list[str]]:
    """The pictures of all steps, each once: file, SHA-256, bytes, width and height."""
    found: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        for item in items_of(step.record["arguments"]):
            if item["sha256"] is not None:
                cells = [item["file"], item["sha256"], *(item.get(name) for name in ("bytes", "width", "height"))]
                found[(item["file"], item["sha256"])] = ["" if cell is None else str(cell) for cell in cells]
    return [found[key] for key in sorted(found)]


def _pages(folder: Path, out: Path, with_pages: bool, texts_kept_out: bool) -> tuple[dict[str, bytes], dict[str, str]]:
    """Pages, and tables and figures of pages, in the folder of the study; and what is left out of it."""
    members, left_out = dict[str, bytes](), dict[str, str]()
    private = {str(folder.resolve()), str(Path.home()), os.getcwd()} - {os.sep}
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder).as_posix()
        suffix = path.suffix.lower()
        if not path.is_file() or below.startswith(f"{FOLDER}/") or path.resolve() == out.resolve():
            continue
        if suffix not in (".html", ".tex", ".svg") and not (suffix == ".csv" and path.with_suffix(".tex").exists()):
            continue  # tables of commands are in the steps
        data = path.read_bytes()
        name = f"{'pages' if suffix == '.html' else 'tables'}/{below}"
        if RASTER.search(data) and not with_pages:
            left_out[below] = "it may show pictures; include it with --with-pages, or draw it with --pictures none"
        elif texts_kept_out:
            left_out[below] = "it may show texts of the study; include them with --with-texts"
        elif any(place.encode() in data for place in private):
            left_out[below] = "it names a folder of this machine"
        elif not MEMBER.fullmatch(name):
            left_out[below] = "its name has other characters than letters without accents, digits, '-', '_' and '.'"
        else:
            members[name] = data
    return members, left_out


def _manifest(
    steps: list[StoredStep], members: Mapping[str, bytes], with_pages: bool, with_texts: bool
) -> dict[str, Any]:
    receipts = [step.record["receipt"] for step in steps if step.record.get("receipt")]
    unique = [each for i, each in enumerate(receipts) if each not in receipts[:i]]
    return {
        "kind": KIND,
        "version": VERSION,
        "made_by": f"daguerre {__version__}",
        "recorded_with": sorted(
            {f"daguerre {s.record['daguerre']}, Python {s.record['python']}, {s.record['platform']}" for s in steps}
        ),
        "receipts": unique,
        "fingerprints": sorted({each["fingerprint"] for each in unique if each.get("fingerprint")}),
        "pages_with_pictures": with_pages,
        "texts": with_texts,
        "steps": [f"{step.number:04}-{step.operation}" for step in steps],
        "files": {name: sha256(data) for name, data in sorted(members.items())},
    }


def _write(path: str, members: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            stored = name.endswith(".npy")  # vectors hardly get smaller
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            info.external_attr, info.create_system = 0o644 << 16, 3
            archive.writestr(info, members[name])


@dataclass(frozen=True)
class OpenBundle:
    """An open bundle: its manifest, its steps in order, and its files that were changed after it was made."""

    manifest: Mapping[str, Any]
    steps: list[StoredStep]
    changed: list[str]


@contextmanager
def open_bundle(path: "str | os.PathLike[str]") -> Iterator[OpenBundle]:
    """Open a bundle; nothing of it is written to the disk.

    Raises
    ------
    FileNotFoundError : there is no such file.
    DaguerreError : it is no bundle, or one that is not safe to read: names outside of the bundle, links, names twice,
        sizes beyond those that compression explains.
    """
    name = os.fspath(path)
    with open(name, "rb") as file:
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as exc:
            raise _invalid(name, f"is no zip file: {exc}") from exc
        with archive:
            yield _opened(name, archive, file)


def _opened(name: str, archive: zipfile.ZipFile, file: BinaryIO) -> OpenBundle:
    members: dict[str, zipfile.ZipInfo] = {}
    entries = archive.infolist()
    if len(entries) > MOST_MEMBERS:
        raise _invalid(name, f"has {len(entries):,} members, and at most {MOST_MEMBERS:,} are read")
    for info in entries:
        mode = info.external_attr >> 16
        if (
            not MEMBER.fullmatch(info.filename)
            or ".." in info.filename
            or (mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG))
        ):
            raise _invalid(name, f"has the member {info.filename!r:.80}, which is no file of a bundle")
        if info.filename in members:
            raise _invalid(name, f"has {info.filename!r:.80} twice")
        if info.flag_bits & 1:
            raise _invalid(name, f"has {info.filename!r:.80} with a password")
        members[info.filename] = info
    total = sum(info.file_size for info in entries)
    limit = min(LARGEST, LARGEST_RATIO * os.fstat(file.fileno()).st_size + SPARE)
    if total > limit:
        raise _invalid(name, f"says that it holds {total:,} bytes, and {limit:,} are the most that are read")

    def read(member: str) -> bytes:
        if member not in members:
            raise _invalid(name, f"lacks {member!r:.80}")
        try:
            with archive.open(members[member]) as opened:
                data = opened.read(members[member].file_size + 1)
        except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError, RuntimeError) as exc:
            raise _invalid(name, f"cannot be read: {member}: {exc}") from exc
        except Exception as exc:  # zlib.error and the like, of whatever compression it says
            raise _invalid(name, f"cannot be read: {member}: {exc}") from exc
        if len(data) != members[member].file_size:
            raise _invalid(name, f"has more in {member!r:.80} than it says")
        return data

    manifest = _read_manifest(name, read)
    steps = []
    for step in manifest["steps"]:
        if not isinstance(step, str) or not NAME.fullmatch(step):
            raise _invalid(name, f"has the step {step!r:.80}, which is no name of a step")
        at = f"{FOLDER}/{step}"
        steps.append(StoredStep(parsed_record(read(f"{at}/{RECORD}"), at), _below(read, at)))
    numbers = [step.number for step in steps]
    if numbers != sorted(set(numbers)):
        raise _invalid(name, "has steps that are not in order")
    hashes = manifest["files"]
    changed = [each for each in sorted(members) if each != MANIFEST and sha256(read(each)) != hashes.get(each)]
    return OpenBundle(manifest, steps, changed)


def _below(read: Callable[[str], bytes], at: str) -> Callable[[str], bytes]:
    return lambda name: read(f"{at}/{name}")


def _read_manifest(name: str, read: Callable[[str], bytes]) -> Mapping[str, Any]:
    try:
        manifest = json.loads(read(MANIFEST))
        if (
            manifest["kind"] != KIND
            or not isinstance(manifest["steps"], list)
            or not isinstance(manifest["files"], dict)
        ):
            raise KeyError("kind")
        version = int(manifest["version"])
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        raise _invalid(name, f"has no manifest of a bundle: {exc!r:.80}") from exc
    if version > VERSION:
        raise DaguerreError(
            f"{name} is a bundle of version {version}, and this daguerre reads {VERSION}; upgrade it",
            code="invalid_bundle",
        )
    found: Mapping[str, Any] = manifest
    return found


def _invalid(name: str, reason: str) -> DaguerreError:
    return DaguerreError(f"{name} {reason}; {WAY}", code="invalid_bundle")
