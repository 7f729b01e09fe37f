"""Requests and answers of captions: a text about each picture, and about each frame of a video."""

from typing import Literal

from pydantic import BaseModel, Field, field_validator

from service.schemas.analyses import AnalyserReceipt, CaptionOptions
from service.schemas.common import FIRST_OF_MANY, MODE, SAMPLING, Entry, FailedEntry, Index, Mode, OnError
from service.schemas.example import PHOTO
from service.schemas.items import Items
from service.schemas.video import Sampling, VideoBlock


class CaptionsOptions(CaptionOptions):
    """Options of a request for captions."""

    on_error: OnError = Field(
        "fail",
        description="Handling of unusable items. `fail`: the request fails with an error that names every such item. "
        "`skip`: the entry of each such item has an error in place of a result.",
    )
    sampling: Sampling | None = SAMPLING
    mode: Mode = MODE


class CaptionsRequest(CaptionsOptions):
    """Images and videos to caption."""

    input: Items = Field(
        description="An image, a video, or a list of these. Equal ones are captioned once.",
        examples=[[{"image": PHOTO, "id": "photo-1"}]],
    )


class Caption(BaseModel):
    """A caption of a picture or of a frame."""

    caption: str | None = Field(
        None, description="Text, with its prompt where that is a beginning; empty where the network wrote none."
    )
    score: float | None = Field(
        None, description="Mean probability of the tokens that were written: how common the sentence is, not how true."
    )
    ended: bool | None = Field(None, description="Whether the network ended the text; otherwise it was cut.")
    tokens: int | None = Field(
        None, description="Number of tokens that the network wrote, the end included; null where it is not known."
    )
    remarks: list[str] = Field([], description="Limits of this caption.")


class CaptionedFrame(Caption):
    """A frame of a video with its caption, as an entry of `frames`."""

    timestamp: float = Field(description="Seconds from the start.")
    times: int = Field(1, description="Number of sampling times at which it is on the screen.")
    thumbnail: str | None = Field(None, description="Thumbnail, a JPEG in base64, if requested.")


class Captioned(Caption, Entry):
    """The entry of a usable item. Of a video, `caption`, `score`, `ended` and `tokens` are null."""

    width: int = Field(description="Width in pixels of the whole upright picture, also of a crop.")
    height: int = Field(description="Height in pixels of the whole upright picture, also of a crop.")
    captions: list[str] | None = Field(
        None, description="Captions of the frames of a video, each text once, in order; null for a picture."
    )
    video: VideoBlock | None = Field(
        None, description="Frames of a video, each with its own caption, and the captions of each shot, if detected."
    )

    @field_validator("video")
    @classmethod
    def _frames(cls, video: VideoBlock | None) -> VideoBlock | None:
        if video is not None:  # the frames of other operations have other results
            frames = [{**frame, **CaptionedFrame.model_validate(frame).model_dump()} for frame in video.frames]
            video = video.model_copy(update={"frames": frames})
        return video


class CaptionReceipt(AnalyserReceipt):
    """Provenance of captions; store it with them."""

    kind: Literal["captions"] = Field("captions", description="Kind of the analyser.")
    prompt: str = Field(description="Prompt that was applied; empty for none.")
    max_tokens: int = Field(description="Maximum number of tokens that was applied.")


class CaptionUsage(BaseModel):
    pictures: int = Field(description="Number of pictures and frames that were captioned; equal ones count once.")
    tokens: int | None = Field(
        description="Number of tokens of all captions of the answer; null where it is not known. Equal pictures count "
        "as often as they are in the request."
    )


class CaptionsAnswer(BaseModel):
    """Captions of all items."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    model: str = Field(description="Name of the analyser.", examples=["blip"])
    data: list[Captioned | FailedEntry] = Field(description="One entry per item, in order.")
    first_of_many: list[Index] = FIRST_OF_MANY
    usage: CaptionUsage = Field(description="Numbers of pictures and tokens.")
    receipt: CaptionReceipt = Field(description="Receipt of the captions; store it with them.")
