"""Records that every feature shares: items as they are sent, receipts, failures, and the base of all answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

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


A = TypeVar("A", bound=Answer)


def record(kind: type[R], said: Mapping[str, Any]) -> R:
    """A record from its fields; those that a newer server adds are left out."""
    names = getattr(kind, "__dataclass_fields__")  # noqa: B009  # of any dataclass
    return kind(**{name: said[name] for name in names if name in said})


def receipt(said: Mapping[str, Any]) -> Receipt:
    """A receipt from its fields."""
    return record(Receipt, said)
