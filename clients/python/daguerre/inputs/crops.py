"""Crops of images: one for an image, or a table of them, in which an image may have several or none."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any, TypeAlias

from daguerre.inputs.columns import is_missing, plain
from daguerre.inputs.names import PathNames
from daguerre.inputs.source import Named, Source
from daguerre.types.common import Crop, Payload

CropLike: TypeAlias = Crop | Mapping[str, float] | Sequence[float] | None
NUMBERS = ("x", "y", "width", "height", "margin")
KEYS = ("id", "path")
NUMBER = "finding"  # column of a crop's number among the findings of its image


class CroppedImage:
    """An image of which a rectangle is taken, as `daguerre.image` makes it."""

    def __init__(self, image: Any, crop: Crop) -> None:
        self.image = image
        self.crop = crop


def image(given: Any, *, crop: CropLike = None) -> Any:
    """An image for any method that takes images, with a crop of it in place of all of it.

    Parameters
    ----------
    given : a path, bytes, an open file, a PIL image or an array; a folder's crop is that of each of its images.
    crop : a Crop; a mapping with x, y, width, height and perhaps margin; or these numbers in this order. They are
        pixels of the upright picture, whose EXIF orientation is applied; `margin` is the share of the width and height
        that is added on each side. What lies outside of the picture is left out. None: all of the image.

    Raises
    ------
    TypeError, ValueError : the crop lacks a number, or one is not finite.

    Examples
    --------
    >>> from daguerre import Client, image
    >>> Client().embed(images=[image("photos/cat.jpg", crop=(10, 20, 200, 150))]).vectors.shape
    (1, 1280)
    """
    made = to_crop(crop, "crop")
    return given if made is None else CroppedImage(given, made)


class CroppedImages:
    """Images with `crops`, as every method that takes images reads them: see daguerre.inputs.items.image_sources."""

    def __init__(self, images: Any, crops: Any) -> None:
        self.images = list(images) if isinstance(images, Iterator) else images
        self.crops = list(crops) if isinstance(crops, Iterator) else crops  # some methods read items twice

    def __len__(self) -> int:
        crops = self.crops
        if isinstance(crops, Mapping):
            return len(next(iter(crops.values()), ()))
        rows = getattr(crops, "num_rows", None)
        return len(crops) if rows is None else int(rows)


def with_crops(images: Any, crops: Any) -> Any:
    """Images for any method that takes some, with `crops` of them; the images where there are none.

    Raises ValueError for crops without images.
    """
    if crops is None:
        return images
    if images is None:
        raise ValueError("crops: are of images; give images, or leave crops out")
    return CroppedImages(images, crops)


def content_hash(item: Payload, file_hash: str | None = None) -> str:
    """SHA-256 of an image, in hex digits: of its file, and where it is a crop, of the file's hash and the crop.

    `file_hash` : the SHA-256 of the file, where it is known.
    """
    whole = file_hash or hashlib.sha256(item.image or b"").hexdigest()
    if item.crop is None:
        return whole
    return hashlib.sha256(json.dumps([whole, *astuple(item.crop)]).encode()).hexdigest()


class CroppedSource(Named):
    """An item with a crop; `own_id` in place of that of the item."""

    def __init__(self, source: Source, crop: Crop, own_id: str | None = None) -> None:
        super().__init__(source.own_id if own_id is None else own_id, source.path)
        self.source = source
        self.crop = crop

    @property
    def id(self) -> str:
        return self.source.id if self.own_id is None else self.own_id

    @property
    def size_hint(self) -> int | None:
        return self.source.size_hint

    def read(self) -> Payload:
        return replace(self.source.read(), crop=self.crop)


def to_crop(given: CropLike, what: str) -> Crop | None:
    """A crop of what users give for one. Raises TypeError, ValueError."""
    given = plain(given)
    if given is None or isinstance(given, Crop):
        return given
    if isinstance(given, Mapping):
        if unknown := [name for name in given if name not in NUMBERS]:
            raise ValueError(f"{what}: has {unknown[0]!r:.60}; a crop has {', '.join(NUMBERS)}")
        values = dict(given)
    elif isinstance(given, str | bytes) or not hasattr(given, "__len__") or not hasattr(given, "__iter__"):
        raise TypeError(
            f"{what}: got {given!r:.60}; give a Crop, a mapping with x, y, width and height, or these four numbers"
        )
    else:
        if not 4 <= len(given) <= 5:
            raise ValueError(f"{what}: got {len(given)} numbers; give x, y, width, height, and perhaps margin")
        values = dict(zip(NUMBERS, given, strict=False))
    return _crop(values, what)


def _crop(values: Mapping[str, Any], what: str) -> Crop:
    numbers = {}
    for name in NUMBERS:
        value = plain(values.get(name))
        if is_missing(value):
            if name != "margin":
                raise ValueError(f"{what}: has no {name}; give x, y, width and height, in pixels")
            continue
        try:
            numbers[name] = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"{what}: its {name} is {value!r:.60}; give a number of pixels") from None
    try:
        return Crop(**numbers)
    except ValueError as exc:
        raise ValueError(f"{what}: {exc}") from exc


def is_crop_table(crops: Any) -> bool:
    """Whether crops are rows with the ids or paths of their images, and not one crop for each image."""
    if hasattr(crops, "column_names") or (hasattr(crops, "columns") and not isinstance(crops, str | bytes)):
        return True
    if isinstance(crops, Mapping):
        return True
    first = next(iter(crops), None) if isinstance(crops, list | tuple) else None
    return isinstance(first, Mapping) and any(name in first for name in KEYS)


def crop_each(sources: Iterable[Source], crops: Iterable[CropLike]) -> Iterable[Source]:
    """One crop for each item, None for all of its image. Raises ValueError for another number of them."""
    given, n = list(crops), 0
    for n, source in enumerate(sources, 1):
        if n > len(given):
            raise ValueError(f"crops: {len(given)} for more items than that; give one for each, None for whole images")
        crop = to_crop(given[n - 1], f"crops[{n - 1}]")
        yield source if crop is None else CroppedSource(source, crop)
    if n < len(given):
        raise ValueError(f"crops: {len(given)} for {n} items; give one for each, None for whole images")


def crop_rows(
    sources: Sequence[Source], ids: Sequence[str], files: Sequence[str], crops: Any
) -> tuple[list[Source], str | None]:
    """One item for each row of a table of crops, and a remark on rows and images that are left out.

    The id of an item is "photo.jpg#3": the id of its image, and the number in the row's column `finding`, or without
    one its place among the crops of the image. A row of a crop's own crop, "photo.jpg#3", names that image too. Rows
    of findings without a box, such as classes of whole pictures, are left out.

    Raises ValueError for a row whose id or path names no image or several, and for one that lacks a number.
    """
    names, counts = PathNames(files, ids), [0] * len(sources)
    made: dict[str, Source] = {}
    boxless = 0
    rows = _rows(crops)
    for i, row in enumerate(rows):
        key = next((name for name in KEYS if not is_missing(plain(row.get(name)))), None)
        if key is None:
            raise ValueError(f"crops: row {i} has no id or path; give each row that of its image")
        number = plain(row.get(NUMBER))
        if not is_missing(number) and all(is_missing(plain(row.get(name))) for name in NUMBERS[:4]):
            boxless += 1
            continue
        value = str(plain(row[key]))
        place, rest = _place(names, value, i)
        crop = _crop(row, f"crops: row {i}")
        last = counts[place] if is_missing(number) else _number(number, i)
        id = f"{ids[place]}{rest}#{last}"
        if id in made:
            raise ValueError(f"crops: row {i}: finding {last} of {value!r:.200} is in the table twice; give each once")
        made[id] = CroppedSource(sources[place], crop, id)
        counts[place] += 1
    unused = [id for id, count in zip(ids, counts, strict=True) if not count]
    remarks = []
    if unused:
        remarks.append(
            f"{len(unused):,} of {len(ids):,} images have no row in the table and are left out, the first is "
            f"{unused[0]!r}"
        )
    if boxless:
        remarks.append(f"{boxless:,} of {len(rows):,} rows are findings without a box and are left out")
    return list(made.values()), f"crops: {'; '.join(remarks)}" if remarks else None


def _place(names: PathNames, value: str, i: int) -> tuple[int, str]:
    """The place of the image that a row names, and the number of the crop where it names one. Raises ValueError."""
    rest = ""
    try:
        places = names.find(value)
        if not places and (crop := re.fullmatch(r"(.+?)((?:#\d+)+)", value)):
            places, rest = names.find(crop[1]), crop[2]
    except ValueError as exc:
        raise ValueError(f"crops: row {i}: {exc}") from exc
    if len(places) != 1:
        problem = f"names {len(places)} of the images" if places else f"names no image; {names.hint(value)}"
        raise ValueError(f"crops: row {i}: {value!r:.200} {problem}")
    return places[0], rest


def _number(number: Any, i: int) -> int:
    try:
        value = int(number)
    except (TypeError, ValueError, OverflowError):
        value = -1
    if value < 0 or value != float(number):
        raise ValueError(f"crops: row {i}: its finding is {number!r:.60}; give its number, from 0 on")
    return value


def _rows(table: Any) -> list[Mapping[str, Any]]:
    """The rows of a table of pandas, polars or pyarrow, of a mapping of columns, or of a list of mappings."""
    if isinstance(table, Mapping):
        columns = {str(name): list(column) for name, column in table.items()}
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"crops: its columns have {lengths} rows; give as many of each")
        rows: list[Mapping[str, Any]] = [
            dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)
        ]
    elif hasattr(table, "to_pylist"):
        rows = table.to_pylist()
    elif hasattr(table, "to_dicts"):
        rows = table.to_dicts()
    elif hasattr(table, "to_dict"):
        rows = table.to_dict("records")
    else:
        rows = list(table)
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(f"crops: row {i} is {row!r:.60}; give a mapping with id or path, x, y, width and height")
    return rows
