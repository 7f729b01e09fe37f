"""Prediction sets of a stated coverage, and prediction intervals, for the predictions of a request."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.classifiers.conformal import Conformal, check_coverage, fold_outputs, intervals, label_sets
from models.classifiers.head import Float, Head
from models.classifiers.store import Stored
from models.stopping import Check
from service.errors import Unprocessable
from service.inference.engine import Engine
from service.pipelines.items import Item
from service.pipelines.predictions import PredictionRows
from service.schemas.classifiers import PredictRequest
from service.stores.classifiers import Classifiers


@dataclass(frozen=True, kw_only=True)
class Sets:
    """The sets that a request asks for, of one classifier.

    Attributes
    ----------
    bounds : of a continuous task.
    remarks : classes that are in every set.
    """

    conformal: Conformal
    coverage: float
    each_class: bool
    bounds: tuple[float, float] | None
    remarks: tuple[str, ...] = ()

    def with_sets(self, rows: PredictionRows, head: Head, x: NDArray[np.float32], check: Check) -> PredictionRows:
        """The predictions for inputs `x` (n, d) of a head with their sets, or with intervals in place of theirs."""
        return self.of_outputs(rows, fold_outputs(head, x), check)

    def of_outputs(self, rows: PredictionRows, outputs: Sequence[Float], check: Check) -> PredictionRows:
        """The same from the probabilities (n, labels) or values (n,) of each fold."""
        labels = self.conformal.labels
        if labels:
            member = label_sets(self.conformal, outputs, self.coverage, each_class=self.each_class)
            return replace(rows, sets=[[labels[c] for c in np.flatnonzero(row)] for row in member])
        low, high = intervals(self.conformal, outputs, self.coverage, check=check)
        if self.bounds is not None:
            low, high = np.clip(low, *self.bounds), np.clip(high, *self.bounds)
        return replace(rows, low=low, high=high)


async def requested(
    engine: Engine, classifiers: Classifiers, stored: Stored, options: PredictRequest, items: Sequence[Item] | None
) -> Sets | None:
    """The sets that a request asks for; None for none.

    Raises
    ------
    Unprocessable : `each_class` without `coverage`; videos.
    TrainingError : too few coded items, a network without test images.
    """
    coverage = options.coverage
    if coverage is None:
        if options.each_class:
            raise Unprocessable("each_class: is for the sets of `coverage`; send both, or neither", param="each_class")
        return None
    if any(item.video is not None for item in items or ()):
        raise Unprocessable(
            "coverage: is for images and texts, since the frames of a video are not independent; leave it out where "
            "there are videos",
            param="coverage",
        )

    def work(check: Check) -> Sets:
        conformal = classifiers.conformal(stored)
        remarks = check_coverage(conformal, coverage, each_class=options.each_class)
        return Sets(
            conformal=conformal,
            coverage=coverage,
            each_class=options.each_class,
            bounds=stored.manifest["bounds"] and tuple(stored.manifest["bounds"]),
            remarks=tuple(remarks),
        )

    return await engine.compute(work)
