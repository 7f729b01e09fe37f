"""The settings: read once from DAGUERRE_* variables, frozen, and passed in. Each default has its reason beside it."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.images.decoding import DecodeMode, ImageLimits
from models.video.opening import VideoLimits


def _cores(quota_file: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Processors that this process may use: its affinity, and a container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text().split()
        return cores if quota == "max" else max(1, min(cores, -(-int(quota) // int(period))))
    except (OSError, ValueError, ZeroDivisionError):
        return cores


CORES = _cores()
THREADS = 1 if CORES <= 4 else 4  # measured on two cores; more than one lane per four cores would cost memory
PREFIX = "DAGUERRE_"
OF_THE_CLIENT = frozenset({"DAGUERRE_URL", "DAGUERRE_API_KEY"})  # the SDK's, in the same environment perhaps


class Settings(BaseSettings):
    """What a lab may want to change. `scripts/serve --help` and docs/settings.md list them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True, hide_input_in_errors=True
    )

    home: Path = Field(Path.home() / ".cache" / "daguerre", description="Where models and all other state lie.")

    # models
    models: Annotated[tuple[str, ...], NoDecode] = Field(
        ("embedded",),
        description="Catalogue names or exported folders, comma-separated; the first is the default.",
    )
    device: str = Field(
        "cpu",
        description="cpu; auto: every GPU there is, else cpu; cuda:0; cuda:0,cuda:1; tensorrt:0. What cannot be had is "
        "a start-up error.",
    )
    backend: Literal["onnx", "torch"] = Field(
        "onnx", description="What runs the models. torch: for bf16; needs the extra `export` and the model's source."
    )
    place: Annotated[tuple[tuple[str, str], ...], NoDecode] = Field(
        (), description="Which GPU holds which model: model=cuda:1,other=cuda:0. Not named here: all of them."
    )
    gpu_memory: int | None = Field(
        None, ge=1, description="Bytes of each GPU for its models, weights and all. Unset: no limit."
    )
    decode: DecodeMode = Field("exact", description="How JPEGs are decoded unless a request says so itself.")

    # placement and batching: figures in docs/benchmarks.md
    placement: Literal["inline", "process"] = Field(
        "inline",
        description="inline: encoders in the entry process. process: in runner processes, one for images and one for "
        "texts, or one for each GPU.",
    )
    runner_batching: Literal["daguerre", "bentoml"] = Field(
        "daguerre",
        description="Who forms batches in a runner process. bentoml: its adaptive batching, for one model.",
    )
    entry_workers: int = Field(1, ge=1, le=64, description="Decoding processes; inline has one.")
    lanes: int = Field(
        max(1, CORES // THREADS),
        ge=1,
        le=64,
        description="Batches that run at once. All cores are used, none fought over. On each GPU 2, unless set.",
    )
    threads: int = Field(
        THREADS,
        ge=1,
        le=256,
        description="ONNX Runtime's threads for a batch. With 1, no core waits for another's part.",
    )
    spinning: bool = Field(
        False, description="Whether idle inference threads keep their core busy. Off: decoding needs it."
    )
    solo: bool = Field(
        True, description="A lone batch gets all cores, by a second session: lower latency, twice the model's memory."
    )
    max_batch_images: int | None = Field(
        None, ge=1, le=512, description="Unset: the model's own on a CPU (embedded 1, CLIP 4), 32 on a GPU."
    )
    max_batch_texts: int = Field(16, ge=1, le=1024, description="On a CPU nothing is gained beyond.")
    decode_threads: int = Field(CORES, ge=1, le=256, description="Threads that decode images.")
    videos: int = Field(2, ge=1, le=64, description="Videos that are decoded at once, each with all cores.")
    window: int = Field(
        32,
        ge=1,
        description="Images of one request between decoding and their vector, so that nobody hogs the threads.",
    )
    queue: int = Field(4096, ge=1, description="Items that may wait at once; more is 429.")

    # limits
    max_image_bytes: int = Field(20 * 2**20, ge=1)
    max_image_pixels: int = Field(
        80_000_000, ge=1, le=178_956_970, description="Checked before decoding; the ceiling is Pillow's."
    )
    max_aspect_ratio: float = Field(100.0, ge=1)
    max_video_bytes: int = Field(2 * 2**30, ge=1, description="Of one video, sent as a part of a form or ahead.")
    max_video_seconds: float = Field(4 * 3600.0, gt=0, description="Length of one video.")
    max_video_frames: int = Field(20_000, ge=1, description="Frames of videos that one request looks at.")
    max_items: int = Field(1000, ge=1, description="Items in one request.")
    max_text_chars: int = Field(100_000, ge=1, description="Characters of one text.")
    max_labels: int = Field(1000, ge=2)
    max_prompts: int = Field(20_000, ge=2, description="Labels times templates of one request.")
    max_body_bytes: int = Field(256 * 2**20, ge=1)
    max_bodies_bytes: int = Field(2 * 2**30, ge=1, description="Bodies held in memory at once, all requests together.")
    label_cache: int = Field(16_384, ge=0, description="Label vectors kept: about 5 kB each.")
    request_timeout: float = Field(300.0, gt=0, description="Seconds until a request is given up with 504.")

    # long work
    job_threads: int = Field(
        max(1, CORES // 2), ge=1, le=256, description="Threads of the process that trains. It is niced besides."
    )
    max_jobs: int = Field(100, ge=1, description="Jobs that may wait at once; more is 429.")
    job_days: float = Field(7.0, gt=0, description="Days that ended jobs are kept, with their results.")
    max_file_bytes: int = Field(8 * 2**30, ge=1, description="One file of vectors, sent ahead by POST /v1/files.")
    max_files_bytes: int = Field(64 * 2**30, ge=1, description="All of them, on disk.")
    file_days: float = Field(7.0, gt=0, description="Days that they are kept.")
    data: Path | None = Field(
        None, description="A folder on the server below which fine-tuning finds its images. Unset: there is none."
    )

    # who may call
    host: str = "127.0.0.1"
    port: int = Field(3000, ge=1, le=65535)
    grpc_port: int | None = Field(None, ge=0, le=65535, description="Unset: HTTP's port + 1. 0: no gRPC.")
    api_keys: SecretStr = Field(SecretStr(""), description="Bearer keys, comma-separated.")
    api_keys_file: Path | None = Field(None, description="A file with one key a line; # starts a comment.")
    insecure: bool = Field(False, description="Serve beyond this machine without any key.")

    @field_validator("models", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("place", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = [part.rpartition("=") for part in value.split(",") if part.strip()]
        if wrong := ["".join(part) for part in parts if not (part[0].strip() and part[2].strip())]:
            raise ValueError(f"{wrong[0].strip()!r} is not model=device; write clip=cuda:0,other=cuda:1")
        return tuple((model.strip(), device.strip()) for model, _, device in parts)

    @field_validator("models")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("names no model; leave it unset for the embedded one")
        return value

    @field_validator("home", "data")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        if self.placement == "inline" and self.entry_workers != 1:
            raise ValueError(
                f"entry_workers: {self.entry_workers} with placement inline, which has one; "
                "set DAGUERRE_PLACEMENT=process"
            )
        if self.runner_batching == "bentoml" and len(self.models) > 1:
            raise ValueError(
                f"runner_batching: bentoml cannot tell {len(self.models)} models apart; serve one, or set "
                "DAGUERRE_RUNNER_BATCHING=daguerre"
            )
        if self.backend == "torch" and self.gpu_memory is not None:
            raise ValueError("gpu_memory: torch cannot be held to it; unset it, or set DAGUERRE_BACKEND=onnx")
        if self.max_items > self.queue:
            raise ValueError(f"queue: {self.queue} cannot hold one request of max_items = {self.max_items}")
        if self.grpc_address == self.port or self.grpc_address > 65535:
            raise ValueError(f"grpc_port: {self.grpc_address} is HTTP's, or no port; set DAGUERRE_GRPC_PORT")
        return self

    def lanes_on(self, device: str) -> int:
        """Batches that run at once on `device`: on a GPU one computes while the other is copied."""
        return self.lanes if device == "cpu" or "lanes" in self.model_fields_set else 2

    @property
    def grpc_address(self) -> int:
        """The port of gRPC; 0 where there is none."""
        return self.port + 1 if self.grpc_port is None else self.grpc_port

    @property
    def image_limits(self) -> ImageLimits:
        return ImageLimits(
            max_bytes=self.max_image_bytes,
            max_pixels=self.max_image_pixels,
            max_aspect_ratio=self.max_aspect_ratio,
        )

    @property
    def video_limits(self) -> VideoLimits:
        return VideoLimits(
            max_bytes=self.max_video_bytes, max_seconds=self.max_video_seconds, max_frames=self.max_video_frames
        )

    def keys(self) -> tuple[bytes, ...]:
        """All bearer keys, from the setting and the file."""
        lines = self.api_keys.get_secret_value().split(",")
        if self.api_keys_file is not None:
            given = [line.partition("#")[0] for line in self.api_keys_file.expanduser().read_text().splitlines()]
            if not any(key.strip() for key in given):
                raise ValueError(f"api_keys_file: {self.api_keys_file} holds no key; write one a line")
            lines += given
        return tuple(key.strip().encode() for key in lines if key.strip())


def read() -> Settings:
    """The settings of the environment; a DAGUERRE_ variable that names none of them is a ValueError."""
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    unknown = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known | OF_THE_CLIENT
    )
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such setting; there are {', '.join(sorted(known))}")
    return Settings()
