"""Descriptions of uploaded files in answers."""

from service.pipelines.jobs import time_of
from service.schemas import files
from service.schemas.video import VideoFacts
from service.stores.files import File


def card(of: File) -> files.FileCard:
    """Describe a file."""
    return files.FileCard(
        id=of.id,
        name=of.name,
        bytes=of.bytes,
        video=None if of.video is None else VideoFacts(**of.video),
        shape=of.shape,
        dtype=of.dtype,
        created=time_of(of.created) or "",
        expires=time_of(of.expires) or "",
    )
