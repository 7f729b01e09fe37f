"""The kinds of jobs. Only a worker imports a kind's function, when it runs such a job."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

Lane = Literal["quick", "long", "encode", "label"]
LANES: tuple[Lane, ...] = ("quick", "long")  # each with a worker process
ENTRY_LANE: Lane = "encode"  # run by the entry process, entry.py
LABEL_LANE: Lane = "label"  # there too: jobs that wait for the endpoints of labellers


@dataclass(frozen=True, kw_only=True)
class Context:
    """The parameters, folders and callbacks of a running job.

    Attributes
    ----------
    folder : folder of the job with the files of its submission; kept after a kill, emptied at the end.
    results : folder within it, which is kept with the job if the job succeeds.
    home : DAGUERRE_HOME.
    report : records the progress, 0 to 1, and the current step; raises Cancelled if the job has been cancelled.
    threads : number of threads to compute with.
    """

    id: str
    params: Mapping[str, Any]
    folder: Path
    results: Path
    home: Path
    owner: str | None
    report: Callable[[float, str], None]
    threads: int


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of job.

    Attributes
    ----------
    run : "module:function", which takes a Context and returns a dict for JSON; empty for the entry's lanes.
    lane : jobs of one lane run one after the other. quick: seconds or minutes. long: hours. encode: jobs that need the
        encoders. label: jobs that ask a labeller.
    resumable : whether it resumes after a kill, which is then repeated as long as there is progress.
    """

    run: str
    lane: Lane
    resumable: bool = False

    def function(self) -> Callable[[Context], dict[str, Any]]:
        """Import the function of `run`."""
        function: Callable[[Context], dict[str, Any]] = _imported(self.run)
        return function


KINDS: Mapping[str, Kind] = {
    "cluster": Kind(run="service.tasks.cluster:job", lane="quick"),
    "cluster_grid": Kind(run="service.tasks.cluster_grid:job", lane="quick"),
    "collection_items": Kind(run="service.tasks.collections:job", lane="quick", resumable=True),
    "collection_maintenance": Kind(run="service.tasks.collections:maintenance", lane="quick", resumable=True),
    "duplicates": Kind(run="service.tasks.duplicates:job", lane="quick"),
    "representations": Kind(run="service.tasks.representations:job", lane="quick"),
    "labels": Kind(run="", lane=LABEL_LANE, resumable=True),
    "study_embeddings": Kind(run="", lane=ENTRY_LANE, resumable=True),
    "study_labels": Kind(run="", lane=LABEL_LANE, resumable=True),
    "study_clusters": Kind(run="service.tasks.study_analyses:clusters", lane="quick"),
    "study_duplicates": Kind(run="service.tasks.study_analyses:duplicates", lane="quick"),
    "study_train": Kind(run="service.tasks.study_results:train", lane="quick"),
    "video": Kind(run="", lane=ENTRY_LANE),
    "train": Kind(run="service.tasks.train:job", lane="quick"),
    "fine_tune": Kind(run="service.tasks.fine_tune:job", lane="long", resumable=True),
}
OF_STUDIES = (
    "study_embeddings",
    "study_labels",
    "study_clusters",
    "study_duplicates",
)  # cancelled when their study is deleted


def kinds(path: str) -> Mapping[str, Kind]:
    """The kinds at "module:NAME"; tests define kinds of their own."""
    named: Mapping[str, Kind] = _imported(path)
    return named


def _imported(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
