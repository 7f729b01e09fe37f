"""Position bias of labels, by a real server and a stub endpoint that prefers the first category."""

import json

import httpx
import pytest

from daguerre import Client
from daguerre.errors import RemarkWarning
from tests.e2e.labels.common import post
from tests.label_stub import Asked, Stub

SCENES = {
    "variables": [
        {"name": "scene", "kind": "categorical", "categories": [{"name": c} for c in ("street", "sky", "sea")]},
        {"name": "size", "kind": "ordinal", "categories": [{"name": c} for c in ("small", "middle", "large")]},
        {"name": "words", "kind": "text"},
    ]
}
TEXTS = [f"item {i}" for i in range(40)]


def first_choice(asked: Asked) -> str:
    """The first category of `scene` in the question, always `small`."""
    rule = asked.schema["properties"]["scene"]["enum"]
    return json.dumps({"scene": rule[0], "size": "small", "words": "w"})


def ordered(asked: Asked) -> str:
    """The same in the order of the schema's keys."""
    values = json.loads(first_choice(asked))
    return json.dumps({name: values[name] for name in asked.schema["properties"]})


def test_a_labeller_that_prefers_the_first_category_is_found_out(client: Client, stub: Stub) -> None:
    stub.answer = ordered
    made = client.label_repeats(texts=TEXTS[:24], codebook=SCENES, repeats=[3, 4])
    with pytest.warns(RemarkWarning, match="moves the answers"):
        found = client.position_bias(made)
    scene, size = found["scene"], found["size"]
    assert found.clear == ["scene"]
    assert [place["chosen"] for place in scene["places"]] == [48, 0, 0]
    assert scene["difference"]["value"] == 1
    assert scene["consistency"]["same_order"] is None or scene["consistency"]["same_order"]["value"] == 1
    assert scene["consistency"]["other_order"]["value"] < 0.6
    assert size["consistency"]["unanimous"]["value"] == 1
    assert size["p"] > 0.01
    assert [each["variable"] for each in found.variables] == ["scene", "size"]
    assert "scene: the order of the categories moves the answers" in str(found)
    assert len(found.to_pandas()) == 6


def test_a_clear_bias_is_a_remark_of_the_answer(http: httpx.Client, stub: Stub) -> None:
    stub.answer = ordered
    items = [{"text": text} for text in TEXTS]
    remarks = post(http, SCENES, items, category_order="permuted").json()["remarks"]
    assert any(remark.startswith("scene: the order of the categories moves") for remark in remarks)
    fixed = post(http, SCENES, items).json()["remarks"]
    assert not any("order of the categories" in remark for remark in fixed)


def test_fixed_orders_tell_nothing(client: Client, stub: Stub) -> None:
    L = client.label(texts=["a", "b"], codebook=SCENES)
    with pytest.raises(ValueError, match="in a fixed order"):
        client.position_bias(L)
    with pytest.raises(ValueError, match="two repeats"):
        client.label_repeats(texts=["a"], codebook=SCENES, repeats=1)
    with pytest.raises(ValueError, match="seed: repeats differ"):
        client.label_repeats(texts=["a"], codebook=SCENES, seed=5)
