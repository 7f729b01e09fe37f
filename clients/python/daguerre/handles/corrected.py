"""Estimates from any predictions as a result that writes its report."""

from dataclasses import dataclass

from daguerre.handles.pages import AsyncReported, Reported
from daguerre.results.corrected import CorrectedEstimates


@dataclass(frozen=True, eq=False, repr=False)
class AsyncCorrected(AsyncReported, CorrectedEstimates):
    __doc__ = CorrectedEstimates.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class Corrected(Reported, CorrectedEstimates):
    __doc__ = CorrectedEstimates.__doc__
