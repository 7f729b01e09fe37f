"""Annotation: draws, agreement, comparisons of clusterings. All functions are CPU-bound; call them in a thread."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.annotation import pairs, sampling
from models.annotation.agreement import agreement
from models.annotation.pair_comparison import Winner, compare_with_pairs
from models.codes import read_ids
from models.intervals import Figure
from service.errors import TooLarge, Unprocessable
from service.schemas import annotation as schema

MOST_CODES = 1_000_000


def measure_agreement(said: schema.AgreementRequest) -> schema.AgreementAnswer:
    """Measure agreement of coders. Raises AgreementError, IdError, TooLarge."""
    if len(said.code) > MOST_CODES:
        raise TooLarge(
            f"code: {len(said.code):,} codes, at most {MOST_CODES:,}; send a part of them", code="too_many_items"
        )
    found = agreement(
        said.coder,
        said.item,
        said.code,
        level=said.level,
        missing=said.missing,
        resamples=said.resamples,
        seed=said.seed,
    )
    return schema.AgreementAnswer(
        coders=list(found.coders),
        items=found.items,
        level=found.level,
        percent=_coefficient(found.percent),
        kappa=None if found.kappa is None else _coefficient(found.kappa),
        alpha=_coefficient(found.alpha),
        missing=found.missing,
        remarks=list(found.remarks),
    )


def _coefficient(of: Figure) -> schema.Coefficient:
    return schema.Coefficient(**{name: number(value) for name, value in asdict(of).items()})


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


def draw_sample(said: schema.SampleRequest) -> schema.SampleAnswer:
    """Draw a sample of items. Raises ClusteringError, IdError, Unprocessable."""
    needed = {"simple": "n", "stratified": "strata", "purposive": "scores"}
    for design, name in needed.items():
        if (getattr(said, name) is None) == (design == said.design):
            there = "is needed" if design == said.design else "is not used; leave it out"
            raise Unprocessable(f"{name}: {there} with design {said.design}", param=name)
    if said.design == "simple":
        found = sampling.simple(said.n or 0, said.size, seed=said.seed)
    elif said.design == "stratified":
        found = sampling.stratified(
            read_ids(said.strata or [], "strata"),
            said.size,
            allocation=said.allocation,
            floor=said.floor,
            seed=said.seed,
        )
    else:
        found = sampling.purposive(said.scores or [], said.size)
    ids = _ids(said.ids, found.n)
    indexes = found.indexes.tolist()
    return schema.SampleAnswer(
        design=found.design,
        n=found.n,
        indexes=indexes,
        ids=None if ids is None else [ids[i] for i in indexes],
        inclusion_prob=None if found.inclusion_prob is None else found.inclusion_prob.tolist(),
        strata=[schema.Stratum(**asdict(each)) for each in found.strata],
        fit_for_inference=found.fit_for_inference,
        remarks=list(found.remarks),
        seed=said.seed,
    )


def draw_pairs(said: schema.PairsRequest) -> schema.PairsAnswer:
    """Draw pairs of items. Raises ClusteringError, Unprocessable."""
    found = pairs.draw_pairs(
        _by_name(said.clusterings),
        said.within,
        said.between,
        disputed=said.disputed,
        unclustered=said.unclustered,
        allocation=said.allocation,
        seed=said.seed,
    )
    ids = _ids(said.ids, found.n)
    return schema.PairsAnswer(
        pairs=[
            schema.Pair(
                **asdict(pair),
                a_id=None if ids is None else ids[pair.a],
                b_id=None if ids is None else ids[pair.b],
            )
            for pair in found.pairs
        ],
        n=found.n,
        strata=[
            schema.Stratum(stratum=name, population=of, drawn=found.drawn[name], probability=found.drawn[name] / of)
            for name, of in found.population.items()
            if of
        ],
        remarks=list(found.remarks),
        seed=said.seed,
    )


def compare_clusterings(said: schema.ComparisonRequest) -> schema.ComparisonAnswer:
    """Evaluate clusterings on coded pairs. Raises ClusteringError."""
    found = compare_with_pairs(
        said.a,
        said.b,
        [bool(each) for each in said.same],
        _by_name(said.clusterings),
        inclusion_prob=said.inclusion_prob,
        stratum=said.stratum,
        unclustered=said.unclustered,
        held_out=said.held_out,
        resamples=said.resamples,
        confidence=said.confidence,
        seed=said.seed,
    )
    return schema.ComparisonAnswer(
        n_pairs=found.n_pairs,
        unclustered=found.unclustered,
        configurations=[plain(asdict(each)) for each in found.configurations],
        winner=None if found.winner is None else _winner(found.winner),
        remarks=list(found.remarks),
    )


def _by_name(clusterings: Mapping[str, Sequence[int]]) -> dict[str, NDArray[np.int64]]:
    """The clusterings sorted by name: gRPC maps have no order, and a draw must not depend on the transport."""
    return {name: np.asarray(clusterings[name], np.int64) for name in sorted(clusterings)}


def _winner(of: Winner) -> dict[str, Any]:
    difference = None if of.difference is None else {"to": of.runner_up, **asdict(of.difference)}
    said: dict[str, Any] = plain(
        {
            "name": of.name,
            "criterion": of.criterion,
            "selected_on": {"pairs": of.selected_pairs, "value": of.selected_value},
            "held_out": {"pairs": of.held_out_pairs, **asdict(of.held_out)},
            "difference": difference,
        }
    )
    return said


def _ids(given: Sequence[str] | None, n: int) -> Sequence[str] | None:
    if given is not None and len(given) != n:
        raise Unprocessable(f"ids: {len(given)} for {n} items; give one for each", code="lengths_differ", param="ids")
    return given
