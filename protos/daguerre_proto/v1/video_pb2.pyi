from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ShotDetector(_message.Message):
    __slots__ = ("method", "threshold", "ratio", "min_content", "min_shot", "flash")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    RATIO_FIELD_NUMBER: _ClassVar[int]
    MIN_CONTENT_FIELD_NUMBER: _ClassVar[int]
    MIN_SHOT_FIELD_NUMBER: _ClassVar[int]
    FLASH_FIELD_NUMBER: _ClassVar[int]
    method: str
    threshold: float
    ratio: float
    min_content: float
    min_shot: float
    flash: float
    def __init__(self, method: _Optional[str] = ..., threshold: _Optional[float] = ..., ratio: _Optional[float] = ..., min_content: _Optional[float] = ..., min_shot: _Optional[float] = ..., flash: _Optional[float] = ...) -> None: ...

class Sampling(_message.Message):
    __slots__ = ("policy", "seconds", "n", "take", "apart", "find_shots", "detector", "drop_within", "pooling", "top_k", "thumbnail")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    TAKE_FIELD_NUMBER: _ClassVar[int]
    APART_FIELD_NUMBER: _ClassVar[int]
    FIND_SHOTS_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    DROP_WITHIN_FIELD_NUMBER: _ClassVar[int]
    POOLING_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    policy: str
    seconds: float
    n: int
    take: str
    apart: float
    find_shots: bool
    detector: ShotDetector
    drop_within: int
    pooling: str
    top_k: int
    thumbnail: int
    def __init__(self, policy: _Optional[str] = ..., seconds: _Optional[float] = ..., n: _Optional[int] = ..., take: _Optional[str] = ..., apart: _Optional[float] = ..., find_shots: bool = ..., detector: _Optional[_Union[ShotDetector, _Mapping]] = ..., drop_within: _Optional[int] = ..., pooling: _Optional[str] = ..., top_k: _Optional[int] = ..., thumbnail: _Optional[int] = ...) -> None: ...

class Video(_message.Message):
    __slots__ = ("data", "file", "sampling")
    DATA_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    file: str
    sampling: Sampling
    def __init__(self, data: _Optional[bytes] = ..., file: _Optional[str] = ..., sampling: _Optional[_Union[Sampling, _Mapping]] = ...) -> None: ...

class VideoFacts(_message.Message):
    __slots__ = ("duration", "width", "height", "frame_rate", "variable_rate", "rotation", "interlaced", "codec", "container")
    DURATION_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FRAME_RATE_FIELD_NUMBER: _ClassVar[int]
    VARIABLE_RATE_FIELD_NUMBER: _ClassVar[int]
    ROTATION_FIELD_NUMBER: _ClassVar[int]
    INTERLACED_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    duration: float
    width: int
    height: int
    frame_rate: float
    variable_rate: bool
    rotation: int
    interlaced: bool
    codec: str
    container: str
    def __init__(self, duration: _Optional[float] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., frame_rate: _Optional[float] = ..., variable_rate: bool = ..., rotation: _Optional[int] = ..., interlaced: bool = ..., codec: _Optional[str] = ..., container: _Optional[str] = ...) -> None: ...

class VideoReport(_message.Message):
    __slots__ = ("decoded", "damaged_packets", "corrupt_frames", "disordered", "estimated", "ended_early", "fell_back", "blank", "remarks")
    DECODED_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_PACKETS_FIELD_NUMBER: _ClassVar[int]
    CORRUPT_FRAMES_FIELD_NUMBER: _ClassVar[int]
    DISORDERED_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    ENDED_EARLY_FIELD_NUMBER: _ClassVar[int]
    FELL_BACK_FIELD_NUMBER: _ClassVar[int]
    BLANK_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    decoded: int
    damaged_packets: int
    corrupt_frames: int
    disordered: int
    estimated: int
    ended_early: bool
    fell_back: bool
    blank: int
    remarks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, decoded: _Optional[int] = ..., damaged_packets: _Optional[int] = ..., corrupt_frames: _Optional[int] = ..., disordered: _Optional[int] = ..., estimated: _Optional[int] = ..., ended_early: bool = ..., fell_back: bool = ..., blank: _Optional[int] = ..., remarks: _Optional[_Iterable[str]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("vector", "label", "scores", "cosines", "none_score", "probabilities", "value", "low", "high")
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    COSINES_FIELD_NUMBER: _ClassVar[int]
    NONE_SCORE_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    vector: bytes
    label: str
    scores: _containers.RepeatedScalarFieldContainer[float]
    cosines: _containers.RepeatedScalarFieldContainer[float]
    none_score: float
    probabilities: _containers.RepeatedScalarFieldContainer[float]
    value: float
    low: float
    high: float
    def __init__(self, vector: _Optional[bytes] = ..., label: _Optional[str] = ..., scores: _Optional[_Iterable[float]] = ..., cosines: _Optional[_Iterable[float]] = ..., none_score: _Optional[float] = ..., probabilities: _Optional[_Iterable[float]] = ..., value: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("index", "timestamp", "shot", "dropped", "thumbnail", "outcome", "times")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    SHOT_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    index: int
    timestamp: float
    shot: int
    dropped: int
    thumbnail: bytes
    outcome: Outcome
    times: int
    def __init__(self, index: _Optional[int] = ..., timestamp: _Optional[float] = ..., shot: _Optional[int] = ..., dropped: _Optional[int] = ..., thumbnail: _Optional[bytes] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ..., times: _Optional[int] = ...) -> None: ...

class Shot(_message.Message):
    __slots__ = ("index", "start", "end", "frames", "outcome")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    index: int
    start: float
    end: float
    frames: int
    outcome: Outcome
    def __init__(self, index: _Optional[int] = ..., start: _Optional[float] = ..., end: _Optional[float] = ..., frames: _Optional[int] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ...) -> None: ...

class VideoResult(_message.Message):
    __slots__ = ("facts", "sampling", "frames", "shots", "report", "decoder")
    FACTS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    SHOTS_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    DECODER_FIELD_NUMBER: _ClassVar[int]
    facts: VideoFacts
    sampling: Sampling
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    shots: _containers.RepeatedCompositeFieldContainer[Shot]
    report: VideoReport
    decoder: str
    def __init__(self, facts: _Optional[_Union[VideoFacts, _Mapping]] = ..., sampling: _Optional[_Union[Sampling, _Mapping]] = ..., frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ..., shots: _Optional[_Iterable[_Union[Shot, _Mapping]]] = ..., report: _Optional[_Union[VideoReport, _Mapping]] = ..., decoder: _Optional[str] = ...) -> None: ...
