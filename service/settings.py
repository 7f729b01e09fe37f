"""The settings, read once from DAGUERRE_* variables and immutable."""

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.analysers.table import ANALYSERS
from models.images.decoding import DecodeMode, ImageLimits
from models.video.opening import VideoLimits


def _cores(quota_file: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Number of cores that this process may use, by its affinity and the container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text().split()
        return cores if quota == "max" else max(1, min(cores, -(-int(quota) // int(period))))
    except (OSError, ValueError, ZeroDivisionError):
        return cores


CORES = _cores()
DECODED = 2**27  # bytes of images that are being decoded, for each core
THREADS = 1 if CORES <= 4 else 4  # measured on two cores; more than one lane per four cores would need more memory
SMALLEST_CACHE = 2**24  # bytes
PREFIX = "DAGUERRE_"
HOST_NAME = re.compile(r"((\*\.)?[\w-]+(\.[\w-]+)*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?", re.ASCII)
CLIENT_VARIABLES = frozenset({"DAGUERRE_URL", "DAGUERRE_API_KEY"})  # read by the SDK, perhaps on the same machine


class Settings(BaseSettings):
    """The settings of a server, as `scripts/serve --help` and docs/settings.md list them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True, hide_input_in_errors=True
    )

    home: Path = Field(Path.home() / ".cache" / "daguerre", description="Folder of models and of all other state.")

    # models
    models: Annotated[tuple[str, ...], NoDecode] = Field(
        ("embedded",),
        description="Models to serve: catalogue names or exported folders, comma-separated; the first is the default.",
    )
    analysers: Annotated[tuple[str, ...], NoDecode] = Field(
        tuple(ANALYSERS),
        description="Analysers of pictures to serve, built in or imported, comma-separated; the first of a kind is its "
        "default. none: no analysers.",
    )
    face_recognition: bool = Field(
        False, description="Whether faces may be compared: their vectors are biometric data (docs/faces.md)."
    )
    face_attributes: Annotated[tuple[Literal["age", "gender", "expression"], ...], NoDecode] = Field(
        (), description="Attributes of faces that may be estimated: age,gender,expression. Unset: none (docs/faces.md)."
    )
    labellers: Path | None = Field(
        None,
        description="File (.toml or .yaml) with the labellers of POST /v1/labels: addresses that pictures are sent to, "
        "and models of this server (docs/labels.md). Unset: none.",
    )
    device: str = Field(
        "cpu",
        description="Devices of the models: cpu; cuda:0; cuda:0,cuda:1; tensorrt:0; or auto, every usable GPU, else "
        "cpu. The server does not start if a named device cannot be used.",
    )
    backend: Literal["onnx", "torch"] = Field(
        "onnx",
        description="Library that runs the models. torch, for bf16, needs the extra `export` and the model's source.",
    )
    torch_compile: bool = Field(
        False, description="Whether torch compiles its graphs, for a minute at the first batch of each shape."
    )
    torch_half: Literal["products", "all"] = Field(
        "products",
        description="Parts that the torch backend computes in half precision, of a model in fp16 or bf16: products; "
        "or all, norms and sums of layers too.",
    )
    cuda_graphs: bool = Field(
        True, description="Whether the torch backend runs a GPU's batches as CUDA graphs. Without effect on a CPU."
    )
    place: Annotated[tuple[tuple[str, str], ...], NoDecode] = Field(
        (), description="GPUs of each model: model=cuda:1,other=cuda:0. A model that is not named is on all GPUs."
    )
    gpu_memory: int | None = Field(
        None, ge=1, description="Maximum bytes on each GPU for models, weights included. Unset: no limit."
    )
    decode: DecodeMode = Field("exact", description="Decoding of JPEGs by default; gpu: nvJPEG, with backend torch.")

    # placement and batching: figures in docs/benchmarks.md
    placement: Literal["inline", "process"] = Field(
        "inline",
        description="Process of the encoders. inline: the entry process. process: runner processes, one for images and "
        "one for texts, or one for each GPU.",
    )
    runner_batching: Literal["daguerre", "bentoml"] = Field(
        "daguerre",
        description="Batching in a runner process. bentoml: BentoML's adaptive batching, for a single model.",
    )
    entry_workers: int = Field(
        1, ge=1, le=64, description="Number of entry processes, which decode; always 1 with placement inline."
    )
    lanes: int = Field(
        max(1, CORES // THREADS),
        ge=1,
        le=64,
        description="Number of batches that run at once; on each GPU 2, unless set. The default uses each core once.",
    )
    threads: int = Field(
        THREADS,
        ge=1,
        le=256,
        description="Number of ONNX Runtime's threads per batch.",
    )
    spinning: bool = Field(False, description="Whether idle inference threads spin, which takes cores from decoding.")
    solo: bool = Field(
        True,
        description="Run a single batch on all cores, in a second session: lower latency. Both share a packed model.",
    )
    packed: bool = Field(
        True,
        description="On a CPU, map weights as ONNX Runtime orders them: less memory, quicker starts, more disk.",
    )
    max_batch_images: int | None = Field(
        None,
        ge=1,
        le=512,
        description="Maximum images in a batch. Unset: the model's own on a CPU (embedded 1, CLIP 4), else 32.",
    )
    max_batch_texts: int = Field(
        16,
        ge=1,
        le=1024,
        description="Maximum number of texts in a batch; on a CPU, of texts with more than 32 tokens, in proportion "
        "fewer. More is not faster on a CPU.",
    )
    decode_threads: int = Field(CORES, ge=1, le=256, description="Number of threads that decode images.")
    videos: int = Field(2, ge=1, le=64, description="Number of videos that are decoded at once, each on all cores.")
    window: int = Field(
        32,
        ge=1,
        description="Maximum number of images of one request that are decoded and not yet embedded.",
    )
    queue: int = Field(
        4096,
        ge=1,
        description="Maximum number of waiting items; more are refused with 429. One caller's requests have at most "
        "three places for each that is free for others.",
    )

    # limits
    max_image_bytes: int = Field(20 * 2**20, ge=1, description="Maximum size of one image in bytes.")
    max_image_pixels: int = Field(
        80_000_000, ge=1, le=178_956_970, description="Maximum number of pixels of one image; Pillow's limit at most."
    )
    max_decoded_bytes: int = Field(
        max(2**30, CORES * DECODED),
        ge=1,
        description="Maximum bytes of the images that are being decoded; larger ones are decoded one at a time.",
    )
    max_aspect_ratio: float = Field(100.0, ge=1, description="Maximum ratio of an image's long side to its short side.")
    max_video_bytes: int = Field(
        2 * 2**30, ge=1, description="Maximum size of one video in bytes, in a form or uploaded."
    )
    max_video_seconds: float = Field(4 * 3600.0, gt=0, description="Maximum duration of one video in seconds.")
    max_video_frames: int = Field(20_000, ge=1, description="Maximum number of video frames per request.")
    max_items: int = Field(1000, ge=1, description="Maximum number of items in a request.")
    max_text_chars: int = Field(100_000, ge=1, description="Maximum number of characters of one text.")
    max_labels: int = Field(1000, ge=2, description="Maximum number of labels in a request.")
    max_prompts: int = Field(20_000, ge=2, description="Maximum product of labels and templates in a request.")
    max_body_bytes: int = Field(256 * 2**20, ge=1, description="Maximum size of a request's body in bytes.")
    max_bodies_bytes: int = Field(2 * 2**30, ge=1, description="Maximum bytes of all bodies in memory.")
    max_connections: int = Field(
        4096,
        ge=8,
        description="Maximum HTTP connections of an entry process; of gRPC, a quarter. At most a half of the files "
        "that it may open.",
    )
    vector_cache: int = Field(
        0,
        ge=0,
        description="Bytes on disk for vectors of images that were embedded before, such as 2 GiB or 500 MB. 0: none.",
    )
    label_cache: int = Field(16_384, ge=0, description="Number of label vectors to cache, about 5 kB each.")
    request_timeout: float = Field(300.0, gt=0, description="Seconds after which a request ends with 504.")

    # long work
    job_threads: int = Field(
        max(1, CORES // 2), ge=1, le=256, description="Number of threads of a job, which runs at a lower priority."
    )
    max_jobs: int = Field(
        100,
        ge=1,
        description="Maximum number of waiting jobs; more are refused with 429. With several keys, one key has at most "
        "three times as many waiting jobs as places are free.",
    )
    job_days: float = Field(7.0, gt=0, description="Days for which ended jobs and their results are kept.")
    max_file_bytes: int = Field(8 * 2**30, ge=1, description="Maximum size in bytes of a file of POST /v1/files.")
    max_files_bytes: int = Field(64 * 2**30, ge=1, description="Maximum size in bytes of all uploaded files.")
    file_days: float = Field(7.0, gt=0, description="Days for which uploaded files are kept.")
    max_collections_bytes: int = Field(
        256 * 2**30, ge=1, description="Maximum size in bytes of all collections, earlier versions included."
    )
    collection_index_rows: int = Field(
        200_000, ge=1000, description="Number of items from which a collection has an approximate index."
    )
    max_thumbnails_bytes: int = Field(
        2 * 2**30, ge=1, description="Maximum size in bytes of the thumbnails of one study, which are made again."
    )
    data: Path | None = Field(
        None,
        description="Folder on the server that contains the images for fine-tuning and for studies of folders, and "
        "folders of vectors. Unset: none of them is taken.",
    )

    # who may call
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(3000, ge=1, le=65535, description="Port of HTTP.")
    grpc_port: int | None = Field(None, ge=0, le=65535, description="Port of gRPC. Unset: HTTP's port + 1. 0: no gRPC.")
    api_keys: SecretStr = Field(SecretStr(""), description="API keys, comma-separated.")
    api_keys_file: Path | None = Field(None, description="File with one API key per line; # starts a comment.")
    traces: str = Field(
        "",
        description="Address of a collector of OpenTelemetry that takes OTLP over HTTP, such as http://collector:4318. "
        "Unset: nothing is traced.",
    )
    insecure: bool = Field(False, description="Serve other machines without an API key.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Without keys: more host names by which browsers may call, comma-separated, such as "
        "hub.example.org, hub.example.org:8443 or *.example.org.",
    )

    @field_validator("models", "analysers", "face_attributes", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("vector_cache", mode="before")
    @classmethod
    def _bytes(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        size = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kKMGT]i?B|B)?\s*", value)
        if size is None:
            raise ValueError(f"vector_cache: {value.strip()!r:.60} is no size; write 2 GiB, 500 MB or bytes")
        unit = size[2] or "B"
        base = 1024 if "i" in unit else 1000
        return int(float(size[1]) * base ** " KMGT".index(unit[0].upper() if unit != "B" else " "))

    @field_validator("vector_cache")
    @classmethod
    def _room(cls, value: int) -> int:
        if 0 < value < SMALLEST_CACHE:
            raise ValueError(f"vector_cache: {value} bytes are too few; give {SMALLEST_CACHE} (16 MiB) or more, or 0")
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
            raise ValueError("names no model; unset it for the embedded model")
        return value

    @field_validator("analysers")
    @classmethod
    def _none(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return () if value == ("none",) else value

    @field_validator("allowed_hosts")
    @classmethod
    def _host_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [name for name in value if not HOST_NAME.fullmatch(name)]:
            raise ValueError(
                f"allowed_hosts: {wrong[0]!r} is not a host name; write hub.example.org, hub.example.org:8443 or "
                "*.example.org, without https:// and path"
            )
        return value

    @field_validator("traces")
    @classmethod
    def _collector(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s?#/]+(/[^\s?#]*)?", value):
            raise ValueError(f"traces: {value!r:.100} is no address of HTTP; write http://collector:4318")
        return value

    @field_validator("home", "data", "labellers")
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
                f"runner_batching: bentoml serves a single model, not {len(self.models)}; serve one, or set "
                "DAGUERRE_RUNNER_BATCHING=daguerre"
            )
        if self.backend == "torch" and self.gpu_memory is not None:
            raise ValueError("gpu_memory: the torch backend has no such limit; unset it, or set DAGUERRE_BACKEND=onnx")
        if self.backend == "onnx" and (self.torch_compile or self.torch_half == "all"):
            name = "torch_compile" if self.torch_compile else "torch_half"
            raise ValueError(f"{name}: needs the torch backend; set DAGUERRE_BACKEND=torch, or unset it")
        if self.max_items > self.queue:
            raise ValueError(
                f"queue: {self.queue} cannot hold one request of max_items = {self.max_items}; raise DAGUERRE_QUEUE"
            )
        if self.grpc_address == self.port or self.grpc_address > 65535:
            raise ValueError(f"grpc_port: {self.grpc_address} is HTTP's port, or above 65535; set DAGUERRE_GRPC_PORT")
        return self

    def lanes_on(self, device: str) -> int:
        """Number of batches that run at once on `device`. On a GPU, one is computed while the other is copied."""
        return self.lanes if device == "cpu" or "lanes" in self.model_fields_set else 2

    @property
    def grpc_address(self) -> int:
        """The port of gRPC; 0 for none."""
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
        """All API keys, from the setting and the file."""
        lines = self.api_keys.get_secret_value().split(",")
        if self.api_keys_file is not None:
            in_file = [line.partition("#")[0] for line in self.api_keys_file.expanduser().read_text().splitlines()]
            if not any(key.strip() for key in in_file):
                raise ValueError(f"api_keys_file: {self.api_keys_file} contains no key; write one per line")
            lines += in_file
        return tuple(key.strip().encode() for key in lines if key.strip())


def read() -> Settings:
    """The settings of the environment.

    Raises
    ------
    ValueError : a DAGUERRE_ variable that is not a setting, or a value that is not valid.
    """
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    unknown = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known | CLIENT_VARIABLES
    )
    if unknown:
        nearest = get_close_matches(unknown[0].upper(), sorted(known), n=1)
        hint = f"did you mean {nearest[0]}? " if nearest else ""
        raise ValueError(f"{', '.join(unknown)}: no such setting; {hint}scripts/serve --help lists them all")
    try:
        return Settings()
    except ValidationError as exc:
        raise ValueError("; ".join(map(_explain, exc.errors()))) from exc


def _explain(error: ErrorDetails) -> str:
    """A sentence for an invalid value, which is quoted unless it may be a key."""
    message = error["msg"].removeprefix("Value error, ").partition(", unable to")[0]
    if error["type"] == "value_error":
        return message  # a rule of ours, which names the settings
    variable = f"{PREFIX}{error['loc'][0]}".upper()
    value = next((value for name, value in os.environ.items() if name.upper() == variable), "")
    shown = "" if "KEY" in variable else f"got {value!r:.100}, "
    rule = message.replace("Input should", "should").replace("a valid integer", "a whole number")
    return (
        f"{variable}: {shown}{rule.replace('a valid number', 'a number').replace('a valid boolean', 'true or false')}"
    )
