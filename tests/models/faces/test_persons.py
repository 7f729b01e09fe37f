"""Persons and their corrections by hand."""

import numpy as np
import pytest

from models.errors import FaceError
from models.faces.persons import MOST_FACES, group_persons, moved_faces

RNG = np.random.default_rng(3)
OF = np.repeat(np.arange(6), [7, 5, 4, 3, 1, 1])
FACES = RNG.standard_normal((6, 64))[OF] + 0.5 * RNG.standard_normal((len(OF), 64))
IDS = [f"p{i}.jpg#0" for i in range(len(OF))]


def test_persons_have_the_figures_of_their_cosines() -> None:
    found = group_persons(FACES, IDS, 0.363)
    assert found.labels.tolist() == OF.tolist()  # by falling size, of equal sizes by the first id
    x = FACES / np.linalg.norm(FACES, axis=1, keepdims=True)
    cosines = x @ x.T
    for number, person in enumerate(found.persons):
        own = np.flatnonzero(number == OF)
        assert sorted(person.faces) == own.tolist()
        means = {p: cosines[np.ix_(own, p == OF)].mean() for p in range(6) if p != number}
        assert person.nearest == max(means, key=means.get)
        assert person.nearest_cosine == pytest.approx(means[person.nearest], abs=1e-9)
        if len(own) > 1:
            assert person.cohesion == pytest.approx(cosines[np.ix_(own, own)][np.triu_indices(len(own), 1)].mean())
            typical = [(cosines[i, own].sum() - 1) / (len(own) - 1) for i in person.faces]
            assert typical == sorted(typical, reverse=True)
            assert found.cosines[list(person.faces)] == pytest.approx(typical)
        for i in own:
            others = {p: cosines[i, p == OF].mean() for p in range(6) if p != number}
            assert found.others[i] == max(others, key=others.get)
            assert found.other_cosines[i] == pytest.approx(max(others.values()), abs=1e-9)


def test_a_face_between_two_persons_is_close() -> None:
    x = np.array([[1, 0, 0], [0.98, 0.2, 0], [0, 1, 0], [0.2, 0.98, 0], [0.72, 0.69, 0], [0, 0, 1]], float)
    found = group_persons(x, list("abcdef"), 0.75, margin=0.1)
    assert found.labels[4] == found.labels[0]
    assert found.close.tolist() == [False, False, False, False, True, False]
    assert found.persons[found.labels[0]].close == (found.persons[found.labels[0]].nearest_cosine > 0.65)


def test_corrections_are_kept_exactly() -> None:
    found = group_persons(FACES, IDS, 0.363, same=[[IDS[0], IDS[-1]], [IDS[-1], IDS[7]]], different=[IDS[1:4]])
    labels = found.labels
    assert labels[0] == labels[-1] == labels[7]
    assert len({*labels[1:4].tolist()}) == 3
    assert found.corrected.tolist() == [i in (0, 1, 2, 3, 7, len(IDS) - 1) for i in range(len(IDS))]


def test_faces_that_corrections_move_are_those_that_change_their_group() -> None:
    assert not group_persons(FACES, IDS, 0.363).moved.any()
    groups = [[IDS[i] for i in np.flatnonzero(p == OF)] for p in range(6)]
    first = groups[1].pop()
    groups[0].append(first)  # one row of the table of all faces was changed
    same, firsts = [each for each in groups if len(each) > 1], [each[0] for each in groups]
    found = group_persons(FACES, IDS, 0.363, same=same, different=[firsts])
    assert found.corrected.sum() > 1
    assert [IDS[i] for i in np.flatnonzero(found.moved)] == [first]
    before, after = np.array([0, 0, 0, 1, 1, 2]), np.array([3, 3, 5, 4, 4, 4])
    assert moved_faces(before, after).tolist() == [False, False, True, False, False, True]


def test_a_table_of_all_persons_is_the_answer_whatever_the_cosines_are() -> None:
    wanted = RNG.integers(0, 5, len(IDS))
    groups = [[IDS[i] for i in np.flatnonzero(wanted == p)] for p in range(5)]
    same = [each for each in groups if len(each) > 1]
    for threshold in (-1.0, 0.363, 1.0):
        found = group_persons(FACES, IDS, threshold, same=same, different=[[each[0] for each in groups if each]])
        assert len(set(zip(found.labels.tolist(), wanted.tolist(), strict=True))) == len(set(wanted.tolist()))


@pytest.mark.parametrize(
    ("same", "different", "code", "message"),
    [
        ([["a", "b"], ["b", "c"]], [["a", "c"]], "contradiction", "'a' and 'c' are different people there"),
        ([["a", "b"]], [["a", "b"]], "contradiction", r"\(same\[0\]\); remove one"),
        ([["a", "x"]], [], "unknown_id", r"same\[0\]: 'x' is the id of no face"),
        ([["", "a"]], [], "unknown_id", r"same\[0\]: '' is the id of no face"),
        ([], [["a", ""]], "unknown_id", r"different\[0\]: '' is the id of no face"),
        ([["a"]], [], "too_few_ids", "name two faces or more"),
        ([["a", "a"]], [], "repeated_id", "names 'a' twice"),
    ],
)
def test_corrections_that_contradict_each_other_are_refused(same, different, code, message) -> None:
    with pytest.raises(FaceError, match=message) as refused:
        group_persons(np.eye(3), list("abc"), 0.363, same=same, different=different)
    assert refused.value.code == code


def test_an_empty_id_is_an_id_like_others() -> None:
    with pytest.raises(FaceError, match="names '' twice"):
        group_persons(np.eye(2), ["", "b"], 0.363, same=[["", ""]])
    assert group_persons(np.eye(2), ["", "b"], 0.363, same=[["", "b"]]).labels.tolist() == [0, 0]


def test_few_and_equal_faces() -> None:
    one = group_persons(np.ones((1, 4)), ["a"], 0.363)
    assert (one.labels.tolist(), one.persons[0].cohesion, one.close.any()) == ([0], None, False)
    two = group_persons(np.ones((2, 4)), ["a", "b"], 1.0)
    assert (two.labels.tolist(), two.persons[0].cohesion) == ([0, 0], pytest.approx(1))
    apart = group_persons(np.ones((2, 4)), ["a", "b"], 0.363, different=[["a", "b"]])
    assert (apart.labels.tolist(), apart.close.all()) == ([0, 1], True)
    assert len(group_persons(np.eye(3), list("abc"), 1.0).persons) == 3
    assert len(group_persons(-np.eye(3), list("abc"), -1.0).persons) == 1


@pytest.mark.parametrize(
    ("vectors", "ids", "code", "message"),
    [
        (np.zeros((0, 4)), [], "too_few_items", "has no faces"),
        (np.array([[1, 0], [np.nan, 1]]), ["a", "b"], "nan_vectors", "face 'b' has NaN or infinity; leave the face"),
        (np.array([[1.0, 0], [0, 0]]), ["a", "b"], "zero_vectors", "face 'b' is all zeros"),
        (np.eye(2), ["a", "a"], "repeated_id", "two faces have the id 'a'"),
        (np.ones((MOST_FACES + 1, 1)), ["a"], "too_many_items", "50,001 faces, at most 50,000 are grouped at once"),
    ],
)
def test_faces_that_cannot_be_compared_are_refused(vectors, ids, code, message) -> None:
    with pytest.raises(FaceError, match=message) as refused:
        group_persons(vectors, ids, 0.363)
    assert refused.value.code == code
