"""The parts of a running server that routes and methods use."""

from collections.abc import Callable
from dataclasses import dataclass

from service.body_budget import BodyBudget
from service.inference.analyses import Analyses
from service.inference.engine import Engine
from service.inference.labelling import Labellers
from service.jobs import Jobs
from service.settings import Settings
from service.stores.classifiers import Classifiers
from service.stores.collections import CollectionStore
from service.stores.files import FileStore
from service.stores.label_answers import LabelRuns
from service.stores.studies import Studies

PARSED_AT_ONCE = 2  # large requests, over both transports


@dataclass(frozen=True, kw_only=True)
class Context:
    """Settings, engine, stores and jobs of one entry process.

    Attributes
    ----------
    engine : returns the engine, once it is created.
    budget : counts the bodies in memory.
    parsing : threads in which large requests are parsed and validated, in turn by caller.
    """

    settings: Settings
    engine: Callable[[], Engine]
    budget: BodyBudget
    classifiers: Classifiers
    files: FileStore
    collections: CollectionStore
    jobs: Jobs
    studies: Studies
    parsing: Analyses
    labellers: Labellers
    label_runs: LabelRuns

    @classmethod
    def of(cls, settings: Settings, engine: Callable[[], Engine]) -> "Context":
        """All parts, created from the settings."""
        return cls(
            settings=settings,
            engine=engine,
            budget=BodyBudget(settings),
            classifiers=Classifiers(settings),
            files=FileStore(settings),
            collections=CollectionStore(settings),
            jobs=Jobs(settings),
            studies=Studies(settings),
            parsing=Analyses(PARSED_AT_ONCE),
            labellers=Labellers(settings),
            label_runs=LabelRuns(settings),
        )
