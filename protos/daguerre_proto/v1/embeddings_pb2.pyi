from daguerre_proto.v1 import common_pb2 as _common_pb2
from daguerre_proto.v1 import jobs_pb2 as _jobs_pb2
from daguerre_proto.v1 import video_pb2 as _video_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EmbedOptions(_message.Message):
    __slots__ = ("model_options", "dimensions")
    MODEL_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    model_options: _common_pb2.ModelOptions
    dimensions: int
    def __init__(self, model_options: _Optional[_Union[_common_pb2.ModelOptions, _Mapping]] = ..., dimensions: _Optional[int] = ...) -> None: ...

class EmbedRequest(_message.Message):
    __slots__ = ("options", "items")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    options: EmbedOptions
    items: _containers.RepeatedCompositeFieldContainer[_common_pb2.Item]
    def __init__(self, options: _Optional[_Union[EmbedOptions, _Mapping]] = ..., items: _Optional[_Iterable[_Union[_common_pb2.Item, _Mapping]]] = ...) -> None: ...

class Embedding(_message.Message):
    __slots__ = ("index", "id", "vector", "error", "video", "crop")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    vector: bytes
    error: _common_pb2.ItemError
    video: _video_pb2.VideoResult
    crop: _common_pb2.Crop
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., vector: _Optional[bytes] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ..., video: _Optional[_Union[_video_pb2.VideoResult, _Mapping]] = ..., crop: _Optional[_Union[_common_pb2.Crop, _Mapping]] = ...) -> None: ...

class EmbedResponse(_message.Message):
    __slots__ = ("model", "receipt", "dimension", "data", "truncated", "prompt_tokens", "job", "unknown", "first_of_many")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    FIRST_OF_MANY_FIELD_NUMBER: _ClassVar[int]
    model: str
    receipt: _common_pb2.Receipt
    dimension: int
    data: _containers.RepeatedCompositeFieldContainer[Embedding]
    truncated: _containers.RepeatedScalarFieldContainer[int]
    prompt_tokens: int
    job: _jobs_pb2.Job
    unknown: _containers.RepeatedScalarFieldContainer[int]
    first_of_many: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, model: _Optional[str] = ..., receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., dimension: _Optional[int] = ..., data: _Optional[_Iterable[_Union[Embedding, _Mapping]]] = ..., truncated: _Optional[_Iterable[int]] = ..., prompt_tokens: _Optional[int] = ..., job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ..., unknown: _Optional[_Iterable[int]] = ..., first_of_many: _Optional[_Iterable[int]] = ...) -> None: ...

class EmbedStreamRequest(_message.Message):
    __slots__ = ("options", "items")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    options: EmbedOptions
    items: _containers.RepeatedCompositeFieldContainer[_common_pb2.Item]
    def __init__(self, options: _Optional[_Union[EmbedOptions, _Mapping]] = ..., items: _Optional[_Iterable[_Union[_common_pb2.Item, _Mapping]]] = ...) -> None: ...

class EmbedStreamResponse(_message.Message):
    __slots__ = ("model", "receipt", "dimension", "data", "truncated", "prompt_tokens", "unknown", "first_of_many")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    FIRST_OF_MANY_FIELD_NUMBER: _ClassVar[int]
    model: str
    receipt: _common_pb2.Receipt
    dimension: int
    data: _containers.RepeatedCompositeFieldContainer[Embedding]
    truncated: _containers.RepeatedScalarFieldContainer[int]
    prompt_tokens: int
    unknown: _containers.RepeatedScalarFieldContainer[int]
    first_of_many: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, model: _Optional[str] = ..., receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., dimension: _Optional[int] = ..., data: _Optional[_Iterable[_Union[Embedding, _Mapping]]] = ..., truncated: _Optional[_Iterable[int]] = ..., prompt_tokens: _Optional[int] = ..., unknown: _Optional[_Iterable[int]] = ..., first_of_many: _Optional[_Iterable[int]] = ...) -> None: ...
