"""The answer of a request with a video, as far as its timeline shows it. Other fields are ignored."""

import base64
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from service.schemas.common import Receipt
from service.schemas.video import Sampling, VideoFacts, VideoReport


def _bytes(value: Any) -> Any:
    """Bytes, or their base64. Raises ValueError."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as exc:
        raise ValueError("is not base64; send the answer unchanged") from exc


def _vector(value: Any) -> Any:
    """A vector as numbers, or as little-endian float32 or its base64. Raises ValueError."""
    data = _bytes(value)
    if isinstance(data, bytes) and len(data) % 4:
        raise ValueError(f"has {len(data)} bytes, and a vector has 4 for each number; send the answer unchanged")
    return np.frombuffer(data, "<f4").tolist() if isinstance(data, bytes) else value


class Result(BaseModel):
    """The numbers of a frame, a shot or a video; which of the fields are set depends on the request."""

    model_config = ConfigDict(allow_inf_nan=False)

    scores: list[float] | None = None
    probabilities: dict[str, float] | None = None
    value: float | None = None
    embedding: Annotated[list[float] | None, BeforeValidator(_vector)] = None


class SampledFrame(Result):
    timestamp: float = Field(ge=0)
    shot: int | None = None
    times: int = Field(1, ge=0)
    thumbnail: Annotated[bytes | None, BeforeValidator(_bytes)] = None


class SampledShot(Result):
    index: int
    start: float = Field(ge=0)
    end: float = Field(ge=0)
    frames: int


class VideoSampling(Sampling):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class Video(VideoFacts):
    """The block `video` of an answer."""

    model_config = ConfigDict(allow_inf_nan=False)

    duration: float = Field(ge=0)
    frame_rate: float | None = None
    sampling: VideoSampling
    frames: list[SampledFrame]
    shots: list[SampledShot] | None = None
    report: VideoReport
    decoder: str


class ModelReceipt(Receipt):
    notice: str | None = None


class VideoEntry(Result):
    id: str | None = None
    video: Video | None = None


class AnswerWithVideo(BaseModel):
    """An answer of embeddings, zero-shot or predict, over HTTP or gRPC."""

    data: list[VideoEntry]
    labels: list[str] = []
    classifier: str | None = None
    receipt: ModelReceipt | None = None
