from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AnswerPageRequest(_message.Message):
    __slots__ = ("answer_json", "pictures", "input", "captions", "remarks", "kind")
    class CaptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    CAPTIONS_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    pictures: str
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    captions: _containers.ScalarMap[str, str]
    remarks: _containers.RepeatedScalarFieldContainer[str]
    kind: str
    def __init__(self, answer_json: _Optional[str] = ..., pictures: _Optional[str] = ..., input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ..., captions: _Optional[_Mapping[str, str]] = ..., remarks: _Optional[_Iterable[str]] = ..., kind: _Optional[str] = ...) -> None: ...

class AnswerPageResponse(_message.Message):
    __slots__ = ("html", "shown")
    HTML_FIELD_NUMBER: _ClassVar[int]
    SHOWN_FIELD_NUMBER: _ClassVar[int]
    html: str
    shown: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, html: _Optional[str] = ..., shown: _Optional[_Iterable[str]] = ...) -> None: ...
