"""The size of a sample by the width of the interval that its codes shall give."""

from dataclasses import replace

import numpy as np

from models.annotation.sampling import stratum_quotas
from models.classifiers.precision import items_for_width, worst_spread
from models.classifiers.report import Report
from models.codes import read_ids
from models.errors import quoted
from service.errors import Unprocessable
from service.schemas.annotation import SampleRequest
from service.stores.classifiers import Classifiers


def with_size(request: SampleRequest, classifiers: Classifiers | None) -> tuple[SampleRequest, tuple[str, ...]]:
    """The request with a size, computed from `for_width` where that is given; and remarks on it.

    Raises Unprocessable for options that exclude each other, ClusteringError for widths that nothing reaches.
    """
    if (not request.size) == (request.for_width is None):
        got = "both size and" if request.size else f"size {request.size} and no"
        raise Unprocessable(f"size: got {got} for_width; give a size from 1 on, or for_width", param="size")
    if request.for_width is None:
        for name in ("expected_share", "classifier"):
            if getattr(request, name) is not None:
                raise Unprocessable(f"{name}: is for for_width, which is not given; leave it out", param=name)
        return request, ()
    if request.design == "purposive":
        raise Unprocessable(
            "for_width: a purposive sample allows no interval; give size, or use design simple or stratified",
            param="for_width",
        )
    if request.classifier is not None and request.expected_share is not None:
        raise Unprocessable(
            "expected_share: got it with classifier, whose report has the shares; leave one of them out",
            param="expected_share",
        )
    independent, basis = _independent(request, classifiers)
    size, total = _size(request, independent)
    width = request.for_width
    remark = f"A 95 % interval {width:g} wide (plus or minus {width / 2:g}) needs {size:,} coded items, {basis}."
    if size > total:
        remark += f" The corpus has {total:,}: all of them are drawn."
    elif size > independent:
        remark += f" A simple random sample would need {independent:,}."
    # a corpus without items, or without strata, is refused where the sample is drawn
    return request.model_copy(update={"size": max(1, min(size, total))}), (remark,)


def _independent(request: SampleRequest, classifiers: Classifiers | None) -> tuple[int, str]:
    """The number of items of a simple random sample, and the information that it rests on."""
    assert request.for_width is not None
    if request.classifier is None:
        share = 0.5 if request.expected_share is None else request.expected_share
        worst = ", the worst case" if request.expected_share is None else ""
        number = items_for_width(worst_spread(share), request.for_width, proportion=True)
        return number, f"by their codes alone, for a share of {share:g}{worst}"
    assert classifiers is not None
    stored = classifiers.open(request.classifier)
    learning = Report.from_json(stored.report()).learning
    if learning is None:
        raise Unprocessable(
            f"classifier: the report of {stored.label} has no spread of errors, as those of networks and of earlier "
            "versions; train a linear classifier again, or give expected_share",
            param="classifier",
        )
    needs = {
        label: items_for_width(replace(spread, design=1.0), request.for_width, proportion=bool(stored.labels))
        for label, spread in learning.spreads.items()
    }
    label = max(needs, key=needs.__getitem__)
    quantity = "mean"
    if stored.labels:
        quantity = f"share of {quoted(label)}, the label that needs most,"
    return needs[label], f"for the {quantity} corrected with {stored.label}, which was trained on {learning.n:,}"


def _size(request: SampleRequest, independent: int) -> tuple[int, int]:
    """The number of items in this design that is worth `independent` ones of equal weight, and of all items."""
    if request.design == "simple":
        return independent, request.n or 0
    strata = read_ids(request.strata or [], "strata")
    population = np.unique(strata, return_counts=True)[1] if strata else np.zeros(0, np.intp)
    total = len(strata)

    def worth(size: int) -> float:
        floor = int(population.clip(max=request.floor).sum()) if request.allocation == "floor" else 0
        if size < floor:
            return 0.0
        quotas = stratum_quotas(population, size, allocation=request.allocation, floor=request.floor)
        drawn = quotas > 0
        return float(population.sum() ** 2 / (population[drawn] ** 2 / quotas[drawn]).sum())

    if not total or worth(total) < independent:
        return max(independent, total + 1), total
    low, high = 0, total  # worth grows with the size
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if worth(middle) >= independent * (1 - 1e-9) else (middle, high)
    return high, total
