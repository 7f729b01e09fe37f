"""Annotation: draws, agreement, comparisons of clusterings. All functions are CPU-bound; call them in a thread."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.annotation import pairs, sampling
from models.annotation.agreement import agreement
from models.annotation.agreement_details import Details
from models.annotation.diverse import diverse
from models.annotation.pair_comparison import compare_with_pairs
from models.codes import read_ids
from models.intervals import Figure
from models.stopping import Check, unchecked
from service.errors import TooLarge, Unprocessable
from service.pipelines.items import VectorInput
from service.pipelines.sample_size import with_size
from service.schemas import annotation as schema
from service.stores.classifiers import Classifiers

MOST_CODES = 1_000_000
WEIGHTED = ("kappa_linear", "kappa_quadratic")
MOST_DRAWN = 1_000_000  # items of a sample
MOST_DIVERSE = 10_000  # items of a sample with diversity
MOST_PAIRS = 100_000  # of a sample of pairs


def measure_agreement(request: schema.AgreementRequest, check: Check = unchecked) -> schema.AgreementAnswer:
    """Measure agreement of coders. Raises AgreementError, IdError, TooLarge."""
    if len(request.code) > MOST_CODES:
        raise TooLarge(
            f"code: {len(request.code):,} codes, at most {MOST_CODES:,}; send a part of them", code="too_many_items"
        )
    result = agreement(
        request.coder,
        request.item,
        request.code,
        level=request.level,
        missing=request.missing,
        resamples=request.resamples,
        seed=request.seed,
        check=check,
    )
    return schema.AgreementAnswer(
        coders=list(result.coders),
        items=result.items,
        level=result.level,
        percent=_coefficient(result.percent),
        kappa=None if result.kappa is None else _coefficient(result.kappa),
        alpha=_coefficient(result.alpha),
        **{name: _optional(getattr(result, name)) for name in (*WEIGHTED, "ac1", "ac2_linear", "ac2_quadratic")},
        icc=None
        if result.icc is None
        else schema.Icc(
            items=result.icc.items,
            agreement=_coefficient(result.icc.agreement),
            consistency=_coefficient(result.icc.consistency),
        ),
        most_common=result.most_common,
        most_common_share=result.most_common_share,
        missing=result.missing,
        remarks=list(result.remarks),
        **({} if result.details is None else _details(result.details)),
    )


def _details(details: Details) -> dict[str, Any]:
    """The fields of an answer on categories, coders, pairs of coders and items that differ."""
    names = [category.category for category in details.categories]
    return {
        "n_categories": details.n_categories,
        "categories": [
            schema.CategoryAgreement(
                category=each.category, codes=each.codes, items=each.items, agreement=_coefficient(each.agreement)
            )
            for each in details.categories
        ],
        "by_coder": [
            schema.CoderCodes(coder=each.coder, codes=each.codes, counts=list(each.counts)) for each in details.coders
        ],
        "n_pairs": details.n_pairs,
        "pairs": [
            schema.CoderPair(
                a=each.a,
                b=each.b,
                items=each.items,
                percent=_coefficient(each.percent),
                kappa=_coefficient(each.kappa),
                **{name: _optional(getattr(each, name)) for name in (*WEIGHTED, "ac1")},
                table=[
                    schema.CodeRow(category=name, counts=list(counts))
                    for name, counts in zip(names, each.table, strict=True)
                ],
            )
            for each in details.pairs
        ],
        "n_differ": details.n_differ,
        "differ": [
            schema.DifferingItem(item=each.item, coders=list(each.coders), codes=list(each.codes))
            for each in details.differ
        ],
    }


def _optional(of: Figure | None) -> schema.AgreementCoefficient | None:
    return None if of is None else _coefficient(of)


def _coefficient(of: Figure) -> schema.AgreementCoefficient:
    ends = {name: number(getattr(of, name)) for name in ("value", "low", "high")}
    return schema.AgreementCoefficient(**ends, undefined=getattr(of, "undefined", 0))


def number(value: float) -> float | None:
    """The value, or None for NaN, which JSON cannot represent."""
    return float(value) if math.isfinite(value) else None


def plain(value: Any) -> Any:
    """Convert a result to JSON types: tuples and arrays become lists, NaN becomes None."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return number(value) if isinstance(value, float) else value


def draw_sample(
    request: schema.SampleRequest,
    check: Check = unchecked,
    *,
    vectors: Sequence[VectorInput] | None = None,
    classifiers: Classifiers | None = None,
) -> schema.SampleAnswer:
    """Draw a sample of items. Raises ClusteringError, IdError, Unprocessable, TooLarge, UnknownClassifier."""
    request, remarks = with_size(request, classifiers)
    _require_few(request.size, MOST_DRAWN, "size", "items")
    _check_diversity(request, vectors)
    needed = {"simple": "n", "stratified": "strata", "purposive": "scores"}
    for design, name in needed.items():
        optional = name == "scores" and request.diversity is not None
        if not optional and (getattr(request, name) is None) == (design == request.design):
            there = "is needed" if design == request.design else "is not used; leave it out"
            raise Unprocessable(f"{name}: {there} with design {request.design}", param=name)
    strata = read_ids(request.strata, "strata") if request.strata is not None else None
    if request.design == "simple":
        result = sampling.simple(request.n or 0, request.size, seed=request.seed)
    elif request.design == "stratified":
        result = sampling.stratified(
            strata or [],
            request.size,
            allocation=request.allocation,
            floor=request.floor,
            seed=request.seed,
            check=check,
        )
    elif request.diversity is None:
        result = sampling.purposive(request.scores or [], request.size)
    else:
        assert vectors
        rows = vectors[0].rows
        result = diverse(
            rows,
            request.size,
            diversity=request.diversity,
            scores=request.scores,
            ids=_ids(request.ids, len(rows)),
            seed=request.seed,
            check=check,
        )
    ids = _ids(request.ids, result.n)
    indexes = result.indexes.tolist()
    return schema.SampleAnswer(
        design=result.design,
        n=result.n,
        indexes=indexes,
        ids=None if ids is None else [ids[i] for i in indexes],
        inclusion_prob=None if result.inclusion_prob is None else result.inclusion_prob.tolist(),
        strata=[schema.Stratum(**asdict(each)) for each in result.strata],
        fit_for_inference=result.fit_for_inference,
        remarks=[*remarks, *result.remarks],
        seed=request.seed,
        candidates=result.candidates,
        copies=result.copies,
        smallest_distance=result.smallest_distance,
        stratum=None if strata is None else [strata[i] for i in indexes],
    )


def _check_diversity(request: schema.SampleRequest, vectors: Sequence[VectorInput] | None) -> None:
    """Raise Unprocessable unless diversity and vectors come together, with design purposive, and TooLarge."""
    if request.diversity is None:
        if vectors:
            raise Unprocessable(
                "vectors: are not used without diversity; set diversity (0 to 1), or leave them out", param="vectors"
            )
        return
    if request.design != "purposive":
        raise Unprocessable(
            f"diversity: is not used with design {request.design}; leave it out, or use design purposive",
            param="diversity",
        )
    if not vectors:
        raise Unprocessable(
            f"diversity: got {request.diversity:g} without vectors, by which items differ; send vectors, or leave "
            "diversity out",
            param="diversity",
        )
    _require_few(request.size, MOST_DIVERSE, "size", "items with diversity")


def draw_pairs(request: schema.PairsRequest, check: Check = unchecked) -> schema.PairsAnswer:
    """Draw pairs of items. Raises ClusteringError, Unprocessable, TooLarge."""
    _require_few(request.within + request.between + request.disputed, MOST_PAIRS, "within", "pairs")
    result = pairs.draw_pairs(
        _by_name(request.clusterings),
        request.within,
        request.between,
        disputed=request.disputed,
        unclustered=request.unclustered,
        allocation=request.allocation,
        seed=request.seed,
        check=check,
    )
    ids = _ids(request.ids, result.n)
    return schema.PairsAnswer(
        pairs=[
            schema.Pair(
                **asdict(pair),
                a_id=None if ids is None else ids[pair.a],
                b_id=None if ids is None else ids[pair.b],
            )
            for pair in result.pairs
        ],
        n=result.n,
        strata=[
            schema.Stratum(stratum=name, population=of, drawn=result.drawn[name], probability=result.drawn[name] / of)
            for name, of in result.population.items()
            if of
        ],
        remarks=list(result.remarks),
        seed=request.seed,
    )


def compare_clusterings(request: schema.ComparisonRequest, check: Check = unchecked) -> schema.ComparisonAnswer:
    """Evaluate clusterings on coded pairs. Raises ClusteringError."""
    result = compare_with_pairs(
        request.a,
        request.b,
        [bool(each) for each in request.same],
        _by_name(request.clusterings),
        inclusion_prob=request.inclusion_prob,
        stratum=request.stratum,
        unclustered=request.unclustered,
        held_out=request.held_out,
        resamples=request.resamples,
        confidence=request.confidence,
        seed=request.seed,
        check=check,
    )
    return schema.ComparisonAnswer(
        n_pairs=result.n_pairs,
        unclustered=result.unclustered,
        configurations=[plain(asdict(each)) for each in result.configurations],
        winner=None if result.winner is None else plain(result.winner.to_json()),
        remarks=list(result.remarks),
    )


def _by_name(clusterings: Mapping[str, Sequence[int]]) -> dict[str, NDArray[np.int64]]:
    """The clusterings sorted by name: gRPC maps have no order, and a draw must not depend on the transport."""
    return {name: np.asarray(clusterings[name], np.int64) for name in sorted(clusterings)}


def _require_few(drawn: int, most: int, name: str, what: str) -> None:
    if drawn > most:
        raise TooLarge(
            f"{name}: got {drawn:,} {what} to draw, at most {most:,}; draw fewer", code="too_many_items", param=name
        )


def _ids(given: Sequence[str] | None, n: int) -> Sequence[str] | None:
    if given is not None and len(given) != n:
        raise Unprocessable(f"ids: {len(given)} for {n} items; give one for each", code="lengths_differ", param="ids")
    return given
