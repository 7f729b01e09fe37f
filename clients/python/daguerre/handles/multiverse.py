"""A multiverse as a result that writes its report."""

from dataclasses import dataclass

from daguerre.handles.pages import AsyncReported, Reported
from daguerre.results.multiverse import MultiverseEstimates


@dataclass(frozen=True, eq=False, repr=False)
class AsyncMultiverse(AsyncReported, MultiverseEstimates):
    __doc__ = MultiverseEstimates.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class Multiverse(Reported, MultiverseEstimates):
    __doc__ = MultiverseEstimates.__doc__
