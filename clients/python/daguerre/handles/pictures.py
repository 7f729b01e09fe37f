"""Small versions of the pictures that a report shows: where each lies, and its thumbnail."""

import os
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast, get_args

from daguerre.errors import RemarkWarning
from daguerre.inputs.crops import image
from daguerre.inputs.files import is_below, walk
from daguerre.inputs.items import ImageLike, image_sources
from daguerre.inputs.names import PathNames
from daguerre.session import Session
from daguerre.transport.operations import DESCRIBE_IMAGES
from daguerre.types import common
from daguerre.types.common import Crop, Payload
from daguerre.types.images import ImageDescription, ImagesAnswer

PageMode = common.PageMode
ReportImages: TypeAlias = str | os.PathLike[str] | Mapping[str, ImageLike] | Sequence[ImageLike | None]
MODES = get_args(PageMode)
BLURS: Mapping[PageMode, str] = {"blurred": "faces", "blurred_whole": "picture", "thumbnails": "none", "none": "none"}
SIDE = 160  # pixels


def require_mode(pictures: str) -> PageMode:
    """Return the mode. Raises ValueError for one that no report has."""
    if pictures not in MODES:
        raise ValueError(f"pictures: got {pictures!r}, there are {', '.join(MODES)}")
    return cast(PageMode, pictures)


async def small_pictures(
    session: Session,
    wanted: Sequence[str],
    ids: Sequence[str],
    files: Sequence[str],
    images: ReportImages | None = None,
    *,
    mode: PageMode,
    required: bool = True,
    progress: bool | None = None,
) -> dict[str, bytes]:
    """Thumbnails of the pictures that a report shows, as `described_pictures` has them: the id of an item → a JPEG."""
    found = await described_pictures(
        session, wanted, ids, files, images, mode=mode, required=required, progress=progress
    )
    return {id: each.thumbnail for id, each in found.items() if each.thumbnail is not None}


async def described_pictures(
    session: Session,
    wanted: Sequence[str],
    ids: Sequence[str],
    files: Sequence[str],
    images: ReportImages | None = None,
    *,
    mode: PageMode,
    required: bool = True,
    side: int = SIDE,
    crops: Mapping[str, Crop] | None = None,
    progress: bool | None = None,
) -> dict[str, ImageDescription]:
    """Thumbnails and sizes of the pictures that a report shows.

    Parameters
    ----------
    wanted : ids of the items that are shown, out of `ids`.
    ids, files : (n,) of all items of the result; a file is a path on this machine, or the id of an item in memory.
    images : a folder that ids are relative to, or the one picture of the result; a mapping from ids, paths or file
        names to pictures; or a list with a picture, or None, for each item. None: the files.
    mode : how they are blurred.
    required : whether there has to be a picture.
    side : pixels of the longer side, at most.
    crops : by id, the part of a picture that is shown.
    progress : as for `Client.embed`.

    Returns
    -------
    dict : the id of an item → a description with a thumbnail, a JPEG. Items without a picture are
    left out, with a warning.

    Raises
    ------
    ValueError : there is no picture of any item, or a name may be that of several.
    """
    found = find_pictures(wanted, ids, files, images)
    if not found:
        if not (required and wanted):
            return {}
        way = 'give images=, or pictures="none"' if images is None else 'give the right one, or pictures="none"'
        where = "a file on this machine" if images is None else f"in images={_shown(images)}"
        raise ValueError(f"pictures: none of the items is {where} (the first: {wanted[0]!r}); {way}")
    lacking = [id for id in wanted if id not in found]
    if lacking and (required or images is not None):
        session.warn(
            RemarkWarning(
                f"pictures: {len(lacking):,} of the {len(wanted):,} that are shown are not there, the first is "
                f"{lacking[0]!r}"
            )
        )
    options = {"thumbnail": side, "blur": BLURS[mode]}

    async def ask(items: Sequence[Payload]) -> ImagesAnswer:
        return await session.transport.call(DESCRIBE_IMAGES, options, items=items)

    parts = crops or {}
    shown = [image(picture, crop=parts[id]) if id in parts else picture for id, picture in found.items()]
    given = image_sources(shown, list(found))
    gathered = await session.gather(given, lambda: len(found), ask, "collect", progress, "pictures", None, again=True)
    described: dict[str, ImageDescription] = {}
    for places, answer in gathered.answers:
        for place, each in zip(places, answer.images, strict=True):
            if each is not None and each.thumbnail is not None:
                described[gathered.ids[place]] = each
    return described


def find_pictures(
    wanted: Sequence[str], ids: Sequence[str], files: Sequence[str], images: ReportImages | None
) -> dict[str, ImageLike]:
    """The pictures of the items that are shown, by id; see `small_pictures`. Raises ValueError."""
    file_of = dict(zip(ids, files, strict=True))
    wanted = list(dict.fromkeys(wanted))
    if images is None:
        paths: dict[str, ImageLike] = {id: file_of[id] for id in wanted if os.path.isfile(file_of.get(id, ""))}
        return paths
    if isinstance(images, str | os.PathLike):
        return _in_folder(wanted, file_of, os.fspath(images))
    if isinstance(images, Mapping):
        return _in_mapping(wanted, ids, files, images)
    if len(images) != len(ids):
        raise ValueError(f"images: {len(images)} for {len(ids)} items; give one for each, None for none")
    pictures = dict(zip(ids, images, strict=True))
    return {id: picture for id in wanted if (picture := pictures.get(id)) is not None}


def _in_folder(wanted: Sequence[str], file_of: Mapping[str, str], folder: str) -> dict[str, ImageLike]:
    if os.path.isfile(folder) and set(wanted) <= {os.path.basename(folder), folder}:  # the one picture of the result
        return dict.fromkeys(wanted, folder)
    if not os.path.isdir(folder):
        raise ValueError(f"images: {folder!r} is no folder; give the folder of the images, or a mapping")
    found: dict[str, ImageLike] = {}
    for id in wanted:
        names = [id] if is_below(folder, id) else []  # ids may come from others: none leads out of the folder
        names += [file_of[id]] if file_of.get(id, id) != id else []
        places = (os.path.join(folder, name) for name in names)
        path = next((place for place in places if os.path.isfile(place)), None)
        if path is not None:
            found[id] = path
    if lacking := [id for id in wanted if id not in found]:  # the folder may lie above or below that of the ids
        paths = list(walk(folder))
        below = PathNames(paths, [os.path.relpath(path, folder).replace(os.sep, "/") for path in paths])
        for id in lacking:
            if hits := below.find(id) or below.find(file_of.get(id, id)):
                found[id] = paths[hits[0]]
    return found


def _in_mapping(
    wanted: Sequence[str], ids: Sequence[str], files: Sequence[str], images: Mapping[str, ImageLike]
) -> dict[str, ImageLike]:
    found: dict[str, ImageLike] = {id: images[id] for id in wanted if images.get(id) is not None}
    if len(found) < len(wanted):
        names = PathNames(files, ids)
        shown = set(wanted)
        for key, picture in images.items():
            for i in names.find(str(key)) if picture is not None else ():
                if ids[i] in shown:
                    found.setdefault(ids[i], picture)
    return {id: found[id] for id in wanted if id in found}


def _shown(images: ReportImages) -> str:
    return repr(os.fspath(images)) if isinstance(images, str | os.PathLike) else f"a {type(images).__name__}"
