"""Requests and answers of collections: named, persistent items with vectors and metadata."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from models.images.decoding import RequestDecode
from service.schemas.base import Message
from service.schemas.common import Datum, FailedEntry, Index, Mode, Receipt
from service.schemas.items import ItemsOrVectors, Unusable, Vectors, distinct

FieldType = Literal["string", "integer", "number", "boolean", "date-time"]
ThumbnailKind = Literal["none", "small", "blurred"]
Where = dict[str, Any]
OneBlock = Annotated[list[Vectors], AfterValidator(distinct)]
MOST_FIELDS = 64
RESERVED = ("id", "modality", "text")  # names that `where` takes beside those of fields


def _names(fields: dict[str, FieldType]) -> dict[str, FieldType]:
    """Raise ValueError for a name that cannot be that of a field."""
    for name in fields:
        if not 0 < len(name) <= 64 or not name.isprintable():
            raise ValueError(f"got the name {name[:64]!r}; a name has 1 to 64 printable characters")
        if name in RESERVED:
            raise ValueError(f"{name!r} is a name that every item has already; choose another one")
    return fields


WHERE: Any = Field(
    None,
    description="Condition on the items: for each field an object of operators and values, all of which hold. "
    "Operators: eq, ne, lt, lte, gt, gte, in, not_in, exists. Fields: those of the collection, and `id`, `modality` "
    "and `text`. An item without a value satisfies ne, not_in and exists false alone.",
    examples=[{"year": {"gte": 2020}, "source": {"in": ["a", "b"]}}],
)
EXACT: Any = Field(
    False,
    description="Compare with every vector, also where the collection has an index. Collections below 200,000 rows "
    "are always searched so.",
)


class CollectionRequest(Message):
    """Properties of a collection, which do not change after its creation."""

    model: str | None = Field(
        None,
        description="Model that embeds the items. Default: the first of GET /v1/models. With `fingerprint` and "
        "`dimension`, any model: the collection then takes vectors alone, unless the server runs it.",
        examples=["embedded"],
    )
    fingerprint: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Fingerprint of the vectors. Default: that of the model, as the server runs it.",
    )
    dimension: int | None = Field(
        None, ge=1, le=65_536, description="Length of each vector. Default: that of the model.", examples=[1280]
    )
    decode: RequestDecode | None = Field(None, description="Decoding of JPEGs. Default: the server's setting.")
    fields: Annotated[dict[str, FieldType], AfterValidator(_names)] = Field(
        default_factory=dict,
        max_length=MOST_FIELDS,
        description="Type of each metadata field: string, integer (64 bits), number, boolean or date-time. Other "
        "fields are refused.",
        examples=[{"year": "integer", "source": "string"}],
    )
    thumbnails: ThumbnailKind = Field(
        "none",
        description="Thumbnails of images to keep, JPEGs of at most 160 pixels: none, small, or blurred, so that "
        "nobody can be recognised.",
    )


class CollectionIndex(BaseModel):
    """The approximate index of a collection."""

    kind: str = Field(description="Kind of the index.", examples=["IVF_SQ"])
    partitions: Index = Field(description="Number of partitions.")
    rows: Index = Field(description="Number of rows in the index.")
    unindexed: Index = Field(description="Number of rows that are not in the index yet; they are compared one by one.")
    probes: Index = Field(description="Number of partitions that a search without a condition looks at.")
    refine: Index = Field(description="Number of candidates for each neighbour that are compared exactly.")
    recall: float | None = Field(
        description="Share of the ten true nearest neighbours that a search finds, measured on a sample of the "
        "collection's own vectors when the index was built."
    )
    sample: Index = Field(description="Number of vectors of that sample.")
    built: str | None = Field(description="Time at which the index was built, ISO 8601.")


class CollectionCard(BaseModel):
    """A collection: its properties, its number of items, its index and its size."""

    name: str = Field(description="Name of the collection.", examples=["posts"])
    object: Literal["collection"] = Field("collection", description="Type of the object.")
    rows: Index = Field(description="Number of items.")
    model: str = Field(description="Model of the vectors.")
    fingerprint: str = Field(description="Fingerprint of the vectors; others are refused.")
    dimension: int = Field(description="Length of each vector.")
    fields: dict[str, FieldType] = Field(description="Type of each metadata field.")
    thumbnails: ThumbnailKind = Field(description="Thumbnails that are kept: none, small or blurred.")
    index: CollectionIndex | None = Field(description="Approximate index; null where searches are exact.")
    bytes: Index = Field(description="Bytes on disk, earlier versions included.")
    created: str = Field(description="Time of creation, ISO 8601.")
    receipt: Receipt | dict[str, Any] = Field(description="Receipt of the vectors: how they are made.")


class CollectionList(BaseModel):
    """One page of the list of collections."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[CollectionCard] = Field(description="Collections, by name.")
    next_cursor: str | None = Field(None, description="Cursor of the next page; null on the last page.")


class CollectionDeleted(BaseModel):
    """A collection that was deleted, with everything in it."""

    deleted: str = Field(description="Name of the collection.")
    rows: Index = Field(description="Number of items that it had.")


class CollectionItemsRequest(ItemsOrVectors):
    """Items to store in a collection: images and texts that are embedded, or vectors."""

    vectors: OneBlock | None = Field(
        None, min_length=1, max_length=1, description="Vectors of the items, as one block, unless `input` is sent."
    )
    ids: list[str] | None = Field(None, description="One id per item. Default: the ids of `input`.")
    metadata: list[dict[str, Any]] | None = Field(
        None,
        description="Metadata of each item: values of the collection's fields. A field that is left out has no value.",
        examples=[[{"year": 2021, "source": "a"}]],
    )
    texts: list[str] | None = Field(
        None, description="Text to keep with each item of `vectors`; empty for none. Items of `input` have their own."
    )
    upsert: bool = Field(
        True,
        description="Replace items whose id is in the collection already. false: such items are unusable.",
    )
    mode: Mode = Field(
        "sync", description="sync: the answer says what was stored. job: the answer is a job, which stores it."
    )


class ItemsStored(BaseModel):
    """The effect of storing items: every item that is not listed as unusable is on disk."""

    collection: str = Field(description="Name of the collection.")
    object: Literal["items"] = Field("items", description="Type of the object.")
    added: Index = Field(description="Number of new items.")
    replaced: Index = Field(description="Number of items that replaced one with the same id.")
    rows: Index = Field(description="Number of items in the collection now.")
    unusable: list[Unusable] = Field(description="Items that could not be stored.")
    remarks: list[str] = Field(description="Remarks on items of which not all was read.")
    model: str = Field(description="Model of the vectors.")
    receipt: Receipt | dict[str, Any] = Field(description="Receipt of the vectors: how they were made.")


class CollectionItem(BaseModel):
    """One item of a collection."""

    id: str = Field(description="Id of the item.")
    modality: Literal["image", "text"] = Field(description="Modality of the vector.")
    text: str | None = Field(None, description="Text of the item, if it has one.")
    metadata: dict[str, Any] = Field(description="Values of the collection's fields, without those left out.")
    vector: list[float] | None = Field(None, description="Vector of the item, if requested.")
    thumbnail: str | None = Field(None, description="Thumbnail, a JPEG in base64, if requested and there is one.")


class CollectionItemList(BaseModel):
    """One page of a collection's items."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[CollectionItem] = Field(description="Items, by id.")
    next_cursor: str | None = Field(None, description="Cursor of the next page; null on the last page.")


class DeleteItemsRequest(Message):
    """Items to delete from a collection, by their ids or by a condition."""

    ids: list[str] | None = Field(None, min_length=1, max_length=100_000, description="Ids of the items.")
    where: Where | None = WHERE


class ItemsDeleted(BaseModel):
    """The number of deleted items."""

    collection: str = Field(description="Name of the collection.")
    deleted: Index = Field(description="Number of items that were deleted.")
    rows: Index = Field(description="Number of items that are left.")


class CollectionQuery(ItemsOrVectors):
    """Items, vectors or items of the collection with which a collection is searched."""

    vectors: OneBlock | None = Field(
        None, min_length=1, max_length=1, description="Vectors to search with, as one block, in place of input."
    )
    like: list[str] | None = Field(
        None,
        min_length=1,
        max_length=1000,
        description="Ids of items of the collection to search with, in place of input. None is its own neighbour.",
    )
    where: Where | None = WHERE
    exact: bool = EXACT
    with_texts: bool = Field(True, description="Return the texts of the items that are found.")
    with_thumbnails: bool = Field(False, description="Return the thumbnails of the items that are found.")


class CollectionSearchRequest(CollectionQuery):
    """A search for the items of a collection that are nearest to each query."""

    k: int = Field(10, ge=1, le=10_000, description="Number of neighbours to return for each query.")


class CollectionNeighbour(BaseModel):
    """One item of the collection that is near to a query."""

    id: str = Field(description="Id of the item.")
    cosine: float = Field(description="Cosine similarity to the query.")
    modality: Literal["image", "text"] = Field(description="Modality of the item's vector.")
    text: str | None = Field(None, description="Text of the item, if requested and it has one.")
    metadata: dict[str, Any] = Field(description="Values of the collection's fields, without those left out.")
    thumbnail: str | None = Field(None, description="Thumbnail, a JPEG in base64, if requested and there is one.")


class CollectionDatum(Datum):
    """The neighbours of one query."""

    neighbours: list[CollectionNeighbour] | None = Field(None, description="Items, the nearest first.")


class SearchMethod(BaseModel):
    """The way in which a collection was searched."""

    exact: bool = Field(description="Whether every vector was compared.")
    index: str | None = Field(description="Kind of the index that was used; null where the search was exact.")
    probes: Index | None = Field(description="Number of partitions that were looked at; null where it was exact.")
    refine: Index | None = Field(description="Number of candidates for each neighbour; null where it was exact.")
    recall: float | None = Field(
        description="Recall of the ten nearest neighbours, measured when the index was built, without a condition; "
        "1 where the search was exact."
    )
    rows: Index = Field(description="Number of items in the collection.")
    unindexed: Index = Field(description="Number of items that are not in the index yet; they were compared too.")


class CollectionSearchAnswer(BaseModel):
    """The neighbours of every query, and the way in which they were searched."""

    data: list[CollectionDatum | FailedEntry] = Field(description="One entry per query, in order.")
    collection: str = Field(description="Name of the collection.")
    search: SearchMethod = Field(description="Way in which the collection was searched.")
    model: str = Field(description="Model of the vectors.")
    receipt: Receipt | dict[str, Any] = Field(description="Receipt of the vectors: how they were made.")


class CollectionDuplicatesRequest(CollectionQuery):
    """Items that are compared with a collection, to find out which of them it has already."""

    threshold: float | None = Field(
        None,
        gt=-1,
        le=1,
        description="Lowest cosine of two items that count as duplicates. Left out: derived from the model's cosines "
        "of unrelated pictures, or 0.95.",
    )
    k: int = Field(10, ge=1, le=1000, description="Highest number of duplicates to return for each item.")


class CollectionDuplicatesAnswer(CollectionSearchAnswer):
    """For every item, those of the collection that are duplicates of it."""

    threshold: float = Field(description="Lowest cosine of two duplicates.")
    threshold_reason: str = Field(description="Derivation of the threshold, as a sentence.")
    duplicates: Index = Field(description="Number of items that have a duplicate in the collection.")
