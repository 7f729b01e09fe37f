from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LabelScores(_message.Message):
    __slots__ = ("label", "values")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    label: str
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, label: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class PredictionSet(_message.Message):
    __slots__ = ("name", "item", "value", "scores", "classifier", "without_code")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    CLASSIFIER_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_CODE_FIELD_NUMBER: _ClassVar[int]
    name: str
    item: _containers.RepeatedScalarFieldContainer[str]
    value: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    scores: _containers.RepeatedCompositeFieldContainer[LabelScores]
    classifier: str
    without_code: int
    def __init__(self, name: _Optional[str] = ..., item: _Optional[_Iterable[str]] = ..., value: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., scores: _Optional[_Iterable[_Union[LabelScores, _Mapping]]] = ..., classifier: _Optional[str] = ..., without_code: _Optional[int] = ...) -> None: ...

class CodeRows(_message.Message):
    __slots__ = ("item", "code", "coder", "inclusion_prob", "weight", "group", "stratum", "adjudicator", "by")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CODER_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROB_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    STRATUM_FIELD_NUMBER: _ClassVar[int]
    ADJUDICATOR_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    item: _containers.RepeatedScalarFieldContainer[str]
    code: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    coder: _containers.RepeatedScalarFieldContainer[str]
    inclusion_prob: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    weight: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    group: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    stratum: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    adjudicator: str
    by: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    def __init__(self, item: _Optional[_Iterable[str]] = ..., code: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., coder: _Optional[_Iterable[str]] = ..., inclusion_prob: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., weight: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., group: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., stratum: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., adjudicator: _Optional[str] = ..., by: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ...) -> None: ...

class ValidationRequest(_message.Message):
    __slots__ = ("predictions", "codes", "task", "labels", "positive", "rule", "missing", "rename", "level", "recall", "resamples", "seed")
    class RenameEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    RENAME_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    RESAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    predictions: _containers.RepeatedCompositeFieldContainer[PredictionSet]
    codes: CodeRows
    task: str
    labels: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    positive: _classifiers_pb2.Code
    rule: str
    missing: _containers.RepeatedScalarFieldContainer[str]
    rename: _containers.ScalarMap[str, str]
    level: str
    recall: float
    resamples: int
    seed: int
    def __init__(self, predictions: _Optional[_Iterable[_Union[PredictionSet, _Mapping]]] = ..., codes: _Optional[_Union[CodeRows, _Mapping]] = ..., task: _Optional[str] = ..., labels: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., positive: _Optional[_Union[_classifiers_pb2.Code, _Mapping]] = ..., rule: _Optional[str] = ..., missing: _Optional[_Iterable[str]] = ..., rename: _Optional[_Mapping[str, str]] = ..., level: _Optional[str] = ..., recall: _Optional[float] = ..., resamples: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class ValidationResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...
