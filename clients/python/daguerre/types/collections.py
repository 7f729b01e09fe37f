"""Collections on the server, their items, and the answers to what is done with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from daguerre.types.arrays import unpacked
from daguerre.types.common import NO_MODEL, Answer, Content, Failure, Float, Modality, Receipt, failures, whole_record


@dataclass(frozen=True)
class CollectionCard:
    """A collection: its properties, its number of items, its index and its size.

    Attributes
    ----------
    fields : type of each metadata field: "string", "integer", "number", "boolean" or "date-time".
    thumbnails : thumbnails of images that are kept: "none", "small" or "blurred".
    index : approximate index; None where searches are exact.
    bytes : on the disk of the server, earlier versions included.
    """

    name: str
    rows: int
    model: str
    fingerprint: str
    dimension: int
    fields: Mapping[str, str]
    thumbnails: str
    index: Mapping[str, Any] | None
    bytes: int
    created: str
    receipt: Mapping[str, Any]

    @classmethod
    def read(cls, content: Content, request_id: str | None = None) -> "CollectionCard":
        return whole_record(cls, content)

    @property
    def whole_receipt(self) -> Receipt:
        """The receipt of the vectors; parts that the server does not know are empty."""
        return vectors_receipt(self.receipt)


def vectors_receipt(content: Content) -> Receipt:
    """A receipt from its fields, some of which may not be known."""
    known = {name: content[name] for name in NO_MODEL.__dataclass_fields__ if content.get(name) is not None}
    return replace(NO_MODEL, **known)


@dataclass(frozen=True)
class CollectionItem:
    """One item of a collection.

    Attributes
    ----------
    modality : of its vector.
    metadata : values of the collection's fields, without those that it has not.
    vector : (d,) float32; None where it was not asked for.
    thumbnail : a small JPEG; None where there is none, or where it was not asked for.
    """

    id: str
    modality: Modality
    text: str | None
    metadata: Mapping[str, Any]
    vector: Float | None = field(default=None, repr=False)
    thumbnail: bytes | None = field(default=None, repr=False)

    @classmethod
    def read(cls, content: Content, request_id: str | None = None) -> "CollectionItem":
        vector, thumbnail = content.get("vector"), content.get("thumbnail")
        return cls(
            id=content["id"],
            modality=content["modality"],
            text=content.get("text"),
            metadata=content["metadata"],
            vector=np.array(vector, np.float32) if vector else None,  # over gRPC an empty list stands for none
            thumbnail=None if thumbnail is None else unpacked(thumbnail),
        )


@dataclass(frozen=True)
class CollectionIds:
    """Ids of a collection, sorted, and the modality of all its vectors; None where there are two, or no items."""

    ids: list[str]
    modality: Modality | None

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "CollectionIds":
        return cls(list(content["ids"]), content["modality"] or None)


@dataclass(frozen=True, kw_only=True)
class StoredAnswer(Answer):
    """The effect of storing items.

    Attributes
    ----------
    sent : an entry for each item of the request.
    rows : number of items in the collection afterwards.
    """

    ROWS = ("sent",)
    TOTALS = ("added", "replaced")

    added: int
    replaced: int
    rows: int
    sent: Sequence[bool] = ()
    remarks: Sequence[str] = ()

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "StoredAnswer":
        return cls(
            added=content["added"],
            replaced=content["replaced"],
            rows=content["rows"],
            remarks=content["remarks"],
            receipt=vectors_receipt(content["receipt"]),
            failures={
                each["index"]: Failure(each["error"]["code"], each["error"]["message"]) for each in content["unusable"]
            },
            truncated=[],
            request_id=request_id,
        )


@dataclass(frozen=True)
class CollectionNeighbour:
    """An item of a collection that is near to a query."""

    id: str
    cosine: float
    modality: Modality
    text: str | None
    metadata: Mapping[str, Any]
    thumbnail: bytes | None = field(default=None, repr=False)

    @classmethod
    def read(cls, content: Content) -> "CollectionNeighbour":
        thumbnail = content.get("thumbnail")
        return cls(
            id=content["id"],
            cosine=content["cosine"],
            modality=content["modality"],
            text=content.get("text"),
            metadata=content["metadata"],
            thumbnail=None if thumbnail is None else unpacked(thumbnail),
        )


@dataclass(frozen=True, kw_only=True)
class NeighboursAnswer(Answer):
    """Neighbours of queries in a collection.

    Attributes
    ----------
    neighbours : of each query, the nearest first; None for a query that could not be used.
    method : the way in which the collection was searched: exact, index, probes, refine, recall, rows, unindexed.
    threshold, threshold_reason : lowest cosine of duplicates; None of a search.
    """

    ROWS = ("neighbours",)

    neighbours: Sequence[Sequence[CollectionNeighbour] | None]
    method: Mapping[str, Any]
    threshold: float | None = None
    threshold_reason: str | None = None

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "NeighboursAnswer":
        return cls(
            neighbours=[
                None if entry.get("error") else [CollectionNeighbour.read(each) for each in entry["neighbours"]]
                for entry in content["data"]
            ],
            method=content["search"],
            threshold=content.get("threshold"),
            threshold_reason=content.get("threshold_reason"),
            receipt=vectors_receipt(content["receipt"]),
            failures=failures(content),
            truncated=[],
            request_id=request_id,
        )
