"""Zero-shot: cosines and scores against an oracle in float64, written from the papers' formulas with scipy.

Tolerance. Vectors are float32, so cosines agree within 1e-6. A score is a function of scale · cosine with a slope of
at most 1/4 · scale, computed in float32: it agrees within 1e-6 · (1 + scale) of the oracle on the returned cosines.
"""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax

from models.catalog.spec import ZeroShotHead
from service.errors import ItemsFailed, TooLarge, Unprocessable
from service.pipelines.items import Item
from service.pipelines.prompts import ZeroShotQuery
from service.pipelines.zero_shot import zero_shot
from tests.service import fakes

HEAD = fakes.SPEC.zero_shot
ITEMS = [Item(text=text) for text in ("a cat", "a protest in the rain", "猫", "🙂", "x" * 50)]
LABELS = ["a cat", "a dog", "a demonstration"]


def head(activation="softmax", scale=10.0, bias=0.0, **changes) -> ZeroShotHead:
    return replace(HEAD, activation=activation, logit_scale=scale, logit_bias=bias, **changes)


def ask(tmp_path, question, items=ITEMS, *, on_error="fail", limits=(), **spec):
    async def main():
        async with fakes.engine(tmp_path, settings=limits, **spec) as engine:
            return await zero_shot(engine, engine.model(None), items, question, decode="exact", on_error=on_error)

    return asyncio.run(asyncio.wait_for(main(), 60))


def refusal(tmp_path, question, error=Unprocessable, **rest):
    with pytest.raises(error) as caught:
        ask(tmp_path, question, **rest)
    return caught.value


def oracle_cosines(items, texts, templates):
    vectors = np.stack([fakes.label_vector(text, templates) for text in texts])
    return np.stack([fakes.text_vector(item.text) for item in items]) @ vectors.T


# scores


def test_cosines_are_those_of_items_with_averaged_prompts(tmp_path):
    found = ask(tmp_path, ZeroShotQuery(labels=LABELS))
    assert found.templates == HEAD.templates
    np.testing.assert_allclose(found.cosines, oracle_cosines(ITEMS, LABELS, HEAD.templates), atol=1e-6)
    assert found.cosines.std() > 0.1
    other = ask(tmp_path, ZeroShotQuery(labels=LABELS, templates=["{}!", "no {} at all", "{}"]))
    np.testing.assert_allclose(other.cosines, oracle_cosines(ITEMS, LABELS, ["{}!", "no {} at all", "{}"]), atol=1e-6)
    assert other.templates == ("{}!", "no {} at all", "{}")


SCALES = st.floats(-4, 6).map(lambda exponent: 10.0**exponent)


@settings(max_examples=60, deadline=None)
@given(
    activation=st.sampled_from(["softmax", "sigmoid"]),
    multi_label=st.booleans(),
    none_text=st.sampled_from([None, "nothing of the kind"]),
    scale=SCALES,
    bias=st.sampled_from([0.0, -16.5, 3.0]),
    labels=st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=2, max_size=6, unique=True),
    negatives=st.lists(st.text("nopq", min_size=1, max_size=6), min_size=1, max_size=3, unique=True),
    texts=st.lists(st.text("rstuvwxyz", min_size=1, max_size=9), min_size=1, max_size=5),
)
def test_scores_equal_the_oracle_at_any_scale(
    activation, multi_label, none_text, scale, bias, labels, negatives, texts
):
    contrasts = multi_label and activation == "softmax"
    question = ZeroShotQuery(
        labels=labels, multi_label=multi_label, negatives=negatives if contrasts else None, none_text=none_text
    )
    items = [Item(text=text) for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        found = ask(Path(folder), question, items, zero_shot=head(activation, scale, bias))

    cosines = oracle_cosines(items, labels, HEAD.templates)
    np.testing.assert_allclose(found.cosines, cosines, atol=1e-6)
    # from here on the returned cosines: at a scale of a million their last digit decides
    logits = scale * found.cosines.astype(np.float64) + bias
    none = scale * oracle_cosines(items, [none_text or "-"], HEAD.templates) + bias
    if contrasts:
        against = (
            scale * oracle_cosines(items, negatives, HEAD.templates) + bias
        )  # exp(l) / (exp(l) + Σ exp(negatives))
        wanted = np.stack([softmax(np.c_[logits[:, i], against], axis=1)[:, 0] for i in range(len(labels))], axis=1)
        wanted_none = softmax(np.c_[none, against], axis=1)[:, 0]
    elif multi_label:
        wanted, wanted_none = expit(logits), expit(none)[:, 0]
    else:
        shares = softmax(np.c_[logits, none] if none_text else logits, axis=1)
        wanted, wanted_none = shares[:, : len(labels)], shares[:, -1]

    tolerance = 1e-6 * (1 + scale + abs(bias))
    assert np.isfinite(found.scores).all()
    assert found.scores.min() >= 0
    assert found.scores.max() <= 1 + tolerance
    np.testing.assert_allclose(found.scores, wanted, atol=tolerance)
    assert (found.none_scores is None) == (none_text is None)
    if none_text:
        np.testing.assert_allclose(found.none_scores, wanted_none, atol=tolerance)
    if not multi_label:
        total = found.scores.sum(axis=1) + (found.none_scores if none_text else 0)
        np.testing.assert_allclose(total, 1, atol=min(tolerance, 0.5) + 1e-5)
    assert found.logit_scale == scale
    assert found.negatives == (tuple(negatives) if contrasts else None)


def test_the_models_own_negatives_are_used_and_stated(tmp_path):
    found = ask(tmp_path, ZeroShotQuery(labels=["a cat"], multi_label=True))
    assert found.negatives == HEAD.negatives
    label, negative = oracle_cosines(ITEMS, ["a cat", *HEAD.negatives], HEAD.templates).T
    np.testing.assert_allclose(found.scores[:, 0], expit(10 * (label - negative)), atol=1e-5)


def test_a_score_does_not_depend_on_the_items_beside_it(tmp_path):
    together = ask(tmp_path, ZeroShotQuery(labels=LABELS))
    for i, item in enumerate(ITEMS):
        np.testing.assert_allclose(
            ask(tmp_path, ZeroShotQuery(labels=LABELS), [item]).scores[0], together.scores[i], atol=1e-6
        )


def test_under_multi_label_a_score_does_not_depend_on_the_other_labels(tmp_path):
    every = ask(tmp_path, ZeroShotQuery(labels=LABELS, multi_label=True))
    alone = ask(tmp_path, ZeroShotQuery(labels=LABELS[:1], multi_label=True))
    np.testing.assert_allclose(alone.scores[:, 0], every.scores[:, 0], atol=1e-6)


# the best label


@pytest.mark.parametrize("multi_label", [False, True])
def test_the_best_label_has_the_highest_cosine(tmp_path, multi_label):
    found = ask(tmp_path, ZeroShotQuery(labels=LABELS, multi_label=multi_label))
    assert found.best == [LABELS[i] for i in oracle_cosines(ITEMS, LABELS, HEAD.templates).argmax(axis=1)]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_the_best_label_has_the_highest_cosine_where_scores_are_saturated(tmp_path, activation):
    labels = [f"label {i}" for i in range(12)]
    items = [Item(text=f"text {i}") for i in range(40)]
    found = ask(tmp_path, ZeroShotQuery(labels=labels, multi_label=True), items, zero_shot=head(activation, 200.0))
    best = oracle_cosines(items, labels, HEAD.templates).argmax(axis=1)
    assert found.best == [labels[i] for i in best]


@pytest.mark.parametrize("multi_label", [False, True])
def test_none_of_these_wins_where_its_text_is_nearer_than_any_label(tmp_path, multi_label):
    items = [Item(text=f"text {i}") for i in range(30)]
    found = ask(tmp_path, ZeroShotQuery(labels=LABELS, none_text="nothing", multi_label=multi_label), items)
    cosines = oracle_cosines(items, [*LABELS, "nothing"], HEAD.templates)
    wanted = [None if row.argmax() == len(LABELS) else LABELS[row[:-1].argmax()] for row in cosines]
    assert found.best == wanted
    assert 0 < wanted.count(None) < len(items)


def test_none_of_these_wins_where_no_cosine_reaches_the_threshold(tmp_path):
    items = [Item(text=f"text {i}") for i in range(30)]
    found = ask(tmp_path, ZeroShotQuery(labels=LABELS, none_min_cosine=0.3), items)
    cosines = oracle_cosines(items, LABELS, HEAD.templates)
    assert found.best == [LABELS[row.argmax()] if row.max() >= 0.3 else None for row in cosines]
    assert 0 < found.best.count(None) < len(items)
    assert found.none_scores is None
    np.testing.assert_allclose(found.scores, softmax(10 * cosines, axis=1), atol=1e-5)  # a threshold changes no score


@pytest.mark.parametrize("multi_label", [False, True])
def test_an_item_that_failed_warns_of_nothing(tmp_path, multi_label):
    ask(tmp_path, ZeroShotQuery(labels=LABELS, multi_label=multi_label), [*ITEMS, Item(text=" ")], on_error="skip")


def test_an_item_that_failed_has_no_label_and_no_score(tmp_path):
    items = [Item(text="a cat"), Item(text="  "), Item(text="猫")]
    found = ask(tmp_path, ZeroShotQuery(labels=LABELS, none_text="nothing"), items, on_error="skip")
    assert found.best[1] is None
    assert np.isnan(found.scores[1]).all()
    assert set(found.encoded.failures) == {1}
    alone = ask(tmp_path, ZeroShotQuery(labels=LABELS, none_text="nothing"), [items[0], items[2]])
    np.testing.assert_allclose(found.scores[[0, 2]], alone.scores, atol=1e-6)
    assert [found.best[0], found.best[2]] == alone.best
    refusal(tmp_path, ZeroShotQuery(labels=LABELS), ItemsFailed, items=items)


# the label cache


def test_labels_that_are_cached_change_no_result(tmp_path):
    questions = [
        ZeroShotQuery(labels=LABELS),
        ZeroShotQuery(labels=[*LABELS[::-1], "a teapot"]),
        ZeroShotQuery(labels=LABELS, templates=["{}"]),
        ZeroShotQuery(labels=["a teapot", "a cat"], multi_label=True),
    ]

    async def main(size):
        found = []
        async with fakes.engine(tmp_path, settings={"label_cache": size}) as engine:
            for question in [*questions, *questions]:
                found.append(
                    await zero_shot(engine, engine.model(None), ITEMS, question, decode="exact", on_error="fail")
                )
                assert len(engine.labels) <= size
        return found

    never = asyncio.run(main(0))
    for size in (1, 3, 100):
        for cached, made in zip(asyncio.run(main(size)), never, strict=True):
            np.testing.assert_array_equal(cached.scores, made.scores)
            assert cached.best == made.best


def test_labels_are_made_once(tmp_path):
    placement = fakes.Here()

    async def main():
        async with fakes.engine(tmp_path, placement=placement) as engine:
            for _ in range(3):
                await zero_shot(
                    engine, engine.model(None), ITEMS[:1], ZeroShotQuery(labels=LABELS), decode="exact", on_error="fail"
                )

    asyncio.run(main())
    assert sum(n for _, n in placement.ran) == len(LABELS) * len(HEAD.templates) + 3


def test_a_cached_label_keeps_no_other_label_in_memory(tmp_path):
    async def main():
        async with fakes.engine(tmp_path) as engine:
            kept = []
            put = engine.labels.put
            engine.labels.put = lambda key, vector: (kept.append(vector), put(key, vector))
            labels = [f"label {i}" for i in range(50)]
            await zero_shot(
                engine, engine.model(None), ITEMS, ZeroShotQuery(labels=labels), decode="exact", on_error="fail"
            )
            return kept

    kept = asyncio.run(main())
    assert len(kept) == 50
    assert all(vector.base is None or vector.base.nbytes == vector.nbytes for vector in kept)


# what makes no sense


@pytest.mark.parametrize(
    ("question", "param", "message"),
    [
        (ZeroShotQuery(labels=[]), "labels", "labels: got 0, zero-shot needs at least 2 (add a contrast such as"),
        (ZeroShotQuery(labels=["a"]), "labels", "labels: got 1, zero-shot needs at least 2 (add a contrast such as"),
        (ZeroShotQuery(labels=[], multi_label=True), "labels", "labels: got 0, zero-shot needs at least 1"),
        (ZeroShotQuery(labels=["a", " "]), "labels[1]", "labels[1]: text is empty"),
        (ZeroShotQuery(labels=["a", "b", "A"]), "labels[2]", "labels[2]: 'A' is labels[0] again; each label once"),
        (ZeroShotQuery(labels=["straße", "STRASSE"]), "labels[1]", "labels[1]: 'STRASSE' is labels[0] again"),
        (ZeroShotQuery(labels=["ﬁre", "fire "]), "labels[1]", "labels[1]: 'fire ' is labels[0] again"),
        (ZeroShotQuery(labels=["a", "\ud800"]), "labels[1]", "labels[1]: text holds half of a surrogate pair"),
        (
            ZeroShotQuery(labels=["a", "b"], templates=["photo"]),
            "templates[0]",
            "templates[0]: 'photo' has 0 of {}, it needs one",
        ),
        (
            ZeroShotQuery(labels=["a", "b"], templates=["{}", "{} {}"]),
            "templates[1]",
            "templates[1]: '{} {}' has 2 of {}",
        ),
        (ZeroShotQuery(labels=["a", "b"], negatives=["c"]), "negatives", "negatives: only used with multi_label"),
        (ZeroShotQuery(labels=["a"], multi_label=True, negatives=["c", ""]), "negatives", "negatives: text is empty"),
        (ZeroShotQuery(labels=["a"], multi_label=True, negatives=[]), "negatives", "negatives: is empty; leave it out"),
        (ZeroShotQuery(labels=["a", "b"], none_text=" "), "none_of_these.text", "none_of_these.text: text is empty"),
        (ZeroShotQuery(labels=["a", "b"], none_text="B"), "none_of_these", "none_of_these.text: is one of the labels"),
        (ZeroShotQuery(labels=["a", "b" * 70]), "labels", "labels: 'bbbb"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_why(tmp_path, question, param, message):
    exc = refusal(tmp_path, question)
    assert exc.param == param
    assert exc.message.startswith(message)


def test_a_sigmoid_encoder_takes_no_negatives(tmp_path):
    question = ZeroShotQuery(labels=["a"], multi_label=True, negatives=["b"])
    assert refusal(tmp_path, question, zero_shot=head("sigmoid")).param == "negatives"


def test_an_empty_list_of_templates_is_refused(tmp_path):
    assert refusal(tmp_path, ZeroShotQuery(labels=["a", "b"], templates=[])).message.startswith("templates: is empty")


@pytest.mark.parametrize("spec", [{"zero_shot": None}, {"text": None, "zero_shot": None}])
def test_a_model_without_a_shared_space_says_so(tmp_path, spec):
    exc = refusal(tmp_path, ZeroShotQuery(labels=["a", "b"]), **spec)
    assert (exc.code, exc.param) == ("no_zero_shot", "model")
    assert "'small'" in exc.message


def test_too_many_labels_or_prompts_are_refused(tmp_path):
    limits = {"max_labels": 5, "max_prompts": 8}
    exc = refusal(tmp_path, ZeroShotQuery(labels=list("abcdef")), TooLarge, limits=limits)
    assert (exc.status, exc.code) == (413, "too_many_labels")
    exc = refusal(tmp_path, ZeroShotQuery(labels=list("abcde")), TooLarge, limits=limits)
    assert exc.code == "too_many_prompts"
    assert exc.message.startswith("5 labels times 2 templates are more than 8 prompts")
    assert len(ask(tmp_path, ZeroShotQuery(labels=list("abcd")), limits=limits).best) == len(ITEMS)


def test_negatives_count_as_prompts(tmp_path):
    question = ZeroShotQuery(labels=["a"], multi_label=True, negatives=[f"negative {i}" for i in range(100)])
    assert refusal(tmp_path, question, TooLarge, limits={"max_prompts": 8}).code == "too_many_prompts"


def test_more_prompts_than_the_queue_holds_go_in_parts(tmp_path):
    labels = [f"label {i}" for i in range(40)]
    placement = fakes.Here(capacity=20)

    async def main():
        async with fakes.engine(tmp_path, placement=placement, settings={"queue": 20, "max_items": 20}) as engine:
            return await zero_shot(
                engine, engine.model(None), ITEMS, ZeroShotQuery(labels=labels), decode="exact", on_error="fail"
            )

    np.testing.assert_allclose(asyncio.run(main()).cosines, oracle_cosines(ITEMS, labels, HEAD.templates), atol=1e-6)


def test_many_prompts_go_in_parts_and_stay_in_order(tmp_path):
    labels = [f"label {i}" for i in range(333)]
    found = ask(tmp_path, ZeroShotQuery(labels=labels))
    np.testing.assert_allclose(found.cosines, oracle_cosines(ITEMS, labels, HEAD.templates), atol=1e-6)


def test_a_label_that_is_cut_is_named_wherever_it_stands(tmp_path):
    labels = [*(f"label {i}" for i in range(200)), "z" * 80]
    exc = refusal(tmp_path, ZeroShotQuery(labels=labels))
    assert "'" + "z" * 57 + "…'" in exc.message
    assert "shorten it" in exc.message
