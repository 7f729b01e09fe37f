"""The exceptions of the SDK, as one tree.

    DaguerreError                   catch this one to catch all
    ├── ConnectError                no answer: refused, reset, timed out on our side
    ├── IncompatibleServerError     not a Daguerre server, or one of a version that this SDK does not know
    ├── FingerprintMismatchError    vectors of two different models, or settings of one, would be mixed
    ├── ItemFailedError             on_error="raise": an item could not be used
    ├── JobFailedError              a job on the server did not succeed; has `job`
    └── APIError                    the server refused; has `status`
        ├── InvalidRequestError     400, 405, 415, 422
        ├── AuthenticationError     401
        ├── PermissionDeniedError   403
        ├── NotFoundError           404
        ├── TooLargeError           413
        ├── OverloadedError         429: was tried again until `retry_for` was over
        ├── ServerTimeoutError      504: the same
        ├── UnavailableError        502, 503: the same
        └── ServerError             any other 5xx

Each has `message`, `code` (for programs) and `request_id` (also in the server's log; None where no server answered).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daguerre.types.jobs import Job


@dataclass(frozen=True)
class ItemError:
    """Why one item has no result.

    Attributes
    ----------
    index : its place among the items that were given, from 0.
    id : its id: a file's path as it was given.
    code : for programs, for example "invalid_image"; "unreadable_file" where it never left this machine.
    message : for people: the value, the rule, the way out.
    """

    index: int
    id: str
    code: str
    message: str


class DaguerreWarning(UserWarning):
    """Something that the result says too, and that should not be overlooked."""


class RemarkWarning(DaguerreWarning):
    """A remark on what was given: files that were left out of a folder, texts that the model cannot tell apart.

    Attributes
    ----------
    for_command : the same for users of the command line, which has options and tables in place of attributes.
    """

    def __init__(self, text: str, *, python: str = "", command: str = "") -> None:
        super().__init__("; ".join(filter(None, (text, python))))
        self.for_command = "; ".join(filter(None, (text, command)))


class DaguerreError(Exception):
    """Base of all errors of this package."""

    def __init__(self, message: str, *, code: str, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id

    def __str__(self) -> str:
        return self.message + (f" (request {self.request_id})" if self.request_id else "")


class ConnectError(DaguerreError):
    """The server did not answer.

    Attributes
    ----------
    nobody : whether nobody listens at an address of this machine, where no server has answered before.
    """

    def __init__(self, message: str, *, code: str, request_id: str | None = None, nobody: bool = False) -> None:
        super().__init__(message, code=code, request_id=request_id)
        self.nobody = nobody


class IncompatibleServerError(DaguerreError):
    """Not a Daguerre server, or one of a version that this SDK does not know."""


class FingerprintMismatchError(DaguerreError):
    """Vectors that cannot be compared would be mixed."""


class ItemFailedError(DaguerreError):
    """An item could not be used, and on_error was "raise"."""

    def __init__(self, item: ItemError, *, request_id: str | None = None) -> None:
        super().__init__(f"{item.id}: {item.message}", code=item.code, request_id=request_id)
        self.item = item


class JobFailedError(DaguerreError):
    """A job on the server did not succeed.

    Attributes
    ----------
    job : as it ended.
    """

    def __init__(self, job: Job) -> None:
        error = job.error or {"code": job.state, "message": f"{job.id} was {job.state}"}
        super().__init__(error["message"], code=error["code"])
        self.job = job


class APIError(DaguerreError):
    """The server refused.

    Attributes
    ----------
    status : HTTP's status, over gRPC too.
    param : the field at fault, or None.
    items : unusable items, by their index in the request.
    retry_after : seconds that the server asks to wait before the request is sent again, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int,
        request_id: str | None = None,
        param: str | None = None,
        items: Sequence[ItemError] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, request_id=request_id)
        self.status = status
        self.param = param
        self.items = items
        self.retry_after = retry_after


class InvalidRequestError(APIError):
    """400, 405, 415, 422: the request makes no sense as it is."""


class AuthenticationError(APIError):
    """401: no API key, or a wrong one."""


class PermissionDeniedError(APIError):
    """403."""


class NotFoundError(APIError):
    """404: no such model, …"""


class TooLargeError(APIError):
    """413: the request, or its only item."""


class OverloadedError(APIError):
    """429: the server has too much to do."""


class UnavailableError(APIError):
    """502, 503: starting, stopping, or away."""


class ServerTimeoutError(APIError):
    """504: not done in the server's time."""


class ServerError(APIError):
    """Any other 5xx: a defect of the server; its log knows the request_id."""


_BY_STATUS: Mapping[int, type[APIError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    413: TooLargeError,
    429: OverloadedError,
    502: UnavailableError,
    503: UnavailableError,
    504: ServerTimeoutError,
}


def of_status(status: int) -> type[APIError]:
    """The class for an HTTP status."""
    return _BY_STATUS.get(status, ServerError if status >= 500 else InvalidRequestError)
