"""What kinds of job there are. A kind's function is imported by the worker alone, when there is such a job."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

Lane = Literal["quick", "long", "encode"]
LANES: tuple[Lane, ...] = ("quick", "long")  # each with a worker process
ENTRY_LANE: Lane = "encode"  # done where the encoders are: entry.py


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a job has to do with.

    Attributes
    ----------
    folder : its own, with what was put there when it was submitted; emptied when it ends, there again after a kill.
    results : a folder in it whose files stay as long as the job is known, if it succeeds.
    home : DAGUERRE_HOME.
    report : says how far it is, 0 to 1, and what is being done; raises Cancelled where the job was.
    threads : to compute with.
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
    run : "module:function", which takes a Context and gives a dict that is JSON; none of the entry's lane.
    lane : jobs of one lane run one after the other; seconds or minutes in quick, hours in long; those that need the
        encoders in encode.
    resumable : goes on where it was: killed, it may be begun again as often as it gets further.
    """

    run: str
    lane: Lane
    resumable: bool = False

    def function(self) -> Callable[[Context], dict[str, Any]]:
        module, _, name = self.run.partition(":")
        found: Callable[[Context], dict[str, Any]] = getattr(import_module(module), name)
        return found


KINDS: Mapping[str, Kind] = {
    "cluster": Kind(run="service.tasks.cluster:job", lane="quick"),
    "duplicates": Kind(run="service.tasks.duplicates:job", lane="quick"),
    "video": Kind(run="", lane=ENTRY_LANE),
    "train": Kind(run="service.tasks.train:job", lane="quick"),
    "fine_tune": Kind(run="service.tasks.fine_tune:job", lane="long", resumable=True),
}


def kinds(where: str) -> Mapping[str, Kind]:
    """The kinds at "module:NAME"; tests have kinds of their own."""
    module, _, name = where.partition(":")
    found: Mapping[str, Kind] = getattr(import_module(module), name)
    return found
