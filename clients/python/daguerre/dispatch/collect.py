"""The parts of a run joined: ids, errors, and rows in their places."""

from collections.abc import Callable
from typing import Generic, Literal

import numpy as np

from daguerre.dispatch.stream import Part
from daguerre.errors import FingerprintMismatchError, ItemError, ItemFailedError
from daguerre.results.base import Errors
from daguerre.types.common import A, Float, Receipt

OnError = Literal["collect", "raise"]


class Collected(Generic[A]):
    """The parts of a run, put together."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.truncated: list[int] = []
        self.unknown: list[int] = []
        self.videos: list[int] = []
        self.answers: list[tuple[list[int], A]] = []
        self._errors: list[ItemError] = []

    @property
    def errors(self) -> Errors:
        return Errors(self._errors)

    def add(self, part: Part[A], on_error: OnError, fingerprint: str | None) -> None:
        self.ids += [source.id for source in part.sources]
        for i, failure in sorted(part.failures.items()):
            failed = ItemError(part.start + i, part.sources[i].id, failure.code, failure.message)
            if on_error == "raise":
                raise ItemFailedError(failed, request_id=part.answer.request_id if part.answer else None)
            self._errors.append(failed)
        if part.answer is None:
            return
        expect(fingerprint, part.answer.receipt)
        self.truncated += [part.start + part.rows[i] for i in part.answer.truncated]
        self.unknown += [part.start + part.rows[i] for i in part.answer.unknown]
        self.videos += [part.start + part.rows[i] for i in part.answer.videos]
        self.answers.append(([part.start + row for row in part.rows], part.answer))

    def remarks(self) -> list[str]:
        """Sentences about texts whose vectors are not those of the whole text, and about videos among images."""
        kinds = (
            (self.unknown, "texts have no token that the model knows, so it cannot tell them apart; see .unknown"),
            (self.truncated, "texts were cut at the largest length that the model takes; see .truncated"),
            (
                self.videos,
                "items are videos, each with one result, the mean of its frames; client.video, or --video on the "
                "command line, gives each frame",
            ),
        )
        return [f"{len(places):,} of {len(self.ids):,} {what}" for places, what in kinds if places]

    def spread(self, pick: Callable[[A], Float], width: int) -> Float:
        """Rows of all answers in their places, (n, width); NaN where there is none."""
        every = np.full((len(self.ids), width), np.nan, np.float32)
        for places, answer in self.answers:
            if (rows := pick(answer)).shape[1]:  # otherwise all of them have failed
                every[places] = rows
        return every


def expect(fingerprint: str | None, receipt: Receipt) -> None:
    """Raise FingerprintMismatchError where another fingerprint than the receipt's was expected."""
    if fingerprint not in (None, receipt.fingerprint):
        raise FingerprintMismatchError(
            f"fingerprint: {fingerprint} was expected, the server's {receipt.model} has {receipt.fingerprint} "
            f"(decode {receipt.decode}); ask for the model and the decode setting that made the others",
            code="fingerprint_mismatch",
        )
