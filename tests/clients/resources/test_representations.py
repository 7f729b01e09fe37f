"""The SDK compares representations, over HTTP and gRPC."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from daguerre import Client, DaguerreWarning, Embeddings, Errors, ItemError, Representations
from daguerre.resources.representations import combinations
from daguerre.types.jobs import Job
from tests.clients.pretended import RECEIPT
from tests.models.clouds import clouds

GOOD, TRUTH = clouds((30, 20, 10), spread=0.3)
POOR, _ = clouds((30, 20, 10), spread=2.0)
IDS = [f"photos/{i}.jpg" for i in range(60)]
GRID = {"method": "kmeans", "k": [2, 3]}


def embeddings(rows: np.ndarray, model: str = "m", ids: list[str] = IDS) -> Embeddings:
    receipt = replace(RECEIPT, model=model, fingerprint=model * 4)
    return Embeddings(ids=ids, errors=Errors(), receipt=receipt, truncated=[], vectors=rows.astype(np.float32))


@pytest.fixture
def coded(client: Client):
    labels = np.where(np.random.default_rng(0).random(60) < 0.3, 0, TRUTH)
    pairs = client.draw_pairs({"c": labels}, 60, 60, ids=IDS)
    return pairs, (TRUTH[pairs.a] == TRUTH[pairs.b]).tolist()


def test_encoders_are_ranked_and_reported(client: Client, coded, tmp_path):
    pairs, same = coded
    given = {"good": embeddings(GOOD), "colours": embeddings(POOR, "colour-histogram")}
    found = client.compare_representations(pairs, [None, *same[1:]], given, grid=GRID, resamples=50)
    assert isinstance(found, Representations)
    assert [(each.name, each.baseline) for each in found.representations] == [("good", False), ("colours", True)]
    assert found.representations[0].auc.value > found.representations[1].auc.value
    assert (found.left_out, found.n_pairs, found.n) == (1, len(pairs) - 1, 60)
    assert len(found.configurations) == 4
    assert found.configurations[0].representation == "good"
    table = found.to_pandas()
    assert list(table["f1"]) == sorted(table["f1"], reverse=True)
    assert set(table["k"]) == {2, 3}
    assert list(found.to_pandas("representations").index) == ["good", "colours"]
    with pytest.raises(ValueError, match='"representations"'):
        found.to_pandas("pairs")
    assert "good: AUC" in repr(found)
    found.report(tmp_path / "page.html")
    assert "colours (baseline)" in (tmp_path / "page.html").read_text()
    again = client.compared_representations(found.id)
    assert again.answer == found.answer


def test_rows_are_put_in_one_order_by_their_ids(client: Client, coded):
    pairs, same = coded
    order = np.random.default_rng(1).permutation(60)
    mixed = embeddings(POOR[order], ids=[IDS[i] for i in order])
    options = {"cosines_only": True, "resamples": 20}
    one = client.compare_representations(pairs, same, {"good": embeddings(GOOD), "poor": embeddings(POOR)}, **options)
    two = client.compare_representations(pairs, same, {"poor": mixed, "good": embeddings(GOOD)}, **options)
    three = client.compare_representations(
        np.stack([pairs.a, pairs.b], axis=1), same, {"good": GOOD.astype(np.float32), "poor": POOR}, **options
    )
    assert {each.name: each.auc for each in one.representations} == {
        each.name: each.auc for each in two.representations
    }
    assert [each.name for each in three.representations] == ["good", "poor"]
    assert any("equal weight" in remark for remark in three.remarks) is False  # no clusterings were judged
    assert isinstance(client.compare_representations(pairs, same, {"good": GOOD}, wait=False), Job)


def test_items_that_failed_are_left_out_with_a_warning(client: Client, coded):
    pairs, same = coded
    rows = GOOD.copy()
    rows[int(pairs.a[0])] = np.nan
    bad = replace(embeddings(rows), errors=Errors([ItemError(int(pairs.a[0]), "x", "invalid_image", "is broken")]))
    with pytest.warns(DaguerreWarning, match="1 items without a vector"):
        found = client.compare_representations(pairs, same, {"r": bad}, cosines_only=True, resamples=20)
    assert found.n_pairs < len(pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client.compare_representations(pairs, same, {"r": embeddings(GOOD)}, cosines_only=True, resamples=20)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give vectors by name"),
        ({"a": GOOD, "b": GOOD[:5]}, "'b' has 5 items, 'a' 60"),
        ({"a": GOOD[:, 0]}, "array of floats"),
        ({"a": TRUTH.reshape(-1, 1)}, "array of floats"),
        ({"a": embeddings(GOOD), "b": embeddings(GOOD, ids=["x", *IDS[1:]])}, "'photos/0.jpg' is the first"),
        ({"a": embeddings(GOOD[:50], ids=IDS[:50])}, "is the id of no item"),
    ],
)
def test_representations_of_other_items_are_refused(client: Client, coded, given, message):
    with pytest.raises(ValueError, match=message):
        client.compare_representations(*coded, given)


def test_a_grid_is_all_combinations():
    assert combinations({"method": "kmeans", "k": range(2, 4)}) == [
        {"method": "kmeans", "k": 2},
        {"method": "kmeans", "k": 3},
    ]
    two = combinations([{"method": ["kmeans"], "k": np.array([2, 3])}, {"method": "hdbscan"}])
    assert two[-1] == {"method": "hdbscan"}
    assert [type(each["k"]) for each in two[:2]] == [int, int]
    for wrong, error in (([], ValueError), ({"k": []}, ValueError), (["kmeans"], TypeError)):
        with pytest.raises(error, match="grid"):
            combinations(wrong)


def test_a_large_array_is_uploaded_first(client: Client, coded, monkeypatch):
    monkeypatch.setattr("daguerre.dispatch.vectors.AHEAD", 100)
    pairs, same = coded
    before = client.files()
    found = client.compare_representations(pairs, same, {"good": GOOD, "poor": POOR}, cosines_only=True, resamples=20)
    assert len(found.representations) == 2
    assert client.files() == before
    assert isinstance(found.to_pandas("representations"), pd.DataFrame)
