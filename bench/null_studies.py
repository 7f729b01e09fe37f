"""False positives of studies without an effect whose author may choose among many configurations of a labeller.

`python -m bench.null_studies [--quick] [--studies 1000]` writes bench/results/null_studies.json and prints Markdown
tables.

In each study nothing differs: a binary content has the same share in both groups, and at every value of a
covariate. Twenty configurations (models, prompts, thresholds) label a corpus of 2,000 items, and 200 items drawn at
random are coded by people. The errors of a configuration depend on the covariate ("differential": it says more
often that the content is there where the covariate is large, or less often, in part as all configurations of the
study do), or they do not. Tested are the difference of the shares of two groups, and the coefficient of the
covariate in a logistic regression of the content on it and on another covariate, on which the content does depend.
A false positive is p < .05. The author takes the uncorrected configuration with the smallest p, or keeps to one of
several protocols.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtr

from models.correction.means import Coded, Corpus, Value, corrected_mean, difference, t_quantile
from models.correction.regression import Rows, corrected_regression
from models.intervals import wilson

OUT = Path(__file__).parent / "results" / "null_studies.json"
ITEMS, CODES, CONFIGURATIONS = 2000, 200, 20
LEVEL = 0.05
EFFECT = 0.2  # of the covariate on the probit scale of the content, for the power
FREEDOMS = np.geomspace(2, 1e6, 2000)
QUANTILES = np.array([t_quantile(freedom, 1 - LEVEL) for freedom in FREEDOMS])
Float = NDArray[np.float64]
Int = NDArray[np.intp]


@dataclass(frozen=True)
class Errors:
    """Dependence of errors on the covariate: standard deviation of its shift in a study, and in a configuration."""

    common: float
    own: float


DESIGNS: Mapping[str, Errors] = {"differential": Errors(0.1, 0.1), "not differential": Errors(0.0, 0.0)}


@dataclass(frozen=True)
class Study:
    """A corpus, its labels and its codes.

    Attributes
    ----------
    group : (n,) 1 where the covariate is above 0, else 0.
    x : (n, 3) the constant, the covariate and the other covariate.
    content : (n,) 0 or 1, by people.
    labels : (configurations, n) 0 or 1.
    rows : (codes,) indices of the coded items, in random order.
    """

    group: Int
    x: Float
    content: Float
    labels: Float
    rows: Int


@dataclass(frozen=True)
class Result:
    """A test of nothing: p-value, and width of the 95 % interval."""

    p: float
    width: float


@dataclass(frozen=True)
class Analysis:
    """The three tests of one configuration: by its labels alone, by labels and codes, and by codes alone."""

    naive: Result
    corrected: Result
    codes: Result


Analyse = Callable[[Study, Float, Int], Analysis]


def draw(errors: Errors, rng: np.random.Generator, effect: float = 0.0) -> Study:
    """Draw a study.

    The content has a share of about .3. A configuration says that it is there if a normal variable is above 0, whose
    mean is about 1 where it is (84 % are found) and about -1.4 where it is not (8 % are false alarms). Half of the
    variance belongs to the item, so that configurations err on the same items.
    """
    covariate, other = rng.normal(size=(2, ITEMS))
    content = (rng.random(ITEMS) < ndtr(-0.6 + 0.5 * other + effect * covariate)) * 1.0
    shift = rng.normal(scale=errors.common) + rng.normal(scale=errors.own, size=(CONFIGURATIONS, 1))
    there, absent = rng.normal([[1.0], [-1.4]], 0.25, size=(2, CONFIGURATIONS))[..., None]
    noise = np.sqrt(0.5) * (rng.normal(size=ITEMS) + rng.normal(size=(CONFIGURATIONS, ITEMS)))
    return Study(
        group=(covariate > 0).astype(np.intp),
        x=np.column_stack([np.ones(ITEMS), covariate, other]),
        content=content,
        labels=(np.where(content == 1, there, absent) + shift * covariate + noise > 0) * 1.0,
        rows=rng.permutation(ITEMS)[:CODES],
    )


def group_difference(study: Study, labels: Float, rows: Int) -> Analysis:
    """The difference of the shares of two groups, with the λ of both together, as the service estimates it."""
    slope = corrected_mean(_coded(study, labels, rows), _corpus(labels), share=True).slope
    groups = [study.group == group for group in (1, 0)]
    own = [rows[group[rows]] for group in groups]
    means = [
        corrected_mean(_coded(study, labels, coded), _corpus(labels[group]), share=True, slope=slope)
        for group, coded in zip(groups, own, strict=True)
    ]
    a, b = (labels[group] for group in groups)
    error = (a.var() / len(a) + b.var() / len(b)) ** 0.5
    return Analysis(
        naive=_result(a.mean() - b.mean(), error, ITEMS),
        corrected=_of_parts(means[0].corrected, means[1].corrected),
        codes=_of_parts(means[0].classical, means[1].classical),
    )


def coefficient(study: Study, labels: Float, rows: Int) -> Analysis:
    """The coefficient of the covariate in a logistic regression."""
    ones, own = np.ones(len(labels)), np.arange(len(rows))
    found = corrected_regression(
        ("(constant)", "covariate", "other"),
        Rows(x=study.x[rows], y=study.content[rows], weight=ones[rows], unit=own),
        Rows(x=study.x[rows], y=labels[rows], weight=ones[rows], unit=own),
        Rows(x=study.x, y=labels, weight=ones, unit=np.arange(len(labels))),
        family="logistic",
    )[1]
    return Analysis(
        naive=_of_limits(*found.naive), corrected=_of_limits(*found.corrected), codes=_of_limits(*found.coded)
    )


ESTIMANDS: Mapping[str, Analyse] = {"difference": group_difference, "coefficient": coefficient}
CLASSICAL = "codes alone"
PROTOCOLS = (
    "uncorrected, smallest p of 20",
    "uncorrected, most accurate on the codes",
    "uncorrected, named beforehand",
    "uncorrected, mean of 20",
    CLASSICAL,
    "corrected, smallest p of 20",
    "corrected, narrowest interval of 20",
    "corrected, most accurate on the same codes",
    "corrected, most accurate on other codes (100 and 100)",
    "corrected, all 20, Holm",
    "corrected, named beforehand",
    "corrected, mean of 20",
)


def protocols(study: Study, analyse: Analyse) -> dict[str, Result]:
    """The test to which each protocol leads, by the names of PROTOCOLS."""
    rows, half = study.rows, len(study.rows) // 2
    each = [analyse(study, labels, rows) for labels in study.labels]
    together = analyse(study, study.labels.mean(axis=0), rows)
    right = study.labels[:, rows] == study.content[rows]
    best = int(right.mean(axis=1).argmax())
    best_of_half = int(right[:, :half].mean(axis=1).argmax())
    naive, corrected = [one.naive for one in each], [one.corrected for one in each]
    smallest = min(corrected, key=lambda test: test.p)
    # Holm's first step, which decides whether any test is significant, is Bonferroni's; so are the intervals
    wider = t_quantile(np.inf, 1 - LEVEL / len(each)) / t_quantile(np.inf, 1 - LEVEL)
    results = (
        min(naive, key=lambda test: test.p),
        naive[best],
        naive[0],
        together.naive,
        together.codes,
        smallest,
        min(corrected, key=lambda test: test.width),
        corrected[best],
        analyse(study, study.labels[best_of_half], rows[half:]).corrected,
        Result(min(1.0, len(each) * smallest.p), corrected[best].width * wider),
        corrected[0],
        together.corrected,
    )
    return dict(zip(PROTOCOLS, results, strict=True))


def simulate(
    errors: Errors, analyse: Analyse, studies: int, *, effect: float = 0.0, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """The share of significant results of each protocol, and the median width relative to codes alone."""
    found: dict[str, list[Result]] = {name: [] for name in PROTOCOLS}
    for number in range(studies):
        study = draw(errors, np.random.default_rng([seed, number]), effect)
        for name, result in protocols(study, analyse).items():
            found[name].append(result)
    plain = np.array([result.width for result in found[CLASSICAL]])
    summary = {}
    for name, results in found.items():
        share = float(np.mean([result.p < LEVEL for result in results]))
        summary[name] = {
            "significant": share,
            "interval": wilson(share, studies),
            "width": float(np.median(np.array([result.width for result in results]) / plain)),
        }
    return summary


def _coded(study: Study, labels: Float, rows: Int) -> Coded:
    n = len(rows)
    return Coded(
        code=study.content[rows],
        prediction=labels[rows],
        weight=np.ones(n),
        unit=np.arange(n),
        stratum=np.zeros(n, np.intp),
    )


def _corpus(labels: Float) -> Corpus:
    n = len(labels)
    mean = float(labels.mean())
    return Corpus(n=n, size=np.array([float(n)]), mean=np.array([mean]), variance=float(labels.var(ddof=1)) / n)


def _of_parts(a: Value, b: Value) -> Result:
    """The test of the difference of two estimates by disjoint items."""
    first = np.concatenate([a.deviations, np.zeros(len(b.deviations))])
    second = np.concatenate([np.zeros(len(a.deviations)), b.deviations])
    found = difference(replace(a, deviations=first), replace(b, deviations=second))
    return _result(found.value, found.se, found.freedom)


def _of_limits(value: float, error: float, low: float, high: float) -> Result:
    """The test of an estimate whose degrees of freedom follow from its interval."""
    quantile = (high - low) / 2 / error
    return _result(value, error, float(np.interp(-quantile, -QUANTILES, FREEDOMS)))


def _result(value: float, error: float, freedom: float) -> Result:
    p = 2 * float(stdtr(freedom, -abs(value) / error))
    return Result(p, 2 * error * t_quantile(freedom, 1 - LEVEL))


def _table(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """A row for each protocol: false positives under each design, and width and power under the first."""
    heads = [f"{name}, {estimand}" for estimand in ESTIMANDS for name in DESIGNS]
    heads += [f"{what}, {estimand}" for estimand in ESTIMANDS for what in ("width", "power")]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " --- |" * len(heads)]
    for name in PROTOCOLS:
        cells = [f"{100 * found[head][name]['significant']:.1f}" for head in heads[: 2 * len(ESTIMANDS)]]
        for estimand in ESTIMANDS:
            cells.append(f"{found[f'differential, {estimand}'][name]['width']:.2f}")
            cells.append(f"{100 * found[f'effect, {estimand}'][name]['significant']:.0f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.null_studies", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="40 studies of each design; nothing is written")
    parser.add_argument("--studies", type=int, default=1000, help="number of studies of each design")
    options = parser.parse_args()
    studies = 40 if options.quick else options.studies
    start = time.monotonic()
    found = {}
    for estimand, analyse in ESTIMANDS.items():
        for name, errors in DESIGNS.items():
            found[f"{name}, {estimand}"] = simulate(errors, analyse, studies)
        found[f"effect, {estimand}"] = simulate(DESIGNS["differential"], analyse, studies, effect=EFFECT, seed=1)
    print(_table(found))
    took, load = round(time.monotonic() - start, 1), round(os.getloadavg()[0], 1)
    print(f"\n{studies} studies of each design; {took} s, load {load}")
    if not options.quick:
        sizes = {"studies": studies, "items": ITEMS, "codes": CODES, "configurations": CONFIGURATIONS}
        OUT.write_text(json.dumps({**sizes, "seconds": took, "load": load, "found": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
