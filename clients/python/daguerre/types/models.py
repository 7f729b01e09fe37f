"""Models that the server has, and the answer of a ping."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daguerre.types.common import Content, Decode, Receipt, whole_record


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
    fingerprint_gpu: str | None = None

    @classmethod
    def read(cls, content: Content) -> "ModelCard":
        return whole_record(cls, {"fingerprint_gpu": None, **content})  # which older servers do not have

    def fingerprint_of(self, decode: Decode | None) -> str:
        """The fingerprint of vectors made with `decode`, the server's setting for None."""
        others = {"scaled": self.fingerprint_scaled, "gpu": self.fingerprint_gpu}
        return others.get(decode or self.decode) or self.fingerprint

    def receipt(self, decode: Decode | None) -> Receipt:
        """The receipt that an answer of this model would have."""
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
    """Version and state of a server."""

    version: str
    ready: bool
    seconds: float  # round trip
