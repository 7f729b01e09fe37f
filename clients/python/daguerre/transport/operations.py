"""The operations of the service, a row each: over HTTP, over gRPC, and the record that the answer is read as."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar, cast

from daguerre.types.analyses import AnalyserCard, AnalysesAnswer
from daguerre.types.captions import CaptionsAnswer
from daguerre.types.clusters import read_clustering
from daguerre.types.collections import CollectionCard, CollectionIds, CollectionItem, NeighboursAnswer, StoredAnswer
from daguerre.types.common import Content, record
from daguerre.types.duplicates import read_duplicates
from daguerre.types.embeddings import EmbedAnswer
from daguerre.types.images import ImagesAnswer
from daguerre.types.jobs import Job
from daguerre.types.labels import LabelsAnswer, read_cards, read_plan
from daguerre.types.models import ModelCard
from daguerre.types.pages import AnswerPage
from daguerre.types.predictions import PredictAnswer
from daguerre.types.video import ClipAnswer
from daguerre.types.zero_shot import Preset, ZeroShotAnswer

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Operation(Generic[T]):
    """An operation of the service.

    Attributes
    ----------
    path : of HTTP; the fields that it names are left out of the body.
    rpc : the gRPC method, whose descriptor has the types of its messages; empty for one of HTTP alone.
    read : the result, from the answer's content and the request's id. The content is that of HTTP's JSON, whichever
        transport was used; bytes in it may be in base64 or as they are.
    fields : of every request.
    form : whether a form has a part for each field; otherwise its part `request` is JSON with all of them.
    body : the only field of an answer that is no JSON: over HTTP it is the whole body, as bytes.
    anywhere : whether any of several servers may answer, since nothing is kept there but by a job.
    """

    method: str
    path: str
    rpc: str
    read: Callable[[Content, str | None], T]
    fields: Mapping[str, Any] = field(default_factory=dict)
    form: bool = False
    body: str | None = None
    anywhere: bool = False

    def reading(self, read: Callable[[Content, str | None], U], **fields: Any) -> "Operation[U]":
        """The same operation with another reader, and more fields."""
        return replace(cast("Operation[Any]", self), read=read, fields={**self.fields, **fields})


def _content(content: Content, request_id: str | None) -> Content:
    return content


def _text(content: Content, request_id: str | None) -> str:
    html = content["html"]
    return html.decode() if isinstance(html, bytes) else str(html)


HTTP_ONLY = ""  # in place of a gRPC method
SKIP: Mapping[str, Any] = {"on_error": "skip"}
SKIP_IN_JOB: Mapping[str, Any] = {"on_error": "skip", "mode": "job"}

MODELS = Operation(
    "GET",
    "/v1/models",
    "ListModels",
    lambda content, _: [ModelCard.read(each) for each in content["data"]],
    anywhere=True,
)
EMBED = Operation(
    "POST",
    "/v1/embeddings",
    "Embed",
    EmbedAnswer.read,
    {**SKIP, "encoding_format": "base64"},
    form=True,
    anywhere=True,
)
ZERO_SHOT = Operation("POST", "/v1/zero-shot", "ZeroShot", ZeroShotAnswer.read, SKIP, form=True, anywhere=True)
ANALYSERS = Operation(
    "GET",
    "/v1/analysers",
    "ListAnalysers",
    lambda content, _: [record(AnalyserCard, each) for each in content["data"]],
    anywhere=True,
)
PRESETS = ANALYSERS.reading(lambda content, _: [record(Preset, each) for each in content["presets"]])
ANALYSE = Operation("POST", "/v1/analyses", "Analyse", AnalysesAnswer.read, SKIP, form=True, anywhere=True)
CAPTION = Operation("POST", "/v1/captions", "Caption", CaptionsAnswer.read, SKIP, form=True, anywhere=True)
LABELLERS = Operation("GET", "/v1/labellers", "ListLabellers", read_cards)
LABEL = Operation("POST", "/v1/labels", "Label", LabelsAnswer.read, SKIP)
PLAN_LABELS = Operation("POST", "/v1/labels/plan", "PlanLabels", read_plan)
POSITION_BIAS = Operation("POST", "/v1/labels/positions", "MeasurePositionBias", _content)
LABELS = Operation("GET", "/v1/labels/{id}", "GetLabels", LabelsAnswer.read)
DELETE_LABEL_RUN = Operation("DELETE", "/v1/labels/runs/{run}", "DeleteLabelRun", _content)
DESCRIBE_IMAGES = Operation("POST", "/v1/images", "DescribeImages", ImagesAnswer.read, SKIP, anywhere=True)
SEARCH = Operation("POST", "/v1/search", "Search", _content)
MATCH_FACES = Operation("POST", "/v1/faces/matches", "MatchFaces", _content)
GROUP_PERSONS = Operation("POST", "/v1/faces/persons", "GroupPersons", _content)
VERIFY_FACES = Operation("POST", "/v1/faces/verification", "VerifyFaces", _content)

TRAIN = Operation("POST", "/v1/classifiers", "TrainClassifier", Job.read, SKIP_IN_JOB)
FINE_TUNE = Operation("POST", "/v1/fine-tunings", "FineTune", Job.read)
CLASSIFIERS = Operation("GET", "/v1/classifiers", "ListClassifiers", _content)
CLASSIFIER = Operation("GET", "/v1/classifiers/{name}", "GetClassifier", _content)
DELETE_CLASSIFIER: Operation[list[str]] = Operation(
    "DELETE", "/v1/classifiers/{name}", "DeleteClassifier", lambda content, _: list(content["deleted"])
)
PREDICT = Operation("POST", "/v1/classifiers/{classifier}/predict", "Predict", PredictAnswer.read, SKIP)
ESTIMATE = Operation("POST", "/v1/classifiers/{classifier}/estimate", "Estimate", _content)
EXPORT_CLASSIFIER: Operation[bytes] = Operation(
    "GET", "/v1/classifiers/{name}/onnx", "ExportClassifier", lambda content, _: bytes(content["onnx"]), body="onnx"
)
CLASSIFIER_PAGE = Operation("POST", "/v1/classifiers/{name}/report.html", "ReportPage", _text, body="html")

CLUSTER = Operation("POST", "/v1/clusters", "Cluster", Job.read, SKIP_IN_JOB)
CLUSTERING = Operation("GET", "/v1/clusters/{id}", "GetClustering", read_clustering)
CLUSTER_PAGE = Operation("POST", "/v1/clusters/{id}/report.html", "ClusterPage", _text, body="html")
COMPUTE_CLUSTER_GRID = Operation("POST", "/v1/cluster-grids", "ClusterGrid", Job.read, SKIP_IN_JOB)
CLUSTER_GRID = Operation("GET", "/v1/cluster-grids/{id}", "GetClusterGrid", _content)
CLUSTER_GRID_PAGE = Operation("GET", "/v1/cluster-grids/{id}/report.html", "ClusterGridPage", _text, body="html")
FIND_DUPLICATES = Operation("POST", "/v1/duplicates", "FindDuplicates", Job.read, SKIP_IN_JOB)
DUPLICATES = Operation("GET", "/v1/duplicates/{id}", "GetDuplicates", read_duplicates)

COMPARE_REPRESENTATIONS = Operation("POST", "/v1/representations", "CompareRepresentations", Job.read, SKIP_IN_JOB)
REPRESENTATIONS = Operation("GET", "/v1/representations/{id}", "GetRepresentations", _content)
REPRESENTATIONS_PAGE = Operation(
    "GET", "/v1/representations/{id}/report.html", "RepresentationsPage", _text, body="html"
)

SAMPLE = Operation("POST", "/v1/samples", "DrawSample", _content)
PAIRS = Operation("POST", "/v1/pairs", "DrawPairs", _content)
AGREEMENT = Operation("POST", "/v1/agreement", "MeasureAgreement", _content)
CODER_GROUPS = Operation("POST", "/v1/coder-groups", "CompareCoderGroups", _content)
CROWD = Operation("POST", "/v1/crowds", "ReconcileCrowd", _content)
COMPARISON_PAIRS = Operation("POST", "/v1/comparison-pairs", "DrawComparisonPairs", _content)
SCALE = Operation("POST", "/v1/scales", "Scale", _content)
COMPARE = Operation("POST", "/v1/comparisons", "CompareClusterings", _content)

VALIDATE = Operation("POST", "/v1/validations", "ValidatePredictions", _content)
ESTIMATE_CORPUS = Operation("POST", "/v1/estimates", "EstimateCorpus", _content)
ESTIMATE_MULTIVERSE = Operation("POST", "/v1/multiverses", "EstimateMultiverse", _content)

EVALUATE = Operation("POST", "/v1/evaluations", "EvaluateFindings", _content)

CREATE_COLLECTION = Operation("PUT", "/v1/collections/{name}", "PutCollection", CollectionCard.read)
COLLECTIONS = Operation("GET", "/v1/collections", "ListCollections", CollectionCard.read)
COLLECTION = Operation("GET", "/v1/collections/{name}", "GetCollection", CollectionCard.read)
DELETE_COLLECTION: Operation[int] = Operation(
    "DELETE", "/v1/collections/{name}", "DeleteCollection", lambda content, _: int(content["rows"])
)
ADD_ITEMS = Operation("POST", "/v1/collections/{name}/items", "PutCollectionItems", StoredAnswer.read, SKIP)
COLLECTION_ITEMS = Operation("GET", "/v1/collections/{name}/items", "ListCollectionItems", CollectionItem.read)
COLLECTION_IDS = Operation("GET", "/v1/collections/{name}/ids", "ListCollectionIds", CollectionIds.read)
COLLECTION_ITEM = Operation("GET", "/v1/collections/{name}/items/{id}", "GetCollectionItem", CollectionItem.read)
DELETE_ITEMS: Operation[int] = Operation(
    "DELETE", "/v1/collections/{name}/items", "DeleteCollectionItems", lambda content, _: int(content["deleted"])
)
SEARCH_COLLECTION = Operation("POST", "/v1/collections/{name}/search", "SearchCollection", NeighboursAnswer.read, SKIP)
COLLECTION_DUPLICATES = Operation(
    "POST", "/v1/collections/{name}/duplicates", "FindCollectionDuplicates", NeighboursAnswer.read, SKIP
)

UPLOAD = Operation("POST", "/v1/files", "UploadFile", _content)  # streamed: Transport.upload
FILES = Operation("GET", "/v1/files", "ListFiles", _content)
DELETE_FILE = Operation("DELETE", "/v1/files/{id}", "DeleteFile", _content)

CREATE_STUDY = Operation("POST", "/v1/studies", HTTP_ONLY, _content)
FOLDERS = Operation("GET", "/v1/folders", HTTP_ONLY, _content)
STUDIES = Operation("GET", "/v1/studies", HTTP_ONLY, _content)
STUDY = Operation("GET", "/v1/studies/{name}", HTTP_ONLY, _content)
DELETE_STUDY = Operation("DELETE", "/v1/studies/{name}", HTTP_ONLY, _content)
ADD_PICTURES = Operation("POST", "/v1/studies/{name}/items", HTTP_ONLY, _content, SKIP)
STUDY_ITEMS = Operation("GET", "/v1/studies/{name}/items", HTTP_ONLY, _content)
STUDY_PICTURE: Operation[bytes] = Operation(
    "GET",
    "/v1/studies/{name}/items/{key}/picture",
    HTTP_ONLY,
    lambda content, _: bytes(content["picture"]),
    body="picture",
)
STUDY_TABLE = Operation("GET", "/v1/studies/{name}/table", HTTP_ONLY, _content)
STUDY_COLUMNS = Operation("GET", "/v1/studies/{name}/columns", HTTP_ONLY, _content)
DELETE_COLUMN = Operation("DELETE", "/v1/studies/{name}/columns/{column}", HTTP_ONLY, _content)
LOOK_UP = Operation("POST", "/v1/studies/{name}/items/lookup", HTTP_ONLY, _content)
EMBED_STUDY = Operation("POST", "/v1/studies/{name}/embeddings", HTTP_ONLY, Job.read)
STUDY_EMBEDDINGS = Operation("GET", "/v1/studies/{name}/embeddings", HTTP_ONLY, _content)
DELETE_STUDY_EMBEDDINGS = Operation("DELETE", "/v1/studies/{name}/embeddings/{model}", HTTP_ONLY, _content)
SEARCH_STUDY = Operation("POST", "/v1/studies/{name}/search", HTTP_ONLY, _content)
PUT_COLUMNS = Operation("PUT", "/v1/studies/{name}/columns", HTTP_ONLY, _content)
PUT_CODEBOOK = Operation("PUT", "/v1/studies/{name}/codebook", HTTP_ONLY, _content)
CODEBOOK = Operation("GET", "/v1/studies/{name}/codebook", HTTP_ONLY, _content)
ASSIGN = Operation("POST", "/v1/studies/{study}/assignments", HTTP_ONLY, _content)
ASSIGNMENTS = Operation("GET", "/v1/studies/{name}/assignments", HTTP_ONLY, _content)
RENEW_TOKEN = Operation("POST", "/v1/studies/{study}/assignments/{assignment}/coders", HTTP_ONLY, _content)
REVOKE_TOKEN = Operation("DELETE", "/v1/studies/{study}/assignments/{assignment}/coders/{coder}", HTTP_ONLY, _content)
STUDY_PROGRESS = Operation("GET", "/v1/studies/{name}/assignments/{assignment}/progress", HTTP_ONLY, _content)
DISAGREEMENTS = Operation("GET", "/v1/studies/{name}/assignments/{assignment}/disagreements", HTTP_ONLY, _content)
STUDY_AGREEMENT = Operation("GET", "/v1/studies/{name}/agreement", HTTP_ONLY, _content)
STUDY_CODES = Operation("GET", "/v1/studies/{name}/codes", HTTP_ONLY, _content)
LABEL_STUDIO: Operation[list[Any]] = Operation(
    "GET", "/v1/studies/{name}/label-studio", HTTP_ONLY, lambda content, _: list(content)
)
FROM_LABEL_STUDIO = Operation("POST", "/v1/studies/{name}/label-studio?assignment={assignment}", HTTP_ONLY, _content)
FROM_LABEL_STUDIO_ONLY = Operation("POST", "/v1/studies/{name}/label-studio", HTTP_ONLY, _content)

STUDY_ZERO_SHOT = Operation("POST", "/v1/studies/{name}/zero-shot", HTTP_ONLY, _content)
STUDY_PREVIEW = Operation("POST", "/v1/studies/{name}/zero-shot/preview", HTTP_ONLY, _content)
PLAN_STUDY_LABELS = Operation("POST", "/v1/studies/{name}/labels/plan", HTTP_ONLY, _content)
STUDY_LABELS = Operation("POST", "/v1/studies/{name}/labels", HTTP_ONLY, Job.read)
STUDY_CLUSTERS = Operation("POST", "/v1/studies/{name}/clusters", HTTP_ONLY, Job.read)
STUDY_DUPLICATES = Operation("POST", "/v1/studies/{name}/duplicates", HTTP_ONLY, Job.read)
STUDY_TRAIN = Operation("POST", "/v1/studies/{study}/train", HTTP_ONLY, Job.read)
STUDY_PREDICT = Operation("POST", "/v1/studies/{name}/predict", HTTP_ONLY, _content)
STUDY_ESTIMATES = Operation("POST", "/v1/studies/{name}/estimates", HTTP_ONLY, _content)
STUDY_RUNS = Operation("GET", "/v1/studies/{name}/runs", HTTP_ONLY, _content)
EXPORT_STUDY: Operation[bytes] = Operation(
    "GET", "/v1/studies/{name}/export", HTTP_ONLY, lambda content, _: bytes(content["zip"]), body="zip"
)

JOBS = Operation("GET", "/v1/jobs", "ListJobs", Job.read)
JOB = Operation("GET", "/v1/jobs/{id}", "GetJob", Job.read)
CANCEL_JOB = Operation("POST", "/v1/jobs/{id}/cancel", "CancelJob", Job.read)
DELETE_JOB = Operation("DELETE", "/v1/jobs/{id}", "DeleteJob", Job.read)
VIDEO_ANSWER = Operation("GET", "/v1/jobs/{id}/answer", "GetJobAnswer", ClipAnswer.read)
VIDEO_ANALYSES = VIDEO_ANSWER.reading(AnalysesAnswer.read)
VIDEO_CAPTIONS = VIDEO_ANSWER.reading(CaptionsAnswer.read)
ANSWER_PAGE = Operation("POST", "/v1/pages/{kind}", "AnswerPage", AnswerPage.read)
TIMELINE = Operation("POST", "/v1/timeline?pictures={pictures}", "VideoTimeline", _text, body="html")
EMBED_VIDEO, ZERO_SHOT_VIDEO, PREDICT_VIDEO, ANALYSE_VIDEO, CAPTION_VIDEO = (
    operation.reading(Job.read, mode="job") for operation in (EMBED, ZERO_SHOT, PREDICT, ANALYSE, CAPTION)
)
