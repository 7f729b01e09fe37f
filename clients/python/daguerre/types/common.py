"""Records that every feature shares: items as they are sent, receipts, failures, and the base of all answers."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from daguerre.types.arrays import joined

Float = NDArray[np.float32]
Double = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.floating[Any]]
Content: TypeAlias = Mapping[str, Any]  # of an answer, or the fields of a request, named as in HTTP's JSON
A = TypeVar("A", bound="Answer")
R = TypeVar("R")
Modality = Literal["image", "text", "face"]
Decode = Literal["exact", "scaled"]
Blur = Literal["none", "faces", "picture"]  # what of a picture is blurred
PageMode = Literal["blurred", "blurred_whole", "thumbnails", "none"]  # form of the pictures on a page


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of an image, in pixels of the upright picture: its EXIF orientation is applied.

    Attributes
    ----------
    x, y : the upper left corner.
    margin : share of the width and height, 0 to 1, that is added on each side. What lies outside of the picture is
        left out.
    """

    x: float
    y: float
    width: float
    height: float
    margin: float = 0.0

    def __post_init__(self) -> None:
        for name in ("x", "y", "width", "height", "margin"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name}: got {getattr(self, name)}; a crop has finite numbers, in pixels")
        if not 0 <= self.margin <= 1:
            raise ValueError(f"margin: got {self.margin}; it is a share of the width and height, 0 to 1")


@dataclass(frozen=True, slots=True)
class Payload:
    """One item as it is sent: a text, an image file's bytes, or for classifiers both. Ids stay on this machine."""

    text: str | None = None
    image: bytes | None = None
    crop: Crop | None = None  # of the image

    @property
    def is_pair(self) -> bool:
        """Whether it has both."""
        return self.text is not None and self.image is not None

    @property
    def size(self) -> int:
        """Bytes that are sent, about."""
        return len(self.image or b"") + len((self.text or "").encode("utf-8", "replace"))


@dataclass(frozen=True)
class Receipt:
    """Provenance of numbers; store it with them.

    Attributes
    ----------
    fingerprint : vectors are comparable only if it is equal.
    made_with : versions of the software used; not part of the fingerprint.
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


MARKS = ("unknown", "truncated", "videos", "first_of_many")  # remarks on items, each a list of indices

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
    """The part that answers of all models have. Indices are those of the request's items.

    Attributes
    ----------
    ROWS : fields with one entry for each item.
    TOTALS : fields that are counts.
    videos : items that were videos, each with one result pooled over its frames.
    first_of_many : images that hold several pictures, of which the first was read.
    servers : items that each of several servers did, by its address; empty with one server.
    cached : images whose vectors were in the server's cache.
    """

    ROWS: ClassVar[tuple[str, ...]] = ()
    TOTALS: ClassVar[tuple[str, ...]] = ()

    receipt: Receipt
    failures: Mapping[int, Failure]
    truncated: Sequence[int]
    request_id: str | None
    unknown: Sequence[int] = ()
    videos: Sequence[int] = ()
    first_of_many: Sequence[int] = ()
    servers: Mapping[str, int] = field(default_factory=dict)
    cached: int = 0

    @classmethod
    def merged(cls: type[A], answers: Sequence[A]) -> A:
        """Answers to parts of one request as the answer to all of it."""
        first = answers[0]
        if len(answers) == 1:
            return first
        starts = np.cumsum([0, *(len(getattr(answer, cls.ROWS[0])) for answer in answers[:-1])]).tolist()
        placed = list(zip(starts, answers, strict=True))
        fields: dict[str, Any] = {
            "failures": {start + i: failure for start, answer in placed for i, failure in answer.failures.items()},
            **{name: [start + i for start, answer in placed for i in getattr(answer, name)] for name in MARKS},
            **{name: joined([getattr(answer, name) for answer in answers]) for name in cls.ROWS},
            **{name: sum(getattr(answer, name) for answer in answers) for name in cls.TOTALS},
            "servers": total_by_server(answers),
            "cached": sum(answer.cached for answer in answers),
        }
        return replace(first, **fields)


def total_by_server(answers: Iterable[Answer]) -> dict[str, int]:
    """Items that each of several servers did for answers, by its address; empty with one server."""
    total: Counter[str] = Counter()
    for answer in answers:
        total.update(answer.servers)
    return dict(sorted(total.items()))


def record(kind: type[R], content: Content) -> R:
    """A record from its fields; those that a newer server adds are left out."""
    names = getattr(kind, "__dataclass_fields__")  # noqa: B009  # of any dataclass
    return kind(**{name: content[name] for name in names if name in content})


def whole_record(kind: type[R], content: Content) -> R:
    """A record from its fields. Raises KeyError where one is missing."""
    names = getattr(kind, "__dataclass_fields__")  # noqa: B009  # of any dataclass
    return kind(**{name: content[name] for name in names})


def receipt(content: Content | None) -> Receipt:
    """A receipt from its fields; NO_MODEL for None."""
    return NO_MODEL if content is None else record(Receipt, content)


def failure(content: Content) -> Failure:
    """A failure from the field `error` of an entry."""
    return Failure(content["code"], content["message"])


def common_fields(content: Content, request_id: str | None) -> dict[str, Any]:
    """The fields that every answer has."""
    return {
        "receipt": receipt(content["receipt"]),
        "failures": failures(content),
        "truncated": content["truncated"],
        "unknown": content.get("unknown", ()),
        "videos": [i for i, entry in enumerate(content["data"]) if entry.get("video")],
        "first_of_many": content.get("first_of_many", ()),
        "request_id": request_id,
        "cached": (content["receipt"] or {}).get("cached") or 0,
    }


def failures(content: Content) -> dict[int, Failure]:
    """Failures by the index of their entry."""
    return {i: failure(entry["error"]) for i, entry in enumerate(content["data"]) if entry.get("error")}


def succeeded(content: Content) -> list[Content]:
    """The entries of items that have a result."""
    return [entry for entry in content["data"] if not entry.get("error")]


def listed(names: Iterable[Any], most: int = 5) -> str:
    """The first names of a list for a message, and how many there are if there are more."""
    every = [f"{name!s:.60}" for name in names]
    return ", ".join(every[:most]) + (f", … ({len(every):,} in all)" if len(every) > most else "")


def text_list(given: Iterable[Any], name: str) -> list[str]:
    """Texts as a list, none of them missing. Raises TypeError for a str, which is iterable too, and a mapping."""
    if isinstance(given, str | bytes):
        raise TypeError(f"{name}: got a {type(given).__name__}, {given!r:.60}; give a list of {name}")
    if isinstance(given, Mapping):
        raise TypeError(f"{name}: got a mapping, whose keys or values may be meant; give list(x) or list(x.values())")
    if isinstance(given, Set):
        raise TypeError(f"{name}: got a set, which has no order; give a list, as sorted(…) makes it")
    texts = list(given)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{i}]: got {text!r:.60}, which is no text; leave it out, or write it as a text")
    return [str(text) for text in texts]  # those of NumPy too
