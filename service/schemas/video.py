"""Videos in requests and answers: the choice of frames, and properties of a video."""

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
    """Detection of cuts. Methods and defaults are those of PySceneDetect."""

    method: Literal["adaptive", "content"] = Field(
        "adaptive",
        description="Method. adaptive: a change that exceeds those around it. content: a change above a threshold.",
    )
    threshold: float = Field(27.0, gt=0, description="Change from which there is a cut, for method content.")
    ratio: float = Field(
        3.0, gt=0, description="Ratio to the surrounding changes from which there is a cut, for method adaptive."
    )
    min_content: float = Field(15.0, gt=0, description="Minimum change of a cut, for method adaptive.")
    min_shot: float = Field(
        0.6,
        ge=0,
        description="Minimum length of a shot in seconds. Of cuts that follow one another sooner, the last is kept.",
    )
    flash: float = Field(
        0.18,
        ge=0,
        le=1,
        description="Seconds within which a change is no cut if it is undone, as by a camera's flash or a dark frame. "
        "0: every change counts.",
    )

    def detector(self) -> Detector:
        return Detector(**self.model_dump())


class Sampling(Message):
    """The choice of a video's frames, and the pooling of their results."""

    policy: Literal["every", "evenly", "shots", "keyframes"] = Field(
        "every",
        description="Choice of frames. every: one frame every `seconds`. evenly: `n` frames at even distances. shots: "
        "one frame per shot. keyframes: frames that are stored as complete images, which is fastest.",
    )
    seconds: float | None = Field(
        None,
        gt=0,
        le=86_400,
        description="Seconds between two frames for policy every, and for policy keyframes if the video has only one "
        "keyframe. Left out: 1.",
    )
    n: int | None = Field(None, ge=1, le=100_000, description="Number of frames for policy evenly.", examples=[None])
    take: Literal["first", "middle"] | None = Field(
        None, description="Frame of each shot for policy shots: first or middle. Left out: middle."
    )
    apart: float | None = Field(
        None, ge=0, le=86_400, description="Minimum number of seconds between two frames for policy keyframes."
    )
    find_shots: bool = Field(
        False,
        description="Detect shots with the other policies too, for results by shot. The video is decoded twice.",
    )
    detector: ShotDetector | None = Field(None, description="Detection of cuts, if shots are detected.")
    drop_within: int | None = Field(
        None,
        ge=0,
        le=63,
        description="Drop a frame if its perceptual hash differs from the previous one's by at most this many bits.",
    )
    pooling: PoolingMethod = Field(
        "mean",
        description="Pooling of scores over frames, by shot and by video: mean; max, to detect occurrence; or top_k, "
        "the mean of the highest ones. Vectors are always pooled by their mean.",
    )
    top_k: int = Field(3, ge=1, le=100_000, description="Number of highest scores for pooling top_k.")
    thumbnail: int | None = Field(
        None,
        ge=16,
        le=512,
        description="Longest side, in pixels, of a thumbnail of each frame. Left out: no thumbnails.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name, policies in _OF.items():
            if getattr(self, name) is not None and self.policy not in policies:
                raise ValueError(f"{name} applies only to policy {' and '.join(policies)}, the policy is {self.policy}")
        if self.policy == "evenly" and self.n is None:
            raise ValueError('policy evenly needs n: {"policy": "evenly", "n": 16}')
        if self.detector is not None and not self.looks_for_shots:
            raise ValueError("detector needs shots; set find_shots, or policy shots")
        return self

    @property
    def looks_for_shots(self) -> bool:
        return self.find_shots or self.policy == "shots"

    def of_models(self) -> Policy:
        """The policy as models/video takes it."""
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
    """An uploaded video."""

    file: str = Field(description="Id of a file of POST /v1/files.", examples=["file_0123456789abcdef"])


class OfVideo(Message):
    """The fields of an item that may be a video."""

    video: str | VideoFile | None = Field(
        None,
        description="A video file's bytes in base64, or a file of POST /v1/files. In a form: a part named `input`.",
    )
    sampling: Sampling | None = Field(None, description="Choice of frames. Left out: that of the request.")

    @model_validator(mode="after")
    def _sampled(self) -> Self:
        if self.sampling is not None and self.video is None:
            raise ValueError("sampling applies only to a video; leave it out")
        return self


class VideoFacts(BaseModel):
    """Properties of a video as it is displayed."""

    duration: float = Field(description="Duration in seconds.")
    width: int = Field(description="Width in square pixels, after rotation to upright.")
    height: int = Field(description="Height in square pixels, after rotation to upright.")
    frame_rate: float | None = Field(description="Average number of frames per second; null if unknown.")
    variable_rate: bool = Field(description="Whether the distances between frames vary.")
    rotation: int = Field(description="Rotation for display in degrees, already applied to width and height.")
    interlaced: bool = Field(description="Whether the first frame is interlaced.")
    codec: str = Field(description="Video codec.", examples=["h264"])
    container: str = Field(description="Container format of the file.", examples=["MP4 or MOV"])


class VideoReport(BaseModel):
    """Damage that was found in a video while it was decoded."""

    decoded: int = Field(description="Number of frames that were decoded to get the analysed ones.")
    damaged_packets: int = Field(description="Number of packets that are incomplete or could not be decoded.")
    corrupt_frames: int = Field(description="Number of frames with errors in the image, which are not analysed.")
    disordered: int = Field(
        description="Number of frames whose timestamp repeats or decreases, which are not analysed."
    )
    estimated: int = Field(description="Number of timestamps that are missing in the file and were estimated.")
    ended_early: bool = Field(description="Whether the file ends earlier than its header states.")
    fell_back: bool = Field(
        description="Whether policy keyframes found a single keyframe and policy every was used instead."
    )
    blank: int = Field(0, description="Number of analysed frames of a single colour, such as black.")
    remarks: list[str] = Field(
        default_factory=list,
        description="Limits of the result as phrases about the video, which tables and pages show: that it ends early, "
        "is damaged, or has frames of a single colour, for example.",
    )


class VideoBlock(VideoFacts):
    """Frames, shots and properties of a video."""

    sampling: Sampling = Field(description="Choice of frames, defaults included.")
    frames: list[dict[str, Any]] = Field(
        description="Analysed frames in order: index, timestamp (seconds from the start), shot (or null), dropped "
        "(number of near-duplicates after it), times (number of sampling times at which it is on the screen: its "
        "weight in means), thumbnail if requested, and the same result as for an image."
    )
    shots: list[dict[str, Any]] | None = Field(
        description="Shots in order: index, start, end, frames (number of analysed ones), and the result pooled over "
        "them; null if shots were not detected."
    )
    report: VideoReport = Field(description="Damage in the file, and frames that were left out.")
    decoder: str = Field(
        description="Decoder and its version.", examples=["PyAV 18.1.0, FFmpeg's libavcodec 62.28.102"]
    )


def facts(info: VideoInfo) -> Mapping[str, Any]:
    """The fields of `VideoFacts`."""
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
