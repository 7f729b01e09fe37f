from daguerre_proto.v1 import analyses_pb2 as _analyses_pb2
from daguerre_proto.v1 import captions_pb2 as _captions_pb2
from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from daguerre_proto.v1 import embeddings_pb2 as _embeddings_pb2
from daguerre_proto.v1 import zero_shot_pb2 as _zero_shot_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetJobAnswerRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class JobAnswer(_message.Message):
    __slots__ = ("embeddings", "zero_shot", "predictions", "analyses", "captions")
    EMBEDDINGS_FIELD_NUMBER: _ClassVar[int]
    ZERO_SHOT_FIELD_NUMBER: _ClassVar[int]
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    ANALYSES_FIELD_NUMBER: _ClassVar[int]
    CAPTIONS_FIELD_NUMBER: _ClassVar[int]
    embeddings: _embeddings_pb2.EmbedResponse
    zero_shot: _zero_shot_pb2.ZeroShotResponse
    predictions: _classifiers_pb2.PredictResponse
    analyses: _analyses_pb2.AnalyseResponse
    captions: _captions_pb2.CaptionResponse
    def __init__(self, embeddings: _Optional[_Union[_embeddings_pb2.EmbedResponse, _Mapping]] = ..., zero_shot: _Optional[_Union[_zero_shot_pb2.ZeroShotResponse, _Mapping]] = ..., predictions: _Optional[_Union[_classifiers_pb2.PredictResponse, _Mapping]] = ..., analyses: _Optional[_Union[_analyses_pb2.AnalyseResponse, _Mapping]] = ..., captions: _Optional[_Union[_captions_pb2.CaptionResponse, _Mapping]] = ...) -> None: ...

class VideoTimelineRequest(_message.Message):
    __slots__ = ("answer", "index", "title", "pictures")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    answer: JobAnswer
    index: int
    title: str
    pictures: str
    def __init__(self, answer: _Optional[_Union[JobAnswer, _Mapping]] = ..., index: _Optional[int] = ..., title: _Optional[str] = ..., pictures: _Optional[str] = ...) -> None: ...
