"""Results of comparisons of faces that write their pages."""

from dataclasses import dataclass

from daguerre.handles.pages import AsyncReported, Reported
from daguerre.results.face_comparison import FaceMatches, FaceVerification, Persons


@dataclass(frozen=True, eq=False, repr=False)
class AsyncPersons(AsyncReported, Persons):
    __doc__ = Persons.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingPersons(Reported, Persons):
    __doc__ = Persons.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class AsyncFaceMatches(AsyncReported, FaceMatches):
    __doc__ = FaceMatches.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingFaceMatches(Reported, FaceMatches):
    __doc__ = FaceMatches.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class AsyncFaceVerification(AsyncReported, FaceVerification):
    __doc__ = FaceVerification.__doc__


@dataclass(frozen=True, eq=False, repr=False)
class BlockingFaceVerification(Reported, FaceVerification):
    __doc__ = FaceVerification.__doc__
