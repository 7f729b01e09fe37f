"""Items of codebook labels: their contents as they are sent, by a hash, so that identical ones are asked about once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.errors import ItemError
from models.images.crops import Crop
from models.images.decoding import ImageLimits, open_rgb
from models.images.sent import LOSSLESS, RECIPE, sent_picture
from service.errors import ItemFailure, Unprocessable, item_failure
from service.inference.engine import Engine
from service.inference.labellers import Labeller, LocalLabeller
from service.pipelines.concurrency import gather_cancelling
from service.pipelines.encode import image_bytes
from service.pipelines.items import Item
from service.pipelines.label_prompts import ExampleContent, example_sentence
from service.schemas.labels import LabelMethod, PicturesSent


@dataclass(frozen=True, slots=True)
class ItemContent:
    """The content of an item as it is sent.

    Attributes
    ----------
    picture : JPEG for a remote labeller, PNG for one of this server.
    pixels : of the picture.
    """

    text: str | None = None
    picture: bytes | None = None
    pixels: int = 0


@dataclass(frozen=True)
class Contents:
    """The contents of all items.

    Attributes
    ----------
    keys : by item, the hash of its content as it was sent to us; None for an unusable one.
    by_key : contents, each once.
    failures : by item.
    """

    keys: Sequence[str | None]
    by_key: Mapping[str, ItemContent]
    failures: Mapping[int, ItemFailure]


def pictures_sent(labeller: Labeller) -> PicturesSent:
    """The form in which a labeller gets pictures."""
    if isinstance(labeller, LocalLabeller):
        return PicturesSent(max_side=labeller.max_side, jpeg_quality=None, recipe=LOSSLESS)
    return PicturesSent(max_side=labeller.max_side, jpeg_quality=labeller.jpeg_quality, recipe=RECIPE)


async def read_contents(engine: Engine, labeller: Labeller, items: Sequence[Item]) -> Contents:
    """Decode and shrink the pictures of items, in decoding threads."""
    most = engine.settings.max_text_chars
    failures: dict[int, ItemFailure] = {}
    by_key: dict[str, ItemContent] = {}
    keys: list[str | None] = [None] * len(items)

    async def read(i: int, item: Item) -> None:
        if item.text is not None and (problem := _text_problem(item.text, most)) is not None:
            failures[i] = ItemFailure(i, item.id, *problem)
            return
        try:
            if item.image is None:
                keys[i], content = _hash(b"", None, item.text), ItemContent(text=item.text)
            else:
                image, crop = item.image, item.crop
                keys[i], content = await engine.decode(lambda limits: _read(image, crop, item.text, labeller, limits))
            by_key.setdefault(str(keys[i]), content)
        except ItemError as exc:
            failures[i] = item_failure(i, item.id, exc, item.crop)

    await gather_cancelling([read(i, item) for i, item in enumerate(items)])
    return Contents(keys, by_key, dict(sorted(failures.items())))


async def read_examples(engine: Engine, labeller: Labeller, method: LabelMethod) -> list[ExampleContent]:
    """The examples as they are shown. Raises Unprocessable."""
    found = []
    for i, each in enumerate(method.examples):
        at = f"examples[{i}]"
        if each.image is not None and not labeller.example_pictures:
            raise Unprocessable(
                f"{at}: has a picture, and {labeller.name} takes examples of texts alone; leave it out", param=at
            )
        picture, pixels = None, 0
        if each.image is not None:
            image = each.image
            try:
                _, content = await engine.decode(lambda limits, image=image: _read(image, None, None, labeller, limits))  # type: ignore[misc]
            except ItemError as exc:
                raise Unprocessable(f"{at}: {exc}", code=exc.code, param=at) from exc
            picture, pixels = content.picture, content.pixels
        found.append(ExampleContent(example_sentence(method.codebook, each.id), each.text, picture, pixels))
    return found


def _read(
    image: bytes | str, crop: Crop | None, text: str | None, labeller: Labeller, limits: ImageLimits
) -> tuple[str, ItemContent]:
    data = image_bytes(image, limits.max_bytes)
    picture = open_rgb(data, limits=limits, crop=crop)
    quality = None if isinstance(labeller, LocalLabeller) else labeller.jpeg_quality
    file, pixels = sent_picture(picture, max_side=labeller.max_side, quality=quality)
    return _hash(data, crop, text), ItemContent(text=text, picture=file, pixels=pixels)


def _hash(image: bytes, crop: Crop | None, text: str | None) -> str:
    parts = (image, repr(crop).encode(), b"" if text is None else b"text:" + text.encode("utf-8", "replace"))
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _text_problem(text: str, most: int) -> tuple[str, str] | None:
    """Code and message for a text that cannot be sent."""
    if not text.strip():
        return "empty_text", "the text is blank; leave the item out"
    if len(text) > most:
        return "text_too_long", f"the text has {len(text):,} characters, the limit is {most:,}; shorten it"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "invalid_text", "the text has half of a surrogate pair; remove it"
    return None
