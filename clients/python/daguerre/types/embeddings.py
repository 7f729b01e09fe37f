"""Options and answer of an embedding request, and embeddings as they are sent to the server."""

from dataclasses import dataclass

from daguerre.types.common import Answer, Decode, Float, Modality, Receipt


@dataclass(frozen=True, kw_only=True)
class EmbedAnswer(Answer):
    vectors: Float  # (n, d); rows of failed items are NaN; (n, 0) where all have failed
    tokens: int


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
class EmbedOptions:
    model: str | None = None
    decode: Decode | None = None
    dimensions: int | None = None
