from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from daguerre_proto.v1 import clusters_pb2 as _clusters_pb2
from daguerre_proto.v1 import common_pb2 as _common_pb2
from daguerre_proto.v1 import jobs_pb2 as _jobs_pb2
from daguerre_proto.v1 import video_pb2 as _video_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClusterOptions(_message.Message):
    __slots__ = ("method", "metric", "normalize", "threshold", "step", "sample_size", "window", "stop_size", "fit", "min_improvement", "k_rule", "k_min", "k_max", "restarts", "cohesion", "min_cluster_size", "patience", "k", "min_samples", "linkage", "distance", "seed", "start")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    NORMALIZE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    STOP_SIZE_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    MIN_IMPROVEMENT_FIELD_NUMBER: _ClassVar[int]
    K_RULE_FIELD_NUMBER: _ClassVar[int]
    K_MIN_FIELD_NUMBER: _ClassVar[int]
    K_MAX_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    COHESION_FIELD_NUMBER: _ClassVar[int]
    MIN_CLUSTER_SIZE_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    MIN_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    LINKAGE_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    method: str
    metric: str
    normalize: bool
    threshold: float
    step: int
    sample_size: int
    window: int
    stop_size: int
    fit: str
    min_improvement: float
    k_rule: str
    k_min: int
    k_max: int
    restarts: int
    cohesion: str
    min_cluster_size: int
    patience: int
    k: int
    min_samples: int
    linkage: str
    distance: float
    seed: int
    start: str
    def __init__(self, method: _Optional[str] = ..., metric: _Optional[str] = ..., normalize: bool = ..., threshold: _Optional[float] = ..., step: _Optional[int] = ..., sample_size: _Optional[int] = ..., window: _Optional[int] = ..., stop_size: _Optional[int] = ..., fit: _Optional[str] = ..., min_improvement: _Optional[float] = ..., k_rule: _Optional[str] = ..., k_min: _Optional[int] = ..., k_max: _Optional[int] = ..., restarts: _Optional[int] = ..., cohesion: _Optional[str] = ..., min_cluster_size: _Optional[int] = ..., patience: _Optional[int] = ..., k: _Optional[int] = ..., min_samples: _Optional[int] = ..., linkage: _Optional[str] = ..., distance: _Optional[float] = ..., seed: _Optional[int] = ..., start: _Optional[str] = ...) -> None: ...

class Representation(_message.Message):
    __slots__ = ("modality", "model", "fingerprint", "dimension", "data", "file", "receipt", "name", "collection", "folder")
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    modality: str
    model: str
    fingerprint: str
    dimension: int
    data: bytes
    file: str
    receipt: _common_pb2.Receipt
    name: str
    collection: str
    folder: str
    def __init__(self, modality: _Optional[str] = ..., model: _Optional[str] = ..., fingerprint: _Optional[str] = ..., dimension: _Optional[int] = ..., data: _Optional[bytes] = ..., file: _Optional[str] = ..., receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., name: _Optional[str] = ..., collection: _Optional[str] = ..., folder: _Optional[str] = ...) -> None: ...

class CompareRepresentationsRequest(_message.Message):
    __slots__ = ("a", "b", "same", "inclusion_prob", "stratum", "unclustered", "held_out", "resamples", "confidence", "seed", "vectors", "grid", "cosines_only", "on_error", "as_job", "ids")
    A_FIELD_NUMBER: _ClassVar[int]
    B_FIELD_NUMBER: _ClassVar[int]
    SAME_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROB_FIELD_NUMBER: _ClassVar[int]
    STRATUM_FIELD_NUMBER: _ClassVar[int]
    UNCLUSTERED_FIELD_NUMBER: _ClassVar[int]
    HELD_OUT_FIELD_NUMBER: _ClassVar[int]
    RESAMPLES_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    COSINES_ONLY_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    AS_JOB_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    a: _containers.RepeatedScalarFieldContainer[int]
    b: _containers.RepeatedScalarFieldContainer[int]
    same: _containers.RepeatedScalarFieldContainer[bool]
    inclusion_prob: _containers.RepeatedScalarFieldContainer[float]
    stratum: _containers.RepeatedScalarFieldContainer[str]
    unclustered: str
    held_out: float
    resamples: int
    confidence: float
    seed: int
    vectors: _containers.RepeatedCompositeFieldContainer[Representation]
    grid: _containers.RepeatedCompositeFieldContainer[ClusterOptions]
    cosines_only: bool
    on_error: _common_pb2.OnError
    as_job: bool
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, a: _Optional[_Iterable[int]] = ..., b: _Optional[_Iterable[int]] = ..., same: _Optional[_Iterable[bool]] = ..., inclusion_prob: _Optional[_Iterable[float]] = ..., stratum: _Optional[_Iterable[str]] = ..., unclustered: _Optional[str] = ..., held_out: _Optional[float] = ..., resamples: _Optional[int] = ..., confidence: _Optional[float] = ..., seed: _Optional[int] = ..., vectors: _Optional[_Iterable[_Union[Representation, _Mapping]]] = ..., grid: _Optional[_Iterable[_Union[ClusterOptions, _Mapping]]] = ..., cosines_only: bool = ..., on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., as_job: bool = ..., ids: _Optional[_Iterable[str]] = ...) -> None: ...

class CompareRepresentationsResponse(_message.Message):
    __slots__ = ("job", "comparison")
    JOB_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    job: _jobs_pb2.Job
    comparison: RepresentationComparison
    def __init__(self, job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ..., comparison: _Optional[_Union[RepresentationComparison, _Mapping]] = ...) -> None: ...

class RepresentationComparison(_message.Message):
    __slots__ = ("id", "answer_json")
    ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    id: str
    answer_json: str
    def __init__(self, id: _Optional[str] = ..., answer_json: _Optional[str] = ...) -> None: ...

class GetRepresentationsRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class RepresentationsPageRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ClusterGridRequest(_message.Message):
    __slots__ = ("on_error", "input", "vectors", "model", "decode", "ids", "sampling", "grid", "known", "missing", "resamples", "as_job", "collection", "where_json")
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DECODE_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    RESAMPLES_FIELD_NUMBER: _ClassVar[int]
    AS_JOB_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    on_error: _common_pb2.OnError
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    vectors: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Vectors]
    model: str
    decode: _common_pb2.Decode
    ids: _containers.RepeatedScalarFieldContainer[str]
    sampling: _video_pb2.Sampling
    grid: _containers.RepeatedCompositeFieldContainer[ClusterOptions]
    known: _clusters_pb2.KnownLabels
    missing: _containers.RepeatedScalarFieldContainer[str]
    resamples: int
    as_job: bool
    collection: str
    where_json: str
    def __init__(self, on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ..., vectors: _Optional[_Iterable[_Union[_classifiers_pb2.Vectors, _Mapping]]] = ..., model: _Optional[str] = ..., decode: _Optional[_Union[_common_pb2.Decode, str]] = ..., ids: _Optional[_Iterable[str]] = ..., sampling: _Optional[_Union[_video_pb2.Sampling, _Mapping]] = ..., grid: _Optional[_Iterable[_Union[ClusterOptions, _Mapping]]] = ..., known: _Optional[_Union[_clusters_pb2.KnownLabels, _Mapping]] = ..., missing: _Optional[_Iterable[str]] = ..., resamples: _Optional[int] = ..., as_job: bool = ..., collection: _Optional[str] = ..., where_json: _Optional[str] = ...) -> None: ...

class ClusterGridResponse(_message.Message):
    __slots__ = ("job", "grid")
    JOB_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    job: _jobs_pb2.Job
    grid: ClusterGridTable
    def __init__(self, job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ..., grid: _Optional[_Union[ClusterGridTable, _Mapping]] = ...) -> None: ...

class ClusterGridTable(_message.Message):
    __slots__ = ("id", "answer_json")
    ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    id: str
    answer_json: str
    def __init__(self, id: _Optional[str] = ..., answer_json: _Optional[str] = ...) -> None: ...

class GetClusterGridRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ClusterGridPageRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...
