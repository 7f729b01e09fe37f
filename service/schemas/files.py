"""Answers about uploaded files."""

from typing import Literal

from pydantic import BaseModel, Field

from service.schemas.video import VideoFacts


class FileCard(BaseModel):
    """An array of vectors, or a video, that was sent ahead."""

    id: str = Field(description="To be named in `vectors`, or as an item's video.", examples=["file_0123456789abcdef"])
    object: Literal["file"] = Field("file", description="What it is.")
    name: str = Field(description="Yours.")
    bytes: int = Field(description="Of the file.")
    shape: tuple[int, int] | None = Field(description="Items, and numbers of each vector; null of a video.")
    dtype: str | None = Field(description="Of the numbers; null of a video.")
    video: VideoFacts | None = Field(description="What a video is; null of vectors.")
    created: str = Field(description="ISO 8601.")
    expires: str = Field(description="When it is deleted.")


class FileList(BaseModel):
    object: Literal["list"] = Field("list", description="What it is.")
    data: list[FileCard] = Field(description="The newest first.")
    next_cursor: str | None = Field(None, description="Ask again with it for what follows; null: that is all.")
