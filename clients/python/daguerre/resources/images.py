"""Methods of the client for images without a model."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any, Literal

from daguerre.dispatch.collect import OnError
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import Images, count_items, image_sources
from daguerre.results.blurred import BlurredImages
from daguerre.results.images import Descriptions
from daguerre.session import Session
from daguerre.storage.copies import CopyFolder
from daguerre.transport.operations import DESCRIBE_IMAGES
from daguerre.types.common import Payload
from daguerre.types.images import ImageDescription, ImagesAnswer


class ImageMethods(Session):
    """Descriptions of images without a model."""

    async def describe_images(
        self,
        images: Images,
        *,
        crops: Any = None,
        thumbnail: int | None = None,
        blurred: bool = False,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Descriptions:
        """Describe images without a model: SHA-256, perceptual hash, size, thumbnail. The server keeps nothing.

        Parameters
        ----------
        images, crops, ids, on_error, progress : as for `embed`.
        thumbnail : longest side of a JPEG thumbnail, 16 to 512 pixels; None for none.
        blurred : blur thumbnails so that people cannot be recognised.

        Returns
        -------
        Descriptions : `.images`, an ImageDescription for each; `.to_pandas()`, `.errors`.

        Examples
        --------
        >>> client = Client()
        >>> client.describe_images("photos/").images[0].width
        320
        """
        images = with_crops(images, crops)
        options = {"thumbnail": thumbnail, "blurred": blurred}

        async def ask(items: Sequence[Payload]) -> ImagesAnswer:
            return await self.transport.call(DESCRIBE_IMAGES, options, items=items)

        return await self._described(images, ids, ask, on_error, progress, "describe")

    async def blur(
        self,
        images: Images,
        out: "str | os.PathLike[str]",
        *,
        blur: Literal["faces", "picture"] = "faces",
        crops: Any = None,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> BlurredImages:
        """Write copies with blurred faces: upright JPEGs of the same size, without metadata. The server keeps nothing.

        A detector misses some faces, and people are also known by clothes, places and texts: look at each copy.

        Parameters
        ----------
        images, crops, ids, on_error, progress : as for `embed`.
        out : folder of the copies, which is made; a copy has the id of its picture as its name. Copies that are there
            are written again.
        blur : "faces", or the whole "picture". On a server without a detector of faces the whole picture is blurred.

        Returns
        -------
        BlurredImages : `.paths`, `.faces` (the number in each picture), `.to_pandas()`, `.errors`.

        Raises
        ------
        ValueError : the folder of the copies is that of the pictures, or in it, or two copies have one name.

        Examples
        --------
        >>> client = Client()
        >>> client.blur("photos/", "blurred/").faces
        """
        if blur not in ("faces", "picture"):
            raise ValueError(f'blur: got {blur!r:.60}, there are "faces" and "picture"')
        folder = CopyFolder(out, images)
        pictures = with_crops(images, crops)

        async def ask(items: Sequence[Payload]) -> ImagesAnswer:
            answer = await self.transport.call(DESCRIBE_IMAGES, {"picture": True, "blur": blur}, items=items)
            return await asyncio.to_thread(folder.keep, answer)

        with folder:
            found = await self._described(pictures, ids, ask, on_error, progress, "blur")
            paths = folder.place(found.ids, found.images)
        return BlurredImages(
            ids=found.ids,
            files=found.files,
            errors=found.errors,
            paths=paths,
            faces=[None if each is None else each.faces for each in found.images],
            servers=found.servers,
        )

    async def _described(
        self,
        images: Images,
        ids: Sequence[str] | None,
        ask: Any,
        on_error: OnError,
        progress: bool | None,
        what: str,
        *,
        again: bool = False,
    ) -> Descriptions:
        given = image_sources(images, ids)
        total = lambda: count_items(images)  # noqa: E731
        gathered = await self.gather(given, total, ask, on_error, progress, what, None, again=again)
        described: list[ImageDescription | None] = [None] * len(gathered.ids)
        for places, answer in gathered.answers:
            for place, image in zip(places, answer.images, strict=True):
                described[place] = image
        return Descriptions(
            ids=gathered.ids,
            files=gathered.files,
            errors=gathered.errors,
            images=described,
            first_of_many=gathered.marks["first_of_many"],
            servers=gathered.servers,
        )
