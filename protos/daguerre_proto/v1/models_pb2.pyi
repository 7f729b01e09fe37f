from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("id", "default", "description", "modalities", "dimension", "zero_shot", "licence", "source", "revision", "weights", "fingerprint", "fingerprint_scaled", "precision", "provider", "max_tokens", "templates", "parity", "demonstration", "notice", "decode", "fingerprint_gpu")
    class WeightsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class ParityEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    MODALITIES_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    ZERO_SHOT_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_SCALED_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    PARITY_FIELD_NUMBER: _ClassVar[int]
    DEMONSTRATION_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    DECODE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_GPU_FIELD_NUMBER: _ClassVar[int]
    id: str
    default: bool
    description: str
    modalities: _containers.RepeatedScalarFieldContainer[str]
    dimension: int
    zero_shot: bool
    licence: str
    source: str
    revision: str
    weights: _containers.ScalarMap[str, str]
    fingerprint: str
    fingerprint_scaled: str
    precision: str
    provider: str
    max_tokens: int
    templates: _containers.RepeatedScalarFieldContainer[str]
    parity: _containers.ScalarMap[str, float]
    demonstration: bool
    notice: str
    decode: str
    fingerprint_gpu: str
    def __init__(self, id: _Optional[str] = ..., default: bool = ..., description: _Optional[str] = ..., modalities: _Optional[_Iterable[str]] = ..., dimension: _Optional[int] = ..., zero_shot: bool = ..., licence: _Optional[str] = ..., source: _Optional[str] = ..., revision: _Optional[str] = ..., weights: _Optional[_Mapping[str, str]] = ..., fingerprint: _Optional[str] = ..., fingerprint_scaled: _Optional[str] = ..., precision: _Optional[str] = ..., provider: _Optional[str] = ..., max_tokens: _Optional[int] = ..., templates: _Optional[_Iterable[str]] = ..., parity: _Optional[_Mapping[str, float]] = ..., demonstration: bool = ..., notice: _Optional[str] = ..., decode: _Optional[str] = ..., fingerprint_gpu: _Optional[str] = ...) -> None: ...
