from daguerre_proto.v1 import common_pb2 as _common_pb2
from daguerre_proto.v1 import jobs_pb2 as _jobs_pb2
from daguerre_proto.v1 import video_pb2 as _video_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Post(_message.Message):
    __slots__ = ("id", "text", "image", "video", "crop")
    ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    id: str
    text: str
    image: bytes
    video: _video_pb2.Video
    crop: _common_pb2.Crop
    def __init__(self, id: _Optional[str] = ..., text: _Optional[str] = ..., image: _Optional[bytes] = ..., video: _Optional[_Union[_video_pb2.Video, _Mapping]] = ..., crop: _Optional[_Union[_common_pb2.Crop, _Mapping]] = ...) -> None: ...

class Vectors(_message.Message):
    __slots__ = ("modality", "model", "fingerprint", "dimension", "data", "receipt", "file", "folder")
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    modality: str
    model: str
    fingerprint: str
    dimension: int
    data: bytes
    receipt: _common_pb2.Receipt
    file: str
    folder: str
    def __init__(self, modality: _Optional[str] = ..., model: _Optional[str] = ..., fingerprint: _Optional[str] = ..., dimension: _Optional[int] = ..., data: _Optional[bytes] = ..., receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., file: _Optional[str] = ..., folder: _Optional[str] = ...) -> None: ...

class Code(_message.Message):
    __slots__ = ("label", "number", "flag")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    label: str
    number: float
    flag: bool
    def __init__(self, label: _Optional[str] = ..., number: _Optional[float] = ..., flag: bool = ...) -> None: ...

class Targets(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[Code]
    def __init__(self, values: _Optional[_Iterable[_Union[Code, _Mapping]]] = ...) -> None: ...

class Codes(_message.Message):
    __slots__ = ("coder", "item", "code", "rule", "level", "adjudicator")
    CODER_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    ADJUDICATOR_FIELD_NUMBER: _ClassVar[int]
    coder: _containers.RepeatedScalarFieldContainer[str]
    item: _containers.RepeatedScalarFieldContainer[str]
    code: _containers.RepeatedCompositeFieldContainer[Code]
    rule: str
    level: str
    adjudicator: str
    def __init__(self, coder: _Optional[_Iterable[str]] = ..., item: _Optional[_Iterable[str]] = ..., code: _Optional[_Iterable[_Union[Code, _Mapping]]] = ..., rule: _Optional[str] = ..., level: _Optional[str] = ..., adjudicator: _Optional[str] = ...) -> None: ...

class Bounds(_message.Message):
    __slots__ = ("low", "high")
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    low: float
    high: float
    def __init__(self, low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class FeatureColumn(_message.Message):
    __slots__ = ("name", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    values: _containers.RepeatedCompositeFieldContainer[Code]
    def __init__(self, name: _Optional[str] = ..., values: _Optional[_Iterable[_Union[Code, _Mapping]]] = ...) -> None: ...

class ZeroShotPrompts(_message.Message):
    __slots__ = ("labels", "prompts", "templates", "preset")
    LABELS_FIELD_NUMBER: _ClassVar[int]
    PROMPTS_FIELD_NUMBER: _ClassVar[int]
    TEMPLATES_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    labels: _containers.RepeatedScalarFieldContainer[str]
    prompts: _containers.RepeatedScalarFieldContainer[str]
    templates: _containers.RepeatedScalarFieldContainer[str]
    preset: str
    def __init__(self, labels: _Optional[_Iterable[str]] = ..., prompts: _Optional[_Iterable[str]] = ..., templates: _Optional[_Iterable[str]] = ..., preset: _Optional[str] = ...) -> None: ...

class TrainRequest(_message.Message):
    __slots__ = ("name", "task", "input", "vectors", "model", "decode", "on_error", "targets", "codes", "ids", "groups", "sample_weight", "inclusion_prob", "split", "labels", "bounds", "partial", "strengths", "folds", "inner_folds", "balanced", "calibrate", "resamples", "seed", "as_job", "missing", "strata", "design", "rare", "repeats", "text", "text_fingerprint", "features", "zero_shot", "collection", "where_json")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DECODE_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    CODES_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_PROB_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    STRENGTHS_FIELD_NUMBER: _ClassVar[int]
    FOLDS_FIELD_NUMBER: _ClassVar[int]
    INNER_FOLDS_FIELD_NUMBER: _ClassVar[int]
    BALANCED_FIELD_NUMBER: _ClassVar[int]
    CALIBRATE_FIELD_NUMBER: _ClassVar[int]
    RESAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    AS_JOB_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    STRATA_FIELD_NUMBER: _ClassVar[int]
    DESIGN_FIELD_NUMBER: _ClassVar[int]
    RARE_FIELD_NUMBER: _ClassVar[int]
    REPEATS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    ZERO_SHOT_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    name: str
    task: str
    input: _containers.RepeatedCompositeFieldContainer[Post]
    vectors: _containers.RepeatedCompositeFieldContainer[Vectors]
    model: str
    decode: _common_pb2.Decode
    on_error: _common_pb2.OnError
    targets: Targets
    codes: Codes
    ids: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedScalarFieldContainer[str]
    sample_weight: _containers.RepeatedScalarFieldContainer[float]
    inclusion_prob: _containers.RepeatedScalarFieldContainer[float]
    split: _containers.RepeatedScalarFieldContainer[str]
    labels: _containers.RepeatedScalarFieldContainer[str]
    bounds: Bounds
    partial: bool
    strengths: _containers.RepeatedScalarFieldContainer[float]
    folds: int
    inner_folds: int
    balanced: bool
    calibrate: bool
    resamples: int
    seed: int
    as_job: bool
    missing: _containers.RepeatedScalarFieldContainer[str]
    strata: _containers.RepeatedScalarFieldContainer[str]
    design: str
    rare: str
    repeats: int
    text: str
    text_fingerprint: str
    features: _containers.RepeatedCompositeFieldContainer[FeatureColumn]
    zero_shot: ZeroShotPrompts
    collection: str
    where_json: str
    def __init__(self, name: _Optional[str] = ..., task: _Optional[str] = ..., input: _Optional[_Iterable[_Union[Post, _Mapping]]] = ..., vectors: _Optional[_Iterable[_Union[Vectors, _Mapping]]] = ..., model: _Optional[str] = ..., decode: _Optional[_Union[_common_pb2.Decode, str]] = ..., on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., targets: _Optional[_Union[Targets, _Mapping]] = ..., codes: _Optional[_Union[Codes, _Mapping]] = ..., ids: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[str]] = ..., sample_weight: _Optional[_Iterable[float]] = ..., inclusion_prob: _Optional[_Iterable[float]] = ..., split: _Optional[_Iterable[str]] = ..., labels: _Optional[_Iterable[str]] = ..., bounds: _Optional[_Union[Bounds, _Mapping]] = ..., partial: bool = ..., strengths: _Optional[_Iterable[float]] = ..., folds: _Optional[int] = ..., inner_folds: _Optional[int] = ..., balanced: bool = ..., calibrate: bool = ..., resamples: _Optional[int] = ..., seed: _Optional[int] = ..., as_job: bool = ..., missing: _Optional[_Iterable[str]] = ..., strata: _Optional[_Iterable[str]] = ..., design: _Optional[str] = ..., rare: _Optional[str] = ..., repeats: _Optional[int] = ..., text: _Optional[str] = ..., text_fingerprint: _Optional[str] = ..., features: _Optional[_Iterable[_Union[FeatureColumn, _Mapping]]] = ..., zero_shot: _Optional[_Union[ZeroShotPrompts, _Mapping]] = ..., collection: _Optional[str] = ..., where_json: _Optional[str] = ...) -> None: ...

class TrainResponse(_message.Message):
    __slots__ = ("classifier", "job")
    CLASSIFIER_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    classifier: Classifier
    job: _jobs_pb2.Job
    def __init__(self, classifier: _Optional[_Union[Classifier, _Mapping]] = ..., job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ...) -> None: ...

class Encoder(_message.Message):
    __slots__ = ("modality", "model", "fingerprint", "dimension")
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    modality: str
    model: str
    fingerprint: str
    dimension: int
    def __init__(self, modality: _Optional[str] = ..., model: _Optional[str] = ..., fingerprint: _Optional[str] = ..., dimension: _Optional[int] = ...) -> None: ...

class Classifier(_message.Message):
    __slots__ = ("id", "name", "version", "kind", "task", "labels", "encoders", "fingerprint", "threshold", "bounds", "partial", "created", "owner", "versions", "usable", "made_with_json", "report_json", "worst_json", "coded", "features")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    ENCODERS_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    USABLE_FIELD_NUMBER: _ClassVar[int]
    MADE_WITH_JSON_FIELD_NUMBER: _ClassVar[int]
    REPORT_JSON_FIELD_NUMBER: _ClassVar[int]
    WORST_JSON_FIELD_NUMBER: _ClassVar[int]
    CODED_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    version: int
    kind: str
    task: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    encoders: _containers.RepeatedCompositeFieldContainer[Encoder]
    fingerprint: str
    threshold: float
    bounds: Bounds
    partial: bool
    created: str
    owner: str
    versions: _containers.RepeatedScalarFieldContainer[int]
    usable: bool
    made_with_json: str
    report_json: str
    worst_json: str
    coded: int
    features: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., version: _Optional[int] = ..., kind: _Optional[str] = ..., task: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., encoders: _Optional[_Iterable[_Union[Encoder, _Mapping]]] = ..., fingerprint: _Optional[str] = ..., threshold: _Optional[float] = ..., bounds: _Optional[_Union[Bounds, _Mapping]] = ..., partial: bool = ..., created: _Optional[str] = ..., owner: _Optional[str] = ..., versions: _Optional[_Iterable[int]] = ..., usable: bool = ..., made_with_json: _Optional[str] = ..., report_json: _Optional[str] = ..., worst_json: _Optional[str] = ..., coded: _Optional[int] = ..., features: _Optional[_Iterable[str]] = ...) -> None: ...

class ListClassifiersRequest(_message.Message):
    __slots__ = ("limit", "cursor")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    limit: int
    cursor: str
    def __init__(self, limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class DamagedClassifier(_message.Message):
    __slots__ = ("name", "code", "message")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    name: str
    code: str
    message: str
    def __init__(self, name: _Optional[str] = ..., code: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ListClassifiersResponse(_message.Message):
    __slots__ = ("classifiers", "next_cursor", "damaged")
    CLASSIFIERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_FIELD_NUMBER: _ClassVar[int]
    classifiers: _containers.RepeatedCompositeFieldContainer[Classifier]
    next_cursor: str
    damaged: _containers.RepeatedCompositeFieldContainer[DamagedClassifier]
    def __init__(self, classifiers: _Optional[_Iterable[_Union[Classifier, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., damaged: _Optional[_Iterable[_Union[DamagedClassifier, _Mapping]]] = ...) -> None: ...

class GetClassifierRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteClassifierRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteClassifierResponse(_message.Message):
    __slots__ = ("deleted",)
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, deleted: _Optional[_Iterable[str]] = ...) -> None: ...

class PredictRequest(_message.Message):
    __slots__ = ("classifier", "input", "vectors", "on_error", "crossed", "sampling", "as_job", "ids", "features", "coverage", "each_class", "collection", "where_json")
    CLASSIFIER_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    ON_ERROR_FIELD_NUMBER: _ClassVar[int]
    CROSSED_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    AS_JOB_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    EACH_CLASS_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    classifier: str
    input: _containers.RepeatedCompositeFieldContainer[Post]
    vectors: _containers.RepeatedCompositeFieldContainer[Vectors]
    on_error: _common_pb2.OnError
    crossed: bool
    sampling: _video_pb2.Sampling
    as_job: bool
    ids: _containers.RepeatedScalarFieldContainer[str]
    features: _containers.RepeatedCompositeFieldContainer[FeatureColumn]
    coverage: float
    each_class: bool
    collection: str
    where_json: str
    def __init__(self, classifier: _Optional[str] = ..., input: _Optional[_Iterable[_Union[Post, _Mapping]]] = ..., vectors: _Optional[_Iterable[_Union[Vectors, _Mapping]]] = ..., on_error: _Optional[_Union[_common_pb2.OnError, str]] = ..., crossed: bool = ..., sampling: _Optional[_Union[_video_pb2.Sampling, _Mapping]] = ..., as_job: bool = ..., ids: _Optional[_Iterable[str]] = ..., features: _Optional[_Iterable[_Union[FeatureColumn, _Mapping]]] = ..., coverage: _Optional[float] = ..., each_class: bool = ..., collection: _Optional[str] = ..., where_json: _Optional[str] = ...) -> None: ...

class Predicted(_message.Message):
    __slots__ = ("index", "id", "label", "probabilities", "value", "low", "high", "crossed", "error", "video", "crop", "set")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    CROSSED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    index: int
    id: str
    label: str
    probabilities: _containers.RepeatedScalarFieldContainer[float]
    value: float
    low: float
    high: float
    crossed: _containers.RepeatedScalarFieldContainer[float]
    error: _common_pb2.ItemError
    video: _video_pb2.VideoResult
    crop: _common_pb2.Crop
    set: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, index: _Optional[int] = ..., id: _Optional[str] = ..., label: _Optional[str] = ..., probabilities: _Optional[_Iterable[float]] = ..., value: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., crossed: _Optional[_Iterable[float]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ..., video: _Optional[_Union[_video_pb2.VideoResult, _Mapping]] = ..., crop: _Optional[_Union[_common_pb2.Crop, _Mapping]] = ..., set: _Optional[_Iterable[str]] = ...) -> None: ...

class PredictResponse(_message.Message):
    __slots__ = ("classifier", "task", "labels", "data", "model", "truncated", "receipt", "job", "unknown", "first_of_many", "coverage", "each_class", "remarks")
    CLASSIFIER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    FIRST_OF_MANY_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    EACH_CLASS_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    classifier: str
    task: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    data: _containers.RepeatedCompositeFieldContainer[Predicted]
    model: str
    truncated: _containers.RepeatedScalarFieldContainer[int]
    receipt: _common_pb2.Receipt
    job: _jobs_pb2.Job
    unknown: _containers.RepeatedScalarFieldContainer[int]
    first_of_many: _containers.RepeatedScalarFieldContainer[int]
    coverage: float
    each_class: bool
    remarks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, classifier: _Optional[str] = ..., task: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., data: _Optional[_Iterable[_Union[Predicted, _Mapping]]] = ..., model: _Optional[str] = ..., truncated: _Optional[_Iterable[int]] = ..., receipt: _Optional[_Union[_common_pb2.Receipt, _Mapping]] = ..., job: _Optional[_Union[_jobs_pb2.Job, _Mapping]] = ..., unknown: _Optional[_Iterable[int]] = ..., first_of_many: _Optional[_Iterable[int]] = ..., coverage: _Optional[float] = ..., each_class: bool = ..., remarks: _Optional[_Iterable[str]] = ...) -> None: ...

class EstimateRequest(_message.Message):
    __slots__ = ("classifier", "n", "mean", "variance", "confidence", "vectors", "collection", "where_json")
    CLASSIFIER_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    VARIANCE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    WHERE_JSON_FIELD_NUMBER: _ClassVar[int]
    classifier: str
    n: int
    mean: _containers.RepeatedScalarFieldContainer[float]
    variance: _containers.RepeatedScalarFieldContainer[float]
    confidence: float
    vectors: _containers.RepeatedCompositeFieldContainer[Vectors]
    collection: str
    where_json: str
    def __init__(self, classifier: _Optional[str] = ..., n: _Optional[int] = ..., mean: _Optional[_Iterable[float]] = ..., variance: _Optional[_Iterable[float]] = ..., confidence: _Optional[float] = ..., vectors: _Optional[_Iterable[_Union[Vectors, _Mapping]]] = ..., collection: _Optional[str] = ..., where_json: _Optional[str] = ...) -> None: ...

class Estimated(_message.Message):
    __slots__ = ("label", "value", "low", "high", "naive", "classical", "n_coded", "n_corpus")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    NAIVE_FIELD_NUMBER: _ClassVar[int]
    CLASSICAL_FIELD_NUMBER: _ClassVar[int]
    N_CODED_FIELD_NUMBER: _ClassVar[int]
    N_CORPUS_FIELD_NUMBER: _ClassVar[int]
    label: str
    value: float
    low: float
    high: float
    naive: float
    classical: _containers.RepeatedScalarFieldContainer[float]
    n_coded: int
    n_corpus: int
    def __init__(self, label: _Optional[str] = ..., value: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., naive: _Optional[float] = ..., classical: _Optional[_Iterable[float]] = ..., n_coded: _Optional[int] = ..., n_corpus: _Optional[int] = ...) -> None: ...

class EstimateResponse(_message.Message):
    __slots__ = ("classifier", "confidence", "estimates", "remarks")
    CLASSIFIER_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ESTIMATES_FIELD_NUMBER: _ClassVar[int]
    REMARKS_FIELD_NUMBER: _ClassVar[int]
    classifier: str
    confidence: float
    estimates: _containers.RepeatedCompositeFieldContainer[Estimated]
    remarks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, classifier: _Optional[str] = ..., confidence: _Optional[float] = ..., estimates: _Optional[_Iterable[_Union[Estimated, _Mapping]]] = ..., remarks: _Optional[_Iterable[str]] = ...) -> None: ...

class ExportClassifierRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ExportClassifierResponse(_message.Message):
    __slots__ = ("classifier", "onnx")
    CLASSIFIER_FIELD_NUMBER: _ClassVar[int]
    ONNX_FIELD_NUMBER: _ClassVar[int]
    classifier: str
    onnx: bytes
    def __init__(self, classifier: _Optional[str] = ..., onnx: _Optional[bytes] = ...) -> None: ...

class ReportPageRequest(_message.Message):
    __slots__ = ("name", "input", "pictures")
    NAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    name: str
    input: _containers.RepeatedCompositeFieldContainer[Post]
    pictures: str
    def __init__(self, name: _Optional[str] = ..., input: _Optional[_Iterable[_Union[Post, _Mapping]]] = ..., pictures: _Optional[str] = ...) -> None: ...

class ReportPageResponse(_message.Message):
    __slots__ = ("html",)
    HTML_FIELD_NUMBER: _ClassVar[int]
    html: str
    def __init__(self, html: _Optional[str] = ...) -> None: ...

class FineTuneRequest(_message.Message):
    __slots__ = ("name", "folder", "task", "start", "positive", "bounds", "unfreeze", "epochs", "head_epochs", "patience", "batch", "flip", "crop", "colour", "balanced", "validation", "seed")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    UNFREEZE_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    HEAD_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    FLIP_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    COLOUR_FIELD_NUMBER: _ClassVar[int]
    BALANCED_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    name: str
    folder: str
    task: str
    start: str
    positive: str
    bounds: Bounds
    unfreeze: str
    epochs: int
    head_epochs: int
    patience: int
    batch: int
    flip: bool
    crop: float
    colour: float
    balanced: bool
    validation: float
    seed: int
    def __init__(self, name: _Optional[str] = ..., folder: _Optional[str] = ..., task: _Optional[str] = ..., start: _Optional[str] = ..., positive: _Optional[str] = ..., bounds: _Optional[_Union[Bounds, _Mapping]] = ..., unfreeze: _Optional[str] = ..., epochs: _Optional[int] = ..., head_epochs: _Optional[int] = ..., patience: _Optional[int] = ..., batch: _Optional[int] = ..., flip: bool = ..., crop: _Optional[float] = ..., colour: _Optional[float] = ..., balanced: bool = ..., validation: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...
