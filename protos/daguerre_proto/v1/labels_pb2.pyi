from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from daguerre_proto.v1 import common_pb2 as _common_pb2
from daguerre_proto.v1 import jobs_pb2 as _jobs_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LabelRequest(_message.Message):
    __slots__ = ("labeller", "codebook_json", "template", "examples_json", "category_order", "variable_order", "seed", "temperature", "max_tokens", "input", "on_error", "run", "as_job")
    LABELLER_FIELD_NUMBER: _ClassVar[int]
    CODEBOOK_JSON_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_JSON_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_ORDER_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_ORDER_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    AS_JOB_FIELD_NUMBER: _ClassVar[int]
    labeller: str
    codebook_json: str
    template: str
    examples_json: str
    category_order: str
    variable_order: str
    seed: int
    temperature: float
    max_tokens: int
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    on_error: _common_pb2.OnError
    run: str
    as_job: bool
    def __init__(self, labeller: _Optional[str] = ..., codebook_json: _Optional[str] = ..., template: _Optional[str] = ..., examples_json: _Optional[str] = ..., category_order: _Optional[str] = ..., variable_order: _Optional[str] = ..., seed: _Optional[int] = ..., temperature: _Optional[float] = ..., max_tokens: _Optional[int] = ..., input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ..., on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., run: _Optional[str] = ..., as_job: bool = ...) -> None: ...

class LabelResponse(_message.Message):
    __slots__ = ("job", "labels")
    JOB_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    job: _jobs_pb2.Job
    labels: CodebookLabels
    def __init__(self, job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ..., labels: _Optional[_Union[CodebookLabels, _Mapping]] = ...) -> None: ...

class CodebookLabels(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class PlanLabelsRequest(_message.Message):
    __slots__ = ("labeller", "codebook_json", "template", "examples_json", "category_order", "variable_order", "seed", "temperature", "max_tokens", "input")
    LABELLER_FIELD_NUMBER: _ClassVar[int]
    CODEBOOK_JSON_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_JSON_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_ORDER_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_ORDER_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    labeller: str
    codebook_json: str
    template: str
    examples_json: str
    category_order: str
    variable_order: str
    seed: int
    temperature: float
    max_tokens: int
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    def __init__(self, labeller: _Optional[str] = ..., codebook_json: _Optional[str] = ..., template: _Optional[str] = ..., examples_json: _Optional[str] = ..., category_order: _Optional[str] = ..., variable_order: _Optional[str] = ..., seed: _Optional[int] = ..., temperature: _Optional[float] = ..., max_tokens: _Optional[int] = ..., input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ...) -> None: ...

class PlanLabelsResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class PositionBiasRequest(_message.Message):
    __slots__ = ("variables_json", "confidence", "seed")
    VARIABLES_JSON_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    variables_json: str
    confidence: float
    seed: int
    def __init__(self, variables_json: _Optional[str] = ..., confidence: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class PositionBiasResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class GetLabelsRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListLabellersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListLabellersResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class DeleteLabelRunRequest(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: str
    def __init__(self, run: _Optional[str] = ...) -> None: ...

class DeleteLabelRunResponse(_message.Message):
    __slots__ = ("run", "deleted")
    RUN_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    run: str
    deleted: bool
    def __init__(self, run: _Optional[str] = ..., deleted: bool = ...) -> None: ...
