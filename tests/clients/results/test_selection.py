"""Some items of a result, by ids, masks, places and slices, with what belongs to them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daguerre import Errors, ItemError
from daguerre.results.clusters import Clustered
from daguerre.results.duplicates import DuplicateGroup, Duplicates, RelatedGroup
from daguerre.results.embeddings import Embeddings
from daguerre.results.images import Descriptions
from daguerre.results.predictions import Predictions
from daguerre.results.zero_shot import ZeroShot
from tests.clients.pretended import ANSWER, RECEIPT

N = 6
IDS = ["a/x.png", "a/y.png", "b/x.png", "c.png", "d/e/f.png", "g.png"]
FILES = [f"/data/set/{id}" for id in IDS]
BAD = ItemError(3, IDS[3], "invalid_image", "is broken")
MARKED = {"truncated": [0, 5], "unknown": [5], "videos": [2], "first_of_many": [1, 2]}


def embeddings() -> Embeddings:
    rows = np.arange(2.0 * N, dtype=np.float32).reshape(N, 2)
    rows[3] = np.nan
    return Embeddings(ids=IDS, files=FILES, errors=Errors([BAD]), receipt=RECEIPT, vectors=rows, **MARKED)


def zero_shot() -> ZeroShot:
    scores = np.arange(2.0 * N, dtype=np.float32).reshape(N, 2)
    return ZeroShot(
        **{"ids": IDS, "files": FILES, "errors": Errors([BAD]), "receipt": RECEIPT, **MARKED, "labels": ["p", "q"]},
        **{"scores": scores, "cosines": scores / 10, "best": [f"label {i}" for i in range(N)], "none_scores": None},
        **{"templates": ["{}"], "negatives": None, "logit_scale": 1.0},
    )


def predictions() -> Predictions:
    numbers = np.arange(float(N))
    return Predictions(
        **{"ids": IDS, "files": FILES, "errors": Errors([BAD]), "receipt": RECEIPT, **MARKED, "labels": ["p", "q"]},
        **{"classifier": "c@1", "task": "binary", "predicted": [f"label {i}" for i in range(N)]},
        **{"probabilities": np.stack([numbers, 1 - numbers], 1), "values": numbers, "low": numbers, "high": numbers},
        crossed=None,
    )


def descriptions() -> Descriptions:
    return Descriptions(ids=IDS, files=FILES, errors=Errors([BAD]), images=[None] * N, first_of_many=[1, 2])


def duplicates() -> Duplicates:
    groups = (
        DuplicateGroup(representative=1, members=(0, 1, 2), ids=tuple(IDS[:3]), similarity=(0.9, 1.0, 0.8)),
        DuplicateGroup(representative=4, members=(4, 5), ids=tuple(IDS[4:]), similarity=(1.0, 0.95)),
    )
    related = (RelatedGroup(members=(0, 4, 5), ids=(IDS[0], IDS[4], IDS[5]), contents=3),)
    return Duplicates(
        **{"ids": IDS, "files": FILES, "errors": Errors([BAD]), "id": "j", "kind": "near", "threshold": 8},
        **{"linkage": "single", "groups": groups, "related": related},
    )


RESULTS = [embeddings, zero_shot, predictions, descriptions, duplicates]


@pytest.mark.parametrize("make", RESULTS)
@given(places=st.lists(st.integers(0, N - 1), unique=True))
def test_a_selection_has_the_rows_errors_and_remarks_of_its_items(make, places):
    whole = make()
    for some in (
        whole.select([IDS[i] for i in places]),
        whole[np.array(places, int)],
        whole[[FILES[i] for i in places]],
    ):
        assert type(some) is type(whole)
        assert some.ids == [IDS[i] for i in places]
        assert some.files == [FILES[i] for i in places]
        failed = [(i, IDS[3]) for i, place in enumerate(places) if place == 3]
        assert [(error.index, error.id) for error in some.errors] == failed
        for name, marked in MARKED.items():
            if hasattr(whole, name):
                assert {some.ids[i] for i in getattr(some, name)} == {IDS[i] for i in marked if i in places}
        for name in whole.ROWS:
            rows, all_rows = getattr(some, name), getattr(whole, name)
            if all_rows is None:
                assert rows is None
            else:
                assert np.array_equal(
                    np.array(rows, object).astype(str), np.array([all_rows[i] for i in places], object).astype(str)
                ) or np.allclose(rows, all_rows[places], equal_nan=True)
    table = whole[np.array(places, int)]
    if places and make is not duplicates:
        assert list(table.to_pandas().index) == [IDS[i] for i in places]


@pytest.mark.parametrize("make", RESULTS)
def test_an_index_is_a_mask_a_slice_places_or_ids(make):
    whole = make()
    mask = np.array([True, False, True, False, False, True])
    expected = [IDS[0], IDS[2], IDS[5]]
    column = pd.Series(mask, index=IDS)
    for key in (
        mask,
        mask.tolist(),
        column,
        column.iloc[::-1],
        column.astype("boolean"),
        [0, 2, -1],
        expected,
        tuple(expected),
    ):
        assert whole[key].ids == expected
    assert whole[pd.Index(expected)].ids == whole[pd.Series(expected)].ids == expected
    assert whole[column[mask]].ids == expected  # the rows of a table that was cut, by their ids
    assert whole[1:3].ids == IDS[1:3]
    assert whole["c.png"].ids == whole[3].ids == whole[-3].ids == whole.select("c.png").ids == ["c.png"]
    assert whole[[]].ids == whole[:0].ids == whole[np.zeros(N, bool)].ids == []
    assert whole.select(["g.png", "/data/set/c.png", "./g.png", "e/f.png"]).ids == ["g.png", "c.png", "d/e/f.png"]


def test_what_names_no_item_or_several_is_refused():
    whole = embeddings()
    with pytest.raises(ValueError, match=r"2 of 3 are the ids of no item: 'z\.png', 'nowhere'; give paths, or file"):
        whole.select(["c.png", "z.png", "nowhere"])
    with pytest.raises(ValueError, match=r"there is 'c\.png': give file names with their endings"):
        whole.select(["c"])
    with pytest.raises(ValueError, match=r"1 of 2 may be several items: 'x\.png'; give ids or paths"):
        whole[["c.png", "x.png"]]
    with pytest.raises(ValueError, match="1 of 2 are missing"):
        whole.select(["c.png", None])
    for mask in ([True], np.ones(N + 1, bool)):
        with pytest.raises(ValueError, match=r"mask: \d for 6 items; give one for each"):
            whole[mask]
    for place in (N, -N - 1, [0, N]):
        with pytest.raises(IndexError, match="numbered from 0"):
            whole[place]
    for key in (None, True, 1.5):
        with pytest.raises(TypeError, match="give ids, a mask, places or a slice"):
            whole[key]
    with pytest.raises(TypeError, match=r"client.cluster\(embeddings=X.select\(ids\)\)"):
        Clustered.of(ANSWER)[:2]


def test_ids_that_repeat_are_several_items_unless_the_file_is_one():
    rows = np.eye(3, dtype=np.float32)
    twice = {"errors": Errors(), "receipt": RECEIPT, "truncated": [], "vectors": rows}
    with pytest.raises(ValueError, match="may be several items: 'a'"):
        Embeddings(ids=["a", "b", "a"], **twice).select(["a"])
    same = Embeddings(ids=["a", "b", "a"], files=["/x/a", "/x/b", "/x/a"], **twice)
    assert same.select(["a"]).ids == ["a", "a"]


def test_vectors_of_a_file_are_found_by_longer_paths_below_one_folder():
    rows = np.eye(3, dtype=np.float32)
    read = Embeddings(ids=["x.png", "b/x.png", "b/y.png"], errors=Errors(), receipt=RECEIPT, truncated=[], vectors=rows)
    assert read.select(["set/x.png", "set/b/y.png"]).ids == ["x.png", "b/y.png"]
    with pytest.raises(ValueError, match=r"1 of 2 are the ids of no item: 'set/c/x\.png'"):
        read.select(["set/b/y.png", "set/c/x.png"])  # not the x.png beside b


def test_a_group_of_which_the_representative_is_gone_has_another():
    some = duplicates()[[0, 2, 4]]
    assert [(group.representative, group.members, group.ids) for group in some.groups] == [
        (0, (0, 1), (IDS[0], IDS[2]))
    ]
    assert some.kept_ids == [IDS[0], IDS[4]]
    assert some.extra == [IDS[2]]
    assert [(each.members, each.contents) for each in some.related] == [((0, 2), 2)]
    whole = duplicates()
    assert whole.kept_ids == [IDS[1], IDS[4]]  # not what cannot be read
    blank = replace(whole, errors=Errors([replace(BAD, code="blank_image")]))
    assert blank.kept_ids == [IDS[1], IDS[3], IDS[4]]
    assert embeddings().select(whole.kept_ids).ids == whole.kept_ids
    assert [group for group, _, _ in whole.select(whole.kept_ids).rows()] == [None] * 2
