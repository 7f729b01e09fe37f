"""The parts of a run joined: ids, errors, and rows in their places."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, Literal

import numpy as np

from daguerre.dispatch.stream import Part
from daguerre.errors import FingerprintMismatchError, ItemError, ItemFailedError, RemarkWarning
from daguerre.results.base import Errors
from daguerre.types.common import MARKS, A, Float, Receipt, total_by_server

OnError = Literal["collect", "raise"]
_VIDEOS = "items are videos, each with one result, the mean of its frames"
_FIRST = (
    "images hold several pictures (an animation, pages), of which only the first was read; a GIF can be read as a video"
)
_WAYS: Mapping[str, tuple[str, str, str]] = {  # for Python, and for the command line
    "unknown": (
        "texts have no token that the model knows, so it cannot tell them apart",
        "see .unknown",
        "",
    ),
    "truncated": ("texts were cut at the largest length that the model takes", "see .truncated", ""),
    "videos": (_VIDEOS, "client.video gives each frame", "daguerre embed --video gives each frame"),
    "first_of_many": (_FIRST, "see .first_of_many", ""),
}


class Collected(Generic[A]):
    """The parts of a run, put together."""

    def __init__(self) -> None:
        self.ids: list[str] = []  # known at the end, as are the files
        self.files: list[str] = []
        self._count = 0
        self.marks: dict[str, Any] = {name: [] for name in MARKS}
        self.answers: list[tuple[list[int], A]] = []
        self._errors: list[ItemError] = []

    @property
    def errors(self) -> Errors:
        return Errors(self._errors)

    @property
    def servers(self) -> dict[str, int]:
        """Items that each of several servers did; empty with one server."""
        return total_by_server([answer for _, answer in self.answers])

    @property
    def cached(self) -> int:
        """Images whose vectors were in the server's cache."""
        return sum(answer.cached for _, answer in self.answers)

    def add(self, part: Part[A], on_error: OnError, fingerprint: str | None) -> None:
        self._count += len(part.sources)
        for i, failure in sorted(part.failures.items()):
            failed = ItemError(part.start + i, part.sources[i].id, failure.code, failure.message)
            if on_error == "raise":
                raise ItemFailedError(failed, request_id=part.answer.request_id if part.answer else None)
            self._errors.append(failed)
        if part.answer is None:
            return
        expect(fingerprint, part.answer.receipt)
        for name, places in self.marks.items():
            places += [part.start + part.rows[i] for i in getattr(part.answer, name)]
        self.answers.append(([part.start + row for row in part.rows], part.answer))

    def name(self, ids: list[str], files: list[str]) -> None:
        """Set the ids and the files of all items, (n,)."""
        assert len(ids) == len(files) == self._count
        self.ids, self.files = ids, files
        self._errors = [replace(each, id=ids[each.index]) for each in self._errors]

    def failed(self, errors: Sequence[ItemError], on_error: OnError) -> None:
        """Add items without a result. Raises ItemFailedError where they are not to be collected."""
        if errors and on_error == "raise":
            raise ItemFailedError(errors[0])
        self._errors += errors

    def remarks(self) -> list[RemarkWarning]:
        """Remarks on items of which not all was read, or of which the model knows nothing."""
        return mark_warnings({name: len(places) for name, places in self.marks.items()}, len(self.ids))

    def spread(self, pick: Callable[[A], Float], width: int) -> Float:
        """Rows of all answers in their places, (n, width); NaN where there is none."""
        every = np.full((len(self.ids), width), np.nan, np.float32)
        for places, answer in self.answers:
            if (rows := pick(answer)).shape[1]:  # otherwise all of them have failed
                every[places] = rows
        return every


def mark_warnings(counts: Mapping[str, int], n: int, *, listed: bool = True) -> list[RemarkWarning]:
    """A warning for each kind of remark on some of n items, by its name in MARKS.

    `listed` : whether the result has an attribute of that name, with the places of the items.
    """
    return [
        RemarkWarning(f"{counts[name]:,} of {n:,} {what}", python=python if listed else "", command=command)
        for name, (what, python, command) in _WAYS.items()
        if counts.get(name)
    ]


def expect(fingerprint: str | None, receipt: Receipt) -> None:
    """Raise FingerprintMismatchError where another fingerprint than the receipt's was expected."""
    if fingerprint not in (None, receipt.fingerprint):
        raise FingerprintMismatchError(
            f"fingerprint: {fingerprint} was expected, the server's {receipt.model} has {receipt.fingerprint} "
            f"(decode {receipt.decode}); ask for the model and the decode setting that made the others",
            code="fingerprint_mismatch",
        )
