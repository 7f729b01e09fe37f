"""Records of collections: their properties, new items, snapshots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalog.spec import Modality
from service.schemas.collections import FieldType, ThumbnailKind
from service.stores.collection_fields import Cell


@dataclass(frozen=True, kw_only=True)
class Properties:
    """Properties that a collection is created with; `fields` has the order of the columns."""

    model: str
    fingerprint: str
    dimension: int
    fields: Mapping[str, FieldType]
    thumbnails: ThumbnailKind
    receipt: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Collection(Properties):
    """A collection that exists. `token` tells it from an earlier one of the same name."""

    name: str
    owner: str | None
    token: str
    created: float  # seconds since 1970
    folder: Path


@dataclass(frozen=True, kw_only=True)
class CollectionRows:
    """A snapshot of items, sorted by id. Other processes may write meanwhile.

    Attributes
    ----------
    vectors : (n, d) float32, mapped from a file without a name, which goes with the array.
    texts : text of each item; None for none.
    metadata : values of each field, as they are returned over HTTP; None for none.
    modalities : modality of each vector.
    receipt : how the vectors were made.
    """

    collection: Collection
    ids: tuple[str, ...]
    vectors: NDArray[np.float32]
    texts: Sequence[str | None]
    metadata: Mapping[str, Sequence[Any]]
    modalities: Sequence[Modality]

    @property
    def model(self) -> str:
        return self.collection.model

    @property
    def fingerprint(self) -> str:
        return self.collection.fingerprint

    @property
    def receipt(self) -> Mapping[str, Any]:
        return self.collection.receipt

    @cached_property
    def modality(self) -> Modality | None:
        """The modality of all vectors; None where there are images and texts, or no items."""
        kinds = set(self.modalities)
        return kinds.pop() if len(kinds) == 1 else None


@dataclass(frozen=True, kw_only=True)
class NewItems:
    """Items to store.

    Attributes
    ----------
    vectors : (n, d) float32, finite and not zero.
    cells : stored values of the fields, a list for each item.
    """

    ids: Sequence[str]
    modalities: Sequence[Modality]
    texts: Sequence[str | None]
    vectors: NDArray[np.floating]
    cells: Sequence[Sequence[Cell]]
    thumbnails: Sequence[bytes | None]

    def at(self, places: Sequence[int]) -> "NewItems":
        """The items at some places."""
        return NewItems(
            ids=[self.ids[i] for i in places],
            modalities=[self.modalities[i] for i in places],
            texts=[self.texts[i] for i in places],
            vectors=self.vectors[list(places)],
            cells=[self.cells[i] for i in places],
            thumbnails=[self.thumbnails[i] for i in places],
        )
