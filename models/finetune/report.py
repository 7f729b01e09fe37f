"""The report of a fine-tuned network, in the form of all classifiers' reports. Needs no torch."""

import numpy as np
from numpy.typing import NDArray

from models.classifiers.measure import evaluate
from models.classifiers.records import Note
from models.classifiers.report import Measured, Predictions, Report, jsonable
from models.finetune import outcome


def report_of(run: outcome.Outcome, *, resamples: int = 1000, seed: int = 0) -> Report:
    """Build the report of a run: figures of its validation and test images, and its learning curve."""
    counts = {name: sum(split.get(name, 0) for split in run.counts.values()) for name in run.counts["train"]}
    notes = list(run.notes)
    if not len(run.test):
        notes.append(
            Note(
                "no_test_images",
                "there are no test images: the figures are those of the validation images, which chose the epoch to "
                "stop at, so they are too good",
            )
        )
    validation, validation_predictions = _evaluate(run, run.validation, resamples, seed)
    held_out, held_out_predictions = _evaluate(run, run.test, resamples, seed)
    return Report(
        task=run.reading.task,
        n=sum(run.counts["train"].values()),
        labels=run.reading.labels,
        counts=counts,
        groups=None,
        bounds=run.reading.bounds,
        dropped=run.dropped,
        notes=tuple(notes),
        options=jsonable(dict(run.options)),
        held_out=held_out,
        held_out_predictions=held_out_predictions,
        libraries=dict(run.versions),
        seconds=run.seconds,
        kind="network",
        validation=validation,
        validation_predictions=validation_predictions,
        curve=run.curve,
        best=run.best,
        start=dict(run.start),
        device=f"{run.device}, {run.precision}",
    )


def _evaluate(
    run: outcome.Outcome, images: outcome.Predictions, resamples: int, seed: int
) -> tuple[Measured | None, Predictions | None]:
    if not len(images):
        return None, None
    continuous = run.reading.task == "continuous"
    return evaluate(
        images.targets if continuous else images.targets.astype(np.intp),
        run.values(images) if continuous else run.probabilities(images),
        task=run.reading.task,
        labels=run.reading.labels,
        threshold=run.reading.threshold,
        ids=images.names,
        weights=images.weights / images.weights.mean(),
        groups=_groups(images.groups),
        resamples=resamples,
        seed=seed,
    )


def _groups(names: tuple[str | None, ...]) -> NDArray[np.intp] | None:
    """Group indices (n,); an image without a group is a group of its own."""
    if not any(name is not None for name in names):
        return None
    own = [f"g{name}" if name is not None else f"i{i}" for i, name in enumerate(names)]
    return np.asarray(np.unique(own, return_inverse=True)[1], np.intp)
