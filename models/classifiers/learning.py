"""The learning curve: figures by the number of coded items, and the spread by which a precision can be planned.

Each fold of the report's cross-validation is predicted by heads that were trained on a part of the other folds, at the
C of the final head. The last point is the report's own cross-validation. Refits of a few sizes at one C cost less
than a tenth of the report, which chooses C anew in every fold.
"""

import numpy as np
from numpy.typing import NDArray

from models.classifiers import metrics
from models.classifiers.estimate import item_means
from models.classifiers.head import Float, calibrated_probabilities, predicted_classes
from models.classifiers.precision import interval_width, spread_of
from models.classifiers.probe import Fit, Options, calibrate, fit_quickly, splits
from models.classifiers.problem import Problem
from models.classifiers.records import Learning, LearningPoint, Spread
from models.classifiers.report import Predictions
from models.intervals import Figure, share_figure

SHARES = (0.125, 0.25, 0.5, 0.75)  # of the coded items, before all of them
FEWEST = 20  # coded items of a point
RESAMPLES = 200  # of the interval of R²


def learning_curve(problem: Problem, final: Fit, options: Options, out_of_fold: Predictions) -> Learning:
    """The accuracy (or R²) and the width of the interval of corrected shares for some numbers of coded items.

    Parameters
    ----------
    final : the head of all items, whose C the refits have.
    out_of_fold : predictions of the report, with all coded items.
    """
    points, n = [], problem.n_items
    for share in SHARES:
        if share * n < FEWEST:
            continue
        outputs, size = _predict(problem, final.strength, options, share)
        points.append(_point(problem, outputs, size))
    own = out_of_fold.value if problem.task == "continuous" else out_of_fold.probabilities
    outputs = np.asarray(own, np.float64)
    last = _point(problem, outputs, n)
    kept = [point for point in points if point.n < n]  # whole groups may be as many
    return Learning(
        score="r2" if problem.task == "continuous" else "accuracy",
        points=(*kept, last),
        spreads=_spreads(problem, outputs),
        n=n,
        seed=options.seed,
    )


def _predict(problem: Problem, strength: float, options: Options, share: float) -> tuple[Float, int]:
    """Out-of-fold outputs of heads trained on a share of each fold's training items, and the number of coded items."""
    every = np.arange(len(problem))
    decision = np.empty((len(problem), 1 if len(problem.labels) <= 2 else len(problem.labels)))
    trained = 0
    for number, (train, test) in enumerate(splits(problem, every, options.folds, options.seed)):
        rows = first_part(problem, train, share, np.random.default_rng([options.seed, number]))
        model = fit_quickly(problem, rows, options, strength)
        decision[test] = problem.x[test] @ model.coef.T + model.intercept
        trained += len(rows)
    size = round(trained / (options.folds - 1) * problem.n_items / len(problem))  # all but one fold train each head
    if problem.task == "continuous":
        value = decision[:, 0]
        return value if problem.bounds is None else np.clip(value, *problem.bounds), size
    return calibrated_probabilities(decision, *calibrate(problem, decision, options)), size


def first_part(problem: Problem, rows: NDArray[np.intp], share: float, rng: np.random.Generator) -> NDArray[np.intp]:
    """A random share of `rows`: the same share of each class, or whole groups."""
    if problem.groups is not None:
        groups = problem.groups[rows]
        order = rng.permutation(np.unique(groups))
        sizes = np.cumsum([int((groups == group).sum()) for group in order])
        taken = order[: int(np.searchsorted(sizes, share * len(rows))) + 1]
        return rows[np.isin(groups, taken)]
    place = rng.permutation(len(rows)).astype(np.float64)
    if problem.task != "continuous":
        for c in np.unique(problem.y[rows]):
            members = np.flatnonzero(problem.y[rows] == c)
            rank = np.argsort(np.argsort(place[members]))
            place[members] = (rank + rng.random()) / len(members)
    return np.sort(rows[np.argsort(place, kind="stable")[: max(2, round(share * len(rows)))]])


def _point(problem: Problem, outputs: Float, n: int) -> LearningPoint:
    proportion = problem.task != "continuous"
    spreads = _spreads(problem, outputs)
    return LearningPoint(
        n=n,
        score=_score(problem, outputs),
        width={label: interval_width(spread, n, proportion=proportion) for label, spread in spreads.items()},
    )


def _score(problem: Problem, outputs: Float) -> Figure:
    weights, groups = problem.weights, problem.units
    if problem.task == "continuous":
        measure = metrics.value_metrics(problem.y, outputs)
        return metrics.bootstrap_figures(measure, weights, groups=groups, resamples=RESAMPLES)["r2"]
    return share_figure(predicted_classes(outputs, problem.task, 0.5) == problem.y, weights, groups)


def _spreads(problem: Problem, outputs: Float) -> dict[str, Spread]:
    """The spread of each quantity, of items: the codes of one item are not independent."""
    weights, groups = problem.weights, problem.groups
    if problem.task == "continuous":
        coded, predicted = problem.y.astype(np.float64)[:, None], outputs[:, None]
    else:
        coded, predicted = (problem.y[:, None] == np.arange(len(problem.labels))).astype(np.float64), outputs
    if problem.items is not None:
        coded, predicted = (item_means(rows, problem.items, weights) for rows in (coded, predicted))
        weights = np.bincount(problem.items, weights).astype(np.float64)
        groups = None if groups is None else groups[np.unique(problem.items, return_index=True)[1]]
    names = problem.labels or ("",)
    share = problem.task != "continuous"
    return {name: spread_of(coded[:, c], predicted[:, c], weights, groups, share=share) for c, name in enumerate(names)}
