"""Vectors of a study on disk: order, resumption, deletion, space."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from service.errors import Conflict, NotFound, TooLarge, Unprocessable
from service.settings import Settings
from service.stores import study_vectors
from service.stores.studies import Studies, Study
from service.stores.study_items import NewItem, add_items
from service.stores.study_vectors import VectorSet, append_rows, delete_set, list_sets, next_items, read_vectors

ROWS = np.random.default_rng(0).standard_normal((9, 4)).astype(np.float32)


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    store = Studies(Settings(home=tmp_path, max_files_bytes=2**20))
    made = store.create("s", None, title="", folder=None)
    add_items(made.database, [NewItem(id=f"{i}.jpg", bytes=1) for i in range(6)])
    yield made
    store.close()


def begun(study: Study, model: str = "m", fingerprint: str = "f") -> VectorSet:
    return study_vectors.open_set(study, model=model, fingerprint=fingerprint, dimension=4, receipt={"model": model})


def test_vectors_are_read_in_the_order_of_the_items(study: Study) -> None:
    vectors = begun(study)
    assert append_rows(study, vectors, [1, 3], ROWS[:2], {2: ("invalid_image", "broken")}) == 2
    assert [item.place for item in next_items(study, vectors, after=0, limit=9)] == [2, 4, 5, 6]
    assert np.array_equal(read_vectors(study).rows, ROWS[:2])  # the file as it is
    assert append_rows(study, vectors, [2, 1, 5], ROWS[2:5]) == 2  # the second has a vector, which stays
    found = read_vectors(study, "m")
    assert found.ids == ("0.jpg", "1.jpg", "2.jpg", "4.jpg")
    assert found.places.tolist() == [1, 2, 3, 5]
    assert found.rows.dtype == np.float32
    assert np.array_equal(found.rows, ROWS[[0, 2, 1, 4]])
    assert found.missing == 2
    (card,) = list_sets(study)
    assert (card.items, card.failed, card.missing) == (4, 0, 2)


def test_rows_of_a_killed_process_are_written_over(study: Study) -> None:
    vectors = begun(study)
    append_rows(study, vectors, [1], ROWS[:1])
    with (study.vectors / f"{vectors.number}.f32").open("ab") as file:
        file.write(ROWS[5:9].tobytes()[:-3])  # on disk, and in no transaction
    append_rows(study, vectors, [2, 3], ROWS[1:3])
    assert np.array_equal(read_vectors(study).rows, ROWS[:3])


def test_a_model_whose_vectors_have_changed_is_refused(study: Study) -> None:
    begun(study)
    with pytest.raises(Conflict, match=r"'f'.*delete the earlier ones"):
        begun(study, fingerprint="g")


def test_errors_name_the_sets_that_there_are(study: Study) -> None:
    with pytest.raises(Unprocessable, match="no vectors; embed its items first") as none:
        read_vectors(study)
    assert none.value.code == "no_vectors"
    first = begun(study)
    with pytest.raises(Unprocessable, match="no item of the study has a vector of 'm' yet"):
        read_vectors(study)
    append_rows(study, first, [1], ROWS[:1])
    second = begun(study, "other")
    with pytest.raises(Unprocessable, match=r"several models \(m, other\)"):
        read_vectors(study)
    assert delete_set(study, "other").number == second.number
    assert read_vectors(study).model == "m"
    with pytest.raises(NotFound, match="of 'other'; it has those of m"):
        append_rows(study, second, [1], ROWS[:1])
    assert begun(study, "other").number > second.number  # its file is never that of another set


def test_deleting_a_set_deletes_its_file_and_leaves_arrays(study: Study) -> None:
    append_rows(study, begun(study), [1, 2], ROWS[:2])
    rows = read_vectors(study).rows
    assert [path.name for path in study.vectors.iterdir()] == ["1.f32"]
    assert delete_set(study, "m").items == 2
    assert not list(study.vectors.iterdir())
    assert np.array_equal(rows, ROWS[:2])


def test_vectors_count_among_the_files(tmp_path: Path) -> None:
    store = Studies(Settings(home=tmp_path, max_files_bytes=3_000_000))
    made = store.create("s", None, title="", folder=None)
    add_items(made.database, [NewItem(id=str(i), bytes=1) for i in range(2)])
    wide = study_vectors.open_set(made, model="m", fingerprint="f", dimension=500_000, receipt={})
    append_rows(made, wide, [1], np.zeros((1, 500_000), np.float32))
    with pytest.raises(TooLarge, match="more than 3,000,000 bytes"):
        append_rows(made, wide, [2], np.zeros((1, 500_000), np.float32))
    other = Studies(Settings(home=tmp_path, max_files_bytes=3_000_000))  # which has added up nothing yet
    with pytest.raises(TooLarge):
        other.create("t", None, title="", folder=None).budget.require(1_000_001)
    store.close()
    other.close()
