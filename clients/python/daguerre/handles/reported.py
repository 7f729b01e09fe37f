"""Results that get their page from the server, and the decorator of the methods that give them."""

import functools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, fields
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from daguerre.blocking import blocking_result
from daguerre.handles.evaluations import evaluation
from daguerre.handles.pages import AsyncReported, BlockingClient, Pictured, Reported, held
from daguerre.results.agreement import Agreement
from daguerre.results.analyses import Analyses
from daguerre.results.annotation import Sample
from daguerre.results.captions import Captions
from daguerre.results.coders import GroupDifferences
from daguerre.results.duplicates import Duplicates
from daguerre.results.embeddings import Embeddings
from daguerre.results.evaluations import Evaluation
from daguerre.results.face_vectors import FaceVectors
from daguerre.results.neighbours import Neighbours
from daguerre.results.notebook import Shown
from daguerre.results.predictions import Predictions
from daguerre.results.zero_shot import ZeroShot
from daguerre.session import Session
from daguerre.types.jobs import Job

P = ParamSpec("P")
S = TypeVar("S", bound=Session)
H = TypeVar("H", bound=AsyncReported)
W = TypeVar("W", bound=Pictured)


@dataclass(frozen=True, eq=False, repr=False)
class AsyncDuplicates(AsyncReported, Duplicates):
    __doc__ = Duplicates.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingDuplicates(Reported, Duplicates):
    __doc__ = Duplicates.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingEmbeddings(Pictured, Embeddings):
    __doc__ = Embeddings.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingPredictions(Pictured, Predictions):
    __doc__ = Predictions.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class AsyncZeroShot(AsyncReported, ZeroShot):
    __doc__ = ZeroShot.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingZeroShot(Reported, ZeroShot):
    __doc__ = ZeroShot.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class AsyncEvaluation(AsyncReported, Evaluation):
    __doc__ = Evaluation.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingEvaluation(Reported, Evaluation):
    __doc__ = Evaluation.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class AsyncAnalyses(AsyncReported, Analyses):
    __doc__ = Analyses.__doc__

    async def evaluate(
        self,
        *,
        boxes: Any = None,
        texts: Any = None,
        threshold: float | None = None,
        overlap: float = 0.5,
        labels: Sequence[str] | None = None,
        all_coded: bool = False,
        column: str | None = None,
        blank: Literal["missing", "none"] = "missing",
        ignore_case: bool = False,
        whitespace: Literal["collapse", "remove", "keep"] = "collapse",
        seed: int = 0,
    ) -> AsyncEvaluation:
        """Measure these findings by boxes and texts that people coded; parameters as for `Client.evaluate`.

        Examples
        --------
        >>> client.detect("photos/", min_score=0.05).evaluate(boxes="coded.csv")
        """
        if self.client is None:
            raise ValueError("evaluate needs a client, and a copied result has none; use Client.evaluate")
        result = await evaluation(
            self.client,
            self,
            boxes=boxes,
            texts=texts,
            threshold=threshold,
            overlap=overlap,
            labels=labels,
            all_coded=all_coded,
            column=column,
            blank=blank,
            ignore_case=ignore_case,
            whitespace=whitespace,
            seed=seed,
        )
        return held(AsyncEvaluation, result, self.client)


@dataclass(frozen=True, eq=False, repr=False)
class BlockingAnalyses(Reported, Analyses):
    __doc__ = Analyses.__doc__

    @property
    def asynchronous(self) -> AsyncAnalyses:
        """The same with asynchronous methods."""
        own = {each.name: getattr(self, each.name) for each in fields(Analyses)}
        return AsyncAnalyses(**own, client=None if self.client is None else self.client.asynchronous)

    evaluate = blocking_result(AsyncAnalyses.evaluate, lambda client, result: held(BlockingEvaluation, result, client))


@dataclass(frozen=True, eq=False, repr=False)
class AsyncFaceVectors(AsyncAnalyses, FaceVectors):
    __doc__ = FaceVectors.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingFaceVectors(BlockingAnalyses, FaceVectors):
    __doc__ = FaceVectors.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class AsyncCaptions(AsyncAnalyses, Captions):
    __doc__ = Captions.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingCaptions(BlockingAnalyses, Captions):
    __doc__ = Captions.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class AsyncNeighbours(AsyncReported, Neighbours):
    __doc__ = Neighbours.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingNeighbours(Reported, Neighbours):
    __doc__ = Neighbours.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class AsyncSample(AsyncReported, Sample):
    __doc__ = Sample.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingSample(Reported, Sample):
    __doc__ = Sample.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class AsyncAgreement(AsyncReported, Agreement):
    __doc__ = Agreement.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingAgreement(Reported, Agreement):
    __doc__ = Agreement.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class AsyncGroupDifferences(AsyncReported, GroupDifferences):
    __doc__ = GroupDifferences.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingGroupDifferences(Reported, GroupDifferences):
    __doc__ = GroupDifferences.__doc__


def reported(
    kind: type[H],
) -> Callable[
    [Callable[Concatenate[S, P], Coroutine[Any, Any, Any]]], Callable[Concatenate[S, P], Coroutine[Any, Any, H]]
]:
    """Let a method of the client give a `kind`, which holds the client, in place of the result."""

    def decorate(
        method: Callable[Concatenate[S, P], Coroutine[Any, Any, Any]],
    ) -> Callable[Concatenate[S, P], Coroutine[Any, Any, H]]:
        @functools.wraps(method)
        async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> H:
            return held(kind, await method(self, *args, **kwargs), self)

        return call

    return decorate


def reported_or_job(
    kind: type[H],
) -> Callable[
    [Callable[Concatenate[S, P], Coroutine[Any, Any, Any]]], Callable[Concatenate[S, P], Coroutine[Any, Any, H | Job]]
]:
    """The same for a method that gives a job where its caller does not wait."""

    def decorate(
        method: Callable[Concatenate[S, P], Coroutine[Any, Any, Any]],
    ) -> Callable[Concatenate[S, P], Coroutine[Any, Any, H | Job]]:
        @functools.wraps(method)
        async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> H | Job:
            result = await method(self, *args, **kwargs)
            return result if isinstance(result, Job) else held(kind, result, self)

        return call

    return decorate


def waiting(kind: type[W]) -> Callable[[BlockingClient, Shown], W]:
    """The blocking twin of a result, for `blocking_handle`."""
    return lambda client, result: held(kind, result, client)
