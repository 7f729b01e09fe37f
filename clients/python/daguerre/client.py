"""The client for notebooks and scripts: the asynchronous one, run in a thread of its own."""

import asyncio
import functools
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, wait
from typing import Any, Concatenate, ParamSpec, TypeVar

from daguerre.async_client import AsyncClient
from daguerre.blocking import Closing, blocking, blocking_handle, blocking_result
from daguerre.handles.classifier import Classifier
from daguerre.handles.clip import Clip
from daguerre.handles.clustering import Clusters
from daguerre.handles.collection import Collection
from daguerre.handles.corrected import Corrected
from daguerre.handles.face_comparison import BlockingFaceMatches, BlockingFaceVerification, BlockingPersons
from daguerre.handles.labels import BlockingLabels
from daguerre.handles.multiverse import Multiverse
from daguerre.handles.pages import held
from daguerre.handles.reported import (
    BlockingAgreement,
    BlockingAnalyses,
    BlockingCaptions,
    BlockingDuplicates,
    BlockingEmbeddings,
    BlockingEvaluation,
    BlockingFaceVectors,
    BlockingGroupDifferences,
    BlockingNeighbours,
    BlockingSample,
    BlockingZeroShot,
    waiting,
)
from daguerre.handles.studies import CodingStudy
from daguerre.handles.validation import Validation
from daguerre.session import KEPT, Kept
from daguerre.transport.loops import FORKED

P = ParamSpec("P")
T = TypeVar("T")


def _made(init: "Callable[Concatenate[AsyncClient, P], None]") -> "Callable[Concatenate[Client, P], None]":
    @functools.wraps(init)
    def call(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> None:
        self.asynchronous = AsyncClient.__new__(AsyncClient)
        init(self.asynchronous, *args, **kwargs)
        self._begin()

    return call


class Client(Closing):
    __doc__ = (AsyncClient.__doc__ or "").replace(
        "for asynchronous code. `Client` has the same methods for all other code.",
        "in a notebook or a script. `AsyncClient` has the same methods for asynchronous code.",
    )

    asynchronous: AsyncClient

    __init__ = _made(AsyncClient.__init__)
    embed = blocking_result(AsyncClient.embed, waiting(BlockingEmbeddings))
    zero_shot = blocking_result(AsyncClient.zero_shot, waiting(BlockingZeroShot))
    presets = blocking(AsyncClient.presets)
    analyse = blocking_result(AsyncClient.analyse, waiting(BlockingAnalyses))
    analyse_corpus = blocking(AsyncClient.analyse_corpus)
    read_analyses = blocking_result(AsyncClient.read_analyses, waiting(BlockingAnalyses))
    analysers = blocking(AsyncClient.analysers)
    read_text = blocking_result(AsyncClient.read_text, waiting(BlockingAnalyses))
    detect = blocking_result(AsyncClient.detect, waiting(BlockingAnalyses))
    faces = blocking_result(AsyncClient.faces, waiting(BlockingAnalyses))
    face_vectors = blocking_result(AsyncClient.face_vectors, waiting(BlockingFaceVectors))
    read_face_vectors = blocking_result(AsyncClient.read_face_vectors, waiting(BlockingFaceVectors))
    face_matches = blocking_result(AsyncClient.face_matches, waiting(BlockingFaceMatches))
    persons = blocking_result(AsyncClient.persons, waiting(BlockingPersons))
    verify_faces = blocking_result(AsyncClient.verify_faces, waiting(BlockingFaceVerification))
    face_attributes = blocking_result(AsyncClient.face_attributes, waiting(BlockingAnalyses))
    classify = blocking_result(AsyncClient.classify, waiting(BlockingAnalyses))
    caption = blocking_result(AsyncClient.caption, waiting(BlockingCaptions))
    caption_corpus = blocking(AsyncClient.caption_corpus)
    read_captions = blocking_result(AsyncClient.read_captions, waiting(BlockingCaptions))
    visual_features = blocking_result(AsyncClient.visual_features, waiting(BlockingAnalyses))
    label = blocking_result(AsyncClient.label, waiting(BlockingLabels))
    label_plan = blocking(AsyncClient.label_plan)
    label_job = blocking(AsyncClient.label_job)
    finished_labels = blocking_result(AsyncClient.finished_labels, waiting(BlockingLabels))
    label_corpus = blocking(AsyncClient.label_corpus)
    read_labels = blocking_result(AsyncClient.read_labels, waiting(BlockingLabels))
    label_repeats = blocking_result(
        AsyncClient.label_repeats,
        lambda client, every: {name: held(BlockingLabels, each, client) for name, each in every.items()},
    )
    position_bias = blocking(AsyncClient.position_bias)
    labellers = blocking(AsyncClient.labellers)
    compare_labellers = blocking_result(AsyncClient.compare_labellers, waiting(Multiverse))
    embed_corpus = blocking(AsyncClient.embed_corpus)
    models = blocking(AsyncClient.models)
    ping = blocking(AsyncClient.ping)
    train_classifier = blocking_handle(AsyncClient.train_classifier, Classifier)
    classifier = blocking_handle(AsyncClient.classifier, Classifier)
    classifiers = blocking(AsyncClient.classifiers)
    delete_classifier = blocking(AsyncClient.delete_classifier)
    fine_tune = blocking_handle(AsyncClient.fine_tune, Classifier)
    cluster = blocking_handle(AsyncClient.cluster, Clusters.waiting)
    clustering = blocking_handle(AsyncClient.clustering, Clusters.waiting)
    cluster_grid = blocking(AsyncClient.cluster_grid)
    computed_cluster_grid = blocking(AsyncClient.computed_cluster_grid)
    duplicates = blocking_handle(AsyncClient.duplicates, waiting(BlockingDuplicates))
    found_duplicates = blocking_result(AsyncClient.found_duplicates, waiting(BlockingDuplicates))
    blur = blocking(AsyncClient.blur)
    describe_images = blocking(AsyncClient.describe_images)
    sample = blocking_result(AsyncClient.sample, waiting(BlockingSample))
    draw_pairs = blocking(AsyncClient.draw_pairs)
    agreement = blocking_result(AsyncClient.agreement, waiting(BlockingAgreement))
    compare_coder_groups = blocking_result(AsyncClient.compare_coder_groups, waiting(BlockingGroupDifferences))
    reconcile = blocking(AsyncClient.reconcile)
    draw_comparisons = blocking(AsyncClient.draw_comparisons)
    scale = blocking(AsyncClient.scale)
    validate = blocking_result(AsyncClient.validate, waiting(Validation))
    estimate = blocking_result(AsyncClient.estimate, waiting(Corrected))
    evaluate = blocking_result(AsyncClient.evaluate, waiting(BlockingEvaluation))
    multiverse = blocking_result(AsyncClient.multiverse, waiting(Multiverse))
    compare = blocking(AsyncClient.compare)
    replicate = blocking(AsyncClient.replicate)
    compare_representations = blocking(AsyncClient.compare_representations)
    compared_representations = blocking(AsyncClient.compared_representations)
    create_collection = blocking_handle(AsyncClient.create_collection, Collection)
    collection = blocking_handle(AsyncClient.collection, Collection)
    collections = blocking(AsyncClient.collections)
    search = blocking_result(AsyncClient.search, waiting(BlockingNeighbours))
    upload = blocking(AsyncClient.upload)
    files = blocking(AsyncClient.files)
    delete_file = blocking(AsyncClient.delete_file)
    video = blocking_handle(AsyncClient.video, Clip)
    create_study = blocking_handle(AsyncClient.create_study, CodingStudy)
    study = blocking_handle(AsyncClient.study, CodingStudy)
    studies = blocking(AsyncClient.studies)
    data_folders = blocking(AsyncClient.data_folders)
    delete_study = blocking(AsyncClient.delete_study)
    jobs = blocking(AsyncClient.jobs)
    job = blocking(AsyncClient.job)
    cancel_job = blocking(AsyncClient.cancel_job)
    delete_job = blocking(AsyncClient.delete_job)
    wait = blocking(AsyncClient.wait)

    @property
    def _runner(self) -> "Client":
        return self

    def _begin(self) -> None:
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_live, args=(self._loop, self.asynchronous), name="daguerre", daemon=True)
        thread.start()
        self._finalizer = weakref.finalize(self, _end, self._loop, self.asynchronous, thread, self._process)

    def close(self) -> None:
        """Close connections and threads, and delete the files of open clips.

        A client that is garbage-collected closes itself.
        """
        self._finalizer()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of the asynchronous client, and return its result."""
        if self._process != os.getpid() or self._loop.is_closed():
            work.close()
            raise RuntimeError("this client is closed; make another one" if self._process == os.getpid() else FORKED)
        begun: list[asyncio.Task[Any]] = []

        kept: Kept = []

        async def watched() -> T:
            task = asyncio.current_task()
            assert task
            begun.append(task)
            KEPT.set(kept)
            return await work

        future = asyncio.run_coroutine_threadsafe(watched(), self._loop)
        try:
            result = future.result()
        except CancelledError:
            raise RuntimeError("this client was closed while it worked; make another one") from None
        except BaseException:
            if not future.done():  # Ctrl-C: what is under way ends first, a second Ctrl-C does not wait for it
                for task in begun:
                    self._loop.call_soon_threadsafe(task.cancel)
                if begun:
                    wait([future])
                else:  # not even begun: there is nothing to wait for
                    future.cancel()
            raise
        for warning in kept:
            warnings.warn(warning, stacklevel=3)
        return result

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the address, the options, and a key that was given as an argument; see AsyncClient."""
        return _like, (self.asynchronous.arguments(),)

    def __repr__(self) -> str:
        return f"Client({self.asynchronous.url!r})"


def _like(arguments: dict[str, Any]) -> Client:
    """The client that a pickle stands for."""
    client: Client = Client(**arguments)
    return client


def _end(loop: asyncio.AbstractEventLoop, client: AsyncClient, thread: threading.Thread, process: int) -> None:
    """Close `client` in its loop, and the loop; not in a fork, which has neither its thread nor its sockets."""
    if process != os.getpid() or loop.is_closed():
        return
    loop.call_soon_threadsafe(loop.stop)
    if threading.current_thread() is not thread:  # where the garbage collector may come by as well
        thread.join(2)


def shared_client(url: str | None = None) -> Client:
    """The client of this process for an address, for code that is copied to other processes and keeps no client."""
    return _shared(url or os.environ.get("DAGUERRE_URL"), os.environ.get("DAGUERRE_API_KEY"), os.getpid())


@functools.lru_cache(maxsize=16)
def _shared(url: str | None, key: str | None, process: int) -> Client:
    """One client for each address, key and process; the latter two tell clients apart, and are read by each itself."""
    client: Client = Client(url)
    return client


def _live(loop: asyncio.AbstractEventLoop, client: AsyncClient) -> None:
    """The thread of a client. Tasks that are under way when its loop stops are cancelled."""
    loop.run_forever()
    loop.run_until_complete(_last(client))
    loop.close()


async def _last(client: AsyncClient) -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await client.close()
    await asyncio.get_running_loop().shutdown_asyncgens()
