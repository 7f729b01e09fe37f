"""A validation as a result that writes its report."""

from dataclasses import dataclass

from daguerre.handles.pages import AsyncReported, Reported
from daguerre.results.validations import Validated


@dataclass(frozen=True, eq=False, repr=False)
class AsyncValidation(AsyncReported, Validated):
    __doc__ = Validated.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class Validation(Reported, Validated):
    __doc__ = Validated.__doc__
