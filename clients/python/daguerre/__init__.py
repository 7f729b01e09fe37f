"""Images as data: the Python SDK of a Daguerre service.

from daguerre import Client

client = Client("http://gpu-server:3000")
X = client.embed(images="photos/")                                        # X.vectors, X.ids, X.errors
P = client.zero_shot(images="photos/", labels=["a street protest", "a press conference"])    # P.to_pandas()
client.embed_corpus("photos/", "photos.parquet")                          # goes on where it was
clf = client.train_classifier("protest", images="coded/", targets=codes)  # print(clf.report); clf.predict("photos/")
C = client.cluster(images="photos/")                                      # C.to_pandas(); C.report("clusters.html")
with client.video("news.mp4", every="2s") as clip:                        # clip.embed(), clip.predict("protest")
    clip.zero_shot(["a street", "a studio"]).timeline("news.html")        # thumbnails and curves along time
"""

from daguerre.async_client import AsyncClient
from daguerre.batches import embed_batch
from daguerre.client import Client
from daguerre.corpus.analyses import AnalysesSummary
from daguerre.corpus.exchange.atlas import write_atlas
from daguerre.corpus.exchange.formats import prelabels, read_annotations, write_annotations
from daguerre.corpus.exchange.statistics import write_statistics
from daguerre.errors import (
    APIError,
    AuthenticationError,
    ConnectError,
    DaguerreError,
    DaguerreWarning,
    FingerprintMismatchError,
    IncompatibleServerError,
    InvalidRequestError,
    ItemError,
    ItemFailedError,
    JobFailedError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RemarkWarning,
    ServerError,
    ServerTimeoutError,
    TooLargeError,
    UnavailableError,
)
from daguerre.handles.classifier import AsyncClassifier, Classifier
from daguerre.handles.clip import AsyncClip, Clip
from daguerre.handles.clustering import AsyncClusters, Clusters
from daguerre.handles.collection import AsyncCollection, Collection
from daguerre.handles.corrected import AsyncCorrected, Corrected
from daguerre.handles.estimates import AsyncEstimates, Estimates
from daguerre.handles.multiverse import AsyncMultiverse, Multiverse
from daguerre.handles.studies import AsyncCodingStudy, CodingStudy
from daguerre.handles.validation import AsyncValidation, Validation
from daguerre.inputs.crops import image
from daguerre.replication.bundles import BundleSummary, bundle
from daguerre.results.agreement import Agreement
from daguerre.results.analyses import Analyses
from daguerre.results.annotation import Comparison, Configuration, Pairs, Sample
from daguerre.results.base import Errors
from daguerre.results.captions import Captions
from daguerre.results.cluster_grid import ClusterGrid, ClusterGridRow
from daguerre.results.clusters import Cluster
from daguerre.results.coders import Crowd, GroupDifferences
from daguerre.results.collections import AddedItems, CollectionDuplicates, CollectionItems, CollectionNeighbours
from daguerre.results.duplicates import DuplicateGroup, Duplicates
from daguerre.results.embeddings import Embeddings
from daguerre.results.evaluations import Evaluation
from daguerre.results.face_comparison import FaceMatches, FaceVerification, Persons
from daguerre.results.face_vectors import FaceVectors
from daguerre.results.hierarchy import Hierarchy
from daguerre.results.images import Descriptions
from daguerre.results.labels import CodebookLabels
from daguerre.results.neighbours import Neighbours
from daguerre.results.positions import PositionBias
from daguerre.results.predictions import Predictions
from daguerre.results.replication import ReplicatedFigure, Replication
from daguerre.results.report import Estimate, Report
from daguerre.results.representations import RankedConfiguration, RankedRepresentation, Representations
from daguerre.results.scales import ComparisonPairs, Scale
from daguerre.results.studies import StudyAssignment, StudyCodes
from daguerre.results.study_data import StudyHits, StudyTable
from daguerre.results.study_labels import StudyLabelPlan, StudyLabels
from daguerre.results.video import ClipEmbeddings, ClipPredictions, ClipScores, Shot
from daguerre.results.zero_shot import ZeroShot
from daguerre.storage.dataset import DatasetFolder
from daguerre.types.analyses import AnalyserCard
from daguerre.types.collections import CollectionCard, CollectionItem, CollectionNeighbour
from daguerre.types.common import Crop, Receipt
from daguerre.types.images import ImageDescription
from daguerre.types.jobs import Job
from daguerre.types.labels import LabellerCard, LabelPlan
from daguerre.types.models import ModelCard, Ping
from daguerre.types.zero_shot import Preset
from daguerre.version import __version__

__all__ = [
    "APIError",
    "AddedItems",
    "Agreement",
    "AnalyserCard",
    "Analyses",
    "AnalysesSummary",
    "AsyncClassifier",
    "AsyncClient",
    "AsyncClip",
    "AsyncClusters",
    "AsyncCodingStudy",
    "AsyncCollection",
    "AsyncCorrected",
    "AsyncEstimates",
    "AsyncMultiverse",
    "AsyncValidation",
    "AuthenticationError",
    "BundleSummary",
    "Captions",
    "Classifier",
    "Client",
    "Clip",
    "ClipEmbeddings",
    "ClipPredictions",
    "ClipScores",
    "Cluster",
    "ClusterGrid",
    "ClusterGridRow",
    "Clusters",
    "CodebookLabels",
    "CodingStudy",
    "Collection",
    "CollectionCard",
    "CollectionDuplicates",
    "CollectionItem",
    "CollectionItems",
    "CollectionNeighbour",
    "CollectionNeighbours",
    "Comparison",
    "ComparisonPairs",
    "Configuration",
    "ConnectError",
    "Corrected",
    "Crop",
    "Crowd",
    "DaguerreError",
    "DaguerreWarning",
    "DatasetFolder",
    "Descriptions",
    "DuplicateGroup",
    "Duplicates",
    "Embeddings",
    "Errors",
    "Estimate",
    "Estimates",
    "Evaluation",
    "FaceMatches",
    "FaceVectors",
    "FaceVerification",
    "FingerprintMismatchError",
    "GroupDifferences",
    "Hierarchy",
    "ImageDescription",
    "IncompatibleServerError",
    "InvalidRequestError",
    "ItemError",
    "ItemFailedError",
    "Job",
    "JobFailedError",
    "LabelPlan",
    "LabellerCard",
    "ModelCard",
    "Multiverse",
    "Neighbours",
    "NotFoundError",
    "OverloadedError",
    "Pairs",
    "PermissionDeniedError",
    "Persons",
    "Ping",
    "PositionBias",
    "Predictions",
    "Preset",
    "RankedConfiguration",
    "RankedRepresentation",
    "Receipt",
    "RemarkWarning",
    "ReplicatedFigure",
    "Replication",
    "Report",
    "Representations",
    "Sample",
    "Scale",
    "ServerError",
    "ServerTimeoutError",
    "Shot",
    "StudyAssignment",
    "StudyCodes",
    "StudyHits",
    "StudyLabelPlan",
    "StudyLabels",
    "StudyTable",
    "TooLargeError",
    "UnavailableError",
    "Validation",
    "ZeroShot",
    "__version__",
    "bundle",
    "embed_batch",
    "image",
    "prelabels",
    "read_annotations",
    "write_annotations",
    "write_atlas",
    "write_statistics",
]
