"""POST /v1/zero-shot, against an oracle of its own: NumPy on the vectors of /v1/embeddings."""

from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.e2e.harness import assert_error, embed, image, jpeg, photo_file

PATH = "/v1/zero-shot"
LABELS = ["a cat", "a cup of coffee", "a rocket launch", "a motorcycle"]
EXPECTED = {
    "chelsea": "a cat",
    "coffee": "a cup of coffee",
    "rocket": "a rocket launch",
    "motorcycle_left": "a motorcycle",
}


def ask(client: httpx.Client, items: Any, labels: list[str], **options: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={"input": items, "labels": labels, **options})
    assert answer.status_code == 200, answer.text[:2000]
    return dict(answer.json())


def column(answer: dict[str, Any], name: str) -> NDArray[np.float64]:
    return np.array([entry[name] for entry in answer["data"]], np.float64)


def softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def photos() -> list[dict[str, str]]:
    return [image(photo_file(name), name) for name in EXPECTED]


@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_photo_gets_its_label(client: httpx.Client, name: str) -> None:
    answer = ask(client, [image(photo_file(name))], LABELS)
    assert answer["labels"] == LABELS
    (entry,) = answer["data"]
    assert entry["label"] == EXPECTED[name] == LABELS[int(np.argmax(entry["scores"]))]
    assert entry["index"] == 0


def test_uploaded_photos_get_the_same_answer_as_json(client: httpx.Client) -> None:
    files = [("input", (name, photo_file(name))) for name in EXPECTED]
    form = client.post(PATH, files=files, data={"labels": LABELS, "multi_label": "false"})
    assert form.status_code == 200, form.text
    assert [entry["label"] for entry in form.json()["data"]] == list(EXPECTED.values())
    assert [entry["id"] for entry in form.json()["data"]] == list(EXPECTED)
    np.testing.assert_allclose(
        column(form.json(), "scores"), column(ask(client, photos(), LABELS), "scores"), atol=1e-5
    )


def test_the_answer_says_what_it_is_worth(client: httpx.Client) -> None:
    answer = ask(client, "a kitten", ["a cat", "a dog"])
    assert answer["calibrated"] is False
    assert answer["receipt"]["demonstration"] is True
    assert "Demonstration model" in answer["receipt"]["notice"]
    assert answer["negatives"] is None
    assert answer["logit_scale"] > 0
    assert all(template.count("{}") == 1 for template in answer["templates"])


def test_scores_are_the_softmax_of_scaled_cosines(client: httpx.Client) -> None:
    answer = ask(client, [*photos(), "a kitten"], LABELS)
    scores = column(answer, "scores")
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(scores, softmax(answer["logit_scale"] * column(answer, "cosines")), atol=1e-5)


def test_cosines_are_those_of_the_embeddings(client: httpx.Client) -> None:
    """With one bare template a label's vector is that of the label as a text."""
    items = [*photos(), "a kitten"]
    answer = ask(client, items, LABELS, templates=["{}"])
    of_items, of_labels = embed(client, items), embed(client, LABELS)
    np.testing.assert_allclose(column(answer, "cosines"), of_items @ of_labels.T, atol=2e-6)
    np.testing.assert_allclose(
        column(answer, "scores"), softmax(answer["logit_scale"] * of_items @ of_labels.T), atol=1e-4
    )


def test_templates_are_used(client: httpx.Client) -> None:
    items = photos()
    answer = ask(client, items, LABELS, templates=["a photo of {}"])
    prompts = embed(client, [f"a photo of {label}" for label in LABELS])
    np.testing.assert_allclose(column(answer, "cosines"), embed(client, items) @ prompts.T, atol=2e-6)
    assert answer["templates"] == ["a photo of {}"]
    both = column(ask(client, items, LABELS, templates=["{}", "a photo of {}"]), "cosines")
    assert np.abs(both - column(answer, "cosines")).max() > 1e-4


def test_multi_label_contrasts_each_label_with_the_negatives(client: httpx.Client) -> None:
    negatives = ["something else", "a landscape"]
    options = {"multi_label": True, "negatives": negatives, "templates": ["{}"]}
    answer = ask(client, photos(), LABELS, **options)
    assert answer["negatives"] == negatives
    of_items = embed(client, photos())
    scale = answer["logit_scale"]
    yes = np.exp(scale * of_items @ embed(client, LABELS).T)
    no = np.exp(scale * of_items @ embed(client, negatives).T).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(column(answer, "scores"), yes / (yes + no), atol=1e-4)
    assert [entry["label"] for entry in answer["data"]] == list(EXPECTED.values())


def test_multi_label_scores_do_not_depend_on_the_other_labels(client: httpx.Client) -> None:
    together = column(ask(client, photos(), LABELS, multi_label=True), "scores")
    for i, label in enumerate(LABELS):
        alone = ask(client, photos(), [label], multi_label=True)
        assert {entry["label"] for entry in alone["data"]} == {label}
        np.testing.assert_allclose(column(alone, "scores")[:, 0], together[:, i], atol=1e-5)
    assert together.min() < 0.4  # sigmoid(scale · cosine) would be near 1 for every label
    assert together.max() > 0.8


def test_none_of_these_by_a_contrast_text(client: httpx.Client) -> None:
    wrong = ["a motorcycle", "a cup of coffee"]
    options = {"none_of_these": {"text": "a cat"}, "templates": ["{}"]}
    answer = ask(client, photos()[:2], wrong, **options)
    assert [entry["label"] for entry in answer["data"]] == [None, "a cup of coffee"]
    of_items = embed(client, photos()[:2])
    shares = softmax(answer["logit_scale"] * of_items @ embed(client, [*wrong, "a cat"]).T)
    np.testing.assert_allclose(column(answer, "scores"), shares[:, :2], atol=1e-4)
    np.testing.assert_allclose(column(answer, "none_score"), shares[:, 2], atol=1e-4)


def test_none_of_these_by_a_cosine(client: httpx.Client) -> None:
    plain = ask(client, photos(), LABELS)
    best = column(plain, "cosines").max(axis=1)
    threshold = float(np.sort(best)[1:3].mean())  # two photos reach it, two do not
    answer = ask(client, photos(), LABELS, none_of_these={"min_cosine": threshold})
    expected = [label if cosine >= threshold else None for label, cosine in zip(EXPECTED.values(), best, strict=True)]
    assert expected.count(None) == 2
    assert [entry["label"] for entry in answer["data"]] == expected
    np.testing.assert_allclose(column(answer, "scores"), column(plain, "scores"), atol=1e-6)
    assert all("none_score" not in entry for entry in answer["data"])


def test_texts_are_items_too(client: httpx.Client) -> None:
    texts = ["my kitten sleeps all day", "two espressos, please", "the rocket left its pad", "he repairs motorbikes"]
    answer = ask(client, texts, LABELS)
    assert [entry["label"] for entry in answer["data"]] == LABELS


def test_the_order_of_labels_only_orders_the_scores(client: httpx.Client) -> None:
    order = [2, 0, 3, 1]
    plain = ask(client, photos(), LABELS)
    shuffled = ask(client, photos(), [LABELS[i] for i in order])
    for name in ("scores", "cosines"):
        np.testing.assert_allclose(column(shuffled, name), column(plain, name)[:, order], atol=1e-6)
    assert [e["label"] for e in shuffled["data"]] == [e["label"] for e in plain["data"]]


def test_a_label_is_the_same_from_the_cache_and_among_others(client: httpx.Client) -> None:
    label = "a cat on a windowsill that nobody asked about before"
    first = column(ask(client, photos(), [label, "a dog"]), "cosines")
    again = column(ask(client, photos(), ["a horse", "a dog", label]), "cosines")
    np.testing.assert_allclose(again[:, [2, 1]], first, atol=1e-6)


def test_unicode_labels_come_back_as_they_were(client: httpx.Client) -> None:
    labels = ["кошка", "抗议活动 (protest)", "ein Café ☕", "astronaut 👩🏽‍🚀", "e\u0301tudiant", "a cat"]
    answer = ask(client, photos()[:1], labels)
    assert answer["labels"] == labels
    scores = column(answer, "scores")
    assert np.isfinite(scores).all()
    assert scores.sum() == pytest.approx(1, abs=1e-5)
    assert len(np.unique(column(answer, "cosines"))) == len(labels)


@pytest.mark.thorough
def test_a_thousand_labels(client: httpx.Client) -> None:
    labels = [*(f"object number {i}" for i in range(999)), "a cat"]
    answer = ask(client, photos()[:1], labels)
    scores = column(answer, "scores")
    assert scores.shape == (1, 1000)
    assert scores.sum() == pytest.approx(1, abs=1e-4)
    assert answer["data"][0]["label"] == "a cat"
    assert_error(client.post(PATH, json={"input": "a", "labels": [*labels, "one more"]}), 413, "too_many_labels")


@pytest.mark.parametrize(
    "again", ["a cat", "A CAT", " a cat ", "\uff41 \uff43\uff41\uff54"], ids=["same", "case", "space", "width"]
)
def test_a_label_given_twice_is_named(client: httpx.Client, again: str) -> None:
    answer = client.post(PATH, json={"input": "a", "labels": ["a cat", "a dog", again]})
    error = assert_error(answer, 422, "invalid_request")
    assert error["param"] == "labels[2]"
    assert "labels[0]" in error["message"]


def test_too_many_prompts_are_refused_for_good(client: httpx.Client) -> None:
    labels = [f"label {i}" for i in range(1000)]
    body = {"input": "a", "labels": labels, "templates": [f"template {i} of {{}}" for i in range(30)]}
    assert_error(client.post(PATH, json=body), 413, "too_many_prompts")


def test_more_negatives_than_the_queue_holds_go_in_parts(strict: httpx.Client) -> None:
    """The queue holds 48."""
    negatives = [f"negative {i}" for i in range(60)]
    body = {"input": "a", "labels": ["a cat"], "multi_label": True, "negatives": negatives, "templates": ["{}"]}
    answer = strict.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["negatives"] == negatives


@pytest.mark.parametrize("options", [{"templates": []}, {"multi_label": True, "negatives": []}])
def test_an_empty_list_is_not_silently_the_default(client: httpx.Client, options: dict[str, Any]) -> None:
    assert_error(client.post(PATH, json={"input": "a", "labels": ["x", "y"], **options}), 422, "invalid_request")


def test_a_bad_image_is_skipped_and_the_others_are_scored(client: httpx.Client) -> None:
    items = [*photos()[:1], image(b"no image"), *photos()[1:2]]
    answer = ask(client, items, LABELS, on_error="skip")
    good, bad, other = answer["data"]
    assert [good["label"], other["label"]] == ["a cat", "a cup of coffee"]
    assert bad["error"]["code"] == "unsupported_image"
    assert set(bad) == {"index", "error"}
    error = assert_error(client.post(PATH, json={"input": items, "labels": LABELS}), 422, "invalid_items")
    assert [item["index"] for item in error["items"]] == [1]


def test_small_photos_are_enough(client: httpx.Client) -> None:
    items = [image(jpeg(name, width=240, quality=80)) for name in EXPECTED]
    assert [entry["label"] for entry in ask(client, items, LABELS)["data"]] == list(EXPECTED.values())
