"""Errors that a caller may see, and their HTTP status.

    ServiceError                base class
    ├── BadRequest        400   malformed: no JSON, no such content type
    ├── Unauthorized      401   no API key, or an unknown one
    ├── Forbidden         403   another key's; switched off; without keys, from another machine, web page or host name
    ├── NotFound          404   unknown path, model, …
    ├── MethodNotAllowed  405
    ├── BodyTooSlow       408   a body that does not arrive
    │   └── HeadersTooSlow  408   headers that do not
    ├── Conflict          409   not possible in this state: the result of a job that has none
    ├── TooLarge          413   the body, or too many items
    ├── UnsupportedMedia  415   a content type that no endpoint accepts
    ├── Unprocessable     422   well-formed, but not valid
    │   └── ItemsFailed         one or more items are unusable; lists them
    ├── Overloaded        429   with Retry-After
    ├── HeadersTooLarge   431
    ├── Unavailable       503   starting, stopping, or a runner does not respond
    ├── TimedOut          504
    ├── DiskFull          507   the server's disk is full, or cannot be written
    └── CallerGone        499  the caller has disconnected; for log and metrics only

`models` raises errors of its own, which `translate` converts, as it does those of full disks and of open files.
"""

import errno
import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from models import errors as of_models
from models.errors import bounded
from models.images.crops import Crop


@dataclass(frozen=True)
class ItemFailure:
    """One unusable item."""

    index: int
    id: str | None
    code: str
    message: str
    status: int = 422


class ServiceError(Exception):
    """The base class: a status, a code for programs and a message for people."""

    status = 500
    code = "internal"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        items: Sequence[ItemFailure] = (),
        retry_after: int | None = None,
        allow: str | None = None,
    ) -> None:
        self.message = bounded(message)
        super().__init__(self.message)
        self.code = code or type(self).code
        self.param = None if param is None else bounded(param)
        self.items = items
        self.retry_after = retry_after  # seconds
        self.allow = allow  # methods

    def body(self, request_id: str) -> dict[str, Any]:
        """The body of the answer."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "param": self.param,
                "request_id": request_id,
                "items": [{k: v for k, v in asdict(item).items() if k != "status"} for item in self.items],
            }
        }


class BadRequest(ServiceError):
    status, code = 400, "malformed_request"


class Unauthorized(ServiceError):
    status, code = 401, "unauthorized"


class Forbidden(ServiceError):
    status, code = 403, "forbidden"


class NotFound(ServiceError):
    status, code = 404, "not_found"


class MethodNotAllowed(ServiceError):
    status, code = 405, "method_not_allowed"


class BodyTooSlow(ServiceError):
    status, code = 408, "body_too_slow"


class HeadersTooSlow(BodyTooSlow):
    code = "headers_too_slow"


class HeadersTooLarge(ServiceError):
    status, code = 431, "headers_too_large"


class Conflict(ServiceError):
    status, code = 409, "conflict"


class TooLarge(ServiceError):
    status, code = 413, "too_large"


class UnsupportedMedia(ServiceError):
    status, code = 415, "unsupported_media_type"


class Unprocessable(ServiceError):
    status, code = 422, "invalid_request"


class ItemsFailed(Unprocessable):
    """One or more items are unusable. A request of one item takes that item's own status and code.

    `what`: the field of the items; `way_out`: what a caller can do.
    """

    def __init__(
        self,
        failures: Sequence[ItemFailure],
        *,
        of: int,
        what: str = "input",
        way_out: str = 'send the others alone, or on_error="skip"',
    ) -> None:
        first = failures[0]
        if of == 1:
            super().__init__(first.message, code=first.code, param=f"{what}[0]", items=failures)
            self.status = first.status
        else:
            super().__init__(
                f"{len(failures)} of {of} items cannot be used, the first is {what}[{first.index}]: {first.message} "
                f"({way_out})",
                code="invalid_items",
                param=what,
                items=failures,
            )


class Overloaded(ServiceError):
    status, code = 429, "overloaded"


class Unavailable(ServiceError):
    status, code = 503, "unavailable"


class TimedOut(ServiceError):
    status, code = 504, "timeout"

    @classmethod
    def after(cls, seconds: float) -> "TimedOut":
        return cls(f"not done after {seconds:g} seconds; send fewer items at once")


class DiskFull(ServiceError):
    status, code = 507, "disk_full"

    @classmethod
    def of(cls, exc: Exception) -> "DiskFull":
        reason = getattr(exc, "strerror", None) or str(exc)[:200]
        return cls(
            f"the server's disk is full or cannot be written ({reason}); delete files or classifiers that are no "
            "longer needed, or ask the server's operator to make room in DAGUERRE_HOME, and send the request again"
        )


class CallerGone(ServiceError):
    status, code = 499, "caller_gone"


_ITEM_STATUS: Mapping[type[of_models.ModelsError], int] = {
    of_models.UnsupportedImage: 415,
    of_models.ImageTooLarge: 413,
    of_models.UnsupportedVideo: 415,
    of_models.VideoTooLarge: 413,
}


def item_failure(index: int, id: str | None, exc: of_models.ItemError, crop: Crop | None = None) -> ItemFailure:
    """An error of `models` about one item, as an ItemFailure, whose message names the crop where the item is one."""
    message = str(exc)
    if crop is not None and exc.code != "invalid_crop":  # whose message has its numbers
        message = f"{message} (its crop: x {crop.x:g}, y {crop.y:g}, {crop.width:g} x {crop.height:g} pixels)"
    return ItemFailure(index, id, exc.code, message, _ITEM_STATUS.get(type(exc), 422))


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
_FULL_DATABASE = frozenset(  # the lowest bytes of SQLite's error codes
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
)
_FULL_TEXT = re.compile(  # of libraries whose errors have no number: numpy, safetensors
    r"^\d+ requested and \d+ written|No space left on device|Disk quota exceeded|File too large"
)


def _no_file_is_left(exc: Exception) -> bool:
    """Whether an error means that this process, or the system, has as many files and connections open as it may.

    SQLite reports that as it does a full disk.
    """
    if isinstance(exc, sqlite3.Error) and getattr(exc, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN:
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as also:
            exc = also
    return isinstance(exc, OSError) and exc.errno in (errno.EMFILE, errno.ENFILE)


def is_disk_full(exc: Exception) -> bool:
    """Whether an error means that the disk is full, or cannot be written."""
    if isinstance(exc, sqlite3.Error):
        return getattr(exc, "sqlite_errorcode", 0) & 0xFF in _FULL_DATABASE
    if isinstance(exc, OSError) and exc.errno is not None:
        return exc.errno in _FULL
    ours = isinstance(exc, ServiceError | of_models.ModelsError)  # whose messages may quote a caller's text
    return isinstance(exc, DiskFull) or (not ours and _FULL_TEXT.search(str(exc)) is not None)


def translate(exc: Exception) -> ServiceError:
    """An error of `models`, of a full disk or of too many open files as a ServiceError. Raises any other again."""
    if isinstance(exc, ServiceError):
        return exc
    if _no_file_is_left(exc):
        return Unavailable(
            "the server has as many files and connections open as it may; send the request again later, or ask the "
            "server's operator to raise its limit (ulimit -n)",
            retry_after=2,
        )
    if is_disk_full(exc):
        return DiskFull.of(exc)
    if not isinstance(exc, of_models.ModelsError):
        raise exc
    if isinstance(exc, of_models.UnknownModel):
        return NotFound(str(exc), code=exc.code, param="model")
    if isinstance(exc, of_models.UnknownClassifier):
        return NotFound(str(exc), code=exc.code, param="classifier")
    if isinstance(exc, of_models.ModelUnavailable):
        return Unavailable(str(exc), code=exc.code, param="model")
    error = Unprocessable(str(exc), code=exc.code)
    error.status = _ITEM_STATUS.get(type(exc), error.status)
    return error
