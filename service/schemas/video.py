"""Videos on the wire: which frames are looked at, and what is said of a clip beside its result."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from models.video.info import VideoInfo
from models.video.policies import Evenly, Every, Keyframes, Policy, Shots
from models.video.pooling import PoolingMethod
from models.video.shots import Detector
from service.schemas.base import Message

_OF = {"seconds": ("every", "keyframes"), "n": ("evenly",), "take": ("shots",), "apart": ("keyframes",)}


class ShotDetector(Message):
    """What counts as a cut. Methods and defaults are PySceneDetect's."""

    method: Literal["adaptive", "content"] = Field(
        "adaptive", description="adaptive: a change that stands out from those around it. content: any big change."
    )
    threshold: float = Field(27.0, gt=0, description="Of content: the change that is a cut.")
    ratio: float = Field(3.0, gt=0, description="Of adaptive: times the changes around it.")
    min_content: float = Field(15.0, gt=0, description="Of adaptive: a smaller change is no cut.")
    min_shot: float = Field(0.6, ge=0, description="Seconds; a cut sooner after the one before is left out.")

    def detector(self) -> Detector:
        return Detector(**self.model_dump())


class Sampling(Message):
    """Which frames of a video are looked at, and how their results become one of the video."""

    policy: Literal["every", "evenly", "shots", "keyframes"] = Field(
        "every",
        description="every: a frame each so many `seconds`. evenly: `n` frames. shots: one a shot. keyframes: those "
        "that are compressed whole, which is fastest.",
    )
    seconds: float | None = Field(
        None, gt=0, le=86_400, description="Of every: 1 where left out. Of keyframes: for a clip with a single one."
    )
    n: int | None = Field(None, ge=1, le=100_000, description="Of evenly: how many.", examples=[None])
    take: Literal["first", "middle"] | None = Field(
        None, description="Of shots: its first frame, or the one at its middle, where left out."
    )
    apart: float | None = Field(None, ge=0, le=86_400, description="Of keyframes: seconds between two, at least.")
    find_shots: bool = Field(
        False, description="Look for shots under the other policies too, for results by shot. Reads the clip twice."
    )
    detector: ShotDetector | None = Field(None, description="What counts as a cut, where shots are looked for.")
    drop_within: int | None = Field(
        None, ge=0, le=63, description="Drop a frame whose perceptual hash is within so many bits of the last one's."
    )
    pooling: PoolingMethod = Field(
        "mean",
        description="Of scores over frames, by shot and by video. mean; max: does it occur at all; top_k: the mean of "
        "the highest ones. Vectors are always pooled by their mean.",
    )
    top_k: int = Field(3, ge=1, le=100_000, description="Of top_k: how many.")
    thumbnail: int | None = Field(
        None, ge=16, le=512, description="Also a small JPEG of each frame, with this longest side."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name, policies in _OF.items():
            if getattr(self, name) is not None and self.policy not in policies:
                raise ValueError(f"{name} is of policy {' and '.join(policies)}, the policy is {self.policy}")
        if self.policy == "evenly" and self.n is None:
            raise ValueError('policy evenly needs n: {"policy": "evenly", "n": 16}')
        if self.detector is not None and not self.looks_for_shots:
            raise ValueError("detector is for shots: set find_shots, or policy shots")
        return self

    @property
    def looks_for_shots(self) -> bool:
        return self.find_shots or self.policy == "shots"

    def of_models(self) -> Policy:
        """The policy, for models/video."""
        every = Every(seconds=1.0 if self.seconds is None else self.seconds)
        if self.policy == "evenly":
            return Evenly(n=self.n or 1)
        if self.policy == "shots":
            return Shots(take=self.take or "middle", detector=self.shot_detector())
        if self.policy == "keyframes":
            return Keyframes(apart=self.apart or 0.0, otherwise=every)
        return every

    def shot_detector(self) -> Detector:
        return Detector() if self.detector is None else self.detector.detector()


class VideoFile(Message):
    """A video that was sent ahead."""

    file: str = Field(description="From POST /v1/files.", examples=["file_0123456789abcdef"])


class OfVideo(Message):
    """What an item is that may be a video."""

    video: str | VideoFile | None = Field(
        None, description="A video file's bytes in base64, or a file of POST /v1/files. In a form: a part `input`."
    )
    sampling: Sampling | None = Field(None, description="Which of its frames are looked at; the request's, left out.")

    @model_validator(mode="after")
    def _sampled(self) -> Self:
        if self.sampling is not None and self.video is None:
            raise ValueError("sampling is of a video; leave it out")
        return self


class VideoFacts(BaseModel):
    """What a clip is, as it is shown."""

    duration: float = Field(description="Seconds.")
    width: int = Field(description="Pixels, square and upright.")
    height: int = Field(description="Pixels, square and upright.")
    frame_rate: float | None = Field(description="Frames a second, on average.")
    variable_rate: bool = Field(description="Whether frames lie at uneven distances.")
    rotation: int = Field(description="Degrees by which it is turned for display; already applied.")
    interlaced: bool = Field(description="Whether its first frame is.")
    codec: str = Field(description="Of the pictures.", examples=["h264"])
    container: str = Field(description="Of the file.", examples=["MP4 or MOV"])


class VideoReport(BaseModel):
    """What was met on the way."""

    decoded: int = Field(description="Frames that were decoded for those that were looked at.")
    damaged_packets: int = Field(description="Pieces that could not be decoded.")
    corrupt_frames: int = Field(description="Frames with errors in the picture; never looked at.")
    disordered: int = Field(description="Frames with a timestamp that goes back or repeats; never looked at.")
    estimated: int = Field(description="Timestamps that were not in the file and were counted on.")
    ended_early: bool = Field(description="Whether the file ends before its header says.")
    fell_back: bool = Field(description="keyframes: there was one only, so every `seconds` was taken.")


class VideoBlock(VideoFacts):
    """What is said of a video beside its pooled result."""

    sampling: Sampling = Field(description="What was asked for, defaults included.")
    frames: list[dict[str, Any]] = Field(
        description="In order: index, timestamp (seconds from the start), shot (or null), dropped (near-duplicates "
        "after it), thumbnail where asked for, and the result, as an image's."
    )
    shots: list[dict[str, Any]] | None = Field(
        description="index, start, end, frames (how many were looked at), and the result pooled over them; null where "
        "they were not looked for."
    )
    report: VideoReport = Field(description="Damage, and what was left out.")
    decoder: str = Field(description="What decoded it.", examples=["PyAV 18.1.0, FFmpeg's libavcodec 62.28.102"])


def facts(info: VideoInfo) -> Mapping[str, Any]:
    """What a clip is, as JSON has it."""
    return {
        "duration": info.duration,
        "width": info.width,
        "height": info.height,
        "frame_rate": None if info.average_rate is None else float(info.average_rate),
        "variable_rate": info.variable_rate,
        "rotation": info.rotation,
        "interlaced": info.interlaced,
        "codec": info.codec,
        "container": info.container,
    }
