"""Studies: making and deleting them, adding pictures, and pictures and thumbnails as they are shown."""

import asyncio
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from models.errors import ItemError, quoted
from models.images.decoding import ImageLimits, open_rgb
from models.images.thumbnail import Blur, copy, shown, thumbnail
from service.errors import Conflict, ItemFailure, ItemsFailed, NotFound, Unprocessable, item_failure
from service.inference.engine import Engine
from service.pipelines import faces
from service.pipelines.encode import image_bytes
from service.pipelines.items import Item, check_count
from service.pipelines.jobs import time_of
from service.schemas import studies as schema
from service.schemas.common import OnError
from service.settings import Settings
from service.stores import study_items
from service.stores.data_folder import inside
from service.stores.disk_budget import DiskBudget
from service.stores.studies import Studies, Study
from service.stores.study_items import NewItem, StudyItem
from service.stores.study_pictures import gone, original
from service.stores.thumbnails import Thumbnails

SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".avif"),
        *(".jp2", ".j2k", ".heic", ".heif"),
    )
)
SIZES: Mapping[str, int | None] = {"256": 256, "1024": 1024, "full": None}
QUALITY = {"256": 75, "1024": 85, "full": 92}
LONGEST_ID = 1024
FOLDERS = 1000  # names in a list
ROW = 200  # bytes of an item in the database, about
CELL = 40  # bytes of a cell besides its text, about
MINE = frozenset(("@eadir", "__macosx"))  # folders that systems add


@dataclass(frozen=True)
class ShownPicture:
    """A picture as it is shown: an upright JPEG without metadata, and the tag by which browsers keep it."""

    data: bytes
    tag: str


def create(studies: Studies, settings: Settings, request: schema.StudyRequest, owner: str | None) -> schema.StudyCard:
    """Make a study of the pictures of a folder, or an empty one. Raises Conflict, Unprocessable, TooLarge."""
    found: list[NewItem] = []
    left_out: int | None = None
    if request.folder is not None:
        root = inside(settings.data, request.folder, "folder")
        if not root.is_dir():
            raise Unprocessable(
                f"folder: {request.folder[:200]!r} is no folder; give one of pictures",
                code="unknown_folder",
                param="folder",
            )
        found, left_out = pictures_in(root)
    study = studies.create(request.name, owner, title=request.title, folder=request.folder)
    try:
        study.require_room(ROW * len(found))
        study_items.add_items(study.database, found)
    except BaseException:
        studies.delete(study)
        raise
    return card(study).model_copy(update={"left_out": left_out})


def folders_in(settings: Settings, within: str) -> schema.FolderList:
    """The names of the folders in one below DAGUERRE_DATA, hidden ones and links aside. Raises Unprocessable."""
    root = inside(settings.data, within or ".", "within")
    try:
        with os.scandir(root) as entries:
            found = (each.name for each in entries if each.is_dir(follow_symlinks=False))
            names = sorted(name for name in found if not name.startswith(".") and name.isprintable())
    except OSError as exc:
        raise Unprocessable(
            f"within: {quoted(within)} cannot be read as a folder ({exc.strerror}); give another one",
            code="unknown_folder",
            param="within",
        ) from exc
    return schema.FolderList(within=within, data=names[:FOLDERS], truncated=len(names) > FOLDERS)


def pictures_in(root: Path) -> tuple[list[NewItem], int]:
    """The pictures below a folder as items, in the order of their paths, and the number of other files.

    Hidden files are left out and do not count. Links that lead out of the folder are left out and count.
    """
    found, others = [], 0
    base = root.resolve()
    for path in sorted(_files(base)):
        name = path.relative_to(base).as_posix()
        try:
            name.encode()
            usable = path.suffix.lower() in SUFFIXES and len(name) <= LONGEST_ID
            usable = usable and path.resolve().is_relative_to(base)
            size = path.stat().st_size if usable else 0
        except (OSError, UnicodeEncodeError, RuntimeError):  # a broken link, a name that is no text, links in a circle
            usable = False
        if usable:
            found.append(NewItem(id=name, file=name, bytes=size))
        else:
            others += 1
    return found, others


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name.lower() not in MINE)
        yield from (Path(folder, name) for name in files if not name.startswith("."))


def card(study: Study) -> schema.StudyCard:
    """Describe a study."""
    with study.database.reading() as db:
        (items, size) = db.execute(
            "SELECT count(*), ifnull(sum(CASE WHEN file IS NULL THEN bytes END), 0) FROM items"
        ).fetchone()
        (version,) = db.execute("SELECT max(version) FROM codebooks").fetchone()
        (codes,) = db.execute("SELECT count(*) FROM codes WHERE variable != ''").fetchone()
        assignments = [row["name"] for row in db.execute("SELECT name FROM assignments ORDER BY number")]
        columns = {name: kind for name, (_, kind) in study_items.columns_of(db).items()}
    return schema.StudyCard.model_validate(
        {
            **{name: getattr(study, name) for name in ("name", "title", "folder", "collection")},
            **{
                "pictures": study.collection is None,
                "created": time_of(study.created),
                "items": items,
                "bytes": size,
                "columns": columns,
            },
            **{"codebook": version, "assignments": assignments, "codes": codes},
        }
    )


def put_columns(study: Study, request: schema.ColumnsRequest) -> schema.ColumnsAnswer:
    """Write columns of items. Raises Unprocessable, TooLarge."""
    cells = [cell for values in request.columns.values() for cell in values]
    texts = sum(len(cell) for cell in cells if isinstance(cell, str))
    study.require_room(2 * texts + CELL * len(cells))  # twice, for the index
    kinds = study_items.put_columns(study.database, request.ids, request.columns)
    return schema.ColumnsAnswer.model_validate({"columns": kinds, "rows": len(request.ids)})


def delete(studies: Studies, study: Study) -> schema.DeletedStudy:
    """Delete a study with all that belongs to it, and say what that was."""
    there = card(study)
    with study.database.reading() as db:
        (versions,) = db.execute("SELECT count(*) FROM codebooks").fetchone()
        (pictures,) = db.execute("SELECT count(*) FROM items WHERE file IS NULL").fetchone()
        (vectors,) = db.execute("SELECT count(row) FROM vector_rows").fetchone()
    thumbnails = sum(1 for _ in study.thumbnails.iterdir()) if study.thumbnails.exists() else 0
    studies.delete(study)
    return schema.DeletedStudy(
        name=study.name,
        items=there.items,
        pictures=pictures if there.pictures else 0,
        bytes=there.bytes,
        thumbnails=thumbnails,
        vectors=vectors,
        columns=list(there.columns),
        codebooks=versions,
        assignments=there.assignments,
        codes=there.codes,
    )


async def add_pictures(
    engine: Engine, study: Study, items: Sequence[Item], ids: Sequence[str] | None, *, on_error: OnError
) -> schema.PicturesAnswer:
    """Keep pictures as items of a study. Raises Conflict, ItemsFailed, Unprocessable, TooLarge."""
    if study.collection is not None:
        raise Conflict(
            f"the items of this study are those of the collection {study.collection!r}, without pictures; send "
            "pictures to a study without a collection",
            code="study_of_a_collection",
        )
    if study.folder is not None:
        raise Conflict(
            f"the items of this study are the pictures of its folder {study.folder[:200]!r}; send pictures to a study "
            "without a folder",
            code="study_of_a_folder",
        )
    check_count(engine, items)
    names = _ids_of(items, ids)
    found: dict[int, tuple[bytes, NewItem]] = {}
    failures: dict[int, ItemFailure] = {}

    def look(i: int, item: Item, limits: ImageLimits) -> None:
        if item.image is None or item.text is not None or item.crop is not None:
            failures[i] = ItemFailure(i, names[i], "missing_modality", "is no whole image; send images alone")
            return
        try:
            data = image_bytes(item.image, limits.max_bytes)
            picture = open_rgb(data, limits=limits)
        except ItemError as exc:
            failures[i] = item_failure(i, names[i], exc)
            return
        digest = hashlib.sha256(data).hexdigest()
        width, height = picture.size
        found[i] = data, NewItem(id=names[i], sha256=digest, bytes=len(data), width=width, height=height)

    await asyncio.gather(*(engine.decode(partial(look, i, item)) for i, item in enumerate(items)))
    if failures and on_error == "fail":
        raise ItemsFailed([failures[i] for i in sorted(failures)], of=len(items))
    added = await asyncio.to_thread(_keep, study, engine.settings, [found[i] for i in sorted(found)])
    refused = [
        schema.RefusedPicture(index=i, id=each.id, code=each.code, message=each.message)
        for i, each in sorted(failures.items())
    ]
    count = await asyncio.to_thread(study_items.count_items, study.database)
    return schema.PicturesAnswer(added=added, items=count, refused=refused)


def _ids_of(items: Sequence[Item], ids: Sequence[str] | None) -> list[str]:
    """An id for each picture. Raises Unprocessable where one is missing, twice, or too long."""
    if not items:
        raise Unprocessable("input: there is no picture; send at least one", param="input")
    if ids is not None and len(ids) != len(items):
        raise Unprocessable(
            f"ids: {len(ids)} for {len(items)} pictures; give one for each", code="lengths_differ", param="ids"
        )
    names = [item.id or "" for item in items] if ids is None else list(ids)
    for i, name in enumerate(names):
        if not name.strip() or len(name) > LONGEST_ID or re.search(r"[\x00-\x1f\x7f]", name):
            raise Unprocessable(
                f"ids[{i}]: a picture needs an id of 1 to {LONGEST_ID} characters, without control characters; give it "
                "as `id`, or in `ids`",
                param="ids",
            )
    if twice := {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else None:
        raise Unprocessable(
            f"ids: {min(twice)[:100]!r} is there twice; give each picture an id of its own", param="ids"
        )
    return names


def _keep(study: Study, settings: Settings, pictures: Sequence[tuple[bytes, NewItem]]) -> int:
    """Write pictures to disk and add them as items; returns the number of new ones. Raises Conflict, TooLarge."""
    total = sum(len(data) for data, _ in pictures)
    written: list[Path] = []
    DiskBudget(settings).reserve(study.path / "pictures.size", total)
    kept = 0
    try:
        for data, item in pictures:
            path = study.pictures / item.key
            with path.open("xb") as file:
                written.append(path)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        added = study_items.add_items(study.database, [item for _, item in pictures])
        new = {item.key for item in added}
        written = [path for path in written if path.name not in new]
        kept = sum(item.bytes for item in added)
        return len(added)
    finally:
        for path in written:
            path.unlink(missing_ok=True)
        with suppress(FileNotFoundError):  # the study is deleted meanwhile
            DiskBudget(settings).reserve(study.path / "pictures.size", kept - total)


async def show(
    engine: Engine, study: Study, item: StudyItem, size: str, blur: Blur = "none", *, known: str | None = None
) -> ShownPicture:
    """An item's picture at a size of SIZES, from the thumbnails if it was shown before; blurred in part or as a whole.

    Returns no bytes where `known` is the picture's tag. Raises NotFound, Unprocessable, TooLarge, Overloaded.
    """
    settings = engine.settings
    if study.collection is not None:
        raise NotFound(
            f"picture: the items of this study are those of the collection {study.collection!r}, without pictures; "
            "show their texts and columns",
            code="no_picture",
            param="key",
        )
    stamp = await asyncio.to_thread(_stamp, study, item, settings)
    model = faces.detector(engine) if blur == "faces" else None
    how = "" if blur == "none" else f" {blur} {model.spec.fingerprint() if model else None}"
    tag = hashlib.sha256(f"{item.key} {size} {stamp}{how}".encode()).hexdigest()[:24]
    if known == tag:
        return ShownPicture(b"", tag)
    cache = Thumbnails(study.thumbnails, settings.max_thumbnails_bytes)
    if size != "full":
        data = await asyncio.to_thread(cache.read, tag)
        if data is not None:
            return ShownPicture(data, tag)
    source = await asyncio.to_thread(original, study, item, settings)
    side, quality = SIZES[size], QUALITY[size]
    if blur == "none":
        made = await engine.decode(lambda limits: shown(source, side=side, quality=quality, limits=limits))
    else:
        made = await _blurred(engine, source, side, quality, blur)
    if size != "full":
        await asyncio.to_thread(cache.write, tag, made)
    return ShownPicture(made, tag)


async def _blurred(engine: Engine, source: bytes, side: int | None, quality: int, blur: Blur) -> bytes:
    """A blurred JPEG. Raises ItemError, Overloaded."""

    def drawn(_: int, look: faces.Look) -> bytes:
        if side is None:
            return copy(look.image, blurred=look.blurred, faces=look.faces, quality=quality)
        return thumbnail(look.image, side=side, blurred=look.blurred, faces=look.faces, quality=quality)

    found, errors = await faces.looked_at(engine, [faces.Shown(0, source)], blur, drawn)
    if errors:
        raise errors[0]
    return found[0]


def _stamp(study: Study, item: StudyItem, settings: Settings) -> str:
    """Text that changes with the item's file."""
    if item.file is None:
        return ""
    try:
        about = (inside(settings.data, study.folder or "", "folder") / item.file).stat()
    except OSError as exc:
        raise gone() from exc
    return f"{about.st_mtime_ns} {about.st_size}"


def item_card(item: StudyItem) -> schema.ItemCard:
    """Describe an item."""
    names = ("id", "key", "bytes", "width", "height", "text", "columns")
    return schema.ItemCard(**{name: getattr(item, name) for name in names})
