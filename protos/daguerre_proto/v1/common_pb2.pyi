from daguerre_proto.v1 import video_pb2 as _video_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OnError(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ON_ERROR_UNSPECIFIED: _ClassVar[OnError]
    ON_ERROR_FAIL: _ClassVar[OnError]
    ON_ERROR_SKIP: _ClassVar[OnError]

class Decode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECODE_UNSPECIFIED: _ClassVar[Decode]
    DECODE_EXACT: _ClassVar[Decode]
    DECODE_SCALED: _ClassVar[Decode]
ON_ERROR_UNSPECIFIED: OnError
ON_ERROR_FAIL: OnError
ON_ERROR_SKIP: OnError
DECODE_UNSPECIFIED: Decode
DECODE_EXACT: Decode
DECODE_SCALED: Decode

class Item(_message.Message):
    __slots__ = ("id", "text", "image", "video", "crop")
    ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    id: str
    text: str
    image: bytes
    video: _video_pb2.Video
    crop: Crop
    def __init__(self, id: _Optional[str] = ..., text: _Optional[str] = ..., image: _Optional[bytes] = ..., video: _Optional[_Union[_video_pb2.Video, _Mapping]] = ..., crop: _Optional[_Union[Crop, _Mapping]] = ...) -> None: ...

class Crop(_message.Message):
    __slots__ = ("x", "y", "width", "height", "margin")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    width: float
    height: float
    margin: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ..., margin: _Optional[float] = ...) -> None: ...

class ModelOptions(_message.Message):
    __slots__ = ("model", "on_error", "decode", "sampling", "as_job")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    DECODE_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    AS_JOB_FIELD_NUMBER: _ClassVar[int]
    model: str
    on_error: OnError
    decode: Decode
    sampling: _video_pb2.Sampling
    as_job: bool
    def __init__(self, model: _Optional[str] = ..., on_error: _Optional[_Union[OnError, str]] = ..., decode: _Optional[_Union[Decode, str]] = ..., sampling: _Optional[_Union[_video_pb2.Sampling, _Mapping]] = ..., as_job: bool = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("model", "revision", "fingerprint", "precision", "provider", "decode", "demonstration", "notice", "made_with", "cached")
    class MadeWithEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    DECODE_FIELD_NUMBER: _ClassVar[int]
    DEMONSTRATION_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    MADE_WITH_FIELD_NUMBER: _ClassVar[int]
    CACHED_FIELD_NUMBER: _ClassVar[int]
    model: str
    revision: str
    fingerprint: str
    precision: str
    provider: str
    decode: str
    demonstration: bool
    notice: str
    made_with: _containers.ScalarMap[str, str]
    cached: int
    def __init__(self, model: _Optional[str] = ..., revision: _Optional[str] = ..., fingerprint: _Optional[str] = ..., precision: _Optional[str] = ..., provider: _Optional[str] = ..., decode: _Optional[str] = ..., demonstration: bool = ..., notice: _Optional[str] = ..., made_with: _Optional[_Mapping[str, str]] = ..., cached: _Optional[int] = ...) -> None: ...

class ItemError(_message.Message):
    __slots__ = ("code", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "message", "param", "request_id", "items", "items_omitted", "http_status")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_OMITTED_FIELD_NUMBER: _ClassVar[int]
    HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    param: str
    request_id: str
    items: _containers.RepeatedCompositeFieldContainer[FailedItem]
    items_omitted: int
    http_status: int
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., param: _Optional[str] = ..., request_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[FailedItem, _Mapping]]] = ..., items_omitted: _Optional[int] = ..., http_status: _Optional[int] = ...) -> None: ...

class FailedItem(_message.Message):
    __slots__ = ("index", "id", "code", "message")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    code: str
    message: str
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
