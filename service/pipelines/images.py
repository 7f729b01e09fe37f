"""Images without a model: descriptions and thumbnails. No image is kept."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from models.errors import ItemError
from models.images.crops import Crop
from models.images.decoding import ImageLimits, open_rgb
from models.images.further import is_first_of_many
from models.images.miniature import miniature
from models.images.perceptual import perceptual_hash
from models.images.thumbnail import Blur, copy, thumbnail
from service.errors import ItemFailure, ItemsFailed, Unprocessable, item_failure
from service.inference.engine import Engine
from service.metrics import ITEMS, ITEMS_FAILED
from service.pipelines.encode import image_bytes
from service.pipelines.faces import Look, Shown, looked_at
from service.pipelines.items import Item, check_count
from service.schemas.clusters import PageMode
from service.schemas.images import ImagesRequest

BLURS: Mapping[PageMode, Blur] = {
    "blurred": "faces",
    "blurred_whole": "picture",
    "thumbnails": "none",
    "none": "picture",  # nothing is shown
}
K = TypeVar("K")


@dataclass(frozen=True, kw_only=True)
class Described:
    """Description of one image.

    Attributes
    ----------
    phash : 64 bits; None for an image of a single colour.
    first_of_many : whether it is the first of several pictures in its file.
    picture : a JPEG of the whole picture, to be passed on.
    faces : number of faces that are blurred; None where they were not looked for.
    """

    sha256: str
    phash: int | None
    width: int
    height: int
    thumbnail: bytes | None
    first_of_many: bool = False
    miniature: bytes | None = None
    picture: bytes | None = None
    faces: int | None = None

    def to_json(self) -> dict[str, object]:
        """The description as JSON types."""
        return {
            "sha256": self.sha256,
            "phash": None if self.phash is None else f"{self.phash:016x}",
            "width": self.width,
            "height": self.height,
            "thumbnail": None if self.thumbnail is None else base64.b64encode(self.thumbnail).decode(),
            "miniature": None if self.miniature is None else base64.b64encode(self.miniature).decode(),
            "picture": None if self.picture is None else base64.b64encode(self.picture).decode(),
            "faces": self.faces,
        }


async def describe(
    engine: Engine, items: Sequence[Item], request: ImagesRequest
) -> tuple[Mapping[int, Described], Mapping[int, ItemFailure]]:
    """Descriptions of images, with what else is asked for, and failures by index.

    Raises ItemsFailed, Unprocessable, TooLarge, Overloaded.
    """
    check_count(engine, items)
    side, blur = request.thumbnail, "picture" if request.blurred else request.blur
    shown = side is not None or request.picture
    failures = {
        i: ItemFailure(i, item.id, "missing_modality", "is no image; send images alone")
        for i, item in enumerate(items)
        if item.image is None or item.text is not None
    }

    def described(i: int, look: Look) -> Described:
        picture, faces = look.image, look.faces
        return Described(
            sha256=hashlib.sha256(look.data).hexdigest(),
            phash=perceptual_hash(picture),
            width=picture.width,
            height=picture.height,
            thumbnail=None if side is None else thumbnail(picture, side=side, blurred=look.blurred, faces=faces),
            first_of_many=is_first_of_many(look.data),
            miniature=miniature(picture) if request.miniature else None,
            picture=copy(picture, blurred=look.blurred, faces=faces) if request.picture else None,
            faces=None if faces is None else len(faces),
        )

    images = [
        Shown(i, item.image, item.crop) for i, item in enumerate(items) if item.image is not None and i not in failures
    ]
    found, errors = await looked_at(engine, images, blur if shown else "none", described)
    for i, exc in errors.items():
        failures[i] = item_failure(i, items[i].id, exc, items[i].crop)
    for failure in failures.values():
        ITEMS_FAILED.labels(failure.code).inc()
    if failures and request.on_error == "fail":
        raise ItemsFailed([failures[i] for i in sorted(failures)], of=len(items))
    ITEMS.labels("images", "image").inc(len(found))
    return found, failures


async def miniatures(engine: Engine, items: Sequence[Item]) -> tuple[dict[int, bytes], list[int]]:
    """Miniatures of the items' images by index, and the indexes of images of a single colour.

    Images that cannot be decoded are left out: whoever embeds them reports them.
    """
    found: dict[int, bytes] = {}
    blank: list[int] = []

    def look(i: int, image: bytes | str, crop: Crop | None, limits: ImageLimits) -> None:
        try:
            picture = open_rgb(image_bytes(image, limits.max_bytes), limits=limits, crop=crop)
        except ItemError:
            return
        found[i] = miniature(picture)
        if perceptual_hash(picture) is None:
            blank.append(i)

    there = [(i, item.image, item.crop) for i, item in enumerate(items) if item.image is not None]
    await asyncio.gather(*(engine.decode(partial(look, *each)) for each in there))
    return found, sorted(blank)


async def thumbnails(
    engine: Engine, items: Sequence[Item], *, side: int = 160, quality: int = 80, mode: PageMode
) -> dict[str, bytes]:
    """Thumbnails by id, for a page that shows pictures in `mode`; of some, faces are blurred already.

    Raises ItemsFailed, Unprocessable, Overloaded.
    """
    for i, item in enumerate(items):
        if item.image is None or item.id is None:
            raise Unprocessable(f"input[{i}]: send images with the ids of items", param=f"input[{i}]")
    found, errors = await looked_at(
        engine,
        [Shown(i, item.image, item.crop) for i, item in enumerate(items) if item.image is not None],
        BLURS[mode],
        lambda _, look: thumbnail(look.image, side=side, quality=quality, blurred=look.blurred, faces=look.faces),
        again=False,
    )
    if errors:
        failures = [item_failure(i, items[i].id, exc, items[i].crop) for i, exc in sorted(errors.items())]
        raise ItemsFailed(failures, of=len(items))
    return {str(items[i].id): found[i] for i in sorted(found)}


async def small_stills(
    engine: Engine, stills: Mapping[K, bytes], *, side: int = 160, quality: int = 50, mode: PageMode
) -> tuple[dict[K, bytes], dict[K, ItemError]]:
    """Small stills of videos by key, and the errors of those that are no images. Raises Overloaded."""
    return await looked_at(
        engine,
        [Shown(key, data) for key, data in stills.items()],
        BLURS[mode],
        lambda _, look: thumbnail(look.image, side=side, quality=quality, blurred=look.blurred, faces=look.faces),
    )
