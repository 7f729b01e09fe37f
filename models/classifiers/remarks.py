"""Notes on a trained probe: limits of its training data and of its figures."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Head
from models.classifiers.probe import CrossValidation, Fit, Options
from models.classifiers.problem import Problem
from models.classifiers.records import Note
from models.classifiers.report import Measured
from models.classifiers.zero_shot import SMALLEST
from models.intervals import Figure

DUPLICATE = 0.98  # cosine from which two items count as near-duplicates
SUSPICIOUS = 0.995  # out-of-fold accuracy that suggests leakage
SURPRISING = 0.05  # smallest lead over the baseline for that: where a class is rare, high accuracy is normal
ENOUGH = 50  # items needed for that
ROWS = 2048  # rows of a block of cosines


def training_notes(problem: Problem, options: Options, out: CrossValidation, final: Fit, head: Head) -> Iterator[Note]:
    """Notes on the training: regularisation, convergence, class weights, near-duplicates across folds."""
    strengths = () if problem.prompts is not None else options.strengths
    if problem.prompts is not None and final.strength <= SMALLEST:
        yield Note(
            "unrelated_scores",
            "higher zero-shot scores do not go with the codes, so that the temperature is at its largest and all items "
            "have nearly the same probabilities; write other prompts, or train a classifier without zero-shot",
        )
    if len(strengths) > 1 and final.strength in (min(strengths), max(strengths)):
        other = "larger ones" if final.strength == max(strengths) else "smaller ones"
        yield Note(
            "strength_at_the_edge",
            f"the chosen C, {final.strength:g}, is at the edge of the candidates; try {other} (`strengths` in Python "
            "and in the API)",
        )
    if not all(model.converged for model in (final, *out.fits)):
        yield Note("not_converged", "the optimiser did not converge: coefficients may differ in their last digits")
    if options.balanced and head.labels:
        yield Note(
            "balanced",
            "classes have equal weight: probabilities are those of a population where all are equally frequent",
        )
    if head.features:
        names = ", ".join(feature.name for feature in head.features[:5]) + ", …" * (len(head.features) > 5)
        yield Note(
            "features",
            f"features beside the vectors, scaled within each fold: {names}; predictions need them of each item",
        )
    if np.isinf(head.spread):
        yield Note("no_interval", f"{len(problem)} items are too few for a 95 % prediction interval, which needs 19")
    first = slice(None) if problem.items is None else np.unique(problem.items, return_index=True)[1]
    if pairs := count_near_duplicates(problem.vectors[first], out.fold[first]):
        yield Note(
            "near_duplicates",
            f"{pairs} items have a near-duplicate (cosine of {DUPLICATE} or more) in another fold, so the figures are "
            "too good; put near-duplicates in one group",
        )


def result_notes(problem: Problem, measured: Measured) -> Iterator[Note]:
    """Notes on figures that are suspiciously good, or no better than the baseline."""
    if problem.task == "continuous":
        r2 = measured.figures["r2"]
        if not r2.low > 0:
            yield Note(
                "no_better_than_the_mean",
                f"R² is {_with_interval(r2)}: predictions may be no better than always predicting the mean",
            )
        return
    share, usual = measured.figures["accuracy"], measured.baseline["accuracy"].value
    if share.value >= SUSPICIOUS and share.value >= usual + SURPRISING and len(problem) >= ENOUGH:
        yield Note(
            "too_good",
            f"{100 * share.value:.1f} % of out-of-fold predictions are correct: check for duplicates, and for features "
            "of the items that reveal their codes",
        )
    if share.value == 1:
        yield Note(
            "no_errors",
            f"all predictions are correct: up to {100 * (1 - share.low):.1f} % of errors are compatible with this "
            "number of items; the bootstrap intervals of F1 macro, ROC-AUC and PR-AUC have no width, and that of a "
            "corrected share allows for errors that were not seen",
        )
    area = measured.figures["roc_auc"]
    if not area.low > 0.5:
        yield Note(
            "no_better_than_chance",
            f"ROC-AUC is {_with_interval(area)}: predictions may be no better than chance",
        )


def _with_interval(figure: Figure) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"


def overlap_notes(problem: Problem, held_out: Problem) -> Iterator[Note]:
    """A note on held-out items with a near-duplicate among the training items."""
    fold = np.repeat([0, 1], [len(problem), len(held_out)])
    same = count_near_duplicates(np.concatenate([problem.vectors, held_out.vectors]), fold, only=1)
    if same:
        yield Note(
            "held_out_seen",
            f"{same} of {len(held_out)} held-out items have a near-duplicate (cosine of {DUPLICATE} or more) among the "
            "training items, so their figures are too good",
        )


def count_near_duplicates(x: NDArray[np.float32], fold: NDArray[np.intp], *, only: int | None = None) -> int:
    """The number of items (of fold `only`) with a near-duplicate in another fold; cosines are computed in blocks."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    unit = x / np.where(length == 0, 1, length)
    total = 0
    for start in range(0, len(x), ROWS):
        rows = slice(start, start + ROWS)
        alike = (unit[rows] @ unit.T >= DUPLICATE) & (fold[rows, None] != fold[None, :])
        total += int((alike.any(axis=1) & ((only is None) | (fold[rows] == only))).sum())
    return total
