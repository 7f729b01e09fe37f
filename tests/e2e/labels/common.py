"""Codebooks, photos and labellers of the tests of codebook labels."""

from pathlib import Path

import httpx

from tests.e2e import harness
from tests.label_stub import KEY, Stub, write_labellers, write_private

PHOTOS = harness.ROOT / "examples" / "photos"
CODED = harness.ROOT / "examples" / "coded"
PEOPLE = {"variables": [{"name": "people", "kind": "binary", "question": "Are people visible?"}]}
ALL_KINDS = {
    "title": "Scenes",
    "instructions": "Code what is visible.",
    "variables": [
        {"name": "people", "kind": "binary"},
        {
            "name": "scene",
            "kind": "categorical",
            "categories": [{"name": "street", "definition": "A road."}, {"name": "café «ü»"}, {"name": "sky"}],
            "cannot_tell": False,
        },
        {
            "name": "topics",
            "kind": "categorical",
            "multiple": True,
            "categories": [{"name": "animal"}, {"name": "drink"}, {"name": "vehicle"}],
        },
        {"name": "size", "kind": "ordinal", "categories": [{"name": "small"}, {"name": "middle"}, {"name": "large"}]},
        {"name": "share", "kind": "continuous", "low": 0, "high": 10},
        {"name": "words", "kind": "text"},
    ],
}


def settings(folder: Path, stub: Stub) -> dict[str, str]:
    """Settings of a server with labellers."""
    write_private(folder / "key", KEY)
    shared = {"key_file": str(folder / "key"), "tries": 2, "longest_wait": 0.05}
    labellers = {
        "qwen": stub.labeller(**shared, input_price=2.0, output_price=10.0),
        "gemma": stub.labeller(model="gemma", structured="none", **shared),
        "sure": stub.labeller(model="sure", logprobs=True, **shared),
        "texts": stub.labeller(model="texts", structured="json_object", example_pictures=False, **shared),
    }
    return {
        "DAGUERRE_LABELLERS": str(write_labellers(folder, labellers)),
        "BENTOML_HOME": str(folder / "bentoml"),
    }


def post(http: httpx.Client, codebook=PEOPLE, input=None, path: str = "/v1/labels", **fields) -> httpx.Response:
    items = [{"text": "a crowd"}] if input is None else input
    return http.post(path, json={"codebook": codebook, "input": items, **fields})
