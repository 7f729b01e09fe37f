"""Operations on items, the same as a request and as a job, over HTTP and gRPC."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from models.classifiers.store import Stored
from service.errors import Unprocessable
from service.inference.engine import Engine
from service.pipelines.items import Item, VectorInput, checked_ids
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
    vectors : in place of items.
    stored : the classifier of a prediction.
    monitor : receives the progress of videos.
    """

    engine: Engine
    classifiers: Classifiers
    options: O
    items: Sequence[Item] | None
    vectors: Sequence[VectorInput] | None = None
    stored: Stored | None = None
    monitor: ProgressMonitor | None = None

    def ids(self, n: int) -> Sequence[str | None]:
        """The ids of the n items, or of the items of the vectors. Raises Unprocessable for another number of ids."""
        given: Sequence[str] | None = getattr(self.options, "ids", None)
        if given is not None and self.items is not None:
            raise Unprocessable("ids: are for vectors; give each item of input its own id", param="ids")
        if given is not None:
            return checked_ids(given, n)
        return [item.id for item in self.items] if self.items is not None else [None] * n


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
