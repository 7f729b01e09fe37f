"""The transport over gRPC: the calls of all features, joined."""

from daguerre.transport.grpc.annotation import AnnotationCalls
from daguerre.transport.grpc.classifiers import ClassifierCalls
from daguerre.transport.grpc.clusters import ClusterCalls
from daguerre.transport.grpc.files import FileCalls
from daguerre.transport.grpc.items import ItemCalls
from daguerre.transport.grpc.jobs import JobCalls
from daguerre.transport.grpc.search import SearchCalls
from daguerre.transport.grpc.video import VideoCalls


class GrpcTransport(
    AnnotationCalls,
    ClassifierCalls,
    ClusterCalls,
    FileCalls,
    ItemCalls,
    JobCalls,
    SearchCalls,
    VideoCalls,
):
    """All calls to one server over gRPC."""
