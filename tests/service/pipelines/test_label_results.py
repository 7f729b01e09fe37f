"""Remarks on labels."""

import pytest

from service.pipelines.label_results import misunderstood
from service.schemas.labels import LabelledEntry


def entry(covered: float | None) -> LabelledEntry:
    labels = {"scene": {"value": "street", "covered": covered}, "words": {"value": "a cat"}}
    given = {"variables": ["scene", "words"], "categories": {"scene": ["street", "sea"]}, "answers": []}
    return LabelledEntry(index=0, labels=labels, **given)


@pytest.mark.parametrize(("low", "count"), [(0, 0), (9, 0), (10, 1), (20, 1)])
def test_categories_that_a_model_would_not_write_are_remarked(low: int, count: int) -> None:
    remarks = misunderstood([entry(0.01)] * low + [entry(0.9)] * (20 - low))
    assert len(remarks) == count
    assert not remarks or remarks[0].startswith("scene: all answers that were allowed")


def test_labels_without_likelihoods_have_no_remark() -> None:
    assert misunderstood([]) == misunderstood([entry(None)]) == []
