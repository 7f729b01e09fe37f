from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from daguerre_proto.v1 import common_pb2 as _common_pb2
from daguerre_proto.v1 import jobs_pb2 as _jobs_pb2
from daguerre_proto.v1 import video_pb2 as _video_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UploadFileRequest(_message.Message):
    __slots__ = ("name", "data")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    data: bytes
    def __init__(self, name: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class File(_message.Message):
    __slots__ = ("id", "name", "bytes", "shape", "dtype", "created", "expires", "video")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    bytes: int
    shape: _containers.RepeatedScalarFieldContainer[int]
    dtype: str
    created: str
    expires: str
    video: _video_pb2.VideoFacts
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., bytes: _Optional[int] = ..., shape: _Optional[_Iterable[int]] = ..., dtype: _Optional[str] = ..., created: _Optional[str] = ..., expires: _Optional[str] = ..., video: _Optional[_Union[_video_pb2.VideoFacts, _Mapping]] = ...) -> None: ...

class ListFilesRequest(_message.Message):
    __slots__ = ("limit", "cursor")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    limit: int
    cursor: str
    def __init__(self, limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListFilesResponse(_message.Message):
    __slots__ = ("data", "next_cursor")
    DATA_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[File]
    next_cursor: str
    def __init__(self, data: _Optional[_Iterable[_Union[File, _Mapping]]] = ..., next_cursor: _Optional[str] = ...) -> None: ...

class GetFileRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class DeleteFileRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class DescribeImagesRequest(_message.Message):
    __slots__ = ("input", "thumbnail", "blurred", "on_error", "miniature", "picture", "blur")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    BLURRED_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    MINIATURE_FIELD_NUMBER: _ClassVar[int]
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    BLUR_FIELD_NUMBER: _ClassVar[int]
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    thumbnail: int
    blurred: bool
    on_error: _common_pb2.OnError
    miniature: bool
    picture: bool
    blur: str
    def __init__(self, input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ..., thumbnail: _Optional[int] = ..., blurred: bool = ..., on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., miniature: bool = ..., picture: bool = ..., blur: _Optional[str] = ...) -> None: ...

class ImageDescription(_message.Message):
    __slots__ = ("index", "id", "sha256", "phash", "width", "height", "thumbnail", "error", "miniature", "crop", "picture", "faces")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    PHASH_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MINIATURE_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    PICTURE_FIELD_NUMBER: _ClassVar[int]
    FACES_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    sha256: str
    phash: str
    width: int
    height: int
    thumbnail: bytes
    error: _common_pb2.ItemError
    miniature: str
    crop: _common_pb2.Crop
    picture: bytes
    faces: int
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., sha256: _Optional[str] = ..., phash: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., thumbnail: _Optional[bytes] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ..., miniature: _Optional[str] = ..., crop: _Optional[_Union[_common_pb2.Crop, _Mapping]] = ..., picture: _Optional[bytes] = ..., faces: _Optional[int] = ...) -> None: ...

class DescribeImagesResponse(_message.Message):
    __slots__ = ("data", "first_of_many")
    DATA_FIELD_NUMBER: _ClassVar[int]
    FIRST_OF_MANY_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[ImageDescription]
    first_of_many: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, data: _Optional[_Iterable[_Union[ImageDescription, _Mapping]]] = ..., first_of_many: _Optional[_Iterable[int]] = ...) -> None: ...

class DuplicatesRequest(_message.Message):
    __slots__ = ("kind", "input", "vectors", "model", "decode", "on_error", "ids", "sha256", "phash", "threshold", "bits", "linkage", "preference", "as_job", "miniatures", "method", "where_json", "collection")
    KIND_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DECODE_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    PHASH_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    LINKAGE_FIELD_NUMBER: _ClassVar[int]
    PREFERENCE_FIELD_NUMBER: _ClassVar[int]
    AS_JOB_FIELD_NUMBER: _ClassVar[int]
    MINIATURES_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    kind: str
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    vectors: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Vectors]
    model: str
    decode: _common_pb2.Decode
    on_error: _common_pb2.OnError
    ids: _containers.RepeatedScalarFieldContainer[str]
    sha256: _containers.RepeatedScalarFieldContainer[str]
    phash: _containers.RepeatedScalarFieldContainer[str]
    threshold: float
    bits: int
    linkage: str
    preference: _containers.RepeatedScalarFieldContainer[float]
    as_job: bool
    miniatures: _containers.RepeatedScalarFieldContainer[str]
    method: str
    where_json: str
    collection: str
    def __init__(self, kind: _Optional[str] = ..., input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ..., vectors: _Optional[_Iterable[_Union[_classifiers_pb2.Vectors, _Mapping]]] = ..., model: _Optional[str] = ..., decode: _Optional[_Union[_common_pb2.Decode, str]] = ..., on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., ids: _Optional[_Iterable[str]] = ..., sha256: _Optional[_Iterable[str]] = ..., phash: _Optional[_Iterable[str]] = ..., threshold: _Optional[float] = ..., bits: _Optional[int] = ..., linkage: _Optional[str] = ..., preference: _Optional[_Iterable[float]] = ..., as_job: bool = ..., miniatures: _Optional[_Iterable[str]] = ..., method: _Optional[str] = ..., where_json: _Optional[str] = ..., collection: _Optional[str] = ...) -> None: ...

class DuplicateGroup(_message.Message):
    __slots__ = ("representative", "members", "similarity")
    REPRESENTATIVE_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    SIMILARITY_FIELD_NUMBER: _ClassVar[int]
    representative: int
    members: _containers.RepeatedScalarFieldContainer[int]
    similarity: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, representative: _Optional[int] = ..., members: _Optional[_Iterable[int]] = ..., similarity: _Optional[_Iterable[float]] = ...) -> None: ...

class RelatedGroup(_message.Message):
    __slots__ = ("members", "contents")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    CONTENTS_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedScalarFieldContainer[int]
    contents: int
    def __init__(self, members: _Optional[_Iterable[int]] = ..., contents: _Optional[int] = ...) -> None: ...

class PairRecall(_message.Message):
    __slots__ = ("rows", "pairs", "found")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    rows: int
    pairs: int
    found: int
    def __init__(self, rows: _Optional[int] = ..., pairs: _Optional[int] = ..., found: _Optional[int] = ...) -> None: ...

class Duplicates(_message.Message):
    __slots__ = ("id", "kind", "threshold", "linkage", "n", "ids", "groups", "extra", "unusable", "model", "receipt_json", "remarks", "threshold_origin", "threshold_reason", "related", "compared", "method", "recall")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    LINKAGE_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    EXTRA_FIELD_NUMBER: _ClassVar[int]
    UNUSABLE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_JSON_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_REASON_FIELD_NUMBER: _ClassVar[int]
    RELATED_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    threshold: float
    linkage: str
    n: int
    ids: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedCompositeFieldContainer[DuplicateGroup]
    extra: int
    unusable: _containers.RepeatedCompositeFieldContainer[UnusableItem]
    model: str
    receipt_json: str
    remarks: _containers.RepeatedScalarFieldContainer[str]
    threshold_origin: str
    threshold_reason: str
    related: _containers.RepeatedCompositeFieldContainer[RelatedGroup]
    compared: int
    method: str
    recall: PairRecall
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., threshold: _Optional[float] = ..., linkage: _Optional[str] = ..., n: _Optional[int] = ..., ids: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[_Union[DuplicateGroup, _Mapping]]] = ..., extra: _Optional[int] = ..., unusable: _Optional[_Iterable[_Union[UnusableItem, _Mapping]]] = ..., model: _Optional[str] = ..., receipt_json: _Optional[str] = ..., remarks: _Optional[_Iterable[str]] = ..., threshold_origin: _Optional[str] = ..., threshold_reason: _Optional[str] = ..., related: _Optional[_Iterable[_Union[RelatedGroup, _Mapping]]] = ..., compared: _Optional[int] = ..., method: _Optional[str] = ..., recall: _Optional[_Union[PairRecall, _Mapping]] = ...) -> None: ...

class UnusableItem(_message.Message):
    __slots__ = ("index", "id", "error")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    error: _common_pb2.ItemError
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class DuplicatesResponse(_message.Message):
    __slots__ = ("job", "duplicates")
    JOB_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    job: _jobs_pb2.Job
    duplicates: Duplicates
    def __init__(self, job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ..., duplicates: _Optional[_Union[Duplicates, _Mapping]] = ...) -> None: ...

class GetDuplicatesRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class SampleRequest(_message.Message):
    __slots__ = ("design", "size", "n", "strata", "allocation", "floor", "scores", "ids", "seed", "vectors", "diversity", "for_width", "expected_share", "classifier", "collection", "where_json")
    DESIGN_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    STRATA_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_FIELD_NUMBER: _ClassVar[int]
    FLOOR_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    DIVERSITY_FIELD_NUMBER: _ClassVar[int]
    FOR_WIDTH_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SHARE_FIELD_NUMBER: _ClassVar[int]
    CLASSIFIER_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    design: str
    size: int
    n: int
    strata: _containers.RepeatedScalarFieldContainer[str]
    allocation: str
    floor: int
    scores: _containers.RepeatedScalarFieldContainer[float]
    ids: _containers.RepeatedScalarFieldContainer[str]
    seed: int
    vectors: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Vectors]
    diversity: float
    for_width: float
    expected_share: float
    classifier: str
    collection: str
    where_json: str
    def __init__(self, design: _Optional[str] = ..., size: _Optional[int] = ..., n: _Optional[int] = ..., strata: _Optional[_Iterable[str]] = ..., allocation: _Optional[str] = ..., floor: _Optional[int] = ..., scores: _Optional[_Iterable[float]] = ..., ids: _Optional[_Iterable[str]] = ..., seed: _Optional[int] = ..., vectors: _Optional[_Iterable[_Union[_classifiers_pb2.Vectors, _Mapping]]] = ..., diversity: _Optional[float] = ..., for_width: _Optional[float] = ..., expected_share: _Optional[float] = ..., classifier: _Optional[str] = ..., collection: _Optional[str] = ..., where_json: _Optional[str] = ...) -> None: ...

class Stratum(_message.Message):
    __slots__ = ("stratum", "population", "drawn", "probability")
    STRATUM_FIELD_NUMBER: _ClassVar[int]
    POPULATION_FIELD_NUMBER: _ClassVar[int]
    DRAWN_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    stratum: str
    population: int
    drawn: int
    probability: float
    def __init__(self, stratum: _Optional[str] = ..., population: _Optional[int] = ..., drawn: _Optional[int] = ..., probability: _Optional[float] = ...) -> None: ...

class Sample(_message.Message):
    __slots__ = ("design", "n", "indexes", "ids", "inclusion_prob", "strata", "fit_for_inference", "remarks", "seed", "candidates", "copies", "smallest_distance", "stratum")
    DESIGN_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    INDEXES_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROB_FIELD_NUMBER: _ClassVar[int]
    STRATA_FIELD_NUMBER: _ClassVar[int]
    FIT_FOR_INFERENCE_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    COPIES_FIELD_NUMBER: _ClassVar[int]
    SMALLEST_DISTANCE_FIELD_NUMBER: _ClassVar[int]
    STRATUM_FIELD_NUMBER: _ClassVar[int]
    design: str
    n: int
    indexes: _containers.RepeatedScalarFieldContainer[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    inclusion_prob: _containers.RepeatedScalarFieldContainer[float]
    strata: _containers.RepeatedCompositeFieldContainer[Stratum]
    fit_for_inference: bool
    remarks: _containers.RepeatedScalarFieldContainer[str]
    seed: int
    candidates: int
    copies: int
    smallest_distance: float
    stratum: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, design: _Optional[str] = ..., n: _Optional[int] = ..., indexes: _Optional[_Iterable[int]] = ..., ids: _Optional[_Iterable[str]] = ..., inclusion_prob: _Optional[_Iterable[float]] = ..., strata: _Optional[_Iterable[_Union[Stratum, _Mapping]]] = ..., fit_for_inference: bool = ..., remarks: _Optional[_Iterable[str]] = ..., seed: _Optional[int] = ..., candidates: _Optional[int] = ..., copies: _Optional[int] = ..., smallest_distance: _Optional[float] = ..., stratum: _Optional[_Iterable[str]] = ...) -> None: ...

class Labels(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class PairsRequest(_message.Message):
    __slots__ = ("clusterings", "within", "between", "disputed", "unclustered", "allocation", "ids", "seed")
    class ClusteringsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Labels
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Labels, _Mapping]] = ...) -> None: ...
    CLUSTERINGS_FIELD_NUMBER: _ClassVar[int]
    WITHIN_FIELD_NUMBER: _ClassVar[int]
    BETWEEN_FIELD_NUMBER: _ClassVar[int]
    DISPUTED_FIELD_NUMBER: _ClassVar[int]
    UNCLUSTERED_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    clusterings: _containers.MessageMap[str, Labels]
    within: int
    between: int
    disputed: int
    unclustered: str
    allocation: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    seed: int
    def __init__(self, clusterings: _Optional[_Mapping[str, Labels]] = ..., within: _Optional[int] = ..., between: _Optional[int] = ..., disputed: _Optional[int] = ..., unclustered: _Optional[str] = ..., allocation: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ..., seed: _Optional[int] = ...) -> None: ...

class Pair(_message.Message):
    __slots__ = ("a", "b", "a_id", "b_id", "stratum", "cluster", "inclusion_prob")
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    A_ID_FIELD_NUMBER: _ClassVar[int]
    B_ID_FIELD_NUMBER: _ClassVar[int]
    STRATUM_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROB_FIELD_NUMBER: _ClassVar[int]
    a: int
    b: int
    a_id: str
    b_id: str
    stratum: str
    cluster: int
    inclusion_prob: float
    def __init__(self, a: _Optional[int] = ..., b: _Optional[int] = ..., a_id: _Optional[str] = ..., b_id: _Optional[str] = ..., stratum: _Optional[str] = ..., cluster: _Optional[int] = ..., inclusion_prob: _Optional[float] = ...) -> None: ...

class PairsResponse(_message.Message):
    __slots__ = ("pairs", "n", "strata", "remarks", "seed")
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    STRATA_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    pairs: _containers.RepeatedCompositeFieldContainer[Pair]
    n: int
    strata: _containers.RepeatedCompositeFieldContainer[Stratum]
    remarks: _containers.RepeatedScalarFieldContainer[str]
    seed: int
    def __init__(self, pairs: _Optional[_Iterable[_Union[Pair, _Mapping]]] = ..., n: _Optional[int] = ..., strata: _Optional[_Iterable[_Union[Stratum, _Mapping]]] = ..., remarks: _Optional[_Iterable[str]] = ..., seed: _Optional[int] = ...) -> None: ...

class AgreementRequest(_message.Message):
    __slots__ = ("coder", "item", "code", "level", "resamples", "seed", "missing")
    CODER_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    RESAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    coder: _containers.RepeatedScalarFieldContainer[str]
    item: _containers.RepeatedScalarFieldContainer[str]
    code: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    level: str
    resamples: int
    seed: int
    missing: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, coder: _Optional[_Iterable[str]] = ..., item: _Optional[_Iterable[str]] = ..., code: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., level: _Optional[str] = ..., resamples: _Optional[int] = ..., seed: _Optional[int] = ..., missing: _Optional[_Iterable[str]] = ...) -> None: ...

class Coefficient(_message.Message):
    __slots__ = ("value", "low", "high", "undefined")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    UNDEFINED_FIELD_NUMBER: _ClassVar[int]
    value: float
    low: float
    high: float
    undefined: int
    def __init__(self, value: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., undefined: _Optional[int] = ...) -> None: ...

class Icc(_message.Message):
    __slots__ = ("items", "agreement", "consistency")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    items: int
    agreement: Coefficient
    consistency: Coefficient
    def __init__(self, items: _Optional[int] = ..., agreement: _Optional[_Union[Coefficient, _Mapping]] = ..., consistency: _Optional[_Union[Coefficient, _Mapping]] = ...) -> None: ...

class CategoryAgreement(_message.Message):
    __slots__ = ("category", "codes", "items", "agreement")
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    category: str
    codes: int
    items: int
    agreement: Coefficient
    def __init__(self, category: _Optional[str] = ..., codes: _Optional[int] = ..., items: _Optional[int] = ..., agreement: _Optional[_Union[Coefficient, _Mapping]] = ...) -> None: ...

class CoderCodes(_message.Message):
    __slots__ = ("coder", "codes", "counts")
    CODER_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    coder: str
    codes: int
    counts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, coder: _Optional[str] = ..., codes: _Optional[int] = ..., counts: _Optional[_Iterable[int]] = ...) -> None: ...

class CodeRow(_message.Message):
    __slots__ = ("category", "counts")
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    category: str
    counts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, category: _Optional[str] = ..., counts: _Optional[_Iterable[int]] = ...) -> None: ...

class CoderPair(_message.Message):
    __slots__ = ("a", "b", "items", "percent", "kappa", "table", "kappa_linear", "kappa_quadratic", "ac1")
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    KAPPA_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    KAPPA_LINEAR_FIELD_NUMBER: _ClassVar[int]
    KAPPA_QUADRATIC_FIELD_NUMBER: _ClassVar[int]
    AC1_FIELD_NUMBER: _ClassVar[int]
    a: str
    b: str
    items: int
    percent: Coefficient
    kappa: Coefficient
    table: _containers.RepeatedCompositeFieldContainer[CodeRow]
    kappa_linear: Coefficient
    kappa_quadratic: Coefficient
    ac1: Coefficient
    def __init__(self, a: _Optional[str] = ..., b: _Optional[str] = ..., items: _Optional[int] = ..., percent: _Optional[_Union[Coefficient, _Mapping]] = ..., kappa: _Optional[_Union[Coefficient, _Mapping]] = ..., table: _Optional[_Iterable[_Union[CodeRow, _Mapping]]] = ..., kappa_linear: _Optional[_Union[Coefficient, _Mapping]] = ..., kappa_quadratic: _Optional[_Union[Coefficient, _Mapping]] = ..., ac1: _Optional[_Union[Coefficient, _Mapping]] = ...) -> None: ...

class DifferingItem(_message.Message):
    __slots__ = ("item", "coders", "codes")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    CODERS_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    item: str
    coders: _containers.RepeatedScalarFieldContainer[str]
    codes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, item: _Optional[str] = ..., coders: _Optional[_Iterable[str]] = ..., codes: _Optional[_Iterable[str]] = ...) -> None: ...

class AgreementResponse(_message.Message):
    __slots__ = ("coders", "items", "level", "percent", "kappa", "alpha", "missing", "remarks", "n_categories", "categories", "by_coder", "n_pairs", "pairs", "n_differ", "differ", "kappa_linear", "kappa_quadratic", "ac1", "ac2_linear", "ac2_quadratic", "icc", "most_common", "most_common_share")
    CODERS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    KAPPA_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    N_CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    BY_CODER_FIELD_NUMBER: _ClassVar[int]
    N_PAIRS_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    N_DIFFER_FIELD_NUMBER: _ClassVar[int]
    DIFFER_FIELD_NUMBER: _ClassVar[int]
    KAPPA_LINEAR_FIELD_NUMBER: _ClassVar[int]
    KAPPA_QUADRATIC_FIELD_NUMBER: _ClassVar[int]
    AC1_FIELD_NUMBER: _ClassVar[int]
    AC2_LINEAR_FIELD_NUMBER: _ClassVar[int]
    AC2_QUADRATIC_FIELD_NUMBER: _ClassVar[int]
    ICC_FIELD_NUMBER: _ClassVar[int]
    MOST_COMMON_FIELD_NUMBER: _ClassVar[int]
    MOST_COMMON_SHARE_FIELD_NUMBER: _ClassVar[int]
    coders: _containers.RepeatedScalarFieldContainer[str]
    items: int
    level: str
    percent: Coefficient
    kappa: Coefficient
    alpha: Coefficient
    missing: int
    remarks: _containers.RepeatedScalarFieldContainer[str]
    n_categories: int
    categories: _containers.RepeatedCompositeFieldContainer[CategoryAgreement]
    by_coder: _containers.RepeatedCompositeFieldContainer[CoderCodes]
    n_pairs: int
    pairs: _containers.RepeatedCompositeFieldContainer[CoderPair]
    n_differ: int
    differ: _containers.RepeatedCompositeFieldContainer[DifferingItem]
    kappa_linear: Coefficient
    kappa_quadratic: Coefficient
    ac1: Coefficient
    ac2_linear: Coefficient
    ac2_quadratic: Coefficient
    icc: Icc
    most_common: str
    most_common_share: float
    def __init__(self, coders: _Optional[_Iterable[str]] = ..., items: _Optional[int] = ..., level: _Optional[str] = ..., percent: _Optional[_Union[Coefficient, _Mapping]] = ..., kappa: _Optional[_Union[Coefficient, _Mapping]] = ..., alpha: _Optional[_Union[Coefficient, _Mapping]] = ..., missing: _Optional[int] = ..., remarks: _Optional[_Iterable[str]] = ..., n_categories: _Optional[int] = ..., categories: _Optional[_Iterable[_Union[CategoryAgreement, _Mapping]]] = ..., by_coder: _Optional[_Iterable[_Union[CoderCodes, _Mapping]]] = ..., n_pairs: _Optional[int] = ..., pairs: _Optional[_Iterable[_Union[CoderPair, _Mapping]]] = ..., n_differ: _Optional[int] = ..., differ: _Optional[_Iterable[_Union[DifferingItem, _Mapping]]] = ..., kappa_linear: _Optional[_Union[Coefficient, _Mapping]] = ..., kappa_quadratic: _Optional[_Union[Coefficient, _Mapping]] = ..., ac1: _Optional[_Union[Coefficient, _Mapping]] = ..., ac2_linear: _Optional[_Union[Coefficient, _Mapping]] = ..., ac2_quadratic: _Optional[_Union[Coefficient, _Mapping]] = ..., icc: _Optional[_Union[Icc, _Mapping]] = ..., most_common: _Optional[str] = ..., most_common_share: _Optional[float] = ...) -> None: ...

class ComparisonRequest(_message.Message):
    __slots__ = ("a", "b", "same", "inclusion_prob", "stratum", "clusterings", "unclustered", "held_out", "resamples", "confidence", "seed")
    class ClusteringsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Labels
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Labels, _Mapping]] = ...) -> None: ...
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    SAME_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROB_FIELD_NUMBER: _ClassVar[int]
    STRATUM_FIELD_NUMBER: _ClassVar[int]
    CLUSTERINGS_FIELD_NUMBER: _ClassVar[int]
    UNCLUSTERED_FIELD_NUMBER: _ClassVar[int]
    HELD_OUT_FIELD_NUMBER: _ClassVar[int]
    RESAMPLES_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    a: _containers.RepeatedScalarFieldContainer[int]
    b: _containers.RepeatedScalarFieldContainer[int]
    same: _containers.RepeatedScalarFieldContainer[bool]
    inclusion_prob: _containers.RepeatedScalarFieldContainer[float]
    stratum: _containers.RepeatedScalarFieldContainer[str]
    clusterings: _containers.MessageMap[str, Labels]
    unclustered: str
    held_out: float
    resamples: int
    confidence: float
    seed: int
    def __init__(self, a: _Optional[_Iterable[int]] = ..., b: _Optional[_Iterable[int]] = ..., same: _Optional[_Iterable[bool]] = ..., inclusion_prob: _Optional[_Iterable[float]] = ..., stratum: _Optional[_Iterable[str]] = ..., clusterings: _Optional[_Mapping[str, Labels]] = ..., unclustered: _Optional[str] = ..., held_out: _Optional[float] = ..., resamples: _Optional[int] = ..., confidence: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class ComparisonResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class CoderGroupsRequest(_message.Message):
    __slots__ = ("coder", "item", "code", "groups", "missing", "level", "resamples", "seed")
    class GroupsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODER_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    RESAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    coder: _containers.RepeatedScalarFieldContainer[str]
    item: _containers.RepeatedScalarFieldContainer[str]
    code: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    groups: _containers.ScalarMap[str, str]
    missing: _containers.RepeatedScalarFieldContainer[str]
    level: str
    resamples: int
    seed: int
    def __init__(self, coder: _Optional[_Iterable[str]] = ..., item: _Optional[_Iterable[str]] = ..., code: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., groups: _Optional[_Mapping[str, str]] = ..., missing: _Optional[_Iterable[str]] = ..., level: _Optional[str] = ..., resamples: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class CoderGroupsResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class CrowdRequest(_message.Message):
    __slots__ = ("coder", "item", "code", "missing")
    CODER_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    coder: _containers.RepeatedScalarFieldContainer[str]
    item: _containers.RepeatedScalarFieldContainer[str]
    code: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    missing: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, coder: _Optional[_Iterable[str]] = ..., item: _Optional[_Iterable[str]] = ..., code: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., missing: _Optional[_Iterable[str]] = ...) -> None: ...

class CrowdResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class ComparisonPairsRequest(_message.Message):
    __slots__ = ("ids", "per_item", "seed")
    IDS_FIELD_NUMBER: _ClassVar[int]
    PER_ITEM_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    per_item: int
    seed: int
    def __init__(self, ids: _Optional[_Iterable[str]] = ..., per_item: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class ComparisonPair(_message.Message):
    __slots__ = ("a", "b")
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    a: str
    b: str
    def __init__(self, a: _Optional[str] = ..., b: _Optional[str] = ...) -> None: ...

class ComparisonPairsResponse(_message.Message):
    __slots__ = ("pairs", "per_item", "seed")
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    PER_ITEM_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    pairs: _containers.RepeatedCompositeFieldContainer[ComparisonPair]
    per_item: float
    seed: int
    def __init__(self, pairs: _Optional[_Iterable[_Union[ComparisonPair, _Mapping]]] = ..., per_item: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class ScaleRequest(_message.Message):
    __slots__ = ("a", "b", "winner", "ridge")
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    WINNER_FIELD_NUMBER: _ClassVar[int]
    RIDGE_FIELD_NUMBER: _ClassVar[int]
    a: _containers.RepeatedScalarFieldContainer[str]
    b: _containers.RepeatedScalarFieldContainer[str]
    winner: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    ridge: float
    def __init__(self, a: _Optional[_Iterable[str]] = ..., b: _Optional[_Iterable[str]] = ..., winner: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., ridge: _Optional[float] = ...) -> None: ...

class ScaledItem(_message.Message):
    __slots__ = ("item", "score", "se", "low", "high", "comparisons", "wins")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    COMPARISONS_FIELD_NUMBER: _ClassVar[int]
    WINS_FIELD_NUMBER: _ClassVar[int]
    item: str
    score: float
    se: float
    low: float
    high: float
    comparisons: int
    wins: float
    def __init__(self, item: _Optional[str] = ..., score: _Optional[float] = ..., se: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., comparisons: _Optional[int] = ..., wins: _Optional[float] = ...) -> None: ...

class ScaleResponse(_message.Message):
    __slots__ = ("items", "comparisons", "ties", "missing", "ridge", "reliability", "log_likelihood", "remarks")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    COMPARISONS_FIELD_NUMBER: _ClassVar[int]
    TIES_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    RIDGE_FIELD_NUMBER: _ClassVar[int]
    RELIABILITY_FIELD_NUMBER: _ClassVar[int]
    LOG_LIKELIHOOD_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[ScaledItem]
    comparisons: int
    ties: int
    missing: int
    ridge: float
    reliability: float
    log_likelihood: float
    remarks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, items: _Optional[_Iterable[_Union[ScaledItem, _Mapping]]] = ..., comparisons: _Optional[int] = ..., ties: _Optional[int] = ..., missing: _Optional[int] = ..., ridge: _Optional[float] = ..., reliability: _Optional[float] = ..., log_likelihood: _Optional[float] = ..., remarks: _Optional[_Iterable[str]] = ...) -> None: ...

class SearchRequest(_message.Message):
    __slots__ = ("input", "corpus", "queries", "k", "ids", "on_error", "decode", "collection", "where_json")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    DECODE_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    corpus: _classifiers_pb2.Vectors
    queries: _classifiers_pb2.Vectors
    k: int
    ids: _containers.RepeatedScalarFieldContainer[str]
    on_error: _common_pb2.OnError
    decode: _common_pb2.Decode
    collection: str
    where_json: str
    def __init__(self, input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ..., corpus: _Optional[_Union[_classifiers_pb2.Vectors, _Mapping]] = ..., queries: _Optional[_Union[_classifiers_pb2.Vectors, _Mapping]] = ..., k: _Optional[int] = ..., ids: _Optional[_Iterable[str]] = ..., on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., decode: _Optional[_Union[_common_pb2.Decode, str]] = ..., collection: _Optional[str] = ..., where_json: _Optional[str] = ...) -> None: ...

class Neighbour(_message.Message):
    __slots__ = ("index", "id", "cosine")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    COSINE_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    cosine: float
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., cosine: _Optional[float] = ...) -> None: ...

class Found(_message.Message):
    __slots__ = ("index", "id", "neighbours", "error", "crop")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    NEIGHBOURS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    neighbours: _containers.RepeatedCompositeFieldContainer[Neighbour]
    error: _common_pb2.ItemError
    crop: _common_pb2.Crop
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., neighbours: _Optional[_Iterable[_Union[Neighbour, _Mapping]]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ..., crop: _Optional[_Union[_common_pb2.Crop, _Mapping]] = ...) -> None: ...

class SearchResponse(_message.Message):
    __slots__ = ("data", "model", "receipt_json")
    DATA_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_JSON_FIELD_NUMBER: _ClassVar[int]
    data: _containers.RepeatedCompositeFieldContainer[Found]
    model: str
    receipt_json: str
    def __init__(self, data: _Optional[_Iterable[_Union[Found, _Mapping]]] = ..., model: _Optional[str] = ..., receipt_json: _Optional[str] = ...) -> None: ...
