"""Groups of coders compared, and codes of a crowd reconciled. Both are CPU-bound; call them in a thread."""

from dataclasses import asdict

from models.annotation.coder_groups import compare_coder_groups
from models.annotation.crowd import reconcile
from models.stopping import Check, unchecked
from service.errors import TooLarge
from service.pipelines.annotation import MOST_CODES, plain
from service.schemas import coders as schema


def compare_groups(request: schema.CoderGroupsRequest, check: Check = unchecked) -> schema.CoderGroupsAnswer:
    """Compare groups of coders. Raises AgreementError, IdError, TooLarge."""
    _require_few(len(request.code))
    result = compare_coder_groups(
        request.coder,
        request.item,
        request.code,
        request.groups,
        level=request.level,
        missing=request.missing,
        resamples=request.resamples,
        seed=request.seed,
        check=check,
    )
    return schema.CoderGroupsAnswer.model_validate(plain(asdict(result)))


def reconcile_crowd(request: schema.CrowdRequest, check: Check = unchecked) -> schema.CrowdAnswer:
    """Reconcile the codes of a crowd. Raises AgreementError, IdError, TooLarge."""
    _require_few(len(request.code))
    result = reconcile(request.coder, request.item, request.code, missing=request.missing, check=check)
    return schema.CrowdAnswer.model_validate(plain(asdict(result)))


def _require_few(codes: int) -> None:
    if codes > MOST_CODES:
        raise TooLarge(f"code: {codes:,} codes, at most {MOST_CODES:,}; send a part of them", code="too_many_items")
