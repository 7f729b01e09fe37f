from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BoxRows(_message.Message):
    __slots__ = ("item", "label", "x", "y", "width", "height")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    item: _containers.RepeatedScalarFieldContainer[str]
    label: _containers.RepeatedScalarFieldContainer[str]
    x: _containers.RepeatedScalarFieldContainer[float]
    y: _containers.RepeatedScalarFieldContainer[float]
    width: _containers.RepeatedScalarFieldContainer[float]
    height: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, item: _Optional[_Iterable[str]] = ..., label: _Optional[_Iterable[str]] = ..., x: _Optional[_Iterable[float]] = ..., y: _Optional[_Iterable[float]] = ..., width: _Optional[_Iterable[float]] = ..., height: _Optional[_Iterable[float]] = ...) -> None: ...

class FoundBoxRows(_message.Message):
    __slots__ = ("item", "label", "x", "y", "width", "height", "score")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    item: _containers.RepeatedScalarFieldContainer[str]
    label: _containers.RepeatedScalarFieldContainer[str]
    x: _containers.RepeatedScalarFieldContainer[float]
    y: _containers.RepeatedScalarFieldContainer[float]
    width: _containers.RepeatedScalarFieldContainer[float]
    height: _containers.RepeatedScalarFieldContainer[float]
    score: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, item: _Optional[_Iterable[str]] = ..., label: _Optional[_Iterable[str]] = ..., x: _Optional[_Iterable[float]] = ..., y: _Optional[_Iterable[float]] = ..., width: _Optional[_Iterable[float]] = ..., height: _Optional[_Iterable[float]] = ..., score: _Optional[_Iterable[float]] = ...) -> None: ...

class BoxEvaluation(_message.Message):
    __slots__ = ("pictures", "found", "coded", "threshold", "overlap", "labels", "min_score")
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    CODED_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    pictures: _containers.RepeatedScalarFieldContainer[str]
    found: FoundBoxRows
    coded: BoxRows
    threshold: float
    overlap: float
    labels: _containers.RepeatedScalarFieldContainer[str]
    min_score: float
    def __init__(self, pictures: _Optional[_Iterable[str]] = ..., found: _Optional[_Union[FoundBoxRows, _Mapping]] = ..., coded: _Optional[_Union[BoxRows, _Mapping]] = ..., threshold: _Optional[float] = ..., overlap: _Optional[float] = ..., labels: _Optional[_Iterable[str]] = ..., min_score: _Optional[float] = ...) -> None: ...

class TextEvaluation(_message.Message):
    __slots__ = ("item", "true", "read", "ignore_case", "whitespace")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    TRUE_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    IGNORE_CASE_FIELD_NUMBER: _ClassVar[int]
    WHITESPACE_FIELD_NUMBER: _ClassVar[int]
    item: _containers.RepeatedScalarFieldContainer[str]
    true: _containers.RepeatedScalarFieldContainer[str]
    read: _containers.RepeatedScalarFieldContainer[str]
    ignore_case: bool
    whitespace: str
    def __init__(self, item: _Optional[_Iterable[str]] = ..., true: _Optional[_Iterable[str]] = ..., read: _Optional[_Iterable[str]] = ..., ignore_case: bool = ..., whitespace: _Optional[str] = ...) -> None: ...

class EvaluationRequest(_message.Message):
    __slots__ = ("boxes", "texts", "seed")
    BOXES_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    boxes: BoxEvaluation
    texts: TextEvaluation
    seed: int
    def __init__(self, boxes: _Optional[_Union[BoxEvaluation, _Mapping]] = ..., texts: _Optional[_Union[TextEvaluation, _Mapping]] = ..., seed: _Optional[int] = ...) -> None: ...

class EvaluationResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...
