"""Scales from pairwise comparisons. All functions are CPU-bound; call them in a thread."""

from dataclasses import asdict

from models.annotation.scale import draw_comparisons, fit_scale
from models.codes import read_ids
from models.stopping import Check, unchecked
from service.errors import TooLarge, Unprocessable
from service.pipelines.annotation import MOST_CODES, plain
from service.schemas import scales as schema


def draw_pairs(request: schema.ComparisonPairsRequest, check: Check = unchecked) -> schema.ComparisonPairsAnswer:
    """Draw pairs of items to be compared. Raises AgreementError, IdError, Unprocessable."""
    ids = read_ids(request.ids, "ids")
    if len(set(ids)) < len(ids):
        twice = next(id for i, id in enumerate(ids) if id in ids[:i])
        raise Unprocessable(f"ids: {twice[:100]!r} is there twice; give each item once", param="ids")
    drawn = draw_comparisons(len(ids), request.per_item, seed=request.seed)
    return schema.ComparisonPairsAnswer(
        pairs=[schema.ComparisonPair(a=ids[i], b=ids[j]) for i, j in zip(drawn.a, drawn.b, strict=True)],
        per_item=drawn.per_item,
        seed=request.seed,
    )


def scale(request: schema.ScaleRequest, check: Check = unchecked) -> schema.ScaleAnswer:
    """Fit a scale. Raises AgreementError, IdError, TooLarge."""
    if len(request.winner) > MOST_CODES:
        raise TooLarge(
            f"winner: {len(request.winner):,} comparisons, at most {MOST_CODES:,}; send a part of them",
            code="too_many_items",
        )
    result = fit_scale(request.a, request.b, request.winner, ridge=request.ridge, check=check)
    return schema.ScaleAnswer.model_validate(plain(asdict(result)))
