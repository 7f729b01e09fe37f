"""The report of a clustering as a page, with small versions of the exemplars' pictures."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from daguerre.inputs.files import require_folder
from daguerre.inputs.items import ImageLike, image_sources
from daguerre.results.clusters import Clustered
from daguerre.session import Session
from daguerre.transport.operations import CLUSTER_PAGE, DESCRIBE_IMAGES
from daguerre.types.common import Payload
from daguerre.types.images import ImagesAnswer

PageMode = Literal["thumbnails", "blurred", "none"]
ReportImages: TypeAlias = str | os.PathLike[str] | Mapping[str, ImageLike] | Sequence[ImageLike | None]
SIDE = 160  # pixels


async def write_report(
    session: Session,
    clusters: Clustered,
    path: str | os.PathLike[str],
    images: ReportImages | None,
    mode: PageMode,
) -> None:
    """See AsyncClusters.report."""
    if mode not in ("thumbnails", "blurred", "none"):
        raise ValueError(f'pictures: got {mode!r}, there are "thumbnails", "blurred" and "none"')
    require_folder(path)
    if clusters.modality == "text" and images is None:
        mode = "none"
    pictures = {} if mode == "none" else await _pictures(session, clusters, images, blurred=mode == "blurred")
    items = [{"id": name, "image": image} for name, image in pictures.items()]
    html = await session.ask(CLUSTER_PAGE, {"id": clusters.id, "pictures": mode, "input": items})
    Path(path).write_text(html, encoding="utf-8")


async def _pictures(
    session: Session, clusters: Clustered, images: ReportImages | None, *, blurred: bool
) -> dict[str, bytes]:
    """JPEGs by the server's ids of the items."""
    names = clusters.answer["ids"]
    pictures = {names[i]: _image(clusters, i, images) for i in clusters.answer["shown"]}
    wanted = {name: image for name, image in pictures.items() if image is not None}
    if not wanted:
        raise ValueError(
            f"pictures: none of the items is a file on this machine (the first: {next(iter(clusters.files), None)!r}); "
            'give images=, or pictures="none"'
        )

    options = {"thumbnail": SIDE, "blurred": blurred}

    async def ask(items: Sequence[Payload]) -> ImagesAnswer:
        return await session.transport.call(DESCRIBE_IMAGES, options, items=items)

    given = image_sources(list(wanted.values()), list(wanted))
    gathered = await session.gather(given, lambda: len(wanted), ask, "collect", None, "pictures", None)
    small: dict[str, bytes] = {}
    for places, answer in gathered.answers:
        for place, image in zip(places, answer.images, strict=True):
            if image is not None and image.thumbnail is not None:
                small[gathered.ids[place]] = image.thumbnail
    return small


def _image(clusters: Clustered, i: int, images: ReportImages | None) -> ImageLike | None:
    """The picture of item i of the answer; None where it is not there."""
    place = int(clusters.sent[i])
    names = [clusters.ids[place], clusters.answer["ids"][i], clusters.files[place]]
    if images is None:
        return clusters.files[place] if os.path.isfile(clusters.files[place]) else None
    if isinstance(images, Mapping):
        names.append(os.path.basename(clusters.files[place]))
        return next((images[name] for name in names if name in images), None)
    if isinstance(images, str | os.PathLike):
        paths = [os.path.join(images, name) for name in names]
        return next((path for path in paths if os.path.isfile(path)), None)
    if len(images) != len(clusters):
        raise ValueError(f"images: {len(images)} for {len(clusters)} items; give one for each, None for none")
    return images[place]
