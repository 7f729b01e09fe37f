from daguerre_proto.v1 import common_pb2 as _common_pb2
from daguerre_proto.v1 import jobs_pb2 as _jobs_pb2
from daguerre_proto.v1 import video_pb2 as _video_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CaptionRequest(_message.Message):
    __slots__ = ("model", "prompt", "max_tokens", "on_error", "sampling", "as_job", "input")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    AS_JOB_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    model: str
    prompt: str
    max_tokens: int
    on_error: _common_pb2.OnError
    sampling: _video_pb2.Sampling
    as_job: bool
    input: _containers.RepeatedCompositeFieldContainer[_common_pb2.Item]
    def __init__(self, model: _Optional[str] = ..., prompt: _Optional[str] = ..., max_tokens: _Optional[int] = ..., on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., sampling: _Optional[_Union[_video_pb2.Sampling, _Mapping]] = ..., as_job: bool = ..., input: _Optional[_Iterable[_Union[_common_pb2.Item, _Mapping]]] = ...) -> None: ...

class CaptionResponse(_message.Message):
    __slots__ = ("job", "captions")
    JOB_FIELD_NUMBER: _ClassVar[int]
    CAPTIONS_FIELD_NUMBER: _ClassVar[int]
    job: _jobs_pb2.Job
    captions: Captions
    def __init__(self, job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ..., captions: _Optional[_Union[Captions, _Mapping]] = ...) -> None: ...

class Captions(_message.Message):
    __slots__ = ("answer_json",)
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    answer_json: str
    def __init__(self, answer_json: _Optional[str] = ...) -> None: ...
