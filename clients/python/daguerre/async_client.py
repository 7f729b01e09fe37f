"""The client for asynchronous code: the methods of all features, joined. client.py runs it for all other code."""

import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from daguerre.dispatch.stream import Limits
from daguerre.replication.operations import CLIENT_METHODS
from daguerre.replication.recording import VARIABLE, Study, recorded
from daguerre.resources.annotation import AnnotationMethods
from daguerre.resources.captions import CaptionMethods
from daguerre.resources.classifiers import ClassifierMethods
from daguerre.resources.cluster_grids import ClusterGridMethods
from daguerre.resources.clusters import ClusterMethods
from daguerre.resources.collections import CollectionMethods
from daguerre.resources.corpora import CorpusMethods
from daguerre.resources.duplicates import DuplicateMethods
from daguerre.resources.embeddings import EmbeddingMethods
from daguerre.resources.estimates import EstimateMethods
from daguerre.resources.evaluations import EvaluationMethods
from daguerre.resources.face_comparison import FaceComparisonMethods
from daguerre.resources.files import FileMethods
from daguerre.resources.images import ImageMethods
from daguerre.resources.jobs import JobMethods
from daguerre.resources.label_reports import LabelReportMethods
from daguerre.resources.models import ModelMethods
from daguerre.resources.multiverses import MultiverseMethods
from daguerre.resources.replication import ReplicationMethods
from daguerre.resources.representations import RepresentationMethods
from daguerre.resources.search import SearchMethods
from daguerre.resources.single_analyses import SingleAnalysisMethods
from daguerre.resources.studies import StudyMethods
from daguerre.resources.validations import ValidationMethods
from daguerre.resources.videos import VideoMethods
from daguerre.resources.zero_shot import ZeroShotMethods
from daguerre.transport.addresses import without_password
from daguerre.transport.connect import connect

if TYPE_CHECKING:
    import httpx


RETRY_FOR = 60.0  # seconds


class AsyncClient(  # each before what it builds on
    ReplicationMethods,
    StudyMethods,
    FaceComparisonMethods,
    SingleAnalysisMethods,
    CaptionMethods,
    AnnotationMethods,
    RepresentationMethods,
    ValidationMethods,
    EstimateMethods,
    EvaluationMethods,
    LabelReportMethods,
    SearchMethods,
    DuplicateMethods,
    ClusterMethods,
    ClusterGridMethods,
    ClassifierMethods,
    VideoMethods,
    CorpusMethods,
    MultiverseMethods,
    ZeroShotMethods,
    EmbeddingMethods,
    ImageMethods,
    CollectionMethods,
    FileMethods,
    JobMethods,
    ModelMethods,
):
    """A Daguerre service, for asynchronous code. `Client` has the same methods for all other code.

    Parameters
    ----------
    url : "http://…", "https://…", "grpc://host:3001" or "grpcs://…"; None: $DAGUERRE_URL, or else this machine. Several
        servers with the same models are a list, or a text with commas: each request goes to the one with the fewest
        items under way, and to the next where one does not answer. What is kept on a server (jobs, classifiers, files,
        clips) always goes to the first. "dns+http://name:3000" stands for all addresses that a name has.
    api_key : bearer key; None: $DAGUERRE_API_KEY.
    model : default model of the client; None: the server's default.
    timeout : largest number of seconds of one request.
    retry_for : seconds for which a failing request is retried: connection errors, 429, 502 to 504. None: a minute; 3
        seconds where nobody listens at an address of this machine, unless a server has answered there before.
    chunk_items, chunk_bytes : largest number of items and bytes of one request.
    in_flight : number of requests at once, for each server.
    progress : whether to show progress bars; None: in a terminal or a notebook.
    http_client : your own `httpx.AsyncClient`, for example with your certificate authority or your proxies. Only
        for http:// and https://; it is closed with this client.
    study : a folder in which every call is recorded, for `daguerre.bundle`; None: $DAGUERRE_STUDY, if there is one.

    Notes
    -----
    This machine itself (localhost, 127.0.0.1, ::1) is reached past the proxies of the environment.

    A client can be pickled: a copy with the same address and options opens connections of its own. A key that was given
    as `api_key` is in the pickle; a key of the environment is not, and is read where the copy is made. Make a client in
    each process that is forked off: one that was made before the fork raises RuntimeError there.
    """

    def __init__(
        self,
        url: str | Sequence[str] | None = None,
        *,
        api_key: str | None = None,
        model: str | None = None,
        timeout: float = 300.0,
        retry_for: float | None = None,
        chunk_items: int = 32,
        chunk_bytes: int = 16 * 2**20,
        in_flight: int = 4,
        progress: bool | None = None,
        http_client: "httpx.AsyncClient | None" = None,
        study: "str | os.PathLike[str] | None" = None,
    ) -> None:
        limits = Limits(
            items=chunk_items,
            bytes=chunk_bytes,
            in_flight=in_flight,
            retry_for=60.0 if retry_for is None else retry_for,
        )
        options: dict[str, Any] = {"timeout": timeout, "in_flight": in_flight, "patient": retry_for is not None}
        address, transport = connect(url, api_key, http_client=http_client, **options)
        again = None if http_client is not None else functools.partial(connect, address, api_key, **options)
        self._arguments = (
            None
            if http_client is not None
            else {
                **{"url": address, "api_key": api_key, "model": model, "timeout": timeout, "retry_for": retry_for},
                **{
                    "chunk_items": chunk_items,
                    "chunk_bytes": chunk_bytes,
                    "in_flight": in_flight,
                    "progress": progress,
                    "study": study,
                },
            }
        )
        shown = ",".join(map(without_password, [address] if isinstance(address, str) else address))
        super().__init__(shown, transport, limits=limits, default_model=model, progress=progress, connect_again=again)
        folder = study if study is not None else os.environ.get(VARIABLE)
        self.recorder = Study(folder) if folder else None

    def arguments(self) -> dict[str, Any]:
        """The arguments that make a client of the same server. Raises TypeError with a client of httpx."""
        if self._arguments is None:
            raise TypeError("a client with http_client= cannot be pickled; make one in each process")
        return self._arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(type(self), **self.arguments()), ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"


recorded(AsyncClient, CLIENT_METHODS)
