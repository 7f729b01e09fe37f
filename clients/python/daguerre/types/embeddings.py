"""Options and answer of an embedding request, and embeddings as they are sent to the server."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from daguerre.types.arrays import spread, unpacked
from daguerre.types.common import (
    Answer,
    Content,
    Decode,
    Float,
    Modality,
    Receipt,
    common_fields,
    succeeded,
)


@dataclass(frozen=True, kw_only=True)
class EmbedAnswer(Answer):
    ROWS = ("vectors",)
    TOTALS = ("tokens",)

    vectors: Float  # (n, d); rows of failed items are NaN; (n, 0) where all have failed
    tokens: int

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "EmbedAnswer":
        fields = common_fields(content, request_id)
        packed = [unpacked(entry["embedding"]) for entry in succeeded(content)]
        width = content.get("dimension") or (len(packed[0]) // 4 if packed else 0)
        rows = np.frombuffer(b"".join(packed), "<f4").reshape(len(packed), width).astype(np.float32, copy=False)
        vectors = spread(rows, len(content["data"]), fields["failures"])
        return cls(vectors=vectors, tokens=content["usage"]["prompt_tokens"], **fields)


@dataclass(frozen=True, eq=False)
class StoredRows:
    """Vectors of items of a collection, (n, d) float32, which are on the server and not on this machine."""

    dtype: ClassVar[Any] = np.dtype(np.float32)
    nbytes: ClassVar[int] = 0
    ndim: ClassVar[int] = 2

    collection: str
    ids: Sequence[str]
    dimension: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.ids), self.dimension

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, part: "slice | Sequence[int] | NDArray[Any]") -> "StoredRows":
        """The rows of some of the items."""
        if isinstance(part, slice):
            return StoredRows(self.collection, self.ids[part], self.dimension)
        places = np.arange(len(self.ids))[part]
        return StoredRows(self.collection, [self.ids[i] for i in places.tolist()], self.dimension)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            f"the vectors of the collection {self.collection!r} are on the server; give what "
            f"client.collection({self.collection!r}).embeddings() returns, which has them"
        )


@dataclass(frozen=True, kw_only=True)
class VectorBlock:
    """Embeddings of one modality: (n, d) float32, a row of NaN for an item that has none.

    Attributes
    ----------
    file : where the rows were sent ahead; they are not sent again.
    folder : where the server has the rows, which are then empty here.
    """

    modality: Modality
    model: str
    fingerprint: str
    rows: Float | StoredRows
    receipt: Receipt
    file: str | None = None
    folder: str | None = None

    def fields(self) -> dict[str, object]:
        """The fields of a request, without the rows."""
        if self.folder is not None:
            return {"modality": self.modality, "folder": self.folder}
        fields: dict[str, object] = {
            "modality": self.modality,
            "model": self.model,
            "fingerprint": self.fingerprint,
            "dimension": self.rows.shape[1],
            "receipt": asdict(self.receipt),
        }
        if isinstance(self.rows, StoredRows):
            return {**fields, "collection": self.rows.collection}
        return fields if self.file is None else {**fields, "file": self.file}

    @property
    def array(self) -> Float | None:
        """The rows that go with the request; None for those that the server has."""
        if self.file is not None or self.folder is not None or isinstance(self.rows, StoredRows):
            return None
        return self.rows

    @property
    def part(self) -> str:
        """Name of the part of a form that has the rows."""
        return f"{self.modality}_vectors"

    def packed(self) -> bytes | None:
        """The rows that go with the request, as float32, little-endian."""
        return None if (rows := self.array) is None else rows.astype("<f4", copy=False).tobytes()


@dataclass(frozen=True, kw_only=True)
class NamedBlock(VectorBlock):
    """Embeddings of all items by one of several encoders; `place` is the number of the encoder, from 0."""

    name: str
    place: int

    def fields(self) -> dict[str, object]:
        """The fields of a request, without the rows, and without the receipt of vectors of an unknown model."""
        fields = {name: value for name, value in super().fields().items() if name != "receipt" or self.model}
        return {"name": self.name, **fields}

    @property
    def part(self) -> str:
        """Name of the part of a form that has the rows."""
        return f"vectors[{self.place}]"


@dataclass(frozen=True, kw_only=True)
class EmbedOptions:
    model: str | None = None
    decode: Decode | None = None
    dimensions: int | None = None

    def fields(self) -> Content:
        """The fields of a request."""
        return asdict(self)
