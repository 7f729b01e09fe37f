"""Messages of collections."""

from protos.generate.declarations import File, message

NAME = "string // Name of the collection."
METADATA = (
    "// Metadata as a JSON list with an object per item: values of the collection's fields. A field that is left "
    "out has no value."
)
WHERE = (
    "// Condition on the items as JSON: for each field an object of operators and values, all of which hold. "
    "Operators: eq, ne, lt, lte, gt, gte, in, not_in, exists. Fields: those of the collection, and `id`, `modality` "
    "and `text`. An item without a value satisfies ne, not_in and exists false alone."
)
COLLECTIONS = File(
    "collections",
    (
        message("PutCollectionRequest", "CollectionRequest", name=NAME),
        message("CollectionIndex", "CollectionIndex"),
        message(
            "Collection",
            "CollectionCard",
            index="// Approximate index; absent where searches are exact.",
            bytes="uint64",
        ),
        message(
            "ListCollectionsRequest",
            "",
            "Your collections, by name.",
            limit="uint32 // Maximum number of entries; 0: 100.",
            cursor="optional string // next_cursor of the previous answer.",
        ),
        message("ListCollectionsResponse", "CollectionList"),
        message("GetCollectionRequest", "", "One collection.", name=NAME),
        message("DeleteCollectionRequest", "", "A collection to delete, with everything in it.", name=NAME),
        message("DeleteCollectionResponse", "CollectionDeleted"),
        message("PutCollectionItemsRequest", "CollectionItemsRequest", name=NAME, metadata_json=METADATA),
        message(
            "PutCollectionItemsResponse",
            "",
            "The effect of storing items; or, with as_job, the job that stores them.",
            oneof="outcome: job stored",
            job="Job // With as_job.",
            stored="ItemsStored // The effect.",
        ),
        message("ItemsStored", "ItemsStored"),
        message(
            "ListCollectionItemsRequest",
            "",
            "Items of a collection, by id.",
            name=NAME,
            where_json="optional string // Condition on the items, as JSON.",
            with_vectors="bool // Return the vectors.",
            with_thumbnails="bool // Return the thumbnails.",
            limit="uint32 // Maximum number of entries; 0: 100.",
            cursor="optional string // next_cursor of the previous answer.",
        ),
        message(
            "CollectionItem",
            "CollectionItem",
            vector="repeated float // Vector of the item, if requested.",
            thumbnail="optional bytes // Thumbnail, a JPEG, if requested and there is one.",
        ),
        message("ListCollectionItemsResponse", "CollectionItemList"),
        message(
            "ListCollectionIdsRequest",
            "",
            "Ids of a collection, all in one answer.",
            name=NAME,
            where_json="optional string // Condition on the items, as JSON.",
        ),
        message("CollectionIds", "CollectionIds"),
        message(
            "GetCollectionItemRequest",
            "",
            "One item of a collection, with its vector and its thumbnail.",
            name=NAME,
            id="string // Id of the item.",
        ),
        message("DeleteCollectionItemsRequest", "DeleteItemsRequest", name=NAME, where_json=WHERE),
        message("DeleteCollectionItemsResponse", "ItemsDeleted"),
        message("SearchCollectionRequest", "CollectionSearchRequest", name=NAME, where_json=WHERE),
        message(
            "CollectionNeighbour",
            "CollectionNeighbour",
            thumbnail="optional bytes // Thumbnail, a JPEG, if requested and there is one.",
        ),
        message("CollectionFound", "CollectionDatum FailedEntry", without="video"),
        message(
            "SearchMethod",
            "SearchMethod",
            index="// Kind of the index that was used; absent where the search was exact.",
            probes="optional uint32",
            refine="optional uint32",
        ),
        message("SearchCollectionResponse", "CollectionSearchAnswer", data="repeated CollectionFound"),
        message("CollectionDuplicatesRequest", "CollectionDuplicatesRequest", name=NAME, where_json=WHERE),
        message("CollectionDuplicatesResponse", "CollectionDuplicatesAnswer", data="repeated CollectionFound"),
    ),
)
