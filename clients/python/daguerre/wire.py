"""What both transports carry: payloads out, answers in. Nothing here knows HTTP or gRPC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from daguerre.clip_wire import Asked, ClipAnswer
    from daguerre.uploads import Sendable

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.floating[Any]]
R = TypeVar("R")
Modality = Literal["image", "text"]
Decode = Literal["exact", "scaled"]


@dataclass(frozen=True, slots=True)
class Payload:
    """One item as it is sent: a text, an image file's bytes, or for classifiers both. Ids stay on this machine."""

    text: str | None = None
    image: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes on the wire, about."""
        return len(self.image or b"") + len((self.text or "").encode("utf-8", "replace"))


@dataclass(frozen=True)
class Receipt:
    """How numbers were made; keep it with them.

    Attributes
    ----------
    fingerprint : vectors may be compared exactly where it is equal.
    made_with : versions of what ran and exported the model; not part of the fingerprint.
    """

    model: str
    revision: str
    fingerprint: str
    precision: str
    provider: str
    decode: str
    demonstration: bool
    notice: str | None = None
    made_with: Mapping[str, str] = field(default_factory=dict)


NO_MODEL = Receipt(
    model="", revision="", fingerprint="", precision="", provider="", decode="", demonstration=False
)  # of answers that no model has a part in


@dataclass(frozen=True)
class Failure:
    """Why an item of a request has no result."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What every answer of a model has. Indices are those of the request's items."""

    receipt: Receipt
    failures: Mapping[int, Failure]
    truncated: Sequence[int]
    request_id: str | None


@dataclass(frozen=True, kw_only=True)
class EmbedAnswer(Answer):
    vectors: Float  # (n, d); rows of failed items are NaN; (n, 0) where all have failed
    tokens: int


@dataclass(frozen=True, kw_only=True)
class ZeroShotAnswer(Answer):
    labels: Sequence[str]
    best: Sequence[str | None]  # None: no label fits, or the item failed
    scores: Float  # (n, k); rows of failed items are NaN
    cosines: Float  # (n, k)
    none_scores: Float | None  # (n,)
    templates: Sequence[str]
    negatives: Sequence[str] | None
    logit_scale: float


@dataclass(frozen=True, kw_only=True)
class PredictAnswer(Answer):
    """Of a task with labels `best` and `probabilities`; of a continuous one `values` with their interval."""

    classifier: str
    task: str
    labels: Sequence[str]
    best: Sequence[str | None]
    probabilities: Double  # (n, labels)
    values: Double  # (n, 3): value, low, high; NaN where the interval is not known
    crossed: Double  # (n, labels) or (n, 1); (n, 0) where it was not asked for


@dataclass(frozen=True, kw_only=True)
class ImageDescription:
    """What an image is, without a model.

    Attributes
    ----------
    sha256 : of the file's bytes, in hexadecimal.
    phash : perceptual hash, 16 hexadecimal digits; None of an image of one colour.
    width, height : pixels, upright.
    thumbnail : a small JPEG, where it was asked for.
    """

    sha256: str
    phash: str | None = None
    width: int | None = None
    height: int | None = None
    thumbnail: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class ImagesAnswer(Answer):
    images: Sequence[ImageDescription | None]  # None of failed ones


@dataclass(frozen=True, kw_only=True)
class VectorBlock:
    """Embeddings of one modality: (n, d) float32, a row of NaN for an item that has none.

    Attributes
    ----------
    file : where the rows were sent ahead; they are not sent again.
    """

    modality: Modality
    model: str
    fingerprint: str
    rows: Float
    receipt: Receipt
    file: str | None = None


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    classifier: str
    crossed: bool = False


@dataclass(frozen=True, kw_only=True)
class Job:
    """Long work on the server.

    Attributes
    ----------
    state : queued, running, succeeded, failed or cancelled.
    result, error : what came of it; the error has `code` and `message`.
    """

    id: str
    kind: str
    state: str
    progress: float
    stage: str
    eta_seconds: float | None
    created: str
    started: str | None
    ended: str | None
    result: Mapping[str, Any] | None
    error: Mapping[str, str] | None

    @property
    def has_ended(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class EmbedOptions:
    model: str | None = None
    decode: Decode | None = None
    dimensions: int | None = None


@dataclass(frozen=True, kw_only=True)
class ZeroShotOptions:
    labels: Sequence[str]
    model: str | None = None
    decode: Decode | None = None
    templates: Sequence[str] | None = None
    multi_label: bool = False
    negatives: Sequence[str] | None = None
    none_of_these: str | None = None  # a contrast text
    none_min_cosine: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.labels, str):
            raise TypeError(f"labels: got a str, {self.labels!r:.60}; give a list of labels")
        if self.none_of_these is not None and self.none_min_cosine is not None:
            raise ValueError("none_of_these and none_min_cosine are two ways to say it; give one of them")
        object.__setattr__(self, "labels", list(self.labels))


@dataclass(frozen=True)
class ModelCard:
    """A model that can be asked for: what GET /v1/models says of it."""

    id: str
    default: bool
    description: str
    modalities: Sequence[str]
    dimension: int
    zero_shot: bool
    licence: str
    source: str
    revision: str
    weights: Mapping[str, str]
    fingerprint: str
    fingerprint_scaled: str | None
    precision: str
    provider: str
    max_tokens: int | None
    templates: Sequence[str] | None
    parity: Mapping[str, float]
    demonstration: bool
    notice: str | None
    decode: str  # the server's setting, where a request does not say

    def fingerprint_of(self, decode: Decode | None) -> str:
        """The fingerprint of vectors made with `decode`, the server's setting for None."""
        scaled = (decode or self.decode) == "scaled" and self.fingerprint_scaled
        return self.fingerprint_scaled if scaled and self.fingerprint_scaled else self.fingerprint

    def receipt(self, decode: Decode | None) -> Receipt:
        """What the receipt of an answer would say, where nothing was asked."""
        return Receipt(
            model=self.id,
            revision=self.revision,
            fingerprint=self.fingerprint_of(decode),
            precision=self.precision,
            provider=self.provider,
            decode=decode or self.decode,
            demonstration=self.demonstration,
            notice=self.notice,
        )


@dataclass(frozen=True)
class Ping:
    """What a server says of itself."""

    version: str
    ready: bool
    seconds: float  # there and back


class Transport(Protocol):
    """One server, one connection pool. Sends each request once: trying again is core.py's.

    Every method raises the tree of errors.py and nothing else. Items are sent with on_error="skip": an unusable one is
    in `failures`.
    """

    async def embed(self, items: Sequence[Payload], options: EmbedOptions) -> EmbedAnswer: ...

    async def zero_shot(self, items: Sequence[Payload], options: ZeroShotOptions) -> ZeroShotAnswer: ...

    async def models(self) -> Sequence[ModelCard]: ...

    async def train(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job: ...

    async def predict(self, items: Sequence[Payload], options: PredictOptions) -> PredictAnswer: ...

    async def predict_vectors(self, vectors: Sequence[VectorBlock], options: PredictOptions) -> PredictAnswer: ...

    async def classifiers(self) -> Sequence[Mapping[str, Any]]: ...

    async def classifier(self, label: str) -> Mapping[str, Any]: ...

    async def delete_classifier(self, label: str) -> Sequence[str]: ...

    async def estimate(self, label: str, corpus: Mapping[str, Any], confidence: float) -> Mapping[str, Any]: ...

    async def onnx(self, label: str) -> bytes: ...

    async def page(self, label: str, pictures: Mapping[str, bytes]) -> str: ...

    async def fine_tune(self, fields: Mapping[str, Any]) -> Job: ...

    async def cluster(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job: ...

    async def clustering(self, id: str) -> Mapping[str, Any]: ...

    async def cluster_page(self, id: str, mode: str, pictures: Mapping[str, bytes]) -> str: ...

    async def duplicates(self, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]) -> Job: ...

    async def found_duplicates(self, id: str) -> Mapping[str, Any]: ...

    async def describe_images(self, items: Sequence[Payload], thumbnail: int | None, blurred: bool) -> ImagesAnswer: ...

    async def sample(self, fields: Mapping[str, Any]) -> Mapping[str, Any]: ...

    async def pairs(self, fields: Mapping[str, Any]) -> Mapping[str, Any]: ...

    async def agreement(self, fields: Mapping[str, Any]) -> Mapping[str, Any]: ...

    async def compare(self, fields: Mapping[str, Any]) -> Mapping[str, Any]: ...

    async def search(
        self, fields: Mapping[str, Any], corpus: VectorBlock, queries: VectorBlock
    ) -> Mapping[str, Any]: ...

    async def begin_video(self, file: str, sampling: Mapping[str, Any], asked: "Asked") -> Job: ...

    async def video_answer(self, job: str) -> "ClipAnswer": ...

    async def upload(self, given: "Sendable", name: str) -> Mapping[str, Any]: ...

    async def files(self) -> Sequence[Mapping[str, Any]]: ...

    async def delete_file(self, id: str) -> Mapping[str, Any]: ...

    async def jobs(self) -> Sequence[Job]: ...

    async def job(self, id: str) -> Job: ...

    async def cancel_job(self, id: str) -> Job: ...

    async def ping(self) -> Ping: ...

    async def close(self) -> None: ...


def record(kind: type[R], said: Mapping[str, Any]) -> R:
    """A record from its fields; those that a newer server adds are left out."""
    names = getattr(kind, "__dataclass_fields__")  # noqa: B009  # of any dataclass
    return kind(**{name: said[name] for name in names if name in said})


def job(said: Mapping[str, Any]) -> Job:
    """A job from its fields. Raises KeyError where one is missing."""
    return Job(**{name: said[name] for name in Job.__dataclass_fields__})


def receipt(said: Mapping[str, Any]) -> Receipt:
    """A receipt from its fields."""
    return record(Receipt, said)
