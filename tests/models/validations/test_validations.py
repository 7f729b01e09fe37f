"""Figures of predictions against codes, held against scikit-learn, and what is done with odd input."""

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from models.classifiers.targets import read_classes
from models.errors import AgreementError, ModelsError, TrainingError
from models.validations.tables import CodeTable, Labeller
from models.validations.validations import Validation, validate

N = 120
RNG = np.random.default_rng(7)
IDS = [f"i{i}.png" for i in range(N)]
TRUE = RNG.choice(["cat", "dog", "owl"], N, p=[0.15, 0.45, 0.4]).tolist()
SCORES = RNG.dirichlet([1, 1, 1], N) * 0.6 + 0.4 * np.eye(3)[[["cat", "dog", "owl"].index(t) for t in TRUE]]
TWO = ["cat" if t == "cat" else "other" for t in TRUE]


def by_label(scores: Any = SCORES, labels: tuple[str, ...] = ("cat", "dog", "owl")) -> dict[str, list[float]]:
    return {label: scores[:, j].tolist() for j, label in enumerate(labels)}


def run(labeller: Labeller | list[Labeller], codes: list[Any] = TRUE, **options: Any) -> Validation:
    sets = labeller if isinstance(labeller, list) else [labeller]
    columns = {name: options.pop(name) for name in ("coder", "inclusion_prob", "group", "stratum") if name in options}
    items = options.pop("items", IDS)
    return validate(sets, CodeTable(item=items, code=codes, **columns), **{"resamples": 20, **options})


def test_figures_are_those_of_scikit_learn():
    weights = RNG.uniform(0.2, 1, N)
    found = run(Labeller(name="z", item=IDS, scores=by_label()), inclusion_prob=weights.tolist())
    figures = {name: each.value for name, each in found.validated[0].measured.figures.items()}
    best = [("cat", "dog", "owl")[i] for i in SCORES.argmax(axis=1)]
    w = 1 / weights
    assert figures["accuracy"] == pytest.approx(sk.accuracy_score(TRUE, best, sample_weight=w))
    assert figures["f1_macro"] == pytest.approx(sk.f1_score(TRUE, best, average="macro", sample_weight=w))
    assert figures["log_loss"] == pytest.approx(sk.log_loss(TRUE, SCORES, sample_weight=w), abs=1e-6)
    cat = [t == "cat" for t in TRUE]
    assert figures["roc_auc[cat]"] == pytest.approx(sk.roc_auc_score(cat, SCORES[:, 0], sample_weight=w))
    assert found.weighted
    assert found.task == "categorical"
    assert found.validated[0].measured.confusion == tuple(map(tuple, sk.confusion_matrix(TRUE, best).tolist()))


def test_labels_alone_have_no_figures_of_scores():
    found = run(Labeller(name="m", item=IDS, value=TRUE))
    names = {name.partition("[")[0] for name in found.validated[0].measured.figures}
    assert {"accuracy", "f1", "recall"} <= names
    assert not {"roc_auc", "pr_auc", "brier", "log_loss"} & names
    assert found.validated[0].curves == ()
    assert found.validated[0].measured.reliability is None


def test_scores_that_are_no_probabilities_have_no_brier_score():
    names = run(Labeller(name="z", item=IDS, scores=by_label(SCORES * 7 - 3))).validated[0].measured.figures
    assert "roc_auc" in names
    assert "brier" not in names


def test_agreement_of_a_machine_with_a_coder_is_cohens_kappa():
    other = [t if RNG.random() < 0.8 else "dog" for t in TRUE]
    found = run(
        Labeller(name="m", item=IDS, value=TRUE),
        [*TRUE, *other],
        items=[*IDS, *IDS],
        coder=["anna"] * N + ["ben"] * N,
    )
    kappa = {(each.a, each.b): each.agreement.kappa.value for each in found.agreement if each.agreement.kappa}
    assert kappa["m", "ben"] == pytest.approx(sk.cohen_kappa_score(TRUE, other))
    assert kappa["anna", "ben"] == pytest.approx(sk.cohen_kappa_score(TRUE, other))
    assert [each.agreement.items for each in found.agreement] == [N, N, N]  # items on which coders differ count too
    assert found.used < N
    assert any("since their coders differ" in remark for remark in found.remarks)


def test_numbers_are_measured_as_numbers():
    codes = RNG.normal(3, 1, N).tolist()
    values = (np.array(codes) + RNG.normal(0, 0.3, N)).tolist()
    found = run(Labeller(name="c", item=IDS, value=values), codes)
    figures = found.validated[0].measured.figures
    assert found.task == "continuous"
    assert figures["r2"].value == pytest.approx(sk.r2_score(codes, values))
    assert figures["mae"].value == pytest.approx(sk.mean_absolute_error(codes, values))


@pytest.mark.parametrize("codes", [[1, 0], ["1", "0"], [True, False], ["yes", "no"], [1.0, 0.0], ["TRUE", "FALSE"]])
@pytest.mark.parametrize("labels", [[1, 0], ["1", "0"], [1.0, 0.0], [True, False]])
def test_equal_codes_are_equal_however_they_are_written(codes: list[Any], labels: list[Any]):
    flags = [t == "cat" for t in TRUE]
    found = run(
        Labeller(name="m", item=IDS, value=[labels[0] if each else labels[1] for each in flags]),
        [codes[0] if each else codes[1] for each in flags],
    )
    assert found.validated[0].measured.figures["accuracy"].value == 1
    assert found.task == "binary"


def test_single_scores_are_those_of_the_positive_class():
    found = run(Labeller(name="s", item=IDS, value=SCORES[:, 0].tolist()), TWO)
    assert found.positive == "cat"  # of cat and other, as in training
    assert found.labels == ("other", "cat")
    auc = sk.roc_auc_score([t == "cat" for t in TWO], SCORES[:, 0])
    assert found.validated[0].measured.figures["roc_auc"].value == pytest.approx(auc)
    assert any("taken as scores" in remark for remark in found.remarks)


def test_labels_that_stand_for_one_code_are_joined():
    scores = by_label(labels=("a cat", "a dog", "an owl"))
    rename = {"a cat": "cat", "a dog": "other", "an owl": "other"}
    found = run(Labeller(name="z", item=IDS, scores=scores), TWO, rename=rename)
    assert found.labels == ("other", "cat")
    auc = sk.roc_auc_score([t == "cat" for t in TWO], SCORES[:, 0])
    assert found.validated[0].measured.figures["roc_auc"].value == pytest.approx(auc)
    assert "brier" in found.validated[0].measured.figures


def test_labels_of_which_none_is_a_code_are_refused_with_the_way_out():
    with pytest.raises(AgreementError, match="set `rename`: 'a cat' for 'cat'"):
        run(Labeller(name="z", item=IDS, value=[f"a {t}" for t in TRUE]))


def test_everything_that_is_left_out_is_counted():
    codes = [None, *TRUE[1:]]
    value = [*TRUE[:-2], None, "elephant"]
    found = run(Labeller(name="m", item=[*IDS[:-1], "x"], value=value), codes)
    own = found.validated[0]
    assert (own.without_prediction, own.without_code) == (2, 2)
    text = " ".join(found.remarks)
    assert "1 of 120 items of the table have no code" in text
    assert "2 of 119 coded items have no prediction" in text


def test_labels_that_differ_in_capitals_are_remarked():
    value = ["Cat" if t == "cat" and i % 2 else t for i, t in enumerate(TRUE)]
    text = " ".join(run(Labeller(name="m", item=IDS, value=value)).remarks)
    assert "differ only in capitals" in text
    assert "no item is coded as ('Cat')" in text


def test_an_item_with_scores_and_without_a_label_is_none_of_these():
    value = [None if i < 10 else t for i, t in enumerate(TRUE)]
    found = run(Labeller(name="z", item=IDS, value=value, scores=by_label()))
    assert "none of these" in found.labels
    assert found.validated[0].measured.figures["accuracy"].value == pytest.approx(1 - 10 / N)


def test_training_items_are_remarked():
    seen = frozenset(IDS[:30])
    labeller = Labeller(name="p", item=IDS, value=TRUE, trained_on=("animal@1", seen))
    assert any("animal@1 was trained on 30 of these 120" in remark for remark in run(labeller).remarks)


def test_strata_without_probabilities_are_remarked():
    found = run(Labeller(name="m", item=IDS, value=TRUE), stratum=[i % 3 for i in range(N)])
    assert any("3 strata without inclusion_prob" in remark for remark in found.remarks)


def test_groups_are_drawn_whole():
    copies = [IDS[i] for i in range(40)]
    wrong = [t if RNG.random() < 0.7 else "dog" for t in TRUE[:40]]
    items = [f"{id}-{k}" for id in copies for k in range(5)]
    codes, value = [t for t in TRUE[:40] for _ in range(5)], [t for t in wrong for _ in range(5)]
    labeller = Labeller(name="m", item=items, value=value)
    options = {"items": items, "resamples": 300}
    alone = run(labeller, codes, **options).validated[0].measured.figures["accuracy"]
    groups = [id for id in copies for _ in range(5)]
    grouped = run(labeller, codes, group=groups, **options).validated[0].measured.figures["accuracy"]
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


@pytest.mark.parametrize(
    ("labellers", "options", "message"),
    [
        ([Labeller(name="a", item=IDS, value=TRUE)] * 2, {}, "two are named 'a'"),
        ([Labeller(name="a", item=["i0.png"] * 2, value=["cat", "dog"])], {}, "appears twice"),
        ([Labeller(name="a", item=["x", "y"], value=["cat", "dog"])], {}, "none of its 2 items"),
        ([Labeller(name="a", item=[], value=[])], {}, "no item has a prediction"),
        ([Labeller(name="a", item=IDS, value=TRUE[:-1])], {}, "got 119 for 120 items"),
        ([Labeller(name="a", item=IDS)], {}, "neither `value` nor `scores`"),
        ([Labeller(name="a", item=IDS, scores={"cat": [0.5] * N})], {}, "scores of 'cat' alone"),
        ([Labeller(name="a", item=IDS, scores={"cat": [np.inf] * N, "dog": [0] * N})], {}, "not all finite"),
        ([Labeller(name="a", item=IDS, value=TRUE)], {"task": "binary"}, "a binary task has 2"),
        ([Labeller(name="a", item=IDS, value=TRUE)], {"positive": "owll"}, "positive: 'owll'"),
        ([Labeller(name="a", item=IDS, value=TRUE)], {"inclusion_prob": [2.0] * N}, "above 0 and at most 1"),
        ([Labeller(name="a", item=IDS, value=TRUE)], {"inclusion_prob": [0.5]}, "got 1 for 120 codes"),
        ([Labeller(name="a", item=IDS, value=TRUE)], {"codes": [None] * N}, "none of 120 rows has a code"),
        ([Labeller(name="a", item=IDS, value=["cat"] * N)], {"codes": ["cat"] * N}, "all"),
    ],
)
def test_what_cannot_be_compared_is_refused(labellers: list[Labeller], options: dict[str, Any], message: str):
    with pytest.raises((AgreementError, TrainingError), match=message):
        run(labellers, **options)


cells = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=True), st.text(max_size=3))


@settings(max_examples=25, deadline=None)
@given(st.lists(cells, min_size=1, max_size=12), st.lists(cells, min_size=1, max_size=12))
def test_any_cells_are_measured_or_refused_in_words(codes: list[Any], values: list[Any]):
    labeller = Labeller(name="m", item=list(range(len(values))), value=values)
    table = CodeTable(item=list(range(len(codes))), code=codes)
    with suppress(ModelsError):
        assert validate([labeller], table, resamples=2).used <= len(codes)


def test_a_class_that_nobody_coded_is_no_part_of_means_over_classes():
    """Not of one labeller that predicts it, and not of another beside it."""
    rng = np.random.default_rng(3)
    one = [str(rng.choice(["cat", "dog"])) for _ in TRUE]
    other = [name if rng.random() < 0.8 else "neither" for name in one]
    found = validate(
        [Labeller(name="one", item=IDS, value=one), Labeller(name="other", item=IDS, value=other)],
        CodeTable(item=IDS, code=TRUE),
        resamples=50,
    )
    classes = sorted(set(TRUE))
    for each, predicted in zip(found.validated, (one, other), strict=True):
        expected = sk.f1_score(TRUE, predicted, labels=classes, average="macro", zero_division=0)
        assert each.measured.figures["f1_macro"].value == pytest.approx(expected)
        recall = each.measured.figures["recall_macro"].value
        assert recall == pytest.approx(each.measured.figures["balanced_accuracy"].value)


def test_scores_that_are_missing_leave_their_items_out():
    score = [0.9 if each == "cat" else 0.2 for each in TRUE]
    missing = [None if i % 10 == 0 else value for i, value in enumerate(score)]
    found = run(Labeller(name="m", item=IDS, value=missing), ["yes" if each == "cat" else "no" for each in TRUE])
    assert found.validated[0].measured.n == len(TRUE) - len(TRUE[::10])


@pytest.mark.parametrize(
    ("negative", "positive"),
    [
        *[("0", "1"), ("no", "yes"), ("No", "Yes"), ("false", "true"), ("NO", "yes")],
        *[("other", "animal"), ("none", "logo"), ("not animal", "animal"), ("no_smoke", "smoke"), ("cat", "dog")],
        *[("2", "10"), ("negative", "neutral"), ("none", "other"), ("nowhere", "somewhere"), ("note", "yes")],
    ],
)
def test_training_and_validation_agree_on_the_positive_class(negative: str, positive: str):
    rng = np.random.default_rng(0)
    for share in (0.2, 0.8):
        codes = [positive if each else negative for each in rng.random(60) < share]
        _, trained = read_classes(codes, "binary", None)
        table = CodeTable(item=[str(i) for i in range(60)], code=codes)
        validated = validate([Labeller(name="m", item=table.item, value=codes)], table, task="binary", resamples=20)
        assert trained == validated.labels == (negative, positive)
        assert validated.positive == positive
