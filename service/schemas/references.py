"""Items of a collection in place of the items or the vectors of a request."""

from typing import Any

from pydantic import BaseModel, Field

from models.catalog.spec import Modality
from service.schemas.base import Message
from service.schemas.collections import Where

COLLECTION: Any = Field(
    None,
    max_length=100,
    description="Name of a collection (/v1/collections), whose items take the place of `input` and `vectors`: their "
    "vectors, ids and texts when the request arrives, in the order of the ids; or those of `ids`, in their order.",
    examples=[None],
)
WHERE: Any = Field(
    None,
    description="Condition on the items of `collection` that are taken, as for its search. Example: "
    '{"year": {"gte": 2020}}',
    examples=[None],
)


class ItemsOfCollection(Message):
    """A request that takes the items of a collection, too."""

    collection: str | None = COLLECTION
    where: Where | None = WHERE


class CollectionIds(BaseModel):
    """The ids of items of a collection: all in one answer, so that a client can name them in its requests."""

    collection: str = Field(description="Name of the collection.")
    ids: list[str] = Field(description="Ids of the items, sorted.")
    modality: Modality | None = Field(
        description="Modality of all the vectors; null where there are images and texts, or no items."
    )
