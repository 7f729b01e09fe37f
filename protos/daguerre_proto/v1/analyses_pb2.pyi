from daguerre_proto.v1 import common_pb2 as _common_pb2
from daguerre_proto.v1 import jobs_pb2 as _jobs_pb2
from daguerre_proto.v1 import video_pb2 as _video_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TextOptions(_message.Message):
    __slots__ = ("model", "min_score", "max_lines", "long_side")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    MAX_LINES_FIELD_NUMBER: _ClassVar[int]
    LONG_SIDE_FIELD_NUMBER: _ClassVar[int]
    model: str
    min_score: float
    max_lines: int
    long_side: int
    def __init__(self, model: _Optional[str] = ..., min_score: _Optional[float] = ..., max_lines: _Optional[int] = ..., long_side: _Optional[int] = ...) -> None: ...

class ObjectOptions(_message.Message):
    __slots__ = ("model", "min_score", "labels", "limit", "min_scores", "overlap")
    class MinScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORES_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    model: str
    min_score: float
    labels: _containers.RepeatedScalarFieldContainer[str]
    limit: int
    min_scores: _containers.ScalarMap[str, float]
    overlap: float
    def __init__(self, model: _Optional[str] = ..., min_score: _Optional[float] = ..., labels: _Optional[_Iterable[str]] = ..., limit: _Optional[int] = ..., min_scores: _Optional[_Mapping[str, float]] = ..., overlap: _Optional[float] = ...) -> None: ...

class ClassOptions(_message.Message):
    __slots__ = ("model", "top", "min_score", "labels", "level")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    top: int
    min_score: float
    labels: _containers.RepeatedScalarFieldContainer[str]
    level: str
    def __init__(self, model: _Optional[str] = ..., top: _Optional[int] = ..., min_score: _Optional[float] = ..., labels: _Optional[_Iterable[str]] = ..., level: _Optional[str] = ...) -> None: ...

class VisualOptions(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class SensitiveOptions(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class CaptionOptions(_message.Message):
    __slots__ = ("model", "prompt", "max_tokens")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    model: str
    prompt: str
    max_tokens: int
    def __init__(self, model: _Optional[str] = ..., prompt: _Optional[str] = ..., max_tokens: _Optional[int] = ...) -> None: ...

class FaceOptions(_message.Message):
    __slots__ = ("model", "size", "min_score", "limit")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    model: str
    size: int
    min_score: float
    limit: int
    def __init__(self, model: _Optional[str] = ..., size: _Optional[int] = ..., min_score: _Optional[float] = ..., limit: _Optional[int] = ...) -> None: ...

class FaceVectorOptions(_message.Message):
    __slots__ = ("model", "size", "min_score", "limit", "encoding_format")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FORMAT_FIELD_NUMBER: _ClassVar[int]
    model: str
    size: int
    min_score: float
    limit: int
    encoding_format: str
    def __init__(self, model: _Optional[str] = ..., size: _Optional[int] = ..., min_score: _Optional[float] = ..., limit: _Optional[int] = ..., encoding_format: _Optional[str] = ...) -> None: ...

class FaceAttributeOptions(_message.Message):
    __slots__ = ("model", "attributes", "size", "min_score", "limit")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    model: str
    attributes: _containers.RepeatedScalarFieldContainer[str]
    size: int
    min_score: float
    limit: int
    def __init__(self, model: _Optional[str] = ..., attributes: _Optional[_Iterable[str]] = ..., size: _Optional[int] = ..., min_score: _Optional[float] = ..., limit: _Optional[int] = ...) -> None: ...

class Analysers(_message.Message):
    __slots__ = ("text", "objects", "classes", "visual", "sensitive", "captions", "faces", "face_vectors", "face_attributes")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    VISUAL_FIELD_NUMBER: _ClassVar[int]
    SENSITIVE_FIELD_NUMBER: _ClassVar[int]
    CAPTIONS_FIELD_NUMBER: _ClassVar[int]
    FACES_FIELD_NUMBER: _ClassVar[int]
    FACE_VECTORS_FIELD_NUMBER: _ClassVar[int]
    FACE_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    text: TextOptions
    objects: ObjectOptions
    classes: ClassOptions
    visual: VisualOptions
    sensitive: SensitiveOptions
    captions: CaptionOptions
    faces: FaceOptions
    face_vectors: FaceVectorOptions
    face_attributes: FaceAttributeOptions
    def __init__(self, text: _Optional[_Union[TextOptions, _Mapping]] = ..., objects: _Optional[_Union[ObjectOptions, _Mapping]] = ..., classes: _Optional[_Union[ClassOptions, _Mapping]] = ..., visual: _Optional[_Union[VisualOptions, _Mapping]] = ..., sensitive: _Optional[_Union[SensitiveOptions, _Mapping]] = ..., captions: _Optional[_Union[CaptionOptions, _Mapping]] = ..., faces: _Optional[_Union[FaceOptions, _Mapping]] = ..., face_vectors: _Optional[_Union[FaceVectorOptions, _Mapping]] = ..., face_attributes: _Optional[_Union[FaceAttributeOptions, _Mapping]] = ...) -> None: ...

class AnalyseRequest(_message.Message):
    __slots__ = ("analysers", "on_error", "sampling", "as_job", "input")
    ANALYSERS_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    AS_JOB_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    analysers: Analysers
    on_error: _common_pb2.OnError
    sampling: _video_pb2.Sampling
    as_job: bool
    input: _containers.RepeatedCompositeFieldContainer[_common_pb2.Item]
    def __init__(self, analysers: _Optional[_Union[Analysers, _Mapping]] = ..., on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., sampling: _Optional[_Union[_video_pb2.Sampling, _Mapping]] = ..., as_job: bool = ..., input: _Optional[_Iterable[_Union[_common_pb2.Item, _Mapping]]] = ...) -> None: ...

class AnalyseResponse(_message.Message):
    __slots__ = ("job", "analyses")
    JOB_FIELD_NUMBER: _ClassVar[int]
    ANALYSES_FIELD_NUMBER: _ClassVar[int]
    job: _jobs_pb2.Job
    analyses: Analyses
    def __init__(self, job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ..., analyses: _Optional[_Union[Analyses, _Mapping]] = ...) -> None: ...

class Analyses(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...

class ListAnalysersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAnalysersResponse(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...
