"""The transport over HTTP: the calls of all features, joined."""

from daguerre.transport.http.annotation import AnnotationCalls
from daguerre.transport.http.classifiers import ClassifierCalls
from daguerre.transport.http.clusters import ClusterCalls
from daguerre.transport.http.files import FileCalls
from daguerre.transport.http.items import ItemCalls
from daguerre.transport.http.jobs import JobCalls
from daguerre.transport.http.search import SearchCalls
from daguerre.transport.http.video import VideoCalls


class HttpTransport(
    AnnotationCalls,
    ClassifierCalls,
    ClusterCalls,
    FileCalls,
    ItemCalls,
    JobCalls,
    SearchCalls,
    VideoCalls,
):
    """All calls to one server over HTTP."""
