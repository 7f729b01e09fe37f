"""The page of codebook labels, by a real server and a stub endpoint."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from daguerre import Client
from tests.e2e.labels.common import CODED
from tests.label_stub import Asked, Stub, completion

pytestmark = pytest.mark.filterwarnings("ignore")
SCENES = {
    "instructions": "Code what is visible.",
    "variables": [
        {"name": "animal", "kind": "binary", "question": "Is an animal visible?"},
        {"name": "scene", "kind": "categorical", "categories": [{"name": c} for c in ("street", "sky", "sea")]},
        {"name": "share", "kind": "continuous", "low": 0, "high": 10},
        {"name": "words", "kind": "text"},
    ],
}


def scenes(asked: Asked) -> object:
    """Values by a hash of the item; every seventh item is refused, every fifth one cannot be told."""
    number = int(hashlib.sha256(asked.item.encode()).hexdigest(), 16)
    if number % 7 == 0:
        return completion(None, refusal="I may not look at this.")
    order = asked.schema["properties"]["scene"]["enum"]
    values = {
        "animal": ["yes", "no"][number % 2],
        "scene": "cannot tell" if number % 5 == 0 else order[0] if number % 3 else "sky",
        "share": number % 10,
        "words": f"<b>word {number % 3}</b>",
    }
    return json.dumps({name: values[name] for name in asked.schema["properties"]})


def test_the_page_has_labels_codes_and_raw_answers(client: Client, stub: Stub, tmp_path: Path) -> None:
    stub.answer = scenes
    L = client.label(str(CODED), codebook=SCENES, category_order="permuted")
    codes = tmp_path / "codes.csv"
    lines = [
        f"{id},{['yes', 'no'][i // 2 % 2]},{('street', 'sky', 'sea')[i % 3]}" for i, id in enumerate(L.ids) if i % 2
    ]
    codes.write_text("\n".join(["id,animal,scene", *lines]))
    L.report(tmp_path / "labels.html", codes=codes, tables=tmp_path / "tables")
    html = (tmp_path / "labels.html").read_text()
    for title in ("Labels", "Against codes of people: animal", "Against codes of people: scene", "Items and answers",
                  "Position of categories", "Items that the labeller cannot tell", "Items without labels", "Codebook",
                  "Prompt", "Receipt"):  # fmt: skip
        assert f"<h2>{title}</h2>" in html
    assert L.prompt["sha256"] in html
    assert L.fingerprint in html
    assert "I may not look at this." in html
    assert "<b>word" not in html
    assert html.count("data:image/jpeg;base64,") >= 20
    yes = sum(each["labels"]["animal"]["value"] == "yes" for each in L.entries if "labels" in each)
    assert re.search(rf"yes</bdi></th><td>(<data[^>]*>)?{yes}<", html)
    assert "script" not in html.lower().replace("description", "")
    assert (tmp_path / "tables" / "labels.csv").exists() or list((tmp_path / "tables").iterdir())


def test_labels_that_are_read_back_have_a_page(client: Client, stub: Stub, tmp_path: Path) -> None:
    client.label_corpus(str(CODED), tmp_path / "labels.parquet", codebook={"variables": SCENES["variables"][:1]})
    L = client.read_labels(tmp_path / "labels.parquet")
    L.report(tmp_path / "labels.html", images=str(CODED), codes={id: "yes" for id in L.ids[:9]} | {L.ids[9]: "no"})
    html = (tmp_path / "labels.html").read_text()
    assert "<h2>Against codes of people: animal</h2>" in html
    with pytest.raises(ValueError, match="category_order"):
        L.report(tmp_path / "page.html", repeats=[L])
    for name, told in zip(("answers", "prompt_tokens", "completion_tokens"), (36, *L.tokens), strict=True):
        assert re.search(rf">{name}<\D*>{told}<", html)
    with pytest.raises(ValueError, match=r"label into labels\.parquet"):
        client.read_labels(tmp_path / "labels.csv")


def test_a_page_of_labels_that_no_item_allows(client: Client, stub: Stub, tmp_path: Path) -> None:
    stub.answer = lambda asked: json.dumps({"animal": "cannot tell"})
    codebook = {"variables": SCENES["variables"][:1]}
    L = client.label(str(CODED), codebook=codebook, category_order="permuted")
    L.report(tmp_path / "labels.html")
    html = (tmp_path / "labels.html").read_text()
    assert "<h2>Items that the labeller cannot tell</h2>" in html
    assert "<h2>Position of categories</h2>" not in html
    with pytest.raises(ValueError, match="no variable has a category that was chosen"):
        client.position_bias(L)
