"""Faces that are blurred: where they are in a picture that is shown, if the server has the detector."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from PIL import Image

from models.analysers.face_places import FacePlaces, face_places
from models.errors import ItemError
from models.images.crops import Crop
from models.images.decoding import ImageLimits, open_rgb, placed
from models.images.thumbnail import Blur, Boxes, blur_of
from service.inference.batching import Caller
from service.inference.engine import AnalyserModel, Engine
from service.pipelines.analyses import WINDOW
from service.pipelines.concurrency import gather_cancelling
from service.pipelines.driving import drive
from service.pipelines.encode import image_bytes

K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """A decoded picture that is to be shown, or a crop of it, and how it is blurred.

    Attributes
    ----------
    data : the bytes of the file.
    faces : (n, 4) left, top, right, bottom of the faces to blur, in pixels of `image`; None: none were looked for.
    blurred : whether the whole picture is blurred.
    """

    data: bytes
    image: Image.Image
    faces: Boxes | None = None
    blurred: bool = False


@dataclass(frozen=True)
class Shown(Generic[K]):
    """A picture that is to be shown."""

    key: K
    image: bytes | str
    crop: Crop | None = None


def detector(engine: Engine) -> AnalyserModel | None:
    """The detector of faces that the server has."""
    return next((each for each in engine.analysers if each.spec.kind == "faces"), None)


async def looked_at(
    engine: Engine,
    pictures: Sequence[Shown[K]],
    blur: Blur,
    use: Callable[[K, Look], T],
    *,
    again: bool = True,
) -> tuple[dict[K, T], dict[K, ItemError]]:
    """Results of `use` for each picture, by key, in a decoding thread; and the errors of those that cannot be decoded.

    With blur "faces", faces are looked for in the whole picture, also where a crop is shown. The whole picture is
    blurred if the server has no detector, or there are more faces than it gives. Without `again`, a JPEG in which this
    service has blurred faces already is left as it is: the detector takes a blurred ellipse for a face, and a second
    one around it is far larger. Raises Overloaded.
    """
    found: dict[K, T] = {}
    failures: dict[K, ItemError] = {}
    model = detector(engine) if blur == "faces" else None

    def read(each: Shown[K], limits: ImageLimits, cut: bool) -> tuple[bytes, Image.Image]:
        data = image_bytes(each.image, limits.max_bytes)
        return data, open_rgb(data, limits=limits, crop=each.crop if cut else None)

    async def simply(each: Shown[K]) -> None:
        def work(limits: ImageLimits) -> T:
            return use(each.key, Look(*read(each, limits, cut=True), blurred=blur != "none"))

        try:
            found[each.key] = await engine.decode(work)
        except ItemError as exc:
            failures[each.key] = exc

    async def with_faces(each: Shown[K], model: AnalyserModel, caller: Caller) -> None:
        async with window:
            try:
                async with engine.picture(lambda limits: read(each, limits, cut=False)) as (data, whole):
                    if not again and blur_of(data) is not None:
                        places = FacePlaces(np.empty((0, 4)))
                    else:
                        places = await drive(engine, model, face_places(whole), caller)
                    found[each.key] = await engine.in_thread(
                        lambda: use(each.key, look(data, whole, places, each.crop))
                    )
            except ItemError as exc:
                failures[each.key] = exc

    def look(data: bytes, whole: Image.Image, places: FacePlaces, crop: Crop | None) -> Look:
        part = placed(whole, limits=engine.settings.image_limits, crop=crop)
        if places.everywhere:
            return Look(data, part.image, blurred=True)
        return Look(data, part.image, faces=places.within(part.corner).boxes)

    if model is None:
        await asyncio.gather(*map(simply, pictures))
    elif pictures:
        window = asyncio.Semaphore(WINDOW)
        with engine.batcher("image").admit(min(len(pictures), WINDOW)) as caller:
            await gather_cancelling([with_faces(each, model, caller) for each in pictures])
    return found, failures


async def places_in(engine: Engine, image: Image.Image) -> FacePlaces | None:
    """The faces of one decoded picture; None where the server has no detector. Raises Overloaded."""
    model = detector(engine)
    if model is None:
        return None
    with engine.batcher("image").admit(1) as caller:
        return await drive(engine, model, face_places(image), caller)


def count(look: Look) -> int | None:
    """The number of faces that are blurred; None where they were not looked for."""
    return None if look.faces is None else len(look.faces)
