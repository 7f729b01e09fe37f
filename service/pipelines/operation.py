"""Operations on items, the same as a request and as a job, over HTTP and gRPC."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from models.classifiers.store import Stored
from service.inference.engine import Engine
from service.pipelines.items import Item, VectorInput
from service.pipelines.video import ProgressMonitor
from service.stores.classifiers import Classifiers

O = TypeVar("O", bound=BaseModel)  # noqa: E741
Answer = dict[str, Any]  # as JSON, with arrays and bytes, which are base64 in JSON


@dataclass(frozen=True, kw_only=True)
class Call(Generic[O]):
    """One request for an operation.

    Attributes
    ----------
    options : the request without its items; `O` is the operation's.
    vectors, stored : for a classifier, in place of items, and the classifier.
    monitor : receives the progress of videos.
    """

    engine: Engine
    classifiers: Classifiers
    options: O
    items: Sequence[Item] | None
    vectors: Sequence[VectorInput] | None = None
    stored: Stored | None = None
    monitor: ProgressMonitor | None = None

    @property
    def ids(self) -> list[str | None]:
        """The ids of the items; none for vectors."""
        return [item.id for item in self.items or ()]


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[O]):
    """A row of OPERATIONS.

    Attributes
    ----------
    options : schema of the options.
    check : raises the errors of a call that do not depend on its items.
    run : returns the answer of a call.
    """

    name: str
    options: type[O]
    check: Callable[[Call[O]], None]
    run: Callable[[Call[O]], Coroutine[Any, Any, Answer]]
