from daguerre_proto.v1 import classifiers_pb2 as _classifiers_pb2
from daguerre_proto.v1 import common_pb2 as _common_pb2
from daguerre_proto.v1 import jobs_pb2 as _jobs_pb2
from daguerre_proto.v1 import video_pb2 as _video_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class KnownLabels(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Code]
    def __init__(self, values: _Optional[_Iterable[_Union[_classifiers_pb2.Code, _Mapping]]] = ...) -> None: ...

class ClusterRequest(_message.Message):
    __slots__ = ("input", "vectors", "model", "decode", "on_error", "ids", "method", "metric", "normalize", "threshold", "step", "sample_size", "window", "stop_size", "fit", "min_improvement", "k_rule", "k_min", "k_max", "restarts", "cohesion", "min_cluster_size", "patience", "k", "min_samples", "linkage", "distance", "seed", "weights", "known", "vocabulary", "projection", "resamples", "as_job", "sampling", "missing", "texts", "collection", "where_json", "start")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DECODE_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
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
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    PROJECTION_FIELD_NUMBER: _ClassVar[int]
    RESAMPLES_FIELD_NUMBER: _ClassVar[int]
    AS_JOB_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    vectors: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Vectors]
    model: str
    decode: _common_pb2.Decode
    on_error: _common_pb2.OnError
    ids: _containers.RepeatedScalarFieldContainer[str]
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
    weights: _containers.RepeatedScalarFieldContainer[float]
    known: KnownLabels
    vocabulary: _containers.RepeatedScalarFieldContainer[str]
    projection: str
    resamples: int
    as_job: bool
    sampling: _video_pb2.Sampling
    missing: _containers.RepeatedScalarFieldContainer[str]
    texts: _containers.RepeatedScalarFieldContainer[str]
    collection: str
    where_json: str
    start: str
    def __init__(self, input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ..., vectors: _Optional[_Iterable[_Union[_classifiers_pb2.Vectors, _Mapping]]] = ..., model: _Optional[str] = ..., decode: _Optional[_Union[_common_pb2.Decode, str]] = ..., on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., ids: _Optional[_Iterable[str]] = ..., method: _Optional[str] = ..., metric: _Optional[str] = ..., normalize: bool = ..., threshold: _Optional[float] = ..., step: _Optional[int] = ..., sample_size: _Optional[int] = ..., window: _Optional[int] = ..., stop_size: _Optional[int] = ..., fit: _Optional[str] = ..., min_improvement: _Optional[float] = ..., k_rule: _Optional[str] = ..., k_min: _Optional[int] = ..., k_max: _Optional[int] = ..., restarts: _Optional[int] = ..., cohesion: _Optional[str] = ..., min_cluster_size: _Optional[int] = ..., patience: _Optional[int] = ..., k: _Optional[int] = ..., min_samples: _Optional[int] = ..., linkage: _Optional[str] = ..., distance: _Optional[float] = ..., seed: _Optional[int] = ..., weights: _Optional[_Iterable[float]] = ..., known: _Optional[_Union[KnownLabels, _Mapping]] = ..., vocabulary: _Optional[_Iterable[str]] = ..., projection: _Optional[str] = ..., resamples: _Optional[int] = ..., as_job: bool = ..., sampling: _Optional[_Union[_video_pb2.Sampling, _Mapping]] = ..., missing: _Optional[_Iterable[str]] = ..., texts: _Optional[_Iterable[str]] = ..., collection: _Optional[str] = ..., where_json: _Optional[str] = ..., start: _Optional[str] = ...) -> None: ...

class ClusterResponse(_message.Message):
    __slots__ = ("job", "clustering")
    JOB_FIELD_NUMBER: _ClassVar[int]
    CLUSTERING_FIELD_NUMBER: _ClassVar[int]
    job: _jobs_pb2.Job
    clustering: Clustering
    def __init__(self, job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ..., clustering: _Optional[_Union[Clustering, _Mapping]] = ...) -> None: ...

class Clustering(_message.Message):
    __slots__ = ("id", "labels", "silhouettes", "silhouettes_final", "ids", "coordinates", "answer_json")
    ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SILHOUETTES_FIELD_NUMBER: _ClassVar[int]
    SILHOUETTES_FINAL_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    COORDINATES_FIELD_NUMBER: _ClassVar[int]
    ANSWER_JSON_FIELD_NUMBER: _ClassVar[int]
    id: str
    labels: _containers.RepeatedScalarFieldContainer[int]
    silhouettes: _containers.RepeatedScalarFieldContainer[float]
    silhouettes_final: _containers.RepeatedScalarFieldContainer[float]
    ids: _containers.RepeatedScalarFieldContainer[str]
    coordinates: _containers.RepeatedScalarFieldContainer[float]
    answer_json: str
    def __init__(self, id: _Optional[str] = ..., labels: _Optional[_Iterable[int]] = ..., silhouettes: _Optional[_Iterable[float]] = ..., silhouettes_final: _Optional[_Iterable[float]] = ..., ids: _Optional[_Iterable[str]] = ..., coordinates: _Optional[_Iterable[float]] = ..., answer_json: _Optional[str] = ...) -> None: ...

class GetClusteringRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ClusterPageRequest(_message.Message):
    __slots__ = ("id", "pictures", "input")
    ID_FIELD_NUMBER: _ClassVar[int]
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    id: str
    pictures: str
    input: _containers.RepeatedCompositeFieldContainer[_classifiers_pb2.Post]
    def __init__(self, id: _Optional[str] = ..., pictures: _Optional[str] = ..., input: _Optional[_Iterable[_Union[_classifiers_pb2.Post, _Mapping]]] = ...) -> None: ...
