from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from daguerre_proto.v1 import common_pb2 as _common_pb2
from daguerre_proto.v1 import jobs_pb2 as _jobs_pb2
from daguerre_proto.v1 import video_pb2 as _video_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Texts(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class NoneOfThese(_message.Message):
    __slots__ = ("text", "min_cosine")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MIN_COSINE_FIELD_NUMBER: _ClassVar[int]
    text: str
    min_cosine: float
    def __init__(self, text: _Optional[str] = ..., min_cosine: _Optional[float] = ...) -> None: ...

class ZeroShotRequest(_message.Message):
    __slots__ = ("model_options", "items", "labels", "templates", "multi_label", "negatives", "none_of_these", "vectors", "ids", "preset", "collection", "where_json")
    MODEL_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    MULTI_LABEL_FIELD_NUMBER: _ClassVar[int]
    NEGATIVES_FIELD_NUMBER: _ClassVar[int]
    NONE_OF_THESE_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    model_options: _common_pb2.ModelOptions
    items: _containers.RepeatedCompositeFieldContainer[_common_pb2.Item]
    labels: _containers.RepeatedScalarFieldContainer[str]
    templates: Texts
    multi_label: bool
    negatives: Texts
    none_of_these: NoneOfThese
    vectors: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Vectors]
    ids: _containers.RepeatedScalarFieldContainer[str]
    preset: str
    collection: str
    where_json: str
    def __init__(self, model_options: _Optional[_Union[_common_pb2.ModelOptions, _Mapping]] = ..., items: _Optional[_Iterable[_Union[_common_pb2.Item, _Mapping]]] = ..., labels: _Optional[_Iterable[str]] = ..., templates: _Optional[_Union[Texts, _Mapping]] = ..., multi_label: bool = ..., negatives: _Optional[_Union[Texts, _Mapping]] = ..., none_of_these: _Optional[_Union[NoneOfThese, _Mapping]] = ..., vectors: _Optional[_Iterable[_Union[_classifiers_pb2.Vectors, _Mapping]]] = ..., ids: _Optional[_Iterable[str]] = ..., preset: _Optional[str] = ..., collection: _Optional[str] = ..., where_json: _Optional[str] = ...) -> None: ...

class Scored(_message.Message):
    __slots__ = ("index", "id", "label", "scores", "cosines", "none_score", "error", "video", "crop")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    COSINES_FIELD_NUMBER: _ClassVar[int]
    NONE_SCORE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    label: str
    scores: _containers.RepeatedScalarFieldContainer[float]
    cosines: _containers.RepeatedScalarFieldContainer[float]
    none_score: float
    error: _common_pb2.ItemError
    video: _video_pb2.VideoResult
    crop: _common_pb2.Crop
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., label: _Optional[str] = ..., scores: _Optional[_Iterable[float]] = ..., cosines: _Optional[_Iterable[float]] = ..., none_score: _Optional[float] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ..., video: _Optional[_Union[_video_pb2.VideoResult, _Mapping]] = ..., crop: _Optional[_Union[_common_pb2.Crop, _Mapping]] = ...) -> None: ...

class ZeroShotResponse(_message.Message):
    __slots__ = ("model", "receipt", "labels", "data", "templates", "negatives", "logit_scale", "calibrated", "truncated", "job", "unknown", "first_of_many", "preset", "prompts", "notice")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    NEGATIVES_FIELD_NUMBER: _ClassVar[int]
    LOGIT_SCALE_FIELD_NUMBER: _ClassVar[int]
    CALIBRATED_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    FIRST_OF_MANY_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    PROMPTS_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    model: str
    receipt: _common_pb2.Receipt
    labels: _containers.RepeatedScalarFieldContainer[str]
    data: _containers.RepeatedCompositeFieldContainer[Scored]
    templates: _containers.RepeatedScalarFieldContainer[str]
    negatives: Texts
    logit_scale: float
    calibrated: bool
    truncated: _containers.RepeatedScalarFieldContainer[int]
    job: _jobs_pb2.Job
    unknown: _containers.RepeatedScalarFieldContainer[int]
    first_of_many: _containers.RepeatedScalarFieldContainer[int]
    preset: str
    prompts: Texts
    notice: str
    def __init__(self, model: _Optional[str] = ..., receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., labels: _Optional[_Iterable[str]] = ..., data: _Optional[_Iterable[_Union[Scored, _Mapping]]] = ..., templates: _Optional[_Iterable[str]] = ..., negatives: _Optional[_Union[Texts, _Mapping]] = ..., logit_scale: _Optional[float] = ..., calibrated: bool = ..., truncated: _Optional[_Iterable[int]] = ..., job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ..., unknown: _Optional[_Iterable[int]] = ..., first_of_many: _Optional[_Iterable[int]] = ..., preset: _Optional[str] = ..., prompts: _Optional[_Union[Texts, _Mapping]] = ..., notice: _Optional[str] = ...) -> None: ...
