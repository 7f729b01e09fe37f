"""Simulated studies of prediction sets: a coded sample, a classifier, and the sets of new items of the population."""

from dataclasses import dataclass, replace

import numpy as np

from models.classifiers.conformal import intervals, label_sets, scores_of
from models.classifiers.head import Block, calibrated_probabilities
from models.classifiers.probe import Options, cross_validate
from models.classifiers.problem import make_problem
from models.classifiers.records import Prompts
from models.classifiers.report import Predictions

D, NEW = 8, 100  # dimensions, and new items of a study
SHARES = np.array([0.6, 0.3, 0.1])
LABELS = ("a", "b", "c")
LEVELS = (0.8, 0.9, 0.95)
MEANS = np.random.default_rng(7).normal(size=(3, D))
PROBE = Options(strengths=(3.0,), folds=5, inner_folds=2, calibrate=False)
BLOCK = [Block(modality="image", model="m", fingerprint="f", dimension=D)]


@dataclass(frozen=True)
class Study:
    """Shares of new items (at each level) whose set has their code, mean sizes, and the shares of each class."""

    covered: np.ndarray
    size: np.ndarray
    classes: np.ndarray


def draw(rng, n, group=None):
    """Vectors and classes of n items; those of one group share an offset."""
    y = rng.choice(3, n, p=SHARES)
    shift = 0 if group is None else rng.normal(size=(group.max() + 1, D))[group] * 0.9
    return MEANS[y] + shift + rng.normal(size=(n, D)) * 1.1, y


def prompts(rng):
    """Prompts near the means of the classes, with a logit scale that is far too large."""
    directions = MEANS + rng.normal(size=MEANS.shape) * 0.5
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Prompts(
        labels=LABELS, texts=LABELS, templates=("{}",), directions=25 * directions, logit_scale=25.0, model="m"
    )


def study(kind, n, rng, *, design="simple", each_class=False, options=PROBE):
    """One study of a classifier of `kind`: probe, zero-shot or numbers."""
    group = np.arange(n) // 5 if design == "groups" else None
    new_group = np.arange(NEW) if design == "groups" else None
    probability = None
    x, y = draw(rng, n, group)
    if design == "weights":  # items of class c are drawn four times as often, and so are those on one side
        x, y = draw(rng, 4 * n)
        odds = np.where(y == 2, 4.0, 1.0) * np.where(x[:, 0] > 0, 2.0, 1.0)
        chosen = rng.choice(len(y), n, replace=False, p=odds / odds.sum())
        x, y, probability = x[chosen], y[chosen], odds[chosen] / 8
    new, truth = draw(rng, NEW, new_group)
    if kind == "numbers":
        slope = rng.normal(size=D)
        codes = (x @ slope + rng.standard_t(4, size=n)).tolist()
        truth = new @ slope + rng.standard_t(4, size=NEW)
        lengths = np.linalg.norm(x, axis=1)  # vectors have unit length: what they lose is noise
        assert len(lengths) == n
    else:
        codes = [LABELS[c] for c in y]
        if min(np.bincount(y, minlength=3)) < 5:
            return study(kind, n, rng, design=design, each_class=each_class, options=options)
    problem = make_problem(
        [x],
        codes,
        task="continuous" if kind == "numbers" else "categorical",
        blocks=BLOCK,
        groups=None if group is None else group.tolist(),
        inclusion_prob=None if probability is None else probability.tolist(),
    )
    if kind == "zero-shot":
        problem = replace(problem, prompts=prompts(rng))
    out = cross_validate(problem, options)
    unit = (new / np.linalg.norm(new, axis=1, keepdims=True)).astype(np.float32)
    own = Predictions(
        ids=problem.ids,
        target=tuple(problem.y.tolist()) if kind == "numbers" else tuple(LABELS[c] for c in problem.y),
        weight=tuple(problem.weights),
        value=tuple(out.decision[:, 0]) if kind == "numbers" else None,
        probabilities=None if kind == "numbers" else tuple(map(tuple, calibrated_probabilities(out.decision, 1, 0))),
        fold=tuple(out.fold),
        group=None if group is None else tuple(problem.groups),
    )
    conformal = scores_of(own, problem.labels)
    decisions = [each.calibrated(unit) for each in out.fits]
    covered, size, classes = [], [], []
    for level in LEVELS:
        if kind == "numbers":
            low, high = intervals(conformal, [each[:, 0] for each in decisions], level)
            hit = (low <= truth) & (truth <= high)
            size.append((high - low).mean())
        else:
            sets = label_sets(
                conformal, [calibrated_probabilities(each, 1, 0) for each in decisions], level, each_class=each_class
            )
            hit = sets[np.arange(NEW), truth]
            size.append(sets.sum(axis=1).mean())
            classes.append([hit[truth == c].mean() if (truth == c).any() else np.nan for c in range(3)])
        covered.append(hit.mean())
    return Study(np.array(covered), np.array(size), np.array(classes))


def simulate(kind, n, studies, seed=0, **settings):
    """Means over studies: coverage (levels,), size (levels,), coverage of each class (levels, 3), and the error."""
    rng = np.random.default_rng([seed, n])
    found = [study(kind, n, rng, **settings) for _ in range(studies)]
    covered = np.stack([each.covered for each in found])
    classes = None if kind == "numbers" else np.nanmean([each.classes for each in found], axis=0)
    return (
        covered.mean(axis=0),
        np.mean([each.size for each in found], axis=0),
        classes,
        covered.std(axis=0) / len(found) ** 0.5,
    )
