"""Answers about uploaded files."""

from typing import Literal

from pydantic import BaseModel, Field

from service.schemas.video import VideoFacts


class FileCard(BaseModel):
    """An uploaded array of vectors, or an uploaded video."""

    id: str = Field(
        description="Id of the file, for `vectors` or for an item's `video`.", examples=["file_0123456789abcdef"]
    )
    object: Literal["file"] = Field("file", description="Type of the object.")
    name: str = Field(description="Name that the caller gave.")
    bytes: int = Field(description="Size of the file in bytes.")
    shape: tuple[int, int] | None = Field(description="Number of items and length of each vector; null for a video.")
    dtype: str | None = Field(description="Type of the numbers, as numpy names it; null for a video.")
    video: VideoFacts | None = Field(description="Properties of the video; null for vectors.")
    created: str = Field(description="Time of the upload, ISO 8601.")
    expires: str = Field(description="Time at which the file is deleted, ISO 8601.")


class FileList(BaseModel):
    """One page of the list of files."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[FileCard] = Field(description="Files, the newest first.")
    next_cursor: str | None = Field(None, description="Cursor of the next page; null on the last page.")
