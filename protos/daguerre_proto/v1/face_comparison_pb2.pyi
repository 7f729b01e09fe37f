from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FaceMatchesRequest(_message.Message):
    __slots__ = ("vectors", "ids", "threshold", "targets", "target_ids", "top")
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    TARGET_IDS_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    vectors: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Vectors]
    ids: _containers.RepeatedScalarFieldContainer[str]
    threshold: float
    targets: _classifiers_pb2.Vectors
    target_ids: _containers.RepeatedScalarFieldContainer[str]
    top: int
    def __init__(self, vectors: _Optional[_Iterable[_Union[_classifiers_pb2.Vectors, _Mapping]]] = ..., ids: _Optional[_Iterable[str]] = ..., threshold: _Optional[float] = ..., targets: _Optional[_Union[_classifiers_pb2.Vectors, _Mapping]] = ..., target_ids: _Optional[_Iterable[str]] = ..., top: _Optional[int] = ...) -> None: ...

class FaceMatchesResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class FaceIds(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class PersonsRequest(_message.Message):
    __slots__ = ("vectors", "ids", "threshold", "same", "different", "margin")
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    SAME_FIELD_NUMBER: _ClassVar[int]
    DIFFERENT_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    vectors: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Vectors]
    ids: _containers.RepeatedScalarFieldContainer[str]
    threshold: float
    same: _containers.RepeatedCompositeFieldContainer[FaceIds]
    different: _containers.RepeatedCompositeFieldContainer[FaceIds]
    margin: float
    def __init__(self, vectors: _Optional[_Iterable[_Union[_classifiers_pb2.Vectors, _Mapping]]] = ..., ids: _Optional[_Iterable[str]] = ..., threshold: _Optional[float] = ..., same: _Optional[_Iterable[_Union[FaceIds, _Mapping]]] = ..., different: _Optional[_Iterable[_Union[FaceIds, _Mapping]]] = ..., margin: _Optional[float] = ...) -> None: ...

class PersonsResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class CodedFacePair(_message.Message):
    __slots__ = ("a", "b", "same")
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    SAME_FIELD_NUMBER: _ClassVar[int]
    a: str
    b: str
    same: bool
    def __init__(self, a: _Optional[str] = ..., b: _Optional[str] = ..., same: bool = ...) -> None: ...

class VerificationRequest(_message.Message):
    __slots__ = ("vectors", "ids", "threshold", "pairs", "persons", "groups", "wished")
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    PERSONS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    WISHED_FIELD_NUMBER: _ClassVar[int]
    vectors: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Vectors]
    ids: _containers.RepeatedScalarFieldContainer[str]
    threshold: float
    pairs: _containers.RepeatedCompositeFieldContainer[CodedFacePair]
    persons: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedScalarFieldContainer[str]
    wished: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, vectors: _Optional[_Iterable[_Union[_classifiers_pb2.Vectors, _Mapping]]] = ..., ids: _Optional[_Iterable[str]] = ..., threshold: _Optional[float] = ..., pairs: _Optional[_Iterable[_Union[CodedFacePair, _Mapping]]] = ..., persons: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[str]] = ..., wished: _Optional[_Iterable[float]] = ...) -> None: ...

class VerificationResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...
