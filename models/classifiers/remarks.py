"""What a careful reader would ask of a trained probe, said before the reader has to."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.classifiers.head import Head
from models.classifiers.metrics import Figure
from models.classifiers.notes import Note
from models.classifiers.probe import Fit, Nested, Options
from models.classifiers.problem import Problem
from models.classifiers.report import Measured

DUPLICATE = 0.98  # cosine from which two items are taken for one picture
SUSPICIOUS = 0.995  # out-of-fold accuracy that smells of leakage
SURPRISING = 0.05  # as far above the majority's at least: in a corpus with one meme in 1,000 it is no surprise
ENOUGH = 50  # items
ROWS = 2048  # of a block of cosines


def remarks(problem: Problem, options: Options, out: Nested, found: Fit, head: Head) -> Iterator[Note]:
    """On how it was learnt."""
    strengths = options.strengths
    if len(strengths) > 1 and found.strength in (min(strengths), max(strengths)):
        other = "more" if found.strength == max(strengths) else "less"
        yield Note(
            "strength_at_the_edge",
            f"the chosen C, {found.strength:g}, is at the edge of those that were tried; {other} might be better",
        )
    if not all(each.converged for each in (found, *out.fits)):
        yield Note("not_converged", "the optimum was not reached: coefficients may differ in their last digits")
    if options.balanced and head.labels:
        yield Note(
            "balanced",
            "classes were given equal weight: probabilities are those of a population where all are equally frequent",
        )
    if np.isinf(head.spread):
        yield Note("no_interval", f"{len(problem)} items are too few for a 95 % prediction interval, which takes 19")
    if pairs := twins(problem.x, out.fold):
        yield Note(
            "near_duplicates",
            f"{pairs} items have a near-duplicate (cosine from {DUPLICATE}) in another fold, so the figures are too "
            "good; give them one group",
        )


def verdict(problem: Problem, measured: Measured) -> Iterator[Note]:
    """On what the cross-validation found: too good, or no good."""
    if problem.task == "continuous":
        r2 = measured.figures["r2"]
        if not r2.low > 0:
            yield Note(
                "no_better_than_the_mean",
                f"R² is {_said(r2)}: it may be no better than to say the mean of everything",
            )
        return
    share, usual = measured.figures["accuracy"], measured.baseline["accuracy"].value
    if share.value >= SUSPICIOUS and share.value >= usual + SURPRISING and len(problem) >= ENOUGH:
        yield Note(
            "too_good",
            f"{100 * share.value:.1f} % are right out of fold: does something in the pictures give the code away, or "
            "is the same picture in there several times?",
        )
    if share.value == 1:
        yield Note(
            "no_errors",
            "where nothing is wrong, the bootstrap's interval has no width; yet that many items leave room for "
            f"{100 * min(1, 3 / len(problem)):.1f} % of errors (rule of three: Hanley & Lippman-Hand 1983)",
        )
    area = measured.figures["roc_auc"]
    if not area.low > 0.5:
        yield Note(
            "no_better_than_chance",
            f"ROC-AUC is {_said(area)}: it may tell nothing apart",
        )


def _said(figure: Figure) -> str:
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"


def seen_before(problem: Problem, held_out: Problem) -> Iterator[Note]:
    """On held-out items that were learnt from."""
    fold = np.repeat([0, 1], [len(problem), len(held_out)])
    same = twins(np.concatenate([problem.x, held_out.x]), fold, only=1)
    if same:
        yield Note(
            "held_out_seen",
            f"{same} of {len(held_out)} held-out items have a near-duplicate (cosine from {DUPLICATE}) among "
            "those that were learnt from; their figures are too good",
        )


def twins(x: NDArray[np.float32], fold: NDArray[np.intp], *, only: int | None = None) -> int:
    """How many items (of fold `only`) have a near-duplicate in another fold; never all cosines at once."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    unit = x / np.where(length == 0, 1, length)
    found = 0
    for start in range(0, len(x), ROWS):
        rows = slice(start, start + ROWS)
        alike = (unit[rows] @ unit.T >= DUPLICATE) & (fold[rows, None] != fold[None, :])
        found += int((alike.any(axis=1) & ((only is None) | (fold[rows] == only))).sum())
    return found
