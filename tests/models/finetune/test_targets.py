"""Codes to numbers, and which images are set aside: labels, weights, groups, refusals."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.classifiers.folders import LabelledImage
from models.errors import TrainingError
from models.finetune.options import Options
from models.finetune.targets import MAX_CLASSES, choose_validation, read_targets


def items(targets, splits=None, **fields):
    splits = splits or ["train"] * len(targets)
    return [
        LabelledImage(
            path=Path(f"{i}"), name=str(i), target=t, split=s, **{name: values[i] for name, values in fields.items()}
        )
        for i, (t, s) in enumerate(zip(targets, splits, strict=True))
    ]


def refusal(targets, task="categorical", splits=None, **options):
    with pytest.raises(TrainingError) as caught:
        read_targets(items(targets, splits), Options(task=task, **options))
    return caught.value.message


def test_classes_are_sorted_and_counted_from_zero():
    found = read_targets(items(["b", "a", "c"] * 5), Options(task="categorical"))
    assert found.labels == ("a", "b", "c")
    assert found.values.tolist() == [1, 0, 2] * 5


@pytest.mark.parametrize(("positive", "labels"), [(None, ("no", "yes")), ("no", ("yes", "no"))])
def test_a_binary_task_has_its_positive_class_last(positive, labels):
    found = read_targets(items(["no", "yes"] * 5), Options(task="binary", positive=positive))
    assert found.labels == labels
    assert found.values.tolist() == [labels.index("no"), labels.index("yes")] * 5


def test_some_of_each_class_are_set_aside_and_the_choice_is_the_seeds():
    given_items = items(["a"] * 50 + ["b"] * 10)
    found = read_targets(given_items, Options(task="categorical"))
    aside = found.split == "validation"
    assert np.bincount(found.values[aside].astype(int)).tolist() == [10, 2]
    again = read_targets(given_items, Options(task="categorical"))
    other = read_targets(given_items, Options(task="categorical", seed=1))
    assert (again.split == found.split).all()
    assert (other.split != found.split).any()


def test_validation_images_of_ones_own_are_kept_even_if_a_class_lacks_them():
    found = read_targets(items(["a", "b", "a"] * 2, ["train"] * 5 + ["validation"]), Options(task="categorical"))
    assert found.split.tolist() == ["train"] * 5 + ["validation"]


def test_test_images_stay_test_images():
    found = read_targets(items(["a", "b"] * 10, ["train"] * 10 + ["test"] * 10), Options(task="binary"))
    assert (found.split[10:] == "test").all()
    assert set(found.split[:10]) == {"train", "validation"}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=1, max_size=120),
    st.sampled_from([0.05, 0.2, 0.5]),
    st.integers(0, 5),
)
def test_groups_never_straddle_and_every_class_keeps_something_to_learn_from(rows, part, seed):
    strata = np.array([row[0] for row in rows])
    groups = [str(row[1]) for row in rows]
    aside = choose_validation(strata, groups, part, seed)
    assert not {g for g, a in zip(groups, aside, strict=True) if a} & {
        g for g, a in zip(groups, aside, strict=True) if not a
    }
    assert set(strata.tolist()) == set(strata[~aside].tolist())


@given(st.lists(st.integers(2, 60), min_size=1, max_size=5), st.integers(0, 5))
def test_without_groups_each_class_gives_its_share_and_at_least_one(sizes, seed):
    strata = np.repeat(np.arange(len(sizes)), sizes)
    aside = choose_validation(strata, [str(i) for i in range(len(strata))], 0.2, seed)
    assert np.bincount(strata[aside], minlength=len(sizes)).tolist() == [max(1, round(0.2 * n)) for n in sizes]


def test_a_class_of_two_large_groups_still_gives_one_of_them():
    strata = np.array([0] * 20 + [1] * 20)
    groups = ["a"] * 15 + ["b"] * 5 + ["c"] * 12 + ["d"] * 8
    aside = choose_validation(strata, groups, 0.05, 0)
    assert np.bincount(strata[aside]).tolist() == [5, 8]


def test_groups_of_items_are_respected():
    coded = items(["a", "b"] * 20, group=[f"author {i // 4}" for i in range(40)])
    found = read_targets(coded, Options(task="binary"))
    aside = {coded[i].group for i in np.flatnonzero(found.split == "validation")}
    learnt = {coded[i].group for i in np.flatnonzero(found.split == "train")}
    assert aside
    assert not aside & learnt


def test_balanced_classes_weigh_the_same_in_all():
    found = read_targets(
        items(["a"] * 30 + ["b"] * 10, weight=[1.0] * 30 + [2.0] * 10),
        Options(task="binary", class_weight="balanced"),
    )
    train = found.split == "train"
    weight = (found.weights * found.boost[found.values.astype(int)])[train]
    assert found.weights[train].mean() == pytest.approx(1)
    assert weight.sum() == pytest.approx(train.sum())
    assert weight[found.values[train] == 0].sum() == pytest.approx(weight[found.values[train] == 1].sum())


def test_a_continuous_target_is_spread_over_both_parts():
    values = np.random.default_rng(0).exponential(size=200)
    found = read_targets(items([str(v) for v in values]), Options(task="continuous"))
    assert found.labels == ()
    np.testing.assert_array_equal(found.values, values)
    aside = found.split == "validation"
    assert aside.sum() == pytest.approx(40, abs=4)
    assert (values[aside] > np.quantile(values, 0.8)).sum() == pytest.approx(8, abs=2)


def test_bad_targets_are_refused():
    assert "every image is 'a'; training needs at least 2 classes" in refusal(["a"] * 9)
    assert "got 3 classes (a, b, c" in refusal(["a", "b", "c"] * 3, "binary")
    assert "positive: 'z' is not one of the classes a, b" in refusal(["a", "b"] * 3, "binary", positive="z")
    assert "no validation image of 'b'; a class needs at least 2 training images" in refusal(["a"] * 9 + ["b"])
    assert "test: 'c' not among the training images" in refusal(["a", "b"] * 4 + ["c"], splits=["train"] * 8 + ["test"])
    many = [str(i // 2) for i in range(2 * MAX_CLASSES + 2)]
    assert "10,001 classes, the limit is 10,000; use task continuous for numbers" in refusal(many)


@pytest.mark.parametrize("value", ["nan", "inf", "1,5", "high"])
def test_a_target_that_is_no_number_is_refused(value):
    assert f"{value!r} of 4 is not a number" in refusal(["1", "2", "3", "4", value], "continuous")


def test_bad_numbers_are_refused():
    assert "target: 5 of 4 is outside the bounds 0 to 4" in refusal(list("01235"), "continuous", bounds=(0, 4))
    assert "every training image has 2" in refusal(["2"] * 9, "continuous")
    assert "at least 2 are needed" in refusal(["1", "2"], "continuous")


def test_a_class_in_one_group_alone_is_refused():
    coded = items(["a", "b"] * 10, group=["x" if i % 2 else f"{i}" for i in range(20)])
    with pytest.raises(TrainingError, match=r"no validation image of 'b'.*of 2 groups"):
        read_targets(coded, Options(task="binary"))
