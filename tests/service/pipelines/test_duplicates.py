"""The choice between the comparison of all pairs and an index."""

import pytest

from models.similarity import approximate
from service.errors import TooLarge, Unprocessable
from service.pipelines.duplicates import EXACT, MOST_EXACT, _method
from service.schemas.duplicates import DuplicatesRequest


def chosen(n, *, faiss, method="auto"):
    request = DuplicatesRequest(kind="semantic", method=method)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(approximate, "find_spec", lambda name: object() if faiss else None)
        return _method(request, n, 512)


def test_an_index_is_used_above_a_size_where_there_is_one():
    assert chosen(EXACT, faiss=True) == chosen(EXACT, faiss=False) == ("exact", ())
    assert chosen(EXACT + 1, faiss=True) == ("approximate", ())
    method, (remark,) = chosen(600_000, faiss=False)
    assert method == "exact"
    assert "all pairs of 600,000 vectors were compared, which takes about 0.7 hours of one core" in remark  # 24 s · 100
    assert "daguerre-service[large]" in remark


def test_a_method_that_is_asked_for_is_used_or_refused():
    assert chosen(10**7, faiss=False, method="exact") == ("exact", ())
    assert chosen(10, faiss=True, method="approximate") == ("approximate", ())
    with pytest.raises(Unprocessable, match=r"daguerre-service\[large\]; install it, or send method .exact") as caught:
        chosen(10, faiss=False, method="approximate")
    assert (caught.value.code, caught.value.param) == ("missing_package", "method")
    with pytest.raises(TooLarge, match="those of 10,000,000 take about 185 hours of one core") as long:
        chosen(MOST_EXACT * 5, faiss=False)
    assert long.value.code == "too_many_items"
