"""Errors of predictions by a group that people coded, such as perceived gender of a face, with differences of groups.

Shares have Wilson's interval for the effective number of items, and their differences the one that recovers variances
from it (Newcombe 1998, Stat. Med. 17:873, method 10; Zou & Donner 2008). Means of errors have Student's interval, and
their differences Welch's. Items of one cluster (column `group`) are taken together; those of two groups are taken as
independent of each other.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import AgreementError, listed
from models.intervals import Figure, Float, share_figure
from models.validations.tables import Predicted, Reference, without
from models.validations.values import UNDECIDED

MOST_GROUPS = 12
FEW = 10  # items of a group below which a remark is made


@dataclass(frozen=True, kw_only=True)
class GroupErrors:
    """The errors of one set of predictions in one group.

    Attributes
    ----------
    group : None: all items that have a group.
    n, undecided : number of items with a code and a prediction, and of those whose prediction is "undecided".
    figures : of labels: accuracy, undecided (a share), accuracy_decided (of those that are not), recall[label] and
        precision[label] of each coded label; of numbers: mae, bias (prediction minus code).
    """

    predictions: str
    group: str | None
    n: int
    undecided: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True, kw_only=True)
class GroupDifference:
    """The figures of group `a` minus those of group `b`; those that one of the two lacks are absent."""

    predictions: str
    a: str
    b: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Predictions of items with their codes: (m,) each, names of labels or numbers.

    Attributes
    ----------
    by : (m,) the group of each item; None for one without.
    clusters : (m,) indices of items that are not independent; None: all are.
    """

    name: str
    target: Sequence[Any]
    predicted: Sequence[Any]
    weights: Float
    by: Sequence[str | None]
    clusters: NDArray[np.intp] | None


@dataclass(frozen=True, kw_only=True)
class ByGroup:
    """Errors and differences of all sets of predictions, with remarks."""

    errors: tuple[GroupErrors, ...]
    differences: tuple[GroupDifference, ...]
    remarks: tuple[str, ...]


def errors_by_group(predicted: Sequence[Predicted], reference: Reference, labels: Sequence[str]) -> ByGroup:
    """The errors of each set of predictions by the groups of the codes, if these have any.

    Of the repeats of a cross-validation, the first counts. Raises AgreementError, as `by_group` does.
    """
    errors: list[GroupErrors] = []
    differences: list[GroupDifference] = []
    remarks: list[str] = []
    for each in predicted:
        name, part = each.labeller.name, without(reference, each.rows)
        if (remark := undecided_remark(name, each.chosen, labels)) is not None:
            remarks.append(remark)
        if part.by is None:
            continue
        judged = Judged(
            name=name,
            target=part.targets,
            predicted=each.chosen,
            weights=part.weights,
            by=part.by,
            clusters=part.groups,
        )
        more, gaps, said = by_group(judged, labels)
        errors, differences, remarks = errors + more, differences + gaps, remarks + said
    return ByGroup(errors=tuple(errors), differences=tuple(differences), remarks=tuple(remarks))


def by_group(judged: Judged, labels: Sequence[str]) -> tuple[list[GroupErrors], list[GroupDifference], list[str]]:
    """The errors of all groups, the largest first, the differences of each two, and remarks.

    Parameters
    ----------
    labels : that somebody coded; empty for numbers.

    Raises
    ------
    AgreementError : fewer than two groups, or more than 12.
    """
    counts = Counter(name for name in judged.by if name is not None)
    if not 2 <= len(counts) <= MOST_GROUPS:
        raise AgreementError(
            f"by: the coded items that {judged.name} predicts have {len(counts)} groups"
            f"{': ' + listed(sorted(counts), 5) if counts else ''}; a comparison takes 2 to {MOST_GROUPS}, so name "
            "another column, or join groups"
        )
    groups = [name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
    place = {name: i for i, name in enumerate(groups)}
    of = np.array([-1 if name is None else place[name] for name in judged.by])
    made = [_errors(judged, None, of >= 0, labels)]
    made += [_errors(judged, name, of == i, labels) for i, name in enumerate(groups)]
    differences = [
        GroupDifference(predictions=judged.name, a=str(a[0].group), b=str(b[0].group), figures=_differences(a, b))
        for a, b in combinations(made[1:], 2)
    ]
    return [each for each, _ in made], differences, list(_remarks(judged, of, [each for each, _ in made[1:]]))


Parts = Mapping[str, tuple[float, float]]  # variances of means, with their degrees of freedom; none for shares


def _errors(
    judged: Judged, group: str | None, there: NDArray[np.bool_], labels: Sequence[str]
) -> tuple[GroupErrors, Parts]:
    rows = np.flatnonzero(there)
    weights = judged.weights[rows]
    clusters = None if judged.clusters is None else judged.clusters[rows]
    figures: dict[str, Figure] = {}
    parts: dict[str, tuple[float, float]] = {}
    undecided = 0
    if labels:
        target, predicted = (
            np.array([str(each[i]) for i in rows.tolist()]) for each in (judged.target, judged.predicted)
        )
        right, open_ = target == predicted, (predicted == UNDECIDED) & (UNDECIDED not in labels)
        undecided = int(open_.sum())

        def share(hits: NDArray[np.bool_], among: NDArray[np.bool_]) -> Figure:
            return share_figure(hits, weights * among, clusters)

        every = np.ones(len(rows), bool)
        figures = {"accuracy": share(right, every), "undecided": share(open_, every)}
        figures["accuracy_decided"] = share(right, ~open_)
        for label in labels:
            figures[f"recall[{label}]"] = share(right, target == label)
            figures[f"precision[{label}]"] = share(right, predicted == label)
    else:
        errors = np.array([float(judged.predicted[i]) - float(judged.target[i]) for i in rows.tolist()])
        for name, values in (("mae", np.abs(errors)), ("bias", errors)):
            figures[name], parts[name] = _mean(values, weights, clusters)
    made = GroupErrors(predictions=judged.name, group=group, n=len(rows), undecided=undecided, figures=figures)
    return made, parts


def _mean(values: Float, weights: Float, clusters: NDArray[np.intp] | None) -> tuple[Figure, tuple[float, float]]:
    """A weighted mean with Student's interval, its variance and degrees of freedom; NaN for a single item or cluster.

    The variance is that of linearisation, summed within clusters. With unequal weights the degrees of freedom are those
    of the effective number of items or clusters.
    """
    share = weights / weights.sum()
    mean = float(share @ values)
    error, mass = share * (values - mean), share
    if clusters is not None:
        unit = np.unique(clusters, return_inverse=True)[1]
        error, mass = np.bincount(unit, error), np.bincount(unit, share)
    n = len(error)
    if n < 2:
        return Figure(value=mean, low=nan, high=nan), (nan, 0.0)
    variance = n / (n - 1) * float(error @ error)
    freedom = max(1.0, 1 / float(mass @ mass) - 1)
    return _student(mean, [(variance, freedom)]), (variance, freedom)


def _student(value: float, parts: Sequence[tuple[float, float]]) -> Figure:
    from models.annotation.group_shares import welch

    return welch(value, parts)


def _differences(a: tuple[GroupErrors, Parts], b: tuple[GroupErrors, Parts]) -> dict[str, Figure]:
    """The figures of `a` minus those of `b`."""
    (first, first_parts), (second, second_parts) = a, b
    made: dict[str, Figure] = {}
    for name, p in first.figures.items():
        q = second.figures.get(name)
        if q is None or np.isnan([p.value, q.value]).any():
            continue
        gap = p.value - q.value
        if name in first_parts:
            made[name] = _student(gap, [first_parts[name], second_parts[name]])
            continue
        down = sqrt((p.value - p.low) ** 2 + (q.high - q.value) ** 2)
        up = sqrt((p.high - p.value) ** 2 + (q.value - q.low) ** 2)
        made[name] = Figure(value=gap, low=max(-1.0, gap - down), high=min(1.0, gap + up))
    return made


def _remarks(judged: Judged, of: NDArray[np.intp], groups: Sequence[GroupErrors]) -> Iterator[str]:
    without = int((of < 0).sum())
    if without:
        yield f"{judged.name}: {without:,} of {len(of):,} items have no group in `by`, and are in none of the groups"
    if small := [str(each.group) for each in groups if each.n < FEW]:
        yield (
            f"{judged.name}: fewer than {FEW} items are in {listed(small, 5)}, too few for figures of these groups to "
            "rely on"
        )
    if judged.clusters is not None:
        held = {
            (cluster, group) for cluster, group in zip(judged.clusters.tolist(), of.tolist(), strict=True) if group >= 0
        }
        many = sum(n > 1 for n in Counter(cluster for cluster, _ in held).values())
        if many:
            yield (
                f"{judged.name}: {many:,} clusters of the column group have items of several groups of `by`: intervals "
                "of differences take the groups as independent, and are too wide where items of a cluster are alike"
            )


def undecided_remark(name: str, predicted: Sequence[Any], labels: Sequence[str]) -> str | None:
    """A sentence on predictions that are "undecided"; None where there are none, or where that is a code."""
    n = 0 if UNDECIDED in labels else sum(str(each) == UNDECIDED for each in predicted)
    if not n:
        return None
    return (
        f"{name}: {n:,} of {len(predicted):,} predictions ({n / len(predicted):.1%}) are {UNDECIDED!r}, which is no "
        "code: they count as errors in accuracy and recall, and are a share of their own by group"
    )
