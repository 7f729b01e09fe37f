"""Methods of the client for images without a model."""

from collections.abc import Sequence
from typing import Any

from daguerre.dispatch.collect import OnError
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import Images, count_items, image_sources
from daguerre.results.images import Descriptions
from daguerre.session import Session
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
