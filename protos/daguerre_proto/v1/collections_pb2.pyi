from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from daguerre_proto.v1 import common_pb2 as _common_pb2
from daguerre_proto.v1 import corpus_pb2 as _corpus_pb2
from daguerre_proto.v1 import jobs_pb2 as _jobs_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PutCollectionRequest(_message.Message):
    __slots__ = ("model", "fingerprint", "dimension", "decode", "fields", "thumbnails", "name")
    class FieldsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    DECODE_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    THUMBNAILS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    model: str
    fingerprint: str
    dimension: int
    decode: _common_pb2.Decode
    fields: _containers.ScalarMap[str, str]
    thumbnails: str
    name: str
    def __init__(self, model: _Optional[str] = ..., fingerprint: _Optional[str] = ..., dimension: _Optional[int] = ..., decode: _Optional[_Union[_common_pb2.Decode, str]] = ..., fields: _Optional[_Mapping[str, str]] = ..., thumbnails: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class CollectionIndex(_message.Message):
    __slots__ = ("kind", "partitions", "rows", "unindexed", "probes", "refine", "recall", "sample", "built")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    UNINDEXED_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    REFINE_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    BUILT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    partitions: int
    rows: int
    unindexed: int
    probes: int
    refine: int
    recall: float
    sample: int
    built: str
    def __init__(self, kind: _Optional[str] = ..., partitions: _Optional[int] = ..., rows: _Optional[int] = ..., unindexed: _Optional[int] = ..., probes: _Optional[int] = ..., refine: _Optional[int] = ..., recall: _Optional[float] = ..., sample: _Optional[int] = ..., built: _Optional[str] = ...) -> None: ...

class Collection(_message.Message):
    __slots__ = ("name", "rows", "model", "fingerprint", "dimension", "fields", "thumbnails", "index", "bytes", "created", "receipt_json")
    class FieldsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    THUMBNAILS_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_JSON_FIELD_NUMBER: _ClassVar[int]
    name: str
    rows: int
    model: str
    fingerprint: str
    dimension: int
    fields: _containers.ScalarMap[str, str]
    thumbnails: str
    index: CollectionIndex
    bytes: int
    created: str
    receipt_json: str
    def __init__(self, name: _Optional[str] = ..., rows: _Optional[int] = ..., model: _Optional[str] = ..., fingerprint: _Optional[str] = ..., dimension: _Optional[int] = ..., fields: _Optional[_Mapping[str, str]] = ..., thumbnails: _Optional[str] = ..., index: _Optional[_Union[CollectionIndex, _Mapping]] = ..., bytes: _Optional[int] = ..., created: _Optional[str] = ..., receipt_json: _Optional[str] = ...) -> None: ...

class ListCollectionsRequest(_message.Message):
    __slots__ = ("limit", "cursor")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    limit: int
    cursor: str
    def __init__(self, limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListCollectionsResponse(_message.Message):
    __slots__ = ("data", "next_cursor")
    DATA_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[Collection]
    next_cursor: str
    def __init__(self, data: _Optional[_Iterable[_Union[Collection, _Mapping]]] = ..., next_cursor: _Optional[str] = ...) -> None: ...

class GetCollectionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteCollectionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteCollectionResponse(_message.Message):
    __slots__ = ("deleted", "rows")
    DELETED_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    deleted: str
    rows: int
    def __init__(self, deleted: _Optional[str] = ..., rows: _Optional[int] = ...) -> None: ...

class PutCollectionItemsRequest(_message.Message):
    __slots__ = ("on_error", "input", "vectors", "ids", "metadata_json", "texts", "upsert", "as_job", "name")
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    METADATA_JSON_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    UPSERT_FIELD_NUMBER: _ClassVar[int]
    AS_JOB_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    on_error: _common_pb2.OnError
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    vectors: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Vectors]
    ids: _containers.RepeatedScalarFieldContainer[str]
    metadata_json: str
    texts: _containers.RepeatedScalarFieldContainer[str]
    upsert: bool
    as_job: bool
    name: str
    def __init__(self, on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ..., vectors: _Optional[_Iterable[_Union[_classifiers_pb2.Vectors, _Mapping]]] = ..., ids: _Optional[_Iterable[str]] = ..., metadata_json: _Optional[str] = ..., texts: _Optional[_Iterable[str]] = ..., upsert: bool = ..., as_job: bool = ..., name: _Optional[str] = ...) -> None: ...

class PutCollectionItemsResponse(_message.Message):
    __slots__ = ("job", "stored")
    JOB_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    job: _jobs_pb2.Job
    stored: ItemsStored
    def __init__(self, job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ..., stored: _Optional[_Union[ItemsStored, _Mapping]] = ...) -> None: ...

class ItemsStored(_message.Message):
    __slots__ = ("collection", "added", "replaced", "rows", "unusable", "remarks", "model", "receipt_json")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    REPLACED_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    UNUSABLE_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_JSON_FIELD_NUMBER: _ClassVar[int]
    collection: str
    added: int
    replaced: int
    rows: int
    unusable: _containers.RepeatedCompositeFieldContainer[_corpus_pb2.UnusableItem]
    remarks: _containers.RepeatedScalarFieldContainer[str]
    model: str
    receipt_json: str
    def __init__(self, collection: _Optional[str] = ..., added: _Optional[int] = ..., replaced: _Optional[int] = ..., rows: _Optional[int] = ..., unusable: _Optional[_Iterable[_Union[_corpus_pb2.UnusableItem, _Mapping]]] = ..., remarks: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ..., receipt_json: _Optional[str] = ...) -> None: ...

class ListCollectionItemsRequest(_message.Message):
    __slots__ = ("name", "where_json", "with_vectors", "with_thumbnails", "limit", "cursor")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    WITH_VECTORS_FIELD_NUMBER: _ClassVar[int]
    WITH_THUMBNAILS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    name: str
    where_json: str
    with_vectors: bool
    with_thumbnails: bool
    limit: int
    cursor: str
    def __init__(self, name: _Optional[str] = ..., where_json: _Optional[str] = ..., with_vectors: bool = ..., with_thumbnails: bool = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class CollectionItem(_message.Message):
    __slots__ = ("id", "modality", "text", "metadata_json", "vector", "thumbnail")
    ID_FIELD_NUMBER: _ClassVar[int]
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    METADATA_JSON_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    id: str
    modality: str
    text: str
    metadata_json: str
    vector: _containers.RepeatedScalarFieldContainer[float]
    thumbnail: bytes
    def __init__(self, id: _Optional[str] = ..., modality: _Optional[str] = ..., text: _Optional[str] = ..., metadata_json: _Optional[str] = ..., vector: _Optional[_Iterable[float]] = ..., thumbnail: _Optional[bytes] = ...) -> None: ...

class ListCollectionItemsResponse(_message.Message):
    __slots__ = ("data", "next_cursor")
    DATA_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[CollectionItem]
    next_cursor: str
    def __init__(self, data: _Optional[_Iterable[_Union[CollectionItem, _Mapping]]] = ..., next_cursor: _Optional[str] = ...) -> None: ...

class ListCollectionIdsRequest(_message.Message):
    __slots__ = ("name", "where_json")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    name: str
    where_json: str
    def __init__(self, name: _Optional[str] = ..., where_json: _Optional[str] = ...) -> None: ...

class CollectionIds(_message.Message):
    __slots__ = ("collection", "ids", "modality")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    collection: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    modality: str
    def __init__(self, collection: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ..., modality: _Optional[str] = ...) -> None: ...

class GetCollectionItemRequest(_message.Message):
    __slots__ = ("name", "id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    id: str
    def __init__(self, name: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class DeleteCollectionItemsRequest(_message.Message):
    __slots__ = ("ids", "where_json", "name")
    IDS_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    where_json: str
    name: str
    def __init__(self, ids: _Optional[_Iterable[str]] = ..., where_json: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class DeleteCollectionItemsResponse(_message.Message):
    __slots__ = ("collection", "deleted", "rows")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    collection: str
    deleted: int
    rows: int
    def __init__(self, collection: _Optional[str] = ..., deleted: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class SearchCollectionRequest(_message.Message):
    __slots__ = ("on_error", "input", "vectors", "like", "where_json", "exact", "with_texts", "with_thumbnails", "k", "name")
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    LIKE_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    WITH_TEXTS_FIELD_NUMBER: _ClassVar[int]
    WITH_THUMBNAILS_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    on_error: _common_pb2.OnError
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    vectors: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Vectors]
    like: _containers.RepeatedScalarFieldContainer[str]
    where_json: str
    exact: bool
    with_texts: bool
    with_thumbnails: bool
    k: int
    name: str
    def __init__(self, on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ..., vectors: _Optional[_Iterable[_Union[_classifiers_pb2.Vectors, _Mapping]]] = ..., like: _Optional[_Iterable[str]] = ..., where_json: _Optional[str] = ..., exact: bool = ..., with_texts: bool = ..., with_thumbnails: bool = ..., k: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class CollectionNeighbour(_message.Message):
    __slots__ = ("id", "cosine", "modality", "text", "metadata_json", "thumbnail")
    ID_FIELD_NUMBER: _ClassVar[int]
    COSINE_FIELD_NUMBER: _ClassVar[int]
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    METADATA_JSON_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    id: str
    cosine: float
    modality: str
    text: str
    metadata_json: str
    thumbnail: bytes
    def __init__(self, id: _Optional[str] = ..., cosine: _Optional[float] = ..., modality: _Optional[str] = ..., text: _Optional[str] = ..., metadata_json: _Optional[str] = ..., thumbnail: _Optional[bytes] = ...) -> None: ...

class CollectionFound(_message.Message):
    __slots__ = ("index", "id", "crop", "neighbours", "error")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    NEIGHBOURS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    crop: _common_pb2.Crop
    neighbours: _containers.RepeatedCompositeFieldContainer[CollectionNeighbour]
    error: _common_pb2.ItemError
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., crop: _Optional[_Union[_common_pb2.Crop, _Mapping]] = ..., neighbours: _Optional[_Iterable[_Union[CollectionNeighbour, _Mapping]]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class SearchMethod(_message.Message):
    __slots__ = ("exact", "index", "probes", "refine", "recall", "rows", "unindexed")
    EXACT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    REFINE_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    UNINDEXED_FIELD_NUMBER: _ClassVar[int]
    exact: bool
    index: str
    probes: int
    refine: int
    recall: float
    rows: int
    unindexed: int
    def __init__(self, exact: bool = ..., index: _Optional[str] = ..., probes: _Optional[int] = ..., refine: _Optional[int] = ..., recall: _Optional[float] = ..., rows: _Optional[int] = ..., unindexed: _Optional[int] = ...) -> None: ...

class SearchCollectionResponse(_message.Message):
    __slots__ = ("data", "collection", "search", "model", "receipt_json")
    DATA_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_JSON_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[CollectionFound]
    collection: str
    search: SearchMethod
    model: str
    receipt_json: str
    def __init__(self, data: _Optional[_Iterable[_Union[CollectionFound, _Mapping]]] = ..., collection: _Optional[str] = ..., search: _Optional[_Union[SearchMethod, _Mapping]] = ..., model: _Optional[str] = ..., receipt_json: _Optional[str] = ...) -> None: ...

class CollectionDuplicatesRequest(_message.Message):
    __slots__ = ("on_error", "input", "vectors", "like", "where_json", "exact", "with_texts", "with_thumbnails", "threshold", "k", "name")
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    LIKE_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    WITH_TEXTS_FIELD_NUMBER: _ClassVar[int]
    WITH_THUMBNAILS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    on_error: _common_pb2.OnError
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    vectors: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Vectors]
    like: _containers.RepeatedScalarFieldContainer[str]
    where_json: str
    exact: bool
    with_texts: bool
    with_thumbnails: bool
    threshold: float
    k: int
    name: str
    def __init__(self, on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ..., vectors: _Optional[_Iterable[_Union[_classifiers_pb2.Vectors, _Mapping]]] = ..., like: _Optional[_Iterable[str]] = ..., where_json: _Optional[str] = ..., exact: bool = ..., with_texts: bool = ..., with_thumbnails: bool = ..., threshold: _Optional[float] = ..., k: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class CollectionDuplicatesResponse(_message.Message):
    __slots__ = ("data", "collection", "search", "model", "receipt_json", "threshold", "threshold_reason", "duplicates")
    DATA_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_JSON_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_REASON_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[CollectionFound]
    collection: str
    search: SearchMethod
    model: str
    receipt_json: str
    threshold: float
    threshold_reason: str
    duplicates: int
    def __init__(self, data: _Optional[_Iterable[_Union[CollectionFound, _Mapping]]] = ..., collection: _Optional[str] = ..., search: _Optional[_Union[SearchMethod, _Mapping]] = ..., model: _Optional[str] = ..., receipt_json: _Optional[str] = ..., threshold: _Optional[float] = ..., threshold_reason: _Optional[str] = ..., duplicates: _Optional[int] = ...) -> None: ...
