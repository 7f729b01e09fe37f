from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from daguerre_proto.v1 import common_pb2 as _common_pb2
from daguerre_proto.v1 import validations_pb2 as _validations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CorpusColumn(_message.Message):
    __slots__ = ("name", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    values: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    def __init__(self, name: _Optional[str] = ..., values: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ...) -> None: ...

class CorpusRows(_message.Message):
    __slots__ = ("item", "group", "stratum", "by", "time", "covariates", "outcome")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    STRATUM_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    COVARIATES_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    item: _containers.RepeatedScalarFieldContainer[str]
    group: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    stratum: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    by: _containers.RepeatedCompositeFieldContainer[CorpusColumn]
    time: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    covariates: _containers.RepeatedCompositeFieldContainer[CorpusColumn]
    outcome: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    def __init__(self, item: _Optional[_Iterable[str]] = ..., group: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., stratum: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., by: _Optional[_Iterable[_Union[CorpusColumn, _Mapping]]] = ..., time: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ..., covariates: _Optional[_Iterable[_Union[CorpusColumn, _Mapping]]] = ..., outcome: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ...) -> None: ...

class EstimateCorpusRequest(_message.Message):
    __slots__ = ("corpus", "predictions", "codes", "task", "positive", "rule", "missing", "rename", "family", "role", "width", "sample", "confidence", "seed")
    class RenameEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    RENAME_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    corpus: CorpusRows
    predictions: _containers.RepeatedCompositeFieldContainer[_validations_pb2.PredictionSet]
    codes: _validations_pb2.CodeRows
    task: str
    positive: _classifiers_pb2.Code
    rule: str
    missing: _containers.RepeatedScalarFieldContainer[str]
    rename: _containers.ScalarMap[str, str]
    family: str
    role: str
    width: float
    sample: str
    confidence: float
    seed: int
    def __init__(self, corpus: _Optional[_Union[CorpusRows, _Mapping]] = ..., predictions: _Optional[_Iterable[_Union[_validations_pb2.PredictionSet, _Mapping]]] = ..., codes: _Optional[_Union[_validations_pb2.CodeRows, _Mapping]] = ..., task: _Optional[str] = ..., positive: _Optional[_Union[_classifiers_pb2.Code, _Mapping]] = ..., rule: _Optional[str] = ..., missing: _Optional[_Iterable[str]] = ..., rename: _Optional[_Mapping[str, str]] = ..., family: _Optional[str] = ..., role: _Optional[str] = ..., width: _Optional[float] = ..., sample: _Optional[str] = ..., confidence: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class EstimateCorpusResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class Choice(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class MultiverseConfiguration(_message.Message):
    __slots__ = ("choices", "values")
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    choices: _containers.RepeatedCompositeFieldContainer[Choice]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, choices: _Optional[_Iterable[_Union[Choice, _Mapping]]] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class PartsDifference(_message.Message):
    __slots__ = ("by", "a", "b")
    BY_FIELD_NUMBER: _ClassVar[int]
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    by: str
    a: _classifiers_pb2.Code
    b: _classifiers_pb2.Code
    def __init__(self, by: _Optional[str] = ..., a: _Optional[_Union[_classifiers_pb2.Code, _Mapping]] = ..., b: _Optional[_Union[_classifiers_pb2.Code, _Mapping]] = ...) -> None: ...

class MultiverseRequest(_message.Message):
    __slots__ = ("corpus", "configurations", "codes", "positive", "difference", "coefficient", "task", "rule", "missing", "family", "role", "sample", "confidence", "seed", "receipts")
    CORPUS_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATIONS_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    COEFFICIENT_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    corpus: CorpusRows
    configurations: _containers.RepeatedCompositeFieldContainer[MultiverseConfiguration]
    codes: _validations_pb2.CodeRows
    positive: _classifiers_pb2.Code
    difference: PartsDifference
    coefficient: str
    task: str
    rule: str
    missing: _containers.RepeatedScalarFieldContainer[str]
    family: str
    role: str
    sample: str
    confidence: float
    seed: int
    receipts: _containers.RepeatedCompositeFieldContainer[_common_pb2.Receipt]
    def __init__(self, corpus: _Optional[_Union[CorpusRows, _Mapping]] = ..., configurations: _Optional[_Iterable[_Union[MultiverseConfiguration, _Mapping]]] = ..., codes: _Optional[_Union[_validations_pb2.CodeRows, _Mapping]] = ..., positive: _Optional[_Union[_classifiers_pb2.Code, _Mapping]] = ..., difference: _Optional[_Union[PartsDifference, _Mapping]] = ..., coefficient: _Optional[str] = ..., task: _Optional[str] = ..., rule: _Optional[str] = ..., missing: _Optional[_Iterable[str]] = ..., family: _Optional[str] = ..., role: _Optional[str] = ..., sample: _Optional[str] = ..., confidence: _Optional[float] = ..., seed: _Optional[int] = ..., receipts: _Optional[_Iterable[_Union[_common_pb2.Receipt, _Mapping]]] = ...) -> None: ...

class MultiverseResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...
