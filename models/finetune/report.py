"""The report of a fine-tuned network, in the words of every other classifier's. No torch."""

import numpy as np
from numpy.typing import NDArray

from models.classifiers import measure
from models.classifiers.head import Float
from models.classifiers.network import Reading
from models.classifiers.notes import Note
from models.classifiers.report import Measured, Predictions, Report, jsonable
from models.finetune import outcome


def report_of(run: outcome.Outcome, *, resamples: int = 1000, seed: int = 0) -> Report:
    """What is known of the network that `run` left: figures of its test images, and its learning curve."""
    counts = {name: sum(split.get(name, 0) for split in run.counts.values()) for name in run.counts["train"]}
    notes = list(run.notes)
    if not len(run.test):
        notes.append(
            Note(
                "no_test_images",
                "there are no test images: the figures are of those that the epoch to stop at was chosen by, and "
                "better than the network deserves",
            )
        )
    validation = _measured(run, run.validation, resamples, seed)
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
        held_out=_measured(run, run.test, resamples, seed),
        held_out_predictions=_predictions(run, run.test),
        libraries=dict(run.versions),
        seconds=run.seconds,
        kind="network",
        validation=validation,
        validation_predictions=_predictions(run, run.validation),
        curve=run.curve,
        best=run.best,
        start=dict(run.start),
        device=f"{run.device}, {run.precision}",
    )


def _measured(run: outcome.Outcome, made: outcome.Predictions, resamples: int, seed: int) -> Measured | None:
    if not len(made):
        return None
    weights = made.weights / made.weights.mean()
    groups = _groups(made.groups)
    if run.reading.task == "continuous":
        return measure.of_values(
            made.targets, run.values(made), weights=weights, groups=groups, resamples=resamples, seed=seed
        )
    probabilities = run.probabilities(made)
    return measure.of_labels(
        made.targets.astype(np.intp),
        probabilities,
        _chosen(run.reading, probabilities),
        run.reading.labels,
        weights=weights,
        groups=groups,
        resamples=resamples,
        seed=seed,
    )


def _predictions(run: outcome.Outcome, made: outcome.Predictions) -> Predictions | None:
    if not len(made):
        return None
    weight = tuple((made.weights / made.weights.mean()).tolist())
    if run.reading.task == "continuous":
        values = tuple(run.values(made).tolist())
        return Predictions(ids=made.names, target=tuple(made.targets.tolist()), weight=weight, value=values)
    labels, probabilities = run.reading.labels, run.probabilities(made)
    return Predictions(
        ids=made.names,
        target=tuple(labels[int(i)] for i in made.targets),
        weight=weight,
        label=tuple(labels[i] for i in _chosen(run.reading, probabilities)),
        probabilities=measure.rows(probabilities.round(6)),
    )


def _chosen(reading: Reading, probabilities: Float) -> NDArray[np.intp]:
    if reading.task == "binary":
        return (probabilities[:, 1] >= reading.threshold).astype(np.intp)
    return np.asarray(probabilities.argmax(axis=1), np.intp)


def _groups(names: tuple[str | None, ...]) -> NDArray[np.intp] | None:
    """Indices; an image without a group is one of its own."""
    if not any(name is not None for name in names):
        return None
    own = [f"g{name}" if name is not None else f"i{i}" for i, name in enumerate(names)]
    return np.asarray(np.unique(own, return_inverse=True)[1], np.intp)
